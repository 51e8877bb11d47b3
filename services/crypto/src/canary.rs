//! Canaries: two entries on one page per epoch, one of them removed, to show that removed means gone.
//!
//! What was removed is kept outside the key tables as it was: the sealed bytes and the wrapped page key, among the
//! data, where a backup has them for as long as backups are kept. While its epoch lives they may open. Once it is
//! destroyed they must not, whatever key is tried, and the entry beside it must open always. No reader is served under
//! the purpose, and what the entries would open was never sealed with.

pub mod scylla;
pub mod sqlite;

#[cfg(test)]
pub(crate) mod contract;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{ErrorCode, KeyEpoch, LegNo, PageId, RecordingId, SectionNo, ServiceError, SpanNo, TenantId};
use parking_lot::Mutex;
use seal::{Entry, EntryPlace, EpochKey, LegKey, PageKey, SectionAddress, SpanSet, WrapContext};
use sha2::{Digest, Sha256};
use tracing::info;

use crate::backend::{self, KeyBackend, KeyName};
use crate::epochs::Epochs;
use crate::error::Error;
use crate::pages::{Pages, unwrap_key};
use crate::sections::reserved;
use crate::store::{
    EntryBody, EntryKey, EpochRow, EpochState, KeyStore, Locator, LocatorState, MAX_LISTED, PageRow, Place,
};

pub use sqlite::SqliteCanaries;

/// The reserved purpose of canaries.
pub const CANARY: &str = "canary";

/// How often a page is read anew that has its turn at the same moment.
const ATTEMPTS: usize = 8;
/// The entry that is removed, and its neighbour.
const REMOVED: LegNo = LegNo(0);
const NEIGHBOUR: LegNo = LegNo(1);

/// A removed entry as it was: what somebody has who kept the key tables of then.
#[derive(Clone, PartialEq, Eq)]
pub struct CanaryCase {
    /// The page it lay on.
    pub page: PageId,
    /// Under which generation of the page's key.
    pub generation: u32,
    /// In which slot.
    pub slot: u16,
    /// The epoch whose KEK wrapped the page key then.
    pub key_epoch: KeyEpoch,
    /// The page key, wrapped.
    pub key: Vec<u8>,
    /// The sealed entry.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for CanaryCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CanaryCase({} slot {} epoch {}, redacted)", self.page, self.slot, self.key_epoch)
    }
}

/// What is kept of canaries was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} among the canaries")]
pub struct ShelfError {
    act: &'static str,
    code: ErrorCode,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ShelfError {
    /// What was attempted, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        code: ErrorCode,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { act, code, source: source.into() }
    }
}

impl ServiceError for ShelfError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// Where removed canaries are kept: among the data, never in the key tables. Durable when it answers.
#[async_trait]
pub trait CanaryShelf: Send + Sync + 'static {
    /// Keeps an epoch's case in place of one before.
    async fn put(&self, tenant: &TenantId, epoch: KeyEpoch, case: &CanaryCase) -> Result<(), ShelfError>;
    /// An epoch's case.
    async fn get(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<CanaryCase>, ShelfError>;
    /// A tenant's cases, in order.
    async fn list(&self, tenant: &TenantId) -> Result<Vec<(KeyEpoch, CanaryCase)>, ShelfError>;
}

/// How an epoch's canary is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CanaryStatus {
    /// Whose.
    pub epoch: KeyEpoch,
    /// What was removed opens with some key that is there, or would with an old copy of the key tables.
    pub removed_opens: bool,
    /// Its neighbour opens.
    pub neighbour_opens: bool,
    /// The key tables never had its neighbour: they are older than the canary, and nothing is said of what they open.
    pub neighbour_unknown: bool,
    /// Both are as they must be now, as far as the key tables know them.
    pub ok: bool,
}

/// How the entry beside a removed one is found.
enum Neighbour {
    Opens,
    /// It had a place, and does not open there.
    Fails,
    /// It never had a place in these key tables.
    Unknown,
}

/// Places canaries and looks after them.
pub struct Canaries {
    store: Arc<dyn KeyStore>,
    backend: Arc<dyn KeyBackend>,
    epochs: Arc<Epochs>,
    pages: Arc<Pages>,
    shelf: Arc<dyn CanaryShelf>,
    placed: Mutex<HashSet<(TenantId, KeyEpoch)>>,
}

impl Canaries {
    /// Entries lie in these pages, what is removed of them on this shelf.
    pub fn new(
        store: Arc<dyn KeyStore>,
        backend: Arc<dyn KeyBackend>,
        epochs: Arc<Epochs>,
        pages: Arc<Pages>,
        shelf: Arc<dyn CanaryShelf>,
    ) -> Self {
        Self { store, backend, epochs, pages, shelf, placed: Mutex::default() }
    }

