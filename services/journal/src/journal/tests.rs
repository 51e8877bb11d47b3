use std::collections::BTreeSet;

use kernel::{ErrorCode, EventId, Timestamp};
use objects::{Capabilities, Enforcement, Key, PutOptions};
use tokio::task::JoinSet;

use super::*;
use crate::record::{Code, Kind};
use crate::testing::{Fate, Fateful, HORIZON, NOW, Place, act, acts, ids, key, prefix};

mod bounds;
mod breaking;
mod failing;

/// Instantiates the tests that hold wherever records lie.
macro_rules! journal_suite {
    ($place:ident, if $made:expr) => { journal_suite!(@tests $place, $made,
        acts_are_numbered_in_order_and_read_back,
        a_record_is_locked_for_the_horizon,
        an_act_that_comes_again_stands_once,
        writers_at_once_leave_one_sequence_with_each_act_once,
        a_replaced_record_shows_at_the_next,
        a_missing_record_is_named,
        a_store_from_before_the_horizon_is_refused,
    ); };
    (@tests $place:ident, $made:expr, $($test:ident,)+) => {
        mod $place {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    if let Some(place) = $made {
                        super::$test(&place).await;
                    }
                }
            )+
        }
    };
}

journal_suite!(memory, if Some(Place::memory()));
journal_suite!(directory, if Some(Place::directory()));
journal_suite!(s3, if Place::s3().await);

/// From 1 on, each linked to the one before it, whoever opens the journal.
async fn acts_are_numbered_in_order_and_read_back(place: &Place) {
    let journal = place.journal().await;
    assert_eq!((journal.tail().await.unwrap(), journal.floor().await.unwrap()), (0, 1));
    assert_eq!(journal.read(0, 10).await.unwrap(), []);
    assert_eq!(journal.append(Vec::new()).await.unwrap(), 0);
    assert_eq!(journal.append(acts(1..4)).await.unwrap(), 3);
    let other = place.journal().await;
    assert_eq!(other.append(acts(4..6)).await.unwrap(), 5);
    assert_eq!(journal.append(acts(6..7)).await.unwrap(), 6);

    for reader in [&journal, &other] {
        assert_eq!((reader.tail().await.unwrap(), reader.floor().await.unwrap()), (6, 1));
        let records = reader.read(0, 10).await.unwrap();
        assert!(records.iter().map(|record| record.number).eq(1..=6));
        assert!(records.iter().map(|record| &record.act).eq(&acts(1..7)));
        let mut before = BEFORE_FIRST;
        for record in &records {
            assert_eq!(record.before, before);
            before = objects::sha256(&place.bytes(record.number).await);
        }
        assert_eq!(reader.read(2, 3).await.unwrap(), records[2..5]);
        assert_eq!(reader.read(5, 10).await.unwrap(), records[5..]);
        assert_eq!(reader.read(6, 10).await.unwrap(), []);
        assert_eq!(reader.read(0, 0).await.unwrap(), []);
    }
}

/// Nobody takes it away before.
async fn a_record_is_locked_for_the_horizon(place: &Place) {
    let journal = place.journal().await;
    journal.append(acts(1..3)).await.unwrap();
    let objects = place.objects().await;
    let head = objects.head(&key(1), None).await.unwrap();
    let locked = objects.delete_version(&key(1), &head.version).await.unwrap_err();
    assert!(matches!(locked, objects::Error::Locked { .. }), "{locked}");
    place.pass_the_horizon().await;
    objects.delete_version(&key(1), &head.version).await.unwrap();
    assert_eq!(journal.floor().await.unwrap(), 2);
}

/// From the same process, from another, and twice in one call.
async fn an_act_that_comes_again_stands_once(place: &Place) {
    let journal = place.journal().await;
    let other = place.journal().await;
    assert_eq!(journal.append(vec![act(1), act(2), act(1)]).await.unwrap(), 2);
    for again in [&journal, &other, &place.journal().await] {
        assert_eq!(again.append(acts(1..2)).await.unwrap(), 1);
        assert_eq!(again.append(acts(1..3)).await.unwrap(), 2);
    }
    // Done at another time, said with other codes: it is the same act, and what was written stands.
    let retold = Act { at: Timestamp(1), codes: vec![Code::new("other").unwrap()], ..act(1) };
    assert_eq!(journal.append(vec![retold]).await.unwrap(), 1);
    assert_eq!(journal.read(0, 10).await.unwrap().len(), 2);
    // Another act under its id is none of these.
    let done = Act { kind: Kind::ErasureDone, ..act(1) };
    let conflict = journal.append(vec![done]).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { number: 1, .. }), "{conflict}");
    assert_eq!(conflict.code(), ErrorCode::AlreadyExists);
}

