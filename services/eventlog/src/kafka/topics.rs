//! Topics: made where they are missing, looked at once before they are used, and what an append to each
//! survives.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::topics::Topic;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataPartition;
use rdkafka::{ClientConfig, Offset};
use tokio::time::Instant;
use tracing::info;

use super::aside::{Client, blocking};
use super::faults::{self, Quiet, unavailable};
use super::offsets;
use super::options::KafkaOptions;
use super::suited::{self, Settings};
use crate::error::Error;
use crate::log::{Durability, TopicPartition};

/// How long an answer about a topic's durability is given again without asking.
const DURABILITY_AGE: Duration = Duration::from_secs(30);
/// How often a topic that was just made is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Topics {
    options: KafkaOptions,
    admin: Client<AdminClient<Quiet>>,
    control: Arc<Client<BaseConsumer<Quiet>>>,
    known: Mutex<HashMap<&'static str, Known>>,
    // Topics are made one at a time, so that those who wait for the same one find it made.
    making: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Known {
    partitions: u32,
    durability: Durability,
    seen: Instant,
}

/// What the brokers say of a topic's partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Shape {
    partitions: u32,
    /// Of the partition that has the fewest.
    replicas: u16,
    in_sync: u16,
    has_leaders: bool,
}

impl Topics {
    pub(super) fn open(
        options: &KafkaOptions,
        client: &ClientConfig,
        control: Arc<Client<BaseConsumer<Quiet>>>,
    ) -> Result<Self, Error> {
        let admin = client.create_with_context(Quiet).map_err(unavailable("make a client"))?;
        Ok(Self {
            options: options.clone(),
            admin: Client::new(admin),
            control,
            known: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        })
    }

    /// Makes sure that the topic is there and as the log needs it; asks the cluster the first time only.
    pub(super) async fn ensure(&self, topic: &Topic) -> Result<(), Error> {
        self.known(topic).await.map(drop)
    }

    /// What an append to the topic survives, as the cluster said within the last half minute.
    pub(super) async fn durability(&self, topic: &Topic) -> Result<Durability, Error> {
        let known = self.known(topic).await?;
        if known.seen.elapsed() < DURABILITY_AGE {
            return Ok(known.durability);
        }
        let _one = self.making.lock().await;
        let shape = self.shape(topic.name).await?;
        let shape = shape
            .ok_or_else(|| faults::refused("find a topic", RDKafkaErrorCode::UnknownTopicOrPartition))?;
        Ok(self.look(topic, shape).await?.durability)
    }

    /// Deletes what is below an offset that the partition has.
    pub(super) async fn delete_before(&self, at: TopicPartition, offset: u64) -> Result<(), Error> {
        const ATTEMPT: &str = "delete records";
        let next = i64::try_from(offset).unwrap_or(i64::MAX);
        let range = at.partition..at.partition + 1;
        let list = offsets::list(&self.options.named(at.topic), range, Offset::Offset(next))?;
        let options = AdminOptions::new().request_timeout(Some(self.options.request_timeout));
        let deleted = self.admin.delete_records(&list, &options).await.map_err(unavailable(ATTEMPT))?;
        let refused = deleted.elements().iter().find_map(|own| own.error().err());
        refused.map_or(Ok(()), |error| Err(unavailable(ATTEMPT)(error)))
    }

