//! The steps of one item: each does its acts, all of which may be done again, and says what the row becomes.

use std::collections::BTreeSet;

use journal::MAX_ACTS;

use super::Saga;
use super::decide::{self, Outcome, Part, decide};
use super::pauses::RemovedAt;
use super::probe::Control;
use super::stuck::Stuck;
use super::taken::Taken;
use crate::acts;
use crate::erasing::TRIES;
use crate::erasure::{Erasure, Item, Step};
use crate::error::Error;
use crate::events;
use crate::kept::{Kept, RecordingKey};
use crate::mesh::Removed;
use crate::store::Written;

/// Where a step leads.
pub(super) enum Stepped {
    /// The row becomes this.
    To(Box<Item>),
    /// Leases still run.
    Waits,
}

impl Saga {
    /// The next step of an item that runs.
    pub(super) async fn step(&self, erasure: &Erasure, item: &Item) -> Result<Stepped, Stuck> {
        match item.step {
            Step::Registered => self.decide(erasure, item).await,
            Step::Decided => self.remove_keys(erasure, item).await,
            Step::KeysRemoved => self.erase_objects(erasure, item).await,
            Step::ObjectsErased => self.prove(erasure, item).await,
            Step::Done | Step::Deferred | Step::Refused => Ok(Stepped::To(Box::new(item.clone()))),
        }
    }

    /// Announces it outside, and decides what goes: the write that follows is the point of no return.
    async fn decide(&self, erasure: &Erasure, item: &Item) -> Result<Stepped, Stuck> {
        let store = self.erasing.store();
        let journal = &self.erasing.parts.journal;
        // The row first: a hold is judged by the people on it, and whoever places one must see it, too. One that waits for
        // its stamp was announced before that was written down; after any other failure nobody knows.
        let kept = store.kept(&key(item)).await?;
        let not_stamped = Stuck::NotStamped.code();
        let is_announced = item.failure.as_ref().is_some_and(|failure| failure.code == not_stamped);
        if kept.is_some() || !is_announced {
            for acts in acts::erasure_intended(erasure, item).chunks(MAX_ACTS) {
                journal.append(acts.to_vec()).await?;
            }
        }
        let kept = kept.ok_or(Stuck::NotStamped)?;
        let holds = store.standing(&item.tenant).await?;
        let now = self.erasing.now();
        let longest = self.erasing.parts.config.stretch.into();
        let decision = decide(&kept, erasure.cause, &item.scope, &holds, longest, now);
        let step = match decision.outcome {
            Outcome::Goes => Step::Decided,
            Outcome::Deferred => Step::Deferred,
            Outcome::Refused => Step::Refused,
        };
        let next = Item { erased: decision.erase, kept: decision.kept, ..forward(item, step) };
        match decision.outcome {
            Outcome::Goes => {}
            Outcome::Deferred | Outcome::Refused => {
                journal.append(vec![acts::erasure_refused(erasure, &next, now)]).await?;
            }
        }
        Ok(Stepped::To(Box::new(next)))
    }

    /// Has what goes serve nobody, removes its entries, and waits until no lease is left.
    async fn remove_keys(&self, erasure: &Erasure, item: &Item) -> Result<Stepped, Stuck> {
        let part = Part::of(erasure.cause, &item.scope);
        let kept = self.change_terms(item, |kept| decide::with_ending(kept, &item.erased, part)).await?;
        let (removed, at) = match self.pauses.waited_out(item) {
            Some(removed) => removed,
            None => {
                let removed = self.removed(erasure, item, kept.as_ref()).await?;
                if !removed.0.leases.is_zero() {
                    self.pauses.wait_out(item, removed);
                    return Ok(Stepped::Waits);
                }
                removed
            }
        };
        let mut next = forward(item, Step::KeysRemoved);
        next.report.entries_at = Some(at);
        next.report.epoch = removed.epoch;
        next.report.not_before = removed.not_before;
        Ok(Stepped::To(Box::new(next)))
    }

