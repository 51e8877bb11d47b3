//! Pages: where entries lie, how they are placed, opened, changed and removed.
//!
//! The locator leads to everything: an entry is placed by claiming its locator first and writing its slot
//! second, so that of two instances that place the same entry one claim stands. Whoever finds a claim whose
//! slot is still empty writes it in the claimant's stead: both hold the same key, and the slot takes one of
//! them. Removed is for ever: neither a locator nor a slot has a second life.

mod batch;
mod filling;
mod marked;
mod turning;

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{InstanceId, PageId, RecordingId, TenantId};
use seal::{Entry, EntryPlace, EpochKey, PageKey, WrapContext};

use crate::epochs::Epochs;
use crate::error::Error;
use crate::store::{EntryBody, EntryKey, KeyStore, Locator, LocatorState, PageRow, Place};
use batch::{Replacement, WriteLocks};
use filling::Filling;
pub use marked::Applied;

pub(crate) use turning::{Course, Turned, open_own};

/// How often something is read anew where its page has its turn at the same moment.
const ATTEMPTS: usize = 8;

/// What became of an entry that was to be placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placed {
    /// It is written now.
    Written,
    /// One for the same section and purpose stood there already, and stays as it is.
    Stood,
    /// One for the same section and purpose was removed before: none is written.
    Removed,
}

/// The entries of all tenants, seen by one crypto instance.
pub struct Pages {
    store: Arc<dyn KeyStore>,
    epochs: Arc<Epochs>,
    filling: Filling,
    locks: WriteLocks,
}

impl Pages {
    /// Entries that this instance adds go to pages of its own.
    pub fn new(store: Arc<dyn KeyStore>, epochs: Arc<Epochs>, owner: InstanceId) -> Self {
        let filling = Filling::new(Arc::clone(&store), Arc::clone(&epochs), owner);
        Self { store, epochs, filling, locks: WriteLocks::default() }
    }

    /// Places entries of one tenant; the answers are in the order asked.
    pub async fn place(&self, tenant: &TenantId, entries: &[Entry]) -> Result<Vec<Placed>, Error> {
        let mut claims = Vec::with_capacity(entries.len());
        for entry in entries {
            claims.push((key_of(entry), self.filling.reserve(tenant, entry).await?));
        }
        let locators = self.store.claim(tenant, &claims).await?;
        let mut placed = vec![Placed::Removed; entries.len()];
        let mut by_page: BTreeMap<PageId, Vec<(usize, u16)>> = BTreeMap::new();
        for (index, locator) in locators.iter().enumerate() {
            match locator.state {
                LocatorState::Claimed => {
                    by_page.entry(locator.place.page).or_default().push((index, locator.place.slot));
                }
                LocatorState::Removed => {}
            }
        }
        for (page, slots) in by_page {
            let additions: Vec<_> = slots.iter().map(|&(index, slot)| (slot, &entries[index])).collect();
            let outcomes = self.write(tenant, page, &additions).await?;
            for (&(index, _), outcome) in slots.iter().zip(outcomes) {
                placed[index] = outcome;
            }
        }
        Ok(placed)
    }

