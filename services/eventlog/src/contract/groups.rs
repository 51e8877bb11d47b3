//! Consumers: who gets what, from where on, and who may commit.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::topics::Topic;
use tokio::time::Instant;

use super::{
    Harness, NEVER, PATIENCE, SHORT, flat, gather, key_of_each_partition, poll, poll_until, record, text,
};
use crate::error::Error;
use crate::log::{Consumer, EventLog, ReadLimit, TopicPartition};
use crate::record::Stored;

async fn append_numbers(log: &dyn EventLog, topic: &Topic, numbers: std::ops::Range<u32>) {
    let records = numbers.map(|n| record(&format!("key-{n}"), &n.to_string())).collect();
    log.append(topic, records).await.unwrap();
}

fn numbers(found: Vec<(TopicPartition, Stored)>) -> Vec<u32> {
    found.iter().map(|(_, record)| text(record).parse().unwrap()).collect()
}

fn places(consumer: &dyn Consumer) -> BTreeSet<TopicPartition> {
    consumer.assignment().iter().map(|assigned| assigned.at).collect()
}

/// After opening again, what was not committed comes again, and nothing else.
pub async fn a_group_goes_on_from_its_committed_offset(harness: &dyn Harness) {
    let topic = harness.topic("contract.resume.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    {
        let log = harness.open(NEVER).await;
        append_numbers(log.as_ref(), &topic, 0..10).await;
        let mut consumer = log.consumer("group", &[topic]).await.unwrap();
        assert_eq!(gather(consumer.as_mut(), 10).await.len(), 10);
        consumer.commit(at, 4).await.unwrap();
        assert_eq!(log.committed("group", &topic).await.unwrap(), [4]);
        consumer.leave().await.unwrap();
    }
    let log = harness.open(NEVER).await;
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    let again = gather(consumer.as_mut(), 6).await;
    assert!(again.iter().map(|(_, record)| record.offset).eq(4..10));
}

