//! Taking what a rebalance gave: raise the fences, ask where the group stands, begin there.
//!
//! In this order: who held a partition before can no longer commit once its fence is raised, so the offset
//! that is asked for then is the last one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;

use super::aside::blocking;
use super::faults::{self, unavailable};
use super::member::{Joined, Rebalances};
use super::offsets;
use crate::error::Error;
use crate::fences::Fences;
use crate::log::{Assigned, TopicPartition};

const TAKE: &str = "take partitions over";

/// A partition that this member holds from now on.
pub(super) struct Won {
    pub(super) assigned: Assigned,
    /// The group's offset; `None` where it never committed.
    pub(super) committed: Option<u64>,
    pub(super) queue: PartitionQueue<Rebalances>,
}

/// What taking needs of the consumer.
pub(super) struct Winning {
    pub(super) consumer: Arc<Joined>,
    pub(super) bell: Arc<Notify>,
    pub(super) fences: Arc<dyn Fences>,
    /// The group's name in the cluster.
    pub(super) group: String,
    /// The topics by their names in the cluster.
    pub(super) topics: Arc<HashMap<String, &'static str>>,
    pub(super) timeout: Duration,
}

impl Winning {
    /// Takes all of what was given; nothing where that fails, and then it waits to be tried again.
    pub(super) async fn take(self, given: TopicPartitionList) -> Result<Vec<Won>, Error> {
        let places: Vec<_> =
            given.elements().iter().map(|own| self.place(own.topic(), own.partition())).collect();
        let raised = places.iter().map(|place| self.raise(*place));
        let raised = tokio::time::timeout(self.timeout, try_join_all(raised)).await;
        let fences = raised.map_err(|_elapsed| faults::late(TAKE))??;
        blocking(TAKE, move || self.begin(&given, &places, &fences)).await
    }

    fn place(&self, topic: &str, partition: i32) -> Option<TopicPartition> {
        let topic = self.topics.get(topic)?;
        Some(TopicPartition { topic, partition: u32::try_from(partition).ok()? })
    }

    async fn raise(&self, place: Option<TopicPartition>) -> Result<u64, Error> {
        match place {
            Some(at) => self.fences.raise(&self.group, at).await,
            // None of our topics; a group that others share by mistake.
            None => Ok(0),
        }
    }

    fn begin(
        &self,
        given: &TopicPartitionList,
        places: &[Option<TopicPartition>],
        fences: &[u64],
    ) -> Result<Vec<Won>, Error> {
        let committed = offsets::committed(&*self.consumer, given, self.timeout)?;
        let mut begun = TopicPartitionList::with_capacity(given.count());
        for (own, next) in given.elements().iter().zip(&committed) {
            let next = next.map(|next| Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX)));
            begun
                .add_partition_offset(own.topic(), own.partition(), next.unwrap_or(Offset::Beginning))
                .map_err(unavailable(TAKE))?;
        }
        if self.consumer.context().take_won().is_none() {
            // It is leaving.
            return Ok(Vec::new());
        }
        self.consumer.incremental_assign(&begun).map_err(unavailable(TAKE))?;
        let elements = begun.elements();
        let won = elements.iter().zip(places).zip(fences.iter().zip(committed));
        let won = won.filter_map(|((own, at), (fence, committed))| {
            let assigned = Assigned { at: (*at)?, fence: *fence, next: committed.unwrap_or(0) };
            let queue = self.consumer.split_partition_queue(own.topic(), own.partition());
            Some((assigned, committed, queue))
        });
        won.map(|(assigned, committed, queue)| {
            // Without a queue of its own a busy partition would starve the others.
            let mut queue = queue.ok_or_else(|| faults::late(TAKE))?;
            let rung = self.bell.clone();
            queue.set_nonempty_callback(move || rung.notify_one());
            Ok(Won { assigned, committed, queue })
        })
        .collect()
    }
}
