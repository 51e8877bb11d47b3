//! Conditional batches on one page, tried again where another writer was first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kernel::{PageId, TenantId};
use seal::Entry;
use tokio::sync::{Mutex, MutexGuard};

use super::{Pages, Placed, entry_place};
use crate::error::Error;
use crate::store::{Change, EntryBody, MAX_CHANGES, Written};

/// Writers of this process queue per page, so that only other processes cause conflicts; so many attempts
/// outlast any number of them that finish each other's claims.
const ATTEMPTS: usize = 64;
const STRIPES: usize = 64;

/// Orders this process's writers of a page. Correctness rests on the page's version, not on this.
pub(super) struct WriteLocks([Mutex<()>; STRIPES]);

impl Default for WriteLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl WriteLocks {
    pub(super) async fn lock(&self, page: PageId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        page.hash(&mut hasher);
        self.0[hasher.finish() as usize % STRIPES].lock().await
    }
}

/// What an entry becomes, and what it was when that was decided.
#[derive(Clone, Copy)]
pub(super) struct Replacement<'e> {
    pub(super) opened: &'e Entry,
    pub(super) entry: &'e Entry,
}

impl Pages {
    /// Writes entries into their claimed slots, as far as these are still empty.
    pub(super) async fn write(
        &self,
        tenant: &TenantId,
        page: PageId,
        entries: &[(u16, &Entry)],
    ) -> Result<Vec<Placed>, Error> {
        let _queue = self.locks.lock(page).await;
        let mut outcomes = Vec::with_capacity(entries.len());
        for some in entries.chunks(MAX_CHANGES) {
            outcomes.extend(self.write_some(tenant, page, some).await?);
        }
        Ok(outcomes)
    }

    async fn write_some(
        &self,
        tenant: &TenantId,
        page: PageId,
        entries: &[(u16, &Entry)],
    ) -> Result<Vec<Placed>, Error> {
        let slots: Vec<_> = entries.iter().map(|(slot, _)| *slot).collect();
        for _ in 0..ATTEMPTS {
            let (row, key) = self.page(tenant, page).await?;
            let before = self.store.slots(page, &slots).await?;
            let before: HashMap<_, _> = before.into_iter().map(|row| (row.slot, row.body)).collect();
            let (mut changes, mut outcomes) = (Vec::new(), Vec::new());
            for &(slot, entry) in entries {
                outcomes.push(match before.get(&slot) {
                    Some(EntryBody::Sealed(_)) => Placed::Stood,
                    Some(EntryBody::Destroyed) => Placed::Removed,
                    None => {
                        let sealed = seal::page::seal_entry(&key, &entry_place(&row, slot), entry);
                        changes.push(Change::Add(slot, sealed.map_err(Error::seal("seal an entry"))?));
                        Placed::Written
                    }
                });
            }
            if changes.is_empty() || self.apply(page, row.version, &changes).await? {
                return Ok(outcomes);
            }
        }
        Err(Error::Contended("a page of entries"))
    }

    /// Overwrites one slot, with another entry or with nothing; `false` where nothing was left to overwrite.
    pub(super) async fn overwrite(
        &self,
        tenant: &TenantId,
        page: PageId,
        slot: u16,
        replacement: Option<Replacement<'_>>,
    ) -> Result<bool, Error> {
        let _queue = self.locks.lock(page).await;
        for _ in 0..ATTEMPTS {
            let (row, key) = self.page(tenant, page).await?;
            let before = self.store.slots(page, &[slot]).await?.pop();
            if before.as_ref().is_some_and(|before| before.generation != row.generation) {
                // The page had its turn between the two reads.
                continue;
            }
            let before = before.map(|row| row.body);
            let change = match (before, replacement) {
                (Some(EntryBody::Destroyed), _) | (None, Some(_)) => return Ok(false),
                // An empty slot is destroyed, too: a claimant that comes late finds it so.
                (Some(EntryBody::Sealed(_)) | None, None) => Change::Destroy(slot),
                (Some(EntryBody::Sealed(sealed)), Some(Replacement { opened, entry })) => {
                    let place = entry_place(&row, slot);
                    let stands = seal::page::open_entry(&key, &place, &sealed);
                    let stands = stands.map_err(Error::seal("open an entry"))?.cover.spans();
                    if stands == entry.cover.spans() {
                        return Ok(true);
                    }
                    if stands != opened.cover.spans() {
                        return Err(Error::Contended("an entry"));
                    }
                    let sealed = seal::page::seal_entry(&key, &place, entry);
                    Change::Replace(slot, sealed.map_err(Error::seal("seal an entry"))?)
                }
            };
            if self.apply(page, row.version, &[change]).await? {
                return Ok(true);
            }
        }
        Err(Error::Contended("a page of entries"))
    }

    async fn apply(&self, page: PageId, version: u64, changes: &[Change]) -> Result<bool, Error> {
        match self.store.write_page(page, version, changes).await? {
            Written::Applied => Ok(true),
            Written::Conflict => Ok(false),
        }
    }
}
