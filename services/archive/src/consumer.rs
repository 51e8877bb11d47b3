//! The audio topic's consumer: facts into the store, spans into objects, ended calls into documents.
//!
//! One [`Worker`] a partition. An offset is committed only when everything below it is in the store or in
//! objects, and records are deleted only below a committed offset. What fails is read again from the log: each
//! step may be done twice.

mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Batch, Consumer as Member, EventLog, Polled, ReadLimit, TopicPartition};
use futures::future::join_all;
use kernel::topics::AUDIO;
use kernel::{Clock, chain};
use platform::retry::Backoff;
use platform::telemetry::{Gauge, Metric, MetricKind};
use platform::{Shutdown, Stage, TaskResult};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::config::Config;
use crate::error::Error;
use crate::mesh::Mesh;
use crate::sealing::Sealer;
use crate::shelf::Shelf;
use crate::store::Store;
use worker::Worker;

/// The consumer group.
pub const GROUP: &str = "archive";

/// Partitions that do not go on.
pub(crate) const WAITING: Metric = Metric {
    name: "verbale_archive_waiting",
    help: "audio partitions held here that could not be stored, or recordings of which could not be sealed, \
           when last tried",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// Longer than anything that a tool waits for.
const DAY: Duration = Duration::from_secs(86_400);

/// Consumes the audio topic.
#[derive(Clone)]
pub struct Consumer {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mesh: Mesh,
    pub(crate) shelf: Shelf,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) waiting: Gauge,
    pub(crate) config: Config,
}

/// A member of the group at work.
pub(crate) struct Session {
    parts: Consumer,
    member: Box<dyn Member>,
    workers: BTreeMap<u32, Worker>,
    /// Partitions whose last batch was not taken, and those that were not tended, when last tried.
    untaken: BTreeSet<u32>,
    untended: BTreeSet<u32>,
    ticked: Option<Instant>,
    failures: u32,
}

impl Consumer {
    /// Runs until the process drains.
    pub async fn run(self, shutdown: Shutdown) -> TaskResult {
        let mut failures = 0;
        while shutdown.stage() < Stage::Draining {
            match self.session(&shutdown).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    failures += 1;
                    warn!(
                        attempt = failures,
                        error = chain(&error),
                        "the audio topic cannot be consumed for now"
                    );
                    tokio::select! {
                        () = tokio::time::sleep(Backoff::FOREVER.wait(failures)) => {}
                        () = shutdown.draining() => {}
                    }
                }
            }
        }
        Ok(())
    }

    async fn session(&self, shutdown: &Shutdown) -> Result<(), Error> {
        let mut session = self.join().await?;
        while shutdown.stage() < Stage::Draining {
            tokio::select! {
                biased;
                () = shutdown.draining() => break,
                turned = session.turn() => turned?,
            }
        }
        // What is held in memory is not committed: whoever takes the partition reads it again.
        session.member.leave().await?;
        Ok(())
    }

    pub(crate) async fn join(&self) -> Result<Session, Error> {
        let member = self.log.consumer(GROUP, &[AUDIO]).await?;
        Ok(Session {
            parts: self.clone(),
            member,
            workers: BTreeMap::new(),
            untaken: BTreeSet::new(),
            untended: BTreeSet::new(),
            ticked: None,
            failures: 0,
        })
    }

    /// Consumes until everything that is in the log now was dealt with, once; for tools and tests.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let mut session = self.join().await?;
        session.catch_up().await?;
        session.member.leave().await?;
        Ok(())
    }
}

