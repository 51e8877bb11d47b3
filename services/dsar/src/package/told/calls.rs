//! The calls of a package, without their audio.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use kernel::{Basis, Interval, LegNo, RequestId, Timestamp};
use policy::jurisdiction::{Area, Jurisdiction};
use proto::archive::v1::{Recording, RecordingLeg, RecordingParty};
use proto::common::v1::PartyRole;
use proto::retention::v1::{DataKind, Term};

use super::super::choice::is_own;
use super::super::data::{Call, Kept, Leg, Note, Purpose, Span, Statement, Stretch, Withheld};
use super::super::gather::{Facts, Found};
use super::super::granted::Granted;
use super::{known, words};
use crate::mesh::basis;
use crate::person::Person;

/// How much of a recording's id its files are called by, where that is enough.
const SHORT: usize = 8;
/// Why a leg was made silent.
const OTHERS_HEARD: &str = "others-heard";

/// The calls; `own` are the requests that the person is told of.
pub(super) fn calls(
    facts: &Facts,
    granted: &Granted,
    own: &BTreeSet<RequestId>,
    jurisdiction: Jurisdiction,
) -> Vec<Call> {
    let zone = jurisdiction.time_zone();
    let mut stems = BTreeSet::new();
    let area = jurisdiction.area();
    let person = &facts.person;
    let call = |found: &Found| call(found, granted, own, person, area, stem(found, &zone, &mut stems));
    facts.recordings.iter().map(call).collect()
}

/// What a call's files are called by: its day and the beginning of its id; all of that where two calls began
/// in the same minute, since ids begin with their time.
fn stem(found: &Found, zone: &TimeZone, taken: &mut BTreeSet<String>) -> String {
    let began = Timestamp(found.recording.started_at).to_jiff().to_zoned(zone.clone());
    let (day, id) = (began.date(), found.id.to_string());
    let short = format!("{day}-{}", id.get(..SHORT).unwrap_or(&id));
    let stem = if taken.contains(&short) { format!("{day}-{id}") } else { short };
    taken.insert(stem.clone());
    stem
}

fn call(
    found: &Found,
    granted: &Granted,
    own: &BTreeSet<RequestId>,
    person: &Person,
    area: Area,
    stem: String,
) -> Call {
    let recording = &found.recording;
    let (yours, others): (Vec<_>, Vec<_>) =
        recording.parties.iter().partition(|party| person.is(&party.subject_id));
    let is_customer = |party: &&RecordingParty| party.role() == PartyRole::Customer;
    let is_only_customer = yours.iter().any(is_customer) && !others.iter().any(is_customer);
    let described = granted.described.contains(&found.id);
    let began = Timestamp(recording.started_at);
    Call {
        id: found.id.to_string(),
        state: words::state(recording.state),
        started_at: began.to_string(),
        duration_micros: recording.duration,
        complete: recording.complete,
        language: known(&recording.language),
        your_role: role_of(&yours),
        others: others.iter().map(|party| words::role(party.role)).collect(),
        purposes: purposes(found, area),
        legs: legs(found, granted, person),
        pauses: pauses(recording),
        marks: if described { marks(recording) } else { Vec::new() },
        notes: if described { notes(recording, is_only_customer) } else { Vec::new() },
        statements: statements(recording, own),
        began,
        stem,
    }
}

/// What the person was in a call; a customer above all else.
fn role_of(yours: &[&RecordingParty]) -> &'static str {
    let customer = yours.iter().find(|party| party.role() == PartyRole::Customer);
    customer.or(yours.first()).map_or("unknown", |party| words::role(party.role))
}

fn purposes(found: &Found, area: Area) -> Vec<Purpose> {
    let recording = &found.recording;
    let with_basis = recording.bases.iter().map(|interval| interval.purpose.as_str());
    let gone = recording.gone.iter().map(|gone| gone.purpose.as_str());
    let names: BTreeSet<&str> = with_basis.chain(gone).collect();
    names.into_iter().map(|name| purpose(found, name, area)).collect()
}

fn purpose(found: &Found, name: &str, area: Area) -> Purpose {
    let recording = &found.recording;
    let own: Vec<_> = recording.bases.iter().filter(|interval| interval.purpose == name).collect();
    let rests = own.iter().find_map(|interval| basis(interval.basis));
    let span = |start: u64, end: u64| Span { start_micros: start, end_micros: end.min(recording.duration) };
    let terms = found.kept.iter().flat_map(|kept| &kept.terms);
    let lost = recording.gone.iter().find(|gone| gone.purpose == name);
    Purpose {
        name: name.to_owned(),
        basis: rests.map_or("unknown", Basis::as_str),
        article: rests.map(|basis| words::article(basis, area)).unwrap_or_default(),
        stands: own.iter().map(|interval| span(interval.start, interval.end)).collect(),
        kept: terms.filter(|term| term.purpose == name).map(kept).collect(),
        lost: lost.map(|gone| gone.reason.clone()),
    }
}

