//! The contract on a CQL cluster, by one handle and by two, and what only a cluster can leave half done.

use std::sync::Arc;
use std::time::Duration;

use cql::testing::{Kept, fresh};
use kernel::{LegNo, ManualClock, SectionNo, SubjectId, SystemClock, Timestamp};
use platform::OutboxStore;

use super::*;
use crate::contract::{erased, everything, fact, key, object, opened, settlement, stated};
use crate::fact::What;
use crate::store::{By, State};

async fn store() -> Option<(Kept, ScyllaStore)> {
    let kept = fresh(COMPONENTS).await?;
    let store = ScyllaStore::open(kept.cql.clone()).await.unwrap();
    Some((kept, store))
}

crate::contract_suite!(store());

/// A store whose machine time is moved by hand.
async fn timed() -> Option<(Kept, ScyllaStore, ManualClock)> {
    let kept = fresh(COMPONENTS).await?;
    let clock = ManualClock::at(SystemClock.now());
    let store = ScyllaStore::on(kept.cql.clone(), Arc::new(clock.clone())).await.unwrap();
    Some((kept, store, clock))
}

async fn list(store: &ScyllaStore, by: By, limit: usize) -> Vec<u8> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (from, to) = (Timestamp(0), Timestamp(i64::MAX));
        let query = Query { tenant: key(1).tenant, from, to, by, after, limit };
        let page = store.list(&query).await.unwrap();
        after = page.last().map(|row| (row.started_at.unwrap(), row.key.id));
        all.extend(page.iter().map(|row| row.key.id.to_bytes()[0]));
        if page.len() < limit {
            return all;
        }
    }
}

async fn unsettled(store: &ScyllaStore) -> Vec<u8> {
    let found = store.unsettled(3, None, 100).await.unwrap();
    found.iter().map(|row| row.key.id.to_bytes()[0]).collect()
}

/// How many pointers to unsettled recordings there are, and how many buckets of them.
async fn pointers(store: &ScyllaStore) -> (usize, usize) {
    let cql = &store.0.cql;
    let prepare = async |text| cql.prepare(cql::Space::Data, text).await.unwrap();
    let all = prepare("SELECT tenant, id FROM {ks}.archive_unsettled").await;
    let pointers: Vec<KeyColumns> = cql.rows(&all, (), 100).await.unwrap();
    let all = prepare("SELECT bucket FROM {ks}.archive_unsettled_bucket").await;
    let buckets: Vec<(i64,)> = cql.rows(&all, (), 100).await.unwrap();
    (pointers.len(), buckets.len())
}

macro_rules! by_two_processes {
    ($($case:ident,)+) => { mod by_two_processes { $(
        #[tokio::test]
        async fn $case() {
            let Some((kept, one)) = super::store().await else { return };
            let two = super::ScyllaStore::open(kept.cql.clone()).await.unwrap();
            crate::contract::$case(&one, &two).await;
        }
    )+ } };
}

by_two_processes! {
    settling_twice_at_once_leaves_one_document_and_one_event,
    of_two_objects_with_one_span_at_once_one_is_stored,
    an_object_that_is_stored_while_others_settle_is_owed_a_document,
    an_erasure_that_is_heard_of_twice_at_once_is_one,
}

#[tokio::test]
async fn facts_that_a_crash_cut_off_are_complete_once_they_come_again() {
    let Some((_kept, store)) = store().await else { return };
    let count = u8::try_from(everything(&key(1)).len()).unwrap();
    // Recording 0 is never cut off.
    for cut in 0..=count {
        let facts = everything(&key(cut));
        for fact in facts.iter().take(usize::from(cut)) {
            store.0.rows(&key(cut), fact).await.unwrap();
        }
        assert_eq!(store.history(&key(cut)).await.unwrap(), None, "nothing is seen without the own row");
        store.record(facts).await.unwrap();
    }
    let expected = store.history(&key(0)).await.unwrap().unwrap();
    for cut in 1..=count {
        let mut history = store.history(&key(cut)).await.unwrap().unwrap();
        history.recording.key = key(0);
        history.objects[0].name = expected.objects[0].name.clone();
        assert_eq!(history, expected, "after {cut} facts");
    }
    let newest_first: Vec<u8> = (0..=count).rev().collect();
    assert_eq!(list(&store, By::Time, 5).await, newest_first);
}

