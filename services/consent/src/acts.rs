//! What the restrictive journal holds of consent: what took it away, and what gave it. Pure.
//!
//! ```text
//! consent-withdrawn   kind:refused | withdrawn | expired | revoked | invalidated   <event>
//! consent-given       kind:given                                                    <event>
//!
//! <event> = event:<uuid> scope:call | scope:account  [recording:<uuid>] occurred-at:<us> recorded-at:<us>
//!           [notice:<name> notice-hash:<64 hex>] [expression:<word>] [position:<us>] [policy:<64 hex>]
//!           fingerprint:<64 hex> part:<n>-of-<m> purpose:<name>...
//! ```
//!
//! The act's id is the event's, and so is its version. An event that names more purposes than one record takes comes in
//! parts; those after the first have ids of their own, and each is an event of the same effect on the purposes that it
//! names. Notices, questions and silence take nothing away that stood, and are not journalled. The codes' form is
//! [`journal::codes`]'s.

use journal::codes::{FieldError, Fields, Part, Unreadable, code, in_parts, malformed, packed};
use journal::{About, Act, Code, Kind};
use kernel::{EventId, PurposeName, SubjectId, Timestamp};
use policy::PolicyHash;
use uuid::Uuid;

use crate::event::{EventKind, Expression, NewEvent, NoticeRef, Reach, StoredEvent, derived_id};

const KEYS: [&str; 13] = [
    "kind",
    "event",
    "scope",
    "recording",
    "occurred-at",
    "recorded-at",
    "notice",
    "notice-hash",
    "expression",
    "position",
    "policy",
    "fingerprint",
    "purpose",
];
const CALL: &str = "call";
const ACCOUNT: &str = "account";

/// What an act says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The event; of the purposes that it names, those of this part. Its id is the act's.
    pub event: StoredEvent,
    /// The id of the event that was split into parts.
    pub of: EventId,
}

/// The acts of an event; none where the journal does not hold it.
pub fn acts(stored: &StoredEvent) -> Vec<Act> {
    let StoredEvent { tenant, version, event } = stored;
    let Some((kind, word)) = journalled(event.kind) else { return Vec::new() };
    let mut head = vec![code("kind", word), code("event", event.id)];
    head.push(code(
        "scope",
        match event.reach {
            Reach::Call(_) => CALL,
            Reach::Account => ACCOUNT,
        },
    ));
    head.extend(event.said_in.map(|recording| code("recording", recording)));
    head.extend([code("occurred-at", event.occurred_at.0), code("recorded-at", event.recorded_at.0)]);
    if let Some(NoticeRef { name, text_hash }) = &event.notice {
        head.extend([code("notice", name), code("notice-hash", hex::encode(text_hash))]);
    }
    head.extend(expressed(event.expression).map(|word| code("expression", word)));
    head.extend(event.position.map(|position| code("position", position)));
    head.extend(event.policy.map(|policy| code("policy", policy)));
    head.push(code("fingerprint", hex::encode(event.fingerprint)));
    let about = About::Aggregate { id: Uuid::from_bytes(event.subject.to_bytes()), version: *version };
    let parts = in_parts(&head, &packed("purpose", &event.purposes));
    let act = |(part, codes): (Part, Vec<Code>)| Act {
        id: part_id(event.id, part),
        at: event.recorded_at,
        tenant: tenant.clone(),
        kind,
        about,
        codes,
    };
    parts.into_iter().map(act).collect()
}

fn part_id(event: EventId, part: Part) -> EventId {
    match part.number {
        1 => event,
        number => derived_id(event, &format!("part-{number}")),
    }
}

/// Whether an act of this kind is consent's.
pub fn is_ours(kind: Kind) -> bool {
    match kind {
        Kind::ConsentWithdrawn | Kind::ConsentGiven => true,
        Kind::Restricted
        | Kind::RestrictionLifted
        | Kind::HoldPlaced
        | Kind::HoldReleased
        | Kind::OrderPlaced
        | Kind::ErasureIntended
        | Kind::ErasureDone
        | Kind::ErasureRefused
        | Kind::EpochDestroyed
        | Kind::LedgerRoot => false,
    }
}

/// Reads what an act says, if it is consent's.
pub fn read(act: &Act) -> Result<Option<Said>, Unreadable> {
    if !is_ours(act.kind) {
        return Ok(None);
    }
    said(act).map(Some).map_err(|source| Unreadable { act: act.id, source })
}

