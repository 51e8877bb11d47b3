//! What one recording comes to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, Interval, IntervalSet, LegNo, Position, PurposeName, RecordingId, Timestamp};
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, Right};
use proto::archive::v1::{Recording, RecordingLeg, RecordingState};
use proto::retention::v1::{DataKind, ExplainResponse, TermState};

use super::people::People;
use super::{ARCHIVE, Asked, RETENTION, keeping};
use crate::error::Error;
use crate::plan::{Artefact, PlanItem};

/// The items of one recording: one for each artefact, purpose that it is kept for, and right that reaches it.
/// `live` says of each purpose that is kept on consent whether that stands ([`on_consent`]).
pub(super) fn of_recording(
    asked: &Asked<'_>,
    facts: &Recording,
    kept: Option<&ExplainResponse>,
    live: &BTreeMap<PurposeName, bool>,
) -> Result<Vec<PlanItem>, Error> {
    if !is_planned(facts, asked.received_at)? {
        return Ok(Vec::new());
    }
    let id = id(facts)?;
    let kept = kept.ok_or_else(|| {
        let why = format!("the periods of recording {id} are not set yet; it is planned once they are");
        Error::refused("not-stamped", why)
    })?;
    let people = People::of(facts, asked.person)?;
    let held = keeping::held(asked, &kept.holds)?;
    let mut items = Vec::new();
    for ((kind, purpose), ends) in running(kept)? {
        let basis = keeping::strongest(facts, &purpose)?;
        let basis = keeping::basis_state(basis, &purpose, live)?;
        let kept_by = match held {
            Some((_, hold)) => format!("hold:{hold}"),
            None if basis == BasisState::DutyRunning => keeping::regime(facts, &purpose),
            None => String::new(),
        };
        let hold = held.map_or(HoldState::None, |(state, _)| state);
        for seen in appearances(kind, id, facts, &people)? {
            let rights = asked.rights.iter().copied().filter(|right| reaches(*right, basis, &seen));
            items.extend(rights.map(|right| PlanItem {
                question: Question {
                    right,
                    category: seen.artefact.category(),
                    basis,
                    hold,
                    presence: seen.presence,
                    gate: Gate::Clear,
                },
                artefact: seen.artefact.clone(),
                purpose: Some(purpose.clone()),
                kept_by: kept_by.clone(),
                until: Some(ends),
                began: Some(Timestamp(facts.started_at)),
            }));
        }
    }
    Ok(items)
}

/// An artefact of a recording, as seen by the person.
struct Seen {
    artefact: Artefact,
    presence: Presence,
    /// The person works there, and it is not their own voice: they have a copy of what was said to them, and
    /// everything else about it is the customer's.
    is_work: bool,
}

/// What a recording has of a kind of data.
fn appearances(
    kind: DataKind,
    id: RecordingId,
    facts: &Recording,
    people: &People<'_>,
) -> Result<Vec<Seen>, Error> {
    let is_at_work = people.is_at_work();
    if kind == DataKind::Metadata {
        let presence = people.in_metadata();
        return Ok(vec![Seen { artefact: Artefact::Metadata(id), presence, is_work: is_at_work }]);
    }
    let legs = legs(facts)?.into_iter();
    let seen = legs.map(|(leg, party)| Seen {
        artefact: Artefact::Leg(id, leg),
        presence: people.on_leg(party),
        is_work: is_at_work && !people.is_own(party),
    });
    Ok(seen.collect())
}

/// Whether a right reaches what rests on such a basis.
fn reaches(right: Right, basis: BasisState, seen: &Seen) -> bool {
    match right {
        Right::Access => true,
        Right::Rectify | Right::Erase | Right::Restrict | Right::Port => !seen.is_work,
        Right::Object => {
            let is_weighed = matches!(basis, BasisState::PublicTask | BasisState::LegitimateInterest);
            is_weighed && !seen.is_work
        }
        // They are of a purpose and not of a recording.
        Right::ObjectMarketing | Right::Withdraw => false,
    }
}

