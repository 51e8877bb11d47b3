//! The contract's messages as retention's words, and back. What comes in is checked here, field by field.

use std::collections::BTreeSet;
use std::fmt::Write;

use kernel::{HoldId, InvalidId, PurposeName, RecordingId, RegimeName, SubjectId, Timestamp};
use platform::call::Touched;
use policy::code::Code;
use policy::retention::{DataKind, ExtensionOrder, OrderScope, Rule};
use proto::retention::v1 as wire;

use crate::error::Error;
use crate::events;
use crate::hold::{Hold, HoldKind, HoldState, MAX_NAMED, MAX_PURPOSES, Selector};
use crate::kept::{Due, TermState};
use crate::service::{Considered, DueNow, DuePage, Explained, ExplainedTerm, NewHold, Placed};

/// Entries of a page, unless the caller says.
const PAGE: u32 = 100;
/// Entries of the largest page.
const PAGE_MAX: u32 = 500;
/// Most recordings, persons and purposes that the holds of one page name: about a megabyte, which every
/// client takes.
const NAMED_MAX: usize = 50_000;
/// What a purpose counts among these: its name is as long as so many ids.
const OF_PURPOSE: usize = 4;

/// An id of 16 bytes.
pub(super) fn id<T>(
    read: fn(&[u8]) -> Result<T, InvalidId>,
    bytes: &[u8],
    what: &'static str,
) -> Result<T, Error> {
    read(bytes).map_err(|error| Error::invalid(what, error.reason))
}

/// A name from a policy.
pub(super) fn name<T>(
    read: fn(String) -> Result<T, InvalidId>,
    text: String,
    what: &'static str,
) -> Result<T, Error> {
    read(text).map_err(|error| Error::invalid(what, error.reason))
}

/// Ids of which none comes twice.
fn ids<T: Ord>(
    read: fn(&[u8]) -> Result<T, InvalidId>,
    all: &[Vec<u8>],
    what: &'static str,
) -> Result<BTreeSet<T>, Error> {
    if all.len() > MAX_NAMED {
        return Err(Error::invalid(what, format!("must be at most {MAX_NAMED}")));
    }
    let mut found = BTreeSet::new();
    for bytes in all {
        if !found.insert(id(read, bytes, what)?) {
            return Err(Error::invalid(what, "must not name the same one twice"));
        }
    }
    Ok(found)
}

/// A code that must be there.
fn code(text: &str, what: &'static str) -> Result<Code, Error> {
    if text.is_empty() {
        return Err(Error::invalid(what, "must be given"));
    }
    Code::new(text).map_err(|_| {
        let most = Code::MAX_LEN;
        let problem =
            format!("must have 1 to {most} letters, digits and - . _ / : and begin with a letter or digit");
        Error::invalid(what, problem)
    })
}

/// How much of a list is asked for at once.
pub(super) fn page_size(asked: u32) -> Result<u32, Error> {
    match asked {
        0 => Ok(PAGE),
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(Error::invalid("page_size", format!("must be at most {PAGE_MAX}"))),
    }
}

/// By when something is due.
pub(super) fn by(asked: i64, now: Timestamp) -> Result<Timestamp, Error> {
    match asked {
        0 => Ok(now),
        by @ 1.. => Ok(Timestamp(by)),
        _ => Err(Error::invalid("by", "must not be before 1970")),
    }
}

/// A hold as it is asked for.
pub(super) fn new_hold(asked: wire::PlaceHoldRequest) -> Result<NewHold, Error> {
    let kind =
        HoldKind::from_number(asked.kind.into()).ok_or_else(|| Error::invalid("kind", "must be named"))?;
    Ok(NewHold {
        id: id(HoldId::from_slice, &asked.hold_id, "hold_id")?,
        kind,
        selector: selector(
            &asked.selector.ok_or_else(|| Error::invalid("selector", "must say what is held"))?,
        )?,
        purposes: purposes(kind, asked.purposes)?,
        reason: code(&asked.reason, "reason")?,
        review_at: Timestamp(asked.review_at),
    })
}

/// Purposes, of which none comes twice, and which only a restriction has.
fn purposes(kind: HoldKind, asked: Vec<String>) -> Result<BTreeSet<PurposeName>, Error> {
    const WHAT: &str = "purposes";
    let may_name = match kind {
        HoldKind::Restriction => true,
        HoldKind::Litigation | HoldKind::Regulator | HoldKind::Subject | HoldKind::OpenRequest => false,
    };
    if !may_name && !asked.is_empty() {
        return Err(Error::invalid(WHAT, "may be named by a restriction only"));
    }
    if asked.len() > MAX_PURPOSES {
        return Err(Error::invalid(WHAT, format!("must be at most {MAX_PURPOSES}")));
    }
    let mut found = BTreeSet::new();
    for text in asked {
        if !found.insert(name(PurposeName::new, text, WHAT)?) {
            return Err(Error::invalid(WHAT, "must not name the same one twice"));
        }
    }
    Ok(found)
}

