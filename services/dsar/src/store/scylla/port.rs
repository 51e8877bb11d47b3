//! The port, call by call: what is read or written is in the modules beside.

use async_trait::async_trait;
use kernel::{Envelope, RequestId, SubjectId, TenantId};
use policy::request::PlanName;

use super::{ScyllaStore, failed, listed};
use crate::act::{Record, RequestKey};
use crate::plan::PlanItem;
use crate::store::{Head, Store, StoreError, Written, columns};

#[async_trait]
impl Store for ScyllaStore {
    async fn append(&self, head: &Head, record: &Record, event: &Envelope) -> Result<Written, StoreError> {
        debug_assert_eq!((&head.key, head.version), (&record.key, record.version), "the head after this act");
        let act = columns::act(record).map_err(failed("keep an act"))?;
        self.0.append(head, &act, event).await.map_err(failed("keep an act"))
    }

    async fn head(&self, key: &RequestKey) -> Result<Option<Head>, StoreError> {
        self.0.head(key).await.map_err(failed("read a request"))
    }

    async fn records(&self, key: &RequestKey) -> Result<Vec<Record>, StoreError> {
        self.0.records(key).await.map_err(failed("read the acts of a request"))
    }

    async fn add_page(
        &self,
        key: &RequestKey,
        plan: &PlanName,
        number: u32,
        items: &[PlanItem],
    ) -> Result<(), StoreError> {
        let items = columns::page(items).map_err(failed("keep a page of a plan"))?;
        self.0.add_page(key, plan, number, &items).await.map_err(failed("keep a page of a plan"))
    }

    async fn items(&self, key: &RequestKey, plan: &PlanName) -> Result<Vec<PlanItem>, StoreError> {
        self.0.items(key, plan).await.map_err(failed("read the items of a plan"))
    }

    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError> {
        self.0.newest(tenant, before, listed(limit)).await.map_err(failed("read the requests"))
    }

    async fn open(
        &self,
        tenant: &TenantId,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError> {
        let found = self.0.open_requests(tenant, after, listed(limit)).await;
        found.map_err(failed("read the open requests"))
    }

    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Head>, StoreError> {
        self.0.of_subject(tenant, subject).await.map_err(failed("read a person's requests"))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        self.0.tenants().await.map_err(failed("read the tenants"))
    }
}
