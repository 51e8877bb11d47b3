//! What can go wrong in archive, and how a caller is told.

use kernel::{ErrorCode, RecordingId, Retry, ServiceError};
use platform::error::{error_code, reason, refusal, status};
use platform::instance::InstanceError;
use platform::policies::PolicyBookError;
use policy::regime::UnknownRegime;
use tonic::Status;

use crate::{store, wav};

/// Why archive did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The event log.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// Sealed bytes that are not what they should be.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// A document that cannot be signed.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// A policy that cannot be had.
    #[error(transparent)]
    Policy(#[from] PolicyBookError),
    /// A regime that this release does not know: nothing is stored without its lock.
    #[error("objects of recording {recording} cannot be locked")]
    Regime {
        /// The recording.
        recording: RecordingId,
        /// Why.
        #[source]
        source: UnknownRegime,
    },
    /// Another role refused or did not answer.
    #[error("{peer} did not {attempt}")]
    Peer {
        /// Which role.
        peer: &'static str,
        /// What was attempted.
        attempt: &'static str,
        /// What it said.
        #[source]
        source: Box<Status>,
    },
    /// Another role answered what cannot be.
    #[error("{peer} answered {what} that cannot be")]
    Answer {
        /// Which role.
        peer: &'static str,
        /// What.
        what: &'static str,
    },
    /// No such recording of this tenant.
    #[error("no recording {0}")]
    NotFound(RecordingId),
    /// The request is wrong in itself.
    #[error("{what} {problem}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// What is wrong with it; never repeats the value.
        problem: &'static str,
    },
    /// Nothing of the recording is signed before it is sealed: there is nothing to hold its objects against, and no
    /// addendum could follow.
    #[error("recording {0} is not sealed yet, and nothing of it is signed")]
    NotSealedYet(RecordingId),
    /// A purpose is said to have gone whole, and crypto opens something for it.
    #[error("a purpose that is to be gone still opens spans of recording {0}")]
    StillOpens(RecordingId),
    /// Nothing is stated about it any more, or never was anything to state it about.
    #[error("recording {recording} takes no statement: {reason}")]
    NotAnnotatable {
        /// The recording.
        recording: RecordingId,
        /// Why, as a code.
        reason: &'static str,
    },
    /// The request has come with another statement about it.
    #[error("the request has another statement about recording {0}")]
    OtherStatement(RecordingId),
    /// Others made its next documents again and again.
    #[error("the documents of recording {0} changed again and again")]
    Contended(RecordingId),
    /// The recording's state does not allow it.
    #[error("recording {recording} cannot be replayed: {reason}")]
    NotReplayable {
        /// The recording.
        recording: RecordingId,
        /// Why, as a code.
        reason: &'static str,
    },
    /// The purpose may open nothing of the recording.
    #[error("the purpose has no audio of recording {recording} to play: {reason}")]
    NoBasis {
        /// The recording.
        recording: RecordingId,
        /// Why, as a code: `withdrawn`, `no-basis` ...
        reason: String,
    },
    /// The legs cannot be one WAV.
    #[error("recording {recording} cannot be played as WAV")]
    Wav {
        /// The recording.
        recording: RecordingId,
        /// Why.
        #[source]
        source: wav::Refusal,
    },
    /// A stated bound is reached.
    #[error("{what} is at its bound of {bound}")]
    Busy {
        /// What.
        what: &'static str,
        /// The bound.
        bound: usize,
    },
    /// Stored bytes are neither what was written nor replaceable by it.
    #[error("document {name} of recording {recording} is not the one that belongs there")]
    Document {
        /// The recording.
        recording: RecordingId,
        /// The document's name.
        name: objects::Key,
    },
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(source) => source.code(),
            Self::Objects(source) => source.code(),
            Self::Log(source) => source.code(),
            Self::Seal(source) => source.code(),
            Self::Instance(source) => source.code(),
            Self::Policy(source) => source.code(),
            Self::Regime { .. } => ErrorCode::FailedPrecondition,
            Self::Peer { source, .. } => error_code(source.code()).unwrap_or(ErrorCode::Internal),
            Self::Answer { .. } => ErrorCode::Internal,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid { .. } => ErrorCode::InvalidArgument,
            Self::NotSealedYet(_)
            | Self::StillOpens(_)
            | Self::NotAnnotatable { .. }
            | Self::OtherStatement(_)
            | Self::NotReplayable { .. }
            | Self::Wav { .. } => ErrorCode::FailedPrecondition,
            Self::Contended(_) => ErrorCode::Aborted,
            Self::NoBasis { .. } => ErrorCode::PermissionDenied,
            Self::Busy { .. } => ErrorCode::ResourceExhausted,
            Self::Document { .. } => ErrorCode::DataLoss,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Objects(source) => source.retry(),
            Self::Log(source) => source.retry(),
            Self::Contended(_) => Retry::Backoff,
            _ => match self.code() {
                ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::ResourceExhausted => {
                    Retry::Backoff
                }
                _ => Retry::No,
            },
        }
    }
}

impl Error {
    /// Whether crypto knows of no such lease: it ran out, or another instance gave it.
    pub(crate) fn is_no_lease(&self) -> bool {
        matches!(self, Self::Peer { source, .. } if reason(source) == "lease-expired")
    }

    /// What the caller is told: the code and, in one word, why.
    pub fn to_status(&self) -> Status {
        match self {
            Self::NotSealedYet(_) => refusal(self.code(), "not-sealed-yet", self.to_string()),
            Self::StillOpens(_) => refusal(self.code(), "still-opens", self.to_string()),
            Self::NotAnnotatable { reason, .. } => refusal(self.code(), reason, self.to_string()),
            Self::OtherStatement(_) => refusal(self.code(), "other-statement", self.to_string()),
            Self::NotReplayable { reason, .. } => refusal(self.code(), reason, self.to_string()),
            Self::NoBasis { reason, .. } => refusal(self.code(), reason, self.to_string()),
            // A refusal by the gate is the answer, and its reason is the reader's to know.
            Self::Peer { source, .. } => match self.code() {
                ErrorCode::PermissionDenied | ErrorCode::FailedPrecondition | ErrorCode::Unauthenticated => {
                    refusal(self.code(), reason(source), self.to_string())
                }
                _ => status(self),
            },
            Self::Wav { source, .. } => refusal(self.code(), "not-wav", format!("{self}: {source}")),
            _ => status(self),
        }
    }
}
