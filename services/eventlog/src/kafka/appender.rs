//! Appending: each call's records go out with an explicit partition, and the call is answered when the
//! brokers have reported on all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kernel::topics::Topic;
use kernel::{Retry, ServiceError};
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::warn;

use super::aside::Client;
use super::faults::{self, unavailable};
use super::message;
use super::options::KafkaOptions;
use crate::error::Error;
use crate::log::Placed;
use crate::record::{Record, partition_of};

const APPEND: &str = "append";
/// What a record takes in the queue beside its bytes.
const RECORD_OVERHEAD: usize = 256;
/// Beyond the time that the library gives a record: it reports each by then.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Appender {
    config: ClientConfig,
    producer: Mutex<Arc<Client<Producer>>>,
    // In KiB: what is under way is bounded here, fairly, and not by the library's queue, which only refuses.
    room: Arc<Semaphore>,
    timeout: Duration,
    // The last append whose end is known was not taken, for want of brokers.
    is_refused: AtomicBool,
}

type Producer = ThreadedProducer<Reports>;

/// Receives the brokers' report on each record.
struct Reports;

/// One append that is under way.
struct Call {
    state: Mutex<State>,
    _room: OwnedSemaphorePermit,
}

struct State {
    placed: Vec<Placed>,
    /// Reports that are still to come.
    left: usize,
    failure: Option<KafkaError>,
    done: Option<oneshot::Sender<Result<Vec<Placed>, KafkaError>>>,
}

/// Which record of which call a report is about.
struct Place(Arc<Call>, usize);

impl Appender {
    pub(super) fn open(options: &KafkaOptions, client: &ClientConfig) -> Result<Self, Error> {
        let config = options.producer(client);
        Ok(Self {
            producer: Mutex::new(Arc::new(Client::new(make(&config)?))),
            config,
            room: Arc::new(Semaphore::new(options.queue_bytes / 1024)),
            timeout: options.append_timeout,
            is_refused: AtomicBool::new(false),
        })
    }

    /// Whether brokers take what is appended, as far as was tried: one that has lost the others, and with them the
    /// quorum, goes on to answer that all are there.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_refused.load(Ordering::Relaxed) {
            let source = "the brokers answer, but did not take what was appended last".into();
            return Err(Error::Unavailable { attempt: APPEND, source });
        }
        Ok(())
    }

    /// Appends to a topic that is there, of this name in the cluster.
    pub(super) async fn append(
        &self,
        topic: &Topic,
        name: &str,
        records: Vec<Record>,
    ) -> Result<Vec<Placed>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let outcome = self.try_append(topic, name, records).await;
        match &outcome {
            Ok(_) => self.is_refused.store(false, Ordering::Relaxed),
            Err(error) if error.retry() == Retry::Backoff => self.is_refused.store(true, Ordering::Relaxed),
            // Wrong in itself: it says nothing of the brokers.
            Err(_) => {}
        }
        outcome
    }

    async fn try_append(
        &self,
        topic: &Topic,
        name: &str,
        records: Vec<Record>,
    ) -> Result<Vec<Placed>, Error> {
        let room = self.room_for(&records).await?;
        let producer = self.producer.lock().clone();
        let reported = send(&producer, topic, name, records, room);
        let outcome = match tokio::time::timeout(self.timeout + GRACE, reported).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_dropped)) => Err(KafkaError::Canceled),
            Err(_elapsed) => return Err(faults::late(APPEND)),
        };
        outcome.map_err(|error| {
            self.replace_if_fatal(&producer);
            self.refusal(topic, error)
        })
    }

    async fn room_for(&self, records: &[Record]) -> Result<OwnedSemaphorePermit, Error> {
        let bytes: usize = records.iter().map(|record| record.size() + RECORD_OVERHEAD).sum();
        let room = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let waited = tokio::time::timeout(self.timeout, self.room.clone().acquire_many_owned(room)).await;
        let full = "as much as may wait for the brokers is waiting";
        let closed =
            |source: Box<dyn std::error::Error + Send + Sync>| Error::Unavailable { attempt: APPEND, source };
        waited.map_err(|_elapsed| closed(full.into()))?.map_err(|error| closed(error.into()))
    }

    /// A producer that lost its place in the brokers' bookkeeping sends nothing any more; another one begins
    /// anew, and what it was given comes again from its caller.
    fn replace_if_fatal(&self, failed: &Arc<Client<Producer>>) {
        let Some((code, reason)) = failed.client().fatal_error() else { return };
        let mut current = self.producer.lock();
        if !Arc::ptr_eq(&current, failed) {
            return;
        }
        warn!(error = %code, reason, "the kafka producer is replaced");
        match make(&self.config) {
            Ok(producer) => *current = Arc::new(Client::new(producer)),
            Err(error) => warn!(error = %error, "the kafka producer could not be replaced"),
        }
    }

    fn refusal(&self, topic: &Topic, error: KafkaError) -> Error {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
                let reason = "its max.message.bytes is below the size of a record".to_owned();
                Error::Unsuited { topic: topic.name.to_owned(), reason }
            }
            Some(_) | None => unavailable(APPEND)(error),
        }
    }
}

