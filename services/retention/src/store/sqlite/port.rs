//! The port, call by call: what is read or written is in the modules beside.

use async_trait::async_trait;
use kernel::{Envelope, ErasureId, HoldId, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;

use super::{SqliteStore, erasures, failed, items, notes, read, write};
use crate::erasure::{Erasure, Item};
use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};
use crate::store::{Order, Store, StoreError, SweepAsked, Written};

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

    async fn count_kept(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| notes::count_kept(c, &tenant)).await.map_err(failed("count recordings"))
    }

    async fn all_due(
        &self,
        tenant: &TenantId,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let (tenant, after, ever) = (tenant.clone(), after.cloned(), Timestamp(i64::MAX));
        let read = self.db.read(move |c| read::due(c, &tenant, ever, after.as_ref(), limit)).await;
        read.map_err(failed("read what is ever due"))
    }

    async fn applied_policy(&self, tenant: &TenantId) -> Result<Option<PolicyHash>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| notes::applied_policy(c, &tenant)).await;
        read.map_err(failed("read which policy was applied"))
    }

    async fn set_applied_policy(&self, tenant: &TenantId, policy: PolicyHash) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let written = self.db.write(move |tx| notes::set_applied_policy(tx, &tenant, policy)).await;
        written.map_err(failed("note which policy was applied"))
    }

    async fn sweep_asked(&self, tenant: &TenantId) -> Result<Option<SweepAsked>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| notes::sweep_asked(c, &tenant)).await;
        read.map_err(failed("read the sweep that waits"))
    }

    async fn set_sweep_asked(&self, tenant: &TenantId, asked: Option<&SweepAsked>) -> Result<(), StoreError> {
        let (tenant, asked) = (tenant.clone(), asked.cloned());
        let written = self.db.write(move |tx| notes::set_sweep_asked(tx, &tenant, asked.as_ref())).await;
        written.map_err(failed("note a sweep that waits"))
    }

    async fn begin_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError> {
        debug_assert_eq!(erasure.version, 1, "an erasure begins at version 1");
        let (erasure, event) = (erasure.clone(), event.clone());
        let written = self.db.write(move |tx| erasures::begin(tx, &erasure, &event)).await;
        Ok(self.rung(written.map_err(failed("begin an erasure"))?))
    }

    async fn change_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError> {
        let (erasure, event) = (erasure.clone(), event.clone());
        let written = self.db.write(move |tx| erasures::change(tx, &erasure, &event)).await;
        Ok(self.rung(written.map_err(failed("change an erasure"))?))
    }

    async fn erasure(&self, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| erasures::one(c, &tenant, id)).await.map_err(failed("read an erasure"))
    }

    async fn erasures(
        &self,
        tenant: &TenantId,
        before: Option<ErasureId>,
        limit: u32,
    ) -> Result<Vec<Erasure>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| erasures::newest(c, &tenant, before, limit)).await;
        read.map_err(failed("read the erasures"))
    }

    async fn unsettled_erasures(&self, tenant: &TenantId) -> Result<Vec<ErasureId>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| erasures::unsettled(c, &tenant)).await;
        read.map_err(failed("read the erasures that are not settled"))
    }

    async fn add_item(&self, item: &Item) -> Result<Written, StoreError> {
        debug_assert_eq!(item.version, 1, "an item is added at version 1");
        let item = item.clone();
        self.db.write(move |tx| items::add(tx, &item)).await.map_err(failed("add an item"))
    }

    async fn change_item(&self, item: &Item) -> Result<Written, StoreError> {
        let item = item.clone();
        self.db.write(move |tx| items::change(tx, &item)).await.map_err(failed("change an item"))
    }

    async fn item(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        recording: RecordingId,
    ) -> Result<Option<Item>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| items::one(c, &tenant, erasure, recording)).await;
        read.map_err(failed("read an item"))
    }

    async fn items(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| items::of_erasure(c, &tenant, erasure, after, limit)).await;
        read.map_err(failed("read the items of an erasure"))
    }

    async fn running_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| items::listed(c, items::RUNNING, &tenant, after, limit)).await;
        read.map_err(failed("read the running items"))
    }

    async fn deferred_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| items::listed(c, items::DEFERRED, &tenant, after, limit)).await;
        read.map_err(failed("read the deferred items"))
    }

    async fn owed_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| items::listed(c, items::OWED, &tenant, after, limit)).await;
        read.map_err(failed("read the owed items"))
    }

    async fn erasures_of(&self, key: &RecordingKey) -> Result<Vec<ErasureId>, StoreError> {
        let key = key.clone();
        let read = self.db.read(move |c| items::erasures_of(c, &key)).await;
        read.map_err(failed("read the erasures of a recording"))
    }

    async fn journal_position(&self) -> Result<u64, StoreError> {
        self.db.read(notes::journal_position).await.map_err(failed("read the journal's position"))
    }

    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError> {
        let written = self.db.write(move |tx| notes::set_journal_position(tx, position)).await;
        written.map_err(failed("note the journal's position"))
    }
}
