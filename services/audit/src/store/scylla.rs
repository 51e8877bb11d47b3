//! The index in a CQL cluster. Read `schema` for the tables, `visible` for what makes a row part of the log, then
//! `head`, `stage`, `read` and `find`.

mod find;
mod head;
mod places;
mod read;
mod rows;
mod schema;
mod stage;
mod statements;
mod visible;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cql::{Component, Cql, Error};
use kernel::{EventId, ServiceError, TenantId};
use merkle::{Hash, TreeHead};

use super::{
    Batch, Begun, Claim, Committed, Filter, Generation, Head, LedgerStore, LogId, Part, Producer, RootRow,
    Row, StoreError,
};
use stage::Pointed;
use statements::Statements;

/// The index's tables, for `verbale migrate`.
pub const COMPONENTS: &[Component] = &[schema::COMPONENT];

/// The ledger's index in a CQL cluster.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Inner>);

struct Inner {
    cql: Cql,
    statements: Statements,
    pointed: Pointed,
}

impl ScyllaStore {
    /// Prepares what the index asks; its tables must be there.
    pub async fn open(cql: Cql) -> Result<Self, StoreError> {
        let statements = Statements::prepare(&cql).await.map_err(failed("prepare its statements"))?;
        Ok(Self(Arc::new(Inner { cql, statements, pointed: Pointed::default() })))
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl LedgerStore for ScyllaStore {
    async fn incarnations(&self) -> Result<Vec<Begun>, StoreError> {
        self.0.incarnations().await.map_err(failed("read the incarnations"))
    }

    async fn begin(&self, begun: &Begun) -> Result<Begun, StoreError> {
        self.0.begin(begun).await.map_err(failed("begin an incarnation"))
    }

    async fn claim(&self, log: LogId) -> Result<Claim, StoreError> {
        self.0.claim(log).await.map_err(failed("claim a log"))
    }

    async fn heads(&self) -> Result<Vec<(LogId, Head)>, StoreError> {
        self.0.heads().await.map_err(failed("read the heads"))
    }

    async fn stage(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.stage(batch).await.map_err(failed("stage a batch"))
    }

    async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        self.0.commit(batch).await.map_err(failed("commit a batch"))
    }

    async fn commit_root(&self, leaf: &RootRow) -> Result<Committed, StoreError> {
        self.0.commit_root(leaf).await.map_err(failed("commit a root"))
    }

    async fn rewind(&self, part: Part, fence: u64, next_offset: u64) -> Result<Committed, StoreError> {
        self.0.rewind(part, fence, next_offset).await.map_err(failed("move a log's offset"))
    }

    async fn mark_published(&self, log: LogId, tree: TreeHead) -> Result<(), StoreError> {
        self.0.mark_published(log, tree).await.map_err(failed("mark a log as published"))
    }

    async fn mark_stored(&self, part: Part, below: u64) -> Result<(), StoreError> {
        self.0.mark_stored(part, below).await.map_err(failed("mark entries as stored"))
    }

    async fn known(&self, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError> {
        self.0.known(part, events).await.map_err(failed("look for known events"))
    }

    async fn producers(&self, part: Part) -> Result<Vec<Producer>, StoreError> {
        self.0.producers(part).await.map_err(failed("read the producers"))
    }

    async fn rows(&self, part: Part, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.0.rows(part, from, limit).await.map_err(failed("read entries"))
    }

    async fn hashes(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError> {
        self.0.hashes(log, from, limit).await.map_err(failed("read leaves"))
    }

    async fn root_rows(&self, of: Generation, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.root_rows(of, from, limit).await.map_err(failed("read the root log"))
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<Row>, StoreError> {
        self.0.find(filter).await.map_err(failed("look for entries"))
    }

    async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, StoreError> {
        self.0.entry(tenant, event).await.map_err(failed("read an entry"))
    }
}

#[cfg(test)]
mod tests;
