//! The client library's own producer with nothing of ours around it: the limit that benches measure appends against.

use std::time::Duration;

use kernel::topics::Topic;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::faults::unavailable;
use super::options::KafkaOptions;
use crate::error::Error;
use crate::record::partition_of;

/// Keys that records are sent under, in turn.
const KEYS: u64 = 1_000;

/// A producer with the settings of appends: idempotent, `acks=all`, the same waits.
pub struct BareProducer {
    producer: BaseProducer<Failures>,
    topic: String,
    partitions: u32,
}

/// The first record that did not get there.
#[derive(Default)]
struct Failures(Mutex<Option<KafkaError>>);

impl BareProducer {
    /// For a topic that is there.
    pub fn open(options: &KafkaOptions, topic: &Topic) -> Result<Self, Error> {
        let config = options.producer(&options.client()?);
        let producer =
            config.create_with_context(Failures::default()).map_err(unavailable("make a client"))?;
        Ok(Self { producer, topic: options.named(topic.name), partitions: topic.partitions })
    }

    /// Sends so many records with this value, and returns when the brokers have reported on all of them. Blocks.
    pub fn send(&self, records: u64, value: &[u8]) -> Result<(), Error> {
        for number in 0..records {
            self.enqueue(number, value)?;
        }
        // Its own flush looks every 100 ms only.
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
        }
        let failed = self.producer.client().context().0.lock().take();
        failed.map_or(Ok(()), |error| Err(unavailable("append")(error)))
    }

    fn enqueue(&self, number: u64, value: &[u8]) -> Result<(), Error> {
        let key = format!("recording-{}", number % KEYS);
        let partition = partition_of(key.as_bytes(), self.partitions);
        let mut record = BaseRecord::to(&self.topic)
            .partition(i32::try_from(partition).unwrap_or(i32::MAX))
            .key(&key)
            .payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                // Full: reports make room.
                Err((error, back)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    self.producer.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => return Err(unavailable("append")(error)),
            }
        }
    }
}

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().get_or_insert_with(|| error.clone());
        }
    }
}
