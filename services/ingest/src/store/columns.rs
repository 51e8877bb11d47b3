//! A session's events as columns, the same in every adapter.

use kernel::{EventId, MarkLabel, NoticeName, PurposeName, SubjectId};
use proto::consent::v1::ConsentScope;

use super::UntoldWord;
use crate::intake::{ConsentAct, Expression};
use crate::session::{NOTICE_PLAYED, SessionEventKind};

/// What consent is to hear of an event; none for what is none of its business.
pub(super) fn word(kind: SessionEventKind, subject: SubjectId, stood_before: bool) -> Option<UntoldWord> {
    match kind {
        SessionEventKind::Consent { act, purpose, expression, .. } => {
            let scope = if stood_before { ConsentScope::Account } else { ConsentScope::Call };
            Some(UntoldWord::Act { subject, act, purpose, expression, scope, notice: None })
        }
        SessionEventKind::ConsentOwed { purpose, expression, notice, .. } => {
            let (act, scope) = (ConsentAct::Given, ConsentScope::Call);
            Some(UntoldWord::Act { subject, act, purpose, expression, scope, notice })
        }
        SessionEventKind::Note { kind, code } if kind == NOTICE_PLAYED => {
            Some(UntoldWord::Notice(NoticeName::new(code).ok()?))
        }
        SessionEventKind::Started
        | SessionEventKind::ConsentLost
        | SessionEventKind::ConsentRegained
        | SessionEventKind::MarkBegin { .. }
        | SessionEventKind::MarkEnd { .. }
        | SessionEventKind::Pause { .. }
        | SessionEventKind::Resume
        | SessionEventKind::Stop { .. }
        | SessionEventKind::Note { .. }
        | SessionEventKind::Ended => None,
    }
}

/// An event's contents as columns; the numbers of kinds are never reused.
#[derive(Default)]
pub(super) struct EventColumns {
    pub(super) kind: i64,
    pub(super) name: String,
    pub(super) code: String,
    pub(super) act: i64,
    pub(super) party: u32,
    pub(super) expression: i32,
    pub(super) evidence: Option<EventId>,
}

impl EventColumns {
    pub(super) fn of(kind: &SessionEventKind) -> Self {
        let plain = |kind: i64| Self { kind, ..Self::default() };
        let named = |kind: i64, name: &str| Self { kind, name: name.to_owned(), ..Self::default() };
        match kind {
            SessionEventKind::Started => plain(1),
            SessionEventKind::Consent { act, purpose, party, expression, evidence } => Self {
                act: act.number(),
                party: *party,
                expression: *expression as i32,
                evidence: Some(*evidence),
                ..named(2, purpose.as_str())
            },
            SessionEventKind::ConsentLost => plain(3),
            SessionEventKind::ConsentRegained => plain(4),
            SessionEventKind::MarkBegin { label } => named(5, label.as_str()),
            SessionEventKind::MarkEnd { label } => named(6, label.as_str()),
            SessionEventKind::Pause { reason } => named(7, reason),
            SessionEventKind::Resume => plain(8),
            SessionEventKind::Stop { reason } => named(9, reason),
            SessionEventKind::Note { kind, code } => Self { code: code.clone(), ..named(10, kind) },
            SessionEventKind::Ended => plain(11),
            SessionEventKind::ConsentOwed { purpose, party, expression, notice } => Self {
                code: notice.as_ref().map(ToString::to_string).unwrap_or_default(),
                act: ConsentAct::Given.number(),
                party: *party,
                expression: *expression as i32,
                ..named(12, purpose.as_str())
            },
        }
    }

    /// The contents again; none where they cannot be what was written.
    pub(super) fn kind(self) -> Option<SessionEventKind> {
        Some(match self.kind {
            1 => SessionEventKind::Started,
            2 => SessionEventKind::Consent {
                act: ConsentAct::from_number(self.act)?,
                purpose: PurposeName::new(self.name).ok()?,
                party: self.party,
                expression: Expression::try_from(self.expression).ok()?,
                evidence: self.evidence?,
            },
            3 => SessionEventKind::ConsentLost,
            4 => SessionEventKind::ConsentRegained,
            5 => SessionEventKind::MarkBegin { label: MarkLabel::new(self.name).ok()? },
            6 => SessionEventKind::MarkEnd { label: MarkLabel::new(self.name).ok()? },
            7 => SessionEventKind::Pause { reason: self.name },
            8 => SessionEventKind::Resume,
            9 => SessionEventKind::Stop { reason: self.name },
            10 => SessionEventKind::Note { kind: self.name, code: self.code },
            11 => SessionEventKind::Ended,
            12 => SessionEventKind::ConsentOwed {
                purpose: PurposeName::new(self.name).ok()?,
                party: self.party,
                expression: Expression::try_from(self.expression).ok()?,
                notice: match self.code.as_str() {
                    "" => None,
                    _ => Some(NoticeName::new(self.code).ok()?),
                },
            },
            _ => return None,
        })
    }
}
