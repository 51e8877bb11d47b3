//! Consumers of a real group, beyond the contract.

use super::*;
use crate::log::Polled;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

async fn poll(consumer: &mut Box<dyn Consumer>, records: usize) -> Polled {
    consumer.poll(ReadLimit { records, bytes: 4 << 20 }, SHORT).await.unwrap()
}

/// Offsets of partition 0, until so many came.
async fn offsets(consumer: &mut Box<dyn Consumer>, records: usize) -> Vec<u64> {
    let deadline = tokio::time::Instant::now() + LONG;
    let mut found = Vec::new();
    while found.len() < records {
        assert!(tokio::time::Instant::now() < deadline, "{} of {records} came", found.len());
        let batches = poll(consumer, records).await.batches;
        let batches = batches.iter().filter(|batch| batch.at.partition == 0);
        found.extend(batches.flat_map(|batch| &batch.records).map(|record| record.offset));
    }
    found
}

async fn fill(log: &KafkaLog, topic: &Topic, records: u64) {
    let records = (0..records).map(|n| Record::new("k", n.to_string())).collect();
    log.append(topic, records).await.unwrap();
}

const ONE: Topic = Topic { name: "kafka.one.v1", partitions: 1, retention: Retention::UntilDeleted };

#[tokio::test]
async fn what_was_fetched_ahead_is_not_delivered_after_a_seek() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(mesh.options());
    fill(&log, &ONE, 1_000).await;
    let mut consumer = log.consumer("group", &[ONE]).await.unwrap();
    let at = TopicPartition::of(&ONE, 0);
    assert!(offsets(&mut consumer, 10).await.into_iter().eq(0..10));
    for to in [500, 3, 980, 0, 990] {
        consumer.seek(at, to).await.unwrap();
        assert_eq!(consumer.assignment()[0].next, to);
        assert!(offsets(&mut consumer, 10).await.into_iter().eq(to..to + 10), "at {to}");
    }
}

#[tokio::test]
async fn lag_is_what_is_not_committed_and_not_deleted() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(mesh.options());
    fill(&log, &ONE, 100).await;
    assert_eq!(log.lag("group", &ONE).await.unwrap(), [100]);
    let mut consumer = log.consumer("group", &[ONE]).await.unwrap();
    offsets(&mut consumer, 100).await;
    consumer.commit(TopicPartition::of(&ONE, 0), 30).await.unwrap();
    assert_eq!(log.lag("group", &ONE).await.unwrap(), [70]);
    log.delete_before(&ONE, 0, 50).await.unwrap();
    assert_eq!(log.lag("group", &ONE).await.unwrap(), [50]);
}

#[tokio::test]
async fn a_consumer_that_was_missed_joins_again_with_a_higher_fence() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(KafkaOptions { session_timeout: Duration::from_millis(200), ..mesh.options() });
    fill(&log, &ONE, 10).await;
    let mut consumer = log.consumer("group", &[ONE]).await.unwrap();
    offsets(&mut consumer, 10).await;
    let before = consumer.assignment()[0];
    // Nobody else wants it: the time alone is what it misses.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let fenced = consumer.commit(before.at, 10).await.unwrap_err();
    assert!(matches!(fenced, Error::Fenced { .. }), "{fenced}");
    assert_eq!(poll(&mut consumer, 10).await.revoked, [before.at]);
    assert!(offsets(&mut consumer, 10).await.into_iter().eq(0..10), "nothing was committed");
    let after = consumer.assignment()[0];
    assert!(after.fence > before.fence);
    consumer.commit(after.at, 10).await.unwrap();
    assert_eq!(log.committed("group", &ONE).await.unwrap(), [10]);
}

#[tokio::test]
async fn a_fence_that_others_raised_commits_nothing_and_is_given_up() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(mesh.options());
    fill(&log, &ONE, 10).await;
    let mut consumer = log.consumer("group", &[ONE]).await.unwrap();
    offsets(&mut consumer, 10).await;
    let at = TopicPartition::of(&ONE, 0);
    mesh.fences.raise(&mesh.options().named("group"), at).await.unwrap();
    let fenced = consumer.commit(at, 10).await.unwrap_err();
    assert!(matches!(fenced, Error::Fenced { fence: 1, .. }), "{fenced}");
    assert_eq!(log.committed("group", &ONE).await.unwrap(), [0]);
    assert_eq!(poll(&mut consumer, 10).await.revoked, [at]);
    assert!(offsets(&mut consumer, 10).await.into_iter().eq(0..10));
    assert_eq!(consumer.assignment()[0].fence, 3);
}

/// Fences that cannot be raised for a while.
struct Broken(parking_lot::Mutex<u32>, MemoryFences);

#[async_trait]
impl Fences for Broken {
    async fn raise(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        let left = std::mem::replace(&mut *self.0.lock(), 0);
        if left > 0 {
            *self.0.lock() = left - 1;
            return Err(Error::Unavailable { attempt: "raise a fence", source: "broken".into() });
        }
        self.1.raise(group, at).await
    }
    async fn current(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        self.1.current(group, at).await
    }
}

#[tokio::test]
async fn nothing_is_held_before_its_fence_is_raised() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let fences = Arc::new(Broken(parking_lot::Mutex::new(3), MemoryFences::default()));
    let log = KafkaLog::open(mesh.options(), fences).unwrap();
    fill(&log, &ONE, 10).await;
    let mut consumer = log.consumer("group", &[ONE]).await.unwrap();
    let mut failures = 0;
    let polled = loop {
        match consumer.poll(ReadLimit::default(), LONG).await {
            Ok(polled) => break polled,
            Err(error) => {
                assert!(matches!(error, Error::Unavailable { attempt: "raise a fence", .. }), "{error}");
                assert_eq!(consumer.assignment(), []);
                failures += 1;
            }
        }
    };
    assert_eq!(failures, 3);
    assert_eq!(polled.assigned.len(), 1);
}
