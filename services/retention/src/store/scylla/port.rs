//! The port, call by call: what is read or written is in the modules beside.

use async_trait::async_trait;
use kernel::{Envelope, ErasureId, HoldId, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;

use super::lists::List;
use super::{ScyllaStore, failed, listed};
use crate::erasure::{Erasure, Item};
use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};
use crate::store::{Order, Store, StoreError, SweepAsked, Written};

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

    async fn count_kept(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        self.0.count_kept(tenant).await.map_err(failed("count recordings"))
    }

    async fn all_due(
        &self,
        tenant: &TenantId,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        self.0.all_due(tenant, after, listed(limit)).await.map_err(failed("read what is ever due"))
    }

    async fn applied_policy(&self, tenant: &TenantId) -> Result<Option<PolicyHash>, StoreError> {
        self.0.applied_policy(tenant).await.map_err(failed("read which policy was applied"))
    }

    async fn set_applied_policy(&self, tenant: &TenantId, policy: PolicyHash) -> Result<(), StoreError> {
        self.0.set_applied_policy(tenant, policy).await.map_err(failed("note which policy was applied"))
    }

    async fn sweep_asked(&self, tenant: &TenantId) -> Result<Option<SweepAsked>, StoreError> {
        self.0.sweep_asked(tenant).await.map_err(failed("read the sweep that waits"))
    }

    async fn set_sweep_asked(&self, tenant: &TenantId, asked: Option<&SweepAsked>) -> Result<(), StoreError> {
        self.0.set_sweep_asked(tenant, asked).await.map_err(failed("note a sweep that waits"))
    }

    async fn begin_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError> {
        self.0.begin_erasure(erasure, event).await.map_err(failed("begin an erasure"))
    }

    async fn change_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError> {
        self.0.change_erasure(erasure, event).await.map_err(failed("change an erasure"))
    }

    async fn erasure(&self, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        self.0.erasure(tenant, id).await.map_err(failed("read an erasure"))
    }

    async fn erasures(
        &self,
        tenant: &TenantId,
        before: Option<ErasureId>,
        limit: u32,
    ) -> Result<Vec<Erasure>, StoreError> {
        self.0.erasures(tenant, before, listed(limit)).await.map_err(failed("read the erasures"))
    }

    async fn unsettled_erasures(&self, tenant: &TenantId) -> Result<Vec<ErasureId>, StoreError> {
        let found = self.0.unsettled_erasures(tenant).await;
        found.map_err(failed("read the erasures that are not settled"))
    }

    async fn add_item(&self, item: &Item) -> Result<Written, StoreError> {
        self.0.add_item(item).await.map_err(failed("add an item"))
    }

    async fn change_item(&self, item: &Item) -> Result<Written, StoreError> {
        self.0.change_item(item).await.map_err(failed("change an item"))
    }

    async fn item(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        recording: RecordingId,
    ) -> Result<Option<Item>, StoreError> {
        self.0.item(tenant, erasure, recording).await.map_err(failed("read an item"))
    }

    async fn items(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let found = self.0.items(tenant, erasure, after, listed(limit)).await;
        found.map_err(failed("read the items of an erasure"))
    }

    async fn running_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let found = self.0.listed_items(tenant, List::Running, after, listed(limit)).await;
        found.map_err(failed("read the running items"))
    }

    async fn deferred_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let found = self.0.listed_items(tenant, List::Deferred, after, listed(limit)).await;
        found.map_err(failed("read the deferred items"))
    }

    async fn owed_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let found = self.0.listed_items(tenant, List::Owed, after, listed(limit)).await;
        found.map_err(failed("read the owed items"))
    }

    async fn erasures_of(&self, key: &RecordingKey) -> Result<Vec<ErasureId>, StoreError> {
        self.0.erasures_of(key).await.map_err(failed("read the erasures of a recording"))
    }

    async fn journal_position(&self) -> Result<u64, StoreError> {
        self.0.journal_position().await.map_err(failed("read the journal's position"))
    }

    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError> {
        self.0.set_journal_position(position).await.map_err(failed("note the journal's position"))
    }
}