fn make(config: &ClientConfig) -> Result<Producer, Error> {
    config.create_with_context(Reports).map_err(unavailable("make a client"))
}

/// Hands the records to the client, in order, and returns what their reports will come to.
fn send(
    producer: &Producer,
    topic: &Topic,
    name: &str,
    records: Vec<Record>,
    room: OwnedSemaphorePermit,
) -> oneshot::Receiver<Result<Vec<Placed>, KafkaError>> {
    let (done, reported) = oneshot::channel();
    let place =
        |record: &Record| Placed { partition: partition_of(&record.key, topic.partitions), offset: 0 };
    let placed: Vec<_> = records.iter().map(place).collect();
    let state = State { left: placed.len(), placed, failure: None, done: Some(done) };
    let call = Arc::new(Call { state: Mutex::new(state), _room: room });
    let count = records.len();
    for (number, record) in records.into_iter().enumerate() {
        let partition = partition_of(&record.key, topic.partitions);
        let mut sent = BaseRecord::with_opaque_to(name, Box::new(Place(call.clone(), number)))
            .partition(i32::try_from(partition).unwrap_or(i32::MAX))
            .key(record.key.as_slice())
            .payload(&record.value[..]);
        if !record.headers.is_empty() {
            sent = sent.headers(message::headers(&record.headers));
        }
        if let Err((error, _)) = producer.send(sent) {
            // Those behind it are not sent either: they would overtake it when it comes again.
            call.report(count - number, |state| state.failure = Some(error));
            break;
        }
    }
    reported
}

impl Call {
    /// Takes reports, and answers the call with the last one.
    fn report(&self, reports: usize, note: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        note(&mut state);
        state.left = state.left.saturating_sub(reports);
        if state.left > 0 {
            return;
        }
        let Some(done) = state.done.take() else { return };
        let outcome = match state.failure.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut state.placed)),
        };
        // Nobody listens where the caller stopped waiting.
        drop(done.send(outcome));
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        faults::log(level, fac, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        faults::report(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Place>;

    fn delivery(&self, result: &DeliveryResult<'_>, place: Self::DeliveryOpaque) {
        let Place(call, number) = *place;
        let offset = match result {
            // It is there from an earlier try, but the broker no longer knows where.
            Ok(message) => u64::try_from(message.offset())
                .map_err(|_| KafkaError::MessageProduction(RDKafkaErrorCode::DuplicateSequenceNumber)),
            Err((error, _)) => Err(error.clone()),
        };
        call.report(1, |state| match offset {
            Ok(offset) => {
                if let Some(placed) = state.placed.get_mut(number) {
                    placed.offset = offset;
                }
            }
            Err(error) => state.failure = Some(error),
        });
    }
}
