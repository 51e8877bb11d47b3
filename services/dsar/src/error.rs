//! What can go wrong with a request, and how a caller is told.

use kernel::{ErrorCode, Retry, ServiceError, chain};
use platform::error::{error_code, reason, refusal, status};
use platform::policies::PolicyBookError;
use policy::deadline::DeadlineError;
use policy::request::Refused;
use tonic::Status;

use crate::store::StoreError;

/// Why dsar did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lifecycle does not allow it.
    #[error(transparent)]
    Lifecycle(#[from] Refused),
    /// A clock that cannot be.
    #[error(transparent)]
    Deadline(#[from] DeadlineError),
    /// A policy that cannot be had.
    #[error(transparent)]
    Policy(#[from] PolicyBookError),
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
    /// What is stored cannot be.
    #[error("dsar's store has {0}")]
    Damaged(&'static str),
    /// Decisions were made by rules that this program does not have.
    #[error("the plan was made by ruleset {ruleset}, which this program does not have")]
    OtherRuleset {
        /// Which.
        ruleset: u32,
    },
    /// The request is wrong in itself.
    #[error("{what} {problem}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// What is wrong with it; never repeats a sender's text.
        problem: String,
    },
    /// No such thing of this tenant.
    #[error("there is no {what} {id}")]
    Unknown {
        /// What was meant.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The state does not allow it.
    #[error("{why}")]
    Refused {
        /// The word that programs go by.
        word: &'static str,
        /// In words.
        why: String,
    },
    /// More than can be done at once.
    #[error("{what}: at most {bound}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many may be.
        bound: u64,
    },
    /// Another changed it at the same moment, again and again.
    #[error("{0} is being changed by others")]
    Contended(&'static str),
}

impl Error {
    /// A field that is wrong.
    pub fn invalid(what: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { what, problem: problem.into() }
    }

    /// A state that does not allow what was asked.
    pub fn refused(word: &'static str, why: impl Into<String>) -> Self {
        Self::Refused { word, why: why.into() }
    }

    /// A peer that refused or did not answer.
    pub fn peer(peer: &'static str, attempt: &'static str) -> impl FnOnce(Status) -> Self {
        move |source| Self::Peer { peer, attempt, source: Box::new(source) }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Lifecycle(error) => error.code(),
            Self::Deadline(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Peer { source, .. } => error_code(source.code()).unwrap_or(ErrorCode::Internal),
            Self::Answer { .. } => ErrorCode::Internal,
            Self::Damaged(_) => ErrorCode::DataLoss,
            Self::OtherRuleset { .. } | Self::Refused { .. } => ErrorCode::FailedPrecondition,
            Self::Invalid { .. } => ErrorCode::InvalidArgument,
            Self::Unknown { .. } => ErrorCode::NotFound,
            Self::TooMany { .. } => ErrorCode::ResourceExhausted,
            Self::Contended(_) => ErrorCode::Aborted,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Contended(_) => Retry::Backoff,
            _ => match self.code() {
                ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => Retry::Backoff,
                _ => Retry::No,
            },
        }
    }
}

/// The one way from an error to a status: with its word where it has one.
pub(crate) fn told(error: &Error) -> Status {
    match error {
        Error::Refused { word, .. } => refusal(error.code(), word, error.to_string()),
        Error::Lifecycle(refused) => refusal(error.code(), refused.reason(), chain(refused)),
        // What a peer refused for its own reason is passed on by its word.
        Error::Peer { source, .. } if error.code() == ErrorCode::FailedPrecondition => {
            refusal(error.code(), reason(source), error.to_string())
        }
        _ => status(error),
    }
}