fn selector(asked: &wire::HoldSelector) -> Result<Selector, Error> {
    let recordings = ids(RecordingId::from_slice, &asked.recording_ids, "selector.recording_ids")?;
    let subjects = ids(SubjectId::from_slice, &asked.subject_ids, "selector.subject_ids")?;
    let has_range = asked.from != 0 || asked.to != 0;
    if has_range && asked.from >= asked.to {
        return Err(Error::invalid("selector.to", "must be after selector.from"));
    }
    let only = "must name recordings, or persons, or a range with or without persons, and not two of these";
    match (recordings.is_empty(), subjects.is_empty(), has_range) {
        (false, true, false) => Ok(Selector::Recordings(recordings)),
        (true, false, false) => Ok(Selector::Subjects(subjects)),
        (true, _, true) => {
            let (from, until) = (Timestamp(asked.from), Timestamp(asked.to));
            Ok(Selector::Query { from, until, subjects })
        }
        (true, true, false) | (false, false, _) | (false, true, true) => {
            Err(Error::invalid("selector", only))
        }
    }
}

/// Notes whom and what a selector names.
pub(super) fn note_selector(note: &Touched, selector: &Selector) {
    match selector {
        Selector::Recordings(ids) => ids.iter().for_each(|id| {
            note.recording(*id);
        }),
        Selector::Subjects(subjects) | Selector::Query { subjects, .. } => subjects.iter().for_each(|id| {
            note.subject(*id);
        }),
    }
}

/// An order as it is asked for. Whether the law allows it is asked when it is placed.
pub(super) fn order(asked: &wire::ExtendRequest) -> Result<ExtensionOrder, Error> {
    let parties = ids(SubjectId::from_slice, &asked.subject_ids, "subject_ids")?;
    let parties = (!parties.is_empty()).then_some(parties);
    let scope = OrderScope::new(Timestamp(asked.from), Timestamp(asked.to), parties);
    Ok(ExtensionOrder {
        reference: code(&asked.reference, "reference")?,
        regime: name(RegimeName::new, asked.regime.clone(), "regime")?,
        until: Timestamp(asked.until),
        // Parties are somebody here: all that is left is the range.
        scope: scope.map_err(|_| Error::invalid("to", "must be after from"))?,
    })
}

/// What keeps a recording, and why.
pub(super) fn explained(explained: &Explained) -> wire::ExplainResponse {
    let kept = &explained.kept;
    let running = kept.terms.iter().filter(|term| term.state == TermState::Running);
    let ends = running.map(|term| term.stamp.ends.0);
    wire::ExplainResponse {
        recording_id: kept.key.id.to_bytes().to_vec(),
        started_at: kept.started_at.0,
        ended_at: kept.ended_at.0,
        policy_hash: kept.policy.as_bytes().to_vec(),
        terms: explained.terms.iter().map(term).collect(),
        holds: explained.holds.iter().map(hold).collect(),
        earliest: ends.clone().min().unwrap_or_default(),
        latest: ends.max().unwrap_or_default(),
        erasure_ids: explained.erasures.iter().map(|id| id.to_bytes().to_vec()).collect(),
    }
}

fn term(explained: &ExplainedTerm) -> wire::Term {
    let term = &explained.term;
    let kind = match term.stamp.kind {
        DataKind::Audio => wire::DataKind::Audio,
        DataKind::Metadata => wire::DataKind::Metadata,
    };
    let state = match term.state {
        TermState::Running => wire::TermState::Running,
        TermState::Ending => wire::TermState::Ending,
        TermState::Ended => wire::TermState::Ended,
    };
    wire::Term {
        purpose: term.stamp.purpose.to_string(),
        kind: kind.into(),
        state: state.into(),
        ends: term.stamp.ends.0,
        rule: term.stamp.rule.to_string(),
        article: article(&term.stamp.rule),
        considered: explained.considered.iter().map(considered).collect(),
    }
}

fn considered(considered: &Considered) -> wire::Considered {
    wire::Considered {
        rule: considered.rule.to_string(),
        article: article(&considered.rule),
        set_by: set_by(&considered.rule).to_owned(),
        ends: considered.ends.0,
        verdict: considered.verdict.to_owned(),
    }
}

/// Where the law has it; empty for a regime that this version does not know.
fn article(rule: &Rule) -> String {
    rule.source().unwrap_or_default().to_owned()
}

fn set_by(rule: &Rule) -> &'static str {
    match rule {
        Rule::Regime { .. } => "law",
        Rule::Policy { .. } => "policy",
        Rule::Order { .. } => "authority",
        Rule::LaterPolicy { .. } => "later-policy",
    }
}

/// A page of what is due.
pub(super) fn due(page: &DuePage) -> wire::ListDueResponse {
    let recording = |found: &DueNow| wire::DueRecording {
        recording_id: found.due.id.to_bytes().to_vec(),
        at: found.due.at.0,
        purposes: found.purposes.iter().map(ToString::to_string).collect(),
        held_by: found.held_by.iter().map(|id| id.to_bytes().to_vec()).collect(),
    };
    wire::ListDueResponse {
        recordings: page.recordings.iter().map(recording).collect(),
        next_page_token: page.next.as_ref().map(due_token).unwrap_or_default(),
    }
}

