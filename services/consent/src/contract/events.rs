//! Events: numbered, added once, conditionally, with what leaves.

use std::collections::BTreeSet;

use kernel::{Envelope, EventId, NoticeName, RecordingId, SubjectId, TenantId, Timestamp, topics};
use platform::outbox::OutboxStore;
use policy::PolicyHash;
use prost::Message;

use super::{alfa, beta, purpose};
use crate::event::{EventKind, Expression, NewEvent, NoticeRef, Reach, StoredEvent};
use crate::store::{Addition, Appended, Store};

pub(crate) fn event(subject: SubjectId, reach: Reach, occurred_at: i64) -> NewEvent {
    NewEvent {
        id: EventId::new(),
        subject,
        kind: EventKind::Withdrawn,
        purposes: BTreeSet::from([purpose("quality"), purpose("training")]),
        reach,
        said_in: reach.recording(),
        notice: None,
        position: None,
        occurred_at: Timestamp(occurred_at),
        recorded_at: Timestamp(occurred_at + 1),
        expression: Expression::Unspecified,
        policy: None,
        fingerprint: [occurred_at as u8; 32],
    }
}

fn notice(name: &str) -> NoticeRef {
    NoticeRef { name: NoticeName::new(name).expect("a slug"), text_hash: [9; 32] }
}

pub(crate) fn addition(tenant: TenantId, events: Vec<NewEvent>, after: u64) -> Addition {
    Addition { tenant, act: events[0].id, events, after, entry: None, trace: None }
}

pub(super) fn entry(aggregate: &str) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: platform::audit::ENTRY_WRITTEN.to_owned(),
        tenant: alfa(),
        aggregate: aggregate.to_owned(),
        version: 1,
        at: Timestamp(1),
        trace: None,
        payload: vec![1],
    }
}

pub(super) async fn added(
    store: &dyn Store,
    tenant: TenantId,
    events: Vec<NewEvent>,
    after: u64,
) -> Vec<StoredEvent> {
    match store.append(&addition(tenant, events, after)).await.expect("added") {
        Appended::Now(stored) => stored,
        other => panic!("not added: {other:?}"),
    }
}

/// One counter, whoever's event it is.
pub async fn events_are_numbered_in_their_order_over_all_tenants(store: &dyn Store) {
    assert_eq!(store.version().await.expect("read"), 0);
    let (one, other) = (SubjectId::new(), SubjectId::new());
    let first = vec![event(one, Reach::Account, 5), event(one, Reach::Account, 4)];
    let versions = |stored: &[StoredEvent]| stored.iter().map(|stored| stored.version).collect::<Vec<_>>();
    assert_eq!(versions(&added(store, alfa(), first, 0).await), [1, 2]);
    assert_eq!(versions(&added(store, beta(), vec![event(other, Reach::Account, 1)], 0).await), [3]);
    assert_eq!(store.version().await.expect("read"), 3);
}

/// A repetition is told as the event that is there, whatever it says and whatever came since.
pub async fn an_act_is_added_once(store: &dyn Store) {
    let subject = SubjectId::new();
    let said = event(subject, Reach::Account, 5);
    let stored = added(store, alfa(), vec![said.clone()], 0).await;
    added(store, alfa(), vec![event(subject, Reach::Account, 6)], 1).await;
    let again = NewEvent { kind: EventKind::Refused, ..said };
    let again = store.append(&addition(alfa(), vec![again], 2)).await.expect("answered");
    assert_eq!(again, Appended::Before(Box::new(stored[0].clone())));
    assert_eq!(store.version().await.expect("read"), 2);
    assert_eq!(store.event(&alfa(), stored[0].event.id).await.expect("read").as_ref(), Some(&stored[0]));
    assert_eq!(store.event(&alfa(), EventId::new()).await.expect("read"), None);
}

/// Neither its events nor its entry.
pub async fn an_act_that_was_decided_on_an_older_history_is_not_added<S: Store + OutboxStore>(store: &S) {
    let (subject, other) = (SubjectId::new(), SubjectId::new());
    added(store, alfa(), vec![event(subject, Reach::Account, 5)], 0).await;
    added(store, alfa(), vec![event(other, Reach::Account, 5)], 0).await;
    let waiting = store.unpublished(10).await.expect("read").len();
    let late =
        Addition { entry: Some(entry("a")), ..addition(alfa(), vec![event(subject, Reach::Account, 6)], 0) };
    assert_eq!(store.append(&late).await.expect("answered"), Appended::Overtaken);
    assert_eq!(
        (store.version().await.expect("read"), store.unpublished(10).await.expect("read").len()),
        (2, waiting)
    );
    // Another subject's event in between does not matter.
    added(store, alfa(), vec![event(subject, Reach::Account, 6)], 1).await;
}

