//! The adapter for tests and drills: everything is lost with the process, and it says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::{Retention, Topic};
use kernel::{Clock, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;

use self::membership::Group;
use self::partition::Partition;
use crate::bell::Bell;
use crate::bounds;
use crate::budget::Budget;
use crate::error::Error;
use crate::log::{Assigned, Batch, Consumer, Durability, Ends, EventLog, Placed, ReadLimit, TopicPartition};
use crate::record::{Record, Stored, partition_of};
use crate::session::{Changed, Engine, Pace, Passed, Seat, Session, Standing};

mod membership;
mod partition;

/// An event log in memory; clones share its contents.
#[derive(Clone)]
pub struct MemoryLog(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    durability: Durability,
    session_timeout: Duration,
    state: Mutex<State>,
    bell: Bell,
}

#[derive(Default)]
struct State {
    topics: HashMap<&'static str, Vec<Partition>>,
    groups: HashMap<String, Group>,
    last_member: u64,
}

impl MemoryLog {
    /// An empty log that stamps records by this clock; a consumer is missed after 30 s.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let durability = Durability { replication: 0, min_in_sync: 0, only_log: true };
        Self::with(clock, durability, Duration::from_secs(30))
    }

    /// An empty log that claims this durability, so that a caller's conduct on a weak or strong topic can be
    /// tried, and misses a consumer after this time.
    pub fn with(clock: Arc<dyn Clock>, durability: Durability, session_timeout: Duration) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner { clock, durability, session_timeout, state, bell: Bell::default() }))
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error> {
        bounds::check_append(&records)?;
        let now = self.0.clock.now();
        let placed = self.0.state.lock().append(topic, records, now)?;
        self.0.bell.records(topic.name);
        Ok(placed)
    }

    async fn durability(&self, _topic: &Topic) -> Result<Durability, Error> {
        Ok(self.0.durability)
    }

    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error> {
        let at = bounds::check_partition(topic, partition)?;
        let mut state = self.0.state.lock();
        let partition = state.partition(topic, at)?;
        if from < partition.low {
            return Err(Error::Gone { at, asked: from, low: partition.low });
        }
        partition.refuse_beyond(at, from)?;
        Ok(partition.read(from, &mut Budget::new(limit)))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error> {
        let mut state = self.0.state.lock();
        let partitions = (0..).zip(state.partitions(topic)?.iter());
        Ok(partitions
            .map(|(number, own)| Ends { partition: number, low: own.low, high: own.high() })
            .collect())
    }

    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error> {
        let at = bounds::check_partition(topic, partition)?;
        let mut state = self.0.state.lock();
        let partition = state.partition(topic, at)?;
        partition.refuse_beyond(at, offset)?;
        partition.delete_while(|record| record.offset < offset);
        Ok(())
    }

    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        bounds::check_group(group)?;
        let state = self.0.state.lock();
        let claims = state.groups.get(group).map(|group| &group.claims);
        let next =
            |at: TopicPartition| claims.and_then(|claims| claims.get(&at)).map_or(0, |claim| claim.next);
        Ok((0..topic.partitions).map(|partition| next(TopicPartition::of(topic, partition))).collect())
    }

    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error> {
        bounds::check_group(group)?;
        for topic in topics {
            self.0.state.lock().partitions(topic)?;
        }
        Ok(Box::new(Session::new(self.0.clone(), group, topics)))
    }
}

#[async_trait]
impl Engine for Inner {
    fn seated(&self, _seat: &Arc<Seat>) {}

    async fn pass(&self, seat: &Arc<Seat>, now: Instant) -> Result<Passed, Error> {
        let cutoff = self.clock.now();
        let mut state = self.state.lock();
        for topic in &seat.topics {
            state.expire(topic, cutoff)?;
        }
        let State { groups, last_member, .. } = &mut *state;
        let group = groups.entry(seat.group.clone()).or_default();
        let mut changed = group.drop_the_gone(seat, now, self.session_timeout);
        let (me, joined) = match group.beat(seat) {
            Some(me) => (me, false),
            None => (group.join(seat, last_member), true),
        };
        changed |= joined | group.regroup(me, &seat.topics);
        let held = group.held(me);
        Ok(Passed { held, changed: if changed { Changed::Yes } else { Changed::No } })
    }

