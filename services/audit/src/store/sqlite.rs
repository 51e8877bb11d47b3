//! The index in one SQLite file of the data directory. Read `schema` for the tables, `write` and `read` after.

mod read;
mod schema;
mod write;

use std::collections::BTreeSet;
use std::path::Path;

use ::sqlite::{Component, Db, Error, Options};
use async_trait::async_trait;
use kernel::{EventId, ServiceError, TenantId};
use merkle::{Hash, TreeHead};

use super::{Batch, Claim, Committed, Filter, Head, LedgerStore, Producer, RootRow, Row, StoreError};
use crate::name::{Incarnation, LogName};

const COMPONENTS: &[Component] = &[schema::COMPONENT];

/// The ledger's index in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore(Db);

impl SqliteStore {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let opened = Db::open(path, options, COMPONENTS).await;
        Ok(Self(opened.map_err(failed("open the file"))?))
    }

    /// The file, for drills that look at or change what is stored.
    pub fn db(&self) -> &Db {
        &self.0
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn incarnation(&self) -> Result<Option<Incarnation>, StoreError> {
        self.0.read(read::incarnation).await.map_err(failed("read the incarnation"))
    }

    async fn begin(&self, incarnation: Incarnation) -> Result<Incarnation, StoreError> {
        self.0.write(move |tx| write::begin(tx, incarnation)).await.map_err(failed("begin an incarnation"))
    }

    async fn claim(&self, log: LogName) -> Result<Claim, StoreError> {
        self.0.write(move |tx| write::claim(tx, log)).await.map_err(failed("claim a log"))
    }

    async fn heads(&self) -> Result<Vec<(LogName, Head)>, StoreError> {
        self.0.read(read::heads).await.map_err(failed("read the heads"))
    }

    async fn stage(&self, batch: &Batch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.0.write(move |tx| write::stage(tx, &batch)).await.map_err(failed("stage a batch"))
    }

    async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        let batch = Batch { rows: Vec::new(), ..batch.clone() };
        self.0.write(move |tx| write::commit(tx, &batch)).await.map_err(failed("commit a batch"))
    }

    async fn commit_root(&self, leaf: &RootRow) -> Result<Committed, StoreError> {
        let leaf = leaf.clone();
        self.0.write(move |tx| write::commit_root(tx, &leaf)).await.map_err(failed("commit a root"))
    }

    async fn mark_published(&self, log: LogName, tree: TreeHead) -> Result<(), StoreError> {
        let marked = self.0.write(move |tx| write::mark_published(tx, log, tree));
        marked.await.map_err(failed("mark a log as published"))
    }

    async fn mark_stored(&self, partition: u32, below: u64) -> Result<(), StoreError> {
        let marked = self.0.write(move |tx| write::mark_stored(tx, partition, below));
        marked.await.map_err(failed("mark entries as stored"))
    }

    async fn known(&self, partition: u32, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError> {
        let events = events.to_vec();
        let read = self.0.read(move |c| read::known(c, partition, &events));
        read.await.map_err(failed("look for known events"))
    }

    async fn producers(&self, partition: u32) -> Result<Vec<Producer>, StoreError> {
        let read = self.0.read(move |c| read::producers(c, partition));
        read.await.map_err(failed("read the producers"))
    }

    async fn rows(&self, partition: u32, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let read = self.0.read(move |c| read::rows(c, partition, from, limit));
        read.await.map_err(failed("read entries"))
    }

    async fn hashes(&self, log: LogName, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError> {
        let read = self.0.read(move |c| read::hashes(c, log, from, limit));
        read.await.map_err(failed("read leaves"))
    }

    async fn root_rows(&self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let read = self.0.read(move |c| read::root_rows(c, from, limit));
        read.await.map_err(failed("read the root log"))
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<Row>, StoreError> {
        let filter = filter.clone();
        self.0.read(move |c| read::find(c, &filter)).await.map_err(failed("look for entries"))
    }

    async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, StoreError> {
        let tenant = tenant.clone();
        let read = self.0.read(move |c| read::entry(c, &tenant, event));
        read.await.map_err(failed("read an entry"))
    }
}

#[cfg(test)]
mod tests;
