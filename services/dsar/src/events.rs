//! What dsar publishes of its own acts.

use kernel::{Envelope, EventId, Timestamp};
use platform::telemetry::current_trace;
use prost::Message;

use crate::act::Record;
use crate::disclosure::{Disclosure, Notice};
use crate::wire;

/// Something was done with a request.
pub(crate) const CHANGED: &str = "verbale.request.changed";
/// Something was disclosed, or something became of a notice.
pub(crate) const DISCLOSED: &str = "verbale.disclosure.changed";

/// Of an act that is about to be written; it is known by the act's own id.
pub(crate) fn happened(record: &Record) -> Envelope {
    Envelope {
        id: record.id,
        kind: CHANGED.to_owned(),
        tenant: record.key.tenant.clone(),
        aggregate: record.key.id.to_string(),
        version: record.version,
        at: record.at,
        trace: current_trace(),
        payload: wire::encode(record),
    }
}

/// Of a disclosure that is about to be written: that it was made, or what becomes of one of its notices. Each event has
/// an id of its own, so that what is told again is no repetition of an event.
pub(crate) fn disclosed(disclosure: &Disclosure, notice: Option<&Notice>) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: DISCLOSED.to_owned(),
        tenant: disclosure.key.tenant.clone(),
        aggregate: disclosure.key.id.to_string(),
        version: disclosure.version,
        at: notice.map_or(disclosure.at, latest),
        trace: current_trace(),
        payload: wire::disclosure_event(disclosure, notice).encode_to_vec(),
    }
}

/// When something became of a notice last.
fn latest(notice: &Notice) -> Timestamp {
    notice.answered_at.map_or(notice.told_at, |answered| answered.max(notice.told_at))
}