/// A hold that stands, and what it came across.
pub(super) fn placed(placed: &Placed) -> wire::PlaceHoldResponse {
    let ids = |ids: &[RecordingId]| ids.iter().map(|id| id.to_bytes().to_vec()).collect();
    wire::PlaceHoldResponse {
        hold: Some(hold(&placed.hold)),
        erased_before: ids(&placed.erased_before),
        stopped: ids(&placed.stopped),
    }
}

/// A hold.
pub(super) fn hold(hold: &Hold) -> wire::Hold {
    wire::Hold {
        hold_id: hold.id.to_bytes().to_vec(),
        kind: kind(hold.kind).into(),
        selector: Some(as_asked(&hold.selector)),
        reason: hold.reason.to_string(),
        placed_by: hold.placed_by.clone(),
        placed_at: hold.placed_at.0,
        review_at: hold.review_at.0,
        state: events::hold_state(hold.state).into(),
        released_by: hold.released_by.clone(),
        released_at: hold.released_at.map(|at| at.0).unwrap_or_default(),
        purposes: hold.purposes.iter().map(ToString::to_string).collect(),
    }
}

/// As many of the first of these holds as one answer takes; at least one.
pub(super) fn fitting(holds: &[Hold]) -> &[Hold] {
    let mut named = 0;
    let fits = holds.iter().take_while(|hold| {
        named += match &hold.selector {
            Selector::Recordings(ids) => ids.len(),
            Selector::Subjects(ids) | Selector::Query { subjects: ids, .. } => ids.len(),
        };
        named += hold.purposes.len() * OF_PURPOSE;
        named <= NAMED_MAX
    });
    let count = fits.count().clamp(holds.len().min(1), holds.len());
    &holds[..count]
}

fn as_asked(selector: &Selector) -> wire::HoldSelector {
    let subjects = |ids: &BTreeSet<SubjectId>| ids.iter().map(|id| id.to_bytes().to_vec()).collect();
    match selector {
        Selector::Recordings(ids) => wire::HoldSelector {
            recording_ids: ids.iter().map(|id| id.to_bytes().to_vec()).collect(),
            ..wire::HoldSelector::default()
        },
        Selector::Subjects(ids) => {
            wire::HoldSelector { subject_ids: subjects(ids), ..wire::HoldSelector::default() }
        }
        Selector::Query { from, until, subjects: ids } => wire::HoldSelector {
            recording_ids: Vec::new(),
            subject_ids: subjects(ids),
            from: from.0,
            to: until.0,
        },
    }
}

fn kind(kind: HoldKind) -> wire::HoldKind {
    match kind {
        HoldKind::Litigation => wire::HoldKind::Litigation,
        HoldKind::Regulator => wire::HoldKind::Regulator,
        HoldKind::Subject => wire::HoldKind::Subject,
        HoldKind::OpenRequest => wire::HoldKind::OpenRequest,
        HoldKind::Restriction => wire::HoldKind::Restriction,
    }
}

/// A hold as an audit entry names it.
pub(super) fn object(id: HoldId) -> String {
    format!("hold/{id}")
}

/// A kind as an audit entry's fact.
pub(super) fn kind_word(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::Litigation => "litigation",
        HoldKind::Regulator => "regulator",
        HoldKind::Subject => "subject",
        HoldKind::OpenRequest => "open-request",
        HoldKind::Restriction => "restriction",
    }
}

/// A state as an audit entry's fact.
pub(super) fn state_word(state: HoldState) -> &'static str {
    match state {
        HoldState::Placed => "placed",
        HoldState::ReleaseAsked => "release-asked",
        HoldState::Released => "released",
    }
}

/// Where the next page of holds begins: the last one's id.
pub(super) fn hold_token(last: HoldId) -> String {
    token(&last.to_bytes())
}

/// Reads such a token; none where it is empty.
pub(super) fn after_hold(text: &str) -> Result<Option<HoldId>, Error> {
    Ok(read_token::<16>(text)?.map(HoldId::from_bytes))
}

/// Where the next page of what is due begins: the last one's date (8 bytes, big-endian) and id.
fn due_token(last: &Due) -> String {
    token(&[last.at.0.to_be_bytes().as_slice(), &last.id.to_bytes()].concat())
}

/// Reads such a token; none where it is empty.
pub(super) fn after_due(text: &str) -> Result<Option<Due>, Error> {
    let Some(bytes) = read_token::<24>(text)? else { return Ok(None) };
    let (at, id) = bytes.split_first_chunk::<8>().ok_or_else(bad_token)?;
    let id = RecordingId::from_slice(id).map_err(|_| bad_token())?;
    Ok(Some(Due { at: Timestamp(i64::from_be_bytes(*at)), id }))
}

fn bad_token() -> Error {
    Error::invalid("page_token", "is not one that was given")
}

/// Bytes in hexadecimal digits.
fn token(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // A String takes every digit.
        let _always = write!(text, "{byte:02x}");
        text
    })
}

fn read_token<const N: usize>(text: &str) -> Result<Option<[u8; N]>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(bad_token());
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| bad_token())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| bad_token())?;
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
