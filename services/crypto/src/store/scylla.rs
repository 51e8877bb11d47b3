//! The key tables in CQL: a keyspace of their own beside the data's.
//!
//! What SQLite has by transactions holds here by conditional writes of one partition each; `statements` says at
//! each why. A conditional write whose answer does not come is read again at SERIAL before anything else is
//! decided (`decision`). Reads are quorum reads, which see whatever was answered before them; [`KeyStore::entry`]
//! is serial where it finds nothing, so that a slot told empty is not filled later by a writer that is gone, and
//! [`KeyStore::whole_page`] begins serially, so that its slots are not older than its version.
//!
//! Overwritten bytes are out of every answer at once. The servers' files, commit logs and tables of conditional
//! writes hold them until they are compacted or expire: here, too, only the end of their epoch is final.
//!
//! Read `schema` first, then `statements`.

mod decision;
mod entries;
mod epochs;
mod error;
mod locators;
mod marks;
mod pages;
mod reasons;
mod recordings;
mod rows;
mod schema;
mod statements;
mod turning;

use std::sync::Arc;

use async_trait::async_trait;
use cql::scylla::deserialize::row::DeserializeRow;
use cql::scylla::serialize::row::SerializeRow;
use cql::{Cql, Statement};
use kernel::{EventId, InstanceId, KeyEpoch, PageId, RecordingId, ServiceError, TenantId, Timestamp};

use super::{
    Adoption, Change, EntryKey, EntryRow, EpochRow, EpochState, Holder, KeyStore, Locator, NextGeneration,
    PageRow, Place, RecordingRow, SectionRow, StoreError, WholePage, Written, change, mark,
};
use crate::marks::Mark;
use error::Error;
pub use schema::COMPONENTS;
use statements::Statements;

/// The key tables in a CQL cluster.
#[derive(Clone)]
pub struct ScyllaKeyStore {
    tables: Arc<Tables>,
}

/// A session with the statements of the key tables.
struct Tables {
    cql: Cql,
    statements: Statements,
}

impl ScyllaKeyStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: &Cql) -> Result<Self, StoreError> {
        let failed = |source| failed("prepare statements")(Error::Cql(source));
        let statements = Box::pin(Statements::prepare(cql)).await.map_err(failed)?;
        Ok(Self { tables: Arc::new(Tables { cql: cql.clone(), statements }) })
    }
}

impl Tables {
    /// Every row of a partition; one that has outgrown its bound is told, never cut off.
    async fn all<R>(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
        what: &'static str,
        limit: usize,
    ) -> Result<Vec<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let found = self.cql.rows(statement, values, limit + 1).await?;
        if found.len() > limit { Err(Error::TooMany { what, limit }) } else { Ok(found) }
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl KeyStore for ScyllaKeyStore {
    async fn latest_epoch(&self, tenant: &TenantId) -> Result<Option<EpochRow>, StoreError> {
        self.tables.latest_epoch(tenant).await.map_err(failed("read the latest epoch"))
    }

    async fn epoch(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<EpochRow>, StoreError> {
        self.tables.epoch(tenant, epoch).await.map_err(failed("read an epoch"))
    }

    async fn begin_epoch(&self, row: &EpochRow) -> Result<Written, StoreError> {
        self.tables.begin_epoch(row).await.map_err(failed("begin an epoch"))
    }

    async fn add_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let added = self.tables.add_holder(tenant, epoch, holder).await;
        added.map_err(failed("note who holds an epoch's public key"))
    }

    async fn remove_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        instance: InstanceId,
    ) -> Result<(), StoreError> {
        let removed = self.tables.remove_holder(tenant, epoch, instance).await;
        removed.map_err(failed("forget who holds an epoch's public key"))
    }

    async fn epochs(&self, tenant: &TenantId) -> Result<Vec<EpochRow>, StoreError> {
        self.tables.epochs(tenant).await.map_err(failed("read a tenant's epochs"))
    }

