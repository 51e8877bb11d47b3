//! Which audio a package has: per leg the purpose that covers most of the call first, and another one's only
//! where it reaches further. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, Interval, IntervalSet, LegNo, Position, PurposeName, RecordingId};
use policy::rights::Right;
use proto::archive::v1::{Recording, RecordingLeg};

use super::gather::{Facts, Found};
use super::granted::{Granted, LegItem};
use crate::mesh::basis;
use crate::person::Person;

/// A piece of audio that may be in the package.
pub(super) struct Candidate {
    /// The recording's place among those of the package.
    pub(super) call: usize,
    /// Which recording.
    pub(super) recording: RecordingId,
    /// Which leg.
    pub(super) leg: LegNo,
    /// The party of that leg.
    pub(super) party: u32,
    /// For which purpose it opens.
    pub(super) purpose: PurposeName,
    /// Where that purpose had its basis.
    pub(super) intervals: IntervalSet,
    /// Where it is made silent, as others are heard there.
    pub(super) silenced: IntervalSet,
    /// Whether it belongs into a vCon: on consent or a contract, and granted for portability.
    pub(super) portable: bool,
}

/// What of a leg is in the package already.
#[derive(Default)]
pub(super) struct Heard {
    all: IntervalSet,
    portable: IntervalSet,
}

impl Heard {
    /// Whether a piece adds anything.
    pub(super) fn wants(&self, candidate: &Candidate) -> bool {
        let adds = |heard: &IntervalSet| !candidate.intervals.difference(heard).is_empty();
        adds(&self.all) || (candidate.portable && adds(&self.portable))
    }

    /// A piece is in the package.
    pub(super) fn add(&mut self, candidate: &Candidate) {
        self.all = self.all.union(&candidate.intervals);
        if candidate.portable {
            self.portable = self.portable.union(&candidate.intervals);
        }
    }
}

/// Whether a leg is the person's own.
pub(super) fn is_own(recording: &Recording, leg: &RecordingLeg, person: &Person) -> bool {
    let party = usize::try_from(leg.party).ok().and_then(|party| recording.parties.get(party));
    party.is_some_and(|party| person.is(&party.subject_id))
}

/// Everything that may be in the package, in the order in which it is tried.
pub(super) fn candidates(facts: &Facts, granted: &Granted) -> Vec<Candidate> {
    let calls = facts.recordings.iter().enumerate();
    calls.flat_map(|(call, found)| of_call(call, found, granted, &facts.person)).collect()
}

fn of_call(call: usize, found: &Found, granted: &Granted, person: &Person) -> Vec<Candidate> {
    let mut legs: Vec<_> = found.recording.legs.iter().collect();
    legs.sort_by_key(|leg| leg.leg);
    legs.dedup_by_key(|leg| leg.leg);
    let mut candidates = Vec::new();
    for leg in legs {
        let Ok(number) = u16::try_from(leg.leg).map(LegNo) else { continue };
        let own = is_own(&found.recording, leg, person);
        let silenced = granted.silenced(found.id, number);
        let audible = granted.leg(found.id, number).iter().filter(|item| item.is_audible(own));
        let purposes = purposes(audible).into_iter().filter_map(|(purpose, rights)| {
            let (intervals, rests) = stands(&found.recording, &purpose);
            let ports = rests.iter().all(|basis| matches!(basis, Basis::Consent | Basis::Contract));
            let portable = ports && rights.contains(&Right::Port);
            let (recording, leg, party, silenced) = (found.id, number, leg.party, silenced.clone());
            let candidate = Candidate { call, recording, leg, party, purpose, intervals, silenced, portable };
            (!candidate.intervals.is_empty()).then_some(candidate)
        });
        let mut purposes: Vec<_> = purposes.collect();
        // Stable, so that of two that cover as much the first by name comes first.
        purposes.sort_by_key(|candidate| std::cmp::Reverse(candidate.intervals.micros()));
        candidates.extend(purposes);
    }
    candidates
}

fn purposes<'a>(items: impl Iterator<Item = &'a LegItem>) -> BTreeMap<PurposeName, BTreeSet<Right>> {
    let mut purposes: BTreeMap<PurposeName, BTreeSet<Right>> = BTreeMap::new();
    for item in items {
        purposes.entry(item.purpose.clone()).or_default().insert(item.right);
    }
    purposes
}

/// Where in the call a purpose had its basis, and on what it rested.
fn stands(recording: &Recording, purpose: &PurposeName) -> (IntervalSet, BTreeSet<Basis>) {
    let own = || recording.bases.iter().filter(|interval| interval.purpose == purpose.as_str());
    let within = |start: u64, end: u64| Interval::new(Position(start), Position(end.min(recording.duration)));
    let intervals = own().filter_map(|interval| within(interval.start, interval.end)).collect();
    (intervals, own().filter_map(|interval| basis(interval.basis)).collect())
}
