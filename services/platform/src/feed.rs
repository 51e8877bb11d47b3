//! Following a topic as one of a group: record by record, in order, each one until it is taken.
//!
//! An offset passes once every record below it was taken. One that fails keeps those behind it, is read again from the
//! log after a while, and may come twice: whoever takes it must not mind.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Batch, Consumer, Error, EventLog, ReadLimit, Stored};
use kernel::chain;
use kernel::topics::Topic;
use tracing::{info, warn};

use crate::drain::{Shutdown, Stage};
use crate::retry::Backoff;

/// How much is read at once.
const LIMIT: ReadLimit = ReadLimit { records: 256, bytes: 4 << 20 };
/// How long a poll waits for something.
const WAIT: Duration = Duration::from_millis(500);

/// Takes records, one after the other.
#[async_trait]
pub trait Take: Send + Sync + 'static {
    /// Why one cannot be taken now.
    type Error: StdError + Send + Sync + 'static;
    /// Takes a record. What cannot be taken at any time is to be passed over, with a word in the log: an error comes again.
    async fn take(&self, record: &Stored) -> Result<(), Self::Error>;
}

/// A topic, and the group that shares its partitions.
#[derive(Clone)]
pub struct Feed {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The group.
    pub group: &'static str,
    /// The topic.
    pub topic: Topic,
}

impl Feed {
    /// Has everything taken, until the process drains.
    pub async fn follow<T: Take>(&self, taker: &T, shutdown: &Shutdown) {
        let mut failures = 0;
        while shutdown.stage() < Stage::Draining {
            let Err(error) = self.session(taker, shutdown).await else { return };
            failures += 1;
            let (topic, error) = (self.topic.name, chain(&error));
            warn!(topic, attempt = failures, error, "a topic cannot be consumed for now");
            rest(failures, shutdown).await;
        }
    }

    async fn session<T: Take>(&self, taker: &T, shutdown: &Shutdown) -> Result<(), Error> {
        let mut member = self.log.consumer(self.group, &[self.topic]).await?;
        let mut failures = 0;
        while shutdown.stage() < Stage::Draining {
            tokio::select! {
                biased;
                () = shutdown.draining() => break,
                taken = self.turn(member.as_mut(), taker) => {
                    failures = if taken? { 0 } else { failures + 1 };
                }
            }
            if failures > 0 {
                rest(failures, shutdown).await;
            }
        }
        member.leave().await
    }

    /// One poll and what follows from it; whether all of it was taken.
    async fn turn<T: Take>(&self, member: &mut dyn Consumer, taker: &T) -> Result<bool, Error> {
        let polled = member.poll(LIMIT, WAIT).await?;
        for won in &polled.assigned {
            info!(
                topic = self.topic.name,
                partition = won.at.partition,
                next = won.next,
                "a partition is ours"
            );
        }
        let mut all = true;
        for batch in polled.batches {
            all &= self.take(member, batch, taker).await?;
        }
        Ok(all)
    }

    async fn take<T: Take>(&self, member: &mut dyn Consumer, batch: Batch, taker: &T) -> Result<bool, Error> {
        let Batch { at, records } = batch;
        let mut next = records.first().map_or(0, |record| record.offset);
        let mut all = true;
        for record in &records {
            if let Err(error) = taker.take(record).await {
                let (topic, partition, error) = (self.topic.name, at.partition, chain(&error));
                warn!(topic, partition, next, error, "a record waits to be taken, and those behind it");
                member.seek(at, next).await?;
                all = false;
                break;
            }
            next = record.offset.saturating_add(1);
        }
        match member.commit(at, next).await {
            Ok(()) => {}
            Err(Error::Fenced { .. }) => {
                warn!(topic = self.topic.name, partition = at.partition, "a partition was taken over");
            }
            Err(error) => return Err(error),
        }
        Ok(all)
    }
}

async fn rest(failures: u32, shutdown: &Shutdown) {
    tokio::select! {
        () = tokio::time::sleep(Backoff::FOREVER.wait(failures)) => {}
        () = shutdown.draining() => {}
    }
}

#[cfg(test)]
mod tests;
