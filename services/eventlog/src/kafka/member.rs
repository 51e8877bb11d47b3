//! A member of a Kafka group: the client that joined, what its rebalances came to, and how it leaves.
//!
//! The library tells of a rebalance as an event among the records, met when they are polled. What is taken
//! away is given up there and then, which is within a poll of the consumer's owner. What is given waits
//! unanswered until the owner has raised its fences (see [`super::winning`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::aside::aside;
use super::faults::{self, unavailable};
use super::presence::Presence;
use crate::error::Error;

pub(super) type Joined = BaseConsumer<Rebalances>;

pub(super) struct Member {
    pub(super) consumer: Arc<Joined>,
    pub(super) presence: Arc<Presence>,
    /// Rings when there is something to poll.
    pub(super) bell: Arc<Notify>,
    /// How long leaving may take.
    patience: Duration,
    // Ends with the member.
    _watch: JoinSet<()>,
}

/// Receives rebalances, on the thread that polls.
#[derive(Default)]
pub(super) struct Rebalances {
    lost: Mutex<VecDeque<(String, i32)>>,
    won: Mutex<Option<TopicPartitionList>>,
    is_leaving: AtomicBool,
    // Events that a poll consumed: it returns nothing for them, though records may be behind.
    events: AtomicU64,
}

impl Member {
    /// Joins; the first rebalance comes by polling.
    pub(super) fn join(
        config: &ClientConfig,
        topics: &[String],
        session_timeout: Duration,
        patience: Duration,
    ) -> Result<Self, Error> {
        let bell = Arc::new(Notify::new());
        let consumer = config.create_with_context(Rebalances::default());
        let mut consumer: Joined = consumer.map_err(unavailable("make a client"))?;
        let rung = bell.clone();
        consumer.set_nonempty_callback(move || rung.notify_one());
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(unavailable("join a group"))?;
        let consumer = Arc::new(consumer);
        let presence = Presence::new(session_timeout);
        let mut watch = JoinSet::new();
        let (watched, missed) = (consumer.clone(), presence.clone());
        watch.spawn(async move {
            missed.missed().await;
            warn!("a kafka consumer that showed no life leaves its group");
            aside(move || drop(leave(&watched, patience)));
        });
        Ok(Self { consumer, presence, bell, patience, _watch: watch })
    }

    /// Leaves; waits for it.
    pub(super) fn leave(&self) -> Result<(), Error> {
        leave(&self.consumer, self.patience)
    }
}

/// Gives up what is held and says goodbye, within the time.
fn leave(consumer: &Joined, patience: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + patience;
    let context = consumer.context();
    context.is_leaving.store(true, Ordering::SeqCst);
    // What was given has to be taken before it can be given up.
    if let Some(won) = context.take_won() {
        consumer.incremental_assign(&won).map_err(unavailable(LEAVE))?;
    }
    if let Err(error) = consumer.close_queue() {
        // Its watch was first.
        debug!(error = %error, "a kafka consumer is leaving already");
    }
    while !consumer.closed() {
        if Instant::now() >= deadline {
            return Err(faults::late(LEAVE));
        }
        drop(consumer.poll(Duration::from_millis(50)));
    }
    Ok(())
}

const LEAVE: &str = "leave a group";

impl Rebalances {
    /// What was taken away since the last time.
    pub(super) fn take_lost(&self) -> VecDeque<(String, i32)> {
        std::mem::take(&mut self.lost.lock())
    }

    /// What was given and not yet answered.
    pub(super) fn won(&self) -> Option<TopicPartitionList> {
        self.won.lock().clone()
    }

    /// The same, to answer it: only one can.
    pub(super) fn take_won(&self) -> Option<TopicPartitionList> {
        self.won.lock().take()
    }

    /// Rises with every event that a poll consumed.
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::SeqCst)
    }

    fn count(&self) {
        self.events.fetch_add(1, Ordering::SeqCst);
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        self.count();
        faults::log(level, fac, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        faults::report(&error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn rebalance(&self, consumer: &Joined, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        self.count();
        let answered = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let answers_itself = partitions.count() == 0 || self.is_leaving.load(Ordering::SeqCst);
                if answers_itself {
                    consumer.incremental_assign(partitions)
                } else {
                    *self.won.lock() = Some(partitions.clone());
                    Ok(())
                }
            }
            // Taken away, in order or because the session ended.
            _ => {
                let elements = partitions.elements();
                self.lost.lock().extend(elements.iter().map(|own| (own.topic().to_owned(), own.partition())));
                consumer.incremental_unassign(partitions)
            }
        };
        if let Err(error) = answered {
            warn!(error = %error, "a rebalance of a kafka group could not be answered");
        }
    }
}
