//! Whose voice an item is of, and which voices are missing in a copy.

use std::collections::BTreeSet;

use kernel::{LegNo, RecordingId};
use policy::request::Item;
use policy::rights::{Presence, Right};

use crate::file::File;
use crate::letter::phrases::{Missing, Voice};
use crate::plan::{Artefact, PlanItem};

/// Whose voice an item is of. Of a copy each voice may come to something else; under other rights all of them go
/// together, and are one paragraph.
pub(super) fn voice(planned: &PlanItem) -> Option<Voice> {
    let voice = match planned.question.presence {
        Presence::Oneself => Voice::Own,
        Presence::Dialog | Presence::Third | Presence::Mentioned | Presence::Absent => Voice::Other,
    };
    let is_copied = matches!(planned.right(), Right::Access | Right::Port);
    let is_leg = matches!(planned.artefact, Artefact::Leg(..));
    (is_copied && is_leg).then_some(voice)
}

/// The legs that a copy has the sound of, by each right under which it was granted: what one of them gives is in
/// the package, whatever the other one says.
pub(super) struct Voices(BTreeSet<(RecordingId, LegNo, Right)>);

impl Voices {
    /// By what was decided.
    pub(super) fn of(file: &File) -> Self {
        let mut given = BTreeSet::new();
        for (key, planned) in file.items.iter().filter(|(_, planned)| voice(planned).is_some()) {
            let decision = file.request.items().get(key).and_then(Item::decision);
            let (Artefact::Leg(recording, leg), Some(decision)) = (&planned.artefact, decision) else {
                continue;
            };
            if planned.is_audible(decision.verdict, file.found.get(key)) {
                given.insert((*recording, *leg, planned.right()));
            }
        }
        Self(given)
    }

    /// What the voice of an item is missing from; none where it is there, or the item is of no voice.
    pub(super) fn missing(&self, planned: &PlanItem) -> Option<Missing> {
        let Artefact::Leg(recording, leg) = &planned.artefact else { return None };
        let has = |right: Right| self.0.contains(&(*recording, *leg, right));
        match (has(Right::Access), has(Right::Port)) {
            (false, false) => Some(Missing::Package),
            (true, false) if planned.right() == Right::Port => Some(Missing::Portable),
            (true, _) | (false, true) => None,
        }
    }
}
