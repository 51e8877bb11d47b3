//! What cannot be is refused, by words that repeat nothing of it.

use proto::common::v1::Interval as WireInterval;
use proto::dsar::v1::request_event::Act as WireAct;
use proto::dsar::v1::{
    Acknowledged, AuthorityShown, Decided as WireDecided, Delivered, ExcessShown, Extended, ItemsDeferred,
    ItemsDone, PlanItem as WireItem, PlanSeen, ProbesFailed, Proved, Received as WireReceived,
};

use super::*;
use crate::act::MAX_NAMED;

fn refuses<T: std::fmt::Debug>(read: Result<T, Error>, what: &str) {
    match read {
        Err(Error::Damaged(damaged)) => assert_eq!(damaged, what),
        other => panic!("{what}: {other:?}"),
    }
}

fn some_event() -> RequestEvent {
    event(&Step::first().record)
}

fn some_receipt() -> WireReceived {
    match some_event().act {
        Some(WireAct::Received(received)) => received,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_act_whose_frame_cannot_be_is_refused() {
    let whole = some_event();
    let tables = [
        (RequestEvent { event_id: vec![1; 15], ..whole.clone() }, "an act without its id"),
        (RequestEvent { tenant: "No Slug".to_owned(), ..whole.clone() }, "an act without its tenant"),
        (RequestEvent { request_id: Vec::new(), ..whole.clone() }, "an act without its request"),
        (RequestEvent { version: 0, ..whole.clone() }, "an act without a version"),
        (RequestEvent { by: String::new(), ..whole.clone() }, "an act of nobody"),
        (RequestEvent { by: "Anna Rossi".to_owned(), ..whole.clone() }, "an act of nobody"),
        (RequestEvent { act: None, ..whole }, "an act of no known kind"),
    ];
    for (damaged, what) in tables {
        refuses(record(damaged), what);
    }
    refuses(decode(b"\xff"), "an act that cannot be read");
    refuses(decode(&[0; MAX_BYTES + 1]), "an act that cannot be read");
    refuses(decode(b""), "an act without a version");
}

#[test]
fn a_receipt_that_cannot_be_is_refused() {
    let whole = some_receipt();
    let tables = [
        (WireReceived { rights: vec![9], ..whole.clone() }, "a receipt of no known right"),
        (WireReceived { rights: vec![1, 1], ..whole.clone() }, "a receipt of no known right"),
        (WireReceived { channel: 0, ..whole.clone() }, "a receipt by no known channel"),
        (WireReceived { asker: 3, ..whole.clone() }, "a receipt from nobody"),
        (WireReceived { subject_id: Vec::new(), ..whole.clone() }, "a receipt about nobody"),
        (WireReceived { recording_id: vec![1], ..whole.clone() }, "a receipt in no known recording"),
        (WireReceived { recording_id: Vec::new(), ..whole.clone() }, "a receipt in no known recording"),
        (WireReceived { jurisdiction: "US".to_owned(), ..whole.clone() }, "a receipt under no known law"),
        (WireReceived { region: "US-CA".to_owned(), ..whole.clone() }, "a receipt in no known region"),
        (WireReceived { calendar: 1 << 16, ..whole.clone() }, "a receipt by no known calendar"),
        (WireReceived { language: String::new(), ..whole }, "a receipt in no known language"),
    ];
    for (damaged, what) in tables {
        refuses(of_act(WireAct::Received(damaged)), what);
    }
}

#[test]
fn an_act_that_cannot_be_is_refused() {
    let text = str::to_owned;
    let items = || vec![text("access/consent")];
    let tables = [
        (WireAct::Acknowledged(Acknowledged { hold_id: vec![1] }), "an acknowledgement with no known hold"),
        (WireAct::Proved(Proved { proof: 0 }), "a proof of no known kind"),
        (WireAct::Wrong(Proved { proof: 5 }), "a proof of no known kind"),
        (
            WireAct::Authority(AuthorityShown { filed: text("two words"), rights: vec![1] }),
            "an authority that is filed nowhere",
        ),
        (
            WireAct::Authority(AuthorityShown { filed: text("mandate-7"), rights: vec![0] }),
            "an authority for no known right",
        ),
        (WireAct::Approved(PlanSeen { plan: String::new() }), "an act on no known plan"),
        (WireAct::Rejected(PlanSeen { plan: "x".repeat(65) }), "an act on no known plan"),
        (
            WireAct::ItemsDone(ItemsDone { items: items(), filed: text("two words") }),
            "items that are filed nowhere",
        ),
        (
            WireAct::ItemsDeferred(ItemsDeferred { items: items(), hold: String::new() }),
            "items that no known hold defers",
        ),
        (WireAct::ProbesFailed(ProbesFailed { items: vec![text("a b")] }), "an act on no known item"),
        (
            WireAct::ProbesFailed(ProbesFailed { items: [items(), items()].concat() }),
            "an act on one item twice",
        ),
        (WireAct::Delivered(Delivered { letter_hash: vec![1; 31] }), "an answer without its letter"),
        (
            WireAct::Extended(Extended { reason: 3, notice_delivered_at: 1 }),
            "an extension for no known reason",
        ),
    ];
    for (damaged, what) in tables {
        refuses(of_act(damaged), what);
    }
    let many = |count| (0..count).map(|number| number.to_string()).collect();
    let named = |count| WireAct::ProbesFailed(ProbesFailed { items: many(count) });
    assert!(of_act(named(MAX_NAMED)).is_ok());
    refuses(of_act(named(MAX_NAMED + 1)), "an act on too many items");
}

#[test]
fn a_decision_that_cannot_be_is_refused() {
    let excess = ExcessShown { reason: 2, evidence: vec![1], filed: "excess-3".to_owned() };
    let whole = WireDecided {
        plan: "plan-1".to_owned(),
        items: Vec::new(),
        gate: 0,
        excess: None,
        own_hold_waived: false,
        left: String::new(),
        others_heard: Vec::new(),
        ground: 0,
    };
    let stretches = |all: &[(u64, u64)]| {
        let others_heard = all.iter().map(|(start, end)| WireInterval { start: *start, end: *end }).collect();
        WireDecided { others_heard, ..whole.clone() }
    };
    let with = |excess| WireDecided { excess: Some(excess), ..whole.clone() };
    let tables = [
        (WireDecided { gate: 8, ..whole.clone() }, "a decision by no known gate"),
        (WireDecided { left: "two words".to_owned(), ..whole.clone() }, "a decision that is filed nowhere"),
        (with(ExcessShown { reason: 0, ..excess.clone() }), "an excess for no known reason"),
        (with(ExcessShown { evidence: vec![5], ..excess.clone() }), "an excess by no known evidence"),
        (with(ExcessShown { filed: String::new(), ..excess }), "an excess that is filed nowhere"),
        (WireDecided { ground: 5, ..whole.clone() }, "a decision on no known ground"),
        (stretches(&[(5, 5)]), "a decision on no known stretches"),
        (stretches(&[(0, 5), (5, 9)]), "a decision on no known stretches"),
    ];
    for (damaged, what) in tables {
        refuses(of_act(WireAct::Decided(damaged)), what);
    }
}

#[test]
fn an_item_that_cannot_be_is_refused() {
    let page = PlanPage::decode(&super::super::page(&sample::items(4))[..]).unwrap();
    let [leg, metadata, request, consent]: [WireItem; 4] = page.items.try_into().unwrap();
    let tables = [
        (WireItem { right: 0, ..leg.clone() }, "an item under no known right"),
        (WireItem { category: 17, ..leg.clone() }, "an item of no known category"),
        (WireItem { category: 2, ..leg.clone() }, "an item of a category that nothing has"),
        (WireItem { basis: 12, ..leg.clone() }, "an item on no known basis"),
        (WireItem { hold: 6, ..leg.clone() }, "an item under no known hold"),
        (WireItem { presence: 0, ..leg.clone() }, "an item of no known presence"),
        (WireItem { gate: 0, ..leg.clone() }, "an item of no known gate"),
        (WireItem { leg: None, ..leg.clone() }, "an item of no known leg"),
        (WireItem { leg: Some(1 << 16), ..leg.clone() }, "an item of no known leg"),
        (WireItem { leg: Some(7), ..leg.clone() }, "an item of another name"),
        (WireItem { recording_id: vec![1; 17], ..leg.clone() }, "an item of no known recording"),
        (WireItem { purpose: "No Slug".to_owned(), ..leg.clone() }, "an item for no known purpose"),
        (WireItem { purpose: String::new(), ..leg.clone() }, "an item of another name"),
        (WireItem { kept_by: "x".repeat(129), ..leg.clone() }, "an item that nothing known keeps"),
        (WireItem { kept_by: "two words".to_owned(), ..leg.clone() }, "an item that nothing known keeps"),
        (WireItem { key: String::new(), ..leg.clone() }, "an item of another name"),
        (WireItem { key: metadata.key.clone(), ..leg }, "an item of another name"),
        (WireItem { leg: Some(0), ..metadata }, "an item of something else"),
        (WireItem { recording_id: Vec::new(), ..request }, "an item of no known request"),
        (WireItem { recording_id: vec![1; 16], ..consent }, "an item of something else"),
    ];
    for (damaged, what) in tables {
        refuses(items(&PlanPage { items: vec![damaged] }.encode_to_vec()), what);
    }
}

#[test]
fn a_page_of_too_many_items_is_refused() {
    let page = super::super::page(&sample::items(501));
    refuses(items(&page), "a page of too many items");
    refuses(items(&[0; MAX_BYTES + 1]), "a page that cannot be read");
}

#[test]
fn a_length_that_is_only_announced_is_refused() {
    let announced = |tag: u8| [&[tag][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    for tag in [0x0a, 0x12, 0x1a, 0x32, 0x52] {
        refuses(decode(&announced(tag)), "an act that cannot be read");
    }
    refuses(items(&announced(0x0a)), "a page that cannot be read");
}

fn of_act(act: WireAct) -> Result<Record, Error> {
    record(RequestEvent { act: Some(act), ..some_event() })
}
