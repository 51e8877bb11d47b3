//! What can go wrong with an event log.

use kernel::{ErrorCode, Retry, ServiceError};

use crate::log::TopicPartition;

/// The cause below the port, whatever the adapter.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record, batch, header or name is beyond a bound; nothing was appended.
    #[error("{what} is {found}, more than the bound of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A name that the log cannot carry.
    #[error("{what} {reason}")]
    Invalid {
        /// What was refused.
        what: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The topic has no such partition.
    #[error("{at} does not exist: the topic has {partitions} partitions")]
    NoPartition {
        /// What was asked for.
        at: TopicPartition,
        /// How many there are.
        partitions: u32,
    },
    /// The topic exists with another number of partitions, which would send keys elsewhere.
    #[error("topic {topic} was created with {stored} partitions, not {asked}")]
    PartitionsChanged {
        /// The topic.
        topic: String,
        /// As created.
        stored: u32,
        /// As asked for now.
        asked: u32,
    },
    /// The topic exists, but not as this log may use it; its operator has to change it.
    #[error("topic {topic} cannot be used: {reason}")]
    Unsuited {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The offset was deleted.
    #[error("{at} begins at offset {low}: {asked} was deleted")]
    Gone {
        /// The partition.
        at: TopicPartition,
        /// What was asked for.
        asked: u64,
        /// The first offset still there.
        low: u64,
    },
    /// The offset is above the end.
    #[error("{at} ends at offset {high}, before {asked}")]
    BeyondEnd {
        /// The partition.
        at: TopicPartition,
        /// What was asked for.
        asked: u64,
        /// The offset that the next record gets.
        high: u64,
    },
    /// Another consumer holds the partition.
    #[error("{at} was taken over: fence {fence} no longer holds")]
    Fenced {
        /// The partition.
        at: TopicPartition,
        /// The fence that this consumer was given.
        fence: u64,
    },
    /// The consumer was never given the partition, or already gave it up.
    #[error("{at} is not assigned to this consumer")]
    NotAssigned {
        /// The partition.
        at: TopicPartition,
    },
    /// A commit beyond what the consumer was given.
    #[error("{at} was delivered up to offset {delivered}, before {asked}")]
    NotDelivered {
        /// The partition.
        at: TopicPartition,
        /// What was asked for.
        asked: u64,
        /// The next offset that the consumer will be given.
        delivered: u64,
    },
    /// No space left, on the disk or below the configured size.
    #[error("the log is full")]
    Full(#[source] Cause),
    /// The engine does not answer or cannot write.
    #[error("the log failed to {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// The engine's own error.
        #[source]
        source: Cause,
    },
    /// Stored bytes are not what was written.
    #[error("the log's stored bytes are damaged: {0}")]
    Damaged(String),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } | Self::Invalid { .. } | Self::NoPartition { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::PartitionsChanged { .. }
            | Self::Unsuited { .. }
            | Self::Gone { .. }
            | Self::BeyondEnd { .. }
            | Self::NotAssigned { .. }
            | Self::NotDelivered { .. } => ErrorCode::FailedPrecondition,
            Self::Fenced { .. } => ErrorCode::Aborted,
            Self::Full(_) => ErrorCode::ResourceExhausted,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
            Self::Damaged(_) => ErrorCode::DataLoss,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Full(_) | Self::Unavailable { .. } => Retry::Backoff,
            Self::TooLarge { .. }
            | Self::Invalid { .. }
            | Self::NoPartition { .. }
            | Self::PartitionsChanged { .. }
            | Self::Unsuited { .. }
            | Self::Gone { .. }
            | Self::BeyondEnd { .. }
            | Self::Fenced { .. }
            | Self::NotAssigned { .. }
            | Self::NotDelivered { .. }
            | Self::Damaged(_) => Retry::No,
        }
    }
}
