//! The adapter on a CQL cluster (ScyllaDB, Cassandra), for processes that share a store.
//!
//! A recording, a hold and an order are one row each, changed by conditional writes on its version; the event that
//! tells of the change lies in the row's pending column, under the same write ([`decision`]). Whatever leads to a row
//! is written before it, at a quorum, so that nothing that was answered is ever missing, and is believed only where
//! the row bears it out: a write that was refused, or cut off by a crash, leaves at most a pointer that is passed over.
//!
//! Pointers are taken away as of [`MARGIN`] before their row was looked at, so that one that was written since stays.
//! That holds as long as a change comes to its end within [`MARGIN`] of its pointer, by clocks that differ by half of
//! it at most; a change that took longer writes its pointers again. A pointer that comes back from a lost tombstone is
//! taken away again.
//!
//! What can be a little off: more than [`super::MAX_HOLDS`] holds or [`super::MAX_ORDERS`] orders where writers meet at
//! the bound, by as many as they are; a tenant without recordings in [`super::Store::tenants`] where a crash cut off its
//! first; [`super::Store::count_kept`], of which [`recordings`] says by how much.
//!
//! Read [`schema`], then [`decision`], [`recordings`] and [`due`], which says what a sweep costs; then [`items`] and
//! [`lists`], by which a hold finds what is being erased. `port` only calls them.

mod decision;
mod due;
mod erasures;
mod error;
mod guarded;
mod holds;
mod items;
mod lists;
mod notes;
mod orders;
mod outgoing;
mod port;
mod recordings;
mod rows;
mod schema;
mod statements;
mod subjects;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cql::Cql;
use cql::outbox::Outbox;
use kernel::{Clock, ServiceError, SystemClock, Timestamp};
use platform::outbox::Bell;

use self::error::Error;
use self::guarded::GuardedRows;
use self::statements::Statements;
use super::{MAX_LISTED, StoreError};

pub use schema::COMPONENTS;

/// How long before the look at its row a pointer must have been written to be taken away.
const MARGIN: Duration = Duration::from_secs(60);
/// A change that took as long as this writes its pointers again: less than [`MARGIN`] by what clocks differ.
const LATE: Duration = Duration::from_secs(30);
/// Rows that are read side by side.
const AT_ONCE: usize = 16;
/// Above the bytes of every id.
const LAST_ID: [u8; 17] = [0xff; 17];

/// Retention's store on a CQL cluster; clones share it. Its publisher is the wiring's to start.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Inner>);

struct Inner {
    cql: Cql,
    statements: Arc<Statements>,
    outbox: Outbox,
    bell: Bell,
    /// Machine time: how long a pointer has lain there, not when something is due.
    clock: Arc<dyn Clock>,
}

impl ScyllaStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, StoreError> {
        Self::on(cql, Arc::new(SystemClock)).await
    }

    async fn on(cql: Cql, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let inner = Box::pin(Inner::open(cql, clock)).await.map_err(failed("open the tables"))?;
        Ok(Self(Arc::new(inner)))
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.0.bell.clone()
    }
}

impl Inner {
    async fn open(cql: Cql, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let statements = Arc::new(Box::pin(Statements::prepare(&cql)).await?);
        let rows = Arc::new(GuardedRows { cql: cql.clone(), statements: statements.clone() });
        let outbox = Outbox::open_guarded(&cql, "retention", rows).await?;
        Ok(Self { cql, statements, outbox, bell: Bell::new(), clock })
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

/// How many entries an answer lists.
fn listed(limit: u32) -> usize {
    limit.min(MAX_LISTED) as usize
}

/// As of when pointers are taken away that were looked at then.
fn before(looked_at: Timestamp) -> i64 {
    looked_at.0.saturating_sub(MARGIN.as_micros() as i64)
}

/// The day of the time in an id, whose first six bytes are milliseconds: days follow each other as the ids do, whatever a
/// sender put there.
fn day(id: [u8; 16]) -> i64 {
    millis(id) / 86_400_000
}

/// The milliseconds in an id.
fn millis(id: [u8; 16]) -> i64 {
    id[..6].iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte))
}
