//! The adapter for Apache Kafka: appends that all in-sync replicas have before they are answered, groups
//! with cooperative rebalance, fences from a store of ours.
//!
//! [`KafkaLog`] is the port. `options` turns configuration into client settings, `topics` makes topics and
//! looks at them (`suited` says what makes one unfit), `appender` appends, `reader` reads without a group,
//! `offsets` asks for ends and commits. A `consumer` polls a `member` of the group, which `presence` watches;
//! `winning` takes partitions over, `held` reads one, `commits` commits. `message` and `faults` translate. `bare` is
//! for benches alone.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::topics::Topic;
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

use self::appender::Appender;
use self::aside::Client;
use self::consumer::KafkaConsumer;
use self::faults::{Quiet, unavailable};
use self::offsets::Offsets;
use self::reader::{Reader, Span};
use self::topics::Topics;
use crate::bounds;
use crate::error::Error;
use crate::fences::Fences;
use crate::log::{Consumer, Durability, Ends, EventLog, Placed, ReadLimit, TopicPartition};
use crate::record::{Record, Stored};

mod appender;
mod aside;
mod bare;
mod commits;
mod consumer;
mod faults;
mod held;
mod member;
mod message;
mod offsets;
mod options;
mod presence;
mod reader;
mod suited;
mod topics;
mod winning;

pub use self::bare::BareProducer;
pub use self::options::{Identity, KafkaOptions, Mechanism, Security};

/// An event log in a Kafka cluster; clones share its connections.
#[derive(Clone)]
pub struct KafkaLog(Arc<Inner>);

struct Inner {
    options: KafkaOptions,
    client: ClientConfig,
    fences: Arc<dyn Fences>,
    topics: Topics,
    appender: Appender,
    reader: Reader,
    offsets: Offsets,
}

impl KafkaLog {
    /// Makes ready; nothing is asked of the cluster before the first call.
    pub fn open(options: KafkaOptions, fences: Arc<dyn Fences>) -> Result<Self, Error> {
        options.check()?;
        let client = options.client()?;
        let control = options.consumer(&client).create_with_context(Quiet);
        let control: BaseConsumer<Quiet> = control.map_err(unavailable("make a client"))?;
        let control = Arc::new(Client::new(control));
        Ok(Self(Arc::new(Inner {
            topics: Topics::open(&options, &client, control.clone())?,
            appender: Appender::open(&options, &client)?,
            reader: Reader::new(&options, &client),
            offsets: Offsets::new(&options, &client, control),
            fences,
            options,
            client,
        })))
    }

    /// Makes the topics that are missing and looks at those that are there, which any call would do for its
    /// own: at start, so that what is unfit is known then.
    pub async fn ensure(&self, topics: &[Topic]) -> Result<(), Error> {
        for topic in topics {
            self.0.topics.ensure(topic).await?;
        }
        Ok(())
    }

    async fn ends_of(&self, topic: &Topic, at: TopicPartition) -> Result<Ends, Error> {
        let ends = self.0.offsets.ends(topic.name, at.partition..at.partition + 1).await?;
        ends.first().copied().ok_or(Error::NoPartition { at, partitions: topic.partitions })
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error> {
        bounds::check_append(&records)?;
        self.0.topics.ensure(topic).await?;
        self.0.appender.append(topic, &self.0.options.named(topic.name), records).await
    }

    async fn durability(&self, topic: &Topic) -> Result<Durability, Error> {
        self.0.topics.durability(topic).await
    }

    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error> {
        let at = bounds::check_partition(topic, partition)?;
        self.0.topics.ensure(topic).await?;
        let ends = self.ends_of(topic, at).await?;
        if from < ends.low {
            return Err(Error::Gone { at, asked: from, low: ends.low });
        }
        if from >= ends.high {
            return if from == ends.high { Ok(Vec::new()) } else { Err(beyond(at, from, ends)) };
        }
        let span = Span { at, name: self.0.options.named(topic.name), from, high: ends.high };
        match self.0.reader.read(span, limit).await {
            // Deleted meanwhile.
            Err(Error::Gone { .. }) => {
                Err(Error::Gone { at, asked: from, low: self.ends_of(topic, at).await?.low })
            }
            read => read,
        }
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error> {
        self.0.topics.ensure(topic).await?;
        self.0.offsets.ends(topic.name, 0..topic.partitions).await
    }

    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error> {
        let at = bounds::check_partition(topic, partition)?;
        self.0.topics.ensure(topic).await?;
        let ends = self.ends_of(topic, at).await?;
        if offset > ends.high {
            return Err(beyond(at, offset, ends));
        }
        if offset <= ends.low {
            return Ok(());
        }
        self.0.topics.delete_before(at, offset).await
    }

    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        bounds::check_group(group)?;
        self.0.topics.ensure(topic).await?;
        self.0.offsets.committed(group, topic).await
    }

    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error> {
        bounds::check_group(group)?;
        self.ensure(topics).await?;
        Ok(Box::new(KafkaConsumer::new(self.0.clone(), group, topics)))
    }

    async fn check(&self) -> Result<(), Error> {
        self.0.topics.check().await?;
        self.0.appender.check()
    }
}

fn beyond(at: TopicPartition, asked: u64, ends: Ends) -> Error {
    Error::BeyondEnd { at, asked, high: ends.high }
}

#[cfg(test)]
mod tests;
