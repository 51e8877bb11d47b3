//! The port's calls of a consumer.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use super::KafkaConsumer;
use crate::error::Error;
use crate::kafka::aside::blocking;
use crate::kafka::faults;
use crate::kafka::held::Held;
use crate::log::{Assigned, Consumer, Polled, ReadLimit, TopicPartition};
use crate::session::Standing;

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, limit: ReadLimit, wait: Duration) -> Result<Polled, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let _stay = self.enter()?;
            let looked = self.look();
            let batches = self.read(limit);
            let polled = Polled { batches, ..std::mem::take(&mut self.untold) };
            if !polled.is_empty() {
                // What has been found must be told; what failed is tried again.
                return Ok(polled);
            }
            looked?;
            if Instant::now() >= deadline {
                return Ok(polled);
            }
            self.wait(deadline).await;
        }
    }

    async fn commit(&mut self, at: TopicPartition, next_offset: u64) -> Result<(), Error> {
        let (held, _stay) = self.standing(at)?;
        if next_offset > held.next {
            return Err(Error::NotDelivered { at, asked: next_offset, delivered: held.next });
        }
        let group = self.log.options.named(&self.group);
        let asked = timeout(self.log.options.request_timeout, self.log.fences.current(&group, at));
        let fence = asked.await.map_err(|_elapsed| faults::late("ask for a fence"))??;
        let own = self.held.get(&at).zip(self.member.as_ref()).filter(|_| fence == held.fence);
        let Some((own, member)) = own else { return Err(self.fenced(held)) };
        if own.committed().unwrap_or(0) >= next_offset {
            return Ok(());
        }
        let name = self.log.options.named(at.topic);
        match self.commits.commit(member.consumer.clone(), name, at, next_offset).await? {
            Standing::Holds => {
                self.held.entry(at).and_modify(|own| own.set_committed(next_offset));
                Ok(())
            }
            Standing::Fenced => Err(self.fenced(held)),
        }
    }

    async fn seek(&mut self, at: TopicPartition, offset: u64) -> Result<(), Error> {
        let (_, _stay) = self.standing(at)?;
        let ends = self.log.offsets.ends(at.topic, at.partition..at.partition + 1).await?;
        let high = ends.first().map_or(0, |ends| ends.high);
        if offset > high {
            return Err(Error::BeyondEnd { at, asked: offset, high });
        }
        if let Some((held, member)) = self.held.get_mut(&at).zip(self.member.as_ref()) {
            held.seek(&member.consumer, offset);
        }
        Ok(())
    }

    fn assignment(&self) -> Vec<Assigned> {
        self.held.values().map(Held::assigned).collect()
    }

    async fn leave(mut self: Box<Self>) -> Result<(), Error> {
        let (held, member) = self.part();
        let Some(member) = member else { return Ok(()) };
        blocking("leave a group", move || {
            drop(held);
            member.leave()
        })
        .await
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.retire();
    }
}
