//! What the ledger did not do, on which log or entry; never with an entry's contents or a key in it.

use kernel::{ErrorCode, EventId, Retry, ServiceError, TenantId};

use crate::leaf::LeafError;
use crate::name::LogName;
use crate::store::StoreError;

/// Why a call or a writer failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The index failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store failed.
    #[error("the objects of log {log} cannot be used")]
    Objects {
        /// Which log.
        log: LogName,
        /// Why.
        #[source]
        source: objects::Error,
    },
    /// The restrictive journal does not say or take what was signed.
    #[error("the restrictive journal cannot be used for the ledger's roots")]
    Journal(#[from] journal::Error),
    /// What brings a root into the journal ended by itself.
    #[error("a root was not brought into the restrictive journal")]
    Unjournalled(#[source] tokio::task::JoinError),
    /// The topic failed.
    #[error("the audit topic cannot be used")]
    Log(#[from] eventlog::Error),
    /// crypto does not give a key or take a reason.
    #[error("crypto does not serve tenant {tenant}")]
    Keys {
        /// For whom.
        tenant: TenantId,
        /// What crypto said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// crypto gave something that is no key, or does not say the trust roots.
    #[error("crypto does not give {0}")]
    NoKeys(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The log's signing key has no certificate.
    #[error("checkpoints cannot be signed")]
    Signer(#[source] platform::instance::InstanceError),
    /// A checkpoint could not be made.
    #[error("the checkpoint of log {log} cannot be written")]
    Checkpoint {
        /// Which log.
        log: LogName,
        /// Why.
        #[source]
        source: merkle::CheckpointError,
    },
    /// An entry does not seal, or is not what its leaf says.
    #[error("entry {index} of log {log} cannot be opened")]
    Entry {
        /// Which log.
        log: LogName,
        /// Which entry.
        index: u64,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// An entry that came in cannot be sealed.
    #[error("event {event} cannot be sealed")]
    Unsealed {
        /// Which.
        event: EventId,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// Another writer has taken the log over.
    #[error("log {0} was taken over by another writer")]
    Fenced(LogName),
    /// What is stored does not agree with what was signed.
    #[error("log {log}: {problem}")]
    Damaged {
        /// Which log.
        log: LogName,
        /// What does not agree.
        problem: &'static str,
    },
    /// Leaves are to be committed where others were signed before.
    #[error("log {0} would become another one than was signed")]
    Diverged(LogName),
    /// The log would have more leaves than a log can.
    #[error("log {0} is full")]
    TreeFull(LogName),
    /// No entry with this id in the tenant's ledger.
    #[error("no entry {event} in the ledger of tenant {tenant}")]
    NoEntry {
        /// Whose ledger.
        tenant: TenantId,
        /// Which entry.
        event: EventId,
    },
    /// The entry is in its log, and no signed checkpoint has it yet.
    #[error("entry {event} is not under a signed checkpoint yet")]
    NotSigned {
        /// Which.
        event: EventId,
    },
    /// The writer has not begun a ledger.
    #[error("the ledger has not begun")]
    NotBegun,
    /// The request is wrong in itself.
    #[error("{field} {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Error {
    /// For `map_err` on what an object store did for a log.
    pub(crate) fn objects(log: LogName) -> impl Fn(objects::Error) -> Self {
        move |source| Self::Objects { log, source }
    }

    /// What is stored does not agree.
    pub(crate) fn damaged(log: LogName, problem: &'static str) -> Self {
        Self::Damaged { log, problem }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Objects { source, .. } => source.code(),
            Self::Log(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Unjournalled(_) => ErrorCode::Internal,
            Self::Keys { .. } | Self::NoKeys(..) | Self::Signer(_) => ErrorCode::Unavailable,
            Self::Checkpoint { .. } | Self::Unsealed { .. } => ErrorCode::Internal,
            Self::Entry { .. } | Self::Damaged { .. } | Self::Diverged(_) => ErrorCode::DataLoss,
            Self::Fenced(_) => ErrorCode::Aborted,
            Self::TreeFull(_) => ErrorCode::ResourceExhausted,
            Self::NoEntry { .. } => ErrorCode::NotFound,
            Self::NotSigned { .. } | Self::NotBegun => ErrorCode::Unavailable,
            Self::Invalid { .. } => ErrorCode::InvalidArgument,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Objects { source, .. } => source.retry(),
            Self::Log(error) => error.retry(),
            Self::Journal(error) => error.retry(),
            Self::Unjournalled(_)
            | Self::Keys { .. }
            | Self::NoKeys(..)
            | Self::Signer(_)
            | Self::NotSigned { .. }
            | Self::NotBegun => Retry::Backoff,
            Self::Checkpoint { .. }
            | Self::Unsealed { .. }
            | Self::Entry { .. }
            | Self::Damaged { .. }
            | Self::Diverged(_)
            | Self::Fenced(_)
            | Self::TreeFull(_)
            | Self::NoEntry { .. }
            | Self::Invalid { .. } => Retry::No,
        }
    }
}