fn kept(term: &Term) -> Kept {
    Kept {
        data: match DataKind::try_from(term.kind).unwrap_or(DataKind::Unspecified) {
            DataKind::Audio => "audio",
            DataKind::Metadata | DataKind::Unspecified => "metadata",
        },
        until: Timestamp(term.ends).to_string(),
        rule: term.rule.clone(),
        article: term.article.clone(),
        ends: Timestamp(term.ends),
    }
}

fn legs(found: &Found, granted: &Granted, person: &Person) -> Vec<Leg> {
    let mut legs: Vec<_> = found.recording.legs.iter().collect();
    legs.sort_by_key(|leg| leg.leg);
    legs.dedup_by_key(|leg| leg.leg);
    legs.into_iter().map(|row| leg(found, row, granted, person)).collect()
}

fn leg(found: &Found, row: &RecordingLeg, granted: &Granted, person: &Person) -> Leg {
    let recording = &found.recording;
    let own = is_own(recording, row, person);
    let number = u16::try_from(row.leg).map(LegNo).ok();
    let items = number.map(|number| granted.leg(found.id, number)).unwrap_or_default();
    let because: BTreeSet<_> = items.iter().flat_map(|item| item.reasons).collect();
    let because = because.into_iter().map(|reason| reason.as_str().to_owned()).collect();
    let audible = items.iter().any(|item| item.is_audible(own));
    let party = usize::try_from(row.party).ok().and_then(|party| recording.parties.get(party));
    let theirs = party.map_or("unknown", |party| words::role(party.role));
    Leg {
        leg: row.leg,
        whose: if own { "you" } else { theirs },
        audio: Vec::new(),
        withheld: (!audible).then_some(Withheld { because }),
        gaps: gaps(recording, row),
        silenced: if audible { silenced(found, number, granted) } else { Vec::new() },
        refused: Vec::new(),
    }
}

/// Where others are heard on a leg (GDPR Art. 15(4)).
fn silenced(found: &Found, leg: Option<LegNo>, granted: &Granted) -> Vec<Stretch> {
    let heard = leg.map(|leg| granted.silenced(found.id, leg)).unwrap_or_default();
    let told = |heard: Interval| stretch(&found.recording, heard.start().0, heard.end().0, OTHERS_HEARD);
    heard.iter().map(told).collect()
}

/// Where a leg is silent: what was not stored, and what was erased since.
fn gaps(recording: &Recording, row: &RecordingLeg) -> Vec<Stretch> {
    let absent = row.absences.iter().map(|absence| (absence.start, absence.end, absence.reason.as_str()));
    let erased = recording.erased.iter().filter(|erased| erased.leg == row.leg);
    let erased = erased.map(|erased| (erased.start, erased.end, "erased"));
    let all: BTreeSet<_> = absent.chain(erased).collect();
    all.into_iter().map(|(start, end, what)| stretch(recording, start, end, what)).collect()
}

fn pauses(recording: &Recording) -> Vec<Stretch> {
    let pauses = recording.pauses.iter();
    pauses.map(|pause| stretch(recording, pause.start, pause.end, &pause.reason)).collect()
}

fn marks(recording: &Recording) -> Vec<Stretch> {
    recording.marks.iter().map(|mark| stretch(recording, mark.start, mark.end, &mark.label)).collect()
}

/// What was noted. Rights and consent are a customer's acts, and nobody else's to be told of; where there are
/// several customers it is not known whose they were.
fn notes(recording: &Recording, is_only_customer: bool) -> Vec<Note> {
    let is_act = |kind: &str| kind.starts_with("dsar.") || kind.starts_with("consent.");
    let note = |note: &proto::archive::v1::Note| Note {
        position_micros: note.position,
        kind: note.kind.clone(),
        code: note.code.clone(),
    };
    let told = recording.notes.iter().filter(|note| is_only_customer || !is_act(&note.kind));
    told.map(note).collect()
}

/// What was stated about it. That somebody else has asked for something is not told, nor what: only that it was stated.
fn statements(recording: &Recording, own: &BTreeSet<RequestId>) -> Vec<Statement> {
    let statement = |stated: &proto::archive::v1::Statement| Statement {
        filed: stated.filed.clone(),
        at: Timestamp(stated.at).to_string(),
        request: RequestId::from_slice(&stated.request_id)
            .ok()
            .filter(|request| own.contains(request))
            .map(|request| request.to_string()),
        attached: Timestamp(stated.at),
    };
    recording.statements.iter().map(statement).collect()
}

/// A stretch; an end that nothing has closed is the call's.
fn stretch(recording: &Recording, start: u64, end: u64, what: &str) -> Stretch {
    Stretch { start_micros: start, end_micros: end.min(recording.duration.max(start)), what: what.to_owned() }
}