/// A lower one than committed changes nothing.
pub async fn commits_never_move_back(harness: &dyn Harness) {
    let topic = harness.topic("contract.monotonic.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    let log = harness.open(NEVER).await;
    append_numbers(log.as_ref(), &topic, 0..5).await;
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    gather(consumer.as_mut(), 5).await;
    for next in [3, 1, 3, 5, 0] {
        consumer.commit(at, next).await.unwrap();
    }
    assert_eq!(log.committed("group", &topic).await.unwrap(), [5]);
}

/// Nobody commits what it has not been given.
pub async fn commits_may_not_pass_what_was_delivered(harness: &dyn Harness) {
    let topic = harness.topic("contract.delivered.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    let log = harness.open(NEVER).await;
    append_numbers(log.as_ref(), &topic, 0..5).await;
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    let early = consumer.commit(at, 0).await.unwrap_err();
    assert!(matches!(early, Error::NotAssigned { .. }), "{early}");
    gather(consumer.as_mut(), 5).await;
    let beyond = consumer.commit(at, 6).await.unwrap_err();
    assert!(matches!(beyond, Error::NotDelivered { asked: 6, delivered: 5, .. }), "{beyond}");
    assert_eq!(log.committed("group", &topic).await.unwrap(), [0]);
}

/// Every group gets every record and has its own offsets.
pub async fn groups_do_not_disturb_each_other(harness: &dyn Harness) {
    let topic = harness.topic("contract.groups.v1", 2);
    let log = harness.open(NEVER).await;
    append_numbers(log.as_ref(), &topic, 0..20).await;
    let mut one = log.consumer("one", &[topic]).await.unwrap();
    let mut two = log.consumer("two", &[topic]).await.unwrap();
    let seen = gather(one.as_mut(), 20).await;
    let (at, last) = seen.last().map(|(at, record)| (*at, record.offset)).unwrap();
    one.commit(at, last + 1).await.unwrap();
    assert_eq!(gather(two.as_mut(), 20).await.len(), 20);
    assert_eq!(log.committed("two", &topic).await.unwrap(), [0, 0]);
}

/// Even shares, each record to one of them, once they have settled.
pub async fn two_consumers_share_partitions_without_overlap(harness: &dyn Harness) {
    let topic = harness.topic("contract.share.v1", 4);
    let log = harness.open(NEVER).await;
    let mut one = log.consumer("group", &[topic]).await.unwrap();
    poll_until(&mut [&mut one], "one has all", |c| c[0].assignment().len() == 4).await;
    let before: Vec<_> = one.assignment();
    let mut two = log.consumer("group", &[topic]).await.unwrap();
    poll_until(&mut [&mut one, &mut two], "both have their share", |c| {
        c.iter().all(|consumer| consumer.assignment().len() == 2)
    })
    .await;
    assert!(places(one.as_ref()).is_disjoint(&places(two.as_ref())));
    for kept in one.assignment() {
        assert!(before.contains(&kept), "what stays is not handed out anew");
    }
    for won in two.assignment() {
        let lost = before.iter().find(|own| own.at == won.at).unwrap();
        assert!(won.fence > lost.fence, "a fence rises when the partition changes hands");
    }

    append_numbers(log.as_ref(), &topic, 0..100).await;
    let mut seen = Vec::new();
    while seen.len() < 100 {
        for consumer in [&mut one, &mut two] {
            let own = places(consumer.as_ref());
            let found = flat(poll(consumer.as_mut(), SHORT).await);
            assert!(found.iter().all(|(at, _)| own.contains(at)));
            seen.extend(numbers(found));
        }
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..100));
}

/// Without waiting for a timeout, and from what it committed.
pub async fn a_consumer_that_leaves_or_is_dropped_is_taken_over(harness: &dyn Harness) {
    let topic = harness.topic("contract.leave.v1", 2);
    let log = harness.open(NEVER).await;
    for (round, end) in (0..).zip([End::Leaves, End::IsDropped]) {
        append_numbers(log.as_ref(), &topic, round * 10..round * 10 + 10).await;
        let mut going = log.consumer("group", &[topic]).await.unwrap();
        let mut staying = log.consumer("group", &[topic]).await.unwrap();
        poll_until(&mut [&mut going, &mut staying], "both have one", |c| {
            c.iter().all(|consumer| consumer.assignment().len() == 1)
        })
        .await;
        match end {
            End::Leaves => going.leave().await.unwrap(),
            End::IsDropped => drop(going),
        }
        poll_until(&mut [&mut staying], "the other takes over", |c| c[0].assignment().len() == 2).await;
        staying.leave().await.unwrap();
    }
}

enum End {
    Leaves,
    IsDropped,
}

/// Its successor has a higher fence and what it did not commit; it commits nothing any more.
pub async fn a_paused_consumer_that_returns_is_fenced(harness: &dyn Harness) {
    let topic = harness.topic("contract.fence.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    let log = harness.open(Duration::from_millis(300)).await;
    append_numbers(log.as_ref(), &topic, 0..5).await;
    let mut paused = log.consumer("group", &[topic]).await.unwrap();
    gather(paused.as_mut(), 5).await;
    paused.commit(at, 2).await.unwrap();
    let fence = paused.assignment()[0].fence;

    let mut successor = log.consumer("group", &[topic]).await.unwrap();
    let again = gather(successor.as_mut(), 3).await;
    assert!(again.iter().map(|(_, record)| record.offset).eq(2..5));
    assert!(successor.assignment()[0].fence > fence);

    let fenced = paused.commit(at, 5).await.unwrap_err();
    assert!(matches!(fenced, Error::Fenced { .. }), "{fenced}");
    assert_eq!(log.committed("group", &topic).await.unwrap(), [2]);
    let told = poll(paused.as_mut(), SHORT).await;
    assert_eq!((told.revoked, told.batches), (vec![at], vec![]));
    successor.commit(at, 5).await.unwrap();
    assert_eq!(log.committed("group", &topic).await.unwrap(), [5]);
}

/// A member that joined again without knowing still commits nothing under its old fence.
pub async fn an_old_fence_commits_nothing_for_a_member_that_came_back(harness: &dyn Harness) {
    let topic = harness.topic("contract.returned.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    let log = harness.open(Duration::from_millis(300)).await;
    append_numbers(log.as_ref(), &topic, 0..5).await;
    let mut paused = log.consumer("group", &[topic]).await.unwrap();
    gather(paused.as_mut(), 5).await;
    let mut successor = log.consumer("group", &[topic]).await.unwrap();
    gather(successor.as_mut(), 5).await;
    // The poll joins again and is dropped, in most logs before it can tell.
    tokio::select! {
        biased;
        _ = poll(paused.as_mut(), SHORT) => {}
        () = tokio::task::yield_now() => {}
    }
    let refused = paused.commit(at, 5).await.unwrap_err();
    assert!(matches!(refused, Error::Fenced { .. } | Error::NotAssigned { .. }), "{refused}");
    assert_eq!(log.committed("group", &topic).await.unwrap(), [0]);
}

/// Long before any of its own timers.
pub async fn a_waiting_consumer_gets_a_new_record_at_once(harness: &dyn Harness) {
    let topic = harness.topic("contract.wake.v1", 2);
    let log = harness.open(NEVER).await;
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    poll_until(&mut [&mut consumer], "it has all", |c| c[0].assignment().len() == 2).await;
    for n in 0..20 {
        let waiting = tokio::time::timeout(PATIENCE, poll(consumer.as_mut(), NEVER));
        let (found, ()) = tokio::join!(waiting, append_numbers(log.as_ref(), &topic, n..n + 1));
        let found = flat(found.expect("it is woken"));
        assert_eq!(found.iter().map(|(_, record)| text(record)).collect::<Vec<_>>(), [n.to_string()]);
    }
    assert!(poll(consumer.as_mut(), Duration::ZERO).await.is_empty());
}

/// A caller may stop waiting at any time.
pub async fn a_poll_that_nobody_waits_for_loses_nothing(harness: &dyn Harness) {
    let topic = harness.topic("contract.cancel.v1", 2);
    let log = harness.open(NEVER).await;
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..20 {
        append_numbers(log.as_ref(), &topic, n..n + 1).await;
        // The poll runs until it first waits for anything, and is dropped there.
        tokio::select! {
            biased;
            polled = poll(consumer.as_mut(), NEVER) => seen.extend(numbers(flat(polled))),
            () = tokio::task::yield_now() => {}
        }
    }
    let left = 20 - seen.len();
    seen.extend(numbers(gather(consumer.as_mut(), left).await));
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..20));
    assert_eq!(consumer.assignment().len(), 2);
}

/// The limit is for the whole poll, and a busy partition does not starve another.
pub async fn a_poll_stops_at_its_limit_and_serves_every_partition(harness: &dyn Harness) {
    let topic = harness.topic("contract.starve.v1", 3);
    let log = harness.open(NEVER).await;
    for key in key_of_each_partition(&topic) {
        log.append(&topic, (0..50).map(|n| record(&key, &n.to_string())).collect()).await.unwrap();
    }
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    poll_until(&mut [&mut consumer], "it has all", |c| c[0].assignment().len() == 3).await;
    for held in consumer.assignment() {
        consumer.seek(held.at, 0).await.unwrap();
    }
    let limit = ReadLimit { records: 10, bytes: 1 << 20 };
    let deadline = Instant::now() + PATIENCE;
    let mut served = BTreeSet::new();
    while served != BTreeSet::from([0, 1, 2]) {
        assert!(Instant::now() < deadline, "only {served:?} of three partitions were served");
        let found = flat(consumer.poll(limit, SHORT).await.unwrap());
        assert!(found.len() <= 10);
        served.extend(found.iter().map(|(at, _)| at.partition));
        // Whichever comes first has records without end.
        if let Some((busy, _)) = found.first() {
            consumer.seek(*busy, 0).await.unwrap();
        }
    }
}

/// A gap in offsets is where records were deleted, and only there.
pub async fn a_consumer_goes_on_at_the_low_end_when_records_were_deleted(harness: &dyn Harness) {
    let topic = harness.topic("contract.gap.v1", 1);
    let log = harness.open(NEVER).await;
    append_numbers(log.as_ref(), &topic, 0..10).await;
    log.delete_before(&topic, 0, 6).await.unwrap();
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    let found = gather(consumer.as_mut(), 4).await;
    assert!(found.iter().map(|(_, record)| record.offset).eq(6..10));
}

/// Forward, back, below the low end, not beyond the high end.
pub async fn a_consumer_goes_on_where_it_seeks(harness: &dyn Harness) {
    let topic = harness.topic("contract.seek.v1", 1);
    let at = TopicPartition::of(&topic, 0);
    let log = harness.open(NEVER).await;
    append_numbers(log.as_ref(), &topic, 0..10).await;
    log.delete_before(&topic, 0, 2).await.unwrap();
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    gather(consumer.as_mut(), 8).await;
    for (to, first) in [(7, 7), (3, 3), (0, 2)] {
        consumer.seek(at, to).await.unwrap();
        assert_eq!(gather(consumer.as_mut(), 1).await[0].1.offset, first);
    }
    let beyond = consumer.seek(at, 11).await.unwrap_err();
    assert!(matches!(beyond, Error::BeyondEnd { high: 10, .. }), "{beyond}");
    let elsewhere = consumer.seek(TopicPartition { partition: 9, ..at }, 0).await.unwrap_err();
    assert!(matches!(elsewhere, Error::NotAssigned { .. }), "{elsewhere}");
}
