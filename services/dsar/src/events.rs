//! What dsar publishes of its own acts.

use kernel::Envelope;
use platform::telemetry::current_trace;

use crate::act::Record;
use crate::wire;

/// Something was done with a request.
pub(crate) const CHANGED: &str = "verbale.request.changed";

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
