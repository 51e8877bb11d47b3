//! The cluster's outbox, as the platform's guard and publisher see it.

use async_trait::async_trait;
use cql::outbox::Pending;
use kernel::topics::AUDIT;
use kernel::{Envelope, EventId, Timestamp};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{OutboxStore, Outgoing};

use super::ScyllaStore;

#[async_trait]
impl AuditOutbox for ScyllaStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        self.0.outbox.push(&AUDIT, entry).await.map_err(failed("keep an entry"))?;
        self.0.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for ScyllaStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let found = self.0.outbox.unpublished(limit).await.map_err(failed("read events"))?;
        let outgoing = |Pending { topic, envelope }| Outgoing { topic, envelope };
        Ok(found.into_iter().map(outgoing).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.0.outbox.mark(ids).await.map_err(failed("mark events"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        Ok(self.0.outbox.oldest_unpublished())
    }
}

fn failed(attempt: &'static str) -> impl Fn(cql::Error) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}