/// Every field.
pub async fn an_event_comes_back_as_it_was(store: &dyn Store) {
    let (subject, recording) = (SubjectId::new(), RecordingId::new());
    let full = NewEvent {
        kind: EventKind::Given,
        said_in: Some(recording),
        notice: Some(notice("notice-it-3")),
        position: Some(9_097_000),
        expression: Expression::Voice,
        policy: Some(PolicyHash([7; 32])),
        ..event(subject, Reach::Account, 5)
    };
    let bare = NewEvent { purposes: BTreeSet::new(), ..event(subject, Reach::Call(recording), 6) };
    let stored = added(store, alfa(), vec![full.clone(), bare.clone()], 0).await;
    let events: Vec<_> = stored.iter().map(|stored| stored.event.clone()).collect();
    assert_eq!(events, [full, bare]);
    let history = store.history(&alfa(), subject, None).await.expect("read");
    assert_eq!((history.events, history.latest), (stored.clone(), 2));
    assert_eq!(store.changes(0, 10).await.expect("read"), stored);
}

/// The call's own events and those of every call; the last version counts all.
pub async fn a_history_has_what_reaches_the_call(store: &dyn Store) {
    let (subject, here, there) = (SubjectId::new(), RecordingId::new(), RecordingId::new());
    let reaches = [Reach::Call(here), Reach::Account, Reach::Call(there)];
    let events = reaches.map(|reach| event(subject, reach, 5)).to_vec();
    added(store, alfa(), events, 0).await;
    let history = store.history(&alfa(), subject, Some(here)).await.expect("read");
    assert_eq!(history.events.iter().map(|e| e.event.reach).collect::<Vec<_>>(), reaches[..2]);
    assert_eq!(history.latest, 3);
    let nobody = store.history(&alfa(), SubjectId::new(), None).await.expect("read");
    assert_eq!((nobody.events.len(), nobody.latest), (0, 0));
}

/// From after a version on, and never more than asked for.
pub async fn changes_come_in_pages(store: &dyn Store) {
    let subject = SubjectId::new();
    for number in 0..5 {
        added(store, alfa(), vec![event(subject, Reach::Account, 5)], number).await;
    }
    let versions = async |after, limit| {
        let changes = store.changes(after, limit).await.expect("read");
        changes.iter().map(|change| change.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(0, 3).await, [1, 2, 3]);
    assert_eq!(versions(3, 3).await, [4, 5]);
    assert_eq!(versions(5, 3).await, [0; 0]);
    assert_eq!(versions(u64::MAX, 3).await, [0; 0]);
}

/// The topic gets what the rows say, in their order; a repetition brings its own entry.
pub async fn events_and_the_entry_leave_with_the_rows<S: Store + OutboxStore>(store: &S) {
    let subject = SubjectId::new();
    let events = vec![event(subject, Reach::Account, 5), event(subject, Reach::Account, 6)];
    let act = Addition { entry: Some(entry("a")), ..addition(alfa(), events, 0) };
    let Appended::Now(stored) = store.append(&act).await.expect("added") else { panic!("not added") };
    let again = Addition { entry: Some(entry("b")), ..act };
    store.append(&again).await.expect("answered");
    let waiting = store.unpublished(10).await.expect("read");
    let seen: Vec<_> = waiting.iter().map(|o| (o.topic.name, o.envelope.aggregate.clone())).collect();
    let key = subject.to_string();
    let consent = |key: &str| (topics::CONSENT.name, key.to_owned());
    let audit = |key: &str| (topics::AUDIT.name, key.to_owned());
    assert_eq!(seen, [consent(&key), consent(&key), audit("a"), audit("b")]);
    for (outgoing, stored) in waiting.iter().zip(&stored) {
        assert_eq!((outgoing.envelope.id, outgoing.envelope.version), (stored.event.id, stored.version));
        let told = proto::consent::v1::ConsentEvent::decode(outgoing.envelope.payload.as_slice());
        assert_eq!(told.expect("an event"), stored.to_wire());
    }
    let ids: Vec<_> = waiting.iter().take(3).map(|outgoing| outgoing.envelope.id).collect();
    store.mark_published(&ids).await.expect("marked");
    assert_eq!(store.unpublished(10).await.expect("read").len(), 1);
}

/// By when it was presented, not by when that was heard of.
pub async fn the_last_notice_is_the_one_that_was_presented_last(store: &dyn Store) {
    let (subject, recording) = (SubjectId::new(), RecordingId::new());
    let presented = |name: &str, at| NewEvent {
        kind: EventKind::NoticePresented,
        notice: Some(notice(name)),
        ..event(subject, Reach::Call(recording), at)
    };
    assert_eq!(store.last_notice(&alfa(), recording).await.expect("read"), None);
    added(store, alfa(), vec![presented("later", 9), presented("earlier", 5)], 0).await;
    let answer = NewEvent { kind: EventKind::Given, ..presented("answer", 10) };
    added(store, alfa(), vec![answer], 2).await;
    assert_eq!(store.last_notice(&alfa(), recording).await.expect("read"), Some(notice("later")));
    assert_eq!(store.last_notice(&alfa(), RecordingId::new()).await.expect("read"), None);
}

/// Whoever notes it, and whatever was noted meanwhile.
pub async fn the_position_in_the_journal_never_goes_back(store: &dyn Store) {
    assert_eq!(store.journal_position().await.expect("read"), 0);
    for (noted, expected) in [(3, 3), (7, 7), (5, 7), (0, 7), (7, 7), (1_000_000, 1_000_000)] {
        store.set_journal_position(noted).await.expect("noted");
        assert_eq!(store.journal_position().await.expect("read"), expected);
    }
}