    /// Places the active epoch's canaries, unless they are: kept first, removed second, so that whatever is cut off
    /// is finished by the next. That they are is a matter of the key tables: some that were put back may be older than
    /// what the shelf has, and get a pair of their own.
    pub async fn place(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<(), Error> {
        let name = (tenant.clone(), epoch);
        if self.placed.lock().contains(&name) {
            return Ok(());
        }
        let kept = self.shelf.get(tenant, epoch).await?;
        let is_kept =
            |at: Place| kept.as_ref().is_some_and(|case| (case.page, case.slot) == (at.page, at.slot));
        let mut removed = self.locator(tenant, epoch, REMOVED).await?;
        if removed.as_ref().is_none_or(|at| at.state == LocatorState::Claimed && !is_kept(at.place)) {
            let both = [canary(tenant, epoch, REMOVED)?, canary(tenant, epoch, NEIGHBOUR)?];
            self.pages.place(tenant, &both).await?;
            removed = self.locator(tenant, epoch, REMOVED).await?;
        }
        if let Some(locator) = removed
            && locator.state == LocatorState::Claimed
        {
            if !is_kept(locator.place)
                && let Some(case) = self.case(tenant, &locator).await?
            {
                self.shelf.put(tenant, epoch, &case).await?;
            }
            self.pages.remove(tenant, &locator).await?;
            info!(%tenant, %epoch, "a key epoch's canaries are placed");
        }
        self.give_neighbours(tenant, epoch).await?;
        self.placed.lock().insert(name);
        Ok(())
    }

    /// Canaries of epochs before this one get a neighbour anew, where the key tables are older than they are. What was
    /// removed of them stays as it was kept: that it does not open is proved still.
    async fn give_neighbours(&self, tenant: &TenantId, active: KeyEpoch) -> Result<(), Error> {
        for (epoch, _) in self.shelf.list(tenant).await? {
            if epoch >= active || self.locator(tenant, epoch, NEIGHBOUR).await?.is_some() {
                continue;
            }
            self.pages.place(tenant, &[canary(tenant, epoch, NEIGHBOUR)?]).await?;
            info!(%tenant, %epoch, "the key tables are older than a canary, whose neighbour is placed anew");
        }
        Ok(())
    }

    /// Looks after all canaries of a tenant, with every key that is there.
    pub async fn check(&self, tenant: &TenantId) -> Result<Vec<CanaryStatus>, Error> {
        let cases = self.shelf.list(tenant).await?;
        let mut opened = vec![false; cases.len()];
        let epochs = self.store.epochs(tenant).await?;
        for row in &epochs {
            let Some(keys) = self.present(row).await? else { continue };
            for ((_, case), opened) in cases.iter().zip(&mut opened) {
                *opened |= case.opens_by(tenant, row.epoch, &keys.kek);
            }
            self.try_pages(row, &keys.kek, &cases, &mut opened).await?;
        }
        let mut found = Vec::with_capacity(cases.len());
        for ((epoch, case), opened) in cases.iter().zip(opened) {
            let of = epochs.iter().find(|row| row.epoch == case.key_epoch);
            let is_destroyed = of.is_some_and(|row| row.state == EpochState::Destroyed);
            // Its key in hand, an old copy of the key tables would open it.
            let removed_opens = opened || (is_destroyed && self.key_is_there(tenant, case.key_epoch).await?);
            let neighbour = self.neighbour(tenant, *epoch).await?;
            let (neighbour_opens, neighbour_unknown) = match neighbour {
                Neighbour::Opens => (true, false),
                Neighbour::Fails => (false, false),
                Neighbour::Unknown => (false, true),
            };
            let ok = (neighbour_opens || neighbour_unknown) && !(is_destroyed && removed_opens);
            let epoch = *epoch;
            found.push(CanaryStatus { epoch, removed_opens, neighbour_opens, neighbour_unknown, ok });
        }
        Ok(found)
    }

    /// What lies where the locator leads, as long as it is there.
    async fn case(&self, tenant: &TenantId, locator: &Locator) -> Result<Option<CanaryCase>, Error> {
        let page = locator.place.page;
        for _ in 0..ATTEMPTS {
            let row = self.store.page(page).await?.filter(|row| row.tenant == *tenant);
            let row = row.ok_or(Error::Misplaced(page))?;
            let Some(entry) = self.store.entry(locator.place).await? else { return Ok(None) };
            let EntryBody::Sealed(sealed) = entry.body else { return Ok(None) };
            if entry.generation == row.generation {
                let PageRow { generation, epoch: key_epoch, key, .. } = row;
                return Ok(Some(CanaryCase { page, generation, slot: entry.slot, key_epoch, key, sealed }));
            }
        }
        Err(Error::Contended("a page of entries"))
    }

    /// The keys of an epoch, as long as they can be had.
    async fn present(&self, row: &EpochRow) -> Result<Option<Arc<crate::epochs::EpochKeys>>, Error> {
        match self.epochs.keys(&row.tenant, row.epoch).await {
            Ok(keys) => Ok(Some(keys)),
            Err(Error::UnknownEpoch { .. } | Error::Backend(backend::Error::Missing(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tries the key of every page under an epoch.
    async fn try_pages(
        &self,
        epoch: &EpochRow,
        kek: &EpochKey,
        cases: &[(KeyEpoch, CanaryCase)],
        opened: &mut [bool],
    ) -> Result<(), Error> {
        let (tenant, mut after) = (&epoch.tenant, None);
        loop {
            let pages = self.store.pages(tenant, epoch.epoch, after, MAX_LISTED).await?;
            let Some(last) = pages.last() else { return Ok(()) };
            after = Some(last.page);
            // A key that does not open opens nothing.
            for key in pages.iter().filter_map(|row| unwrap_key(kek, row).ok()) {
                for ((_, case), opened) in cases.iter().zip(opened.iter_mut()) {
                    *opened |= case.opens_with(tenant, &key);
                }
            }
        }
    }

    async fn key_is_there(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<bool, Error> {
        match self.backend.hmac(&KeyName::Epoch(tenant.clone(), epoch), CANARY.as_bytes()).await {
            Ok(_) => Ok(true),
            Err(backend::Error::Missing(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn neighbour(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Neighbour, Error> {
        let locator = self.locator(tenant, epoch, NEIGHBOUR).await?;
        let Some(locator) = locator else { return Ok(Neighbour::Unknown) };
        match self.pages.open(tenant, &locator).await {
            Ok(Some(_)) => Ok(Neighbour::Opens),
            Ok(None) => Ok(Neighbour::Fails),
            Err(error) => match error.code() {
                ErrorCode::DataLoss | ErrorCode::FailedPrecondition | ErrorCode::InvalidArgument => {
                    Ok(Neighbour::Fails)
                }
                _ => Err(error),
            },
        }
    }

    async fn locator(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        leg: LegNo,
    ) -> Result<Option<Locator>, Error> {
        let key = entry_key(tenant, epoch, leg);
        let locators = self.pages.locators(tenant, key.section.recording).await?;
        Ok(locators.into_iter().find(|locator| locator.key == key))
    }
}

impl CanaryCase {
    /// Whether it opens where its page key is wrapped by this KEK, for its own epoch or for the KEK's.
    pub(crate) fn opens_by(&self, tenant: &TenantId, epoch: KeyEpoch, kek: &EpochKey) -> bool {
        let context = |epoch| WrapContext::PageKey {
            tenant: tenant.clone(),
            epoch,
            page: self.page,
            generation: self.generation,
        };
        [self.key_epoch, epoch].into_iter().any(|epoch| {
            let key = seal::wrap::unwrap(kek, &context(epoch), &self.key);
            key.and_then(|key| PageKey::from_slice(&key)).is_ok_and(|key| self.opens_with(tenant, &key))
        })
    }

    pub(crate) fn opens_with(&self, tenant: &TenantId, key: &PageKey) -> bool {
        let (page, generation, slot) = (self.page, self.generation, self.slot);
        let place = EntryPlace { tenant: tenant.clone(), page, generation, slot };
        seal::page::open_entry(key, &place, &self.sealed).is_ok()
    }
}

/// An entry that would open one span of a section that there is not.
fn canary(tenant: &TenantId, epoch: KeyEpoch, leg: LegNo) -> Result<Entry, Error> {
    let key = LegKey::generate().map_err(Error::seal("draw a canary's key"))?;
    let span = SpanSet::from_spans([SpanNo(0)]).map_err(Error::seal("name a canary's span"))?;
    let EntryKey { section, purpose } = entry_key(tenant, epoch, leg);
    Ok(Entry { section, purpose, cover: key.cover(&span) })
}

/// Where an epoch's canary lies: under a recording's id that is made of tenant and epoch, and meets no drawn one.
fn entry_key(tenant: &TenantId, epoch: KeyEpoch, leg: LegNo) -> EntryKey {
    let hash = Sha256::new().chain_update(b"verbale/canary/v1/").chain_update(tenant.as_str());
    let hash = hash.chain_update(b"/").chain_update(epoch.0.to_be_bytes()).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    let section = SectionAddress { recording: RecordingId::from_bytes(id), leg, section: SectionNo(0) };
    EntryKey { section, purpose: reserved(CANARY) }
}

#[cfg(test)]
mod tests;
