//! Erasures that key tables do not know of: where these were lost and an older copy was put in their place, what was erased
//! since opens again, and nothing else would erase it a second time.
//!
//! Looked at when a process starts, before the saga does: crypto says when the last erasure was that its key tables know of,
//! and items whose entries were removed later go through all stores again, with a fresh report and in the end another
//! receipt. What was decided and what is kept stay as they are. Cut off anywhere it is begun again by the next start. All of
//! retention's processes are to be started after a copy was put in place: an erasure that one of them makes before is one that
//! the key tables know of, and a later one than those that they miss.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{TenantId, Timestamp};
use tracing::warn;

use super::steps::key;
use super::stuck::Stuck;
use super::taken::Taken;
use crate::erasing::{Erasing, TRIES};
use crate::erasure::{Erasure, Item, Report, State, Step};
use crate::error::Error;
use crate::store::{MAX_LISTED, Written};

/// A report's time is taken when crypto has answered, and so is later than the removal that crypto knows of. What is later
/// by no more than this may be that removal, and is probed; what is later by more is not.
const SLACK: Duration = Duration::from_secs(600);
/// Erasures that are looked at together, newest first. When none of so many was settled since the last erasure that crypto
/// knows of, older ones are not looked at.
const PAGE: u32 = 200;

impl Erasing {
    /// Has what the key tables of any tenant do not know of erased again.
    pub(crate) async fn redo_undone(&self) -> Result<(), Error> {
        for tenant in self.store().tenants().await? {
            let recordings = self.redo_undone_of(&tenant).await?;
            if recordings > 0 {
                warn!(%tenant, recordings, "key tables do not know of erasures that were done: they are done again");
            }
        }
        Ok(())
    }

    async fn redo_undone_of(&self, tenant: &TenantId) -> Result<u64, Error> {
        let store = self.store();
        if store.erasures(tenant, None, 1).await?.is_empty() {
            return Ok(0);
        }
        let known = self.parts.mesh.last_erasure(tenant).await?;
        let mut redone = 0;
        let unsettled: BTreeSet<_> = store.unsettled_erasures(tenant).await?.into_iter().collect();
        for id in &unsettled {
            if let Some(erasure) = store.erasure(tenant, *id).await? {
                redone += self.redo_items(&erasure, known).await?;
            }
        }
        let mut before = None;
        loop {
            let page = store.erasures(tenant, before, PAGE).await?;
            let mut has_younger = false;
            for erasure in page.iter().filter(|erasure| is_younger(erasure, known)) {
                has_younger = true;
                if !unsettled.contains(&erasure.id) {
                    redone += self.redo_items(erasure, known).await?;
                }
            }
            match page.last() {
                Some(last) if has_younger => before = Some(last.id),
                Some(_) | None => return Ok(redone),
            }
        }
    }

    /// Has those items of an erasure done again that crypto does not know of; how many.
    async fn redo_items(&self, erasure: &Erasure, known: Option<Timestamp>) -> Result<u64, Error> {
        let (mut redone, mut after) = (0, None);
        loop {
            let page = self.store().items(&erasure.tenant, erasure.id, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.recording);
            let is_last = page.len() < MAX_LISTED as usize;
            for item in page {
                if self.is_undone(erasure, &item, known).await? {
                    redone += u64::from(self.redo(item).await?);
                }
            }
            if is_last {
                return Ok(redone);
            }
        }
    }

    async fn is_undone(
        &self,
        erasure: &Erasure,
        item: &Item,
        known: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let Some(at) = removed_at(item) else { return Ok(false) };
        let Some(known) = known else { return Ok(true) };
        if at <= known {
            return Ok(false);
        }
        if at > known.plus(SLACK) {
            return Ok(true);
        }
        self.opens_again(erasure, item).await
    }

    /// Whether anything of what an item took opens.
    async fn opens_again(&self, erasure: &Erasure, item: &Item) -> Result<bool, Error> {
        let mesh = self.parts.mesh.as_ref();
        let kept = self.store().kept(&key(item)).await?;
        let taken = match Taken::of(mesh, erasure, item, kept.as_ref()).await {
            Ok(taken) => taken,
            Err(Stuck::Failed(error)) => return Err(error),
            // What cannot be looked for is not called gone.
            Err(Stuck::NotStamped | Stuck::StillOpen | Stuck::ControlSilent | Stuck::NoControl) => {
                return Ok(true);
            }
        };
        let open = mesh.open(&item.tenant, item.recording).await?;
        Ok(open.iter().any(|open| taken.has(open)))
    }

    /// Back to where its keys are to be removed; false where another process was quicker. The erasure first: one that runs and
    /// of which no item does is settled again, and no more.
    async fn redo(&self, item: Item) -> Result<bool, Error> {
        self.reopen(&item.tenant, item.erasure).await?;
        let mut item = item;
        for _ in 0..TRIES {
            let next = Item {
                version: item.version + 1,
                step: Step::Decided,
                report: Report::default(),
                failure: None,
                ..item.clone()
            };
            if self.store().change_item(&next).await? == Written::Applied {
                return Ok(true);
            }
            let found = self.store().item(&item.tenant, item.erasure, item.recording).await?;
            match found.filter(|found| removed_at(found).is_some()) {
                Some(found) => item = found,
                None => return Ok(false),
            }
        }
        Err(Error::Contended("an erasure's item"))
    }
}

/// Whether one of its items may be later than the last erasure that crypto knows of.
fn is_younger(erasure: &Erasure, known: Option<Timestamp>) -> bool {
    match erasure.state {
        State::Gathering | State::Running => true,
        State::Done | State::Partial | State::Refused => match (erasure.settled_at, known) {
            (Some(settled), Some(known)) => settled > known,
            (None, _) | (_, None) => true,
        },
    }
}

/// When crypto removed something for it; none where it did not, or has still to.
fn removed_at(item: &Item) -> Option<Timestamp> {
    match item.step {
        // Without an epoch there was nothing to remove, and there is nothing to know of.
        Step::KeysRemoved | Step::ObjectsErased | Step::Done => {
            item.report.entries_at.filter(|_| item.report.epoch.is_some())
        }
        Step::Registered | Step::Decided | Step::Deferred | Step::Refused => None,
    }
}
