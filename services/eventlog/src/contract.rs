//! What every adapter must keep, as tests that an adapter instantiates with one line:
//! `eventlog::contract_suite!(embedded, SqliteHarness::new());` (behind the feature `contract`).
//!
//! [`records`] is about appending and reading, [`groups`] about consumers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::{Retention, Topic};
use tokio::time::Instant;

use crate::log::{Consumer, EventLog, Polled, ReadLimit, TopicPartition};
use crate::record::{Record, Stored, partition_of};

// A contract is tests: what is unexpected panics.
#[allow(clippy::unwrap_used)]
pub mod groups;
#[allow(clippy::unwrap_used)]
pub mod records;

/// One log for one test: each instance starts empty.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A handle on the log, as a process has one. Opened again after all handles are dropped, it is the same
    /// log. A consumer of this handle is missed after `session_timeout`, or the shortest that the log allows.
    async fn open(&self, session_timeout: Duration) -> Arc<dyn EventLog>;

    /// Whether the engine is there. A harness says so itself where it is not, and fails where it must be.
    fn is_there(&self) -> bool {
        true
    }

    /// A topic that no other test uses, which keeps its records.
    fn topic(&self, name: &'static str, partitions: u32) -> Topic {
        Topic { name, partitions, retention: Retention::UntilDeleted }
    }
}

/// Instantiates every test of the contract for one harness.
#[macro_export]
macro_rules! contract_suite {
    ($adapter:ident, $harness:expr) => {
        mod $adapter {
            #[allow(unused_imports)]
            use super::*;
            $crate::contract_suite!(@tests $harness, records:
                what_was_appended_comes_back_as_it_was,
                records_of_a_key_keep_their_order,
                offsets_are_dense_in_each_partition,
                concurrent_appends_lose_and_mix_nothing,
                reads_stop_at_their_limit,
                what_is_beyond_a_bound_is_refused_and_nothing_appended,
                appended_records_are_there_after_opening_again,
                deleted_records_are_gone_and_offsets_go_on,
                offsets_outside_the_ends_are_refused,
                a_topic_keeps_its_number_of_partitions,
            );
            $crate::contract_suite!(@tests $harness, groups:
                a_group_goes_on_from_its_committed_offset,
                commits_never_move_back,
                commits_may_not_pass_what_was_delivered,
                groups_do_not_disturb_each_other,
                two_consumers_share_partitions_without_overlap,
                a_consumer_that_leaves_or_is_dropped_is_taken_over,
                a_paused_consumer_that_returns_is_fenced,
                an_old_fence_commits_nothing_for_a_member_that_came_back,
                a_waiting_consumer_gets_a_new_record_at_once,
                a_poll_that_nobody_waits_for_loses_nothing,
                a_poll_stops_at_its_limit_and_serves_every_partition,
                a_consumer_goes_on_at_the_low_end_when_records_were_deleted,
                a_consumer_goes_on_where_it_seeks,
            );
        }
    };
    (@tests $harness:expr, $module:ident: $($test:ident,)+) => {$(
        #[tokio::test]
        async fn $test() {
            let harness = $harness;
            if $crate::contract::Harness::is_there(&harness) {
                $crate::contract::$module::$test(&harness).await;
            }
        }
    )+};
}

/// Longer than any test takes: nothing is missed in it.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one poll waits where a test alternates between consumers.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn record(key: &str, value: &str) -> Record {
    Record::new(key.as_bytes(), value.as_bytes().to_vec())
}

pub(crate) fn text(record: &Stored) -> String {
    String::from_utf8(record.value.to_vec()).expect("the contract writes text")
}

/// A key for each partition, in order.
pub(crate) fn key_of_each_partition(topic: &Topic) -> Vec<String> {
    let key_of = |partition| {
        (0..)
            .map(|n: u32| format!("key-{n}"))
            .find(|key| partition_of(key.as_bytes(), topic.partitions) == partition)
    };
    (0..topic.partitions).filter_map(key_of).collect()
}

/// All records of a partition.
pub(crate) async fn read_all(log: &dyn EventLog, topic: &Topic, partition: u32) -> Vec<Stored> {
    let mut found: Vec<Stored> = Vec::new();
    let mut next = log.ends(topic).await.expect("ends")[partition as usize].low;
    loop {
        let more = log.read(topic, partition, next, ReadLimit::default()).await.expect("read");
        let Some(last) = more.last() else { return found };
        next = last.offset + 1;
        found.extend(more);
    }
}

/// Polls once and notes what came.
pub(crate) async fn poll(consumer: &mut dyn Consumer, wait: Duration) -> Polled {
    consumer.poll(ReadLimit::default(), wait).await.expect("poll")
}

/// Polls until so many records came.
pub(crate) async fn gather(consumer: &mut dyn Consumer, count: usize) -> Vec<(TopicPartition, Stored)> {
    let deadline = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    while found.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came", found.len());
        found.extend(flat(poll(consumer, SHORT).await));
    }
    found
}

/// The records of a poll.
pub(crate) fn flat(polled: Polled) -> Vec<(TopicPartition, Stored)> {
    let batches = polled.batches.into_iter();
    batches.flat_map(|batch| batch.records.into_iter().map(move |record| (batch.at, record))).collect()
}

/// Polls all consumers in turn, without committing, until this holds.
pub(crate) async fn poll_until(
    consumers: &mut [&mut Box<dyn Consumer>],
    what: &str,
    holds: impl Fn(&[&mut Box<dyn Consumer>]) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(consumers) {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        for consumer in consumers.iter_mut() {
            poll(consumer.as_mut(), SHORT).await;
        }
    }
}
