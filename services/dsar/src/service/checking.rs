//! What a person found of items is checked before it is decided on: that it can be found of these, and that it can be done.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{HoldId, IntervalSet, RecordingId, TenantId};
use policy::request::ItemKey;
use policy::rights::{HoldState, Right};

use super::Service;
use crate::act::{Decided, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::plan::{Artefact, PlanItem};

impl Service {
    /// Refuses what cannot have been found of the items that a decision is on.
    pub(super) async fn check_found(
        &self,
        key: &RequestKey,
        file: &File,
        decided: &Decided,
    ) -> Result<(), Error> {
        let Decided { items, found, .. } = decided;
        if found.ground.is_some() && !are_all(file, items, |item| item.right() == Right::Restrict) {
            let why =
                "a ground of Art. 18 is found of items that are named, and only of such to be restricted";
            return Err(Error::refused("ground-without-restriction", why));
        }
        if !found.others_heard.is_empty() {
            if !are_all(file, items, is_copied_leg) {
                let why =
                    "others are heard on legs that are named, and only on such of which a copy is asked";
                return Err(Error::refused("others-heard-elsewhere", why));
            }
            self.check_stretches(&key.tenant, file, items, &found.others_heard).await?;
        }
        if found.own_hold_waived {
            self.check_waived(key, file, decided).await?;
        }
        Ok(())
    }

    /// Each stretch begins within each of the recordings.
    async fn check_stretches(
        &self,
        tenant: &TenantId,
        file: &File,
        named: &BTreeSet<ItemKey>,
        stretches: &IntervalSet,
    ) -> Result<(), Error> {
        let recordings = named.iter().filter_map(|key| file.items.get(key)?.artefact.recording());
        for recording in recordings.collect::<BTreeSet<RecordingId>>() {
            let ends = self.mesh().recording(tenant, recording).await?.duration;
            if stretches.iter().any(|stretch| stretch.start().0 >= ends) {
                return Err(Error::invalid("others_heard", "must begin before the recording ends"));
            }
        }
        Ok(())
    }

    /// What an earlier request of the person holds, the mesh lets go before it erases. What people have placed for the
    /// person, people release: until then nothing of it can be carried out.
    async fn check_waived(&self, key: &RequestKey, file: &File, decided: &Decided) -> Result<(), Error> {
        let mut holds: BTreeMap<HoldId, RecordingId> = BTreeMap::new();
        for item in file.meant(decided).iter().filter_map(|key| file.items.get(key)) {
            if let (HoldState::Subject18c, Some(hold), Some(recording)) =
                (item.question.hold, item.held_by(), item.artefact.recording())
            {
                holds.insert(hold, recording);
            }
        }
        if holds.is_empty() {
            return Ok(());
        }
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let placed = self.restricted_before(key, &person).await?;
        for (hold, recording) in holds.into_iter().filter(|(hold, _)| !placed.contains_key(hold)) {
            if self.hold_over(&key.tenant, recording, hold).await?.is_some() {
                let why = format!(
                    "hold {hold} was placed by people and not by a request: two of them release it, \
                     and it is planned anew then"
                );
                return Err(Error::refused("held-by-people", why));
            }
        }
        Ok(())
    }
}

/// Whether something is named, and all of it is such. A name that the plan does not have the lifecycle refuses.
fn are_all(file: &File, named: &BTreeSet<ItemKey>, is_such: impl Fn(&PlanItem) -> bool) -> bool {
    !named.is_empty() && named.iter().filter_map(|key| file.items.get(key)).all(is_such)
}

/// Whether it is the audio of a party of which a copy is asked.
fn is_copied_leg(item: &PlanItem) -> bool {
    let is_copied = match item.right() {
        Right::Access | Right::Port => true,
        Right::Rectify
        | Right::Erase
        | Right::Restrict
        | Right::Object
        | Right::ObjectMarketing
        | Right::Withdraw => false,
    };
    let is_leg = match item.artefact {
        Artefact::Leg(..) => true,
        Artefact::Metadata(_)
        | Artefact::Consent
        | Artefact::AccessLog
        | Artefact::Request(_)
        | Artefact::Backups => false,
    };
    is_copied && is_leg
}
