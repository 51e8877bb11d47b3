//! From wire types to domain types and back. Everything from outside is checked and bounded here.

use std::collections::BTreeSet;

use kernel::{EventId, InvalidId, NoticeName, PurposeName, RecordingId, SubjectId, Timestamp};
use policy::code::Code;
use policy::{Grant, Outcome, Party, Until};
use proto::common::v1::{Basis, Grant as WireGrant, GrantOutcome, Identifier as WireIdentifier, PartyRole};
use proto::consent::v1 as wire;
use zeroize::Zeroizing;

use crate::admission::Said;
use crate::error::Error;
use crate::event::{EventKind, Expression, Reach};
use crate::identifier::Identifier;
use crate::identity::Known;
use crate::links::{LinkOp, Pair, SubjectLink, Wanted};
use crate::service::{Authorised, Call, CallParty, Linked, Recorded, State, SubjectFacts, Who};

/// Most parties of one call.
const MAX_PARTIES: usize = 32;
/// Most identifiers of one party.
const MAX_IDENTIFIERS: usize = 16;
/// Most purposes of one request.
const MAX_PURPOSES: usize = 32;
/// Longest language tag.
const MAX_LANGUAGE: usize = 35;
/// Latest position that an event may have: a year into the call.
const MAX_POSITION: u64 = 366 * 86_400 * 1_000_000;

/// Reads an id.
pub(super) fn id<T>(
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
    bytes: &[u8],
    field: &'static str,
) -> Result<T, Error> {
    read(bytes).map_err(|_| Error::invalid(field, "must be 16 bytes"))
}

pub(super) fn bad_purpose() -> Error {
    Error::invalid("purpose", "is no purpose's name")
}

pub(super) fn bad_hash() -> Error {
    Error::invalid("policy_hash", "must be 32 bytes or none")
}

/// A call, and how many identifiers in it cannot be used: a call is not lost for a number that is withheld.
pub(super) fn call(request: wire::AuthorizeRequest) -> Result<(Call, usize), Error> {
    let recording = id(RecordingId::from_slice, &request.recording_id, "recording_id")?;
    let started_at = moment(request.started_at, "started_at")?;
    let purposes = purposes(request.purposes)?;
    if request.language.len() > MAX_LANGUAGE {
        return Err(Error::invalid("language", "is longer than 35 bytes"));
    }
    if request.parties.len() > MAX_PARTIES {
        return Err(Error::invalid("parties", "are more than 32"));
    }
    let mut unusable = 0;
    let mut parties = Vec::with_capacity(request.parties.len());
    for party in request.parties {
        if party.identifiers.len() > MAX_IDENTIFIERS {
            return Err(Error::invalid("identifiers", "are more than 16 of one party"));
        }
        let role = self::party(party.role)?;
        let read = party.identifiers.into_iter().map(|one| {
            let value = Zeroizing::new(one.value);
            Identifier::read(one.kind, &value)
        });
        let (usable, refused): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        unusable += refused.len();
        parties.push(CallParty { party: role, identifiers: usable.into_iter().flatten().collect() });
    }
    Ok((Call { recording, started_at, parties, purposes }, unusable))
}

pub(super) fn authorised(authorised: &Authorised) -> wire::AuthorizeResponse {
    wire::AuthorizeResponse {
        subject_ids: authorised.subjects.iter().map(|subject| subject.to_bytes().to_vec()).collect(),
        grants: authorised.decision.grants.iter().map(grant).collect(),
        policy_hash: authorised.decision.policy.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
        version: authorised.version,
    }
}

