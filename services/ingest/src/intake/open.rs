//! `Open`: the call, its parties, legs and purposes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use kernel::{LegNo, PurposeName, RecordingId, SessionEpoch, Timestamp};
use proto::common::v1::{Identifier, IdentifierKind, PartyRole};
use proto::ingest::v1 as wire;
use seal::Codec;

use super::{
    MAX_CORRELATION, MAX_IDENTIFIERS, MAX_KEY, MAX_LANGUAGE, MAX_LEGS, MAX_PARTIES, MAX_RATE, MAX_TEXT,
    at_most,
};
use crate::error::BadInput;
use crate::leg::LegSpec;
use crate::verdict::MAX_PURPOSES;

/// A call as its sender announces it.
#[derive(Clone, PartialEq)]
pub struct OpenCall {
    /// Chosen by the sender.
    pub recording: RecordingId,
    /// The sender's fencing number, from 1.
    pub epoch: SessionEpoch,
    /// Position 0.
    pub started_at: Timestamp,
    /// The sender's own id: personal data.
    pub call_id: String,
    /// Who called whom.
    pub direction: wire::Direction,
    /// BCP 47, or empty.
    pub language: String,
    /// In the sender's order.
    pub parties: Vec<PartyFacts>,
    /// In order; leg *n* has number *n*.
    pub legs: Vec<LegSpec>,
    /// By name, each once.
    pub purposes: Vec<PurposeName>,
    /// Personal data.
    pub correlation: BTreeMap<String, String>,
}

/// Who is in a call.
#[derive(Clone, PartialEq)]
pub struct PartyFacts {
    /// As whom.
    pub role: PartyRole,
    /// Personal data; none for an unknown person.
    pub identifiers: Vec<Identifier>,
}

/// What time it is, and how far ahead of it a call's start may lie.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    /// By this instance's clock.
    pub now: Timestamp,
    /// The bound.
    pub clock_ahead: Duration,
}

/// Checks an `Open`.
pub fn open(open: wire::Open, present: Present) -> Result<OpenCall, BadInput> {
    let recording = RecordingId::from_slice(&open.recording_id)
        .map_err(|problem| BadInput::Id { place: "open.recording_id", problem })?;
    let epoch = epoch(open.session_epoch)?;
    let started_at = started_at(open.started_at, present)?;
    at_most("length of open.call_id", open.call_id.len(), MAX_TEXT)?;
    let direction = wire::Direction::try_from(open.direction)
        .map_err(|_| BadInput::Value { place: "open.direction", problem: "is not a known direction" })?;
    check_language(&open.language)?;
    at_most("number of open.parties", open.parties.len(), MAX_PARTIES)?;
    let parties: Vec<_> = open.parties.into_iter().map(party).collect::<Result<_, _>>()?;
    at_most("number of open.legs", open.legs.len(), MAX_LEGS)?;
    if open.legs.is_empty() {
        return Err(BadInput::Missing("open.legs"));
    }
    let legs =
        open.legs.iter().enumerate().map(|(n, l)| leg(n, l, parties.len())).collect::<Result<_, _>>()?;
    check_correlation(&open.correlation)?;
    Ok(OpenCall {
        recording,
        epoch,
        started_at,
        call_id: open.call_id,
        direction,
        language: open.language,
        parties,
        legs,
        purposes: purposes(open.purposes)?,
        correlation: open.correlation.into_iter().collect(),
    })
}

/// Every store that an epoch comes to keeps it as a signed number.
fn epoch(number: u64) -> Result<SessionEpoch, BadInput> {
    let (place, bound) = ("open.session_epoch", i64::MAX as u64);
    match number {
        0 => Err(BadInput::Missing(place)),
        found if found > bound => Err(BadInput::Bound { place, found, bound }),
        number => Ok(SessionEpoch(number)),
    }
}