#[tokio::test]
async fn an_object_is_seen_with_all_of_its_spans_or_not_at_all() {
    let Some((_kept, store)) = store().await else { return };
    store.record(vec![fact(&key(1), 1, opened(1, 1))]).await.unwrap();
    // Over the end of a partition, and more than one claim.
    let spans: Vec<u32> = (9_900..10_150).collect();
    let stored = object(&key(1), 9_900, &spans);
    let section = SectionKey { recording: key(1), leg: LegNo(0), section: SectionNo(0) };
    store.0.claim_all(&key(1), &stored).await.unwrap();
    assert_eq!(store.history(&key(1)).await.unwrap().unwrap().spans, []);
    assert!(store.stored_spans(&section).await.unwrap().is_empty());
    assert_eq!(store.span_root(&section, SpanNo(10_000)).await.unwrap(), None);
    let other = vec![fact(&key(1), 3, What::Stored(object(&key(1), 1, &[1, 10_000])))];
    assert!(matches!(store.record(other).await, Err(Error::Conflict { .. })));

    store.record(vec![fact(&key(1), 2, What::Stored(stored.clone()))]).await.unwrap();
    assert_eq!(store.history(&key(1)).await.unwrap().unwrap().spans, stored.spans);
    assert_eq!(store.stored_spans(&section).await.unwrap().spans().count(), spans.len());
    let root = stored.spans.iter().find(|span| span.span == SpanNo(10_000)).map(|span| span.ct_root);
    assert_eq!(store.span_root(&section, SpanNo(10_000)).await.unwrap(), root);
}

#[tokio::test]
async fn a_settlement_that_a_crash_cut_off_is_not_seen_and_comes_to_its_end() {
    let Some((_kept, store)) = store().await else { return };
    store.record(everything(&key(1))).await.unwrap();
    let before = store.history(&key(1)).await.unwrap();
    let named = settlement(&key(1), 1, 1, vec![object(&key(1), 0, &[]).name]);
    let says = Some(stated(1, "statement-7"));
    let first = Settlement { erased: vec![erased(1, 0, &[0, 1])], stated: says, ..named };
    let own = store.0.own(&key(1)).await.unwrap().unwrap();
    store.0.add_document(&first).await.unwrap();
    assert_eq!(store.history(&key(1)).await.unwrap(), before);
    store.0.name_objects(&own, &first).await.unwrap();
    store.0.add_gone(&own, &first).await.unwrap();
    store.0.add_erased(&first).await.unwrap();
    store.0.add_stated(&first).await.unwrap();
    assert_eq!(store.history(&key(1)).await.unwrap(), before);
    assert_eq!(store.unpublished(10).await.unwrap(), []);

    store.settle(first.clone()).await.unwrap();
    let history = store.history(&key(1)).await.unwrap().unwrap();
    assert_eq!((history.recording.state, history.recording.has_unnamed), (State::Sealed, false));
    assert_eq!((history.objects[0].document, history.gone.as_slice()), (Some(1), first.gone.as_slice()));
    assert_eq!((history.documents, history.erased), (vec![first.document], first.erased));
    assert_eq!(history.statements, [stated(1, "statement-7")]);
    let events = store.unpublished(10).await.unwrap();
    assert_eq!(events.iter().map(|own| &own.envelope).collect::<Vec<_>>(), [&first.event]);
    store.mark_published(&[first.event.id]).await.unwrap();
    assert_eq!(store.unpublished(10).await.unwrap(), []);
    assert_eq!(store.0.own(&key(1)).await.unwrap().map(|own| own.settled), Some(1), "marking keeps the row");
}

#[tokio::test]
async fn pointers_go_once_nothing_needs_them_and_come_back() {
    let Some((_kept, store, clock)) = timed().await else { return };
    for number in [1, 2] {
        store.record(vec![fact(&key(number), number, opened(1, 1))]).await.unwrap();
        store.settle(settlement(&key(number), 1, 1, Vec::new())).await.unwrap();
    }
    store.record(vec![fact(&key(3), 3, opened(1, 1))]).await.unwrap();
    assert_eq!(unsettled(&store).await, [3]);
    assert_eq!(pointers(&store).await.0, 3, "they are too young to go");
    clock.advance(Duration::from_secs(700));
    assert_eq!(unsettled(&store).await, [3]);
    assert_eq!(pointers(&store).await, (1, 1));
    // By settling, where the pointer is older than the margin.
    store.settle(settlement(&key(3), 1, 1, Vec::new())).await.unwrap();
    assert_eq!(pointers(&store).await, (0, 1));
    clock.advance(Duration::from_secs(3_600));
    assert!(unsettled(&store).await.is_empty());
    assert_eq!(pointers(&store).await, (0, 0));
}

