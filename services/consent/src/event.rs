//! Consent events as consent keeps and publishes them: ids and codes, no personal data.

use std::collections::BTreeSet;

use kernel::{
    Envelope, EventId, NoticeName, PurposeName, RecordingId, SubjectId, TenantId, Timestamp, TraceParent,
};
use policy::PolicyHash;
use policy::consent::{ConsentEvent, ConsentKind, Scope};
use prost::Message;
use proto::consent::v1 as wire;
use sha2::{Digest, Sha256};

pub use proto::consent::v1::{EventKind, Expression};

/// The kind of the envelopes on `verbale.consent.v1`.
pub const RECORDED: &str = "verbale.consent.recorded";

/// How far an event reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reach {
    /// One call.
    Call(RecordingId),
    /// Every call with the tenant.
    Account,
}

impl Reach {
    /// The call that it is confined to.
    pub fn recording(self) -> Option<RecordingId> {
        match self {
            Self::Call(recording) => Some(recording),
            Self::Account => None,
        }
    }

    /// As policy has it.
    pub fn scope(self) -> Scope {
        match self {
            Self::Call(recording) => Scope::Call(recording),
            Self::Account => Scope::Account,
        }
    }

    /// As the contract has it.
    pub fn wire(self) -> wire::ConsentScope {
        match self {
            Self::Call(_) => wire::ConsentScope::Call,
            Self::Account => wire::ConsentScope::Account,
        }
    }
}

/// The notice that was presented, or on which an answer rests; names a text that never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeRef {
    /// Its name in the tenant's policy.
    pub name: NoticeName,
    /// SHA-256 of its text.
    pub text_hash: [u8; 32],
}

/// What somebody said or was told, not yet numbered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Its identity.
    pub id: EventId,
    /// Whose will.
    pub subject: SubjectId,
    /// What it says; never `Unspecified`.
    pub kind: EventKind,
    /// Which purposes it speaks of.
    pub purposes: BTreeSet<PurposeName>,
    /// How far it reaches.
    pub reach: Reach,
    /// The call in which it was said, also where it reaches further.
    pub said_in: Option<RecordingId>,
    /// The notice behind it.
    pub notice: Option<NoticeRef>,
    /// Where in that call, in microseconds.
    pub position: Option<u64>,
    /// When, on the sender's clock.
    pub occurred_at: Timestamp,
    /// When consent took it.
    pub recorded_at: Timestamp,
    /// How it was expressed; `Unspecified` where nothing was.
    pub expression: Expression,
    /// The policy that it was judged by.
    pub policy: Option<PolicyHash>,
    /// SHA-256 of what the sender said, by which a repetition is known.
    pub fingerprint: [u8; 32],
}

/// An event with its place among all changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Whose.
    pub tenant: TenantId,
    /// One counter over all tenants; a higher one was committed later.
    pub version: u64,
    /// The event.
    pub event: NewEvent,
}

/// Whether an event can only take away, so that it is never refused for its clock.
pub fn is_restrictive(kind: EventKind) -> bool {
    match kind {
        EventKind::Refused
        | EventKind::Deferred
        | EventKind::Withdrawn
        | EventKind::Expired
        | EventKind::Revoked
        | EventKind::Invalidated => true,
        EventKind::Unspecified | EventKind::NoticePresented | EventKind::Asked | EventKind::Given => false,
    }
}

/// The notice that an answer brings along, for [`derived_id`]; never changes, or a repetition would be a second one.
pub const IMPLIED_NOTICE: &str = "notice";
/// The question that a notice or an answer brings along, for [`derived_id`]; never changes either.
pub const IMPLIED_QUESTION: &str = "asked";

/// The id of an event that follows from another one: the same each time, so that a repetition is no second one.
pub fn derived_id(from: EventId, what: &str) -> EventId {
    let digest: [u8; 32] = Sha256::new().chain_update(from.to_bytes()).chain_update(what).finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // RFC 9562: version 8, variant 10.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    EventId::from_bytes(bytes)
}

