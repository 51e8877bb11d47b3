//! The adapter on a CQL cluster (ScyllaDB, Cassandra), for processes that share a store.
//!
//! What is true of a recording as a whole (how far it has come, when it began and ended) is its own row, changed
//! by conditional writes on its version ([`own`]). Everything else is rows that only ever add up, written plainly
//! and again, in an order that a crash may cut anywhere: what makes rows visible comes after them, and the facts
//! come again from the log until all of them are there. A document and the event that tells of it are one act: the
//! event lies in the own row's pending column, under the same conditional write that makes the document count.
//!
//! Read [`schema`] for the tables, [`own`], then [`facts`], [`settling`] and [`erasing`] for what is written, [`read`],
//! [`unsettled`] and [`listing`] for what is found.

mod erasing;
mod facts;
mod listing;
mod outgoing;
mod own;
mod read;
mod row;
mod schema;
mod settling;
mod spans;
mod statements;
mod unsettled;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use cql::Cql;
use cql::outbox::Outbox;
use kernel::{
    Clock, ErasureId, ErrorCode, Position, RecordingId, Retry, ServiceError, SpanNo, SystemClock, TenantId,
    Timestamp,
};
use objects::Key;
use parking_lot::Mutex;
use platform::Bell;
use seal::{Hash, SpanSet};

use self::own::Rows;
use self::statements::Statements;
use super::{ErasureRow, Error, History, Query, Recording, Settlement, Store};
use crate::fact::{Fact, Gone, RecordingKey, SectionKey};

pub use schema::COMPONENTS;

/// Recordings whose rows are written or read side by side.
const AT_ONCE: usize = 16;
/// Recordings that are remembered as known, so that a sign of life needs no look at their rows.
const KNOWN_MAX: usize = 100_000;

/// Archive's store on a CQL cluster; clones share it.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Inner>);

struct Inner {
    cql: Cql,
    statements: Arc<Statements>,
    outbox: Outbox,
    bell: Bell,
    /// Machine time: how long a pointer has lain there, not when something happened.
    clock: Arc<dyn Clock>,
    /// Recordings whose own row is there.
    known: Mutex<HashSet<RecordingKey>>,
}

impl ScyllaStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, Error> {
        Self::on(cql, Arc::new(SystemClock)).await
    }

    async fn on(cql: Cql, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let statements = Arc::new(Box::pin(Statements::prepare(&cql)).await?);
        let rows = Arc::new(Rows { cql: cql.clone(), statements: statements.clone() });
        let outbox = Outbox::open_guarded(&cql, "archive", rows).await?;
        let known = Mutex::default();
        Ok(Self(Arc::new(Inner { cql, statements, outbox, bell: Bell::new(), clock, known })))
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.0.bell.clone()
    }
}

#[async_trait]
impl Store for ScyllaStore {
    async fn record(&self, facts: Vec<Fact>) -> Result<(), Error> {
        self.0.record(facts).await
    }

    async fn recording(&self, key: &RecordingKey) -> Result<Option<Recording>, Error> {
        self.0.recording(key).await
    }

    async fn history(&self, key: &RecordingKey) -> Result<Option<History>, Error> {
        self.0.history(key).await
    }

    async fn stored_spans(&self, key: &SectionKey) -> Result<SpanSet, Error> {
        self.0.stored_spans(key).await
    }

    async fn span_root(&self, key: &SectionKey, span: SpanNo) -> Result<Option<Hash>, Error> {
        self.0.span_root(key, span).await
    }

    async fn unsettled(
        &self,
        partition: u32,
        after: Option<&RecordingKey>,
        limit: usize,
    ) -> Result<Vec<Recording>, Error> {
        self.0.unsettled(partition, after, limit).await
    }

    async fn sealing(&self, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error> {
        self.0.sealing(key, cause, end).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        self.0.settle(&settlement).await
    }

    async fn erasing(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        log_end: u64,
        gone: Vec<Gone>,
    ) -> Result<ErasureRow, Error> {
        self.0.erasing(key, erasure, log_end, &gone).await
    }

    async fn looked(&self, key: &RecordingKey, erasure: ErasureId, through: u32) -> Result<(), Error> {
        self.0.looked(key, erasure, through).await
    }

    async fn mark_deleted(&self, key: &RecordingKey, names: Vec<Key>, at: Timestamp) -> Result<(), Error> {
        self.0.mark_deleted(key, &names, at).await
    }

    async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error> {
        self.0.list(query).await
    }
}

impl From<cql::Error> for Error {
    fn from(source: cql::Error) -> Self {
        Self::Engine { code: source.code(), retry: source.retry(), source: Box::new(source) }
    }
}

/// Values that identify a recording's rows.
type KeyColumns = (String, Vec<u8>);

fn columns(key: &RecordingKey) -> KeyColumns {
    (key.tenant.as_str().to_owned(), key.id.to_bytes().to_vec())
}

fn recording_key(table: &'static str, tenant: String, id: &[u8]) -> Result<RecordingKey, Error> {
    Ok(RecordingKey {
        tenant: TenantId::new(tenant).map_err(|_| Error::Row { table, what: "tenant" })?,
        id: RecordingId::from_slice(id).map_err(|_| Error::Row { table, what: "id" })?,
    })
}

/// Others changed the same rows again and again.
fn contended(what: &'static str, key: &RecordingKey) -> Error {
    Error::Engine {
        code: ErrorCode::Aborted,
        retry: Retry::Backoff,
        source: format!("{what} of recording {} changed again and again", key.id).into(),
    }
}
