//! A session's events: placed on the timeline, stored in its row, told to the log.

use kernel::{EventId, MarkLabel, NoticeName, Position, PurposeName, RecordingId, Timestamp};
use policy::BasisChange;
use proto::common::v1 as common;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event as Record;

use crate::intake::{ConsentAct, Expression};

/// What a notice that was played is called in the log.
pub const NOTICE_PLAYED: &str = "notice.played";
/// What consent that is not in force yet is called in the log.
const CONSENT_PENDING: &str = "consent.pending";

/// Something that happened in a call, with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionEvent {
    /// Its identity.
    pub id: EventId,
    /// Where, before any allowance for error.
    pub position: Position,
    /// Set where the position was derived from wall time: how far off it may be, in microseconds.
    pub derived_error: Option<u64>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: SessionEventKind,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionEventKind {
    /// The call began.
    Started,
    /// Somebody did something with their consent.
    Consent {
        /// What.
        act: ConsentAct,
        /// For which purpose.
        purpose: PurposeName,
        /// Who: a place in the call's parties.
        party: u32,
        /// How.
        expression: Expression,
        /// The consent event; one event may speak of several purposes.
        evidence: EventId,
    },
    /// Somebody agreed, and consent could not be told: kept, and not in force. Once consent has it, a `Consent`
    /// whose evidence is this event says from where.
    ConsentOwed {
        /// For which purpose.
        purpose: PurposeName,
        /// Who: a place in the call's parties.
        party: u32,
        /// How.
        expression: Expression,
        /// The notice that it rests on.
        notice: Option<NoticeName>,
    },
    /// The consent service fell silent.
    ConsentLost,
    /// It is heard again, and what was missed is applied.
    ConsentRegained,
    /// A marked stretch begins.
    MarkBegin {
        /// Its label.
        label: MarkLabel,
    },
    /// It ends.
    MarkEnd {
        /// Its label.
        label: MarkLabel,
    },
    /// Nothing is stored from here.
    Pause {
        /// A code.
        reason: String,
    },
    /// Storing goes on.
    Resume,
    /// Nothing is stored from here, for good.
    Stop {
        /// A code.
        reason: String,
    },
    /// Something that changes no basis.
    Note {
        /// `notice.played`, `dsar.requested` ...
        kind: String,
        /// A policy code.
        code: String,
    },
    /// The call ended.
    Ended,
}

impl SessionEventKind {
    /// Whether it takes away what the other one gave.
    pub(super) fn takes_back(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Consent { act, purpose, .. }, Self::Consent { act: other, purpose: given, .. }) => {
                act.is_restrictive() && !other.is_restrictive() && purpose == given
            }
            (Self::Pause { .. }, Self::Resume) => true,
            (Self::MarkEnd { label }, Self::MarkBegin { label: begun }) => label == begun,
            _ => false,
        }
    }
}

impl SessionEvent {
    /// Whether it takes something away.
    pub fn is_restrictive(&self) -> bool {
        match &self.kind {
            SessionEventKind::Consent { act, .. } => act.is_restrictive(),
            SessionEventKind::ConsentLost
            | SessionEventKind::MarkEnd { .. }
            | SessionEventKind::Pause { .. }
            | SessionEventKind::Stop { .. }
            | SessionEventKind::Ended => true,
            SessionEventKind::Started
            | SessionEventKind::ConsentOwed { .. }
            | SessionEventKind::ConsentRegained
            | SessionEventKind::MarkBegin { .. }
            | SessionEventKind::Resume
            | SessionEventKind::Note { .. } => false,
        }
    }

    /// The notice that was played; none where it is something else.
    pub fn notice(&self) -> Option<NoticeName> {
        match &self.kind {
            SessionEventKind::Note { kind, code } if kind == NOTICE_PLAYED => {
                NoticeName::new(code.clone()).ok()
            }
            _ => None,
        }
    }

    /// Where it takes effect: a derived restriction that much earlier, a derived grant that much later.
    pub fn effective(&self) -> Position {
        let error = self.derived_error.unwrap_or(0);
        if self.is_restrictive() { self.position.minus(error) } else { self.position.plus(error) }
    }

    pub(super) fn paused(&self, recording: RecordingId, reason: &str) -> Record {
        Record::Paused(wire::Paused {
            recording_id: id(recording.to_bytes()),
            event_id: id(self.id.to_bytes()),
            position: self.position.0,
            reason: reason.to_owned(),
            actor: Default::default(),
            derived_error: self.derived_error,
        })
    }

    pub(super) fn resumed(&self, recording: RecordingId) -> Record {
        Record::Resumed(wire::Resumed {
            recording_id: id(recording.to_bytes()),
            event_id: id(self.id.to_bytes()),
            position: self.position.0,
            derived_error: self.derived_error,
        })
    }

    pub(super) fn mark(&self, recording: RecordingId, label: &MarkLabel, begins: bool) -> Record {
        Record::MarkSet(wire::MarkSet {
            recording_id: id(recording.to_bytes()),
            event_id: id(self.id.to_bytes()),
            position: self.position.0,
            label: label.to_string(),
            begins,
        })
    }

    pub(super) fn pending(&self, recording: RecordingId, purpose: &PurposeName) -> Record {
        self.note(recording, CONSENT_PENDING, purpose.as_str())
    }

    pub(super) fn note(&self, recording: RecordingId, kind: &str, code: &str) -> Record {
        Record::NotePlaced(wire::NotePlaced {
            recording_id: id(recording.to_bytes()),
            event_id: id(self.id.to_bytes()),
            position: self.position.0,
            kind: kind.to_owned(),
            code: code.to_owned(),
        })
    }
}

/// As it stands in the log.
pub(super) fn basis_changed(recording: RecordingId, change: &BasisChange) -> Record {
    Record::BasisChanged(wire::BasisChanged {
        recording_id: id(recording.to_bytes()),
        change: Some(basis_change(change)),
    })
}

/// A change of bases as the wire has it.
pub(crate) fn basis_change(change: &BasisChange) -> common::BasisChange {
    common::BasisChange {
        event_id: change.event.to_bytes().to_vec(),
        position: change.position.0,
        purpose: change.purpose.to_string(),
        basis: change.basis.number(),
        kind: change.kind.number(),
        cause: change.cause.as_str().to_owned(),
        evidence: change.evidence.map(|evidence| evidence.to_bytes().to_vec()).unwrap_or_default(),
        derived_error: change.derived_error_us,
    }
}

fn id(bytes: [u8; 16]) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&bytes)
}
