//! A consumer: one member of a Kafka group at a time. What it holds, what it has yet to tell, and how it
//! polls and commits.
//!
//! All of it survives a caller that stops waiting: nothing is kept in a call that is under way. A member
//! that was missed, fenced or broken is retired whole, and the next poll tells what was lost and joins anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::Topic;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Inner;
use super::aside::{aside, blocking};
use super::commits::Commits;
use super::held::Held;
use super::member::Member;
use super::message;
use super::presence::Stay;
use super::winning::{Winning, Won};
use crate::budget::Budget;
use crate::error::Error;
use crate::log::{Assigned, Batch, Consumer, Polled, ReadLimit, TopicPartition};
use crate::record::Stored;
use crate::session::Standing;

/// How long a poll waits before it looks for itself, should a bell not ring.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(super) struct KafkaConsumer {
    log: Arc<Inner>,
    group: String,
    topics: Arc<HashMap<String, &'static str>>,
    member: Option<Member>,
    held: BTreeMap<TopicPartition, Held>,
    // Came with the client's other events before a partition had a queue of its own.
    early: BTreeMap<TopicPartition, Vec<Stored>>,
    taking: JoinSet<Result<Vec<Won>, Error>>,
    taken: Option<Result<Vec<Won>, Error>>,
    // Taken away while it was being taken.
    lost_early: Vec<TopicPartition>,
    commits: Commits,
    untold: Polled,
    // Reading begins after the partition served last, so that a busy one does not starve the others.
    served: Option<TopicPartition>,
    is_broken: bool,
}

impl KafkaConsumer {
    pub(super) fn new(log: Arc<Inner>, group: &str, topics: &[Topic]) -> Self {
        let names = topics.iter().map(|topic| (log.options.named(topic.name), topic.name)).collect();
        Self {
            group: group.to_owned(),
            topics: Arc::new(names),
            commits: Commits::new(log.options.request_timeout),
            log,
            member: None,
            held: BTreeMap::new(),
            early: BTreeMap::new(),
            taking: JoinSet::new(),
            taken: None,
            lost_early: Vec::new(),
            untold: Polled::default(),
            served: None,
            is_broken: false,
        }
    }

    /// Shows life; joins where there is no member, or none that still counts.
    fn enter(&mut self) -> Result<Stay, Error> {
        if let Some(member) = &self.member
            && !self.is_broken
            && let Some(stay) = member.presence.enter()
        {
            return Ok(stay);
        }
        self.retire();
        let names: Vec<_> = self.topics.keys().cloned().collect();
        let options = &self.log.options;
        let config = options.member(&self.log.client, &self.group);
        let member = Member::join(&config, &names, options.session_timeout, options.request_timeout)?;
        let stay = member.presence.enter();
        self.member = Some(member);
        stay.ok_or_else(|| super::faults::late("join a group"))
    }

    /// Loses everything, and lets the member leave.
    fn retire(&mut self) {
        let (held, member) = self.part();
        if let Some(member) = member {
            aside(move || {
                // Queues go before the client that they are of.
                drop(held);
                drop(member.leave());
            });
        }
    }

    /// Loses everything, and returns what there is to take leave of.
    fn part(&mut self) -> (BTreeMap<TopicPartition, Held>, Option<Member>) {
        self.taking = JoinSet::new();
        self.taken = None;
        self.lost_early.clear();
        self.early.clear();
        self.commits.forget();
        self.is_broken = false;
        let held = std::mem::take(&mut self.held);
        for at in held.keys() {
            lose(&mut self.untold, *at);
        }
        (held, self.member.take())
    }

