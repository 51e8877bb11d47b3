//! Disclosures in memory, for what only reads them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kernel::{DisclosureId, Envelope, RecordingId, TenantId};
use parking_lot::Mutex;

use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::{Disclosures, StoreError, Written};

/// Disclosures, without the events of their writes.
#[derive(Default)]
pub(crate) struct FakeDisclosures(Mutex<BTreeMap<DisclosureKey, Disclosure>>);

impl FakeDisclosures {
    /// Puts one there, whatever was there.
    pub(crate) fn keep(&self, disclosure: Disclosure) {
        self.0.lock().insert(disclosure.key.clone(), disclosure);
    }

    fn page(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
        is_meant: impl Fn(&Disclosure) -> bool,
    ) -> Vec<Disclosure> {
        let all = self.0.lock();
        let behind = all.values().filter(|own| {
            own.key.tenant == *tenant && after.is_none_or(|after| own.key.id > after) && is_meant(own)
        });
        behind.take(limit as usize).cloned().collect()
    }
}

#[async_trait]
impl Disclosures for FakeDisclosures {
    async fn put(&self, disclosure: &Disclosure, _: &Envelope) -> Result<Written, StoreError> {
        let mut all = self.0.lock();
        let standing = all.get(&disclosure.key).map_or(0, |standing| standing.version);
        if disclosure.version != standing + 1 {
            return Ok(Written::Conflict);
        }
        all.insert(disclosure.key.clone(), disclosure.clone());
        Ok(Written::Applied)
    }

    async fn get(&self, key: &DisclosureKey) -> Result<Option<Disclosure>, StoreError> {
        Ok(self.0.lock().get(key).cloned())
    }

    async fn of_recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        Ok(self.page(tenant, after, limit, |own| own.recording == recording))
    }

    async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        Ok(self.page(tenant, after, limit, Disclosure::is_open))
    }

    async fn disclosing(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants: Vec<_> = self.0.lock().keys().map(|key| key.tenant.clone()).collect();
        tenants.dedup();
        Ok(tenants)
    }
}