#[tokio::test]
async fn a_late_object_points_anew_and_outlives_a_look_that_began_before() {
    let Some((_kept, store, clock)) = timed().await else { return };
    store.record(vec![fact(&key(1), 1, opened(1, 1))]).await.unwrap();
    store.settle(settlement(&key(1), 1, 1, Vec::new())).await.unwrap();
    let looked_at = clock.now();
    store.record(vec![fact(&key(1), 2, What::Stored(object(&key(1), 7, &[7])))]).await.unwrap();
    // Another's look, which began before the object came, ends after it.
    let own = store.0.own(&key(1)).await.unwrap().unwrap();
    store.0.drop_pointer(3, own.bucket, &key(1), looked_at).await.unwrap();
    assert_eq!(unsettled(&store).await, [1]);
    let history = store.history(&key(1)).await.unwrap().unwrap();
    assert_eq!(history.objects[0].document, None);
}

#[tokio::test]
async fn unsettled_recordings_are_in_order_of_key_whatever_their_bucket() {
    let Some((_kept, store, clock)) = timed().await else { return };
    for number in [5, 2, 9, 1, 7, 3, 8, 6, 4] {
        store.record(vec![fact(&key(number), number, opened(1, 1))]).await.unwrap();
        clock.advance(Duration::from_secs(700));
    }
    // A second pointer, as of a race for the first row, makes no second recording.
    let mut own = store.0.own(&key(4)).await.unwrap().unwrap();
    own.bucket -= 1;
    store.0.point_unsettled(&own).await.unwrap();
    for limit in 1..=10 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.unsettled(3, after.as_ref(), limit).await.unwrap();
            after = page.last().map(|row| row.key.clone());
            found.extend(page.iter().map(|row| row.key.id.to_bytes()[0]));
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(found, (1..=9).collect::<Vec<u8>>(), "by {limit}");
    }
}

#[tokio::test]
async fn lists_go_over_buckets_and_pass_over_what_the_own_row_does_not_bear_out() {
    const DAY: i64 = 86_400_000_000;
    let Some((_kept, store)) = store().await else { return };
    for number in 1..=6_u8 {
        let at = i64::from(number) * 200 * DAY;
        store.record(vec![fact(&key(number), number, opened(at, 1))]).await.unwrap();
    }
    // What a crash, or a lost race for the first opening, leaves.
    let What::Opened(lost) = opened(0, 1) else { unreachable!("it was opened") };
    for (number, at) in [(6, 1_250 * DAY), (3, 1_150 * DAY), (100, 700 * DAY)] {
        store.0.list_as(&key(number), Timestamp(at), &lost).await.unwrap();
    }
    let correlation = lost.correlations[0];
    for by in [By::Time, By::Subject(SubjectId::from_bytes([2; 16])), By::Correlation(correlation)] {
        for limit in [1, 2, 5, 7] {
            assert_eq!(list(&store, by, limit).await, [6, 5, 4, 3, 2, 1], "{by:?} by {limit}");
        }
        let (from, to) = (Timestamp(400 * DAY), Timestamp(1_000 * DAY));
        let query = Query { tenant: key(1).tenant, from, to, by, after: None, limit: 10 };
        let found = store.list(&query).await.unwrap();
        let found: Vec<u8> = found.iter().map(|row| row.key.id.to_bytes()[0]).collect();
        assert_eq!(found, [4, 3, 2], "the end is not in it, the beginning is");
    }
}

#[tokio::test]
async fn signs_of_life_far_ahead_of_the_machines_are_taken() {
    let Some((_kept, store)) = store().await else { return };
    let ahead = SystemClock.now().plus(Duration::from_secs(10 * 365 * 86_400));
    let mut heard = fact(&key(1), 1, What::Heard);
    for at in [Timestamp(1), Timestamp(-1), ahead, ahead.plus(Duration::from_secs(1))] {
        heard.at = at;
        store.record(vec![heard.clone()]).await.unwrap();
    }
    let row = store.recording(&key(1)).await.unwrap().unwrap();
    assert_eq!(row.last_event_at, ahead.plus(Duration::from_secs(1)));
}
