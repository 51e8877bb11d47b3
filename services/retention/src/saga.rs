//! The saga: takes each recording of an erasure from step to step, and settles the erasure when none runs.
//!
//! Every step does its acts and then one conditional write of the item's row. Everything that a step does may be done
//! again, so a crash at any point is finished by whoever looks next, and two processes that do the same do no harm.
//! Nothing is called done that was not looked at: the probe must find nothing of what went, and something elsewhere.
//!
//! Read [`decide`], which is pure, then `steps`, `taken` and `probe`, then `settle` with `receipt`, [`sweep`], `owed`
//! (locks, event log and epochs that end later), and `undone` (key tables that were put back from an older copy).

pub mod decide;
pub mod sweep;

mod owed;
mod pauses;
mod probe;
mod receipt;
mod settle;
mod steps;
mod stuck;
mod taken;
mod undone;

#[cfg(test)]
pub(crate) mod testing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::{StreamExt, stream};
use kernel::{ErasureId, TenantId, chain};
use platform::retry::Backoff;
use tracing::{debug, error, warn};

use crate::erasing::{Erasing, TRIES};
use crate::erasure::{Erasure, Failure, Item, State};
use crate::error::Error;
use crate::store::Written;
pub(crate) use taken::within;

use pauses::Pauses;
use steps::Stepped;
use stuck::Stuck;

/// Items that are taken a step at the same time.
const SIDE_BY_SIDE: usize = 8;
/// Items that are looked at together.
const PAGE: u32 = 200;
/// From so many failures in a row on an item is counted as stuck.
const STUCK_FROM: u32 = 3;
/// The longest that an item rests after a failure.
const LONGEST_REST: std::time::Duration = std::time::Duration::from_secs(60);

/// Takes erasures on.
pub struct Saga {
    erasing: Arc<Erasing>,
    pauses: Pauses,
    stuck: AtomicI64,
}

/// What became of one item.
struct Carried {
    erasure: ErasureId,
    moved: bool,
    runs: bool,
    is_stuck: bool,
}

/// What became of a tenant's.
#[derive(Default)]
struct Advanced {
    moved: bool,
    stuck: i64,
}

impl Saga {
    /// Takes on what is in this store; of any number that do, each sees what the others did.
    pub fn new(erasing: Arc<Erasing>) -> Self {
        Self { erasing, pauses: Pauses::default(), stuck: AtomicI64::new(0) }
    }

