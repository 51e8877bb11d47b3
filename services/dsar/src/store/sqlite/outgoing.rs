//! The same file's outbox, as the platform's guard and publisher see it.

use std::error::Error as StdError;
use std::time::Duration;

use ::sqlite::{Tx, outbox};
use async_trait::async_trait;
use kernel::topics::AUDIT;
use kernel::{Envelope, EventId, Timestamp};
use platform::{AuditOutbox, OutboxError, OutboxStore, Outgoing};

use super::SqliteStore;

/// How long published events are kept, to find one by hand when a topic is in doubt.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Most events that one mark prunes.
const PRUNED: u32 = 1_000;

#[async_trait]
impl AuditOutbox for SqliteStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        let pushed = self.db.write(move |tx: &Tx<'_>| outbox::push(tx, &AUDIT, &entry)).await;
        match pushed {
            Ok(_) => {
                self.bell.ring();
                Ok(())
            }
            Err(error) if error.is_duplicate() => Ok(()),
            Err(error) => Err(failed("keep an entry")(error)),
        }
    }
}

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let found = self.db.read(move |c| outbox::unpublished(c, outbox::OutboxNo::START, limit)).await;
        let outgoing =
            |pending: outbox::Pending| Outgoing { topic: pending.topic, envelope: pending.envelope };
        Ok(found.map_err(failed("read events"))?.into_iter().map(outgoing).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        let (ids, now) = (ids.to_vec(), self.clock.now());
        let marked = self.db.write(move |tx: &Tx<'_>| {
            let mut update = tx.prepare_cached("UPDATE outbox SET published_at = ? WHERE event_id = ?")?;
            for id in &ids {
                update.execute((now.0, id.to_bytes()))?;
            }
            let old = now.0.saturating_sub(i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX));
            outbox::prune(tx, Timestamp(old), PRUNED)
        });
        marked.await.map(drop).map_err(failed("mark events"))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.db.read(outbox::oldest_unpublished).await.map_err(failed("find the oldest event"))
    }
}

fn failed<E: StdError + Send + Sync + 'static>(attempt: &'static str) -> impl FnOnce(E) -> OutboxError {
    move |source| OutboxError { attempt, source: Box::new(source) }
}
