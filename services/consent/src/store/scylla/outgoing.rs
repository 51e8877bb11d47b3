//! What leaves: events to their topic, audit entries to theirs.

use std::time::Duration;

use async_trait::async_trait;
use cql::outbox::Pending;
use kernel::{Envelope, EventId, Timestamp, chain, topics};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{OutboxStore, Outgoing};
use tokio::time::Instant;
use tracing::warn;

use super::ScyllaStore;
use super::feed::EVENTS;

/// How often it is looked for events that a process left unsettled.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

impl ScyllaStore {
    /// Settles what a process that died left: until then its events are in no history and no topic.
    async fn look_for_left(&self) {
        let Ok(mut looked) = self.0.looked.try_lock() else { return };
        if looked.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return;
        }
        if let Err(error) = self.0.events.settle_left(EVENTS).await {
            warn!(error = chain(&error), "consent events that a process left are not settled for now");
            return;
        }
        *looked = Some(Instant::now());
    }
}

#[async_trait]
impl AuditOutbox for ScyllaStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        let pushed = self.0.outbox.push(&topics::AUDIT, entry).await;
        pushed.map_err(outbox_failed("keep an entry"))?;
        self.0.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for ScyllaStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        self.look_for_left().await;
        let found = self.0.outbox.unpublished(limit).await.map_err(outbox_failed("read events"))?;
        Ok(found.into_iter().map(|Pending { topic, envelope }| Outgoing { topic, envelope }).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.0.outbox.mark(ids).await.map_err(outbox_failed("mark events"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        Ok(self.0.outbox.oldest_unpublished())
    }
}

fn outbox_failed(attempt: &'static str) -> impl Fn(cql::Error) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}
