//! The port: what a role may ask of an event log, shaped so that Kafka and one SQLite file both fit.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::Topic;

use crate::error::Error;
use crate::record::{Record, Stored};

/// A log of topics, each in a fixed number of partitions, each partition a dense sequence of records.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Appends records and returns where each went, in the order given, once all are durable at the topic's
    /// [`Durability`].
    ///
    /// A key always goes to the same partition, and records of one key keep their order: within a call, and
    /// between a call and the next one made after it returned. A call that fails may still have left some or
    /// all of its records: callers send again and consumers are idempotent by event id.
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error>;

    /// What an answered [`append`](Self::append) to this topic survives.
    async fn durability(&self, topic: &Topic) -> Result<Durability, Error>;

    /// Reads from offset `from` on, in order, without a group; empty at the end. At least one record is
    /// returned where there is one, even if it is larger than the limit. An offset below the low end is
    /// [`Error::Gone`], above the high end [`Error::BeyondEnd`].
    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error>;

    /// The ends of every partition of the topic, in order of partition.
    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error>;

    /// Deletes everything below `offset`, for all groups; nothing when that is already gone. An offset above
    /// the high end is [`Error::BeyondEnd`].
    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error>;

    /// Per partition of the topic, in order, the group's committed next offset; 0 where it never committed.
    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error>;

    /// Joins a group. Partitions of the topics are shared among the group's consumers; the first
    /// [`poll`](Consumer::poll) brings the first assignment.
    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error>;

    /// Per partition of the topic, in order, how many offsets the group has yet to commit. Deleted records do
    /// not count: nobody will be given them.
    async fn lag(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        let committed = self.committed(group, topic).await?;
        let ends = self.ends(topic).await?;
        let lag = |(ends, next): (&Ends, u64)| ends.high.saturating_sub(next.max(ends.low));
        Ok(ends.iter().zip(committed).map(lag).collect())
    }

    /// Whether the engine answers, by a real request; for readiness.
    async fn check(&self) -> Result<(), Error> {
        self.ends(&kernel::topics::AUDIT).await.map(drop)
    }
}

/// One member of a group. It stays a member by polling and committing: one that does neither for the session
/// timeout (machine time) loses its partitions to the others and is fenced when it returns.
#[async_trait]
pub trait Consumer: Send {
    /// Waits at most `wait` for something to report and returns what there is: partitions lost, partitions
    /// won, and records of the partitions that are held, each partition's in order and without a gap, except
    /// where records were deleted. Nothing at all when the time passes. The limit is for all batches together.
    ///
    /// Polling says that the records of earlier polls are dealt with: a partition that another consumer
    /// waits for is given up here, and records not committed by then come again, to the other one.
    async fn poll(&mut self, limit: ReadLimit, wait: Duration) -> Result<Polled, Error>;

    /// Makes `next_offset` the first one that whoever holds this partition next will be given; durable on
    /// return. It never moves back: a lower one than committed changes nothing. It may not pass what this
    /// consumer was given ([`Error::NotDelivered`]). [`Error::Fenced`] if the partition was taken over.
    async fn commit(&mut self, at: TopicPartition, next_offset: u64) -> Result<(), Error>;

    /// Continues this partition at `offset` instead, for a consumer whose own store knows better than the
    /// group where it stands. Below the low end it continues at the low end; above the high end
    /// is [`Error::BeyondEnd`].
    async fn seek(&mut self, at: TopicPartition, offset: u64) -> Result<(), Error>;

    /// What this consumer holds as far as it knows, in order.
    fn assignment(&self) -> Vec<Assigned>;

    /// Leaves the group, so that the others take over at once. A consumer that is merely dropped is missed
    /// only after the session timeout by other processes.
    async fn leave(self: Box<Self>) -> Result<(), Error>;
}

/// A partition of a named topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: &'static str,
    /// From 0.
    pub partition: u32,
}

/// Where a record went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Its partition.
    pub partition: u32,
    /// Its number in the partition: the first is 0, the next one more.
    pub offset: u64,
}

/// How much to return at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimit {
    /// Records.
    pub records: usize,
    /// Bytes of keys, headers and values.
    pub bytes: usize,
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self { records: 1_000, bytes: 4 << 20 }
    }
}

/// What a partition holds: offsets `low..high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The partition.
    pub partition: u32,
    /// The first offset still there.
    pub low: u64,
    /// The offset that the next record gets.
    pub high: u64,
}

/// What an answered append survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Durability {
    /// On how many nodes a record is; 0 where it is lost with the process.
    pub replication: u16,
    /// How many of them had it when the append was answered.
    pub min_in_sync: u16,
    /// Whether this log is the deployment's only one, on one disk by choice.
    pub only_log: bool,
}

impl Durability {
    /// Whether an append deserves the level `LOGGED`: three replicas of which two had it, or an fsync where
    /// the one disk is all there is.
    pub fn is_logged(self) -> bool {
        let replicated = self.replication >= 3 && self.min_in_sync >= 2;
        replicated || (self.only_log && self.replication >= 1)
    }
}

/// A partition that a consumer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assigned {
    /// The partition.
    pub at: TopicPartition,
    /// Rises each time the partition changes hands in the group: what the holder writes elsewhere on the
    /// strength of holding it can be made conditional on this number.
    pub fence: u64,
    /// The offset of the next record that it will be given.
    pub next: u64,
}

/// Records of one partition, in order; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The partition.
    pub at: TopicPartition,
    /// Its records.
    pub records: Vec<Stored>,
}

/// What a poll found. Losses come first: what was lost and won again is in both lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Polled {
    /// Partitions that this consumer no longer holds.
    pub revoked: Vec<TopicPartition>,
    /// Partitions that it holds from now on.
    pub assigned: Vec<Assigned>,
    /// Records, at most one batch per partition.
    pub batches: Vec<Batch>,
}

impl Polled {
    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty() && self.assigned.is_empty() && self.batches.is_empty()
    }
}

impl TopicPartition {
    /// A partition of this topic.
    pub fn of(topic: &Topic, partition: u32) -> Self {
        Self { topic: topic.name, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
