//! Doing the next thing: what is asked of other roles, and the act that says it is done.

use std::collections::BTreeSet;

use kernel::{ErasureId, EventId, HoldId, Interval, Position, PurposeName, RecordingId};
use policy::code::Code;
use policy::request::ItemKey;

use super::todo::{self, Erase, Restrict, Todo};
use crate::act::{Act, MAX_NAMED, RequestKey};
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
                    let mut items = BTreeSet::new();
                    for Restrict { recording, purposes, items: own } in restrictions {
                        self.restrict(key, recording, purposes).await?;
                        self.restricted.lock().insert((key.id, recording));
                        items.extend(own);
                    }
                    if items.is_empty() {
                        continue;
                    }
                    Ok(Some(done(items)))
                }
                Todo::Withdraw(items) => {
                    let purposes: BTreeSet<_> = items.values().cloned().collect();
                    let event = EventId::from_bytes(derived(key.id.to_bytes(), b"withdrawal"));
                    let (subject, at) = (file.received.subject, file.received.received_at);
                    self.mesh().withdraw(&key.tenant, event, subject, &purposes, at).await?;
                    Ok(Some(done(items.into_keys().collect())))
                }
                Todo::Erase(erasures) => self.erase_all(key, file, erasures).await,
                Todo::Wait => Ok(None),
                Todo::Close => Ok(Some(Act::ExecutionClosed)),
            };
        }
    }

    async fn restrict(
        &self,
        key: &RequestKey,
        recording: RecordingId,
        purposes: BTreeSet<PurposeName>,
    ) -> Result<(), Error> {
        let what = [&b"restriction"[..], &recording.to_bytes()].concat();
        let restriction = Restriction {
            id: HoldId::from_bytes(derived(key.id.to_bytes(), &what)),
            kind: RestrictionKind::StorageOnly(purposes),
            on: On::Recordings(BTreeSet::from([recording])),
            reason: code("art-18"),
        };
        let review_at = self.first_seen(key).await?.plus(self.parts.config.hold.0);
        self.mesh().restrict(&key.tenant, &restriction, review_at).await
    }

    /// Orders erasures, or asks how far they are; none while all of them run.
    async fn erase_all(
        &self,
        key: &RequestKey,
        file: &File,
        erasures: Vec<Erase>,
    ) -> Result<Option<Act>, Error> {
        // What the open request itself holds would forbid them.
        self.release(key, file).await?;
        let mut items = BTreeSet::new();
        for erase in erasures {
            if !erase.restricted.is_empty() {
                self.restrict(key, erase.recording, erase.restricted.clone()).await?;
                if erase.leg.is_some() {
                    items.extend(erase.later);
                    continue;
                }
            }
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
