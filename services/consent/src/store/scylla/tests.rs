//! The suite on a CQL cluster, and what only several partitions and a crash between two writes show.

use cql::testing::{Kept, fresh as keyspaces};
use kernel::{ErrorCode, ServiceError, chain};
use platform::outbox::OutboxStore;

use super::*;
use crate::contract::{addition, alfa, event};
use crate::event::Reach;

async fn fresh() -> Option<(ScyllaStore, Kept)> {
    let kept = keyspaces(&[schema::FACTS, COMPONENTS[1]]).await?;
    Some((ScyllaStore::open(kept.cql.clone()).await.unwrap(), kept))
}

async fn two() -> Option<(ScyllaStore, ScyllaStore, Kept)> {
    let (one, kept) = fresh().await?;
    let other = ScyllaStore::open(kept.cql.clone()).await.unwrap();
    Some((one, other, kept))
}

crate::store_contract_suite!(fresh());
crate::store_race_suite!(two());

fn entry() -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: platform::audit::ENTRY_WRITTEN.to_owned(),
        tenant: alfa(),
        aggregate: "instance".to_owned(),
        version: 1,
        at: Timestamp(7),
        trace: None,
        payload: vec![1],
    }
}

async fn outgoing(store: &ScyllaStore) -> Vec<EventId> {
    let waiting = store.unpublished(10).await.unwrap();
    waiting.into_iter().map(|outgoing| outgoing.envelope.id).collect()
}

#[tokio::test]
async fn what_a_process_left_is_seen_by_nobody_until_another_settles_it() {
    let Some((dying, other, _kept)) = two().await else { return };
    let subject = SubjectId::new();
    let said = vec![event(subject, Reach::Account, 5), event(subject, Reach::Account, 6)];
    let act = Addition { entry: Some(entry()), ..addition(alfa(), said, 0) };
    dying.0.events.commit_and_die(EVENTS, std::slice::from_ref(&act)).await;
    assert_eq!((other.version().await.unwrap(), other.changes(0, 10).await.unwrap()), (0, Vec::new()));
    assert_eq!(other.history(&alfa(), subject, None).await.unwrap(), History::default());
    // Its publisher looks for it, and sends what the dead one would have sent.
    let ids: Vec<_> = act.events.iter().map(|event| event.id).chain(act.entry.iter().map(|e| e.id)).collect();
    assert_eq!(outgoing(&other).await, ids);
    let changes = other.changes(0, 10).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.version).collect::<Vec<_>>(), [1, 2]);
    let history = other.history(&alfa(), subject, None).await.unwrap();
    assert_eq!((history.events, history.latest), (changes.clone(), 2));
    // Nobody was told, and the sender asks again.
    assert_eq!(other.append(&act).await.unwrap(), Appended::Before(Box::new(changes[0].clone())));
    assert_eq!(other.version().await.unwrap(), 2);
}

#[tokio::test]
async fn an_act_is_decided_on_what_a_dead_process_added() {
    let Some((dying, other, _kept)) = two().await else { return };
    let subject = SubjectId::new();
    let left = addition(alfa(), vec![event(subject, Reach::Account, 5)], 0);
    dying.0.events.commit_and_die(EVENTS, &[left]).await;
    let late = addition(alfa(), vec![event(subject, Reach::Account, 6)], 0);
    assert_eq!(other.append(&late).await.unwrap(), Appended::Overtaken);
    let next = Addition { after: 1, ..late };
    assert!(matches!(other.append(&next).await.unwrap(), Appended::Now(added) if added[0].version == 2));
    assert_eq!(other.history(&alfa(), subject, None).await.unwrap().events.len(), 2);
}

