//! Erasing: what of a recording nobody is to read any more.
//!
//! The mark comes first: from then on no reader is served, and no sealing or adoption writes, what it takes
//! ([`crate::marks`]). Then the entries themselves go or shrink. That holds for whoever asks this crypto; copies of the
//! key tables are outrun only by the end of the epochs under which the bytes lay, so the answer names these. The
//! same request again finds the mark and has nothing left to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, ErasureId, KeyEpoch, PageId, PurposeName, RecordingId, TenantId, Timestamp};
use seal::SpanSet;
use tracing::info;

use crate::error::Error;
use crate::leases::{Lease, Leases};
use crate::marks::{Mark, MarkedSpans};
use crate::pages::Pages;
use crate::store::{EntryKey, EpochState, KeyStore};

/// What is to become unreadable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EraseRequest {
    /// Of which recording.
    pub recording: RecordingId,
    /// The act; one that comes again is known by it.
    pub erasure: ErasureId,
    /// Only for these purposes; for every one, the reserved ones too, where empty.
    pub purposes: BTreeSet<PurposeName>,
    /// Only these spans; every one, also those still to come, where none are given.
    pub spans: Option<MarkedSpans>,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Entries that were removed now.
    pub removed: u32,
    /// Entries that were narrowed now.
    pub narrowed: u32,
    /// How long leases that were handed out before may still run, in machine time.
    pub leases: Duration,
    /// The epochs whose end makes it final; none where no bytes were overwritten that still open with something.
    pub epochs: BTreeSet<KeyEpoch>,
    /// Before when the last of them does not end, in domain time.
    pub not_before: Option<Timestamp>,
}

/// Erases, and shows what is left.
pub struct Erasing {
    store: Arc<dyn KeyStore>,
    pages: Arc<Pages>,
    leases: Arc<Leases>,
    clock: Arc<dyn Clock>,
}

impl Erasing {
    /// From these pages; `leases` are those that this process handed out.
    pub fn new(
        store: Arc<dyn KeyStore>,
        pages: Arc<Pages>,
        leases: Arc<Leases>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, pages, leases, clock }
    }

    /// Makes something unreadable, for ever; durable when it answers.
    pub async fn erase(&self, tenant: &TenantId, request: &EraseRequest) -> Result<Erased, Error> {
        let &EraseRequest { recording, erasure, .. } = request;
        let mark = self.mark(tenant, request).await?;
        let applied = self.pages.apply_marks(tenant, recording).await?;
        let (epochs, not_before) = self.epochs(&mark).await?;
        let (removed, narrowed) = (applied.removed, applied.narrowed);
        info!(%recording, %erasure, removed, narrowed, "entries erased");
        Ok(Erased { removed, narrowed, leases: self.leases(&mark), epochs, not_before })
    }

    /// What of a recording still opens, by really opening it; reserved purposes are among them.
    pub async fn probe(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<(EntryKey, SpanSet)>, Error> {
        let marks = self.pages.marks(tenant, recording).await?;
        let mut open = Vec::new();
        for locator in self.pages.locators(tenant, recording).await? {
            if let Some(cover) = self.pages.serving(tenant, &locator, &marks).await? {
                open.push((locator.key, cover.spans()));
            }
        }
        Ok(open)
    }

    /// Writes the mark, or finds the one that the same erasure wrote before.
    async fn mark(&self, tenant: &TenantId, request: &EraseRequest) -> Result<Mark, Error> {
        let &EraseRequest { recording, erasure, .. } = request;
        let mark = Mark {
            tenant: tenant.clone(),
            recording,
            erasure,
            purposes: request.purposes.clone(),
            spans: request.spans.clone(),
            at: self.clock.now(),
        };
        self.store.add_mark(&mark).await?;
        let marks = self.pages.marks(tenant, recording).await?;
        let standing = marks.into_iter().find(|standing| standing.erasure == erasure);
        // The first one stays: who asks for more under the same id would be told that it is erased, and it is not.
        let standing = standing.filter(|standing| standing.includes(&mark));
        standing.ok_or(Error::OtherScope { erasure, recording })
    }

    /// The epochs under which something that the mark takes was overwritten, now or before. A page says by its dirt
    /// that this was under its own epoch; that it was under one before, its turn has wiped out. So of the epochs before
    /// a page's own every one is named that is not destroyed: none of them outlives the page's own.
    async fn epochs(&self, mark: &Mark) -> Result<(BTreeSet<KeyEpoch>, Option<Timestamp>), Error> {
        let mut seen: BTreeSet<PageId> = BTreeSet::new();
        let mut below = 0;
        for locator in self.pages.locators(&mark.tenant, mark.recording).await? {
            let page = locator.place.page;
            if mark.takes(&locator.key).is_empty() || !seen.insert(page) {
                continue;
            }
            let row = self.store.page(page).await?;
            let Some(row) = row.filter(|row| row.tenant == mark.tenant) else { continue };
            below = below.max(row.epoch.0.saturating_add(u64::from(row.dirty)));
        }
        let mut epochs = BTreeSet::new();
        let mut not_before: Option<Timestamp> = None;
        // Read after the pages: an epoch that has gone meanwhile holds nothing.
        for row in self.store.epochs(&mark.tenant).await?.into_iter().filter(|row| row.epoch.0 < below) {
            match row.state {
                EpochState::Active | EpochState::Closing | EpochState::Drained => {}
                EpochState::Destroyed => continue,
            }
            epochs.insert(row.epoch);
            not_before = not_before.max(Some(row.until));
        }
        Ok((epochs, not_before))
    }

    /// How long something may still be read that the mark takes. What other processes handed out nobody here knows.
    fn leases(&self, mark: &Mark) -> Duration {
        if self.store.is_shared() {
            return self.leases.life();
        }
        self.leases.longest(|lease: &Lease| {
            lease.claim.tenant == mark.tenant
                && lease.entries().any(|(key, spans)| !mark.takes(&key).intersection(spans).is_empty())
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