impl Session {
    /// Polls until everything that is in the log now was dealt with, then looks at timers.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Error> {
        loop {
            let ends = self.parts.log.ends(&AUDIO).await?;
            self.turn().await?;
            let behind = |end: &eventlog::Ends| {
                self.workers
                    .get(&end.partition)
                    .is_none_or(|worker| worker.next() < end.high || worker.has_due())
            };
            if self.failures == 0 && !ends.iter().any(behind) {
                break;
            }
        }
        self.tick(Instant::now() + DAY).await;
        self.commit().await?;
        self.forget().await;
        Ok(())
    }

    /// One poll and what follows from it.
    pub(crate) async fn turn(&mut self) -> Result<(), Error> {
        let config = &self.parts.config;
        let limit = ReadLimit { records: config.poll_records, bytes: config.poll_size.as_usize() };
        let has_due = self.workers.values().any(Worker::has_due);
        let wait = if self.failures > 0 || has_due { Duration::ZERO } else { config.poll_wait.0 };
        let polled = self.member.poll(limit, wait).await?;
        self.take(polled).await?;
        // A sign of life: what follows may take long where stores are slow, and a member that is taken for dead
        // is given the same again, for ever.
        self.commit().await?;
        let until = Instant::now() + self.parts.config.turn.0;
        join_all(self.workers.values_mut().map(|worker| worker.settle_due(until))).await;
        let every = self.parts.config.poll_wait.0;
        if self.ticked.is_none_or(|at| at.elapsed() >= every) {
            self.tick(until).await;
            self.forget().await;
            self.ticked = Some(Instant::now());
        }
        self.show();
        self.commit().await?;
        if self.failures > 0 {
            tokio::time::sleep(Backoff::CALL.wait(self.failures)).await;
        }
        Ok(())
    }

    async fn take(&mut self, polled: Polled) -> Result<(), Error> {
        for lost in polled.revoked {
            self.workers.remove(&lost.partition);
            self.untaken.remove(&lost.partition);
        }
        for won in polled.assigned {
            info!(partition = won.at.partition, next = won.next, "an audio partition is ours");
            self.workers
                .insert(won.at.partition, Worker::new(self.parts.clone(), won.at.partition, won.next));
        }
        let mut batches: BTreeMap<u32, Batch> =
            polled.batches.into_iter().map(|batch| (batch.at.partition, batch)).collect();
        let absorbing = self.workers.iter_mut().filter_map(|(partition, worker)| {
            let batch = batches.remove(partition)?;
            Some(async move { (*partition, worker.absorb(batch).await, worker.next()) })
        });
        let absorbed = join_all(absorbing).await;
        let before = self.failures;
        for (partition, outcome, next) in absorbed {
            self.untaken.remove(&partition);
            if let Err(error) = outcome {
                self.untaken.insert(partition);
                self.failures = before + 1;
                warn!(partition, next, error = chain(&error), "a batch of audio is taken again");
                self.member.seek(TopicPartition::of(&AUDIO, partition), next).await?;
            }
        }
        if self.failures == before {
            self.failures = 0;
        }
        Ok(())
    }

    /// Timers: idle packs, calls that wait or have fallen silent, what a crash left.
    async fn tick(&mut self, until: Instant) {
        let ends = match self.parts.log.ends(&AUDIO).await {
            Ok(ends) => ends,
            Err(error) => return warn!(error = chain(&error), "the audio topic's ends are not known"),
        };
        let ticking = self.workers.iter_mut().map(|(partition, worker)| {
            let high = ends.iter().find(|end| end.partition == *partition).map_or(u64::MAX, |end| end.high);
            async move {
                let ticked = worker.tick(high, until).await;
                if let Err(error) = &ticked {
                    warn!(partition, error = chain(error), "recordings of a partition wait");
                }
                (ticked.is_err() || worker.is_held_up()).then_some(*partition)
            }
        });
        self.untended = join_all(ticking).await.into_iter().flatten().collect();
    }

    fn show(&self) {
        let waits = |partition: &&u32| self.untaken.contains(partition) || self.untended.contains(partition);
        let waiting = self.workers.keys().filter(waits).count();
        self.parts.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    async fn commit(&mut self) -> Result<(), Error> {
        let mut lost = Vec::new();
        for (partition, worker) in &mut self.workers {
            let Some(safe) = worker.uncommitted() else { continue };
            let at = TopicPartition::of(&AUDIO, *partition);
            match self.member.commit(at, safe).await {
                Ok(()) => worker.committed(safe),
                Err(eventlog::Error::Fenced { .. }) => lost.push(*partition),
                Err(error) => return Err(error.into()),
            }
        }
        for partition in lost {
            warn!(partition, "an audio partition was taken over");
            self.workers.remove(&partition);
        }
        Ok(())
    }

    /// Has the log forget what is committed.
    async fn forget(&mut self) {
        for (partition, worker) in &mut self.workers {
            let Some(safe) = worker.unforgotten() else { continue };
            match self.parts.log.delete_before(&AUDIO, *partition, safe).await {
                Ok(()) => worker.forgotten(safe),
                Err(error) => {
                    warn!(partition, error = chain(&error), "archived records stay in the log for now")
                }
            }
        }
    }
}
