//! Disclosures: each one row, written by one conditional write that lays its event into the row's pending column.
//!
//! What leads to it is written before, at a quorum, and is believed only where the row bears it out. A request that is
//! closed stays so; a disclosure of which all is answered is unanswered again once another act needs a notice. So a
//! pointer to what is unanswered is written before each version that has an open notice, and it and its removal have
//! the version that they are of as their timestamp: a removal never reaches what a later version needs.

mod lists;

use async_trait::async_trait;
use futures::future;
use kernel::{DisclosureId, Envelope, RecordingId, TenantId};

use super::decision::Write;
use super::error::{Error, version};
use super::pointers::bucket;
use super::{Inner, ScyllaStore, failed, listed, rows};
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::{Disclosures, StoreError, Written, columns};

#[async_trait]
impl Disclosures for ScyllaStore {
    async fn put(&self, disclosure: &Disclosure, event: &Envelope) -> Result<Written, StoreError> {
        let stored = columns::disclosure(disclosure).map_err(failed("keep a disclosure"))?;
        self.0.put(disclosure, &stored, event).await.map_err(failed("keep a disclosure"))
    }

    async fn get(&self, key: &DisclosureKey) -> Result<Option<Disclosure>, StoreError> {
        self.0.disclosure(key).await.map_err(failed("read a disclosure"))
    }

    async fn of_recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        let found = self.0.disclosures_of(tenant, recording, after, listed(limit)).await;
        found.map_err(failed("read the disclosures of a recording"))
    }

    async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        let found = self.0.unanswered(tenant, after, listed(limit)).await;
        found.map_err(failed("read the unanswered notices"))
    }

    async fn disclosing(&self) -> Result<Vec<TenantId>, StoreError> {
        let found = self.0.tenants_by("dsar_disclosing", &self.0.statements.disclosing).await;
        found.map_err(failed("read the tenants with disclosures"))
    }
}

impl Inner {
    /// A disclosure, with its bytes and the event.
    async fn put(&self, disclosure: &Disclosure, stored: &[u8], event: &Envelope) -> Result<Written, Error> {
        let write = Write::Disclosure(disclosure, stored);
        let (before, stands) = (write.before()?, self.stands(&write.row()).await?);
        // Whoever comes late leaves no pointers.
        if stands.map_or(0, |(version, _)| version) != before {
            return Ok(Written::Conflict);
        }
        if before == 0 {
            self.point_disclosure(disclosure).await?;
        }
        if disclosure.is_open() {
            self.point_unanswered(disclosure).await?;
        }
        let written = self.decide(write, event).await?;
        if written == Written::Applied && !disclosure.is_open() {
            // Where that fails the next look at the list does it.
            self.drop_unanswered(disclosure).await.ok();
        }
        Ok(written)
    }

    async fn disclosure(&self, key: &DisclosureKey) -> Result<Option<Disclosure>, Error> {
        let values = (key.tenant.as_str(), key.id.to_bytes());
        let found: Option<(i64, Vec<u8>)> = self.cql.row(&self.statements.disclosure, values).await?;
        found.map(|found| rows::disclosure(key, found)).transpose()
    }

    /// Leads to a disclosure that is about to begin.
    async fn point_disclosure(&self, disclosure: &Disclosure) -> Result<(), Error> {
        let (with, tenant) = (&self.statements, disclosure.key.tenant.as_str());
        let (recording, id) = (disclosure.recording.to_bytes(), disclosure.key.id.to_bytes());
        future::try_join(
            self.cql.write(&with.point_disclosing, (tenant,)),
            self.cql.write(&with.point_disclosure_of, (tenant, recording, id)),
        )
        .await?;
        Ok(())
    }

    /// Leads to a disclosure that is about to have an open notice.
    async fn point_unanswered(&self, disclosure: &Disclosure) -> Result<(), Error> {
        let (id, version) = (disclosure.key.id.to_bytes(), version(disclosure.version)?);
        let values = (disclosure.key.tenant.as_str(), bucket(id), id, version);
        Ok(self.cql.write(&self.statements.point_unanswered, values).await?)
    }

    /// Takes the pointer to it away, which was seen without an open notice at this version.
    async fn drop_unanswered(&self, disclosure: &Disclosure) -> Result<(), Error> {
        let (id, version) = (disclosure.key.id.to_bytes(), version(disclosure.version)?);
        let values = (version, disclosure.key.tenant.as_str(), bucket(id), id);
        Ok(self.cql.write(&self.statements.drop_unanswered, values).await?)
    }
}
