//! What is told of erasures and of the recordings that they change.

use kernel::{Envelope, EventId, Timestamp};
use platform::telemetry::current_trace;
use prost::Message;
use proto::retention::v1::retention_event::Event;
use proto::retention::v1::{ErasureChanged, ErasureState, RecordingStamped, RetentionEvent};

use crate::erasure::{Erasure, State};
use crate::kept::Kept;

/// An erasure that was begun or has come further.
pub(crate) fn erasure_changed(erasure: &Erasure, at: Timestamp) -> Envelope {
    let event = Event::Erasure(ErasureChanged {
        erasure_id: erasure.id.to_bytes().to_vec(),
        version: erasure.version,
        state: state(erasure.state).into(),
    });
    Envelope {
        id: EventId::new(),
        kind: "verbale.erasure.changed".to_owned(),
        tenant: erasure.tenant.clone(),
        aggregate: erasure.id.to_string(),
        version: erasure.version,
        at,
        trace: current_trace(),
        payload: RetentionEvent { event: Some(event) }.encode_to_vec(),
    }
}

/// A recording of which something ends by an erasure.
pub(crate) fn recording_changed(kept: &Kept, at: Timestamp) -> Envelope {
    let event = Event::Stamped(RecordingStamped {
        recording_id: kept.key.id.to_bytes().to_vec(),
        version: kept.version,
        due: kept.due().map_or(0, |due| due.0),
    });
    Envelope {
        id: EventId::new(),
        kind: "verbale.recording.stamped".to_owned(),
        tenant: kept.key.tenant.clone(),
        aggregate: kept.key.id.to_string(),
        version: kept.version,
        at,
        trace: current_trace(),
        payload: RetentionEvent { event: Some(event) }.encode_to_vec(),
    }
}

/// As the contract says it: whoever waits need not know that items are still being found.
pub(crate) fn state(state: State) -> ErasureState {
    match state {
        State::Gathering | State::Running => ErasureState::Running,
        State::Done => ErasureState::Done,
        State::Partial => ErasureState::Partial,
        State::Refused => ErasureState::Refused,
    }
}
