//! Ends of partitions and committed offsets, asked for without joining a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::topics::Topic;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::aside::{Client, blocking};
use super::faults::{self, Quiet, unavailable};
use super::options::KafkaOptions;
use crate::error::Error;
use crate::log::Ends;

/// Groups whose client is kept for the next question.
const GROUPS: usize = 8;
/// How long to wait before the cluster is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

pub(super) struct Offsets {
    options: KafkaOptions,
    client: ClientConfig,
    control: Arc<Client<BaseConsumer<Quiet>>>,
    groups: Mutex<BTreeMap<String, Arc<Client<BaseConsumer<Quiet>>>>>,
}

impl Offsets {
    pub(super) fn new(
        options: &KafkaOptions,
        client: &ClientConfig,
        control: Arc<Client<BaseConsumer<Quiet>>>,
    ) -> Self {
        let client = options.consumer(client);
        Self { options: options.clone(), client, control, groups: Mutex::default() }
    }

    /// The ends of these partitions of a topic that is there, in their order.
    pub(super) async fn ends(
        &self,
        topic: &'static str,
        partitions: std::ops::Range<u32>,
    ) -> Result<Vec<Ends>, Error> {
        let (control, timeout) = (self.control.clone(), self.options.request_timeout);
        let name = self.options.named(topic);
        blocking(ENDS, move || {
            let deadline = Instant::now() + timeout;
            // The low end first: it may rise meanwhile, but never above the high end that is asked for then.
            let low = end(&control, &name, partitions.clone(), Offset::Beginning, deadline)?;
            let high = end(&control, &name, partitions.clone(), Offset::End, deadline)?;
            let ends = partitions.zip(low.into_iter().zip(high));
            Ok(ends.map(|(partition, (low, high))| Ends { partition, low, high }).collect())
        })
        .await
    }

    /// The group's committed offsets in all partitions of the topic, in order.
    pub(super) async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        let client = self.client_of(group)?;
        let timeout = self.options.request_timeout;
        let (name, partitions) = (self.options.named(topic.name), 0..topic.partitions);
        blocking(COMMITTED, move || {
            let committed = committed(&client, &list(&name, partitions, Offset::Invalid)?, timeout)?;
            Ok(committed.into_iter().map(|next| next.unwrap_or(0)).collect())
        })
        .await
    }

    fn client_of(&self, group: &str) -> Result<Arc<Client<BaseConsumer<Quiet>>>, Error> {
        let mut groups = self.groups.lock();
        if let Some(client) = groups.get(group) {
            return Ok(client.clone());
        }
        if groups.len() >= GROUPS {
            groups.pop_first();
        }
        let mut config = self.client.clone();
        config.set("group.id", self.options.named(group));
        let client = config.create_with_context(Quiet).map_err(unavailable("make a client"))?;
        let client: Arc<Client<BaseConsumer<Quiet>>> = Arc::new(Client::new(client));
        groups.insert(group.to_owned(), client.clone());
        Ok(client)
    }
}

const ENDS: &str = "ask for the ends of a topic";
const COMMITTED: &str = "ask for committed offsets";

/// The committed offsets of this client's group for the partitions listed, in their order; `None` where it
/// never committed.
pub(super) fn committed<C: rdkafka::consumer::ConsumerContext>(
    client: &BaseConsumer<C>,
    asked: &TopicPartitionList,
    timeout: Duration,
) -> Result<Vec<Option<u64>>, Error> {
    let ask = |left: Duration| client.committed_offsets(asked.clone(), left);
    let found = insist(COMMITTED, Instant::now() + timeout, ask)?;
    Ok(found.elements().iter().map(|own| offset(own.offset())).collect())
}

fn end(
    control: &BaseConsumer<Quiet>,
    name: &str,
    partitions: std::ops::Range<u32>,
    which: Offset,
    deadline: Instant,
) -> Result<Vec<u64>, Error> {
    let asked = list(name, partitions, which)?;
    // Where a time is asked for, these two mean the ends: one request for all the partitions of a broker.
    let found = insist(ENDS, deadline, |left| control.offsets_for_times(asked.clone(), left))?;
    let offsets = found.elements().iter().map(|own| offset(own.offset())).collect::<Option<Vec<_>>>();
    offsets.ok_or_else(|| Error::Damaged(format!("the ends of {name} are no offsets")))
}

/// Asks until nothing is wrong that passes by itself, or the time is over.
fn insist(
    attempt: &'static str,
    deadline: Instant,
    ask: impl Fn(Duration) -> KafkaResult<TopicPartitionList>,
) -> Result<TopicPartitionList, Error> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let found = ask(left).and_then(|found| {
            let refused = found.elements().iter().find_map(|own| own.error().err());
            refused.map_or(Ok(found), Err)
        });
        match found {
            Ok(found) => return Ok(found),
            Err(error) => {
                let passes = error.rdkafka_error_code().is_some_and(faults::is_passing);
                if !passes || Instant::now() + ASK_AGAIN >= deadline {
                    return Err(unavailable(attempt)(error));
                }
                std::thread::sleep(ASK_AGAIN);
            }
        }
    }
}

/// Partitions of a topic, each with this offset.
pub(super) fn list(
    name: &str,
    partitions: std::ops::Range<u32>,
    offset: Offset,
) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        list.add_partition_offset(name, partition, offset).map_err(unavailable("name a partition"))?;
    }
    Ok(list)
}

fn offset(found: Offset) -> Option<u64> {
    match found {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        Offset::Beginning | Offset::End | Offset::Stored | Offset::Invalid | Offset::OffsetTail(_) => None,
    }
}
