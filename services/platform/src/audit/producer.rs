//! The one producer of a process: numbers entries, appends them in batches, answers when they are durable,
//! and tells every partition how far it has come.

mod batch;

use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use kernel::{Clock, ErrorCode, EventId, ServiceError, TraceParent, chain};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};

use self::batch::Numbers;
use super::{AuditEntry, Config};
use crate::drain::{Shutdown, Stage, Task, TaskResult};
use crate::instance::Instance;
use crate::retry::Backoff;
use crate::telemetry::{Metrics, names};

pub use batch::HEARTBEAT_DOCUMENT;

/// Largest encoded entry; far above what the guard's own bounds allow.
const ENTRY_MAX: usize = 512 << 10;

/// An entry that is not known to be durable.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Too many wait already; it was not taken.
    #[error("audit entry {id} was not taken: too many wait for the log")]
    Full {
        /// The entry.
        id: EventId,
    },
    /// It was not durable in time; it stays queued and may still be written.
    #[error("audit entry {id} was not durable in time")]
    TimedOut {
        /// The entry.
        id: EventId,
    },
    /// The producer has ended; it was not taken.
    #[error("audit entry {id} was not taken: the process is ending")]
    Closed {
        /// The entry.
        id: EventId,
    },
    /// It is larger than an entry can be; it was not taken.
    #[error("audit entry {id} is larger than {ENTRY_MAX} bytes")]
    TooLarge {
        /// The entry.
        id: EventId,
    },
}

impl ServiceError for AuditError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Full { .. } | Self::TimedOut { .. } | Self::Closed { .. } => ErrorCode::Unavailable,
            Self::TooLarge { .. } => ErrorCode::Internal,
        }
    }
}

/// A way to the producer; clones share it.
#[derive(Clone, Debug)]
pub struct AuditProducer {
    queue: mpsc::Sender<Queued>,
    wait: Duration,
}

/// An entry on its way, and who waits for it.
#[derive(Debug)]
struct Queued {
    entry: AuditEntry,
    trace: Option<TraceParent>,
    durable: oneshot::Sender<()>,
}

impl AuditProducer {
    /// The producer of this process and the task that runs it.
    pub fn new(
        instance: Arc<Instance>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
        config: &Config,
    ) -> (Self, Task) {
        let (queue, queued) = mpsc::channel(config.queue.max(1));
        let running = Running {
            numbers: Numbers::new(instance),
            log,
            clock,
            queued,
            written: metrics.counter(&names::AUDIT_WRITTEN, &[]),
            failures: metrics.counter(&names::AUDIT_FAILURES, &[]),
            config: config.clone(),
        };
        let task = Task::new("audit-producer", |shutdown| running.run(shutdown)).until(Stage::Closing);
        (Self { queue, wait: config.wait.0 }, task)
    }

    /// Writes an entry; on success it is durable in the topic.
    pub async fn record(&self, entry: AuditEntry, trace: Option<TraceParent>) -> Result<(), AuditError> {
        let id = entry.id;
        let durable = self.enqueue(entry, trace)?;
        match tokio::time::timeout(self.wait, durable).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(AuditError::Closed { id }),
            Err(_) => Err(AuditError::TimedOut { id }),
        }
    }

    /// Writes several entries, as [`record`](Self::record) does each; the first failure is told, whatever
    /// became of the others.
    pub async fn record_all(
        &self,
        entries: Vec<(AuditEntry, Option<TraceParent>)>,
    ) -> Result<(), AuditError> {
        let all = entries.into_iter().map(|(entry, trace)| self.record(entry, trace));
        futures::future::join_all(all).await.into_iter().collect()
    }

    /// How many entries wait to be taken up.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    fn enqueue(
        &self,
        entry: AuditEntry,
        trace: Option<TraceParent>,
    ) -> Result<oneshot::Receiver<()>, AuditError> {
        let id = entry.id;
        if batch::encoded_len(&entry) > ENTRY_MAX {
            return Err(AuditError::TooLarge { id });
        }
        let (durable, answer) = oneshot::channel();
        self.queue.try_send(Queued { entry, trace, durable }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AuditError::Full { id },
            mpsc::error::TrySendError::Closed(_) => AuditError::Closed { id },
        })?;
        Ok(answer)
    }
}

struct Running {
    numbers: Numbers,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    queued: mpsc::Receiver<Queued>,
    written: crate::telemetry::Counter,
    failures: crate::telemetry::Counter,
    config: Config,
}

impl Running {
    async fn run(mut self, shutdown: Shutdown) -> TaskResult {
        let mut beat = interval(self.config.heartbeat.0.max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = self.queued.recv_many(&mut taken, self.config.batch.max(1)) => match count {
                    0 => break,
                    _ => self.write(std::mem::take(&mut taken)).await,
                },
                _ = beat.tick() => self.beat(Closing::No).await,
                () = shutdown.reached(Stage::Closing), if !self.queued.is_closed() => self.queued.close(),
            }
        }
        self.beat(Closing::Yes).await;
        Ok(())
    }

    /// Appends until it is durable: numbers once given stay with their entries, so a batch that may or may
    /// not have been taken is sent again as it was, and consumers drop what they have by event id.
    async fn write(&mut self, queued: Vec<Queued>) {
        let mut rest = queued.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut records, mut waiting, mut size) = (Vec::new(), Vec::new(), 0);
            while let Some(next) =
                rest.next_if(|_| records.is_empty() || size < self.config.batch_size.as_usize())
            {
                let record = self.numbers.record(&next.entry, next.trace);
                size += record.size();
                records.push(record);
                waiting.push(next.durable);
            }
            self.append(records).await;
            self.written.add(waiting.len() as u64);
            for durable in waiting {
                // Whoever stopped waiting has answered its caller already.
                let _gone = durable.send(());
            }
        }
    }

    async fn append(&self, records: Vec<eventlog::Record>) {
        for attempt in 1.. {
            match self.log.append(&kernel::topics::AUDIT, records.clone()).await {
                Ok(_) => return,
                Err(error) => {
                    self.failures.increment();
                    warn!(
                        attempt,
                        entries = records.len(),
                        error = chain(&error),
                        "audit entries are not durable yet"
                    );
                    tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
                }
            }
        }
    }

    /// A heartbeat that cannot be sent is skipped: the next one says more.
    async fn beat(&self, closing: Closing) {
        match self.numbers.heartbeats(self.clock.now(), closing) {
            Ok(records) => {
                if let Err(error) = self.log.append(&kernel::topics::AUDIT, records).await {
                    warn!(error = chain(&error), "audit heartbeats were not sent");
                }
            }
            Err(error) => debug!(error = chain(&error), "audit heartbeats cannot be signed yet"),
        }
    }
}

/// Whether a heartbeat is the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    Yes,
    No,
}
