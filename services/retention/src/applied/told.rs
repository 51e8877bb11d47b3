//! The events of rows that the journal brings back, as of any change of them.

use kernel::{Envelope, EventId, TenantId, Timestamp};
use prost::Message;
use proto::retention::v1::retention_event::Event;
use proto::retention::v1::{ErasureChanged, ErasureState, HoldChanged, HoldState as WireHold};
use proto::retention::v1::{OrderPlaced, RetentionEvent};

use crate::erasure::{Erasure, State};
use crate::hold::{Hold, HoldState};
use crate::store::Order;

pub(super) fn hold(hold: &Hold, at: Timestamp) -> Envelope {
    let state = match hold.state {
        HoldState::Placed => WireHold::Placed,
        HoldState::ReleaseAsked => WireHold::ReleaseAsked,
        HoldState::Released => WireHold::Released,
    };
    let (hold_id, version, state) = (hold.id.to_bytes().to_vec(), hold.version, state.into());
    let event = Event::Hold(HoldChanged { hold_id, version, state });
    envelope("verbale.hold.changed", &hold.tenant, hold.id.to_string(), version, at, event)
}

pub(super) fn order(order: &Order, at: Timestamp) -> Envelope {
    let reference = order.order.reference.to_string();
    let (regime, until) = (order.order.regime.to_string(), order.order.until.0);
    let event = Event::Order(OrderPlaced { reference: reference.clone(), regime, until });
    envelope("verbale.order.placed", &order.tenant, reference, 1, at, event)
}

pub(super) fn erasure(erasure: &Erasure, at: Timestamp) -> Envelope {
    let state = match erasure.state {
        State::Gathering | State::Running => ErasureState::Running,
        State::Done => ErasureState::Done,
        State::Partial => ErasureState::Partial,
        State::Refused => ErasureState::Refused,
    };
    let (erasure_id, version, state) = (erasure.id.to_bytes().to_vec(), erasure.version, state.into());
    let event = Event::Erasure(ErasureChanged { erasure_id, version, state });
    envelope("verbale.erasure.changed", &erasure.tenant, erasure.id.to_string(), version, at, event)
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
        trace: None,
        payload: RetentionEvent { event: Some(event) }.encode_to_vec(),
    }
}
