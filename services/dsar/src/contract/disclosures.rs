//! Disclosures: each begins once, changes by whole versions, and is found by its recording and while a notice is open.

mod lists;

pub use lists::*;

use kernel::{DisclosureId, ErrorCode, RecordingId, RequestId, ServiceError, TenantId, Timestamp, topics};
use platform::OutboxStore;
use policy::code::Code;
use policy::request::{Cause, NoticeState};

use super::sample::disclosures::{Given, disclosure_key, to_vendor};
use super::sample::{Step, alfa};
use super::{appended, ids, told};
use crate::disclosure::{Disclosure, DisclosureKey, MAX_NOTICES, Notice, Origin};
use crate::store::{Disclosures, Store, Written};

pub(super) async fn put<S: Disclosures + ?Sized>(store: &S, given: &Given) -> Written {
    store.put(&given.disclosure, &given.event).await.expect("answered")
}

pub(super) async fn given<S: Disclosures + ?Sized>(store: &S, given: &Given) {
    assert_eq!(put(store, given).await, Written::Applied);
}

pub(super) async fn got<S: Disclosures + ?Sized>(store: &S, key: &DisclosureKey) -> Option<Disclosure> {
    store.get(key).await.expect("read")
}

async fn of_recording<S: Disclosures + ?Sized>(
    store: &S,
    tenant: &TenantId,
    recording: RecordingId,
) -> Vec<Disclosure> {
    store.of_recording(tenant, recording, None, 100).await.expect("read")
}

pub(super) async fn unanswered<S: Disclosures + ?Sized>(store: &S, tenant: &TenantId) -> Vec<Disclosure> {
    store.unanswered(tenant, None, 100).await.expect("read")
}

/// The second one changes nothing and tells nothing, also where the first has gone on.
pub async fn a_disclosure_begins_once<S: Disclosures + OutboxStore>(store: &S) {
    let first = Given::first();
    let key = &first.disclosure.key;
    given(store, &first).await;
    let rival = Given::of(to_vendor(key.clone(), RecordingId::new()));
    assert_eq!(put(store, &rival).await, Written::Conflict);
    assert_eq!(got(store, key).await.as_ref(), Some(&first.disclosure));
    assert_eq!(of_recording(store, &alfa(), rival.disclosure.recording).await, []);
    assert_eq!(told(store).await, ids([&first.event]));
    let next = first.due();
    given(store, &next).await;
    for again in [&rival, &first] {
        assert_eq!(put(store, again).await, Written::Conflict);
    }
    assert_eq!(got(store, key).await.as_ref(), Some(&next.disclosure));
    assert_eq!(told(store).await, ids([&first.event, &next.event]));
}

/// Nothing of a change that comes late, or early, is there.
pub async fn a_disclosure_follows_only_the_version_before<S: Disclosures + OutboxStore>(store: &S) {
    let first = Given::first();
    let (second, rival) = (first.due(), first.due());
    let third = second.acknowledged();
    let key = &first.disclosure.key;
    assert_eq!(put(store, &second).await, Written::Conflict, "there is no disclosure");
    assert_eq!(got(store, key).await, None);
    assert_eq!(unanswered(store, &alfa()).await, []);
    assert_eq!(of_recording(store, &alfa(), first.disclosure.recording).await, []);
    given(store, &first).await;
    assert_eq!(put(store, &third).await, Written::Conflict, "two versions on");
    given(store, &second).await;
    for late in [&second, &rival] {
        assert_eq!(put(store, late).await, Written::Conflict);
    }
    assert_eq!(got(store, key).await.as_ref(), Some(&second.disclosure));
    given(store, &third).await;
    assert_eq!(put(store, &rival).await, Written::Conflict);
    assert_eq!(unanswered(store, &alfa()).await, []);
    assert_eq!(got(store, key).await, Some(third.disclosure));
    assert_eq!(told(store).await, ids([&first.event, &second.event, &third.event]));
}

