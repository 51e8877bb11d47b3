//! Fences: a number for each partition of a group, which rises each time the partition changes hands.
//!
//! SQLite and memory keep theirs beside the claims. A Kafka group has no number that its members can see, so
//! [`KafkaLog`](crate::KafkaLog) asks a store of ours. [`MemoryFences`] serves one process.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::error::Error;
use crate::log::TopicPartition;

/// Where fences are kept. A fence that was once returned is never returned by a later raise.
#[async_trait]
pub trait Fences: Send + Sync + 'static {
    /// Raises the fence and returns it; 1 the first time. One that fails may have been raised nevertheless.
    async fn raise(&self, group: &str, at: TopicPartition) -> Result<u64, Error>;

    /// The fence as it now is, not as it may have been; 0 before the first raise.
    async fn current(&self, group: &str, at: TopicPartition) -> Result<u64, Error>;
}

/// Fences of one process, lost with it: for tests, and where nobody else consumes.
#[derive(Default)]
pub struct MemoryFences(Mutex<HashMap<(String, TopicPartition), u64>>);

#[async_trait]
impl Fences for MemoryFences {
    async fn raise(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        let mut fences = self.0.lock();
        let fence = fences.entry((group.to_owned(), at)).or_default();
        *fence += 1;
        Ok(*fence)
    }

    async fn current(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        Ok(self.0.lock().get(&(group.to_owned(), at)).copied().unwrap_or(0))
    }
}
