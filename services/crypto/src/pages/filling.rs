//! Which page of its own an instance fills next, and which slot of it.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{InstanceId, KeyEpoch, PageId, PurposeName, TenantId};
use seal::page::{MAX_BYTES, MAX_ENTRIES};
use seal::{Entry, PageKey};
use tokio::sync::Mutex;

use super::{place, wrap_key};
use crate::backend;
use crate::epochs::Epochs;
use crate::error::Error;
use crate::store::{EpochState, KeyStore, PageRow, PageState, Place};

/// Entries that may be larger than this get a page of their own: one of them would leave little of a page,
/// and go with it when it is rewritten.
const LARGE: usize = MAX_BYTES / 8;
/// Pages filled at once; beyond it one is closed early.
const MAX_OPEN: usize = 4_096;

/// How often a page is opened under an epoch that has just ended before it is given up.
const ATTEMPTS: usize = 8;

/// The pages that this instance fills. No other instance adds to them but to finish what a claim names.
pub(super) struct Filling {
    store: Arc<dyn KeyStore>,
    epochs: Arc<Epochs>,
    owner: InstanceId,
    open: Mutex<HashMap<(TenantId, PurposeName), OpenPage>>,
}

/// How far a page is reserved; what is written lags behind.
#[derive(Clone, Copy)]
struct OpenPage {
    page: PageId,
    epoch: KeyEpoch,
    slots: u16,
    bytes: usize,
}

impl Filling {
    pub(super) fn new(store: Arc<dyn KeyStore>, epochs: Arc<Epochs>, owner: InstanceId) -> Self {
        Self { store, epochs, owner, open: Mutex::default() }
    }

    /// Reserves a slot that nobody else is given. Slots whose claim another instance wins stay empty.
    pub(super) async fn reserve(&self, tenant: &TenantId, entry: &Entry) -> Result<Place, Error> {
        let size = size_bound(entry);
        if size > LARGE {
            let own = self.add(tenant, &entry.purpose, PageState::Closed).await?;
            return Ok(place(own.page, 0));
        }
        let epoch = self.epochs.active(tenant).await?.epoch;
        let filled = (tenant.clone(), entry.purpose.clone());
        let mut open = self.open.lock().await;
        let fits = |page: &OpenPage| {
            page.epoch == epoch && page.slots < MAX_ENTRIES && page.bytes + size <= MAX_BYTES
        };
        if !open.get(&filled).is_some_and(fits) {
            if open.len() >= MAX_OPEN && !open.contains_key(&filled) {
                let other = open.keys().next().cloned();
                self.close(other.and_then(|name| open.remove(&name))).await?;
            }
            self.close(open.remove(&filled)).await?;
            let added = self.add(tenant, &entry.purpose, PageState::Open).await?;
            open.insert(filled.clone(), added);
        }
        let page = open.get_mut(&filled).expect("one that fits was put there");
        let slot = page.slots;
        page.slots += 1;
        page.bytes += size;
        Ok(place(page.page, slot))
    }

    /// A page under an epoch that was not drained when the page was there: the turn first drains an epoch and then
    /// looks for its pages, so that it finds this one, or its state is found here. Nobody was promised a slot of a
    /// page that is given up.
    async fn add(
        &self,
        tenant: &TenantId,
        purpose: &PurposeName,
        state: PageState,
    ) -> Result<OpenPage, Error> {
        for _ in 0..ATTEMPTS {
            let epoch = self.epochs.active(tenant).await?.epoch;
            let page = match self.open_page(tenant, purpose, epoch, state).await {
                Ok(page) => page,
                // It ended between the two reads, key and all.
                Err(Error::UnknownEpoch { .. } | Error::Backend(backend::Error::Missing(_))) => continue,
                Err(error) => return Err(error),
            };
            match self.epochs.state(tenant, epoch).await? {
                Some(EpochState::Active | EpochState::Closing) => {
                    return Ok(OpenPage { page, epoch, slots: 0, bytes: 0 });
                }
                Some(EpochState::Drained | EpochState::Destroyed) | None => {
                    self.store.close_page(page).await?;
                }
            }
        }
        Err(Error::Contended("the active key epoch"))
    }

    async fn open_page(
        &self,
        tenant: &TenantId,
        purpose: &PurposeName,
        epoch: KeyEpoch,
        state: PageState,
    ) -> Result<PageId, Error> {
        let keys = self.epochs.keys(tenant, epoch).await?;
        let key = PageKey::generate().map_err(Error::seal("draw a page key"))?;
        let mut row = PageRow {
            page: PageId::new(),
            tenant: tenant.clone(),
            purpose: purpose.clone(),
            epoch,
            generation: 1,
            version: 1,
            owner: self.owner,
            state,
            key: Vec::new(),
            dirty: false,
            added: 0,
            removed: 0,
            bytes: 0,
        };
        row.key = wrap_key(&keys.kek, &row, &key)?;
        self.store.open_page(&row).await?;
        Ok(row.page)
    }

    async fn close(&self, page: Option<OpenPage>) -> Result<(), Error> {
        match page {
            Some(page) => Ok(self.store.close_page(page.page).await?),
            None => Ok(()),
        }
    }
}

/// At least as much as the sealed entry will take: names and numbers, then a number and a key per node.
fn size_bound(entry: &Entry) -> usize {
    256 + 37 * entry.cover.node_count()
}
