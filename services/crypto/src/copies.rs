//! Copies of the key tables in a second place: losing keys is losing recordings.
//!
//! A copy opens while the epochs live under which it was made, and what was removed before it was made is not in it.
//! So the turn asks for one that has everything under the epoch that stays, and for proof that it reads, before it
//! destroys the key of the one that ends.

pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{ErrorCode, ServiceError, Timestamp, chain};
use platform::Task;
use tracing::warn;

pub use sqlite::SqliteCopies;

/// No copy was made, or none that can be relied on.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act}")]
pub struct CopyError {
    act: &'static str,
    code: ErrorCode,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl CopyError {
    /// What was attempted, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        code: ErrorCode,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { act, code, source: source.into() }
    }
}

impl ServiceError for CopyError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// Where the key tables are copied to.
#[async_trait]
pub trait KeyCopies: Send + Sync + 'static {
    /// Makes a complete copy and reads it back; durable when it answers, with the moment it was made in domain time.
    async fn copy(&self) -> Result<Timestamp, CopyError>;
    /// Makes a copy where the tables have been written to since the last one that this process made.
    async fn keep_up(&self) -> Result<(), CopyError>;
    /// When the newest copy that is there was made.
    async fn newest(&self) -> Result<Option<Timestamp>, CopyError>;
    /// Where they are, for people; nothing where none are made.
    fn place(&self) -> Option<String>;
}

/// Keeps copies as young as `every`, in machine time.
pub(crate) fn task(copies: Arc<dyn KeyCopies>, every: Duration) -> Task {
    Task::new("crypto-copies", move |shutdown| async move {
        while copies.place().is_some() {
            tokio::select! {
                () = shutdown.draining() => break,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(error) = copies.keep_up().await {
                warn!(error = chain(&error), "the key tables are not copied: one disk holds what is new");
            }
        }
        Ok(())
    })
}

/// None are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCopies;

#[async_trait]
impl KeyCopies for NoCopies {
    async fn copy(&self) -> Result<Timestamp, CopyError> {
        let why = "no place for copies is configured";
        Err(CopyError::new("copy the key tables", ErrorCode::FailedPrecondition, why))
    }

    async fn keep_up(&self) -> Result<(), CopyError> {
        Ok(())
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CopyError> {
        Ok(None)
    }

    fn place(&self) -> Option<String> {
        None
    }
}