/// With every origin, every cause and every state, and with as many notices as there may be.
pub async fn a_disclosure_comes_back_as_it_was(store: &dyn Disclosures) {
    let filed = |text: &str| Some(Code::new(text).expect("a code"));
    let first = Given::first();
    let states = [
        first.clone(),
        first.due(),
        first.due().told_again().failed(),
        first.due().failed().told_again().acknowledged(),
        first.due().answered(NoticeState::Impossible, filed("dissolved-2027")).due(),
    ];
    let mut all = Vec::from(states.map(|given| given.disclosure));
    let long = "x".repeat(Code::MAX_LEN);
    let notice = |number: usize, cause: Cause| Notice {
        cause,
        act: (number as u128).to_be_bytes(),
        state: NoticeState::Impossible,
        since: Timestamp(i64::MIN),
        told: u32::MAX,
        told_at: Timestamp(i64::MAX),
        answered_at: Some(Timestamp(-1)),
        filed: filed(&long),
    };
    let causes = Cause::ALL.iter().copied().cycle().enumerate();
    let most = causes.take(MAX_NOTICES).map(|(number, cause)| notice(number, cause)).collect();
    all.push(Disclosure { notices: most, at: Timestamp(i64::MAX), ..first.disclosure.clone() });
    let copy = Origin::Copy(RequestId::new());
    all.push(Disclosure { origin: copy, purpose: None, at: Timestamp(i64::MIN), ..first.disclosure });
    for disclosure in all {
        let id = DisclosureId::new();
        let disclosure = Disclosure { key: disclosure_key(alfa(), id), version: 1, ..disclosure };
        let one = Given::of(disclosure);
        given(store, &one).await;
        assert_eq!(got(store, &one.disclosure.key).await, Some(one.disclosure));
    }
}

/// What nobody could read again is never written.
pub async fn a_disclosure_that_could_not_be_read_again_is_refused<S: Disclosures + OutboxStore>(store: &S) {
    let first = Given::first();
    let one = first.due().disclosure.notices[0].clone();
    let number = |number: u128| Notice { act: number.to_be_bytes(), ..one.clone() };
    let too_many: Vec<_> = (0..=MAX_NOTICES as u128).map(number).collect();
    let at_none = Notice { answered_at: Some(Timestamp(0)), ..one.clone() };
    for notices in [too_many, vec![one.clone(), one], vec![at_none]] {
        let never = Given::of(Disclosure { notices, ..first.disclosure.clone() });
        let refused = store.put(&never.disclosure, &never.event).await.expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    let never = Given::of(Disclosure { version: 0, ..first.disclosure.clone() });
    let refused = store.put(&never.disclosure, &never.event).await.expect_err("refused");
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(got(store, &first.disclosure.key).await, None);
    assert!(told(store).await.is_empty());
}

/// And no error.
pub async fn what_was_never_disclosed_is_none(store: &dyn Disclosures) {
    let first = Given::first().disclosure;
    assert_eq!(got(store, &first.key).await, None);
    assert_eq!(of_recording(store, &alfa(), first.recording).await, []);
    assert_eq!(unanswered(store, &alfa()).await, []);
    assert_eq!(store.disclosing().await.expect("read"), []);
}

/// To a topic of their own, in one order with the acts of requests; one that is marked does not leave again.
pub async fn events_leave_with_their_disclosures_in_order<S: Disclosures + Store + OutboxStore>(store: &S) {
    let (first, step) = (Given::first(), Step::first());
    let due = first.due();
    let again = due.told_again();
    given(store, &first).await;
    given(store, &due).await;
    appended(store, &step).await;
    given(store, &again).await;
    assert_eq!(put(store, &again).await, Written::Conflict);
    let (own, other) = (topics::DISCLOSURES.name, topics::DSAR.name);
    let expected = [(own, first.event), (own, due.event), (other, step.event()), (own, again.event)];
    let mut waiting: Vec<_> = expected.to_vec();
    for (_, event) in &expected {
        let left = store.unpublished(10).await.expect("read");
        let left: Vec<_> = left.into_iter().map(|out| (out.topic.name, out.envelope)).collect();
        assert_eq!(left, waiting);
        store.mark_published(&[event.id]).await.expect("marked");
        waiting.remove(0);
    }
    assert_eq!(store.unpublished(10).await.expect("read"), []);
    assert_eq!(got(store, &again.disclosure.key).await, Some(again.disclosure), "the disclosure stays");
}
