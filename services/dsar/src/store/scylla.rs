//! The adapter on a CQL cluster (ScyllaDB, Cassandra), for processes that share a store.
//!
//! A request is one partition: its head in static columns, and a row for each act. An act is one conditional
//! write on the head's version, which sets the head, adds the act and lays the event into the head's pending
//! column ([`append`]): of a write that lost nothing is there. Whatever leads to a request is written before
//! its first act, at a quorum, so that nothing that was answered is ever missing, and is believed only where
//! the head bears it out: a write that was refused, or cut off by a crash, leaves at most a pointer that is
//! passed over.
//!
//! A disclosure is a partition of its own, written the same way ([`disclosures`]).
//!
//! A closed request takes no further act. So a pointer to what is open is taken away once its request was
//! seen closed, by whoever saw it, and none has to be put back.
//!
//! What can be a little off: a tenant without requests in [`super::Store::tenants`], or without disclosures in
//! [`super::Disclosures::disclosing`], where a crash cut off its first.
//!
//! Read [`schema`], then [`append`], [`decision`] and [`lists`]. `port` only calls them.

mod append;
mod decision;
mod disclosures;
mod error;
mod guarded;
mod lists;
mod outgoing;
mod pages;
mod pointers;
mod port;
mod requests;
mod rows;
mod schema;
mod statements;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cql::Cql;
use cql::outbox::Outbox;
use kernel::ServiceError;
use platform::outbox::Bell;

use self::error::Error;
use self::guarded::GuardedRows;
use self::statements::Statements;
use super::{MAX_LISTED, StoreError};

pub use schema::COMPONENTS;

/// Heads that are read side by side.
const AT_ONCE: usize = 16;
/// Above the bytes of every id.
const LAST_ID: [u8; 17] = [0xff; 17];

/// Dsar's store on a CQL cluster; clones share it. Its publisher is the wiring's to start.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Inner>);

struct Inner {
    cql: Cql,
    statements: Arc<Statements>,
    outbox: Outbox,
    bell: Bell,
}

impl ScyllaStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, StoreError> {
        let inner = Box::pin(Inner::open(cql)).await.map_err(failed("open the tables"))?;
        Ok(Self(Arc::new(inner)))
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.0.bell.clone()
    }
}

impl Inner {
    async fn open(cql: Cql) -> Result<Self, Error> {
        let statements = Arc::new(Box::pin(Statements::prepare(&cql)).await?);
        let rows = Arc::new(GuardedRows { cql: cql.clone(), statements: statements.clone() });
        let outbox = Outbox::open_guarded(&cql, "dsar", rows).await?;
        Ok(Self { cql, statements, outbox, bell: Bell::new() })
    }
}

/// Says what was attempted.
fn failed<E: ServiceError>(act: &'static str) -> impl Fn(E) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

/// How many entries an answer lists.
fn listed(limit: u32) -> usize {
    limit.min(MAX_LISTED) as usize
}
