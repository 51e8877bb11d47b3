//! The role's outbox, as the platform's guard and publisher see it.

use async_trait::async_trait;
use kernel::topics::AUDIT;
use kernel::{Envelope, EventId, Timestamp};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{OutboxStore, Outgoing};

use super::ScyllaStore;

#[async_trait]
impl AuditOutbox for ScyllaStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        self.outbox.push(&AUDIT, entry).await.map_err(failed("keep an audit entry"))?;
        self.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for ScyllaStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let found = self.outbox.unpublished(limit).await.map_err(failed("read"))?;
        Ok(found.into_iter().map(|one| Outgoing { topic: one.topic, envelope: one.envelope }).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.outbox.mark(ids).await.map_err(failed("mark"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        Ok(self.outbox.oldest_unpublished())
    }
}

fn failed(attempt: &'static str) -> impl Fn(cql::Error) -> OutboxError {
    move |source| OutboxError { attempt, source: source.into() }
}
