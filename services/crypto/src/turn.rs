//! The turn: an epoch that has ended is drained, its pages come under the active one, and its key is destroyed.
//!
//! ```text
//! active --(the next begins)--> closing --(nobody holds it, the log is read)--> drained
//!        --(no page is under it, the copy reads, the journal knows)--> destroyed
//! ```
//!
//! [`Turn::step`] takes each of a tenant's epochs as far as it can go now, and may be cut off anywhere: what it does
//! next it reads from the tables. Several processes may step the same tenant at once, each write being conditional.
//! What is remembered here only spares work, or is measured anew, which makes it later and never earlier.
//!
//! Four things must not cross, and each is ordered so that one side sees the other. An instance that is given an epoch
//! is noted first and the state is read after ([`Epochs::give`]); who is noted is looked at when the epoch is
//! surely closing. Whoever opens a page under an epoch reads its state after; pages are listed when it is surely
//! drained. A page is turned to the epoch that is active after the one it leaves was drained; so an epoch is destroyed
//! only once all before it are, and nobody can bring it another page. And a ring keeps no key of a
//! drained epoch, so that a ring's life after it was drained no process has one left.
//!
//! That two people give up an epoch whose holder never reports is not built: it stays closing, and is alarmed.

mod drain;
mod end;
mod shown;
mod take;

pub mod announce;
pub mod status;
pub mod wait;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use kernel::{Clock, KeyEpoch, PageId, TenantId, chain};
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::warn;

use self::drain::LogEnds;
use crate::backend::KeyBackend;
use crate::canary::Canaries;
use crate::copies::KeyCopies;
use crate::epochs::Epochs;
use crate::error::Error;
use crate::pages::Pages;
use crate::store::{EpochRow, EpochState, KeyStore, MAX_LISTED};

pub use announce::Announce;
pub use shown::EPOCH_HELD;
pub(crate) use shown::task;
pub use status::{EpochStatus, Look, Report};
pub use wait::Wait;

/// What the turn stands on.
pub struct Parts {
    /// The key tables.
    pub store: Arc<dyn KeyStore>,
    /// The key backend.
    pub backend: Arc<dyn KeyBackend>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// Epochs and their keys.
    pub epochs: Arc<Epochs>,
    /// Where entries lie.
    pub pages: Arc<Pages>,
    /// The event log, for how far it was read.
    pub log: Arc<dyn EventLog>,
    /// Who must know of an epoch's end before it comes.
    pub announce: Arc<dyn Announce>,
    /// The second place of the key tables.
    pub copies: Arc<dyn KeyCopies>,
    /// What proves that an epoch is gone.
    pub canaries: Arc<Canaries>,
    /// How long an epoch is active, in domain time.
    pub length: Duration,
    /// How old it must be before who asks for a turn ends it while another turn is under way, in domain time.
    pub least_age: Duration,
    /// How long a process keeps an epoch's keys open at most, in machine time.
    pub ring_life: Duration,
}

/// Takes tenants' epochs to their end.
pub struct Turn {
    parts: Parts,
    /// One step at a time in this process: two would only do each other's work.
    stepping: tokio::sync::Mutex<()>,
    /// One is asked at a time in this process: two would each end the other's epoch.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<HashMap<(TenantId, KeyEpoch), Known>>,
}

/// What this process remembers of an epoch.
#[derive(Default)]
struct Known {
    /// The log's ends when nobody held the epoch any more.
    ends: Option<LogEnds>,
    /// Since when it is known to be drained.
    drained: Option<Instant>,
    /// Pages that were opened under epochs that stay, with the generation that was.
    checked: HashSet<(PageId, u32)>,
    /// What held it up when last tried.
    wait: Option<Wait>,
    /// It was told that it is held up for long.
    is_told: bool,
    /// Not before then it is looked again whether an active epoch that is over has anything to destroy.
    look_after: Option<Instant>,
}

/// What became of asking for a turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// How the tenant's epochs stand then.
    pub epochs: Vec<EpochStatus>,
    /// Why the active one was not ended; nothing where it was.
    pub held_back: Option<TooYoung>,
}

/// The active epoch has only just begun, and the turn that began it is not over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooYoung {
    /// Which is active.
    pub epoch: KeyEpoch,
    /// For how long, in domain time.
    pub age: Duration,
    /// The first one before it that is not destroyed.
    pub before: KeyEpoch,
}

impl fmt::Display for TooYoung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, age, before } = self;
        let age = age.as_secs();
        write!(
            f,
            "epoch {epoch} began {age} s ago and goes on: epoch {before} before it is not destroyed yet"
        )
    }
}

/// So many times longer than looking took nobody looks again.
const REST: u32 = 20;

impl Turn {
    /// On these parts.
    pub fn new(parts: Parts) -> Self {
        let (stepping, asking) = Default::default();
        Self { parts, stepping, asking, known: Mutex::default() }
    }

