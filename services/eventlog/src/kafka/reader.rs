//! Reading without a group: clients with one partition assigned by hand, kept for the next read.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset};
use tokio::sync::Semaphore;

use super::aside::{Client, blocking};
use super::faults::{self, Quiet, unavailable};
use super::options::KafkaOptions;
use super::{message, offsets};
use crate::budget::Budget;
use crate::error::Error;
use crate::log::{ReadLimit, TopicPartition};
use crate::record::Stored;

/// Reads at the same time; others wait.
const READERS: usize = 4;
const READ: &str = "read";

pub(super) struct Reader {
    config: ClientConfig,
    idle: std::sync::Arc<Mutex<Vec<Client<BaseConsumer<Quiet>>>>>,
    turns: Semaphore,
    timeout: Duration,
}

/// What to read: offsets `from..high` of a partition that has them.
pub(super) struct Span {
    pub(super) at: TopicPartition,
    /// The topic's name in the cluster.
    pub(super) name: String,
    pub(super) from: u64,
    pub(super) high: u64,
}

impl Reader {
    pub(super) fn new(options: &KafkaOptions, client: &ClientConfig) -> Self {
        let mut config = options.consumer(client);
        // Never joined: the library wants a group's name before it assigns anything.
        config.set("group.id", options.named("verbale-reader"));
        config.set("auto.offset.reset", "error");
        config.set("enable.partition.eof", "true");
        // What is read is there: a request that finds nothing is one of a read before.
        config.set("fetch.wait.max.ms", "10");
        Self {
            config,
            idle: std::sync::Arc::default(),
            turns: Semaphore::new(READERS),
            timeout: options.request_timeout,
        }
    }

    pub(super) async fn read(&self, span: Span, limit: ReadLimit) -> Result<Vec<Stored>, Error> {
        let turn = tokio::time::timeout(self.timeout, self.turns.acquire()).await;
        let _turn = turn.map_err(|_elapsed| faults::late(READ))?;
        let reader = self.idle.lock().pop();
        let reader = match reader {
            Some(reader) => reader,
            None => {
                let made = self.config.create_with_context(Quiet);
                Client::new(made.map_err(unavailable("make a client"))?)
            }
        };
        let (idle, timeout) = (self.idle.clone(), self.timeout);
        blocking(READ, move || {
            let found = fetch(&reader, &span, limit, Instant::now() + timeout)?;
            reader.unassign().map_err(unavailable(READ))?;
            // One that failed is not kept.
            idle.lock().push(reader);
            Ok(found)
        })
        .await
    }
}

fn fetch(
    reader: &BaseConsumer<Quiet>,
    span: &Span,
    limit: ReadLimit,
    deadline: Instant,
) -> Result<Vec<Stored>, Error> {
    let from = i64::try_from(span.from).map_err(|_| Error::BeyondEnd {
        at: span.at,
        asked: span.from,
        high: span.high,
    })?;
    let partition = span.at.partition;
    let assigned = offsets::list(&span.name, partition..partition + 1, Offset::Offset(from))?;
    reader.assign(&assigned).map_err(unavailable(READ))?;
    let mut budget = Budget::new(limit);
    let mut found: Vec<Stored> = Vec::new();
    let mut next = span.from;
    while next < span.high && budget.records() > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        match reader.poll(left.min(Duration::from_millis(100))) {
            Some(Ok(message)) => {
                let is_ours =
                    message.topic() == span.name && i64::from(partition) == i64::from(message.partition());
                let Some(record) =
                    message::stored(&message).filter(|record| is_ours && record.offset >= next)
                else {
                    continue;
                };
                if !budget.takes(record.size()) {
                    break;
                }
                next = record.offset + 1;
                found.push(record);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) if error.rdkafka_error_code().is_some_and(faults::is_passing) => {}
            Some(Err(error)) => return Err(refusal(span, error)),
            None => {}
        }
        if Instant::now() >= deadline {
            return if found.is_empty() { Err(faults::late(READ)) } else { Ok(found) };
        }
    }
    Ok(found)
}

fn refusal(span: &Span, error: KafkaError) -> Error {
    match error.rdkafka_error_code() {
        // Deleted since its ends were asked for.
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
            Error::Gone { at: span.at, asked: span.from, low: span.from.saturating_add(1) }
        }
        Some(_) | None => unavailable(READ)(error),
    }
}