/// Two have the same acts in another order, and some of their own.
async fn writers_at_once_leave_one_sequence_with_each_act_once(place: &Place) {
    let mut writers = JoinSet::new();
    let forwards: Vec<_> = acts(0..8).into_iter().chain(acts(100..104)).collect();
    let backwards: Vec<_> = acts(0..8).into_iter().rev().chain(acts(200..204)).collect();
    for own in [forwards, backwards] {
        let store = Arc::new(Fateful::new(place.objects().await, []));
        let journal = place.journal_on(store).await;
        writers.spawn(async move {
            for act in own {
                journal.append(vec![act]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let records = place.journal().await.read(0, 100).await.unwrap();
    assert!(records.iter().map(|record| record.number).eq(1..=16));
    let once: BTreeSet<EventId> = ids(&records).into_iter().collect();
    let expected = acts(0..8).into_iter().chain(acts(100..104)).chain(acts(200..204));
    let expected: BTreeSet<EventId> = expected.map(|act| act.id).collect();
    assert_eq!(once, expected);
}

/// Also to whoever begins to read there.
async fn a_replaced_record_shows_at_the_next(place: &Place) {
    let journal = place.journal().await;
    journal.append(acts(1..5)).await.unwrap();
    let mut forged = Record::decode(&place.bytes(2).await).unwrap();
    forged.act = act(9);
    place.replace(2, forged.encode()).await;
    for after in [0, 1, 2] {
        let broken = journal.read(after, 10).await.unwrap_err();
        assert!(matches!(broken, Error::Broken { number: 3, source: Break::Unlinked }), "{broken}");
        assert_eq!(broken.code(), ErrorCode::DataLoss);
    }
    assert_eq!(journal.read(3, 10).await.unwrap().len(), 1);
}

/// Whether the place is between others, where a reader begins, or where a writer goes on.
async fn a_missing_record_is_named(place: &Place) {
    let journal = place.journal().await;
    journal.append(acts(1..5)).await.unwrap();
    place.pass_the_horizon().await;
    place.delete(3).await;
    for after in [0, 1, 2, 3] {
        let broken = journal.read(after, 10).await.unwrap_err();
        assert!(matches!(broken, Error::Broken { number: 3, source: Break::Missing }), "{broken}");
    }
    assert_eq!(journal.read(0, 2).await.unwrap().len(), 2);
    let opened = Journal::open(place.objects().await, prefix(), place.clock(), HORIZON).await;
    let broken = opened.err().unwrap();
    assert!(matches!(broken, Error::Broken { number: 3, source: Break::Missing }), "{broken}");
}

/// What it would miss is gone. One that misses nothing of that is not.
async fn a_store_from_before_the_horizon_is_refused(place: &Place) {
    let journal = place.journal().await;
    journal.append(acts(1..5)).await.unwrap();
    place.pass_the_horizon().await;
    place.delete(1).await;
    place.delete(2).await;
    assert_eq!(journal.floor().await.unwrap(), 3);
    for after in [0, 1] {
        let old = journal.read(after, 10).await.unwrap_err();
        assert!(matches!(old, Error::TooOld { position, floor: 3 } if position == after), "{old}");
        assert_eq!(old.code(), ErrorCode::FailedPrecondition);
    }
    for after in [2, 3] {
        let records = journal.read(after, 10).await.unwrap();
        assert!(records.iter().map(|record| record.number).eq(after + 1..=4));
    }
    // Writers go on, those that were there and those that come.
    assert_eq!(journal.append(acts(5..6)).await.unwrap(), 5);
    assert_eq!(place.journal().await.append(acts(5..7)).await.unwrap(), 6);
}
