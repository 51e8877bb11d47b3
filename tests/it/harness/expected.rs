//! What is to be expected of a sample call, from its JSON and its tenant's policy alone: intervals by their
//! definition, frames that lie wholly inside. Nothing of the program's folds is used.

use std::path::Path;

use kernel::{Basis, Interval, IntervalSet, Position, PurposeName, Timestamp};
use policy::TenantPolicy;

use super::Sample;

/// A sample call as it should have been recorded.
pub(crate) struct Expected<'s> {
    sample: &'s Sample,
    policy: TenantPolicy,
    pauses: IntervalSet,
}

/// What becomes of one frame, for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Plays,
    Gap(&'static str),
}

impl<'s> Expected<'s> {
    pub(crate) fn of(sample: &'s Sample) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policies").join(sample.tenant.as_str());
        let text = std::fs::read_to_string(folder.join("policy.yaml")).unwrap();
        let policy = policy::parse(&text, &|name| std::fs::read_to_string(folder.join(name)).ok()).unwrap();
        let pause = sample.event("pause", None).map(|from| {
            let to = sample.event("resume", None).unwrap_or(Position(sample.length()));
            Interval::new(from, to).unwrap()
        });
        Self { sample, policy, pauses: pause.into_iter().collect() }
    }

    /// The purposes that the call asks for.
    pub(crate) fn purposes(&self) -> Vec<PurposeName> {
        let asked = self.sample.json["purposes"].as_array().unwrap();
        asked.iter().map(|name| PurposeName::new(name.as_str().unwrap()).unwrap()).collect()
    }

    /// When the last of its tenant's duties ends for it.
    pub(crate) fn duty_ends(&self) -> Timestamp {
        let regimes = self.policy.purposes.values().filter_map(|purpose| purpose.regime.as_ref());
        let ends = policy::regime::lock_until(&self.policy, regimes, self.sample.started_at()).unwrap();
        ends.expect("the policy has a duty")
    }

    /// Where the purpose had its basis.
    pub(crate) fn standing(&self, purpose: &PurposeName) -> Option<Interval> {
        let length = Position(self.sample.length());
        let event = |kind| self.sample.event(kind, Some(purpose.as_str()));
        let (from, to) = match self.policy.purposes[purpose].basis {
            Basis::LegalObligation => (Position::ZERO, length),
            Basis::Consent => (event("consent.given")?, event("consent.withdrawn").unwrap_or(length)),
            // The sample policies keep a contract's evidence within the mark named like the purpose.
            Basis::Contract => (event("mark.begin")?, event("mark.end")?),
            other => panic!("no sample policy has the basis {other}"),
        };
        Interval::new(from, to)
    }

    /// Whether the consent behind the purpose was withdrawn: then nobody opens anything for it.
    pub(crate) fn is_withdrawn(&self, purpose: &PurposeName) -> bool {
        self.sample.event("consent.withdrawn", Some(purpose.as_str())).is_some()
    }

    /// Whether a frame is stored: some purpose stands over all of it, and no pause touches it.
    pub(crate) fn is_stored(&self, frame: u64) -> bool {
        let place = self.sample.place(frame);
        let stands = |purpose| self.standing(purpose).is_some_and(|interval| interval.covers(place));
        !self.pauses.overlaps(place) && self.purposes().iter().any(stands)
    }

    /// Whether a purpose may open a frame.
    pub(crate) fn may_open(&self, purpose: &PurposeName, frame: u64) -> bool {
        let place = self.sample.place(frame);
        let stands = self.standing(purpose).is_some_and(|interval| interval.covers(place));
        stands && self.is_stored(frame) && !self.is_withdrawn(purpose)
    }

    /// What becomes of a frame when it is replayed for a purpose.
    pub(crate) fn fate(&self, purpose: &PurposeName, frame: u64) -> Fate {
        if self.may_open(purpose, frame) {
            Fate::Plays
        } else if self.pauses.overlaps(self.sample.place(frame)) {
            Fate::Gap("pause")
        } else if self.is_stored(frame) {
            Fate::Gap("other-purpose")
        } else {
            Fate::Gap("no-basis")
        }
    }
}
