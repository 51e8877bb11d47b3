//! The outbox in CQL tables, in the keyspace for data.

use async_trait::async_trait;
use cql::{Cql, Error, outbox::Outbox};
use kernel::{Envelope, EventId, Timestamp, topics};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{Bell, OutboxStore, Outgoing};

/// An outbox in a CQL cluster; its tables are among [`crate::store::scylla::COMPONENTS`]. Its publisher is the
/// wiring's to start.
#[derive(Clone)]
pub struct ScyllaOutbox {
    outbox: Outbox,
    bell: Bell,
}

impl ScyllaOutbox {
    /// Opens the tables. The bell rings with every entry.
    pub async fn open(cql: &Cql, bell: Bell) -> Result<Self, OutboxError> {
        let outbox = Outbox::open(cql, "crypto").await.map_err(failed("open"))?;
        Ok(Self { outbox, bell })
    }
}

fn failed(attempt: &'static str) -> impl Fn(Error) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}

#[async_trait]
impl AuditOutbox for ScyllaOutbox {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        self.outbox.push(&topics::AUDIT, entry).await.map_err(failed("keep an entry"))?;
        self.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for ScyllaOutbox {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let found = self.outbox.unpublished(limit).await.map_err(failed("read entries"))?;
        let outgoing = found.into_iter().map(|own| Outgoing { topic: own.topic, envelope: own.envelope });
        Ok(outgoing.collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.outbox.mark(ids).await.map_err(failed("mark entries"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        Ok(self.outbox.oldest_unpublished())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scylla::COMPONENTS;

    #[tokio::test]
    async fn entries_wait_in_order_until_they_are_marked() {
        let Some(kept) = cql::testing::fresh(&COMPONENTS).await else { return };
        let outbox = ScyllaOutbox::open(&kept.cql, Bell::new()).await.unwrap();
        crate::outbox::contract::entries_wait_in_order_until_they_are_marked(&outbox).await;
    }
}