    async fn removed(&self, erasure: &Erasure, item: &Item, kept: Option<&Kept>) -> Result<RemovedAt, Stuck> {
        let mesh = self.erasing.parts.mesh.as_ref();
        let taken = Taken::to_remove(mesh, erasure, item, kept).await?;
        let removed = match taken.removal(item.recording, item.erasure) {
            Some(removal) => mesh.remove(&item.tenant, &removal).await?,
            None => Removed::default(),
        };
        Ok((removed, self.erasing.now()))
    }

    /// Has archive say so in an addendum, and delete objects of which nothing opens.
    async fn erase_objects(&self, erasure: &Erasure, item: &Item) -> Result<Stepped, Stuck> {
        // Were the key tables lost, nothing would open, and every object would seem to be one that may go.
        self.erasing.control(item).await?;
        let purposes = gone_whole(erasure, item);
        let mesh = &self.erasing.parts.mesh;
        let cleared =
            mesh.clear(&item.tenant, item.recording, item.erasure, &erasure.reason, &purposes).await?;
        let now = self.erasing.now();
        let mut next = forward(item, Step::ObjectsErased);
        let report = &mut next.report;
        report.spans = cleared.spans;
        report.addendum_at = cleared.has_addendum.then_some(now);
        report.locked_until = cleared.locked_until;
        report.objects_at = (cleared.locked_until.is_none() && cleared.deleted > 0).then_some(now);
        report.log_at = cleared.log_passed.then_some(now);
        Ok(Stepped::To(Box::new(next)))
    }

    /// Looks whether it is gone indeed, and says so.
    async fn prove(&self, erasure: &Erasure, item: &Item) -> Result<Stepped, Stuck> {
        let control = self.probe(erasure, item).await?;
        let now = self.erasing.now();
        let mut next = forward(item, Step::Done);
        next.report.probed_at = match control {
            Control::Opens => Some(now),
            Control::None => None,
        };
        let part = Part::of(erasure.cause, &item.scope);
        self.change_terms(item, |kept| decide::with_ended(kept, &item.erased, part)).await?;
        // Last of all: the act's id follows from the item's version, and a failure after it would write it twice.
        self.erasing.parts.journal.append(vec![acts::erasure_done(erasure, &next, now)]).await?;
        Ok(Stepped::To(Box::new(next)))
    }

    /// Changes a recording's row, again and again until nobody was in between. A restored store may have no row of what
    /// was erased: then there is nothing to change, and the rest is done all the same.
    async fn change_terms<F>(&self, item: &Item, change: F) -> Result<Option<Kept>, Stuck>
    where
        F: Fn(&Kept) -> Option<Kept> + Send + Sync,
    {
        let store = self.erasing.store();
        for _ in 0..TRIES {
            let Some(kept) = store.kept(&key(item)).await? else { return Ok(None) };
            let Some(next) = change(&kept) else { return Ok(Some(kept)) };
            let event = events::stamped(&next, self.erasing.now());
            if store.change(&next, &event).await? == Written::Applied {
                return Ok(Some(next));
            }
        }
        Err(Error::Contended("the recording").into())
    }
}

pub(super) fn key(item: &Item) -> RecordingKey {
    RecordingKey { tenant: item.tenant.clone(), id: item.recording }
}

/// The purposes that serve no reader any more.
pub(super) fn gone_whole(erasure: &Erasure, item: &Item) -> BTreeSet<kernel::PurposeName> {
    match Part::of(erasure.cause, &item.scope) {
        Part::Whole => item.erased.clone(),
        Part::Audio | Part::Metadata | Part::Stretch => BTreeSet::new(),
    }
}

/// The row at its next version and step, with nothing that went wrong.
fn forward(item: &Item, step: Step) -> Item {
    Item { version: item.version + 1, step, failure: None, ..item.clone() }
}