impl NewEvent {
    /// As policy folds it; none where it says nothing that the fold knows.
    pub fn to_fold(&self) -> Option<ConsentEvent> {
        let kind = match self.kind {
            EventKind::Unspecified => return None,
            EventKind::NoticePresented => ConsentKind::NoticePresented,
            EventKind::Asked => ConsentKind::Asked,
            EventKind::Given => {
                ConsentKind::Given { expression: fold_expression(self.expression)?, valid_until: None }
            }
            EventKind::Refused => ConsentKind::Refused,
            EventKind::Deferred => ConsentKind::Silence,
            EventKind::Withdrawn => ConsentKind::Withdrawn,
            EventKind::Expired => ConsentKind::Expired,
            EventKind::Revoked => ConsentKind::Revoked,
            EventKind::Invalidated => ConsentKind::Invalidated,
        };
        Some(ConsentEvent {
            id: self.id,
            subject: self.subject,
            purposes: self.purposes.clone(),
            scope: self.reach.scope(),
            kind,
            occurred_at: self.occurred_at,
        })
    }
}

fn fold_expression(expression: Expression) -> Option<policy::consent::Expression> {
    match expression {
        Expression::Unspecified => None,
        Expression::Dtmf => Some(policy::consent::Expression::Dtmf),
        Expression::Voice => Some(policy::consent::Expression::VoiceYes),
        Expression::App => Some(policy::consent::Expression::App),
        Expression::Web => Some(policy::consent::Expression::Web),
        Expression::Written => Some(policy::consent::Expression::Written),
        Expression::AgentAttested => Some(policy::consent::Expression::AgentAttested),
    }
}

impl StoredEvent {
    /// As it is published and told.
    pub fn to_wire(&self) -> wire::ConsentEvent {
        let Self { tenant, version, event } = self;
        let notice = event.notice.as_ref();
        wire::ConsentEvent {
            event_id: event.id.to_bytes().to_vec(),
            subject_id: event.subject.to_bytes().to_vec(),
            kind: event.kind.into(),
            purposes: event.purposes.iter().map(ToString::to_string).collect(),
            scope: event.reach.wire().into(),
            recording_id: event.said_in.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
            notice: notice.map(|notice| notice.name.to_string()).unwrap_or_default(),
            notice_hash: notice.map(|notice| notice.text_hash.to_vec()).unwrap_or_default(),
            position: event.position,
            occurred_at: event.occurred_at.0,
            recorded_at: event.recorded_at.0,
            expression: event.expression.into(),
            version: *version,
            tenant: tenant.to_string(),
            policy_hash: event.policy.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
        }
    }

    /// As it leaves through the outbox: keyed by subject.
    pub fn to_envelope(&self, trace: Option<TraceParent>) -> Envelope {
        Envelope {
            id: self.event.id,
            kind: RECORDED.to_owned(),
            tenant: self.tenant.clone(),
            aggregate: self.event.subject.to_string(),
            version: self.version,
            at: self.event.recorded_at,
            trace,
            payload: self.to_wire().encode_to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_the_same_each_time_and_differs_by_what_it_is() {
        let event = EventId::from_bytes([7; 16]);
        assert_eq!(derived_id(event, "asked"), derived_id(event, "asked"));
        assert_ne!(derived_id(event, "asked"), derived_id(event, "notice"));
        assert_ne!(derived_id(event, "asked"), derived_id(EventId::from_bytes([8; 16]), "asked"));
        assert_eq!(derived_id(event, "asked").to_string(), "50cbfe42-1115-80f4-bd26-fe20fd8749ab");
    }

    #[test]
    fn a_grant_without_its_expression_is_not_folded() {
        let mut event = NewEvent {
            id: EventId::new(),
            subject: SubjectId::new(),
            kind: EventKind::Given,
            purposes: BTreeSet::new(),
            reach: Reach::Account,
            said_in: None,
            notice: None,
            position: None,
            occurred_at: Timestamp(1),
            recorded_at: Timestamp(2),
            expression: Expression::Unspecified,
            policy: None,
            fingerprint: [0; 32],
        };
        assert!(event.to_fold().is_none());
        event.expression = Expression::Dtmf;
        assert!(event.to_fold().is_some());
    }
}
