//! The outbox in an SQLite file of the data directory.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Clock, Envelope, EventId, Timestamp, topics};
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{Bell, OutboxStore, Outgoing};
use sqlite::outbox::{self, OutboxNo};
use sqlite::{Db, Error, Options};

/// How long published entries are kept, to find one by hand when the ledger is in doubt.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Most entries that one mark prunes, and most that it looks through at once.
const PAGE: u32 = 1_000;

/// An outbox in an SQLite file. Its publisher is the wiring's to start.
#[derive(Clone)]
pub struct SqliteOutbox {
    db: Db,
    clock: Arc<dyn Clock>,
    bell: Bell,
}

impl SqliteOutbox {
    /// Opens the file, or makes it. The bell rings with every entry.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, bell: Bell) -> Result<Self, OutboxError> {
        let opened = Db::open(path, Options::default(), &[outbox::COMPONENT]).await;
        Ok(Self { db: opened.map_err(failed("open"))?, clock, bell })
    }
}

fn failed(attempt: &'static str) -> impl Fn(Error) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}

#[async_trait]
impl AuditOutbox for SqliteOutbox {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        let pushed = self.db.write(move |tx| match outbox::push(tx, &topics::AUDIT, &entry) {
            Err(error) if error.is_duplicate() => Ok(()),
            pushed => pushed.map(drop),
        });
        pushed.await.map_err(failed("keep an entry"))?;
        self.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for SqliteOutbox {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let read = self.db.read(move |c| outbox::unpublished(c, OutboxNo::START, limit)).await;
        let outgoing =
            |pending: outbox::Pending| Outgoing { topic: pending.topic, envelope: pending.envelope };
        Ok(read.map_err(failed("read entries"))?.into_iter().map(outgoing).collect())
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
        written.await.map(drop).map_err(failed("mark entries"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.db.read(outbox::oldest_unpublished).await.map_err(failed("find the oldest entry"))
    }
}

#[cfg(test)]
mod tests {
    use kernel::ManualClock;

    use super::*;

    #[tokio::test]
    async fn entries_wait_in_order_until_they_are_marked() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(0)));
        let path = directory.path().join("outbox.db");
        let outbox = SqliteOutbox::open(&path, clock, Bell::new()).await.unwrap();
        crate::outbox::contract::entries_wait_in_order_until_they_are_marked(&outbox).await;
    }
}