#[tokio::test]
async fn a_batch_that_is_settled_twice_is_there_once() {
    let Some((one, other, _kept)) = two().await else { return };
    let subject = SubjectId::new();
    let act = addition(alfa(), vec![event(subject, Reach::Account, 5)], 0);
    one.0.events.commit_and_die(EVENTS, std::slice::from_ref(&act)).await;
    let (first, second) = tokio::join!(one.0.events.settle_left(EVENTS), other.0.events.settle_left(EVENTS));
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    one.append(&addition(alfa(), vec![event(subject, Reach::Account, 6)], 1)).await.unwrap();
    let rows = one.feed().between(0, 1, 10).await.unwrap();
    one.feed().settle_again(&rows).await;
    let history = other.history(&alfa(), subject, None).await.unwrap();
    assert_eq!((history.events.len(), history.latest), (2, 2));
}

#[tokio::test]
async fn events_lie_in_several_partitions_and_are_read_as_one() {
    let Some((store, _kept)) = fresh().await else { return };
    let (subject, recording) = (SubjectId::new(), RecordingId::new());
    let mut after = 0;
    for count in [400, 400, 400_usize] {
        let mut events = vec![event(subject, Reach::Account, 5); count];
        events[0].reach = Reach::Call(recording);
        events[0].said_in = Some(recording);
        events.iter_mut().for_each(|event| event.id = EventId::new());
        let added = store.append(&addition(alfa(), events, after)).await.unwrap();
        let Appended::Now(added) = added else { panic!("not added: {added:?}") };
        after = added.last().unwrap().version;
    }
    let versions = |events: &[StoredEvent]| events.iter().map(|event| event.version).collect::<Vec<_>>();
    assert_eq!(versions(&store.changes(0, 5_000).await.unwrap()), (1..=1_200).collect::<Vec<_>>());
    assert_eq!(versions(&store.changes(998, 4).await.unwrap()), [999, 1_000, 1_001, 1_002]);
    assert_eq!(versions(&store.changes(1_000, 2).await.unwrap()), [1_001, 1_002]);
    let all = store.history(&alfa(), subject, None).await.unwrap();
    assert_eq!((versions(&all.events), all.latest), ((1..=1_200).collect(), 1_200));
    let elsewhere = store.history(&alfa(), subject, Some(RecordingId::new())).await.unwrap();
    assert_eq!((elsewhere.events.len(), elsewhere.latest), (1_197, 1_200));
    let here = store.history(&alfa(), subject, Some(recording)).await.unwrap();
    assert_eq!(here, all);
}

#[tokio::test]
async fn an_act_beyond_its_bounds_is_refused() {
    let Some((store, _kept)) = fresh().await else { return };
    let events = (0..501).map(|_| event(SubjectId::new(), Reach::Account, 5)).collect();
    let act = addition(alfa(), events, 0);
    let large = Addition { entry: Some(Envelope { payload: vec![0; 65_537], ..entry() }), ..act.clone() };
    let large = Addition { events: large.events[..1].to_vec(), ..large };
    for refused in [act, large] {
        let refused = store.append(&refused).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_is_told() {
    let Some((store, kept)) = fresh().await else { return };
    let subject = SubjectId::new();
    store.append(&addition(alfa(), vec![event(subject, Reach::Account, 5)], 0)).await.unwrap();
    let text = "UPDATE {ks}.consent_event SET kind = 99 WHERE chunk = 0 AND version = 1";
    let spoil = kept.cql.prepare(Space::Data, text).await.unwrap();
    kept.cql.write(&spoil, ()).await.unwrap();
    // It stands in the way of the acts that need it, and of no other that comes with them.
    let events = store.changes(0, 10).await.map(drop);
    let spoilt = store.history(&alfa(), subject, None).await.unwrap().events.remove(0).event;
    let (again, next) = (
        addition(alfa(), vec![spoilt], 0),
        addition(alfa(), vec![event(SubjectId::new(), Reach::Account, 5)], 0),
    );
    let results = store.0.events.commit_all(EVENTS, &[again, next]).await;
    assert!(results[0].is_err() && matches!(results[1], Ok(Appended::Now(_))));
    let error = events.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert!(chain(&error).contains("consent_event holds a kind that cannot be"), "{}", chain(&error));
}
