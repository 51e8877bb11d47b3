//! Doing the next thing: what is asked of other roles, and the act that says it is done.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErasureId, HoldId, Interval, Position, PurposeName, RecordingId};
use policy::code::Code;
use policy::request::ItemKey;
use proto::archive::v1::RecordingState;

use super::todo::{self, Erase, Todo};
use crate::act::{Act, MAX_NAMED, Received, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::mesh::{Erased, Erasure, On, Restriction, RestrictionKind};
use crate::service::{Service, derived};

impl Service {
    /// Does the next thing of a request that is carried out; none where it waits.
    pub(super) async fn do_next(&self, key: &RequestKey, file: &File) -> Result<Option<Act>, Error> {
        loop {
            let stands = |recording| self.restricted.lock().contains(&(key.id, recording));
            return match todo::next(file, stands) {
                Todo::Say(items) => Ok(Some(done(items))),
                Todo::Restrict(restrictions) => {
                    self.check_theirs(key, file, restrictions.iter().map(|one| one.recording)).await?;
                    let meant = restrictions.iter().map(|one| (one.recording, &one.purposes));
                    self.restrict_all(key, meant).await?;
                    let items: BTreeSet<_> = restrictions.into_iter().flat_map(|one| one.items).collect();
                    if items.is_empty() {
                        continue;
                    }
                    Ok(Some(done(items)))
                }
                Todo::Withdraw(items) => {
                    // As a rule it was taken back at the receipt: then this has no second effect.
                    let Received { subject, received_at, .. } = file.received;
                    self.withdraw(key, subject, received_at).await?;
                    Ok(Some(done(items.into_keys().collect())))
                }
                Todo::Erase(erasures) => self.erase_all(key, file, erasures).await,
                Todo::Wait => Ok(None),
                Todo::Close => {
                    self.restricted.lock().retain(|(request, _)| *request != key.id);
                    Ok(Some(Act::ExecutionClosed))
                }
            };
        }
    }

    /// Restricts what this process has not restricted yet: recordings of the same purposes together, as holds are counted.
    async fn restrict_all(
        &self,
        key: &RequestKey,
        meant: impl Iterator<Item = (RecordingId, &BTreeSet<PurposeName>)>,
    ) -> Result<(), Error> {
        let mut groups: BTreeMap<&BTreeSet<PurposeName>, BTreeSet<RecordingId>> = BTreeMap::new();
        for (recording, purposes) in meant.filter(|(_, purposes)| !purposes.is_empty()) {
            if !self.restricted.lock().contains(&(key.id, recording)) {
                groups.entry(purposes).or_default().insert(recording);
            }
        }
        let review_at = self.first_seen(key).await?.plus(self.parts.config.hold.0);
        for (purposes, recordings) in groups {
            let mut what = b"restriction".to_vec();
            recordings.iter().for_each(|recording| what.extend(recording.to_bytes()));
            let restriction = Restriction {
                id: HoldId::from_bytes(derived(key.id.to_bytes(), &what)),
                kind: RestrictionKind::StorageOnly(purposes.clone()),
                on: On::Recordings(recordings.clone()),
                reason: code("art-18"),
            };
            self.mesh().restrict(&key.tenant, &restriction, review_at).await?;
            self.restricted.lock().extend(recordings.into_iter().map(|recording| (key.id, recording)));
        }
        Ok(())
    }

    /// Orders erasures, or asks how far they are; none while all of them run.
    async fn erase_all(
        &self,
        key: &RequestKey,
        file: &File,
        erasures: Vec<Erase>,
    ) -> Result<Option<Act>, Error> {
        self.check_theirs(key, file, erasures.iter().map(|erase| erase.recording)).await?;
        // What the open request itself holds would forbid them.
        self.release(key, file).await?;
        let meant = erasures.iter().map(|erase| (erase.recording, &erase.restricted));
        self.restrict_all(key, meant).await?;
        let mut items = BTreeSet::new();
        for erase in erasures {
            match self.erase(key, &erase).await? {
                Erased::Running => {}
                // What a duty keeps of it goes when that ends; whether the rest is gone is looked at in the end.
                Erased::Done | Erased::Kept => items.extend(erase.now.into_iter().chain(erase.later)),
                Erased::Deferred(_) if erase.now.is_empty() => items.extend(erase.later),
                Erased::Deferred(hold) => {
                    let hold = code(&format!("hold:{hold}"));
                    return Ok(Some(Act::ItemsDeferred { items: bounded(erase.now), hold }));
                }
            }
        }
        Ok((!items.is_empty()).then(|| done(items)))
    }

    /// Refuses recordings that are of nobody whom the request is about by now: two who turned out not to be one person
    /// lose nothing by each other. Of what is erased already nobody is named any more.
    async fn check_theirs(
        &self,
        key: &RequestKey,
        file: &File,
        recordings: impl Iterator<Item = RecordingId>,
    ) -> Result<(), Error> {
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
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

    async fn erase(&self, key: &RequestKey, erase: &Erase) -> Result<Erased, Error> {
        let id = erasure_of(key, erase.recording);
        let leg = match erase.leg {
            Some(leg) => {
                let facts = self.mesh().recording(&key.tenant, erase.recording).await?;
                Interval::new(Position(0), Position(facts.duration.max(1))).map(|whole| (leg, whole))
            }
            None => None,
        };
        let purposes = if leg.is_some() { BTreeSet::new() } else { erase.purposes.clone() };
        let order = Erasure { id, recording: erase.recording, purposes, leg, reason: code("art-17-1") };
        self.mesh().erase(&key.tenant, &order).await?;
        self.mesh().erased(&key.tenant, id).await
    }
}

/// The erasure of a recording that a request asks for: the same each time.
pub(super) fn erasure_of(key: &RequestKey, recording: RecordingId) -> ErasureId {
    let what = [&b"erasure"[..], &recording.to_bytes()].concat();
    ErasureId::from_bytes(derived(key.id.to_bytes(), &what))
}

fn done(items: BTreeSet<ItemKey>) -> Act {
    Act::ItemsDone { items: bounded(items), filed: None }
}

/// As many as one act names; the others come with the next.
fn bounded(items: BTreeSet<ItemKey>) -> BTreeSet<ItemKey> {
    items.into_iter().take(MAX_NAMED).collect()
}

fn code(text: &str) -> Code {
    Code::new(text).expect("it is made of plain words and ids")
}