    /// One look at everything that may have happened; what there is to tell is then untold.
    fn look(&mut self) -> Result<(), Error> {
        if self.taken.is_none() {
            self.taken = self.taking.try_join_next().map(joined);
        }
        let failed = match self.taken.take() {
            Some(Ok(won)) => {
                self.hold(won);
                None
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.serve();
        match failed {
            Some(error) => {
                // What was not answered is tried again; what was, but not held, no member can hold.
                let waits = |member: &Member| member.consumer.context().won().is_some();
                self.is_broken |= !self.member.as_ref().is_some_and(waits);
                Err(error)
            }
            None => {
                self.take_what_was_won();
                Ok(())
            }
        }
    }

    fn hold(&mut self, won: Vec<Won>) {
        let lost = std::mem::take(&mut self.lost_early);
        for one in won {
            let assigned = one.assigned;
            if lost.contains(&assigned.at) {
                continue;
            }
            let name = self.log.options.named(assigned.at.topic);
            self.untold.assigned.push(assigned);
            self.held.insert(assigned.at, Held::new(one, name));
        }
    }

    /// Polls the client's events, and the records that came with them, until there are none.
    fn serve(&mut self) {
        let Some(member) = &self.member else { return };
        let consumer = member.consumer.clone();
        loop {
            let events = consumer.context().events();
            let polled = consumer.poll(Duration::ZERO);
            let lost = consumer.context().take_lost();
            self.give_up(lost);
            match polled {
                Some(Ok(message)) => {
                    let at =
                        self.place(rdkafka::Message::topic(&message), rdkafka::Message::partition(&message));
                    if let (Some(at), Some(record)) = (at, message::stored(&message)) {
                        self.early.entry(at).or_default().push(record);
                    }
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    warn!(error = %error, "a kafka consumer is replaced");
                    self.is_broken = true;
                    return;
                }
                Some(Err(error)) => debug!(error = %error, "a kafka consumer met an error"),
                None if consumer.context().events() != events => {}
                None => break,
            }
        }
        for (at, held) in &mut self.held {
            held.accept(self.early.remove(at).into_iter().flatten());
        }
    }

    fn give_up(&mut self, lost: impl IntoIterator<Item = (String, i32)>) {
        for (topic, partition) in lost {
            let Some(at) = self.place(&topic, partition) else { continue };
            self.early.remove(&at);
            match self.held.remove(&at) {
                Some(_) => lose(&mut self.untold, at),
                None if self.taking.is_empty() => {}
                None => self.lost_early.push(at),
            }
        }
    }

    fn take_what_was_won(&mut self) {
        let Some(member) = self.member.as_ref().filter(|_| self.taking.is_empty()) else { return };
        let Some(given) = member.consumer.context().won() else { return };
        self.lost_early.clear();
        let winning = Winning {
            consumer: member.consumer.clone(),
            bell: member.bell.clone(),
            fences: self.log.fences.clone(),
            group: self.log.options.named(&self.group),
            topics: self.topics.clone(),
            timeout: self.log.options.request_timeout,
        };
        self.taking.spawn(winning.take(given));
    }

    fn place(&self, topic: &str, partition: i32) -> Option<TopicPartition> {
        let topic = self.topics.get(topic)?;
        Some(TopicPartition { topic, partition: u32::try_from(partition).ok()? })
    }

    fn read(&mut self, limit: ReadLimit) -> Vec<Batch> {
        let Some(member) = &self.member else { return Vec::new() };
        let (first, then): (Vec<_>, Vec<_>) = self.held.keys().partition(|at| Some(**at) > self.served);
        let mut budget = Budget::new(limit);
        let mut batches = Vec::new();
        for at in first.into_iter().chain(then) {
            let held = self.held.get_mut(&at);
            if let Some(batch) = held.and_then(|held| held.read(&member.consumer, &mut budget)) {
                self.served = Some(at);
                batches.push(batch);
            }
        }
        batches
    }

    async fn wait(&mut self, deadline: Instant) {
        let Some(member) = &self.member else { return };
        let until = deadline.min(Instant::now() + LOOK_AGAIN);
        let is_taking = !self.taking.is_empty();
        tokio::select! {
            () = member.bell.notified() => {}
            Some(taken) = self.taking.join_next(), if is_taking => self.taken = Some(joined(taken)),
            () = tokio::time::sleep_until(until) => {}
        }
    }

    /// What is held, if the member that holds it still counts.
    fn standing(&mut self, at: TopicPartition) -> Result<(Assigned, Stay), Error> {
        let held = self.held.get(&at).ok_or(Error::NotAssigned { at })?.assigned();
        let member = self.member.as_ref().filter(|_| !self.is_broken);
        let stay = member.filter(|own| !own.consumer.assignment_lost()).and_then(|own| own.presence.enter());
        stay.map(|stay| (held, stay)).ok_or_else(|| self.fenced(held))
    }

    /// The next poll tells what was lost.
    fn fenced(&mut self, held: Assigned) -> Error {
        self.is_broken = true;
        Error::Fenced { at: held.at, fence: held.fence }
    }
}

fn joined(taken: Result<Result<Vec<Won>, Error>, tokio::task::JoinError>) -> Result<Vec<Won>, Error> {
    taken.unwrap_or_else(|source| {
        Err(Error::Unavailable { attempt: "take partitions over", source: source.into() })
    })
}

/// Notes a loss: what was won and not told of is not told of at all.
fn lose(untold: &mut Polled, at: TopicPartition) {
    let before = untold.assigned.len();
    untold.assigned.retain(|won| won.at != at);
    if untold.assigned.len() == before {
        untold.revoked.push(at);
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, limit: ReadLimit, wait: Duration) -> Result<Polled, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let _stay = self.enter()?;
            let looked = self.look();
            let batches = self.read(limit);
            let polled = Polled { batches, ..std::mem::take(&mut self.untold) };
            if !polled.is_empty() {
                // What has been found must be told; what failed is tried again.
                return Ok(polled);
            }
            looked?;
            if Instant::now() >= deadline {
                return Ok(polled);
            }
            self.wait(deadline).await;
        }
    }

