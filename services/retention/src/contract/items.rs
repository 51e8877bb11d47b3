//! Items: added once, changed by versions, found by their erasure and their recording.

use std::collections::BTreeSet;

use kernel::{ErasureId, HoldId, PurposeName, RecordingId};
use policy::code::Code;

use super::erasures::{id_of, scopes};
use super::lists::{LISTINGS, Listing};
use super::{alfa, beta, moment, purpose};
use crate::erasure::{Failure, Item, KeptBack, KeptBy, MAX_KEPT_BACK, Report, Scope, Step};
use crate::kept::RecordingKey;
use crate::store::{Store, Written};

/// An item of alfa at version 1.
pub(crate) fn some_item(erasure: ErasureId) -> Item {
    Item {
        tenant: alfa(),
        erasure,
        recording: RecordingId::new(),
        version: 1,
        scope: Scope::Everything,
        step: Step::Registered,
        erased: BTreeSet::new(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    }
}

/// The next version, at another step.
pub(crate) fn at_step(item: &Item, step: Step) -> Item {
    Item { version: item.version + 1, step, ..item.clone() }
}

pub(crate) async fn added<S: Store + ?Sized>(store: &S, item: &Item) {
    assert_eq!(store.add_item(item).await.expect("written"), Written::Applied);
}

pub(crate) async fn changed_to<S: Store + ?Sized>(store: &S, item: &Item) {
    assert_eq!(store.change_item(item).await.expect("written"), Written::Applied);
}

pub(crate) async fn found<S: Store + ?Sized>(store: &S, item: &Item) -> Option<Item> {
    store.item(&item.tenant, item.erasure, item.recording).await.expect("read")
}

/// The second one changes nothing, also where the first has moved on.
pub async fn an_item_is_added_once(store: &dyn Store) {
    let first = some_item(ErasureId::new());
    added(store, &first).await;
    let rival =
        Item { step: Step::Deferred, scope: Scope::Purposes([purpose("quality")].into()), ..first.clone() };
    for again in [&rival, &first] {
        assert_eq!(store.add_item(again).await.expect("answered"), Written::Conflict);
    }
    assert_eq!(found(store, &first).await.as_ref(), Some(&first));
    assert_eq!(store.deferred_items(&alfa(), None, 10).await.expect("read"), []);
    let next = at_step(&first, Step::Decided);
    changed_to(store, &next).await;
    assert_eq!(store.add_item(&first).await.expect("answered"), Written::Conflict);
    assert_eq!(store.running_items(&alfa(), None, 10).await.expect("read"), [next]);
}

/// Of two that decided on one version only one writes.
pub async fn an_item_changes_only_from_the_version_before(store: &dyn Store) {
    let first = some_item(ErasureId::new());
    let (second, rival) = (at_step(&first, Step::Decided), at_step(&first, Step::Deferred));
    let third = at_step(&second, Step::KeysRemoved);
    let change = async |item: &Item| store.change_item(item).await.expect("answered");
    assert_eq!(change(&second).await, Written::Conflict, "there is no row");
    assert_eq!(found(store, &first).await, None);
    assert_eq!(store.running_items(&alfa(), None, 10).await.expect("read"), []);
    added(store, &first).await;
    assert_eq!(change(&third).await, Written::Conflict, "two versions on");
    assert_eq!(change(&first).await, Written::Conflict, "its own version");
    assert_eq!(change(&second).await, Written::Applied);
    for late in [&second, &rival, &first] {
        assert_eq!(change(late).await, Written::Conflict);
    }
    assert_eq!(found(store, &first).await.as_ref(), Some(&second));
    assert_eq!(store.deferred_items(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(change(&third).await, Written::Applied);
    assert_eq!(found(store, &first).await, Some(third));
}

/// Every scope and step, what is kept by whatever keeps it; nothing and as much as may be.
pub async fn an_item_comes_back_as_it_was(store: &dyn Store) {
    let steps = [
        Step::Registered,
        Step::Decided,
        Step::KeysRemoved,
        Step::ObjectsErased,
        Step::Done,
        Step::Deferred,
        Step::Refused,
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let scope = scopes()[number % 5].clone();
        let first = Item { scope, step, ..some_item(ErasureId::new()) };
        added(store, &first).await;
        assert_eq!(found(store, &first).await.as_ref(), Some(&first));
        let next = Item {
            scope: scopes()[(number + 1) % 5].clone(),
            erased: purposes("erased", number * 30),
            kept: everything_kept(number),
            report: full_report(),
            failure: Some(Failure { code: Code::new("peer-away").expect("a code"), tries: u32::MAX }),
            ..at_step(&first, steps[(number + 1) % 7])
        };
        changed_to(store, &next).await;
        assert_eq!(found(store, &first).await.as_ref(), Some(&next));
        let of_erasure = store.items(&alfa(), first.erasure, None, 10).await.expect("read");
        assert_eq!(of_erasure, std::slice::from_ref(&next));
        let last = Item { version: 3, ..first.clone() };
        changed_to(store, &last).await;
        assert_eq!(found(store, &first).await, Some(last));
    }
}

/// As much as may be at every second number.
fn everything_kept(number: usize) -> Vec<KeptBack> {
    let rule = |text| KeptBy::Rule(Code::new(text).expect("a code"));
    let all = [
        KeptBack { purpose: None, by: KeptBy::Hold(HoldId::new()), until: None },
        KeptBack {
            purpose: Some(purpose("mifid2")),
            by: rule("regime:mifid2-16-7"),
            until: Some(moment(9, 1)),
        },
        KeptBack { purpose: Some(purpose("contract")), by: rule("basis:contract"), until: None },
    ];
    let count = if number.is_multiple_of(2) { MAX_KEPT_BACK } else { number };
    all.into_iter().cycle().take(count).collect()
}

fn purposes(name: &str, count: usize) -> BTreeSet<PurposeName> {
    (0..count).map(|number| purpose(&format!("{name}-{number}"))).collect()
}

fn full_report() -> Report {
    Report {
        entries_at: Some(moment(1, 1)),
        epoch: Some(u64::MAX),
        not_before: Some(moment(1, 2)),
        final_at: Some(moment(1, 3)),
        addendum_at: Some(moment(1, 4)),
        objects_at: Some(moment(1, 5)),
        locked_until: Some(moment(1, 6)),
        log_at: Some(moment(1, 7)),
        probed_at: Some(moment(1, 8)),
        spans: u64::MAX,
    }
}

/// Whatever their steps; those of another erasure apart.
pub async fn the_items_of_an_erasure_come_in_order_and_pages(store: &dyn Store) {
    let (erasure, other) = (ErasureId::new(), ErasureId::new());
    let mut items: Vec<_> = (0..7).map(|_| some_item(erasure)).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.recording));
    for (number, item) in items.iter_mut().enumerate() {
        added(store, item).await;
        added(store, &Item { erasure: other, ..item.clone() }).await;
        if number % 3 == 0 {
            *item = at_step(item, Step::Refused);
            changed_to(store, item).await;
        }
    }
    items.reverse();
    for limit in [1, 3, 1_000] {
        let mut found: Vec<Item> = Vec::new();
        loop {
            let after = found.last().map(|item| item.recording);
            let page = store.items(&alfa(), erasure, after, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, items, "{limit} at once");
    }
}

/// Also those that are over; an erasure that is written anew is named once.
pub async fn the_erasures_of_a_recording_are_listed_in_order(store: &dyn Store) {
    let first = some_item(id_of(5, 1));
    let key = RecordingKey { tenant: alfa(), id: first.recording };
    assert_eq!(store.erasures_of(&key).await.expect("read"), []);
    let erasures = [id_of(5, 1), id_of(-5, 1), id_of(0, 1)];
    for erasure in erasures {
        added(store, &Item { erasure, ..first.clone() }).await;
        added(store, &some_item(erasure)).await;
    }
    changed_to(store, &at_step(&first, Step::Refused)).await;
    assert_eq!(store.add_item(&first).await.expect("answered"), Written::Conflict);
    let expected = [erasures[1], erasures[2], erasures[0]];
    assert_eq!(store.erasures_of(&key).await.expect("read"), expected);
}

/// The same ids under another tenant are another item.
pub async fn tenants_see_nothing_of_each_others_items(store: &dyn Store) {
    let own = some_item(ErasureId::new());
    added(store, &own).await;
    let theirs = Item { tenant: beta(), ..own.clone() };
    let key = RecordingKey { tenant: beta(), id: own.recording };
    assert_eq!(found(store, &theirs).await, None);
    assert_eq!(store.items(&beta(), own.erasure, None, 10).await.expect("read"), []);
    assert_eq!(store.erasures_of(&key).await.expect("read"), []);
    for listing in LISTINGS {
        assert_eq!(listing.all(store, &beta(), 10).await, []);
    }
    added(store, &theirs).await;
    let deferred = at_step(&theirs, Step::Deferred);
    changed_to(store, &deferred).await;
    assert_eq!(Listing::Deferred.all(store, &beta(), 10).await, [deferred]);
    assert_eq!(Listing::Deferred.all(store, &alfa(), 10).await, []);
    assert_eq!(Listing::Running.all(store, &alfa(), 10).await, [own]);
    assert_eq!(Listing::Running.all(store, &beta(), 10).await, []);
}
