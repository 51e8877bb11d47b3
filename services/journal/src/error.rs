//! What the journal did not do, on which record or act.

use kernel::{ErrorCode, EventId, Retry, ServiceError};
use objects::Key;

use crate::record::RecordError;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store, the prefix or the horizon does not do for a journal.
    #[error("no journal can be kept: {0}")]
    Unfit(&'static str),
    /// Something else lies among the records.
    #[error("object {key} lies in the journal and is no record")]
    NotARecord {
        /// What.
        key: Key,
    },
    /// More acts than one call takes.
    #[error("number of acts is {found}, more than the bound of {limit}")]
    TooManyActs {
        /// How many came.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// An act that no record can hold.
    #[error("act {act} {problem}")]
    Refused {
        /// Which.
        act: EventId,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another act stands under this id.
    #[error("act {act} is another one in record {number}")]
    Conflict {
        /// Which.
        act: EventId,
        /// Where the other stands.
        number: u64,
    },
    /// Other writers took every number that was tried; the act may be tried again.
    #[error("act {act} got no number in {tries} tries")]
    Contended {
        /// Which.
        act: EventId,
        /// How often it was tried.
        tries: u32,
    },
    /// The records cannot be listed.
    #[error("the journal cannot be listed")]
    List(#[source] objects::Error),
    /// A record cannot be read.
    #[error("record {number} of the journal cannot be read")]
    Get {
        /// Which.
        number: u64,
        /// Why.
        #[source]
        source: objects::Error,
    },
    /// A record cannot be written, and was not found written.
    #[error("record {number} of the journal cannot be written")]
    Put {
        /// Which.
        number: u64,
        /// Why.
        #[source]
        source: objects::Error,
    },
    /// The sequence is not what was written.
    #[error("the journal is broken at record {number}")]
    Broken {
        /// Where it shows. A replaced record shows at the one after it.
        number: u64,
        /// How.
        #[source]
        source: Break,
    },
    /// The store misses records that have run out: it was restored from before the horizon.
    #[error("position {position} is too old for the journal, which begins with record {floor}")]
    TooOld {
        /// The last record that the store has.
        position: u64,
        /// The first that is still there.
        floor: u64,
    },
    /// The store has records that the journal has not: this is another journal, or one that lost its end.
    #[error("position {position} is ahead of the journal, which ends with record {tail}")]
    Ahead {
        /// The last record that the store has.
        position: u64,
        /// The last of the journal.
        tail: u64,
    },
}

/// How a sequence is not what was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Break {
    /// Later records are there.
    #[error("it is missing")]
    Missing,
    /// Of no length that a record can have.
    #[error("it is empty or longer than any record")]
    Length,
    /// The store gives other bytes than were put.
    #[error("its SHA-256 is not that of what was put")]
    Damaged,
    /// The bytes are no record.
    #[error("it cannot be read")]
    Malformed(#[source] RecordError),
    /// It is another record.
    #[error("it says that it is record {0}")]
    Misplaced(u64),
    /// It was written behind other bytes than the record before it has: one of the two was replaced.
    #[error("it does not follow from the record before it")]
    Unlinked,
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unfit(_) | Self::NotARecord { .. } | Self::TooOld { .. } => ErrorCode::FailedPrecondition,
            Self::TooManyActs { .. } | Self::Refused { .. } => ErrorCode::InvalidArgument,
            Self::Conflict { .. } => ErrorCode::AlreadyExists,
            Self::Contended { .. } => ErrorCode::Aborted,
            // Where a number is taken and yet nothing stands there, the store contradicts itself for now.
            Self::Put { source: objects::Error::AlreadyExists { .. }, .. } => ErrorCode::Unavailable,
            Self::List(source) | Self::Get { source, .. } | Self::Put { source, .. } => source.code(),
            Self::Broken { .. } | Self::Ahead { .. } => ErrorCode::DataLoss,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Contended { .. } | Self::Put { source: objects::Error::AlreadyExists { .. }, .. } => {
                Retry::Backoff
            }
            Self::List(source) | Self::Get { source, .. } | Self::Put { source, .. } => source.retry(),
            Self::Unfit(_)
            | Self::NotARecord { .. }
            | Self::TooManyActs { .. }
            | Self::Refused { .. }
            | Self::Conflict { .. }
            | Self::Broken { .. }
            | Self::TooOld { .. }
            | Self::Ahead { .. } => Retry::No,
        }
    }
}
