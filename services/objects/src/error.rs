//! What can go wrong with an object store.

use kernel::{ErrorCode, Retry, ServiceError, Timestamp};

use crate::key::{InvalidKey, Key, Version};

/// The cause below the port, whatever the adapter.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key has a version and the put wanted none.
    #[error("object {key} already exists")]
    AlreadyExists {
        /// The key.
        key: Key,
    },
    /// No such key or version.
    #[error("object {key} does not exist{}", of_version(.version))]
    NotFound {
        /// The key.
        key: Key,
        /// The version, where one was asked for.
        version: Option<Version>,
    },
    /// Retention keeps it.
    #[error("object {key} is locked until {until}")]
    Locked {
        /// The key.
        key: Key,
        /// The lock's end.
        until: Timestamp,
    },
    /// A legal hold keeps it.
    #[error("object {key} is under a legal hold")]
    Held {
        /// The key.
        key: Key,
    },
    /// Retention is never shortened.
    #[error("object {key} is locked until {until}, which is later")]
    WouldShorten {
        /// The key.
        key: Key,
        /// The lock's end as it is.
        until: Timestamp,
    },
    /// A lock that would have ended already.
    #[error("object {key} cannot be locked until {until}, which has passed")]
    RetentionPassed {
        /// The key.
        key: Key,
        /// The end that was asked for.
        until: Timestamp,
    },
    /// A range that is empty or begins after the end.
    #[error("object {key} has {length} bytes, the range lies outside")]
    RangeOutside {
        /// The key.
        key: Key,
        /// The object's length.
        length: u64,
    },
    /// Beyond a bound.
    #[error("{what} is {found}, more than the bound of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A key, prefix or version that cannot be.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// The stored bytes or what is kept about them are not what was put.
    #[error("object {key} is damaged: {reason}")]
    Damaged {
        /// The key.
        key: Key,
        /// What does not fit.
        reason: &'static str,
    },
    /// No space left.
    #[error("no space left to {attempt}")]
    Full {
        /// What was attempted.
        attempt: &'static str,
        /// The system's own error.
        #[source]
        source: Cause,
    },
    /// The store does not answer or cannot write.
    #[error("the object store failed to {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// The system's own error.
        #[source]
        source: Cause,
    },
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Locked { .. } | Self::Held { .. } | Self::WouldShorten { .. } => {
                ErrorCode::FailedPrecondition
            }
            Self::RetentionPassed { .. }
            | Self::RangeOutside { .. }
            | Self::TooLarge { .. }
            | Self::InvalidKey(_) => ErrorCode::InvalidArgument,
            Self::Damaged { .. } => ErrorCode::DataLoss,
            Self::Full { .. } => ErrorCode::ResourceExhausted,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Full { .. } | Self::Unavailable { .. } => Retry::Backoff,
            Self::AlreadyExists { .. }
            | Self::NotFound { .. }
            | Self::Locked { .. }
            | Self::Held { .. }
            | Self::WouldShorten { .. }
            | Self::RetentionPassed { .. }
            | Self::RangeOutside { .. }
            | Self::TooLarge { .. }
            | Self::InvalidKey(_)
            | Self::Damaged { .. } => Retry::No,
        }
    }
}

fn of_version(version: &Option<Version>) -> String {
    version.as_ref().map(|version| format!(" in version {version}")).unwrap_or_default()
}
