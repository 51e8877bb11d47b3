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

use super::{Batch, Claim, Committed, Filter, Head, LedgerStore, Producer, RootRow, Row, StoreError};
use crate::name::{Incarnation, LogName};
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
    async fn incarnation(&self) -> Result<Option<Incarnation>, StoreError> {
        self.0.incarnation().await.map_err(failed("read the incarnation"))
    }

    async fn begin(&self, incarnation: Incarnation) -> Result<Incarnation, StoreError> {
        self.0.begin(incarnation).await.map_err(failed("begin an incarnation"))
    }

    async fn claim(&self, log: LogName) -> Result<Claim, StoreError> {
        self.0.claim(log).await.map_err(failed("claim a log"))
    }

    async fn heads(&self) -> Result<Vec<(LogName, Head)>, StoreError> {
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

    async fn mark_published(&self, log: LogName, tree: TreeHead) -> Result<(), StoreError> {
        self.0.mark_published(log, tree).await.map_err(failed("mark a log as published"))
    }

    async fn mark_stored(&self, partition: u32, below: u64) -> Result<(), StoreError> {
        self.0.mark_stored(partition, below).await.map_err(failed("mark entries as stored"))
    }

    async fn known(&self, partition: u32, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError> {
        self.0.known(partition, events).await.map_err(failed("look for known events"))
    }

    async fn producers(&self, partition: u32) -> Result<Vec<Producer>, StoreError> {
        self.0.producers(partition).await.map_err(failed("read the producers"))
    }

    async fn rows(&self, partition: u32, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.0.rows(partition, from, limit).await.map_err(failed("read entries"))
    }

    async fn hashes(&self, log: LogName, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError> {
        self.0.hashes(log, from, limit).await.map_err(failed("read leaves"))
    }

    async fn root_rows(&self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.root_rows(from, limit).await.map_err(failed("read the root log"))
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
