//! An order that names more parties than one record takes. The store takes an order whole and never changes it, so each
//! part stands as an order of its own, of the same effect on those whom it names, until all parts are there; then the
//! order itself is placed beside them. Those of its parts stay, and lengthen nothing that the order does not.

use std::collections::BTreeSet;

use journal::codes::Part;
use kernel::SubjectId;
use policy::code::Code;
use policy::retention::OrderScope;
use sha2::{Digest, Sha256};

use crate::store::Order;

/// The order that a part stands as until all are there.
pub(super) fn of_part(order: &Order, part: Part) -> Order {
    let mut of_part = order.clone();
    of_part.order.reference = reference(&order.order.reference, part);
    of_part
}

/// The order as it was placed, if all its parts are there; `part` is the one that this has.
pub(super) fn whole(order: &Order, part: Part, standing: &[Order]) -> Option<Order> {
    let mut parties: BTreeSet<SubjectId> = order.order.scope.parties()?.clone();
    for number in (1..=part.of).filter(|number| *number != part.number) {
        let other = reference(&order.order.reference, Part { number, ..part });
        let found = standing.iter().find(|standing| standing.order.reference == other)?;
        parties.extend(found.order.scope.parties()?);
    }
    let mut whole = order.clone();
    let (from, until) = (order.order.scope.from(), order.order.scope.until());
    whole.order.scope = OrderScope::new(from, until, Some(parties)).ok()?;
    Some(whole)
}

fn reference(order: &Code, part: Part) -> Code {
    let digest = Sha256::digest(order.as_str().as_bytes());
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let Part { number, of } = part;
    Code::new(format!("part:{number}-of-{of}:{hash}")).expect("numbers and a hash are a code")
}
