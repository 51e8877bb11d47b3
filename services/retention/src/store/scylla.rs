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
//! the bound, by as many as they are; a tenant without recordings in [`Store::tenants`] where a crash cut off its first.
//!
//! Read [`schema`], then [`decision`], [`recordings`] and [`due`], which says what a sweep costs.

mod decision;
mod due;
mod error;
mod holds;
mod orders;
mod outgoing;
mod recordings;
mod rows;
mod schema;
mod statements;
mod subjects;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cql::Cql;
use cql::outbox::Outbox;
use kernel::{
    Clock, Envelope, HoldId, RecordingId, ServiceError, SubjectId, SystemClock, TenantId, Timestamp,
};
use platform::outbox::Bell;

use self::decision::GuardedRows;
use self::error::Error;
use self::statements::Statements;
use super::{MAX_LISTED, Order, Store, StoreError, Written};
use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};

pub use schema::COMPONENTS;

/// How long before the look at its row a pointer must have been written to be taken away.
const MARGIN: Duration = Duration::from_secs(60);
/// A change that took as long as this writes its pointers again: less than [`MARGIN`] by what clocks differ.
const LATE: Duration = Duration::from_secs(30);
/// Rows that are read side by side.
const AT_ONCE: usize = 16;

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

#[async_trait]
impl Store for ScyllaStore {
    async fn stamp(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError> {
        self.0.stamp(kept, event).await.map_err(failed("stamp a recording"))
    }

    async fn change(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError> {
        self.0.change(kept, event).await.map_err(failed("change a recording"))
    }

    async fn kept(&self, key: &RecordingKey) -> Result<Option<Kept>, StoreError> {
        self.0.kept(key).await.map_err(failed("read a recording"))
    }

    async fn due(
        &self,
        tenant: &TenantId,
        by: Timestamp,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        self.0.due(tenant, by, after, listed(limit)).await.map_err(failed("read what is due"))
    }

    async fn of_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<RecordingId>, StoreError> {
        let found = self.0.of_subject(tenant, subject, after, listed(limit)).await;
        found.map_err(failed("read a person's recordings"))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        self.0.tenants().await.map_err(failed("read the tenants"))
    }

    async fn place(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError> {
        self.0.place(hold, event).await.map_err(failed("place a hold"))
    }

    async fn change_hold(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError> {
        self.0.change_hold(hold, event).await.map_err(failed("change a hold"))
    }

    async fn hold(&self, tenant: &TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        self.0.hold(tenant, id).await.map_err(failed("read a hold"))
    }

    async fn standing(&self, tenant: &TenantId) -> Result<Vec<Hold>, StoreError> {
        self.0.standing_holds(tenant).await.map_err(failed("read the holds that stand"))
    }

    async fn released(
        &self,
        tenant: &TenantId,
        after: Option<HoldId>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        let found = self.0.released_holds(tenant, after, listed(limit)).await;
        found.map_err(failed("read the released holds"))
    }

    async fn order(&self, order: &Order, event: &Envelope) -> Result<Written, StoreError> {
        self.0.order(order, event).await.map_err(failed("place an order"))
    }

    async fn orders(&self, tenant: &TenantId) -> Result<Vec<Order>, StoreError> {
        self.0.orders(tenant).await.map_err(failed("read the orders"))
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
