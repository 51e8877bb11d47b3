//! A consumer of an embedded log: when to make a pass, what changed by it, what to fetch, how to wait.
//!
//! The adapters supply an [`Engine`]; everything that a consumer remembers between polls is here. All of it
//! survives a caller that stops waiting in the midst of a poll: what the engine then did is found by the next
//! pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::Topic;
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::bell::{Bell, Listener};
use crate::error::Error;
use crate::group::Observations;
use crate::log::{Assigned, Batch, Consumer, Polled, ReadLimit, TopicPartition};

/// What a session needs of its adapter.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Learns of a consumer before its first pass.
    fn seated(&self, seat: &Arc<Seat>);
    /// Joins where the seat has no member, beats, drops members that are gone, gives up and takes partitions;
    /// returns all that the seat's member then holds, each with its committed offset.
    async fn pass(&self, seat: &Arc<Seat>, now: Instant) -> Result<Passed, Error>;
    /// Reads on from these offsets, in this order, until the limit.
    async fn fetch(&self, from: Vec<(TopicPartition, u64)>, limit: ReadLimit) -> Result<Vec<Batch>, Error>;
    /// Raises the committed offset if the seat's member still holds the partition under this fence.
    async fn commit(&self, seat: &Arc<Seat>, held: Assigned, next: u64) -> Result<Standing, Error>;
    /// The offset that the partition's next record gets.
    async fn high(&self, at: TopicPartition) -> Result<u64, Error>;
    /// Gives up everything.
    async fn leave(&self, seat: &Arc<Seat>) -> Result<(), Error>;
    /// The log's bell.
    fn bell(&self) -> &Bell;
    /// How the session keeps time.
    fn pace(&self) -> Pace;
}

/// A consumer's place in its group, shared with the engine.
pub(crate) struct Seat {
    /// Names its member, as long as it has one: a pass that failed or was not waited for may have made it.
    pub(crate) id: Uuid,
    pub(crate) group: String,
    pub(crate) topics: Vec<Topic>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) observations: Mutex<Observations>,
    gone: AtomicBool,
}

/// What a pass left the member with.
pub(crate) struct Passed {
    pub(crate) held: Vec<Assigned>,
    /// Whether others should look again.
    pub(crate) changed: Changed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Holds,
    Fenced,
}

/// How often a session shows life and looks around.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// A member that shows no life for so long is dropped.
    pub(crate) session_timeout: Duration,
    /// How often to look for what other processes appended; none where there are none.
    pub(crate) foreign_check: Option<Duration>,
}