    async fn fetch(&self, from: Vec<(TopicPartition, u64)>, limit: ReadLimit) -> Result<Vec<Batch>, Error> {
        let state = self.state.lock();
        let mut budget = Budget::new(limit);
        let mut batches = Vec::new();
        for (at, next) in from {
            let Some(partition) = state.topics.get(at.topic).and_then(|own| own.get(at.partition as usize))
            else {
                continue;
            };
            let records = partition.read(next.max(partition.low), &mut budget);
            if !records.is_empty() {
                batches.push(Batch { at, records });
            }
        }
        Ok(batches)
    }

    async fn commit(&self, seat: &Arc<Seat>, held: Assigned, next: u64) -> Result<Standing, Error> {
        let mut state = self.state.lock();
        let group = state.groups.entry(seat.group.clone()).or_default();
        let Some(me) = group.beat(seat) else { return Ok(Standing::Fenced) };
        match group.claims.get_mut(&held.at) {
            Some(claim) if claim.fence == held.fence && claim.owner == Some(me) => {
                claim.next = claim.next.max(next);
                Ok(Standing::Holds)
            }
            Some(_) | None => Ok(Standing::Fenced),
        }
    }

    async fn high(&self, at: TopicPartition) -> Result<u64, Error> {
        let state = self.state.lock();
        let partition = state.topics.get(at.topic).and_then(|own| own.get(at.partition as usize));
        Ok(partition.map_or(0, Partition::high))
    }

    async fn leave(&self, seat: &Arc<Seat>) -> Result<(), Error> {
        let mut state = self.state.lock();
        let group = state.groups.entry(seat.group.clone()).or_default();
        if let Some(me) = group.member_of(seat) {
            group.drop_member(me);
        }
        Ok(())
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }

    fn pace(&self) -> Pace {
        Pace { session_timeout: self.session_timeout, foreign_check: None }
    }
}

impl State {
    fn partitions(&mut self, topic: &Topic) -> Result<&mut Vec<Partition>, Error> {
        let count = topic.partitions as usize;
        let own = self
            .topics
            .entry(topic.name)
            .or_insert_with(|| (0..count).map(|_| Partition::default()).collect());
        match u32::try_from(own.len()) {
            Ok(stored) if stored == topic.partitions => Ok(own),
            stored => Err(Error::PartitionsChanged {
                topic: topic.name.to_owned(),
                stored: stored.unwrap_or(u32::MAX),
                asked: topic.partitions,
            }),
        }
    }

    fn partition(&mut self, topic: &Topic, at: TopicPartition) -> Result<&mut Partition, Error> {
        let missing = Error::NoPartition { at, partitions: topic.partitions };
        self.partitions(topic)?.get_mut(at.partition as usize).ok_or(missing)
    }

    fn append(&mut self, topic: &Topic, records: Vec<Record>, now: Timestamp) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            let at = TopicPartition::of(topic, partition_of(&record.key, topic.partitions));
            let partition = self.partition(topic, at)?;
            let offset = partition.high();
            let Record { key, headers, value } = record;
            partition.records.push_back(Stored { offset, timestamp: now, key, headers, value });
            placed.push(Placed { partition: at.partition, offset });
        }
        self.expire(topic, now)?;
        Ok(placed)
    }

    fn expire(&mut self, topic: &Topic, now: Timestamp) -> Result<(), Error> {
        let Retention::For(kept) = topic.retention else { return Ok(()) };
        for partition in self.partitions(topic)? {
            partition.delete_while(|record| record.timestamp.plus(kept) <= now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