    async fn commit(&mut self, at: TopicPartition, next_offset: u64) -> Result<(), Error> {
        let (held, _stay) = self.standing(at)?;
        if next_offset > held.next {
            return Err(Error::NotDelivered { at, asked: next_offset, delivered: held.next });
        }
        let group = self.log.options.named(&self.group);
        let asked =
            tokio::time::timeout(self.log.options.request_timeout, self.log.fences.current(&group, at));
        let fence = asked.await.map_err(|_elapsed| super::faults::late("ask for a fence"))??;
        let own = self.held.get(&at).zip(self.member.as_ref()).filter(|_| fence == held.fence);
        let Some((own, member)) = own else { return Err(self.fenced(held)) };
        if own.committed().unwrap_or(0) >= next_offset {
            return Ok(());
        }
        let name = self.log.options.named(at.topic);
        match self.commits.commit(member.consumer.clone(), name, at, next_offset).await? {
            Standing::Holds => {
                self.held.entry(at).and_modify(|own| own.set_committed(next_offset));
                Ok(())
            }
            Standing::Fenced => Err(self.fenced(held)),
        }
    }

    async fn seek(&mut self, at: TopicPartition, offset: u64) -> Result<(), Error> {
        let (_, _stay) = self.standing(at)?;
        let ends = self.log.offsets.ends(at.topic, at.partition..at.partition + 1).await?;
        let high = ends.first().map_or(0, |ends| ends.high);
        if offset > high {
            return Err(Error::BeyondEnd { at, asked: offset, high });
        }
        if let Some((held, member)) = self.held.get_mut(&at).zip(self.member.as_ref()) {
            held.seek(&member.consumer, offset);
        }
        Ok(())
    }

    fn assignment(&self) -> Vec<Assigned> {
        self.held.values().map(Held::assigned).collect()
    }

    async fn leave(mut self: Box<Self>) -> Result<(), Error> {
        let (held, member) = self.part();
        let Some(member) = member else { return Ok(()) };
        blocking("leave a group", move || {
            drop(held);
            member.leave()
        })
        .await
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.retire();
    }
}
