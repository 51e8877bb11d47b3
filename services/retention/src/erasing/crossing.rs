//! Where holds and erasures meet: what a hold stops, what it comes too late for, and what goes on after its release.
//!
//! Whoever places a hold writes it first and comes here then. An item that is still `Registered` is written to `Deferred`
//! over its version; if the saga was quicker and has decided it, that write is a conflict, and the hold's answer says so.
//! The saga for its part reads the standing holds after it announced the item. So at least one of the two sees the other,
//! and one write decides.

use std::collections::BTreeSet;

use journal::MAX_ACTS;
use kernel::{RecordingId, TenantId, chain};
use tracing::warn;

use super::{Erasing, TRIES};
use crate::acts;
use crate::erasure::{Erasure, Item, KeptBack, KeptBy, Step};
use crate::error::Error;
use crate::hold::{Hold, Selector};
use crate::kept::{Kept, RecordingKey};
use crate::saga::decide;
use crate::store::{MAX_LISTED, Written};

/// What a hold met.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Crossed {
    /// Recordings that it covers whose erasure was decided before, and goes on or is done.
    pub erased_before: Vec<RecordingId>,
    /// Recordings whose erasure it stopped.
    pub stopped: Vec<RecordingId>,
}

#[derive(Default)]
pub(super) struct Met {
    pub(super) erased_before: BTreeSet<RecordingId>,
    pub(super) stopped: BTreeSet<RecordingId>,
}

impl Erasing {
    /// Stops the erasures of what a hold covers; the hold is in the store. A restriction stops none. May be
    /// called again.
    pub async fn stopped_by(&self, hold: &Hold) -> Result<Crossed, Error> {
        if !hold.kind.keeps() {
            return Ok(Crossed::default());
        }
        let mut met = Met::default();
        let mut after = None;
        loop {
            let page = self.store().running_items(&hold.tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| (last.erasure, last.recording));
            let is_last = page.len() < MAX_LISTED as usize;
            for item in page {
                self.cross(hold, item, &mut met).await?;
            }
            if is_last {
                break;
            }
        }
        self.stopped_before(hold, &mut met).await?;
        // After those that run: what was done while they were looked at is found now.
        self.too_late(hold, &mut met).await?;
        let Met { erased_before, mut stopped } = met;
        // Never both: of what is gone nothing was stopped.
        stopped.retain(|recording| !erased_before.contains(recording));
        Ok(Crossed {
            erased_before: erased_before.into_iter().collect(),
            stopped: stopped.into_iter().collect(),
        })
    }

    /// Lets erasures go on that this hold, now released, had stopped, unless another keeps them. May be called again.
    pub async fn released(&self, hold: &Hold) -> Result<(), Error> {
        self.resume_deferred(&hold.tenant).await
    }

