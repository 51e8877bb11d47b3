//! Which page of its own an instance fills next, and which slot of it.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{InstanceId, KeyEpoch, PageId, PurposeName, TenantId};
use seal::page::{MAX_BYTES, MAX_ENTRIES};
use seal::{Entry, PageKey};
use tokio::sync::Mutex;

use super::{page_key_context, place};
use crate::epochs::Epochs;
use crate::error::Error;
use crate::store::{KeyStore, PageRow, PageState, Place};

/// Entries that may be larger than this get a page of their own: one of them would leave little of a page,
/// and go with it when it is rewritten.
const LARGE: usize = MAX_BYTES / 8;
/// Pages filled at once; beyond it one is closed early.
const MAX_OPEN: usize = 4_096;

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
        let epoch = self.epochs.active(tenant).await?.epoch;
        if size > LARGE {
            let page = self.add(tenant, &entry.purpose, epoch, PageState::Closed).await?;
            return Ok(place(page, 0));
        }
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
            let page = self.add(tenant, &entry.purpose, epoch, PageState::Open).await?;
            open.insert(filled.clone(), OpenPage { page, epoch, slots: 0, bytes: 0 });
        }
        let page = open.get_mut(&filled).expect("one that fits was put there");
        let slot = page.slots;
        page.slots += 1;
        page.bytes += size;
        Ok(place(page.page, slot))
    }

    async fn add(
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
        row.key = seal::wrap::wrap(&keys.kek, &page_key_context(&row), key.expose())
            .map_err(Error::seal("wrap a page key"))?;
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
