//! Orders, with the parties that they name in parts.

use std::collections::BTreeSet;

use journal::codes::{FieldError, Fields, code, in_parts, malformed, packed, read};
use journal::{Act, Code, Kind};
use kernel::Timestamp;
use policy::retention::{ExtensionOrder, OrderScope};

use super::said::Said;
use super::{Head, account, coded, digest};
use crate::store::Order;

/// Of an order; it never changes. Several acts where it names more parties than one record takes: 125 for 1,000.
pub fn order_placed(order: &Order) -> Vec<Act> {
    let Order { tenant, order, placed_by, placed_at } = order;
    let (reference, scope) = (order.reference.as_str(), &order.scope);
    let mut head = coded("order", &order.reference);
    head.extend([code("regime", &order.regime), code("until", order.until.0)]);
    head.extend(packed("range", [scope.from().0, scope.until().0]));
    head.extend([code("placed-at", placed_at.0), account::by(placed_by)]);
    let parties: Vec<Code> = scope.parties().into_iter().flatten().map(|id| code("subject", id)).collect();
    let id = digest(&[b"order", tenant.as_str().as_bytes(), reference.as_bytes()]);
    let head_of = Head { kind: Kind::OrderPlaced, tenant, id, version: 1, within: None, at: *placed_at };
    head_of.acts(in_parts(&head, &parties))
}

pub(super) fn placed(act: &Act) -> Result<Said, FieldError> {
    let keys = ["order", "regime", "until", "range", "placed-at", "subject"];
    let fields = Fields::of(&act.codes, &[&keys[..], &account::KEYS].concat())?;
    let parties = fields.values("subject").map(|id| read("subject", id));
    let parties: BTreeSet<_> = parties.collect::<Result<_, _>>()?;
    let parties = (!parties.is_empty()).then_some(parties);
    let (from, until) = fields.read_two("range")?.ok_or(malformed("range"))?;
    let scope = OrderScope::new(Timestamp(from), Timestamp(until), parties);
    let order = Order {
        tenant: act.tenant.clone(),
        order: ExtensionOrder {
            reference: fields.read_text("order")?,
            regime: fields.read("regime")?,
            until: Timestamp(fields.read("until")?),
            scope: scope.map_err(|_| malformed("range"))?,
        },
        placed_by: account::one(&fields)?,
        placed_at: Timestamp(fields.read("placed-at")?),
    };
    Ok(Said::OrderPlaced { order, part: fields.part()? })
}
