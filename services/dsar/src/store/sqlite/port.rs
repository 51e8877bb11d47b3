//! The port, call by call: what is read or written is in the modules beside.

use async_trait::async_trait;
use kernel::{Envelope, RequestId, SubjectId, TenantId};
use policy::request::PlanName;

use super::{SqliteStore, failed, read, write};
use crate::act::{Record, RequestKey};
use crate::plan::PlanItem;
use crate::store::{Head, Store, StoreError, Written, columns};

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, head: &Head, record: &Record, event: &Envelope) -> Result<Written, StoreError> {
        debug_assert_eq!((&head.key, head.version), (&record.key, record.version), "the head after this act");
        let act = columns::act(record).map_err(failed("keep an act"))?;
        let (head, event) = (head.clone(), event.clone());
        let written = self.db.write(move |tx| write::append(tx, &head, &act, &event)).await;
        Ok(self.rung(written.map_err(failed("keep an act"))?))
    }

    async fn head(&self, key: &RequestKey) -> Result<Option<Head>, StoreError> {
        let key = key.clone();
        self.db.read(move |c| read::head(c, &key)).await.map_err(failed("read a request"))
    }

    async fn records(&self, key: &RequestKey) -> Result<Vec<Record>, StoreError> {
        let key = key.clone();
        self.db.read(move |c| read::records(c, &key)).await.map_err(failed("read the acts of a request"))
    }

    async fn add_page(
        &self,
        key: &RequestKey,
        plan: &PlanName,
        number: u32,
        items: &[PlanItem],
    ) -> Result<(), StoreError> {
        let items = columns::page(items).map_err(failed("keep a page of a plan"))?;
        let (key, plan) = (key.clone(), plan.clone());
        let written = self.db.write(move |tx| write::page(tx, &key, &plan, number, &items)).await;
        written.map_err(failed("keep a page of a plan"))
    }

    async fn items(&self, key: &RequestKey, plan: &PlanName) -> Result<Vec<PlanItem>, StoreError> {
        let (key, plan) = (key.clone(), plan.clone());
        let read = self.db.read(move |c| read::items(c, &key, &plan)).await;
        read.map_err(failed("read the items of a plan"))
    }

    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| read::newest(c, &tenant, before, limit)).await;
        read.map_err(failed("read the requests"))
    }

    async fn open(
        &self,
        tenant: &TenantId,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| read::open(c, &tenant, after, limit)).await;
        read.map_err(failed("read the open requests"))
    }

    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Head>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| read::of_subject(c, &tenant, subject)).await;
        read.map_err(failed("read a person's requests"))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        self.db.read(read::tenants).await.map_err(failed("read the tenants"))
    }
}
