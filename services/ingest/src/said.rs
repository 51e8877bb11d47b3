//! What somebody said, as consent is to take it. Whoever tells it, and however often, it is the same words.

use kernel::{EventId, NoticeName, Position, PurposeName, SubjectId, Timestamp};
use proto::common::v1::Identifier;
use proto::consent::v1 as wire;

use crate::intake::{ConsentAct, Expression};
use crate::store::SessionKey;

/// Something that somebody said, for consent to take.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) event: EventId,
    pub(crate) key: SessionKey,
    pub(crate) subject: Who,
    pub(crate) kind: wire::EventKind,
    pub(crate) purposes: Vec<PurposeName>,
    pub(crate) scope: wire::ConsentScope,
    pub(crate) notice: Option<NoticeName>,
    pub(crate) position: u64,
    pub(crate) at: Timestamp,
    pub(crate) expression: Expression,
}

/// Whose words they are.
#[derive(Clone)]
pub(crate) enum Who {
    Subject(SubjectId),
    /// Not resolved yet; personal data.
    Identifier(Identifier),
}

/// The event that says it, and where and when.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) event: EventId,
    pub(crate) position: Position,
    pub(crate) at: Timestamp,
}

/// Something done with consent.
#[derive(Clone)]
pub(crate) struct Act {
    pub(crate) act: ConsentAct,
    pub(crate) purpose: PurposeName,
    pub(crate) expression: Expression,
    pub(crate) scope: wire::ConsentScope,
    pub(crate) notice: Option<NoticeName>,
}

impl Said {
    /// What somebody did with their consent.
    pub(crate) fn act(key: &SessionKey, moment: Moment, subject: Who, act: Act) -> Self {
        let Act { act, purpose, expression, scope, notice } = act;
        let said = Self::new(key, moment, subject, event_kind(act));
        Self { purposes: vec![purpose], scope, notice, expression, ..said }
    }

    /// A notice, presented to each of these; `None` where it is not known who somebody is.
    pub(crate) fn notice(
        key: &SessionKey,
        moment: Moment,
        notice: &NoticeName,
        asked: impl IntoIterator<Item = Option<Who>>,
    ) -> Vec<Self> {
        let one = |(count, subject): (u64, Option<Who>)| {
            let event = if count == 0 { moment.event } else { derived_id(moment.event, count) };
            let moment = Moment { event, ..moment };
            let said = Self::new(key, moment, subject?, wire::EventKind::NoticePresented);
            Some(Self { notice: Some(notice.clone()), ..said })
        };
        (0..).zip(asked).filter_map(one).collect()
    }

    fn new(key: &SessionKey, moment: Moment, subject: Who, kind: wire::EventKind) -> Self {
        Self {
            event: moment.event,
            key: key.clone(),
            subject,
            kind,
            purposes: Vec::new(),
            scope: wire::ConsentScope::Call,
            notice: None,
            position: moment.position.0,
            at: moment.at,
            expression: Expression::Unspecified,
        }
    }

    pub(crate) fn request(&self) -> wire::RecordEventRequest {
        let subject = match &self.subject {
            Who::Subject(id) => wire::record_event_request::Subject::SubjectId(id.to_bytes().to_vec()),
            Who::Identifier(identifier) => {
                wire::record_event_request::Subject::Identifier(identifier.clone())
            }
        };
        wire::RecordEventRequest {
            event_id: self.event.to_bytes().to_vec(),
            subject: Some(subject),
            kind: self.kind as i32,
            purposes: self.purposes.iter().map(ToString::to_string).collect(),
            scope: self.scope as i32,
            recording_id: self.key.recording.to_bytes().to_vec(),
            notice: self.notice.as_ref().map(ToString::to_string).unwrap_or_default(),
            position: Some(self.position),
            occurred_at: self.at.0,
            // The two enums have the same numbers.
            expression: self.expression as i32,
        }
    }
}

/// One event may speak of several purposes and persons: each further one has an id that follows from it, so
/// that a repetition is known.
pub(crate) fn derived_id(event: EventId, count: u64) -> EventId {
    let mut bytes = event.to_bytes();
    let spread = count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    bytes[8..].iter_mut().zip(spread).for_each(|(byte, spread)| *byte ^= spread);
    EventId::from_bytes(bytes)
}

/// The kind of event that an act is to consent.
fn event_kind(act: ConsentAct) -> wire::EventKind {
    match act {
        ConsentAct::Given => wire::EventKind::Given,
        ConsentAct::Refused => wire::EventKind::Refused,
        ConsentAct::Withdrawn => wire::EventKind::Withdrawn,
        ConsentAct::Expired => wire::EventKind::Expired,
        ConsentAct::Revoked => wire::EventKind::Revoked,
        ConsentAct::Invalidated => wire::EventKind::Invalidated,
    }
}