pub(super) fn said(request: wire::RecordEventRequest) -> Result<(Who, Said), Error> {
    let who = match request.subject {
        Some(wire::record_event_request::Subject::SubjectId(bytes)) => {
            Who::Subject(id(SubjectId::from_slice, &bytes, "subject_id")?)
        }
        Some(wire::record_event_request::Subject::Identifier(one)) => Who::Identifier(identifier(Some(one))?),
        None => return Err(Error::invalid("subject", "is missing")),
    };
    let event = id(EventId::from_slice, &request.event_id, "event_id")?;
    let kind = match EventKind::try_from(request.kind) {
        Ok(EventKind::Unspecified) | Err(_) => return Err(Error::invalid("kind", "is not a known kind")),
        Ok(kind) => kind,
    };
    let said_in = match request.recording_id.as_slice() {
        [] => None,
        bytes => Some(id(RecordingId::from_slice, bytes, "recording_id")?),
    };
    let reach = match (wire::ConsentScope::try_from(request.scope), said_in) {
        (Ok(wire::ConsentScope::Call), Some(recording)) => Reach::Call(recording),
        (Ok(wire::ConsentScope::Call), None) => return Err(Error::invalid("recording_id", "is missing")),
        (Ok(wire::ConsentScope::Account), _) => Reach::Account,
        (Ok(wire::ConsentScope::Unspecified) | Err(_), _) => {
            return Err(Error::invalid("scope", "is not a known scope"));
        }
    };
    let notice = match request.notice.as_str() {
        "" => None,
        name => Some(NoticeName::new(name).map_err(|_| Error::invalid("notice", "is no notice's name"))?),
    };
    if request.position.is_some_and(|at| at > MAX_POSITION) {
        return Err(Error::invalid("position", "is more than a year into the call"));
    }
    if request.position.is_some() && said_in.is_none() {
        return Err(Error::invalid("position", "has no recording"));
    }
    let expression = Expression::try_from(request.expression);
    Ok((
        who,
        Said {
            id: event,
            kind,
            purposes: purposes(request.purposes)?,
            reach,
            said_in,
            notice,
            position: request.position,
            occurred_at: moment(request.occurred_at, "occurred_at")?,
            expression: expression.map_err(|_| Error::invalid("expression", "is not a known expression"))?,
        },
    ))
}

pub(super) fn recorded(recorded: &Recorded) -> wire::RecordEventResponse {
    wire::RecordEventResponse {
        subject_id: recorded.subject.to_bytes().to_vec(),
        version: recorded.version,
        states: recorded.states.iter().map(state).collect(),
    }
}

pub(super) fn who_of_state(request: wire::GetStateRequest) -> Result<Who, Error> {
    match request.subject {
        Some(wire::get_state_request::Subject::SubjectId(bytes)) => {
            Ok(Who::Subject(id(SubjectId::from_slice, &bytes, "subject_id")?))
        }
        Some(wire::get_state_request::Subject::Identifier(one)) => {
            Ok(Who::Identifier(identifier(Some(one))?))
        }
        None => Err(Error::invalid("subject", "is missing")),
    }
}

pub(super) fn identifier(identifier: Option<WireIdentifier>) -> Result<Identifier, Error> {
    let WireIdentifier { kind, value } = identifier.ok_or(Error::invalid("identifier", "is missing"))?;
    let value = Zeroizing::new(value);
    Ok(Identifier::read(kind, &value)?)
}

/// A moment, or now where it is 0.
pub(super) fn at(micros: i64, now: Timestamp) -> Result<Timestamp, Error> {
    match micros {
        0 => Ok(now),
        1.. => Ok(Timestamp(micros)),
        _ => Err(Error::invalid("at", "is before 1970")),
    }
}

pub(super) fn who_of_subject(request: wire::GetSubjectRequest) -> Result<Who, Error> {
    match request.subject {
        Some(wire::get_subject_request::Subject::SubjectId(bytes)) => {
            Ok(Who::Subject(id(SubjectId::from_slice, &bytes, "subject_id")?))
        }
        Some(wire::get_subject_request::Subject::Identifier(one)) => {
            Ok(Who::Identifier(identifier(Some(one))?))
        }
        None => Err(Error::invalid("subject", "is missing")),
    }
}

pub(super) fn wanted(request: wire::LinkSubjectsRequest) -> Result<Wanted, Error> {
    let a = id(SubjectId::from_slice, &request.a_id, "a_id")?;
    let b = id(SubjectId::from_slice, &request.b_id, "b_id")?;
    let op = LinkOp::from_number(request.op).ok_or(Error::invalid("op", "is not a known one"))?;
    let evidence = Code::new(request.evidence).map_err(|_| Error::invalid("evidence", "is no code"))?;
    Ok(Wanted { pair: Pair::new(a, b)?, op, evidence })
}

pub(super) fn reassign(request: wire::ReassignIdentifierRequest) -> Result<(Identifier, Timestamp), Error> {
    Ok((identifier(request.identifier)?, moment(request.from, "from")?))
}

pub(super) fn facts(facts: &SubjectFacts) -> wire::GetSubjectResponse {
    wire::GetSubjectResponse {
        subject_id: facts.subject.to_bytes().to_vec(),
        identifiers: facts.identifiers.iter().map(known).collect(),
        person_ids: ids(&facts.person),
        links: facts.links.iter().map(link).collect(),
    }
}

