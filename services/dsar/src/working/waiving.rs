//! What a person asked to be kept for claims, and needs no more: the mesh lets it go before it erases it (GDPR
//! Art. 18(1)(c); scenario 55). Only what an earlier request of theirs has placed; the rest is people's to release.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{HoldId, RecordingId};
use policy::rights::{HoldState, Right};
use proto::retention::v1::Hold;

use super::doing::code;
use super::restricting::CLAIMS;
use crate::act::{Act, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::mesh::{On, Restriction, RestrictionKind};
use crate::service::{Service, derived, itself};

/// A hold that the person waives for some of what it is on.
struct Waiver<'w> {
    hold: HoldId,
    /// The recordings that go free.
    free: &'w BTreeSet<RecordingId>,
    /// One of them of which something is left.
    left: RecordingId,
    /// The request that has placed it.
    earlier: &'w RequestKey,
}

impl Service {
    /// Lets go what the person waives of these recordings. What the same hold keeps of others it keeps on.
    pub(super) async fn let_go(
        &self,
        key: &RequestKey,
        file: &File,
        going: &BTreeSet<RecordingId>,
    ) -> Result<(), Error> {
        let waived = waived(file);
        let mut meant = Vec::new();
        for (hold, free) in &waived {
            meant.extend(free.intersection(going).next().map(|left| (*hold, free, *left)));
        }
        if meant.is_empty() {
            return Ok(());
        }
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let placed = self.restricted_before(key, &person).await?;
        for (hold, free, left) in meant {
            if let Some(earlier) = placed.get(&hold) {
                self.waive(key, &Waiver { hold, free, left, earlier }).await?;
            }
        }
        Ok(())
    }

    /// The others are held anew before the hold is released, and the request that it was of has the new one: so that they
    /// are lifted as all else of it.
    async fn waive(&self, key: &RequestKey, waiver: &Waiver<'_>) -> Result<(), Error> {
        let Waiver { hold, free, left, earlier } = waiver;
        let Some(standing) = self.hold_over(&key.tenant, *left, *hold).await? else { return Ok(()) };
        let others: BTreeSet<_> = recordings(&standing)?.difference(free).copied().collect();
        if !others.is_empty() {
            let what = [&b"kept-on"[..], &hold.to_bytes()].concat();
            let kept_on = Restriction {
                id: HoldId::from_bytes(derived(key.id.to_bytes(), &what)),
                kind: RestrictionKind::NeededByPerson,
                on: On::Recordings(others),
                reason: code(CLAIMS),
            };
            // Written down before it is placed, so that no hold stands of which nobody knows.
            if !self.file(earlier).await?.restrictions.contains(&kept_on.id) {
                self.act(earlier, &itself(), Act::Restricted([kept_on.id].into())).await?;
            }
            let review_at = self.first_seen(key).await?.plus(self.parts.config.hold.0);
            self.mesh().restrict(&key.tenant, &kept_on, review_at).await?;
        }
        self.mesh().release(&key.tenant, *hold).await
    }
}

/// The holds that the person waives, each with the recordings that go free of it: those of which they waive all.
fn waived(file: &File) -> BTreeMap<HoldId, BTreeSet<RecordingId>> {
    let (mut named, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for (key, item) in file.items.iter() {
        let is_held = item.right() == Right::Erase && item.question.hold == HoldState::Subject18c;
        let (true, Some(hold), Some(recording)) = (is_held, item.held_by(), item.artefact.recording()) else {
            continue;
        };
        match file.found.get(key).is_some_and(|found| found.own_hold_waived) {
            true => named.insert((hold, recording)),
            false => kept.insert((hold, recording)),
        };
    }
    let mut free: BTreeMap<HoldId, BTreeSet<RecordingId>> = BTreeMap::new();
    for (hold, recording) in named.difference(&kept) {
        free.entry(*hold).or_default().insert(*recording);
    }
    free
}

/// The recordings that a hold names.
fn recordings(hold: &Hold) -> Result<BTreeSet<RecordingId>, Error> {
    let named = hold.selector.iter().flat_map(|selector| &selector.recording_ids);
    let read = |id: &Vec<u8>| {
        RecordingId::from_slice(id).map_err(|_| Error::Answer { peer: "retention", what: "a recording's id" })
    };
    named.map(read).collect()
}
