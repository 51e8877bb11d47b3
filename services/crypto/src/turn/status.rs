//! How a tenant's epochs stand, and what an operator should do about it.

use kernel::{KeyEpoch, TenantId, Timestamp, chain};

use super::{Turn, Wait};
use crate::canary::CanaryStatus;
use crate::error::Error;
use crate::store::{EpochRow, EpochState, Holder, MAX_LISTED};

/// How one epoch stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EpochStatus {
    /// Which.
    pub epoch: KeyEpoch,
    /// How far its life has come.
    pub state: EpochState,
    /// When it began.
    pub from: Timestamp,
    /// When the next was to begin.
    pub until: Timestamp,
    /// Who may still seal to it.
    pub holders: Vec<Holder>,
    /// Pages under it.
    pub pages: u64,
    /// Those that something was removed from.
    pub dirty_pages: u64,
    /// Entries on them.
    pub entries: u64,
    /// Why it is not further, when last tried by this process.
    pub wait: Option<Wait>,
    /// When its key was destroyed.
    pub destroyed_at: Option<Timestamp>,
}

/// What is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// The tables.
    Tables,
    /// Canaries, too: every page's key is opened.
    Canaries,
}

/// All there is to say of a tenant's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Its epochs, in order.
    pub epochs: Vec<EpochStatus>,
    /// Its canaries, in order.
    pub canaries: Vec<CanaryStatus>,
    /// Where the key tables are copied to.
    pub copies: Option<String>,
    /// When the newest copy was made.
    pub copied_at: Option<Timestamp>,
    /// When the last erasure was that the key tables know of: tables that were put back know of none after their copy.
    pub last_erasure_at: Option<Timestamp>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
}

impl Turn {
    /// How a tenant's epochs stand.
    pub async fn status(&self, tenant: &TenantId) -> Result<Vec<EpochStatus>, Error> {
        let mut all = Vec::new();
        for row in self.parts.store.epochs(tenant).await? {
            all.push(self.status_of(row).await?);
        }
        Ok(all)
    }

    /// All there is to say of a tenant's keys.
    pub async fn report(&self, tenant: &TenantId, look: Look) -> Result<Report, Error> {
        let epochs = self.status(tenant).await?;
        let canaries = match look {
            Look::Tables => Vec::new(),
            Look::Canaries => {
                self.place_canaries(tenant).await?;
                self.parts.canaries.check(tenant).await?
            }
        };
        let mut warnings = self.held_long(&epochs);
        warnings.extend(canaries.iter().filter_map(canary_warning));
        let copies = self.parts.copies.place();
        if copies.is_none() && !self.parts.store.is_shared() {
            warnings.push("one disk holds the keys: set storage.key_copies".to_owned());
        }
        let copied_at = match self.parts.copies.newest().await {
            Ok(at) => at,
            Err(error) => {
                warnings.push(format!("copies: {}", chain(&error)));
                None
            }
        };
        let last_erasure_at = self.parts.store.last_erasure(tenant).await?;
        Ok(Report { epochs, canaries, copies, copied_at, last_erasure_at, warnings })
    }

    /// Whoever looks before the task has come round finds those of the epoch in use, too.
    async fn place_canaries(&self, tenant: &TenantId) -> Result<(), Error> {
        match self.parts.store.latest_epoch(tenant).await? {
            Some(latest) if self.parts.clock.now() < latest.until => {
                self.parts.canaries.place(tenant, latest.epoch).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn status_of(&self, row: EpochRow) -> Result<EpochStatus, Error> {
        let (tenant, epoch) = (&row.tenant, row.epoch);
        let (holders, counts) = match row.state {
            // What was opened under it since is empty, and nobody's.
            EpochState::Destroyed => Default::default(),
            EpochState::Active | EpochState::Closing | EpochState::Drained => {
                (self.parts.store.holders(tenant, epoch).await?, self.count(tenant, epoch).await?)
            }
        };
        let wait = match row.state {
            EpochState::Active | EpochState::Destroyed => None,
            EpochState::Closing => {
                let first = holders.iter().min_by_key(|holder| holder.since).cloned();
                first.map(Wait::Held).or_else(|| self.last_wait(tenant, epoch))
            }
            EpochState::Drained => self.last_wait(tenant, epoch),
        };
        Ok(EpochStatus {
            epoch,
            state: row.state,
            from: row.from,
            until: row.until,
            holders,
            pages: counts.pages,
            dirty_pages: counts.dirty,
            entries: counts.entries,
            wait,
            destroyed_at: row.destroyed_at,
        })
    }

    pub(super) fn last_wait(&self, tenant: &TenantId, epoch: KeyEpoch) -> Option<Wait> {
        self.known.lock().get(&(tenant.clone(), epoch))?.wait.clone()
    }

    async fn count(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), None);
        loop {
            let pages = self.parts.store.pages(tenant, epoch, after, MAX_LISTED).await?;
            let Some(last) = pages.last() else { return Ok(counts) };
            after = Some(last.page);
            for page in &pages {
                counts.pages += 1;
                counts.dirty += u64::from(page.dirty);
                counts.entries += page.added.saturating_sub(page.removed);
            }
        }
    }

    fn held_long(&self, epochs: &[EpochStatus]) -> Vec<String> {
        let now = self.parts.clock.now();
        let long = epochs.iter().filter(|epoch| match epoch.state {
            EpochState::Closing | EpochState::Drained => now.since(epoch.until) > self.parts.length,
            EpochState::Active | EpochState::Destroyed => false,
        });
        let words = long.map(|epoch| match &epoch.wait {
            Some(wait) => format!("epoch {} is held up: {wait}", epoch.epoch),
            None => format!("epoch {} is held up", epoch.epoch),
        });
        words.collect()
    }
}

fn canary_warning(canary: &CanaryStatus) -> Option<String> {
    let epoch = canary.epoch;
    match (canary.ok, canary.neighbour_opens, canary.neighbour_unknown) {
        (false, true, _) | (false, _, true) => {
            Some(format!("of the canaries of epoch {epoch} the removed one still opens"))
        }
        (false, false, false) => {
            Some(format!("of the canaries of epoch {epoch} the standing one does not open"))
        }
        (true, _, true) => Some(format!(
            "the key tables are older than the canaries of epoch {epoch}: new ones are placed once an epoch is in use"
        )),
        (true, _, false) => None,
    }
}

#[derive(Default)]
struct Counts {
    pages: u64,
    dirty: u64,
    entries: u64,
}
