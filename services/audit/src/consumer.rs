//! The task that brings the topic into the ledger: a writer per partition that this process holds, and the root
//! log's where it holds the first one.
//!
//! Ownership by the group decides who works; the store's fence decides who commits. Before it takes any partition it
//! finds out which history goes on ([`crate::settle`]). The topic is always read on from the head's own offset, so what
//! the group remembers matters for nothing, unless the topic is another one than was read before ([`crate::topic`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventlog::{Assigned, Consumer as GroupMember, EventLog, Polled, ReadLimit, TopicPartition};
use kernel::topics::AUDIT;
use kernel::{ServiceError, chain};
use platform::telemetry::{Gauge, Metric, MetricKind};
use platform::{Shutdown, TaskResult};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::error::Error;
use crate::name::LogName;
use crate::partition::{Partition, When};
use crate::root::RootLog;
use crate::settle::settle;
use crate::shared::Shared;
use crate::store::Begun;
use crate::topic::place;

/// The consumer group.
pub const GROUP: &str = "audit";

/// Logs that do not go on.
pub(crate) const WAITING: Metric = Metric {
    name: "verbale_ledger_waiting",
    help: "logs of the ledger held here that could not be brought forward when last tried, or that take no more \
           entries before their tiles are stored",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// Waits double up to so many times the first one.
const WAIT_FACTOR_MAX: u32 = 16;

/// Brings the topic into the ledger.
pub(crate) struct Consumer {
    pub(crate) shared: Shared,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) waiting: Gauge,
    /// Set once it is known which history goes on.
    pub(crate) settled: Arc<AtomicBool>,
}

impl Consumer {
    /// Runs until the process drains; then puts what is committed into objects.
    pub(crate) async fn run(self, shutdown: Shutdown) -> TaskResult {
        let begun = async {
            let settled =
                self.persist("settle which history goes on", || settle(&self.shared, self.log.as_ref()));
            let begun = settled.await;
            self.settled.store(true, Ordering::SeqCst);
            let member =
                self.persist("join the group", || async { Ok(self.log.consumer(GROUP, &[AUDIT]).await?) });
            (begun, member.await)
        };
        let (begun, member) = tokio::select! {
            begun = begun => begun,
            () = shutdown.draining() => return Ok(()),
        };
        info!(incarnation = %begun.era.incarnation, "the ledger is open");
        let mut working = Working {
            shared: self.shared,
            log: self.log,
            begun,
            member,
            partitions: BTreeMap::new(),
            root: Slot::waiting(),
            waiting: self.waiting,
        };
        working.run(&shutdown).await;
        working.end().await;
        Ok(())
    }

    /// Tries until it is done: without a ledger there is nothing else to do.
    async fn persist<T, F>(&self, what: &str, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut failures = 0;
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(failure) => {
                    failures += 1;
                    warn!(attempt = failures, error = chain(&failure), "cannot {what} yet");
                    tokio::time::sleep(wait(self.shared.config.retry.0, failures)).await;
                }
            }
        }
    }
}

fn wait(first: Duration, failures: u32) -> Duration {
    first * 2u32.saturating_pow(failures.saturating_sub(1)).min(WAIT_FACTOR_MAX)
}

/// A log's writer, or when it is to be taken over again.
enum Slot<W> {
    /// With how often it failed since it last got anything done.
    Open(Box<W>, u32),
    Waiting {
        failures: u32,
        until: Instant,
    },
}

impl<W> Slot<W> {
    fn waiting() -> Self {
        Self::Waiting { failures: 0, until: Instant::now() }
    }

    /// Gives the writer up after an error. The log is claimed anew: an answer that was lost may have been a
    /// commit.
    fn fail(&mut self, log: LogName, failure: &Error, first: Duration) {
        let (Self::Open(_, before) | Self::Waiting { failures: before, .. }) = self;
        let failures = before.saturating_add(1);
        let retry = wait(first, failures);
        match failure.code() {
            kernel::ErrorCode::DataLoss => {
                error!(%log, error = chain(failure), "a log cannot go on as it is stored");
            }
            _ => warn!(%log, failures, error = chain(failure), "a log is taken up again later"),
        }
        *self = Self::Waiting { failures, until: Instant::now() + retry };
    }

    fn failures(&self) -> Option<u32> {
        match self {
            Self::Waiting { failures, until } if *until <= Instant::now() => Some(*failures),
            Self::Waiting { .. } | Self::Open(..) => None,
        }
    }
}

struct Working {
    shared: Shared,
    log: Arc<dyn EventLog>,
    begun: Begun,
    member: Box<dyn GroupMember>,
    partitions: BTreeMap<u32, Slot<Partition>>,
    root: Slot<RootLog>,
    waiting: Gauge,
}

impl Working {
    async fn run(&mut self, shutdown: &Shutdown) {
        let config = Arc::clone(&self.shared.config);
        let limit = ReadLimit { records: config.batch, bytes: config.batch_size.as_usize() };
        loop {
            let polled = tokio::select! {
                biased;
                () = shutdown.draining() => return,
                polled = self.member.poll(limit, config.poll.0) => polled,
            };
            match polled {
                Ok(polled) => self.step(polled).await,
                Err(failure) => {
                    warn!(error = chain(&failure), "the audit topic cannot be read");
                    tokio::time::sleep(config.retry.0).await;
                }
            }
        }
    }