/// Which recording it is.
pub(super) fn id(facts: &Recording) -> Result<RecordingId, Error> {
    let id = RecordingId::from_slice(&facts.recording_id);
    id.map_err(|_| Error::Answer { peer: ARCHIVE, what: "a recording's id" })
}

/// Whether something is kept of it that a request of then is about; refused where nobody knows yet what will be. A call
/// that began since is no part of it, so that who is always in a call can be answered.
pub(super) fn is_planned(facts: &Recording, received_at: Timestamp) -> Result<bool, Error> {
    if facts.started_at > received_at.0 {
        return Ok(false);
    }
    match facts.state() {
        RecordingState::Sealed | RecordingState::Addended => Ok(true),
        RecordingState::NotRecorded | RecordingState::Erased => Ok(false),
        RecordingState::Open | RecordingState::Sealing => {
            let id = id(facts)?;
            let why = format!("recording {id} is of a call that is not sealed yet; it is planned once it is");
            Err(Error::refused("call-running", why))
        }
        RecordingState::Unspecified => Err(Error::Answer { peer: ARCHIVE, what: "a state of a recording" }),
    }
}

/// The purposes that are kept on consent alone.
pub(super) fn on_consent(
    facts: &Recording,
    kept: Option<&ExplainResponse>,
) -> Result<BTreeSet<PurposeName>, Error> {
    let mut purposes = BTreeSet::new();
    let Some(kept) = kept else { return Ok(purposes) };
    for (_, purpose) in running(kept)?.into_keys() {
        if keeping::strongest(facts, &purpose)? == Some(Basis::Consent) {
            purposes.insert(purpose);
        }
    }
    Ok(purposes)
}

/// How many artefacts it has, whatever they are kept for.
pub(super) fn artefacts(facts: &Recording, received_at: Timestamp) -> Result<u64, Error> {
    Ok(if is_planned(facts, received_at)? { legs(facts)?.len() as u64 + 1 } else { 0 })
}

/// For how many purposes and kinds of data it is kept.
pub(super) fn terms(kept: Option<&ExplainResponse>) -> Result<u64, Error> {
    let running = kept.map(running).transpose()?;
    Ok(running.map_or(0, |running| running.len() as u64))
}

/// The terms that run, and when they end.
fn running(kept: &ExplainResponse) -> Result<BTreeMap<(DataKind, PurposeName), Timestamp>, Error> {
    let bad = |what| Error::Answer { peer: RETENTION, what };
    let mut running = BTreeMap::new();
    for term in &kept.terms {
        match term.state() {
            TermState::Running => {}
            TermState::Ending | TermState::Ended => continue,
            TermState::Unspecified => return Err(bad("a state of a term")),
        }
        let kind = term.kind();
        if kind == DataKind::Unspecified {
            return Err(bad("a kind of data"));
        }
        let purpose = PurposeName::new(term.purpose.as_str()).map_err(|_| bad("a purpose"))?;
        let ends = running.entry((kind, purpose)).or_insert(Timestamp(term.ends));
        *ends = Timestamp(term.ends).max(*ends);
    }
    Ok(running)
}

/// The legs of which something is stored that was not erased, with the party of each.
fn legs(facts: &Recording) -> Result<BTreeMap<LegNo, u32>, Error> {
    let bad = |what| Error::Answer { peer: ARCHIVE, what };
    let mut legs = BTreeMap::new();
    for row in facts.legs.iter().filter(|row| is_left(facts, row)) {
        let leg = u16::try_from(row.leg).map(LegNo).map_err(|_| bad("a leg"))?;
        if legs.insert(leg, row.party).is_some() {
            return Err(bad("a leg twice"));
        }
    }
    Ok(legs)
}

fn is_left(facts: &Recording, leg: &RecordingLeg) -> bool {
    let interval = |start, end| Interval::new(Position(start), Position(end));
    let stored: IntervalSet =
        leg.stored.iter().filter_map(|stretch| interval(stretch.start, stretch.end)).collect();
    let erased = facts.erased.iter().filter(|stretch| stretch.leg == leg.leg);
    let erased: IntervalSet = erased.filter_map(|stretch| interval(stretch.start, stretch.end)).collect();
    !stored.difference(&erased).is_empty()
}
