//! What can go wrong in ingest; never with a sender's text, a name or audio in it.

use std::time::Duration;

use kernel::{
    ErrorCode, FrameNo, InvalidId, LegNo, Position, RecordingId, Retry, ServiceError, SessionEpoch,
};

/// The cause below a port or behind a wire.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What a sender gave that is wrong in itself; names the place and the bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// A field that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An id or a name that is none. The problem is part of the text, since a sender hears no causes; so it is
    /// no cause as well, or a log would have it twice.
    #[error("{place}: {problem}")]
    Id {
        /// Which field.
        place: &'static str,
        /// What is wrong with it.
        problem: InvalidId,
    },
    /// A value that its field does not take.
    #[error("{place} {problem}")]
    Value {
        /// Which field.
        place: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More, or longer, than may be.
    #[error("{place} is {found}, the bound is {bound}")]
    Bound {
        /// Which field.
        place: &'static str,
        /// What was found.
        found: u64,
        /// The bound.
        bound: u64,
    },
    /// A time in the future.
    #[error("{place} is {ahead:?} ahead of this instance's clock, the bound is {bound:?}")]
    Ahead {
        /// Which field.
        place: &'static str,
        /// How far.
        ahead: Duration,
        /// The bound.
        bound: Duration,
    },
    /// A leg that `Open` did not name.
    #[error("leg {0} was not opened")]
    UnknownLeg(u32),
    /// A frame that lies before the one before it.
    #[error("leg {leg}: frame {frame} is at {position}, before {previous} of the frame before it")]
    Backwards {
        /// Its leg.
        leg: LegNo,
        /// Its number.
        frame: FrameNo,
        /// Where it would lie.
        position: Position,
        /// Where the frame before it lies.
        previous: Position,
    },
    /// A frame number that the window cannot reach.
    #[error("frame {frame} is more than {bound} ahead of {next}")]
    TooFarAhead {
        /// Its number.
        frame: FrameNo,
        /// The next one expected.
        next: FrameNo,
        /// The bound.
        bound: u64,
    },
    /// More frames than a second of audio may have.
    #[error("leg {leg}: more than {bound} frames in second {second}")]
    TooFast {
        /// The leg.
        leg: LegNo,
        /// Which second of the timeline.
        second: u64,
        /// The bound.
        bound: u32,
    },
    /// A call beyond the longest.
    #[error("leg {leg}: position {position} is beyond the bound of {bound} microseconds")]
    TooLong {
        /// The leg.
        leg: LegNo,
        /// Where the frame would lie.
        position: Position,
        /// The bound.
        bound: u64,
    },
    /// `Close` states fewer frames than came.
    #[error("leg {leg}: closed with {stated} frames after {seen} were seen")]
    FewerFrames {
        /// The leg.
        leg: LegNo,
        /// What `Close` says.
        stated: FrameNo,
        /// The number after the highest seen.
        seen: FrameNo,
    },
    /// Messages out of their order.
    #[error("{0}")]
    Order(&'static str),
}

/// Why ingest did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender's message is wrong in itself.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// No such session for this tenant.
    #[error("recording {0} has no session")]
    NoSession(RecordingId),
    /// A session epoch that is not above the stored one, or a writer that was overtaken.
    #[error("recording {recording}: session epoch {given} is not above the stored {stored}")]
    Overtaken {
        /// The recording.
        recording: RecordingId,
        /// What the sender or writer has.
        given: SessionEpoch,
        /// What the row has.
        stored: SessionEpoch,
    },
    /// The session takes nothing any more.
    #[error("recording {recording} takes no more audio: {reason}")]
    Over {
        /// The recording.
        recording: RecordingId,
        /// `ended`, `fenced`, `rejected`.
        reason: &'static str,
    },
    /// An `Open` that says something else than the stored session.
    #[error("recording {recording} was opened before with {what}")]
    Differs {
        /// The recording.
        recording: RecordingId,
        /// What differs.
        what: &'static str,
    },
    /// No epoch key that is valid now: nothing may be recorded, since nobody could ever open it.
    #[error("no valid epoch key for this tenant")]
    NoKey(#[source] Cause),
    /// Another role does not answer.
    #[error("{role} could not be asked to {attempt}")]
    Role {
        /// Which role.
        role: &'static str,
        /// What was asked.
        attempt: &'static str,
        /// Whether trying again can help.
        retry: Retry,
        /// Its answer.
        #[source]
        source: Cause,
    },
    /// The store does not answer or refuses.
    #[error("the session store failed to {attempt}")]
    Store {
        /// What was attempted.
        attempt: &'static str,
        /// What kind of failure it is.
        code: ErrorCode,
        /// The engine's own error.
        #[source]
        source: Cause,
    },
    /// Stored bytes are not what was written.
    #[error("the stored session of recording {recording} is damaged: {what}")]
    Damaged {
        /// The recording.
        recording: RecordingId,
        /// What does not fit.
        what: &'static str,
    },
    /// The event log refused for good.
    #[error("the event log refused the recording's events")]
    Log(#[from] eventlog::Error),
    /// A span could not be sealed.
    #[error("a span could not be sealed")]
    Seal(#[from] seal::Error),
    /// A stated number of sessions or events is reached.
    #[error("{what}: the bound of {bound} is reached")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// The bound.
        bound: u64,
    },
    /// A log that does not keep what `LOGGED` promises.
    #[error("the event log is weaker than LOGGED asks for, and the configuration does not accept that")]
    WeakLog,
    /// The instance is going away.
    #[error("this instance takes no new sessions: it is draining")]
    Draining,
    /// The stream that ran the session is ended, since the instance is going away.
    #[error("recording {0} goes on elsewhere, under a higher session epoch: this instance is draining")]
    Leaving(RecordingId),
    /// The stream that owns the session did not let go in time.
    #[error("recording {0} is still held by its earlier stream")]
    Held(RecordingId),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Input(_) => ErrorCode::InvalidArgument,
            Self::NoSession(_) => ErrorCode::NotFound,
            Self::Overtaken { .. } => ErrorCode::Aborted,
            Self::Over { .. } | Self::WeakLog => ErrorCode::FailedPrecondition,
            Self::Differs { .. } => ErrorCode::AlreadyExists,
            Self::NoKey(_) | Self::Role { .. } | Self::Draining | Self::Leaving(_) | Self::Held(_) => {
                ErrorCode::Unavailable
            }
            Self::Store { code, .. } => *code,
            Self::Damaged { .. } => ErrorCode::DataLoss,
            Self::Log(source) => source.code(),
            Self::Seal(_) => ErrorCode::Internal,
            Self::Full { .. } => ErrorCode::ResourceExhausted,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Role { retry, .. } => *retry,
            Self::Log(source) => source.retry(),
            // Each of its writes may be done twice, so that one whose end is not known is done again.
            Self::Store {
                code: ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::ResourceExhausted,
                ..
            }
            | Self::NoKey(_)
            | Self::Draining
            | Self::Leaving(_)
            | Self::Held(_) => Retry::Backoff,
            _ => Retry::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_slow_is_waited_for_like_one_that_is_away() {
        let check = |code, retry| {
            let error = Error::Store { attempt: "keep an event", code, source: "no answer".into() };
            assert_eq!(error.retry(), retry, "{code:?}");
        };
        check(ErrorCode::DeadlineExceeded, Retry::Backoff);
        check(ErrorCode::Unavailable, Retry::Backoff);
        check(ErrorCode::ResourceExhausted, Retry::Backoff);
        check(ErrorCode::Internal, Retry::No);
        check(ErrorCode::DataLoss, Retry::No);
    }
}
