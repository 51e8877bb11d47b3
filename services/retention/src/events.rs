//! What retention publishes of its own acts.

use kernel::{Envelope, EventId, TenantId, Timestamp};
use platform::telemetry::current_trace;
use prost::Message;
use proto::retention::v1::retention_event::Event;
use proto::retention::v1::{
    ErasureChanged, ErasureState, HoldChanged, HoldState as WireState, OrderPlaced, RecordingStamped,
    RetentionEvent,
};

use crate::erasure::{Erasure, State};
use crate::hold::{Hold, HoldState};
use crate::kept::Kept;
use crate::store::Order;

/// The ends of a recording were set, or moved.
pub(crate) const STAMPED: &str = "verbale.recording.stamped";
/// A hold was placed, or its release asked for or agreed to.
pub(crate) const HOLD_CHANGED: &str = "verbale.hold.changed";
/// An order was placed.
pub(crate) const ORDER_PLACED: &str = "verbale.order.placed";
/// An erasure was begun, or has come further.
pub(crate) const ERASURE_CHANGED: &str = "verbale.erasure.changed";

/// Of a recording's row, as it is now to be written.
pub(crate) fn stamped(kept: &Kept, at: Timestamp) -> Envelope {
    let event = Event::Stamped(RecordingStamped {
        recording_id: kept.key.id.to_bytes().to_vec(),
        version: kept.version,
        due: kept.due().map(|at| at.0).unwrap_or_default(),
    });
    envelope(STAMPED, &kept.key.tenant, kept.key.id.to_string(), kept.version, at, event)
}

/// Of a hold, as it is now to be written.
pub(crate) fn hold(hold: &Hold, at: Timestamp) -> Envelope {
    let event = Event::Hold(HoldChanged {
        hold_id: hold.id.to_bytes().to_vec(),
        version: hold.version,
        state: hold_state(hold.state).into(),
    });
    envelope(HOLD_CHANGED, &hold.tenant, hold.id.to_string(), hold.version, at, event)
}

/// Of an order, which never changes.
pub(crate) fn order(order: &Order) -> Envelope {
    let event = Event::Order(OrderPlaced {
        reference: order.order.reference.to_string(),
        regime: order.order.regime.to_string(),
        until: order.order.until.0,
    });
    envelope(ORDER_PLACED, &order.tenant, order.order.reference.to_string(), 1, order.placed_at, event)
}

/// Of an erasure, as it is now to be written.
pub(crate) fn erasure(erasure: &Erasure, at: Timestamp) -> Envelope {
    let event = Event::Erasure(ErasureChanged {
        erasure_id: erasure.id.to_bytes().to_vec(),
        version: erasure.version,
        state: erasure_state(erasure.state).into(),
    });
    envelope(ERASURE_CHANGED, &erasure.tenant, erasure.id.to_string(), erasure.version, at, event)
}

/// As the contract has it: whoever waits need not know that items are still being found.
pub(crate) fn erasure_state(state: State) -> ErasureState {
    match state {
        State::Gathering | State::Running => ErasureState::Running,
        State::Done => ErasureState::Done,
        State::Partial => ErasureState::Partial,
        State::Refused => ErasureState::Refused,
    }
}

/// As the contract has it.
pub(crate) fn hold_state(state: HoldState) -> WireState {
    match state {
        HoldState::Placed => WireState::Placed,
        HoldState::ReleaseAsked => WireState::ReleaseAsked,
        HoldState::Released => WireState::Released,
    }
}

fn envelope(
    kind: &str,
    tenant: &TenantId,
    aggregate: String,
    version: u64,
    at: Timestamp,
    event: Event,
) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: kind.to_owned(),
        tenant: tenant.clone(),
        aggregate,
        version,
        at,
        trace: current_trace(),
        payload: RetentionEvent { event: Some(event) }.encode_to_vec(),
    }
}
