//! The keys in hand: the key tables and the backend, opened past the gate, entry by entry.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cql::Cql;
use crypto::backend::file::FileBackend;
use crypto::epochs::Epochs;
use crypto::store::scylla::ScyllaKeyStore;
use crypto::store::sqlite::SqliteKeyStore;
use crypto::store::{EntryBody, KeyStore, PageRow};
use kernel::{KeyEpoch, RecordingId, SystemClock, TenantId};
use seal::{Entry, EntryPlace, PageKey, WrapContext};

const DAY: Duration = Duration::from_secs(86_400);

/// Everything that a keys directory opens, with the key tables in it or in a cluster. The program must not run on
/// it meanwhile.
pub(crate) struct Keyring {
    store: Arc<dyn KeyStore>,
    epochs: Epochs,
}

impl Keyring {
    pub(crate) async fn open(keys: &Path) -> Self {
        Self::over(Arc::new(SqliteKeyStore::open(&keys.join("keys.db")).await.unwrap()), keys)
    }

    pub(crate) async fn in_cluster(cql: &Cql, keys: &Path) -> Self {
        Self::over(Arc::new(ScyllaKeyStore::open(cql).await.unwrap()), keys)
    }

    fn over(store: Arc<dyn KeyStore>, keys: &Path) -> Self {
        let backend = Arc::new(FileBackend::open(keys).unwrap());
        let epochs = Epochs::new(store.clone(), backend, Arc::new(SystemClock), 7 * DAY, 16, DAY);
        Self { store, epochs }
    }

    /// Every entry of a recording that opens, on whatever page, whatever its locator says.
    pub(crate) async fn entries(&self, tenant: &TenantId, recording: RecordingId) -> Vec<Entry> {
        let mut entries = Vec::new();
        let latest = self.store.latest_epoch(tenant).await.unwrap().map_or(0, |row| row.epoch.0);
        for epoch in (1..=latest).map(KeyEpoch) {
            // Of one that is destroyed no key is left that could be wrapped.
            if self.store.epoch(tenant, epoch).await.unwrap().is_none_or(|row| row.kek.is_empty()) {
                continue;
            }
            let pages = self.store.pages(tenant, epoch, None, 10_000).await.unwrap();
            for page in pages {
                entries.extend(self.page(tenant, &page).await);
            }
        }
        entries.retain(|entry| entry.section.recording == recording);
        entries
    }

    async fn page(&self, tenant: &TenantId, page: &PageRow) -> Vec<Entry> {
        let kek = &self.epochs.keys(tenant, page.epoch).await.unwrap().kek;
        let context = WrapContext::PageKey {
            tenant: tenant.clone(),
            epoch: page.epoch,
            page: page.page,
            generation: page.generation,
        };
        let key = PageKey::from_slice(&seal::wrap::unwrap(kek, &context, &page.key).unwrap()).unwrap();
        let slots = self.store.entries(page.page).await.unwrap();
        let sealed = slots.iter().filter_map(|slot| match &slot.body {
            EntryBody::Sealed(sealed) => Some((slot.slot, slot.generation, sealed)),
            EntryBody::Destroyed => None,
        });
        let opened = sealed.map(|(slot, generation, sealed)| {
            let place = EntryPlace { tenant: tenant.clone(), page: page.page, generation, slot };
            seal::page::open_entry(&key, &place, sealed).unwrap()
        });
        opened.collect()
    }
}
