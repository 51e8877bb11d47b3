//! An event as the topic tells it.

use eventlog::{EnvelopeError, Stored, from_record};
use kernel::{EventId, NoticeName, PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;
use prost::Message;
use proto::consent::v1::{ConsentEvent, ConsentScope};

use crate::admission::Said;
use crate::event::{EventKind, Expression, NewEvent, NoticeRef, RECORDED, Reach, StoredEvent};

/// A record that is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEvent {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("its payload is no message")]
    Payload(#[from] prost::DecodeError),
    #[error("it has {0} that cannot be")]
    Field(&'static str),
}

/// What a record says; none where it is of another kind.
pub(super) fn event(record: &Stored) -> Result<Option<StoredEvent>, NoEvent> {
    let envelope = from_record(record)?;
    if envelope.kind != RECORDED {
        return Ok(None);
    }
    let told = ConsentEvent::decode(envelope.payload.as_slice())?;
    let stored = stored(&told).map_err(NoEvent::Field)?;
    if stored.tenant != envelope.tenant || stored.event.id != envelope.id {
        return Err(NoEvent::Field("another id or tenant than its envelope"));
    }
    Ok(Some(stored))
}

fn stored(told: &ConsentEvent) -> Result<StoredEvent, &'static str> {
    let said_in = match told.recording_id.is_empty() {
        true => None,
        false => Some(RecordingId::from_slice(&told.recording_id).map_err(|_| "a recording")?),
    };
    let reach = match (ConsentScope::try_from(told.scope), said_in) {
        (Ok(ConsentScope::Account), _) => Reach::Account,
        (Ok(ConsentScope::Call), Some(recording)) => Reach::Call(recording),
        (Ok(ConsentScope::Call), None) | (Ok(ConsentScope::Unspecified) | Err(_), _) => {
            return Err("a scope");
        }
    };
    let purposes = told.purposes.iter().map(|name| PurposeName::new(name.as_str()));
    let event = NewEvent {
        id: EventId::from_slice(&told.event_id).map_err(|_| "an event id")?,
        subject: SubjectId::from_slice(&told.subject_id).map_err(|_| "a subject")?,
        kind: EventKind::try_from(told.kind).map_err(|_| "a kind")?,
        purposes: purposes.collect::<Result<_, _>>().map_err(|_| "a purpose")?,
        reach,
        said_in,
        notice: notice(told)?,
        position: told.position,
        occurred_at: Timestamp(told.occurred_at),
        recorded_at: Timestamp(told.recorded_at),
        expression: Expression::try_from(told.expression).map_err(|_| "an expression")?,
        policy: match told.policy_hash.is_empty() {
            true => None,
            false => Some(PolicyHash::from_slice(&told.policy_hash).map_err(|_| "a policy")?),
        },
        fingerprint: [0; 32],
    };
    // What the sender said is not told; mostly it is what was taken. Where it is not, a sender who repeats it is told that
    // the id is another event's.
    let fingerprint = said(&event).fingerprint(event.subject);
    let tenant = TenantId::new(told.tenant.as_str()).map_err(|_| "a tenant")?;
    Ok(StoredEvent { tenant, version: told.version, event: NewEvent { fingerprint, ..event } })
}

fn notice(told: &ConsentEvent) -> Result<Option<NoticeRef>, &'static str> {
    if told.notice.is_empty() && told.notice_hash.is_empty() {
        return Ok(None);
    }
    let name = NoticeName::new(told.notice.as_str()).map_err(|_| "a notice")?;
    let text_hash = told.notice_hash.as_slice().try_into().map_err(|_| "a notice's hash")?;
    Ok(Some(NoticeRef { name, text_hash }))
}

fn said(event: &NewEvent) -> Said {
    Said {
        id: event.id,
        kind: event.kind,
        purposes: event.purposes.clone(),
        reach: event.reach,
        said_in: event.said_in,
        notice: event.notice.as_ref().map(|notice| notice.name.clone()),
        position: event.position,
        occurred_at: event.occurred_at,
        expression: event.expression,
    }
}
