//! What can go wrong with a SQLite file.

use std::path::PathBuf;
use std::sync::Arc;

use kernel::{ErrorCode, Retry, ServiceError};
use rusqlite::ErrorCode as Sqlite;

/// Why a file was not opened, read or written. Cheap to clone: callers whose writes shared a commit share it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or made.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A newer release has written the file.
    #[error("the tables of {component} have version {found}, this release knows {known}")]
    NewerSchema {
        /// Whose tables.
        component: &'static str,
        /// The file's version.
        found: usize,
        /// The version known here.
        known: usize,
    },
    /// A migration that was already applied reads differently now.
    #[error("migration {number} of {component} is not the one that was applied")]
    MigrationChanged {
        /// Whose tables.
        component: &'static str,
        /// Which step, from 1.
        number: usize,
    },
    /// A migration failed; the file is as before.
    #[error("migration {number} of {component} failed")]
    Migration {
        /// Whose tables.
        component: &'static str,
        /// Which step, from 1.
        number: usize,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// No space left on the disk, or the file has reached its configured size. Nothing was kept.
    #[error("no space left")]
    Full(#[source] Arc<rusqlite::Error>),
    /// The disk failed. Whether the write was kept shows only by reading again.
    #[error("the disk failed")]
    Io(#[source] Arc<rusqlite::Error>),
    /// Another process held the file for longer than the busy timeout.
    #[error("the file is held by another process")]
    Busy(#[source] Arc<rusqlite::Error>),
    /// The file's bytes are not what was written.
    #[error("the file is damaged")]
    Damaged(#[source] Arc<rusqlite::Error>),
    /// A row would break a uniqueness, reference or check of its table.
    #[error("a constraint refused the row")]
    Constraint(#[source] Arc<rusqlite::Error>),
    /// Any other refusal by SQLite: a fault of ours.
    #[error("a statement failed")]
    Statement(#[source] Arc<rusqlite::Error>),
    /// A stored value that cannot be what the code wrote.
    #[error("{table} holds {what} that cannot be")]
    Row {
        /// The table.
        table: &'static str,
        /// Which value.
        what: &'static str,
    },
    /// A value that is not to be stored.
    #[error("{what} is {found}, more than the bound of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Another write of the same commit met a full or failing disk, and all of them were undone.
    #[error("undone with another write of the same commit")]
    Undone,
    /// The caller's closure panicked; its write is undone.
    #[error("a closure panicked")]
    Panicked,
    /// The file was closed.
    #[error("the file is closed")]
    Closed,
}

impl Error {
    /// Whether a row exists already.
    pub fn is_duplicate(&self) -> bool {
        let Self::Constraint(source) = self else { return false };
        let Some(failure) = source.sqlite_error() else { return false };
        let codes = [rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE, rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
        codes.contains(&failure.extended_code)
    }

    /// Whether the connection should be opened afresh before it is used again.
    pub(crate) fn is_disk_failure(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Damaged(_) | Self::Undone)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        let code = source.sqlite_error_code();
        let source = Arc::new(source);
        match code {
            Some(Sqlite::DiskFull) => Self::Full(source),
            Some(Sqlite::SystemIoFailure | Sqlite::CannotOpen | Sqlite::ReadOnly) => Self::Io(source),
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => Self::Busy(source),
            Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => Self::Damaged(source),
            Some(Sqlite::ConstraintViolation) => Self::Constraint(source),
            Some(_) | None => Self::Statement(source),
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NewerSchema { .. } | Self::MigrationChanged { .. } => ErrorCode::FailedPrecondition,
            Self::Full(_) => ErrorCode::ResourceExhausted,
            Self::Open { .. } | Self::Io(_) | Self::Busy(_) | Self::Undone | Self::Closed => {
                ErrorCode::Unavailable
            }
            Self::Damaged(_) | Self::Row { .. } => ErrorCode::DataLoss,
            Self::TooLarge { .. } => ErrorCode::InvalidArgument,
            Self::Constraint(_) | Self::Migration { .. } | Self::Statement(_) | Self::Panicked => {
                ErrorCode::Internal
            }
        }
    }

    fn retry(&self) -> Retry {
        match self.code() {
            ErrorCode::Unavailable | ErrorCode::ResourceExhausted => Retry::Backoff,
            _ => Retry::No,
        }
    }
}
