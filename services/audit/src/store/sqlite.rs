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

use super::{
    Batch, Begun, Claim, Committed, Filter, Generation, Head, LedgerStore, LogId, Part, Producer, RootRow,
    Row, StoreError,
};

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
    async fn incarnations(&self) -> Result<Vec<Begun>, StoreError> {
        self.0.read(read::incarnations).await.map_err(failed("read the incarnations"))
    }

    async fn begin(&self, begun: &Begun) -> Result<Begun, StoreError> {
        let begun = begun.clone();
        self.0.write(move |tx| write::begin(tx, &begun)).await.map_err(failed("begin an incarnation"))
    }

    async fn claim(&self, log: LogId) -> Result<Claim, StoreError> {
        self.0.write(move |tx| write::claim(tx, log)).await.map_err(failed("claim a log"))
    }

    async fn heads(&self) -> Result<Vec<(LogId, Head)>, StoreError> {
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

    async fn rewind(&self, part: Part, fence: u64, next_offset: u64) -> Result<Committed, StoreError> {
        let moved = self.0.write(move |tx| write::rewind(tx, part, fence, next_offset));
        moved.await.map_err(failed("move a log's offset"))
    }

    async fn mark_published(&self, log: LogId, tree: TreeHead) -> Result<(), StoreError> {
        let marked = self.0.write(move |tx| write::mark_published(tx, log, tree));
        marked.await.map_err(failed("mark a log as published"))
    }

    async fn mark_stored(&self, part: Part, below: u64) -> Result<(), StoreError> {
        let marked = self.0.write(move |tx| write::mark_stored(tx, part, below));
        marked.await.map_err(failed("mark entries as stored"))
    }

    async fn known(&self, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError> {
        let events = events.to_vec();
        let read = self.0.read(move |c| read::known(c, part, &events));
        read.await.map_err(failed("look for known events"))
    }

    async fn producers(&self, part: Part) -> Result<Vec<Producer>, StoreError> {
        let read = self.0.read(move |c| read::producers(c, part));
        read.await.map_err(failed("read the producers"))
    }

    async fn rows(&self, part: Part, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let read = self.0.read(move |c| read::rows(c, part, from, limit));
        read.await.map_err(failed("read entries"))
    }

    async fn hashes(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError> {
        let read = self.0.read(move |c| read::hashes(c, log, from, limit));
        read.await.map_err(failed("read leaves"))
    }

    async fn root_rows(&self, of: Generation, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let read = self.0.read(move |c| read::root_rows(c, of, from, limit));
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
