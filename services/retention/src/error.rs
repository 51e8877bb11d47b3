//! What can go wrong in retention, and how a caller is told.

use kernel::{ErrorCode, Retry, ServiceError};
use platform::error::{error_code, reason, refusal, status};
use platform::instance::InstanceError;
use platform::policies::PolicyBookError;
use tonic::Status;

use crate::store::StoreError;

/// Why retention did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The restrictive journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The event log.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// A policy that cannot be had.
    #[error(transparent)]
    Policy(#[from] PolicyBookError),
    /// A receipt that cannot be written or read.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// A receipt that cannot be signed.
    #[error(transparent)]
    Instance(#[from] InstanceError),
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
        /// Its id or reference.
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
            Self::Journal(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Seal(_) => ErrorCode::DataLoss,
            Self::Instance(error) => error.code(),
            Self::Peer { source, .. } => error_code(source.code()).unwrap_or(ErrorCode::Internal),
            Self::Answer { .. } => ErrorCode::Internal,
            Self::Invalid { .. } => ErrorCode::InvalidArgument,
            Self::Unknown { .. } => ErrorCode::NotFound,
            Self::Refused { .. } => ErrorCode::FailedPrecondition,
            Self::Contended(_) => ErrorCode::Aborted,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Journal(error) => error.retry(),
            Self::Log(error) => error.retry(),
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

/// The one way from an error to a status: with its word where it has one.
pub(crate) fn told(error: &Error) -> Status {
    match error {
        Error::Refused { word, .. } => refusal(error.code(), word, error.to_string()),
        // What a peer refused for its own reason is passed on by its word.
        Error::Peer { source, .. } if error.code() == ErrorCode::FailedPrecondition => {
            refusal(error.code(), reason(source), error.to_string())
        }
        _ => status(error),
    }
}