    /// Whether the brokers answer, and every topic used so far has a leader and enough replicas in sync.
    pub(super) async fn check(&self) -> Result<(), Error> {
        let mut used: Vec<_> = self.known.lock().iter().map(|(name, known)| (*name, *known)).collect();
        used.sort_by_key(|(name, _)| *name);
        if used.is_empty() {
            // Whether it is there is not asked: an answer is an answer.
            return self.shape(kernel::topics::AUDIT.name).await.map(drop);
        }
        for (name, known) in used {
            let unsuited =
                |reason: &str| Err(Error::Unavailable { attempt: "append", source: reason.into() });
            match self.shape(name).await? {
                None => return unsuited("a topic is gone"),
                Some(shape) if !shape.has_leaders => return unsuited("a partition has no leader"),
                Some(shape) if shape.in_sync < known.durability.min_in_sync => {
                    return unsuited("a partition has too few replicas in sync");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn known(&self, topic: &Topic) -> Result<Known, Error> {
        if let Some(known) = self.remembered(topic)? {
            return Ok(known);
        }
        let _one = self.making.lock().await;
        match self.remembered(topic)? {
            Some(known) => Ok(known),
            None => {
                let shape = self.make(topic).await?;
                self.look(topic, shape).await
            }
        }
    }

    fn remembered(&self, topic: &Topic) -> Result<Option<Known>, Error> {
        let known = self.known.lock().get(topic.name).copied();
        if let Some(known) = known {
            suited::same_partitions(topic, known.partitions)?;
        }
        Ok(known)
    }

    /// Asks the cluster what the topic is set to, refuses it where the log cannot use it, and remembers.
    async fn look(&self, topic: &Topic, shape: Shape) -> Result<Known, Error> {
        suited::same_partitions(topic, shape.partitions)?;
        let settings = self.settings(topic).await?;
        let durability =
            Durability { replication: shape.replicas, min_in_sync: settings.min_in_sync, only_log: false };
        suited::check(topic, &settings, durability, self.options.accept_weak)?;
        let known = Known { partitions: shape.partitions, durability, seen: Instant::now() };
        self.known.lock().insert(topic.name, known);
        Ok(known)
    }

    /// Makes the topic where it is missing, and waits until every partition has a leader. What was seen then is
    /// the answer: of several brokers the next one that is asked may not have heard of the topic yet.
    async fn make(&self, topic: &Topic) -> Result<Shape, Error> {
        let deadline = Instant::now() + self.options.request_timeout;
        if self.shape(topic.name).await?.is_none() {
            self.create(topic).await?;
        }
        loop {
            if let Some(shape) = self.shape(topic.name).await?.filter(|shape| shape.has_leaders) {
                return Ok(shape);
            }
            if Instant::now() >= deadline {
                return Err(faults::late("see a topic's leaders"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn create(&self, topic: &Topic) -> Result<(), Error> {
        let name = self.options.named(topic.name);
        let settings = suited::settings_of(topic, self.options.min_in_sync);
        let partitions = i32::try_from(topic.partitions)
            .map_err(|_| Error::Invalid { what: "number of partitions", reason: "is too large" })?;
        let replication = TopicReplication::Fixed(i32::from(self.options.replication));
        let new = settings
            .iter()
            .fold(NewTopic::new(&name, partitions, replication), |new, (key, value)| new.set(key, value));
        let limit = Some(self.options.request_timeout);
        let options = AdminOptions::new().request_timeout(limit).operation_timeout(limit);
        let results =
            self.admin.create_topics([&new], &options).await.map_err(unavailable("make a topic"))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, RDKafkaErrorCode::InvalidReplicationFactor))) => Err(Error::Unsuited {
                topic: name,
                reason: format!(
                    "it cannot be made with {} replicas: too few brokers",
                    self.options.replication
                ),
            }),
            Some(Err((_, code))) => Err(faults::refused("make a topic", code)),
            Some(Ok(_)) | None => {
                info!(topic = name, partitions, replicas = self.options.replication, "a topic was made");
                Ok(())
            }
        }
    }

    /// The topic's partitions, asked for now; `None` where there is no such topic.
    async fn shape(&self, topic: &'static str) -> Result<Option<Shape>, Error> {
        const ATTEMPT: &str = "ask for a topic";
        let (control, timeout) = (self.control.clone(), self.options.request_timeout);
        let name = self.options.named(topic);
        blocking(ATTEMPT, move || {
            let metadata = control.fetch_metadata(Some(&name), timeout).map_err(unavailable(ATTEMPT))?;
            let Some(found) = metadata.topics().iter().find(|found| found.name() == name) else {
                return Ok(None);
            };
            match found.error().map(RDKafkaErrorCode::from) {
                Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
                // As long as it is being made.
                Some(RDKafkaErrorCode::LeaderNotAvailable) | None => Ok(shape(found.partitions())),
                Some(code) => Err(faults::refused(ATTEMPT, code)),
            }
        })
        .await
    }

    /// The topic's settings. A broker that has not heard of the topic yet has none to tell: where there are several,
    /// that may be the one that is asked right after the topic was made.
    async fn settings(&self, topic: &Topic) -> Result<Settings, Error> {
        let deadline = Instant::now() + self.options.request_timeout;
        loop {
            if let Some(settings) = self.settings_now(topic).await? {
                return Ok(settings);
            }
            if Instant::now() >= deadline {
                return Err(faults::late("read a topic's settings"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn settings_now(&self, topic: &Topic) -> Result<Option<Settings>, Error> {
        const ATTEMPT: &str = "read a topic's settings";
        let name = self.options.named(topic.name);
        let options = AdminOptions::new().request_timeout(Some(self.options.request_timeout));
        let asked = [ResourceSpecifier::Topic(&name)];
        let answers = self.admin.describe_configs(&asked, &options).await.map_err(unavailable(ATTEMPT))?;
        let answer = answers.into_iter().next().ok_or_else(|| unavailable(ATTEMPT)(KafkaError::Canceled))?;
        let answer = match answer {
            Ok(answer) if answer.entries.is_empty() => return Ok(None),
            Err(RDKafkaErrorCode::UnknownTopicOrPartition) => return Ok(None),
            answer => answer.map_err(|code| faults::refused(ATTEMPT, code))?,
        };
        let settings = Settings::read(|key| answer.get(key).and_then(|entry| entry.value.as_deref()));
        let unread =
            || Error::Unsuited { topic: name.clone(), reason: "its settings cannot be read".to_owned() };
        settings.map(Some).ok_or_else(unread)
    }
}

fn shape(partitions: &[MetadataPartition]) -> Option<Shape> {
    let count = |list: &[i32]| u16::try_from(list.len()).unwrap_or(u16::MAX);
    Some(Shape {
        partitions: u32::try_from(partitions.len()).ok()?,
        replicas: partitions.iter().map(|own| count(own.replicas())).min().unwrap_or(0),
        in_sync: partitions.iter().map(|own| count(own.isr())).min().unwrap_or(0),
        has_leaders: !partitions.is_empty() && partitions.iter().all(|own| own.leader() >= 0),
    })
}