impl Seat {
    /// Whether its session has ended, though an act on its behalf may still be under way.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

pub(crate) struct Session<E: Engine> {
    engine: Arc<E>,
    seat: Arc<Seat>,
    held: BTreeMap<TopicPartition, Assigned>,
    last_pass: Option<Instant>,
    // Fetching begins after the partition served last, so that a busy one does not starve the others.
    served: Option<TopicPartition>,
}

impl<E: Engine> Session<E> {
    pub(crate) fn new(engine: Arc<E>, group: &str, topics: &[Topic]) -> Self {
        let seat = Arc::new(Seat {
            id: Uuid::new_v4(),
            group: group.to_owned(),
            topics: topics.to_vec(),
            listener: engine.bell().listener(topics),
            observations: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        engine.seated(&seat);
        Self { engine, seat, held: BTreeMap::new(), last_pass: None, served: None }
    }

    async fn look(&mut self, limit: ReadLimit) -> Result<Polled, Error> {
        // A consumer that was paused beyond its beat makes its pass before it is given anything.
        let is_due = self.next_pass().is_none_or(|due| Instant::now() >= due);
        let mut polled = Polled::default();
        if self.seat.listener.take_regroup() || is_due {
            polled = self.pass().await.inspect_err(|_| self.seat.listener.ask_to_regroup())?;
        }
        polled.batches = self.fetch(limit).await.or_else(|error| {
            // What the pass found must be told; a fetch can be tried again.
            if polled.is_empty() { Err(error) } else { Ok(Vec::new()) }
        })?;
        Ok(polled)
    }

    async fn pass(&mut self) -> Result<Polled, Error> {
        let now = Instant::now();
        let passed = self.engine.pass(&self.seat, now).await?;
        self.last_pass = Some(now);
        if passed.changed == Changed::Yes {
            self.engine.bell().regroup(&self.seat.listener);
        }
        Ok(self.accept(passed.held))
    }

    fn accept(&mut self, held: Vec<Assigned>) -> Polled {
        let before = std::mem::take(&mut self.held);
        let is_same = |one: &Assigned, other: &Assigned| one.at == other.at && one.fence == other.fence;
        let mut polled = Polled::default();
        for own in before.values() {
            if !held.iter().any(|now| is_same(now, own)) {
                polled.revoked.push(own.at);
            }
        }
        for now in held {
            let kept = before.get(&now.at).filter(|own| is_same(own, &now));
            if kept.is_none() {
                polled.assigned.push(now);
            }
            self.held.insert(now.at, kept.copied().unwrap_or(now));
        }
        polled
    }

    async fn fetch(&mut self, limit: ReadLimit) -> Result<Vec<Batch>, Error> {
        if self.held.is_empty() {
            return Ok(Vec::new());
        }
        let (first, then): (Vec<_>, Vec<_>) =
            self.held.values().map(|own| (own.at, own.next)).partition(|(at, _)| Some(*at) > self.served);
        let batches = self.engine.fetch(first.into_iter().chain(then).collect(), limit).await?;
        for batch in &batches {
            self.served = Some(batch.at);
            if let (Some(own), Some(last)) = (self.held.get_mut(&batch.at), batch.records.last()) {
                own.next = last.offset + 1;
            }
        }
        Ok(batches)
    }

    fn next_pass(&self) -> Option<Instant> {
        self.last_pass.map(|last| last + self.engine.pace().session_timeout / BEATS_PER_TIMEOUT)
    }

    fn wake_at(&self, deadline: Instant) -> Instant {
        let foreign = self.engine.pace().foreign_check.map(|every| Instant::now() + every);
        [Some(deadline), self.next_pass(), foreign].into_iter().flatten().min().unwrap_or(deadline)
    }

    fn held(&self, at: TopicPartition) -> Result<Assigned, Error> {
        self.held.get(&at).copied().ok_or(Error::NotAssigned { at })
    }
}

/// Passes in a session timeout: two may fail before the member is missed.
const BEATS_PER_TIMEOUT: u32 = 3;

#[async_trait]
impl<E: Engine> Consumer for Session<E> {
    async fn poll(&mut self, limit: ReadLimit, wait: Duration) -> Result<Polled, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let polled = self.look(limit).await?;
            if !polled.is_empty() || Instant::now() >= deadline {
                return Ok(polled);
            }
            let wake_at = self.wake_at(deadline);
            tokio::select! {
                () = self.seat.listener.rung() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    async fn commit(&mut self, at: TopicPartition, next_offset: u64) -> Result<(), Error> {
        let held = self.held(at)?;
        if next_offset > held.next {
            return Err(Error::NotDelivered { at, asked: next_offset, delivered: held.next });
        }
        match self.engine.commit(&self.seat, held, next_offset).await? {
            Standing::Holds => Ok(()),
            Standing::Fenced => {
                // The next poll tells what was lost.
                self.seat.listener.ask_to_regroup();
                Err(Error::Fenced { at, fence: held.fence })
            }
        }
    }

    async fn seek(&mut self, at: TopicPartition, offset: u64) -> Result<(), Error> {
        self.held(at)?;
        let high = self.engine.high(at).await?;
        if offset > high {
            return Err(Error::BeyondEnd { at, asked: offset, high });
        }
        self.held.entry(at).and_modify(|held| held.next = offset);
        Ok(())
    }

    fn assignment(&self) -> Vec<Assigned> {
        self.held.values().copied().collect()
    }

    async fn leave(mut self: Box<Self>) -> Result<(), Error> {
        self.held.clear();
        // Dropping the session then tells the others.
        self.engine.leave(&self.seat).await
    }
}

impl<E: Engine> Drop for Session<E> {
    fn drop(&mut self) {
        // Others of this process see at once that the member is gone.
        self.seat.gone.store(true, Ordering::SeqCst);
        self.engine.bell().regroup(&self.seat.listener);
    }
}
