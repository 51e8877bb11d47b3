//! What leaves: events to their topic, audit entries to theirs.

use std::collections::HashSet;
use std::time::Duration;

use ::sqlite::outbox::{self, OutboxNo};
use ::sqlite::{Error, Tx};
use async_trait::async_trait;
use kernel::{Envelope, EventId, Timestamp, topics};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{OutboxStore, Outgoing};

use super::SqliteStore;

/// How long published events are kept, to find one by hand when a topic is in doubt.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Most events that one mark prunes, and most that it looks through at once.
const PAGE: u32 = 1_000;

pub(super) fn push_entry(tx: &Tx<'_>, entry: Option<&Envelope>) -> Result<(), Error> {
    match entry.map(|entry| outbox::push(tx, &topics::AUDIT, entry)) {
        Some(Err(error)) if !error.is_duplicate() => Err(error),
        Some(Ok(_) | Err(_)) | None => Ok(()),
    }
}

#[async_trait]
impl AuditOutbox for SqliteStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        let pushed = self.db.write(move |tx| push_entry(tx, Some(&entry))).await;
        pushed.map_err(outbox_failed("keep an entry"))?;
        self.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let read = self.db.read(move |c| outbox::unpublished(c, OutboxNo::START, limit)).await;
        let outgoing =
            |pending: outbox::Pending| Outgoing { topic: pending.topic, envelope: pending.envelope };
        Ok(read.map_err(outbox_failed("read events"))?.into_iter().map(outgoing).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        let mut wanted: HashSet<_> = ids.iter().copied().collect();
        let now = self.clock.now();
        let written = self.db.write(move |tx| {
            let (mut after, mut numbers) = (OutboxNo::START, Vec::new());
            while !wanted.is_empty() {
                let page = outbox::unpublished(tx, after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = last.number;
                numbers.extend(page.iter().filter(|p| wanted.remove(&p.envelope.id)).map(|p| p.number));
            }
            outbox::mark(tx, &numbers, now)?;
            let old = Timestamp(now.0.saturating_sub(i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX)));
            outbox::prune(tx, old, PAGE)
        });
        written.await.map(drop).map_err(outbox_failed("mark events"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.db.read(outbox::oldest_unpublished).await.map_err(outbox_failed("find the oldest event"))
    }
}

fn outbox_failed(attempt: &'static str) -> impl Fn(Error) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}
