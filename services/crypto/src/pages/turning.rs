//! A page comes under another epoch: its key is wrapped anew, or what is left of it is sealed under a fresh one.
//!
//! Nothing is believed that was not looked at: before the change the page must hold as many entries as its counts
//! say, and after it the first and the last of them must open under the epoch that stays.

use std::sync::Arc;

use kernel::{KeyEpoch, PageId, TenantId};
use seal::PageKey;
use tokio::sync::OnceCell;

use super::{Pages, entry_place, unwrap_key, wrap_key};
use crate::epochs::EpochKeys;
use crate::error::Error;
use crate::store::{EntryBody, EntryRow, NextGeneration, PageRow, WholePage, Written};

/// How often a page is taken anew while others write on it.
const ATTEMPTS: usize = 64;

/// What became of a page that was to be turned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turned {
    /// It is under the other epoch now, in this generation, and opens there.
    Now(u32),
    /// It was no longer under the epoch that it was to leave.
    Before,
}

/// From which epoch to which pages are taken.
pub(crate) struct Course {
    from: KeyEpoch,
    to: KeyEpoch,
    /// Those of the epoch that is left, opened once for all pages: no ring keeps them any more.
    keys: OnceCell<Arc<EpochKeys>>,
}

impl Course {
    pub(crate) fn new(from: KeyEpoch, to: KeyEpoch) -> Self {
        Self { from, to, keys: OnceCell::new() }
    }
}

impl Pages {
    /// Takes a page from one epoch to another. Where it does not hold what it should it stays as it is.
    pub(crate) async fn turn(
        &self,
        tenant: &TenantId,
        page: PageId,
        course: &Course,
    ) -> Result<Turned, Error> {
        let _queue = self.locks.lock(page).await;
        for _ in 0..ATTEMPTS {
            let whole = self.whole(tenant, page).await?;
            if whole.row.epoch != course.from {
                return Ok(Turned::Before);
            }
            let next = match self.next_generation(&whole, course).await {
                Ok(next) => next,
                Err(error) => {
                    // Another may have turned it meanwhile, and the epoch have ended, key and all.
                    if self.row(tenant, page).await?.version == whole.row.version {
                        return Err(error);
                    }
                    continue;
                }
            };
            match self.store.turn_page(page, whole.row.version, next).await? {
                Written::Applied => {
                    let generation = self.sample(tenant, page, &ends(&whole.entries)).await?;
                    return Ok(Turned::Now(generation));
                }
                Written::Conflict => tokio::task::yield_now().await,
            }
        }
        Err(Error::Contended("a page of entries"))
    }

    /// Looks whether a page holds what its counts say, and its first and last entry open; answers under which
    /// generation. Of one that holds nothing the key may be gone.
    pub(crate) async fn check(&self, tenant: &TenantId, page: PageId) -> Result<u32, Error> {
        let whole = self.whole(tenant, page).await?;
        match &ends(&whole.entries)[..] {
            [] => Ok(whole.row.generation),
            slots => self.sample(tenant, page, slots).await,
        }
    }

    /// A page with all it holds, as many entries as were added and not removed. A write that is under way may show in
    /// the slots before it does in the counts: what does not agree is looked at again.
    async fn whole(&self, tenant: &TenantId, page: PageId) -> Result<WholePage, Error> {
        let mut doubted = None;
        for _ in 0..ATTEMPTS {
            let whole = self.store.whole_page(page).await?.ok_or(Error::Misplaced(page))?;
            if whole.row.tenant != *tenant {
                return Err(Error::Misplaced(page));
            }
            let found = whole.entries.iter().filter(|slot| stands(slot)).count() as u64;
            let counted = whole.row.added.saturating_sub(whole.row.removed);
            if found == counted {
                return Ok(whole);
            }
            if doubted == Some(whole.row.version) {
                return Err(Error::Miscounted { page, found, counted });
            }
            doubted = Some(whole.row.version);
        }
        Err(Error::Contended("a page of entries"))
    }

