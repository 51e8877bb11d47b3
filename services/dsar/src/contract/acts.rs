//! Acts and heads: a request begins once, and every act follows the one before it.

use kernel::{ErrorCode, RequestId, ServiceError, SubjectId, Timestamp};
use platform::OutboxStore;
use policy::request::{ItemKey, PlanName, State};

use super::sample::{Step, acts, alfa, key, moment, plan};
use super::{appended, head, ids, records, told, written};
use crate::act::{Act, MAX_NAMED, Record};
use crate::store::{Head, Store, Written};

/// The second one changes nothing and tells nothing, also where the first has gone on.
pub async fn a_request_begins_once<S: Store + OutboxStore>(store: &S) {
    let first = Step::first();
    appended(store, &first).await;
    let rival = Step::of(first.head.key.clone(), SubjectId::new());
    assert_eq!(written(store, &rival).await, Written::Conflict);
    assert_eq!(head(store, &first.head.key).await.as_ref(), Some(&first.head));
    assert_eq!(records(store, &first.head.key).await, std::slice::from_ref(&first.record));
    assert_eq!(store.of_subject(&alfa(), rival.head.subject).await.expect("read"), []);
    assert_eq!(told(store).await, ids([&first.event()]));
    let next = first.next();
    appended(store, &next).await;
    for again in [&rival, &first] {
        assert_eq!(written(store, again).await, Written::Conflict);
    }
    assert_eq!(records(store, &first.head.key).await, [first.record, next.record]);
    assert_eq!(told(store).await.len(), 2);
}

/// Nothing of an act that comes late, or early, is there.
pub async fn an_act_follows_only_the_version_before<S: Store + OutboxStore>(store: &S) {
    let first = Step::first();
    let (second, rival) = (first.next(), first.then(Act::TakenBack, State::Responding));
    let third = second.closed();
    assert_eq!(written(store, &second).await, Written::Conflict, "there is no request");
    assert_eq!(head(store, &first.head.key).await, None);
    assert_eq!(records(store, &first.head.key).await, []);
    appended(store, &first).await;
    assert_eq!(written(store, &third).await, Written::Conflict, "two versions on");
    appended(store, &second).await;
    for late in [&second, &rival] {
        assert_eq!(written(store, late).await, Written::Conflict);
    }
    assert_eq!(head(store, &first.head.key).await.as_ref(), Some(&second.head));
    appended(store, &third).await;
    assert_eq!(head(store, &first.head.key).await.as_ref(), Some(&third.head));
    assert_eq!(records(store, &first.head.key).await, [first.record, second.record, third.record]);
    assert_eq!(told(store).await.len(), 3);
}

/// The largest among them.
pub async fn every_act_comes_back_in_its_place(store: &dyn Store) {
    let mut step = Step::first();
    let mut expected = vec![step.record.clone()];
    appended(store, &step).await;
    for (act, state) in acts() {
        step = step.then(act, state);
        appended(store, &step).await;
        expected.push(step.record.clone());
    }
    assert_eq!(records(store, &step.head.key).await, expected);
    assert_eq!(head(store, &step.head.key).await, Some(step.head));
}

/// In every state; the day on which it is due moves, and what it is about does not.
pub async fn the_head_is_as_the_last_act_left_it(store: &dyn Store) {
    let mut step = Step::first();
    appended(store, &step).await;
    for (day, state) in (40..).zip(State::ALL.iter().copied()) {
        step = step.then(Act::Doubted, state);
        step.head.due = moment(day, 5);
        appended(store, &step).await;
        assert_eq!(head(store, &step.head.key).await.as_ref(), Some(&step.head));
    }
    let long_ago = Step::of(key(alfa(), RequestId::new()), SubjectId::new());
    let times = Head { received_at: Timestamp(i64::MIN), due: Timestamp(i64::MAX), ..long_ago.head.clone() };
    let long_ago = Step { head: times, ..long_ago };
    appended(store, &long_ago).await;
    assert_eq!(head(store, &long_ago.head.key).await, Some(long_ago.head));
}

/// More than are read at once.
pub async fn many_acts_come_back_in_order(store: &dyn Store) {
    let mut step = Step::first();
    let mut expected = Vec::new();
    for _ in 0..130 {
        appended(store, &step).await;
        expected.push(step.record.clone());
        step = step.then(Act::Doubted, State::AwaitingSubject);
    }
    assert_eq!(records(store, &step.head.key).await, expected);
}

/// And no error.
pub async fn what_is_unknown_is_none(store: &dyn Store) {
    let unknown = key(alfa(), RequestId::new());
    assert_eq!(head(store, &unknown).await, None);
    assert_eq!(records(store, &unknown).await, []);
    assert_eq!(store.items(&unknown, &plan("plan-1")).await.expect("read"), []);
    assert_eq!(store.list(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.open(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.of_subject(&alfa(), SubjectId::new()).await.expect("read"), []);
    assert_eq!(store.tenants().await.expect("read"), []);
}

/// Acts are never written over: one that nobody could read would end the request.
pub async fn an_act_that_could_not_be_read_again_is_refused<S: Store + OutboxStore>(store: &S) {
    let first = Step::first();
    appended(store, &first).await;
    let items = (0..=MAX_NAMED).map(|number| ItemKey::new(format!("access/{number}")).expect("a name"));
    let too_many = first.then(Act::ProbesFailed(items.collect()), State::Executing);
    let refused =
        store.append(&too_many.head, &too_many.record, &too_many.event()).await.expect_err("refused");
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(records(store, &first.head.key).await, std::slice::from_ref(&first.record));
    assert_eq!(told(store).await, ids([&first.event()]));
    let plan = PlanName::new("x".repeat(PlanName::MAX_LEN)).expect("a name");
    let most = Act::PlanFrozen { plan, ruleset: u32::MAX, items: u32::MAX };
    let next = first.then(most, State::Deciding);
    let next = Step { record: Record { at: Timestamp(i64::MIN), ..next.record }, ..next };
    appended(store, &next).await;
    assert_eq!(records(store, &first.head.key).await, [first.record, next.record]);
}