    /// A recording's locators.
    pub async fn locators(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Locator>, Error> {
        Ok(self.store.locators(tenant, recording).await?)
    }

    /// Opens what a locator leads to; nothing where it was removed or is not yet written.
    pub async fn open(&self, tenant: &TenantId, locator: &Locator) -> Result<Option<Entry>, Error> {
        match locator.state {
            LocatorState::Removed => return Ok(None),
            LocatorState::Claimed => {}
        }
        for _ in 0..ATTEMPTS {
            let Some(slot) = self.store.entry(locator.place).await? else { return Ok(None) };
            let EntryBody::Sealed(sealed) = slot.body else { return Ok(None) };
            let (row, key) = self.page(tenant, locator.place.page).await?;
            // The page had its turn between the two reads.
            if slot.generation != row.generation {
                continue;
            }
            let place = entry_place(&row, locator.place.slot);
            let entry =
                seal::page::open_entry(&key, &place, &sealed).map_err(Error::seal("open an entry"))?;
            // An entry moved here from elsewhere would serve another purpose than its locator says.
            if key_of(&entry) != locator.key || row.purpose != entry.purpose {
                return Err(Error::Misplaced(row.page));
            }
            return Ok(Some(entry));
        }
        Err(Error::Contended("a page of entries"))
    }

    /// Puts another entry for the same section and purpose in the stead of the one that was opened, bytes and
    /// all; `false` where it was removed meanwhile. Where another instance has changed it meanwhile the change was
    /// decided on what is no more, and is refused: it might give back what the other took away.
    pub async fn replace(
        &self,
        tenant: &TenantId,
        at: &Locator,
        opened: &Entry,
        entry: &Entry,
    ) -> Result<bool, Error> {
        let replacement = Some(Replacement { opened, entry });
        self.overwrite(tenant, at.place.page, at.place.slot, replacement).await
    }

    /// Removes what a locator leads to: the bytes at once, then the locator.
    pub async fn remove(&self, tenant: &TenantId, locator: &Locator) -> Result<(), Error> {
        self.overwrite(tenant, locator.place.page, locator.place.slot, None).await?;
        Ok(self.store.retire(tenant, &locator.key).await?)
    }

    /// A page of this tenant with its key.
    async fn page(&self, tenant: &TenantId, page: PageId) -> Result<(PageRow, PageKey), Error> {
        let mut row = self.row(tenant, page).await?;
        for _ in 0..ATTEMPTS {
            let error = match self.page_key(&row).await {
                Ok(key) => return Ok((row, key)),
                Err(error) => error,
            };
            // The epoch that it was under may have ended since, and the page be under another.
            let now = self.row(tenant, page).await?;
            if (now.epoch, now.generation) == (row.epoch, row.generation) {
                return Err(error);
            }
            row = now;
        }
        Err(Error::Contended("a page of entries"))
    }

    async fn row(&self, tenant: &TenantId, page: PageId) -> Result<PageRow, Error> {
        let row = self.store.page(page).await?.ok_or(Error::Misplaced(page))?;
        if row.tenant == *tenant { Ok(row) } else { Err(Error::Misplaced(page)) }
    }

    async fn page_key(&self, row: &PageRow) -> Result<PageKey, Error> {
        let keys = self.epochs.keys(&row.tenant, row.epoch).await?;
        unwrap_key(&keys.kek, row)
    }
}

/// The key of a page under the epoch whose KEK is given.
pub(crate) fn unwrap_key(kek: &EpochKey, row: &PageRow) -> Result<PageKey, Error> {
    let opened = seal::wrap::unwrap(kek, &page_key_context(row), &row.key);
    let opened = opened.map_err(Error::seal("open a page key"))?;
    PageKey::from_slice(&opened).map_err(Error::seal("read a page key"))
}

/// A page's key, wrapped for its row under the epoch whose KEK is given.
fn wrap_key(kek: &EpochKey, row: &PageRow, key: &PageKey) -> Result<Vec<u8>, Error> {
    seal::wrap::wrap(kek, &page_key_context(row), key.expose()).map_err(Error::seal("wrap a page key"))
}

/// Which entry it is.
pub fn key_of(entry: &Entry) -> EntryKey {
    EntryKey { section: entry.section, purpose: entry.purpose.clone() }
}

fn entry_place(row: &PageRow, slot: u16) -> EntryPlace {
    EntryPlace { tenant: row.tenant.clone(), page: row.page, generation: row.generation, slot }
}

fn page_key_context(row: &PageRow) -> WrapContext {
    WrapContext::PageKey {
        tenant: row.tenant.clone(),
        epoch: row.epoch,
        page: row.page,
        generation: row.generation,
    }
}

/// A place, from its parts.
fn place(page: PageId, slot: u16) -> Place {
    Place { page, slot }
}

#[cfg(test)]
pub(crate) mod tests;
