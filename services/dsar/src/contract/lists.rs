//! Requests by their ids, by whether they are open, and by whom they are about.

use std::cmp::Reverse;

use kernel::{RequestId, SubjectId, TenantId};
use policy::request::State;

use super::sample::{Step, alfa, beta, id_of, items, key, moment, plan, tenant};
use super::{appended, head, records};
use crate::act::Act;
use crate::store::{Head, Store};

/// Over days, in which there may be none, and in every quarter of what is open.
const PLACES: [(i64, u8); 9] =
    [(-400, 1), (0, 2), (0, 1), (3, 9), (3, 8), (3, 7), (3, 6), (900, 0), (900, 0xff)];

async fn begun_at_places(store: &dyn Store) -> Vec<Step> {
    let mut steps = Vec::new();
    for (day, number) in PLACES {
        let step = Step::of(key(alfa(), id_of(day, number)), SubjectId::new());
        appended(store, &step).await;
        steps.push(step);
    }
    steps
}

fn heads(steps: &[Step]) -> Vec<Head> {
    steps.iter().map(|step| step.head.clone()).collect()
}

/// Every open request, page by page.
async fn all_open(store: &dyn Store, tenant: &TenantId, limit: u32) -> Vec<Head> {
    let mut found: Vec<Head> = Vec::new();
    loop {
        let after = found.last().map(|head| head.key.id);
        let page = store.open(tenant, after, limit).await.expect("read");
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

/// Whether or not they are open.
pub async fn the_newest_requests_come_first_in_pages(store: &dyn Store) {
    let mut steps = begun_at_places(store).await;
    steps[4] = steps[4].closed();
    appended(store, &steps[4]).await;
    steps.sort_by_key(|step| Reverse(step.head.key.id));
    let expected = heads(&steps);
    for limit in [1, 2, 4, 1_000] {
        let mut found: Vec<Head> = Vec::new();
        loop {
            let before = found.last().map(|head| head.key.id);
            let page = store.list(&alfa(), before, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "{limit} at once");
    }
    let before = store.list(&alfa(), Some(id_of(3, 7)), 100).await.expect("read");
    let older: Vec<_> = expected.into_iter().filter(|head| head.key.id < id_of(3, 7)).collect();
    assert_eq!(before, older);
    assert_eq!(store.list(&alfa(), None, 0).await.expect("read"), []);
}

/// Of those that are closed nothing is told.
pub async fn open_requests_come_in_order_and_pages(store: &dyn Store) {
    let mut steps = begun_at_places(store).await;
    for step in &mut steps[2..5] {
        *step = step.next();
        appended(store, step).await;
    }
    for closed in [&steps[0], &steps[3], &steps[8]] {
        appended(store, &closed.closed()).await;
    }
    let mut expected = [&steps[1..3], &steps[4..8]].concat();
    expected.sort_by_key(|step| step.head.key.id);
    let expected = heads(&expected);
    for limit in [1, 2, 4, 1_000] {
        assert_eq!(all_open(store, &alfa(), limit).await, expected, "{limit} at once");
    }
    let after = store.open(&alfa(), Some(id_of(3, 7)), 100).await.expect("read");
    let later: Vec<_> = expected.into_iter().filter(|head| head.key.id > id_of(3, 7)).collect();
    assert_eq!(after, later);
    assert_eq!(store.open(&alfa(), None, 0).await.expect("read"), []);
}

/// With the head as it is by then.
pub async fn a_request_is_open_until_it_is_closed(store: &dyn Store) {
    let first = Step::first();
    let next = first.next();
    let closed = next.closed();
    for (step, is_open) in [(&first, true), (&next, true), (&closed, false)] {
        appended(store, step).await;
        for _ in 0..2 {
            let expected = if is_open { vec![step.head.clone()] } else { Vec::new() };
            assert_eq!(all_open(store, &alfa(), 10).await, expected);
        }
    }
    assert_eq!(store.list(&alfa(), None, 10).await.expect("read"), [closed.head]);
}

/// What it has restricted is lifted after its answer; that opens it for nobody.
pub async fn an_act_on_a_closed_request_leaves_it_closed(store: &dyn Store) {
    let first = Step::first();
    let next = first.next();
    let closed = next.closed();
    let lifted = closed.then(Act::Lifted { notice_delivered_at: moment(40, 0) }, State::Closed);
    for step in [&first, &next, &closed, &lifted] {
        appended(store, step).await;
    }
    for _ in 0..2 {
        assert_eq!(all_open(store, &alfa(), 10).await, []);
    }
    assert_eq!(head(store, &lifted.head.key).await.as_ref(), Some(&lifted.head));
    assert_eq!(records(store, &lifted.head.key).await.len(), 4);
    assert_eq!(store.list(&alfa(), None, 10).await.expect("read"), [lifted.head]);
}

/// Open or not; and of nobody else.
pub async fn the_requests_about_a_person_come_in_order(store: &dyn Store) {
    let (person, other) = (SubjectId::new(), SubjectId::new());
    let mut own = Vec::new();
    for (day, number) in PLACES {
        let of = if number % 2 == 0 { person } else { other };
        let step = Step::of(key(alfa(), id_of(day, number)), of);
        appended(store, &step).await;
        if of == person {
            own.push(step);
        }
    }
    own[0] = own[0].closed();
    appended(store, &own[0]).await;
    own.sort_by_key(|step| step.head.key.id);
    assert_eq!(store.of_subject(&alfa(), person).await.expect("read"), heads(&own));
    assert_eq!(store.of_subject(&alfa(), SubjectId::new()).await.expect("read"), []);
}

/// Whatever has become of their requests.
pub async fn tenants_with_requests_are_listed_once_in_order(store: &dyn Store) {
    for name in ["telco-beta", "banca-alfa", "utility-gamma", "banca-alfa", "banca-alfa-2"] {
        let step = Step::of(key(tenant(name), RequestId::new()), SubjectId::new());
        appended(store, &step).await;
        appended(store, &step.closed()).await;
    }
    store
        .add_page(&key(tenant("pages-only"), RequestId::new()), &plan("plan-1"), 0, &items(1))
        .await
        .expect("kept");
    let listed = store.tenants().await.expect("read");
    let listed: Vec<_> = listed.iter().map(|tenant| tenant.as_str()).collect();
    assert_eq!(listed, ["banca-alfa", "banca-alfa-2", "telco-beta", "utility-gamma"]);
}

/// The same ids under another tenant are other things.
pub async fn tenants_see_nothing_of_each_other(store: &dyn Store) {
    let own = Step::first();
    appended(store, &own).await;
    let theirs = Step::of(key(beta(), own.head.key.id), own.head.subject);
    assert_eq!(head(store, &theirs.head.key).await, None);
    assert_eq!(records(store, &theirs.head.key).await, []);
    assert_eq!(store.list(&beta(), None, 10).await.expect("read"), []);
    assert_eq!(store.open(&beta(), None, 10).await.expect("read"), []);
    assert_eq!(store.of_subject(&beta(), own.head.subject).await.expect("read"), []);
    appended(store, &theirs).await;
    appended(store, &theirs.closed()).await;
    let expected = std::slice::from_ref(&own.head);
    assert_eq!(head(store, &own.head.key).await.as_ref(), Some(&own.head));
    assert_eq!(store.list(&alfa(), None, 10).await.expect("read"), expected);
    assert_eq!(store.open(&alfa(), None, 10).await.expect("read"), expected);
    assert_eq!(store.of_subject(&alfa(), own.head.subject).await.expect("read"), expected);
}
