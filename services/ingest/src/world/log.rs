//! A log that can be full, or silent, and that counts as durable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Consumer, Durability, Ends, Error, EventLog, MemoryLog, Placed, ReadLimit, Record, Stored};
use kernel::ManualClock;
use kernel::topics::Topic;
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct TestLog {
    inner: MemoryLog,
    full: Arc<watch::Sender<bool>>,
    silent: Arc<watch::Sender<bool>>,
    refused: Arc<watch::Sender<u64>>,
}

impl TestLog {
    pub(crate) fn new(clock: ManualClock) -> Self {
        Self::with(clock, Durability { replication: 1, min_in_sync: 1, only_log: true })
    }

    pub(crate) fn with(clock: ManualClock, durability: Durability) -> Self {
        let inner = MemoryLog::with(Arc::new(clock), durability, Duration::from_secs(30));
        Self {
            inner,
            full: Arc::new(watch::Sender::new(false)),
            silent: Arc::new(watch::Sender::new(false)),
            refused: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Appends are taken and not answered.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.send_replace(full);
    }

    /// Waits until an append was refused.
    pub(crate) async fn refused(&self) {
        self.refused.subscribe().wait_for(|count| *count > 0).await.unwrap();
    }
}

#[async_trait]
impl EventLog for TestLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error> {
        if *self.full.borrow() {
            self.refused.send_modify(|count| *count += 1);
            return Err(Error::Full("no space left".into()));
        }
        let placed = self.inner.append(topic, records).await;
        if self.silent.subscribe().wait_for(|silent| !silent).await.is_err() {
            std::future::pending::<()>().await;
        }
        placed
    }
    async fn durability(&self, topic: &Topic) -> Result<Durability, Error> {
        if *self.full.borrow() {
            return Err(Error::Unavailable { attempt: "describe the topic", source: "away".into() });
        }
        self.inner.durability(topic).await
    }
    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error> {
        self.inner.read(topic, partition, from, limit).await
    }
    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error> {
        self.inner.ends(topic).await
    }
    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error> {
        self.inner.delete_before(topic, partition, offset).await
    }
    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        self.inner.committed(group, topic).await
    }
    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error> {
        self.inner.consumer(group, topics).await
    }
}
