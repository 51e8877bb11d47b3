//! Doing the next thing: what is asked of other roles, and the act that says it is done.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErasureId, HoldId, Interval, Position, RecordingId};
use policy::code::Code;
use policy::request::ItemKey;
use policy::rights::Right;
use proto::archive::v1::RecordingState;
use tracing::warn;

use super::restricting::{DEFERRED, Meant, placing, reason};
use super::todo::{self, Erase, Restrict, Todo};
use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::finding;
use crate::mesh::{Erased, Erasure};
use crate::plan::PlanItem;
use crate::service::{Service, derived, strange_items};

impl Service {
    /// Does the next thing of a request that is carried out; none where it waits.
    pub(super) async fn do_next(&self, key: &RequestKey, file: &File) -> Result<Option<Act>, Error> {
        loop {
            let stands = |one: &Restrict| self.has_restricted(key, file, one.recording, reason(one.ground));
            return match todo::next(file, stands) {
                Todo::Say(items) => Ok(Some(done(items))),
                Todo::Restrict(restrictions) => {
                    let recordings = restrictions.iter().map(|one| one.recording).collect();
                    if let Some(strange) = self.not_theirs(key, file, recordings).await? {
                        return Ok(Some(strange));
                    }
                    let meant: Vec<_> = restrictions.iter().map(Meant::by).collect();
                    let placing = placing(key, &meant);
                    // Before anything is placed: what stands is lifted one day, whoever goes on.
                    let ids: BTreeSet<_> = placing.iter().map(|one| one.restriction.id).collect();
                    let new: BTreeSet<_> = ids.difference(&file.restrictions).copied().collect();
                    if !new.is_empty() {
                        return Ok(Some(Act::Restricted(new)));
                    }
                    self.restrict_all(key, file, &placing).await?;
                    let items: BTreeSet<_> = restrictions.into_iter().flat_map(|one| one.items).collect();
                    if items.is_empty() {
                        continue;
                    }
                    Ok(Some(done(items)))
                }
                Todo::Withdraw(items) => {
                    // As a rule it was taken back at the receipt: then this has no second effect.
                    if file.received.rights.contains(&Right::Withdraw) {
                        self.withdraw(key, file).await?;
                    }
                    for part in file.parts() {
                        self.withdraw_at_once(&key.beside(part)).await?;
                    }
                    Ok(Some(done(items.into_keys().collect())))
                }
                Todo::Erase(erasures) => self.erase_all(key, file, erasures).await,
                Todo::Wait => Ok(None),
                Todo::Close => {
                    self.restricted.lock().retain(|(request, ..)| *request != key.id);
                    Ok(Some(Act::ExecutionClosed))
                }
            };
        }
    }

    /// Orders erasures, or asks how far they are; none while all of them run.
    async fn erase_all(
        &self,
        key: &RequestKey,
        file: &File,
        erasures: Vec<Erase>,
    ) -> Result<Option<Act>, Error> {
        let recordings = erasures.iter().map(|erase| erase.recording).collect();
        if let Some(strange) = self.not_theirs(key, file, recordings).await? {
            return Ok(Some(strange));
        }
        // What the open request itself holds would forbid them, and what those hold that are answered with it.
        self.release_all(key, file).await?;
        self.let_go(key, file, &erasures.iter().map(|erase| erase.recording).collect()).await?;
        let missing = erasures.iter().filter(|one| !self.has_restricted(key, file, one.recording, DEFERRED));
        let meant = missing.map(|erase| Meant {
            recording: erase.recording,
            purposes: &erase.restricted,
            reason: DEFERRED,
        });
        self.restrict_all(key, file, &placing(key, &meant.collect::<Vec<_>>())).await?;
        let (mut items, mut deferred) = (BTreeSet::new(), BTreeMap::<HoldId, BTreeSet<ItemKey>>::new());
        for erase in erasures {
            match self.erase(key, file, &erase).await? {
                Erased::Running => {}
                // What a duty keeps of it goes when that ends; whether the rest is gone is looked at in the end.
                Erased::Done | Erased::Kept => items.extend(erase.now.into_iter().chain(erase.later)),
                Erased::Deferred(_) if erase.now.is_empty() => items.extend(erase.later),
                Erased::Deferred(hold) => deferred.entry(hold).or_default().extend(erase.now),
            }
        }
        if let Some((hold, items)) = deferred.pop_first() {
            let hold = code(&format!("hold:{hold}"));
            return Ok(Some(Act::ItemsDeferred { items: bounded(items), hold }));
        }
        Ok((!items.is_empty()).then(|| done(items)))
    }

