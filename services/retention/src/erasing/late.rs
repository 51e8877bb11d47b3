//! What a hold comes too late for: recordings that are gone when it is placed, and those whose erasure was done between its
//! row and its look. Whoever places a hold is told so: either what it covers lives, or it is said to be gone.
//!
//! What is named by its id is looked at whole: a hold names no more than [`crate::hold::MAX_NAMED`]. Of persons the first
//! [`MAX_LISTED`] recordings are looked at for whether they are gone; of a range of time alone none is, since nothing finds
//! them by that. What was done since the hold was placed is looked for in each erasure that is not settled and in the
//! [`MAX_LISTED`] newest: an older one that was settled within just that moment is not found for persons and ranges.

use std::collections::BTreeSet;

use kernel::{ErasureId, RecordingId, SubjectId, TenantId};

use super::Erasing;
use super::crossing::{Met, keeps};
use crate::erasure::{Erasure, State, Step};
use crate::error::Error;
use crate::hold::{Hold, Selector};
use crate::kept::{Kept, RecordingKey, TermState};
use crate::store::MAX_LISTED;

impl Erasing {
    /// Notes what a hold comes too late for.
    pub(super) async fn too_late(&self, hold: &Hold, met: &mut Met) -> Result<(), Error> {
        match &hold.selector {
            Selector::Recordings(ids) => {
                for id in ids {
                    self.named(hold, *id, met).await?;
                }
                return Ok(());
            }
            Selector::Subjects(subjects) | Selector::Query { subjects, .. } => {
                self.gone_of(hold, subjects, met).await?;
            }
        }
        for id in self.recent(&hold.tenant).await? {
            let erasure = self.store().erasure(&hold.tenant, id).await?;
            if let Some(erasure) = erasure.filter(|erasure| is_done_since(erasure, hold)) {
                self.done_of(hold, &erasure, met).await?;
            }
        }
        Ok(())
    }

    /// A recording that a hold names: gone, or partly gone since the hold is there.
    async fn named(&self, hold: &Hold, id: RecordingId, met: &mut Met) -> Result<(), Error> {
        let key = RecordingKey { tenant: hold.tenant.clone(), id };
        if self.store().kept(&key).await?.is_some_and(|kept| is_gone(&kept)) {
            met.erased_before.insert(id);
            return Ok(());
        }
        for erasure in self.store().erasures_of(&key).await? {
            let Some(erasure) = self.store().erasure(&hold.tenant, erasure).await? else { continue };
            if !is_done_since(&erasure, hold) {
                continue;
            }
            let item = self.store().item(&hold.tenant, erasure.id, id).await?;
            if item.is_some_and(|item| item.step == Step::Done) {
                met.erased_before.insert(id);
            }
        }
        Ok(())
    }

    /// Recordings of persons of which nothing is left.
    async fn gone_of(&self, hold: &Hold, subjects: &BTreeSet<SubjectId>, met: &mut Met) -> Result<(), Error> {
        let mut left = MAX_LISTED;
        for subject in subjects {
            let ids = self.store().of_subject(&hold.tenant, *subject, None, left).await?;
            for id in &ids {
                let key = RecordingKey { tenant: hold.tenant.clone(), id: *id };
                let kept = self.store().kept(&key).await?;
                if kept.is_some_and(|kept| is_gone(&kept) && hold.keeps(&kept)) {
                    met.erased_before.insert(*id);
                }
            }
            left = left.saturating_sub(u32::try_from(ids.len()).unwrap_or(u32::MAX));
            if left == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Erasures that may have done something just now.
    async fn recent(&self, tenant: &TenantId) -> Result<BTreeSet<ErasureId>, Error> {
        let mut recent: BTreeSet<_> = self.store().unsettled_erasures(tenant).await?.into_iter().collect();
        let newest = self.store().erasures(tenant, None, MAX_LISTED).await?;
        recent.extend(newest.into_iter().map(|erasure| erasure.id));
        Ok(recent)
    }

    /// What an erasure did of that which a hold covers.
    async fn done_of(&self, hold: &Hold, erasure: &Erasure, met: &mut Met) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store().items(&hold.tenant, erasure.id, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.recording);
            let is_last = page.len() < MAX_LISTED as usize;
            for item in page.iter().filter(|item| item.step == Step::Done) {
                let kept = self.kept_of(item).await?;
                if keeps(hold, item, kept.as_ref()) {
                    met.erased_before.insert(item.recording);
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

/// Whether nothing of it serves any purpose any more.
fn is_gone(kept: &Kept) -> bool {
    !kept.terms.is_empty() && kept.terms.iter().all(|term| term.state != TermState::Running)
}

/// Whether it may have done something since the hold is there. It is settled after all that it did; of one that runs some may
/// have been done before, which is said, too.
fn is_done_since(erasure: &Erasure, hold: &Hold) -> bool {
    match erasure.state {
        State::Gathering | State::Running => true,
        State::Done | State::Partial | State::Refused => {
            erasure.settled_at.is_none_or(|settled| settled >= hold.placed_at)
        }
    }
}