    async fn holders(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Vec<Holder>, StoreError> {
        let found = self.tables.holders(tenant, epoch).await;
        found.map_err(failed("read who holds an epoch's public key"))
    }

    async fn set_epoch(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        from: EpochState,
        to: EpochState,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let written = self.tables.set_epoch(tenant, epoch, (from, to), at).await;
        written.map_err(failed("take an epoch further"))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        self.tables.tenants().await.map_err(failed("read who has epochs"))
    }

    async fn adopt(&self, row: &SectionRow) -> Result<Adoption, StoreError> {
        self.tables.adopt(row).await.map_err(failed("adopt a section"))
    }

    async fn sections(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<SectionRow>, StoreError> {
        let found = self.tables.sections(tenant, recording).await;
        found.map_err(failed("read a recording's sections"))
    }

    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError> {
        self.tables.recording(tenant, recording).await.map_err(failed("read a recording"))
    }

    async fn save_recording(&self, row: &RecordingRow) -> Result<Written, StoreError> {
        self.tables.save_recording(row).await.map_err(failed("write a recording"))
    }

    async fn claim(
        &self,
        tenant: &TenantId,
        claims: &[(EntryKey, Place)],
    ) -> Result<Vec<Locator>, StoreError> {
        self.tables.claim(tenant, claims).await.map_err(failed("claim places"))
    }

    async fn locators(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Locator>, StoreError> {
        let found = self.tables.locators(tenant, recording).await;
        found.map_err(failed("read a recording's locators"))
    }

    async fn retire(&self, tenant: &TenantId, key: &EntryKey) -> Result<(), StoreError> {
        self.tables.retire(tenant, key).await.map_err(failed("retire a locator"))
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        let spans = mark::spans_bytes(mark.spans.as_ref())?;
        self.tables.add_mark(mark, &spans).await.map_err(failed("mark a recording"))
    }

    async fn marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Mark>, StoreError> {
        self.tables.marks(tenant, recording).await.map_err(failed("read a recording's marks"))
    }

    async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        let found = self.tables.last_erasure(tenant).await;
        found.map_err(failed("read when something was last erased"))
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn open_page(&self, row: &PageRow) -> Result<(), StoreError> {
        self.tables.open_page(row).await.map_err(failed("open a page"))
    }

    async fn page(&self, page: PageId) -> Result<Option<PageRow>, StoreError> {
        self.tables.page(page).await.map_err(failed("read a page"))
    }

    async fn entry(&self, place: Place) -> Result<Option<EntryRow>, StoreError> {
        self.tables.entry(place).await.map_err(failed("read an entry"))
    }

    async fn slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<EntryRow>, StoreError> {
        self.tables.slots(page, slots).await.map_err(failed("read slots of a page"))
    }

    async fn entries(&self, page: PageId) -> Result<Vec<EntryRow>, StoreError> {
        self.tables.entries(page).await.map_err(failed("read a page's entries"))
    }

    async fn pages(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        after: Option<PageId>,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError> {
        let found = self.tables.pages(tenant, epoch, after, limit).await;
        found.map_err(failed("read an epoch's pages"))
    }

    async fn write_page(
        &self,
        page: PageId,
        version: u64,
        changes: &[Change],
    ) -> Result<Written, StoreError> {
        change::check(changes)?;
        self.tables.write_page(page, version, changes).await.map_err(failed("write a page"))
    }

    async fn whole_page(&self, page: PageId) -> Result<Option<WholePage>, StoreError> {
        self.tables.whole_page(page).await.map_err(failed("read a whole page"))
    }

    async fn turn_page(
        &self,
        page: PageId,
        version: u64,
        next: NextGeneration,
    ) -> Result<Written, StoreError> {
        let act = "turn a page";
        let Some(row) = self.tables.page_at(page, version).await.map_err(failed(act))? else {
            return Ok(Written::Conflict);
        };
        let after = next.after(&row)?;
        self.tables.turn_page(&row, &after, &next).await.map_err(failed(act))
    }

    async fn close_page(&self, page: PageId) -> Result<(), StoreError> {
        self.tables.close_page(page).await.map_err(failed("close a page"))
    }

    async fn keep_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.tables.keep_reason(tenant, event, sealed).await.map_err(failed("keep a reason"))
    }

    async fn reason(&self, tenant: &TenantId, event: EventId) -> Result<Option<Vec<u8>>, StoreError> {
        self.tables.reason(tenant, event).await.map_err(failed("read a reason"))
    }
}

#[cfg(test)]
mod tests;
