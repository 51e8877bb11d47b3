//! Sends what stands in a role's outbox: at once when rung, in a sweep when a crash left something.
//!
//! The store has the rows and their outgoing events in one act; the [`OutboxPublisher`] brings them to their
//! topics and marks them. A crash in between sends them again, which consumers drop by event id. Audit
//! entries go through the process's [`AuditProducer`], which numbers them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::EventLog;
use eventlog::bounds::MAX_BATCH_RECORDS;
use eventlog::envelope::to_record;
use kernel::topics::{AUDIT, Topic};
use kernel::{Clock, Envelope, EventId, Timestamp, chain};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::{error, warn};

use crate::audit::{AuditEntry, AuditError, AuditProducer, OutboxError};
use crate::config::{Period, above_zero};
use crate::drain::{Shutdown, Stage, Task, TaskResult};
use crate::retry::Backoff;
use crate::telemetry::{Counter, Gauge, Metrics, names};

/// The `outbox` section of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most events read and published at once. At most 10 000, which the log takes, and at most `audit.queue`.
    pub batch: usize,
    /// How often the outbox is looked into though nobody rang.
    pub sweep: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self { batch: 500, sweep: Period::secs(5) }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[("batch", &self.batch), ("sweep", &self.sweep)])?;
        if self.batch > MAX_BATCH_RECORDS {
            return Err(format!("batch must be at most {MAX_BATCH_RECORDS}"));
        }
        Ok(())
    }
}

/// An event and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// The topic.
    pub topic: Topic,
    /// The event.
    pub envelope: Envelope,
}

/// A role's outbox, as its publisher sees it. Implemented by the role's store.
#[async_trait]
pub trait OutboxStore: Send + Sync + 'static {
    /// The oldest events that are not marked, in the order in which they were put there.
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError>;
    /// Marks events as published; durable on return. Unknown ids are no error.
    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError>;
    /// When the oldest event that is not marked happened.
    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError>;
}

/// Rings when something was put into an outbox; held by the store, heard by the publisher.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// A bell that nobody has rung.
    pub fn new() -> Self {
        Self::default()
    }
    /// Says that there is something to send. Rings once for many.
    pub fn ring(&self) {
        self.0.notify_one();
    }
    /// Waits until it is rung.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// Sends what stands in one outbox.
pub struct OutboxPublisher {
    /// The outbox.
    pub store: Arc<dyn OutboxStore>,
    /// Rung by the store.
    pub bell: Bell,
    /// Where events go.
    pub log: Arc<dyn EventLog>,
    /// Where audit entries go.
    pub producer: AuditProducer,
    /// Domain time, for the age of what is left.
    pub clock: Arc<dyn Clock>,
    /// What events name as their source: the role's name.
    pub role: &'static str,
    /// Bounds.
    pub config: Config,
}

#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Store(#[from] OutboxError),
    #[error("events cannot be appended")]
    Log(#[from] eventlog::Error),
    #[error("audit entries cannot be appended")]
    Audit(#[from] AuditError),
}

impl OutboxPublisher {
    /// The task that sends; it goes on until the process flushes and the outbox is empty.
    pub fn into_task(self, metrics: Metrics) -> Task {
        Task::new("outbox", move |shutdown| self.run(shutdown, metrics)).until(Stage::Flushing)
    }

    async fn run(self, shutdown: Shutdown, metrics: Metrics) -> TaskResult {
        let age = metrics.gauge(&names::OUTBOX_AGE, &[self.role]);
        let published = metrics.counter(&names::OUTBOX_PUBLISHED, &[self.role]);
        let mut failed = 0;
        loop {
            let flushing = shutdown.stage() >= Stage::Flushing;
            let pause = match self.publish(&published).await {
                Ok(count) if count >= self.config.batch => {
                    failed = 0;
                    continue;
                }
                Ok(0) if flushing => return Ok(()),
                Ok(_) => {
                    failed = 0;
                    if flushing { Duration::ZERO } else { self.config.sweep.0 }
                }
                Err(error) => {
                    failed += 1;
                    warn!(role = self.role, attempt = failed, error = chain(&error), "outgoing events wait");
                    Backoff::FOREVER.wait(failed)
                }
            };
            self.note_age(&age).await;
            self.pause(pause, failed, &shutdown).await;
        }
    }

    /// After a failure a ring does not shorten the wait.
    async fn pause(&self, pause: Duration, failed: u32, shutdown: &Shutdown) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.bell.rung(), if failed == 0 => {}
            () = shutdown.flushing(), if failed == 0 && shutdown.stage() < Stage::Flushing => {}
        }
    }

    async fn publish(&self, published: &Counter) -> Result<usize, PublishError> {
        let batch = self.store.unpublished(self.config.batch).await?;
        let ids: Vec<_> = batch.iter().map(|outgoing| outgoing.envelope.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let mut by_topic: BTreeMap<&'static str, (Topic, Vec<Envelope>)> = BTreeMap::new();
        for Outgoing { topic, envelope } in batch {
            by_topic.entry(topic.name).or_insert_with(|| (topic, Vec::new())).1.push(envelope);
        }
        for (topic, envelopes) in by_topic.into_values() {
            if topic == AUDIT {
                self.producer.record_all(self.entries(envelopes)).await?;
            } else {
                self.append(&topic, &envelopes).await?;
            }
        }
        self.store.mark_published(&ids).await?;
        published.add(ids.len() as u64);
        Ok(ids.len())
    }

    /// In appends that the log takes.
    async fn append(&self, topic: &Topic, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let source = format!("/verbale/{}", self.role);
        let (mut records, mut size) = (Vec::new(), 0);
        for record in envelopes.iter().map(|envelope| to_record(envelope, &source)) {
            if size + record.size() > eventlog::bounds::MAX_BATCH / 2 && !records.is_empty() {
                self.log.append(topic, std::mem::take(&mut records)).await?;
                size = 0;
            }
            size += record.size();
            records.push(record);
        }
        self.log.append(topic, records).await?;
        Ok(())
    }

    /// An envelope that is no entry can only be a fault of ours: told, and left out, so that it does not hold
    /// up all others for ever.
    fn entries(&self, envelopes: Vec<Envelope>) -> Vec<(AuditEntry, Option<kernel::TraceParent>)> {
        let decoded = envelopes.into_iter().filter_map(|envelope| match AuditEntry::decode(&envelope.payload) {
            Ok(entry) => Some((entry, envelope.trace)),
            Err(error) => {
                error!(role = self.role, event = %envelope.id, error = chain(&error), "an outgoing audit entry is malformed");
                None
            }
        });
        decoded.collect()
    }

    async fn note_age(&self, age: &Gauge) {
        let now = self.clock.now();
        match self.store.oldest_unpublished().await {
            Ok(oldest) => {
                let waiting = oldest.map_or(Duration::ZERO, |at| now.since(at));
                age.set(i64::try_from(waiting.as_secs()).unwrap_or(i64::MAX));
            }
            Err(error) => warn!(role = self.role, error = chain(&error), "the outbox's age is not known"),
        }
    }
}

#[cfg(test)]
mod tests;
