//! What a sender reports.

use std::collections::BTreeSet;

use kernel::{EventId, NoticeName, PurposeName, RecordingId, SubjectId, Timestamp};
use prost::Message;
use proto::consent::v1 as wire;
use sha2::{Digest, Sha256};

use crate::event::{EventKind, Expression, Reach};

/// What somebody said or was told, as a sender reports it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Its identity.
    pub id: EventId,
    /// What it says; never `Unspecified`.
    pub kind: EventKind,
    /// Every purpose that it speaks of; empty for a notice.
    pub purposes: BTreeSet<PurposeName>,
    /// How far it reaches.
    pub reach: Reach,
    /// The call in which it was said.
    pub said_in: Option<RecordingId>,
    /// The notice that was presented, or on which the answer rests.
    pub notice: Option<NoticeName>,
    /// Where in the call.
    pub position: Option<u64>,
    /// When, on the sender's clock.
    pub occurred_at: Timestamp,
    /// How.
    pub expression: Expression,
}

impl Said {
    /// SHA-256 of everything that the sender said, of this subject: by it a repetition is known.
    pub fn fingerprint(&self, subject: SubjectId) -> [u8; 32] {
        let canonical = wire::RecordEventRequest {
            event_id: self.id.to_bytes().to_vec(),
            subject: Some(wire::record_event_request::Subject::SubjectId(subject.to_bytes().to_vec())),
            kind: self.kind.into(),
            purposes: self.purposes.iter().map(ToString::to_string).collect(),
            scope: self.reach.wire().into(),
            recording_id: self.said_in.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
            notice: self.notice.as_ref().map(ToString::to_string).unwrap_or_default(),
            position: self.position,
            occurred_at: self.occurred_at.0,
            expression: self.expression.into(),
        };
        Sha256::digest(canonical.encode_to_vec()).into()
    }
}