pub(super) fn linked(linked: &Linked) -> wire::LinkSubjectsResponse {
    wire::LinkSubjectsResponse { link: Some(link(&linked.link)), person_ids: ids(&linked.person) }
}

/// Nothing of what is kept says more than that a sender said so.
fn known(known: &Known) -> wire::KnownIdentifier {
    wire::KnownIdentifier {
        kind: known.kind.number(),
        valid_from: known.valid_from.map_or(0, |from| from.0),
        valid_to: known.valid_to.map_or(0, |to| to.0),
        shared_line: known.line.is_shared(),
        assurance: wire::Assurance::Asserted.into(),
        known_since: known.since.0,
        ended_on: known.ended_on.map_or(0, |on| on.0),
    }
}

fn link(link: &SubjectLink) -> wire::SubjectLink {
    wire::SubjectLink {
        a_id: link.a.to_bytes().to_vec(),
        b_id: link.b.to_bytes().to_vec(),
        op: link.op.number(),
        evidence: link.evidence.to_string(),
        asked_by: link.asked_by.clone(),
        agreed_by: link.agreed_by.clone().unwrap_or_default(),
        at: link.at.0,
    }
}

fn ids(subjects: &BTreeSet<SubjectId>) -> Vec<Vec<u8>> {
    subjects.iter().map(|subject| subject.to_bytes().to_vec()).collect()
}

pub(super) fn state(state: &State) -> wire::PurposeState {
    let State { purpose, reach, consent } = state;
    wire::PurposeState {
        purpose: purpose.to_string(),
        state: consent.state.as_str().to_owned(),
        since: consent.since.map_or(0, |since| since.0),
        evidence: consent.evidence().map(|event| event.to_bytes().to_vec()).unwrap_or_default(),
        scope: reach.wire().into(),
        recording_id: reach.recording().map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
    }
}

/// The word of an event's kind, for audit entries.
pub(super) fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Unspecified => "unspecified",
        EventKind::NoticePresented => "notice-presented",
        EventKind::Asked => "asked",
        EventKind::Given => "given",
        EventKind::Refused => "refused",
        EventKind::Deferred => "deferred",
        EventKind::Withdrawn => "withdrawn",
        EventKind::Expired => "expired",
        EventKind::Revoked => "revoked",
        EventKind::Invalidated => "invalidated",
    }
}

fn grant(grant: &Grant) -> WireGrant {
    let (outcome, mark, reason) = match &grant.outcome {
        Outcome::Granted => (GrantOutcome::Granted, String::new(), String::new()),
        Outcome::AwaitingConsent => (GrantOutcome::AwaitsConsent, String::new(), String::new()),
        Outcome::AwaitingMark(label) => (GrantOutcome::AwaitsMark, label.to_string(), String::new()),
        Outcome::Denied(reason) => (GrantOutcome::Denied, String::new(), reason.as_str().to_owned()),
    };
    WireGrant {
        purpose: grant.purpose.to_string(),
        outcome: outcome.into(),
        basis: grant.basis().map_or(Basis::Unspecified.into(), kernel::Basis::number),
        regime: grant.regime().map(ToString::to_string).unwrap_or_default(),
        mark,
        reason,
        evidence: grant.evidence.map(|event| event.to_bytes().to_vec()).unwrap_or_default(),
        until_mark: grant.terms.as_ref().is_some_and(|terms| terms.until == Until::Mark),
    }
}

/// Who somebody is to policy. An unknown person is taken for a customer: their consent counts.
fn party(role: i32) -> Result<Party, Error> {
    match PartyRole::try_from(role) {
        Ok(PartyRole::Agent) => Ok(Party::Agent),
        Ok(PartyRole::Supervisor) => Ok(Party::Supervisor),
        Ok(PartyRole::Bystander) => Ok(Party::Bystander),
        Ok(PartyRole::Customer | PartyRole::Unknown) => Ok(Party::Customer),
        Ok(PartyRole::Unspecified) | Err(_) => Err(Error::invalid("role", "is not a known role")),
    }
}

fn purposes(names: Vec<String>) -> Result<BTreeSet<PurposeName>, Error> {
    if names.len() > MAX_PURPOSES {
        return Err(Error::invalid("purposes", "are more than 32"));
    }
    names.into_iter().map(|name| PurposeName::new(name).map_err(|_| bad_purpose())).collect()
}

fn moment(micros: i64, field: &'static str) -> Result<Timestamp, Error> {
    if micros <= 0 { Err(Error::invalid(field, "is missing")) } else { Ok(Timestamp(micros)) }
}

#[cfg(test)]
mod tests;