    async fn step(&mut self, polled: Polled) {
        self.reassign(&polled);
        for batch in polled.batches {
            self.take(batch.at, &batch.records).await;
        }
        self.take_over().await;
        self.tend(When::Due).await;
        self.show();
    }

    fn show(&self) {
        let partitions = self.partitions.values().filter(|slot| match slot {
            Slot::Open(partition, _) => partition.is_full(),
            Slot::Waiting { .. } => true,
        });
        let root = self.partitions.contains_key(&0)
            && match &self.root {
                Slot::Open(root, _) => root.is_waiting(),
                Slot::Waiting { .. } => true,
            };
        let waiting = partitions.count() + usize::from(root);
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    fn reassign(&mut self, Polled { revoked, assigned, .. }: &Polled) {
        for at in revoked {
            self.partitions.remove(&at.partition);
            info!(partition = at.partition, "a partition went to another writer");
        }
        for Assigned { at, .. } in assigned {
            self.partitions.insert(at.partition, Slot::waiting());
        }
        if !self.partitions.contains_key(&0) {
            self.root = Slot::waiting();
        }
    }

    async fn take(&mut self, at: TopicPartition, records: &[eventlog::Stored]) {
        // Records of a log that is not open come again: taking it over seeks to its head.
        let Some(slot) = self.partitions.get_mut(&at.partition) else { return };
        let Slot::Open(partition, failures) = slot else { return };
        if partition.is_full() {
            // The object store is away: the topic keeps what cannot be taken.
            let next = partition.next_offset();
            if let Err(failure) = self.member.seek(at, next).await {
                let first = self.shared.config.retry.0;
                slot.fail(LogName::Partition(at.partition), &failure.into(), first);
            }
            return tokio::time::sleep(self.shared.config.retry.0).await;
        }
        match partition.take(records).await {
            Ok(()) => *failures = 0,
            Err(failure) => {
                slot.fail(LogName::Partition(at.partition), &failure, self.shared.config.retry.0);
            }
        }
    }

    /// Takes over what is assigned and not open.
    async fn take_over(&mut self) {
        let has_root = self.partitions.contains_key(&0);
        let waiting = self.partitions.values().any(|slot| slot.failures().is_some());
        if !(waiting || has_root && self.root.failures().is_some()) {
            return;
        }
        let first = self.shared.config.retry.0;
        if let Err(failure) = self.renew().await {
            warn!(error = chain(&failure), "which history goes on cannot be told");
            return tokio::time::sleep(first).await;
        }
        for (number, slot) in &mut self.partitions {
            let Some(failures) = slot.failures() else { continue };
            let at = TopicPartition::of(&AUDIT, *number);
            let opened = async {
                let mut partition = Partition::open(self.shared.clone(), self.begun.clone(), *number).await?;
                place(&mut partition, self.log.as_ref(), *number).await?;
                self.member.seek(at, partition.next_offset()).await?;
                Ok(partition)
            };
            match opened.await {
                Ok(partition) => *slot = Slot::Open(Box::new(partition), failures),
                Err(failure) => slot.fail(LogName::Partition(*number), &failure, first),
            }
        }
        if let (true, Some(failures)) = (has_root, self.root.failures()) {
            match RootLog::open(self.shared.clone(), self.begun.clone()).await {
                Ok(root) => self.root = Slot::Open(Box::new(root), failures),
                Err(failure) => self.root.fail(LogName::Root, &failure, first),
            }
        }
    }

    /// Goes over to the history that goes on, where another process has closed this one meanwhile.
    async fn renew(&mut self) -> Result<(), Error> {
        let newest = self.shared.store.incarnations().await?.pop();
        if newest.as_ref() == Some(&self.begun) {
            return Ok(());
        }
        let begun = settle(&self.shared, self.log.as_ref()).await?;
        warn!(closed = %self.begun.era.incarnation, incarnation = %begun.era.incarnation, "another history goes on");
        self.begun = begun;
        self.partitions.values_mut().for_each(|slot| *slot = Slot::waiting());
        self.root = Slot::waiting();
        Ok(())
    }

    async fn tend(&mut self, when: When) {
        let first = self.shared.config.retry.0;
        for (number, slot) in &mut self.partitions {
            let Slot::Open(partition, _) = slot else { continue };
            let tended = async {
                let forgotten = partition.tend(when).await?;
                if let Some(offset) = partition.passed() {
                    self.member.commit(TopicPartition::of(&AUDIT, *number), offset).await?;
                }
                if let Some(offset) = forgotten {
                    self.log.delete_before(&AUDIT, *number, offset).await?;
                }
                Ok::<_, Error>(())
            };
            if let Err(failure) = tended.await {
                slot.fail(LogName::Partition(*number), &failure, first);
            }
        }
        if let Slot::Open(root, failures) = &mut self.root {
            match root.tend(when).await {
                Ok(()) => *failures = 0,
                Err(failure) => self.root.fail(LogName::Root, &failure, first),
            }
        }
    }

    async fn end(mut self) {
        self.tend(When::Now).await;
        if let Err(failure) = self.member.leave().await {
            warn!(error = chain(&failure), "the group was not told that this writer ends");
        }
    }
}