    /// Lets deferred erasures go on that no hold keeps any more: after a release, and now and then for what a crash left.
    pub(crate) async fn resume_deferred(&self, tenant: &TenantId) -> Result<(), Error> {
        let (mut after, mut standing) = (None, None);
        loop {
            let page = self.store().deferred_items(tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| (last.erasure, last.recording));
            let is_last = page.len() < MAX_LISTED as usize;
            for item in page {
                let holds = match &standing {
                    Some(holds) => holds,
                    None => standing.insert(self.store().standing(tenant).await?),
                };
                if self.is_held(&item, holds).await? {
                    continue;
                }
                match self.is_another_s(&item).await {
                    Ok(false) => self.resume(item).await?,
                    Ok(true) => self.leave_to_another(item).await?,
                    // It stays deferred, and is looked at again now and then.
                    Err(error) => {
                        let (erasure, recording) = (item.erasure, item.recording);
                        warn!(%tenant, %erasure, %recording, error = chain(&error), "whose it is is not known");
                    }
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn cross(&self, hold: &Hold, item: Item, met: &mut Met) -> Result<(), Error> {
        let kept = self.kept_of(&item).await?;
        if !keeps(hold, &item, kept.as_ref()) {
            return Ok(());
        }
        let mut item = item;
        for _ in 0..TRIES {
            match item.step {
                Step::Registered => {
                    self.announce(&item).await?;
                    let next = deferred(&item, kept.as_ref(), hold);
                    if self.store().change_item(&next).await? == Written::Applied {
                        self.tell_kept(&next).await?;
                        met.stopped.insert(next.recording);
                        return Ok(());
                    }
                }
                Step::Decided | Step::KeysRemoved | Step::ObjectsErased | Step::Done => {
                    met.erased_before.insert(item.recording);
                    return Ok(());
                }
                Step::Deferred => {
                    met.stopped.insert(item.recording);
                    return Ok(());
                }
                Step::Refused => return Ok(()),
            }
            let found = self.store().item(&item.tenant, item.erasure, item.recording).await?;
            item = found.ok_or_else(|| Error::Unknown { what: "erasure", id: item.erasure.to_string() })?;
        }
        Err(Error::Contended("the erasure"))
    }

    /// What it stopped when it was asked before, or by being seen by the saga.
    async fn stopped_before(&self, hold: &Hold, met: &mut Met) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store().deferred_items(&hold.tenant, after, MAX_LISTED).await?;
            for item in &page {
                let by_it = |row: &KeptBack| row.by == KeptBy::Hold(hold.id);
                if item.kept.iter().any(by_it) && met.stopped.insert(item.recording) {
                    self.tell_kept(item).await?;
                }
            }
            match page.last() {
                Some(last) if page.len() == MAX_LISTED as usize => {
                    after = Some((last.erasure, last.recording));
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// The journal has what was to come to pass before it has that it did not: a restored store resumes it by that when
    /// the hold is released.
    async fn announce(&self, item: &Item) -> Result<(), Error> {
        let erasure = self.erasure_of(item).await?;
        for acts in acts::erasure_intended(&erasure, item).chunks(MAX_ACTS) {
            self.parts.journal.append(acts.to_vec()).await?;
        }
        Ok(())
    }

    /// The journal has that it did not come to pass: a restored store must not begin it again by itself.
    pub(super) async fn tell_kept(&self, item: &Item) -> Result<(), Error> {
        let erasure = self.erasure_of(item).await?;
        self.parts.journal.append(vec![acts::erasure_refused(&erasure, item, self.now())]).await?;
        Ok(())
    }

    async fn resume(&self, item: Item) -> Result<(), Error> {
        let next = Item {
            version: item.version + 1,
            step: Step::Registered,
            kept: Vec::new(),
            failure: None,
            ..item
        };
        if self.store().change_item(&next).await? == Written::Applied {
            self.reopen(&next.tenant, next.erasure).await?;
            self.bell.notify_one();
        }
        Ok(())
    }

    async fn is_held(&self, item: &Item, holds: &[Hold]) -> Result<bool, Error> {
        if holds.is_empty() {
            return Ok(false);
        }
        let kept = self.kept_of(item).await?;
        Ok(holds.iter().any(|hold| keeps(hold, item, kept.as_ref())))
    }

    pub(super) async fn kept_of(&self, item: &Item) -> Result<Option<Kept>, Error> {
        let key = RecordingKey { tenant: item.tenant.clone(), id: item.recording };
        Ok(self.store().kept(&key).await?)
    }

    pub(super) async fn erasure_of(&self, item: &Item) -> Result<Erasure, Error> {
        let erasure = self.store().erasure(&item.tenant, item.erasure).await?;
        erasure.ok_or_else(|| Error::Unknown { what: "erasure", id: item.erasure.to_string() })
    }
}

/// Whether it keeps what an item is about. Of a recording that has no row yet only its id is known; the saga
/// looks again once it has one.
pub(super) fn keeps(hold: &Hold, item: &Item, kept: Option<&Kept>) -> bool {
    match (kept, &hold.selector) {
        (Some(kept), _) => hold.keeps(kept),
        (None, Selector::Recordings(ids)) => hold.kind.keeps() && ids.contains(&item.recording),
        (None, Selector::Subjects(_) | Selector::Query { .. }) => false,
    }
}

fn deferred(item: &Item, kept: Option<&Kept>, hold: &Hold) -> Item {
    kept_whole(item, kept, Step::Deferred, &KeptBy::Hold(hold.id))
}

/// An item of which nothing goes.
pub(super) fn kept_whole(item: &Item, kept: Option<&Kept>, step: Step, by: &KeptBy) -> Item {
    let asked = kept.map(|kept| decide::asked(kept, &item.scope)).unwrap_or_default();
    Item {
        version: item.version + 1,
        step,
        kept: decide::kept_back(asked, by),
        failure: None,
        ..item.clone()
    }
}
