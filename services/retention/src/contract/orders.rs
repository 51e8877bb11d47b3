//! Orders: each reference once, all of a tenant's in their order.

use std::collections::BTreeSet;

use kernel::SubjectId;
use platform::OutboxStore;
use policy::code::Code;
use policy::retention::{ExtensionOrder, OrderScope};

use super::{alfa, beta, event, ids, moment, regime, told};
use crate::store::{Order, Store, Written};

/// An order that alfa has.
pub(crate) fn order(reference: &str, parties: Option<BTreeSet<SubjectId>>) -> Order {
    Order {
        tenant: alfa(),
        order: ExtensionOrder {
            reference: Code::new(reference).expect("a code"),
            regime: regime(),
            until: moment(2_000, 1),
            scope: OrderScope::new(moment(-30, 2), moment(30, 3), parties).expect("it reaches something"),
        },
        placed_by: "anna".to_owned(),
        placed_at: moment(0, 4),
    }
}

/// By its reference, within its tenant; the second one changes nothing and tells nothing.
pub async fn an_order_is_placed_once<S: Store + OutboxStore>(store: &S) {
    let first = order("CONSOB/2026:0412", None);
    let of_first = event(&alfa(), "CONSOB/2026:0412", 1);
    assert_eq!(store.order(&first, &of_first).await.expect("written"), Written::Applied);
    let rival = order("CONSOB/2026:0412", Some([SubjectId::new()].into()));
    let of_rival = event(&alfa(), "CONSOB/2026:0412", 1);
    assert_eq!(store.order(&rival, &of_rival).await.expect("answered"), Written::Conflict);
    assert_eq!(store.orders(&alfa()).await.expect("read"), std::slice::from_ref(&first));
    assert_eq!(told(store).await, ids([&of_first]));
    let theirs = Order { tenant: beta(), ..rival };
    let of_theirs = event(&beta(), "CONSOB/2026:0412", 1);
    assert_eq!(store.order(&theirs, &of_theirs).await.expect("written"), Written::Applied);
    assert_eq!(store.orders(&beta()).await.expect("read"), [theirs]);
    assert_eq!(store.orders(&alfa()).await.expect("read"), [first]);
}

/// Whom it names, or that it names nobody; in the order of the references' bytes.
pub async fn an_order_comes_back_as_it_was(store: &dyn Store) {
    let subjects = |count: usize| Some((0..count).map(|_| SubjectId::new()).collect::<BTreeSet<_>>());
    let orders = [
        order("FCA_ENF.17", None),
        order("b-2", subjects(1)),
        order("b-10", subjects(40)),
        order("CONSOB/2026:0412", None),
        order("b-1", subjects(2)),
    ];
    for order in &orders {
        let event = event(&alfa(), &order.order.reference, 1);
        assert_eq!(store.order(order, &event).await.expect("written"), Written::Applied);
    }
    let mut expected = orders.to_vec();
    expected.sort_by(|one, other| one.order.reference.cmp(&other.order.reference));
    assert_eq!(store.orders(&alfa()).await.expect("read"), expected);
}