    /// How many items failed three times in a row or more, when last looked at.
    pub fn stuck(&self) -> i64 {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Takes every running item of every tenant as far as it goes now, and settles erasures of which none runs. True where
    /// anything moved.
    pub async fn advance(&self) -> Result<bool, Error> {
        let mut all = Advanced::default();
        for tenant in self.erasing.store().tenants().await? {
            match self.advance_tenant(&tenant).await {
                Ok(advanced) => {
                    all.moved |= advanced.moved;
                    all.stuck += advanced.stuck;
                }
                // One tenant's trouble is no other's.
                Err(error) => warn!(%tenant, error = chain(&error), "a tenant's erasures wait"),
            }
        }
        self.stuck.store(all.stuck, Ordering::Relaxed);
        Ok(all.moved)
    }

    async fn advance_tenant(&self, tenant: &TenantId) -> Result<Advanced, Error> {
        let mut advanced = Advanced::default();
        let mut busy = BTreeSet::new();
        self.finish_gathering(tenant).await?;
        let mut after = None;
        loop {
            let page = self.erasing.store().running_items(tenant, after, PAGE).await?;
            after = page.last().map(|last| (last.erasure, last.recording));
            let is_last = page.len() < PAGE as usize;
            let pairs = self.with_erasures(tenant, page).await?;
            let carrying = stream::iter(pairs).map(|(erasure, item)| self.carry(erasure, item));
            let mut carrying = carrying.buffer_unordered(SIDE_BY_SIDE);
            while let Some(carried) = carrying.next().await {
                advanced.moved |= carried.moved;
                advanced.stuck += i64::from(carried.is_stuck);
                if carried.runs {
                    busy.insert(carried.erasure);
                }
            }
            if is_last {
                break;
            }
        }
        advanced.moved |= self.settle_all(tenant, &busy).await?;
        Ok(advanced)
    }

    async fn finish_gathering(&self, tenant: &TenantId) -> Result<(), Error> {
        for id in self.erasing.store().unsettled_erasures(tenant).await? {
            let Some(erasure) = self.erasing.store().erasure(tenant, id).await? else { continue };
            if erasure.state == State::Gathering {
                self.erasing.gather_left(&erasure).await?;
            }
        }
        Ok(())
    }

    /// Each item with its erasure, which says why it goes.
    async fn with_erasures(
        &self,
        tenant: &TenantId,
        items: Vec<Item>,
    ) -> Result<Vec<(Arc<Erasure>, Item)>, Error> {
        let mut known: BTreeMap<ErasureId, Option<Arc<Erasure>>> = BTreeMap::new();
        let mut pairs = Vec::with_capacity(items.len());
        for item in items {
            let found = match known.get(&item.erasure) {
                Some(found) => found.clone(),
                None => self.erasing.store().erasure(tenant, item.erasure).await?.map(Arc::new),
            };
            known.insert(item.erasure, found.clone());
            match found {
                Some(erasure) => pairs.push((erasure, item)),
                None => {
                    error!(erasure = %item.erasure, recording = %item.recording, "an erasure's row is missing");
                }
            }
        }
        Ok(pairs)
    }

    /// Takes an item as far as it goes.
    async fn carry(&self, erasure: Arc<Erasure>, item: Item) -> Carried {
        let mut carried =
            Carried { erasure: erasure.id, moved: false, runs: true, is_stuck: is_stuck(&item) };
        if self.pauses.rests(&item) {
            return carried;
        }
        match self.carry_on(&erasure, item, &mut carried.moved).await {
            Ok(item) => {
                carried.runs = item.step.is_running();
                carried.is_stuck = carried.runs && is_stuck(&item);
            }
            Err(error) => {
                warn!(erasure = %erasure.id, error = chain(&error), "an item of an erasure waits for the store");
            }
        }
        carried
    }

    async fn carry_on(&self, erasure: &Erasure, item: Item, moved: &mut bool) -> Result<Item, Error> {
        match erasure.state {
            State::Gathering | State::Running => {}
            State::Done | State::Partial | State::Refused => {
                self.erasing.reopen(&erasure.tenant, erasure.id).await?;
            }
        }
        let mut item = item;
        let mut conflicts = 0;
        while item.step.is_running() && conflicts < TRIES {
            let next = match self.step(erasure, &item).await {
                Ok(Stepped::To(next)) => *next,
                Ok(Stepped::Waits) => return Ok(item),
                Err(stuck) => return self.failed(item, &stuck).await,
            };
            if self.erasing.store().change_item(&next).await? == Written::Applied {
                debug!(erasure = %next.erasure, recording = %next.recording, step = ?next.step, "an erasure went on");
                self.pauses.forget(&next);
                (item, *moved) = (next, true);
                continue;
            }
            conflicts += 1;
            let found = self.erasing.store().item(&item.tenant, item.erasure, item.recording).await?;
            match found {
                Some(found) => item = found,
                None => return Err(Error::Unknown { what: "erasure", id: item.erasure.to_string() }),
            }
        }
        Ok(item)
    }

    /// Writes down that a step failed; it is tried again after a rest.
    async fn failed(&self, item: Item, stuck: &Stuck) -> Result<Item, Error> {
        let code = stuck.code();
        let before =
            item.failure.as_ref().filter(|failure| failure.code == code).map_or(0, |failure| failure.tries);
        if !stuck.is_failure() {
            // Waiting for a stamp is no failure: it is written down once, and looked at each time.
            if before > 0 {
                return Ok(item);
            }
        } else {
            let (tries, reason) = (before + 1, stuck.chain());
            warn!(
                erasure = %item.erasure,
                recording = %item.recording,
                step = ?item.step,
                tries,
                error = reason,
                "a step of an erasure failed"
            );
            self.pauses.rest(&item, self.rest_after(tries));
        }
        let next = Item {
            version: item.version + 1,
            failure: Some(Failure { code, tries: before.saturating_add(1) }),
            ..item.clone()
        };
        match self.erasing.store().change_item(&next).await? {
            Written::Applied => Ok(next),
            Written::Conflict => Ok(item),
        }
    }

    fn rest_after(&self, tries: u32) -> std::time::Duration {
        let first = self.erasing.parts.config.rest.into();
        Backoff { first, most: LONGEST_REST.max(first), attempts: u32::MAX }.wait(tries)
    }
}

/// What waits for a stamp fails at nothing.
fn is_stuck(item: &Item) -> bool {
    item.failure.as_ref().is_some_and(|failure| failure.tries >= STUCK_FROM)
}

#[cfg(test)]
mod tests;