    /// That some of these recordings turned out to be somebody else's, as an act; none where all are of whom the request is
    /// about. The rest goes on without them.
    async fn not_theirs(
        &self,
        key: &RequestKey,
        file: &File,
        recordings: BTreeSet<RecordingId>,
    ) -> Result<Option<Act>, Error> {
        match self.check_theirs(key, file, recordings.iter().copied()).await {
            Ok(()) => return Ok(None),
            Err(Error::Refused { word: "not-theirs", .. }) => {}
            Err(error) => return Err(error),
        }
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let strange = self.strange_recordings(&key.tenant, &person, recordings).await?;
        let is_strange = |item: &PlanItem| item.artefact.recording().is_some_and(|id| strange.contains(&id));
        let items = strange_items(file, is_strange);
        if items.is_empty() {
            // They are one person again: it is looked at anew.
            return Err(Error::Contended("who is the same person"));
        }
        let (tenant, request, recordings) = (&key.tenant, key.id, strange.len());
        warn!(%tenant, %request, recordings, "recordings turned out to be of nobody whom a request is about");
        Ok(Some(Act::NotTheirs(items.into_iter().take(MAX_NAMED).collect())))
    }

    /// Refuses recordings that are of nobody whom the request is about by now: two who turned out not to be one person
    /// lose nothing by each other. Of what is erased already nobody is named any more.
    pub(crate) async fn check_theirs(
        &self,
        key: &RequestKey,
        file: &File,
        recordings: impl Iterator<Item = RecordingId>,
    ) -> Result<(), Error> {
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let recordings: Vec<_> = recordings.collect();
        let unconfirmed = self.unconfirmed(key, file, &person, recordings.iter().copied()).await?;
        finding::check_confirmed(&unconfirmed)?;
        for recording in recordings {
            let facts = self.mesh().recording(&key.tenant, recording).await?;
            let is_erased = facts.state() == RecordingState::Erased;
            if !is_erased && !facts.parties.iter().any(|party| person.is(&party.subject_id)) {
                let why = format!("recording {recording} is of nobody whom the request is about by now");
                return Err(Error::refused("not-theirs", why));
            }
        }
        Ok(())
    }

    async fn erase(&self, key: &RequestKey, file: &File, erase: &Erase) -> Result<Erased, Error> {
        let plan = file.request.plan().map_or("", |frozen| frozen.name.as_str());
        let id = erasure_of(key, plan, erase.recording);
        let leg = match erase.leg {
            Some(leg) => {
                let facts = self.mesh().recording(&key.tenant, erase.recording).await?;
                Interval::new(Position(0), Position(facts.duration.max(1))).map(|whole| (leg, whole))
            }
            None => None,
        };
        let purposes = if leg.is_some() { BTreeSet::new() } else { erase.purposes.clone() };
        let (recording, subject) = (erase.recording, file.received.subject);
        let order = Erasure { id, recording, subject, purposes, leg, reason: code("art-17-1") };
        self.mesh().erase(&key.tenant, &order).await?;
        self.mesh().erased(&key.tenant, id).await
    }
}

/// The erasure of a recording that a plan comes to: the same each time. What is planned anew may come to another one.
fn erasure_of(key: &RequestKey, plan: &str, recording: RecordingId) -> ErasureId {
    let what = [&b"erasure"[..], plan.as_bytes(), &recording.to_bytes()].concat();
    ErasureId::from_bytes(derived(key.id.to_bytes(), &what))
}

fn done(items: BTreeSet<ItemKey>) -> Act {
    Act::ItemsDone { items: bounded(items), filed: None }
}

/// As many as one act names; the others come with the next.
fn bounded(items: BTreeSet<ItemKey>) -> BTreeSet<ItemKey> {
    items.into_iter().take(MAX_NAMED).collect()
}

pub(super) fn code(text: &str) -> Code {
    Code::new(text).expect("it is made of plain words and ids")
}