    /// Opens these slots as they lie now, each under the key that the page has now; those that were removed
    /// meanwhile need not open.
    async fn sample(&self, tenant: &TenantId, page: PageId, slots: &[u16]) -> Result<u32, Error> {
        for _ in 0..ATTEMPTS {
            let (row, key) = self.page(tenant, page).await?;
            let found = self.store.slots(page, slots).await?;
            if found.iter().any(|slot| slot.generation != row.generation) {
                continue;
            }
            if found.len() != slots.len() {
                return Err(Error::Misplaced(page));
            }
            for slot in &found {
                match &slot.body {
                    EntryBody::Sealed(sealed) => open_own(&row, &key, slot.slot, sealed).map(drop)?,
                    EntryBody::Destroyed => {}
                }
            }
            return Ok(row.generation);
        }
        Err(Error::Contended("a page of entries"))
    }

    /// Where nothing stands the old key is not needed, and may be gone: what was opened under an epoch when that
    /// had just ended is such a page.
    async fn next_generation(&self, whole: &WholePage, course: &Course) -> Result<NextGeneration, Error> {
        let (WholePage { row, entries }, to) = (whole, course.to);
        let target = self.epochs.keys(&row.tenant, to).await?;
        let key = if entries.iter().any(stands) {
            let keys = course.keys.get_or_try_init(|| self.epochs.keys(&row.tenant, course.from)).await?;
            Some(unwrap_key(&keys.kek, row)?)
        } else {
            None
        };
        if let Some(key) = key.as_ref().filter(|_| !row.dirty) {
            let turned = PageRow { epoch: to, ..row.clone() };
            return Ok(NextGeneration::Rewrapped { epoch: to, key: wrap_key(&target.kek, &turned, key)? });
        }
        let generation = row.generation.checked_add(1).ok_or(Error::Contended("a page's last generation"))?;
        let mut turned = PageRow { epoch: to, generation, ..row.clone() };
        let fresh = PageKey::generate().map_err(Error::seal("draw a page key"))?;
        turned.key = wrap_key(&target.kek, &turned, &fresh)?;
        // What is written opens with what is read back of the row.
        let written = unwrap_key(&target.kek, &turned)?;
        let mut resealed = Vec::with_capacity(entries.len());
        for slot in entries {
            let sealed = match &slot.body {
                EntryBody::Sealed(sealed) => {
                    let key = key.as_ref().ok_or(Error::Misplaced(row.page))?;
                    let entry = open_own(row, key, slot.slot, sealed)?;
                    let place = entry_place(&turned, slot.slot);
                    let sealed = seal::page::seal_entry(&fresh, &place, &entry);
                    let sealed = sealed.map_err(Error::seal("seal an entry"))?;
                    open_own(&turned, &written, slot.slot, &sealed)?;
                    Some(sealed)
                }
                EntryBody::Destroyed => None,
            };
            resealed.push((slot.slot, sealed));
        }
        Ok(NextGeneration::Resealed { epoch: to, generation, key: turned.key, entries: resealed })
    }
}

/// Opens an entry that must be of its page's purpose.
pub(crate) fn open_own(row: &PageRow, key: &PageKey, slot: u16, sealed: &[u8]) -> Result<seal::Entry, Error> {
    let entry = seal::page::open_entry(key, &entry_place(row, slot), sealed);
    let entry = entry.map_err(Error::seal("open an entry"))?;
    if entry.purpose == row.purpose { Ok(entry) } else { Err(Error::Misplaced(row.page)) }
}

fn stands(slot: &EntryRow) -> bool {
    match slot.body {
        EntryBody::Sealed(_) => true,
        EntryBody::Destroyed => false,
    }
}

/// The first and the last slot that holds an entry.
fn ends(entries: &[EntryRow]) -> Vec<u16> {
    let mut standing = entries.iter().filter(|slot| stands(slot)).map(|slot| slot.slot);
    let first = standing.next();
    first.into_iter().chain(standing.next_back()).collect()
}
