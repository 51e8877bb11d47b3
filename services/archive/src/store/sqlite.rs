//! The embedded adapter: one file of the data directory, typed tables, events in its outbox.
//!
//! Read `schema` for the tables, `write` for how facts become rows, `read` for the way back.

mod outgoing;
mod read;
mod row;
mod schema;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use ::sqlite::{Component, Db, Options, outbox};
use async_trait::async_trait;
use kernel::{Clock, ErasureId, Position, ServiceError, SpanNo, Timestamp};
use objects::Key;
use platform::Bell;
use seal::{Hash, SpanSet};

use super::{ErasureRow, Error, History, Query, Recording, Settlement, Store};
use crate::fact::{Fact, Gone, RecordingKey, SectionKey};

const COMPONENTS: &[Component] = &[schema::COMPONENT, outbox::COMPONENT];

/// Archive's store in one SQLite file; clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    bell: Bell,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self { db: Db::open(path, options, COMPONENTS).await?, bell: Bell::new(), clock })
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn record(&self, facts: Vec<Fact>) -> Result<(), Error> {
        if facts.is_empty() {
            return Ok(());
        }
        self.db.write(move |tx| facts.iter().try_for_each(|fact| write::fact(tx, fact))).await
    }

    async fn recording(&self, key: &RecordingKey) -> Result<Option<Recording>, Error> {
        let key = key.clone();
        self.db.read(move |connection| read::recording(connection, &key)).await
    }

    async fn history(&self, key: &RecordingKey) -> Result<Option<History>, Error> {
        let key = key.clone();
        self.db.read(move |connection| read::history(connection, &key)).await
    }

    async fn stored_spans(&self, key: &SectionKey) -> Result<SpanSet, Error> {
        let key = key.clone();
        self.db.read(move |connection| read::stored_spans(connection, &key)).await
    }

    async fn span_root(&self, key: &SectionKey, span: SpanNo) -> Result<Option<Hash>, Error> {
        let key = key.clone();
        self.db.read(move |connection| read::span_root(connection, &key, span)).await
    }

    async fn unsettled(
        &self,
        partition: u32,
        after: Option<&RecordingKey>,
        limit: usize,
    ) -> Result<Vec<Recording>, Error> {
        let after = after.cloned();
        self.db.read(move |connection| read::unsettled(connection, partition, after.as_ref(), limit)).await
    }

    async fn sealing(&self, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error> {
        let (key, cause) = (key.clone(), cause.to_owned());
        self.db.write(move |tx| write::sealing(tx, &key, &cause, end)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        self.db.write(move |tx| write::settle(tx, &settlement)).await?;
        self.bell.ring();
        Ok(())
    }

    async fn erasing(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        log_end: u64,
        gone: Vec<Gone>,
    ) -> Result<ErasureRow, Error> {
        let key = key.clone();
        self.db.write(move |tx| write::erasing(tx, &key, erasure, log_end, &gone)).await
    }

    async fn looked(&self, key: &RecordingKey, erasure: ErasureId, through: u32) -> Result<(), Error> {
        let key = key.clone();
        self.db.write(move |tx| write::looked(tx, &key, erasure, through)).await
    }

    async fn mark_deleted(&self, key: &RecordingKey, names: Vec<Key>, at: Timestamp) -> Result<(), Error> {
        let key = key.clone();
        self.db.write(move |tx| write::mark_deleted(tx, &key, &names, at)).await
    }

    async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error> {
        let query = query.clone();
        self.db.read(move |connection| read::list(connection, &query)).await
    }
}

impl From<::sqlite::Error> for Error {
    fn from(source: ::sqlite::Error) -> Self {
        Self::Engine { code: source.code(), retry: source.retry(), source: Box::new(source) }
    }
}

impl From<::sqlite::rusqlite::Error> for Error {
    fn from(source: ::sqlite::rusqlite::Error) -> Self {
        ::sqlite::Error::from(source).into()
    }
}