    /// Takes each epoch of a tenant as far as it can go now; tells how they stand then.
    pub async fn step(&self, tenant: &TenantId) -> Result<Vec<EpochStatus>, Error> {
        self.advance(tenant).await?;
        self.status(tenant).await
    }

    /// The same, after the active epoch was ended by beginning the next.
    pub async fn begin(&self, tenant: &TenantId) -> Result<Vec<EpochStatus>, Error> {
        self.parts.epochs.begin_next(tenant).await?;
        self.step(tenant).await
    }

    /// The same for whoever asks, who may ask again and again: while one before the active epoch is not destroyed, and
    /// that has only just begun, it is not ended. The turn under way goes on.
    pub async fn ask(&self, tenant: &TenantId) -> Result<Asked, Error> {
        let held_back = {
            let _one = self.asking.lock().await;
            let held_back = self.too_young(tenant).await?;
            if held_back.is_none() {
                self.parts.epochs.begin_next(tenant).await?;
            }
            held_back
        };
        Ok(Asked { epochs: self.step(tenant).await?, held_back })
    }

    /// Why the active epoch is not ended now, if it is not.
    async fn too_young(&self, tenant: &TenantId) -> Result<Option<TooYoung>, Error> {
        let rows = self.parts.store.epochs(tenant).await?;
        let Some(active) = rows.last() else { return Ok(None) };
        let age = self.parts.clock.now().since(active.from);
        if age >= self.parts.least_age {
            return Ok(None);
        }
        let lives = |row: &&EpochRow| match row.state {
            EpochState::Active | EpochState::Closing | EpochState::Drained => row.epoch < active.epoch,
            EpochState::Destroyed => false,
        };
        Ok(rows.iter().find(lives).map(|before| TooYoung { epoch: active.epoch, age, before: before.epoch }))
    }

    /// Oldest first: what is before an epoch goes before it.
    pub(crate) async fn advance(&self, tenant: &TenantId) -> Result<(), Error> {
        let _one = self.stepping.lock().await;
        self.tend_active(tenant).await?;
        let mut failed = None;
        for row in self.parts.store.epochs(tenant).await? {
            match row.state {
                EpochState::Closing | EpochState::Drained => {}
                EpochState::Active | EpochState::Destroyed => continue,
            }
            let wait = match self.take_further(&row).await {
                Ok(None) => {
                    self.known.lock().remove(&(row.tenant, row.epoch));
                    continue;
                }
                Ok(Some(wait)) => wait,
                Err(error) => {
                    let wait = Wait::Failed(chain(&error));
                    failed.get_or_insert(error);
                    wait
                }
            };
            self.know(&row.tenant, row.epoch, |known| known.wait = Some(wait));
        }
        failed.map_or(Ok(()), Err)
    }

    async fn take_further(&self, row: &EpochRow) -> Result<Option<Wait>, Error> {
        if row.state == EpochState::Closing
            && let Some(wait) = self.drain(&row.tenant, row.epoch).await?
        {
            return Ok(Some(wait));
        }
        self.finish(&row.tenant, row.epoch).await
    }

    /// Places the canaries of the epoch in use. One that is over ends although nobody asks for the next, if something
    /// was removed under it: that is final only with its end.
    async fn tend_active(&self, tenant: &TenantId) -> Result<(), Error> {
        let Parts { store, clock, epochs, canaries, .. } = &self.parts;
        let Some(latest) = store.latest_epoch(tenant).await? else { return Ok(()) };
        if clock.now() < latest.until {
            // Without its canaries an epoch ends as well, and is proved by those of others alone.
            if let Err(error) = canaries.place(tenant, latest.epoch).await {
                warn!(%tenant, epoch = %latest.epoch, error = chain(&error), "canaries are not placed for now");
            }
            return Ok(());
        }
        let begun = Instant::now();
        if self.know(tenant, latest.epoch, |known| known.look_after).is_some_and(|after| begun < after) {
            return Ok(());
        }
        if self.has_dirt(&latest).await? {
            epochs.active(tenant).await?;
            return Ok(());
        }
        let after = Instant::now() + begun.elapsed() * REST;
        self.know(tenant, latest.epoch, |known| known.look_after = Some(after));
        Ok(())
    }

    async fn has_dirt(&self, row: &EpochRow) -> Result<bool, Error> {
        let mut after = None;
        loop {
            let pages = self.parts.store.pages(&row.tenant, row.epoch, after, MAX_LISTED).await?;
            let Some(last) = pages.last() else { return Ok(false) };
            after = Some(last.page);
            if pages.iter().any(|page| page.dirty) {
                return Ok(true);
            }
        }
    }

    fn know<T>(&self, tenant: &TenantId, epoch: KeyEpoch, act: impl FnOnce(&mut Known) -> T) -> T {
        act(self.known.lock().entry((tenant.clone(), epoch)).or_default())
    }
}

#[cfg(test)]
mod tests;