/// The past is not bounded: calls that were kept elsewhere may come late.
fn started_at(micros: i64, present: Present) -> Result<Timestamp, BadInput> {
    let place = "open.started_at";
    match micros {
        0 => return Err(BadInput::Missing(place)),
        ..0 => return Err(BadInput::Value { place, problem: "is before 1970" }),
        1.. => {}
    }
    let ahead = u64::try_from(micros.saturating_sub(present.now.0)).unwrap_or(0);
    let (ahead, bound) = (Duration::from_micros(ahead), present.clock_ahead);
    if ahead > bound { Err(BadInput::Ahead { place, ahead, bound }) } else { Ok(Timestamp(micros)) }
}

fn party(party: wire::Party) -> Result<PartyFacts, BadInput> {
    let place = "open.parties.role";
    let role = PartyRole::try_from(party.role)
        .map_err(|_| BadInput::Value { place, problem: "is not a known role" })?;
    if role == PartyRole::Unspecified {
        return Err(BadInput::Missing(place));
    }
    at_most("number of open.parties.identifiers", party.identifiers.len(), MAX_IDENTIFIERS)?;
    for identifier in &party.identifiers {
        at_most("length of open.parties.identifiers.value", identifier.value.len(), MAX_TEXT)?;
        let kind = IdentifierKind::try_from(identifier.kind).unwrap_or(IdentifierKind::Unspecified);
        if kind == IdentifierKind::Unspecified || identifier.value.is_empty() {
            return Err(BadInput::Missing("open.parties.identifiers"));
        }
    }
    Ok(PartyFacts { role, identifiers: party.identifiers })
}

fn leg(number: usize, leg: &wire::Leg, parties: usize) -> Result<LegSpec, BadInput> {
    if leg.leg as usize != number {
        return Err(BadInput::Value { place: "open.legs.leg", problem: "must count from 0 in order" });
    }
    let problem = "must be a codec's name of 1 to 32 of the characters A-Z a-z 0-9 . _ -";
    let codec = Codec::from_name(&leg.codec)
        .ok()
        .filter(|codec| *codec != Codec::Document)
        .ok_or(BadInput::Value { place: "open.legs.codec", problem })?;
    if leg.clock_rate == 0 {
        return Err(BadInput::Missing("open.legs.clock_rate"));
    }
    at_most("open.legs.clock_rate", leg.clock_rate as usize, MAX_RATE as usize)?;
    if leg.party as usize >= parties {
        return Err(BadInput::Value { place: "open.legs.party", problem: "must be a place in open.parties" });
    }
    let number = u16::try_from(number).expect("legs are at most 16");
    Ok(LegSpec { leg: LegNo(number), codec, rate: leg.clock_rate, party: leg.party })
}

fn purposes(names: Vec<String>) -> Result<Vec<PurposeName>, BadInput> {
    at_most("number of open.purposes", names.len(), MAX_PURPOSES)?;
    let named = names.into_iter().map(PurposeName::new).collect::<Result<BTreeSet<_>, _>>();
    let named = named.map_err(|problem| BadInput::Id { place: "open.purposes", problem })?;
    Ok(named.into_iter().collect())
}

fn check_language(language: &str) -> Result<(), BadInput> {
    at_most("length of open.language", language.len(), MAX_LANGUAGE)?;
    if language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(());
    }
    Err(BadInput::Value { place: "open.language", problem: "must be a BCP 47 tag" })
}

fn check_correlation(correlation: &std::collections::HashMap<String, String>) -> Result<(), BadInput> {
    at_most("number of open.correlation", correlation.len(), MAX_CORRELATION)?;
    for (key, value) in correlation {
        at_most("length of a key of open.correlation", key.len(), MAX_KEY)?;
        at_most("length of a value of open.correlation", value.len(), MAX_TEXT)?;
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            let problem = "must have keys of the characters A-Z a-z 0-9 _ -";
            return Err(BadInput::Value { place: "open.correlation", problem });
        }
    }
    Ok(())
}

// Call ids, identifiers and correlation ids are personal data.
impl fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OpenCall");
        shown.field("recording", &self.recording).field("epoch", &self.epoch);
        shown.field("legs", &self.legs).field("purposes", &self.purposes).finish_non_exhaustive()
    }
}

impl fmt::Debug for PartyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartyFacts").field("role", &self.role).finish_non_exhaustive()
    }
}
