//! What every event on a topic carries beside its payload.

use crate::clock::Timestamp;
use crate::ids::{EventId, TenantId};

/// The W3C trace context that links an event to the call that caused it (`traceparent`, version 00).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceParent(String);

impl TraceParent {
    /// Takes `00-<32 hex>-<16 hex>-<2 hex>`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('-').collect();
        let lengths: Vec<_> = parts.iter().map(|p| p.len()).collect();
        let hex = text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (lengths == [2, 32, 16, 2] && hex && parts[0] == "00").then(|| Self(text.to_owned()))
    }
    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event as it stands in an outbox and on a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// Makes consumers idempotent.
    pub id: EventId,
    /// `verbale.<noun>.<past participle>`, as CloudEvents `type`.
    pub kind: String,
    /// Whose data it is about.
    pub tenant: TenantId,
    /// The aggregate's id as text; also the topic key.
    pub aggregate: String,
    /// The aggregate's version after this event; consumers ignore an older one.
    pub version: u64,
    /// When it happened, in domain time.
    pub at: Timestamp,
    /// What caused it.
    pub trace: Option<TraceParent>,
    /// The protobuf payload.
    pub payload: Vec<u8>,
}
