//! The adapter for tests and drills: everything is lost with the process, and it says so.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::{Retention, Topic};
use kernel::{Clock, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bell::Bell;
use crate::bounds;
use crate::error::Error;
use crate::group::{self, MemberNo};
use crate::log::{Assigned, Batch, Consumer, Durability, Ends, EventLog, Placed, ReadLimit, TopicPartition};
use crate::record::{Record, Stored, partition_of};
use crate::session::{Changed, Engine, Pace, Passed, Seat, Session, Standing};

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

#[derive(Default)]
struct Partition {
    low: u64,
    records: VecDeque<Stored>,
}

#[derive(Default)]
struct Group {
    members: BTreeMap<MemberNo, Member>,
    claims: BTreeMap<TopicPartition, Claim>,
}

struct Member {
    beat: u64,
    seat: Weak<Seat>,
    topics: Vec<&'static str>,
}

#[derive(Clone, Copy, Default)]
struct Claim {
    fence: u64,
    owner: Option<MemberNo>,
    next: u64,
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

impl Partition {
    fn high(&self) -> u64 {
        self.low + self.records.len() as u64
    }

    fn refuse_beyond(&self, at: TopicPartition, asked: u64) -> Result<(), Error> {
        let high = self.high();
        if asked > high { Err(Error::BeyondEnd { at, asked, high }) } else { Ok(()) }
    }

    fn read(&self, from: u64, budget: &mut Budget) -> Vec<Stored> {
        let skipped = usize::try_from(from.saturating_sub(self.low)).unwrap_or(usize::MAX);
        self.records.iter().skip(skipped).take_while(|record| budget.takes(record.size())).cloned().collect()
    }

    fn delete_while(&mut self, is_old: impl Fn(&Stored) -> bool) {
        while self.records.front().is_some_and(&is_old) {
            self.records.pop_front();
            self.low += 1;
        }
    }
}

impl Group {
    fn drop_the_gone(&mut self, seat: &Arc<Seat>, now: Instant, timeout: Duration) -> bool {
        let beats: Vec<_> = self.members.iter().map(|(no, member)| (*no, member.beat)).collect();
        let mut gone = seat.observations.lock().silent(now, timeout, &beats);
        let me = self.member_of(seat);
        gone.retain(|member| Some(*member) != me);
        let without_seat = |member: &Member| member.seat.upgrade().is_none_or(|seat| seat.is_gone());
        gone.extend(self.members.iter().filter(|(_, member)| without_seat(member)).map(|(no, _)| *no));
        for member in &gone {
            self.drop_member(*member);
        }
        !gone.is_empty()
    }

    fn drop_member(&mut self, member: MemberNo) {
        self.members.remove(&member);
        for claim in self.claims.values_mut().filter(|claim| claim.owner == Some(member)) {
            claim.owner = None;
        }
    }

    fn member_of(&self, seat: &Arc<Seat>) -> Option<MemberNo> {
        let seat = Arc::downgrade(seat);
        self.members.iter().find(|(_, member)| member.seat.ptr_eq(&seat)).map(|(no, _)| *no)
    }

    fn beat(&mut self, seat: &Arc<Seat>) -> Option<MemberNo> {
        let me = self.member_of(seat)?;
        self.members.get_mut(&me)?.beat += 1;
        Some(me)
    }

    fn join(&mut self, seat: &Arc<Seat>, last_member: &mut u64) -> MemberNo {
        *last_member += 1;
        let me = MemberNo(*last_member);
        let topics = seat.topics.iter().map(|topic| topic.name).collect();
        self.members.insert(me, Member { beat: 1, seat: Arc::downgrade(seat), topics });
        me
    }

    fn regroup(&mut self, me: MemberNo, topics: &[Topic]) -> bool {
        let mut changed = false;
        for topic in topics {
            let wants = |member: &Member| member.topics.contains(&topic.name);
            let members: Vec<_> =
                self.members.iter().filter(|(_, member)| wants(member)).map(|(no, _)| *no).collect();
            let claims = &mut self.claims;
            let at = |partition| TopicPartition::of(topic, partition);
            let holder = |partition| claims.get(&at(partition)).and_then(|claim| claim.owner);
            let holders: Vec<_> = (0..topic.partitions).map(holder).collect();
            let moves = group::moves(me, &members, &holders);
            changed |= moves != group::Moves::default();
            for partition in moves.release {
                claims.entry(at(partition)).or_default().owner = None;
            }
            for partition in moves.claim {
                let claim = claims.entry(at(partition)).or_default();
                claim.owner = Some(me);
                claim.fence += 1;
            }
        }
        changed
    }

    fn held(&self, me: MemberNo) -> Vec<Assigned> {
        let mine = self.claims.iter().filter(|(_, claim)| claim.owner == Some(me));
        mine.map(|(at, claim)| Assigned { at: *at, fence: claim.fence, next: claim.next }).collect()
    }
}

/// What is left of a read limit; the first record is always within it.
pub(crate) struct Budget {
    records: usize,
    bytes: usize,
    is_first: bool,
}

impl Budget {
    pub(crate) fn new(limit: ReadLimit) -> Self {
        Self { records: limit.records.max(1), bytes: limit.bytes, is_first: true }
    }

    /// Takes a record of this size, if it is within what is left; nothing more after one that is not.
    pub(crate) fn takes(&mut self, size: usize) -> bool {
        if self.records == 0 || (size > self.bytes && !self.is_first) {
            self.records = 0;
            return false;
        }
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(size);
        self.is_first = false;
        true
    }

    /// How many more records at most.
    pub(crate) fn records(&self) -> usize {
        self.records
    }
}

#[cfg(test)]
mod tests;
