//! How a restored store catches up: everything that it misses, in order, before it is ready.
//!
//! A store keeps its position, the number of the last record that it has applied or needs not apply, beside its rows,
//! so that a backup has it as it was when those rows were. What was applied and not yet saved comes again after a
//! crash, so applying is idempotent by act id and by the aggregate's version. Applying starts nothing: an erasure
//! that was intended is noted, and its saga resumes with its guards once the store is ready.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kernel::{ErrorCode, Retry, ServiceError};

use crate::error::Error;
use crate::journal::{Journal, MAX_READ};
use crate::record::{Kind, Record};

/// Records between two savings of a position.
const BATCH: usize = 256;

const _: () = assert!(BATCH <= MAX_READ);

/// A role's store, as far as the journal is applied to it.
#[async_trait]
pub trait Applied: Send + Sync {
    /// The number of the last record that it is through with; 0 before the first.
    async fn position(&self) -> Result<u64, StoreError>;

    /// Does what a record says, unless it is done. The same record may come again.
    async fn apply(&self, record: &Record) -> Result<Outcome, StoreError>;

    /// It is through with everything up to here: durable when this returns, and not before what was applied is.
    async fn save(&self, position: u64) -> Result<(), StoreError>;
}

/// What became of a record in a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The store missed it and has done it now.
    Applied,
    /// The store has it, or something later of the same aggregate.
    Known,
    /// It is another role's, or about what this store does not have.
    NotOurs,
}

/// A store did not do its part.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot {act}")]
pub struct StoreError {
    act: &'static str,
    code: ErrorCode,
    retry: Retry,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// What was attempted, and why it failed.
    pub fn new(act: &'static str, source: impl ServiceError) -> Self {
        Self { act, code: source.code(), retry: source.retry(), source: Box::new(source) }
    }
}

impl ServiceError for StoreError {
    fn code(&self) -> ErrorCode {
        self.code
    }
    fn retry(&self) -> Retry {
        self.retry
    }
}

/// Why a store did not catch up. What was applied stays so; the next try goes on from the position last saved.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The journal cannot be read, or does not fit the store.
    #[error(transparent)]
    Journal(#[from] Error),
    /// The store does not say where it stands.
    #[error("the position of a store in the journal is not known")]
    Position(#[source] StoreError),
    /// The store does not take a record.
    #[error("record {number} of the journal is not applied")]
    Apply {
        /// Which.
        number: u64,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The store does not keep where it stands.
    #[error("position {position} in the journal is not saved")]
    Save {
        /// Which.
        position: u64,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl ServiceError for CatchUpError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Journal(error) => error.code(),
            Self::Position(source) | Self::Apply { source, .. } | Self::Save { source, .. } => source.code(),
        }
    }
    fn retry(&self) -> Retry {
        match self {
            Self::Journal(error) => error.retry(),
            Self::Position(source) | Self::Apply { source, .. } | Self::Save { source, .. } => source.retry(),
        }
    }
}

/// What a store caught up with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Where it stood.
    pub from: u64,
    /// Where it stands.
    pub to: u64,
    /// How many records of each kind it missed.
    pub applied: BTreeMap<Kind, u64>,
    /// How many it had. The others were not its own.
    pub known: BTreeMap<Kind, u64>,
}

/// Applies what a store misses, to the journal's end, a bounded batch at a time. An older store than the journal
/// reaches back to is refused with [`Error::TooOld`], a newer one than the journal with [`Error::Ahead`].
pub async fn catch_up(journal: &Journal, applied: &dyn Applied) -> Result<Report, CatchUpError> {
    let from = applied.position().await.map_err(CatchUpError::Position)?;
    let mut report = Report { from, to: from, applied: BTreeMap::new(), known: BTreeMap::new() };
    loop {
        let records = journal.read(report.to, BATCH).await?;
        for record in &records {
            let number = record.number;
            let outcome = applied.apply(record).await;
            let outcome = outcome.map_err(|source| CatchUpError::Apply { number, source })?;
            report.count(record.act.kind, outcome);
        }
        if let Some(last) = records.last() {
            let position = last.number;
            let saved = applied.save(position).await;
            saved.map_err(|source| CatchUpError::Save { position, source })?;
            report.to = position;
        }
        if records.len() < BATCH {
            return Ok(report);
        }
    }
}

impl Report {
    fn count(&mut self, kind: Kind, outcome: Outcome) {
        let counts = match outcome {
            Outcome::Applied => &mut self.applied,
            Outcome::Known => &mut self.known,
            Outcome::NotOurs => return,
        };
        *counts.entry(kind).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
