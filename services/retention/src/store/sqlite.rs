//! The embedded adapter: one file of the data directory, typed tables, events in its outbox.
//!
//! Read `schema` for the tables, `write` for how a row, its lists and its event become one transaction, `read` for the
//! way back.

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
use kernel::{Clock, Envelope, HoldId, RecordingId, ServiceError, SubjectId, TenantId, Timestamp};
use platform::Bell;

use super::{Order, Store, StoreError, Written};
use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};

const COMPONENTS: &[Component] = &[schema::COMPONENT, outbox::COMPONENT];

/// Retention's store in one SQLite file; clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    bell: Bell,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let db = Db::open(path, options, COMPONENTS).await.map_err(failed("open the file"))?;
        Ok(Self { db, bell: Bell::new(), clock })
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Rings where the write had its event.
    fn rung(&self, written: Written) -> Written {
        if written == Written::Applied {
            self.bell.ring();
        }
        written
    }
}

/// Says what was attempted.
fn failed<E: ServiceError>(act: &'static str) -> impl Fn(E) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl Store for SqliteStore {
    async fn stamp(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError> {
        debug_assert_eq!(kept.version, 1, "a recording is stamped at version 1");
        let (kept, event) = (kept.clone(), event.clone());
        let written = self.db.write(move |tx| write::stamp(tx, &kept, &event)).await;
        Ok(self.rung(written.map_err(failed("stamp a recording"))?))
    }

    async fn change(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError> {
        let (kept, event) = (kept.clone(), event.clone());
        let written = self.db.write(move |tx| write::change(tx, &kept, &event)).await;
        Ok(self.rung(written.map_err(failed("change a recording"))?))
    }

    async fn kept(&self, key: &RecordingKey) -> Result<Option<Kept>, StoreError> {
        let key = key.clone();
        self.db.read(move |c| read::kept(c, &key)).await.map_err(failed("read a recording"))
    }

    async fn due(
        &self,
        tenant: &TenantId,
        by: Timestamp,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        let read = self.db.read(move |c| read::due(c, &tenant, by, after.as_ref(), limit)).await;
        read.map_err(failed("read what is due"))
    }

    async fn of_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<RecordingId>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| read::of_subject(c, &tenant, subject, after, limit)).await;
        read.map_err(failed("read a person's recordings"))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        self.db.read(read::tenants).await.map_err(failed("read the tenants"))
    }

    async fn place(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError> {
        debug_assert_eq!(hold.version, 1, "a hold is placed at version 1");
        let (hold, event) = (hold.clone(), event.clone());
        let written = self.db.write(move |tx| write::place(tx, &hold, &event)).await;
        Ok(self.rung(written.map_err(failed("place a hold"))?))
    }

    async fn change_hold(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError> {
        let (hold, event) = (hold.clone(), event.clone());
        let written = self.db.write(move |tx| write::change_hold(tx, &hold, &event)).await;
        Ok(self.rung(written.map_err(failed("change a hold"))?))
    }

    async fn hold(&self, tenant: &TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| read::hold(c, &tenant, id)).await.map_err(failed("read a hold"))
    }

    async fn standing(&self, tenant: &TenantId) -> Result<Vec<Hold>, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| read::standing(c, &tenant)).await.map_err(failed("read the standing holds"))
    }

    async fn released(
        &self,
        tenant: &TenantId,
        after: Option<HoldId>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| read::released(c, &tenant, after, limit)).await;
        read.map_err(failed("read the released holds"))
    }

    async fn order(&self, order: &Order, event: &Envelope) -> Result<Written, StoreError> {
        let (order, event) = (order.clone(), event.clone());
        let written = self.db.write(move |tx| write::order(tx, &order, &event)).await;
        Ok(self.rung(written.map_err(failed("place an order"))?))
    }

    async fn orders(&self, tenant: &TenantId) -> Result<Vec<Order>, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| read::orders(c, &tenant)).await.map_err(failed("read the orders"))
    }
}