fn said(act: &Act) -> Result<Said, FieldError> {
    let About::Aggregate { id: subject, version } = act.about else {
        return Err(FieldError { field: "what it is about", problem: "is nothing that its kind is done to" });
    };
    let fields = Fields::of(&act.codes, &KEYS)?;
    let kind = kind_of(fields.one("kind")?).ok_or(malformed("kind"))?;
    if journalled(kind).is_none_or(|(own, _)| own != act.kind) {
        return Err(malformed("kind"));
    }
    let of = fields.read("event")?;
    if part_id(of, fields.part()?) != act.id {
        return Err(malformed("event"));
    }
    let said_in = fields.read_if("recording")?;
    let purposes: Vec<PurposeName> = fields.read_all("purpose")?;
    let event = NewEvent {
        id: act.id,
        subject: SubjectId::from_bytes(subject.into_bytes()),
        kind,
        purposes: purposes.into_iter().collect(),
        reach: match (fields.one("scope")?, said_in) {
            (CALL, Some(recording)) => Reach::Call(recording),
            (ACCOUNT, _) => Reach::Account,
            (_, _) => return Err(malformed("scope")),
        },
        said_in,
        notice: notice(&fields)?,
        position: fields.read_if("position")?,
        occurred_at: Timestamp(fields.read("occurred-at")?),
        recorded_at: Timestamp(fields.read("recorded-at")?),
        expression: match fields.find("expression")? {
            None => Expression::Unspecified,
            Some(word) => expression_of(word).ok_or(malformed("expression"))?,
        },
        policy: hash(&fields, "policy")?.map(PolicyHash),
        fingerprint: hash(&fields, "fingerprint")?.ok_or(malformed("fingerprint"))?,
    };
    Ok(Said { event: StoredEvent { tenant: act.tenant.clone(), version, event }, of })
}

fn notice(fields: &Fields) -> Result<Option<NoticeRef>, FieldError> {
    match (fields.read_if("notice")?, hash(fields, "notice-hash")?) {
        (Some(name), Some(text_hash)) => Ok(Some(NoticeRef { name, text_hash })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(malformed("notice")),
    }
}

fn hash(fields: &Fields, key: &'static str) -> Result<Option<[u8; 32]>, FieldError> {
    let Some(text) = fields.find(key)? else { return Ok(None) };
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed(key))?;
    Ok(Some(bytes))
}

/// As which kind of act an event is journalled, and its word.
fn journalled(kind: EventKind) -> Option<(Kind, &'static str)> {
    match kind {
        EventKind::Given => Some((Kind::ConsentGiven, "given")),
        EventKind::Refused => Some((Kind::ConsentWithdrawn, "refused")),
        EventKind::Withdrawn => Some((Kind::ConsentWithdrawn, "withdrawn")),
        EventKind::Expired => Some((Kind::ConsentWithdrawn, "expired")),
        EventKind::Revoked => Some((Kind::ConsentWithdrawn, "revoked")),
        EventKind::Invalidated => Some((Kind::ConsentWithdrawn, "invalidated")),
        EventKind::Unspecified | EventKind::NoticePresented | EventKind::Asked | EventKind::Deferred => None,
    }
}

/// Whether the journal holds events of this kind.
pub fn is_journalled(kind: EventKind) -> bool {
    journalled(kind).is_some()
}

fn kind_of(word: &str) -> Option<EventKind> {
    let kinds = [
        EventKind::Given,
        EventKind::Refused,
        EventKind::Withdrawn,
        EventKind::Expired,
        EventKind::Revoked,
        EventKind::Invalidated,
    ];
    kinds.into_iter().find(|kind| journalled(*kind).is_some_and(|(_, own)| own == word))
}

fn expressed(expression: Expression) -> Option<&'static str> {
    match expression {
        Expression::Unspecified => None,
        Expression::Dtmf => Some("dtmf"),
        Expression::Voice => Some("voice"),
        Expression::App => Some("app"),
        Expression::Web => Some("web"),
        Expression::Written => Some("written"),
        Expression::AgentAttested => Some("agent-attested"),
    }
}

fn expression_of(word: &str) -> Option<Expression> {
    let expressions = [
        Expression::Dtmf,
        Expression::Voice,
        Expression::App,
        Expression::Web,
        Expression::Written,
        Expression::AgentAttested,
    ];
    expressions.into_iter().find(|expression| expressed(*expression) == Some(word))
}

#[cfg(test)]
mod tests;
