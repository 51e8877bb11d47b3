//! The tables that a role's events leave through: written with the rows that they tell of, published after.
//!
//! A role lists [`outbox_component!`](crate::outbox_component) among its tables and has one [`Outbox`]. Its rows
//! and their event are one act in one of two ways:
//!
//! - *one logged batch*: [`Outbox::put`] adds the event to it, and after [`crate::Cql::batch`] the role hands the
//!   ticket to [`Outbox::pushed`];
//! - *one conditional write*, which cannot span partitions: [`Outbox::point`] writes down first which row will
//!   hold the event, the role's conditional write sets its pending column ([`pending`]) with the rest of the row,
//!   and the ticket goes to [`Outbox::pushed`] after it. [`PendingRows`] reads that column when a crash came
//!   between.
//!
//! Either is sent at once after its ticket was drawn. What this process pushed is handed out from memory, in
//! order; what a crash, another replica or an uncertain write left is found by a `sweep` of the tables. An event
//! may be handed out twice, by two processes or after a crash; consumers drop it by its id.
//!
//! ```text
//! outbox_R          ((bucket, writer), event_id)            events of one writer in 10 s of machine time
//! outbox_R_pending  ((bucket, writer), row_key, event_id)   rows whose pending column held an event then
//! outbox_R_bucket   (hour, bucket, writer)                  which of these partitions there are; written first
//! outbox_R_cursor   (name)                                  the bucket below which all is published
//! ```
//!
//! Nothing unpublished has a TTL. Marking an event writes its row again without its payload and with a TTL. The
//! machines' clocks are taken to agree within half a minute, which a CQL cluster asks of its clients anyway.

mod bucket;
mod mark;
mod queue;
mod rows;
mod sweep;
mod tables;

pub mod pending;

use std::sync::Arc;

use kernel::topics::Topic;
use kernel::{Clock, Envelope, EventId, SystemClock, Timestamp, chain};
use parking_lot::Mutex;
use tracing::warn;
use uuid::Uuid;

use crate::batch::Batch;
use crate::error::Error;
use crate::session::Cql;
use bucket::Bucket;
use queue::Queue;
use rows::Statements;
use sweep::Sweeps;

pub use pending::{Pending, PendingRows};

/// Bytes of an event's payload: what a record of the log holds beside the envelope's headers.
pub const MAX_PAYLOAD: usize = (1 << 20) - (16 << 10);
/// Bytes of an aggregate's id, which is the record's key.
pub const MAX_AGGREGATE: usize = 1 << 10;
/// Bytes of an event's kind.
pub const MAX_KIND: usize = 128;

/// A role's outbox; cheap to clone, one per process and role.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    cql: Cql,
    role: &'static str,
    /// Whose partitions this process writes; drawn when it opens.
    writer: Uuid,
    /// Machine time: how long a row has lain there, not when something happened.
    clock: Arc<dyn Clock>,
    statements: Statements,
    pending: Option<Arc<dyn PendingRows>>,
    queue: Mutex<Queue>,
    /// The newest bucket whose pointer is written.
    pointed: tokio::sync::Mutex<Option<Bucket>>,
    sweeps: tokio::sync::Mutex<Sweeps>,
    marking: tokio::sync::Mutex<()>,
}

/// An event whose place is settled and whose act is about to be done. Dropped when it was not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    place: Place,
    pending: Pending,
}

/// Where an event lies.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// In a row of the outbox.
    Row(Spot),
    /// In the pending column of the role's row with this key.
    Column(Spot, Vec<u8>),
}

/// A partition of the outbox, and when the event was put there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spot {
    bucket: Bucket,
    writer: Uuid,
    written_at: Timestamp,
}

impl Outbox {
    /// The outbox of a role whose events all go by logged batches.
    pub async fn open(cql: &Cql, role: &'static str) -> Result<Self, Error> {
        Self::build(cql, role, None, Arc::new(SystemClock)).await
    }

    /// The outbox of a role that has events in pending columns as well.
    pub async fn open_guarded(
        cql: &Cql,
        role: &'static str,
        rows: Arc<dyn PendingRows>,
    ) -> Result<Self, Error> {
        Self::build(cql, role, Some(rows), Arc::new(SystemClock)).await
    }

    async fn build(
        cql: &Cql,
        role: &'static str,
        pending: Option<Arc<dyn PendingRows>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let statements = Statements::prepare(cql, role).await?;
        let outbox = Self(Arc::new(Inner {
            cql: cql.clone(),
            role,
            writer: Uuid::new_v4(),
            clock,
            statements,
            pending,
            queue: Mutex::default(),
            pointed: tokio::sync::Mutex::default(),
            sweeps: tokio::sync::Mutex::default(),
            marking: tokio::sync::Mutex::default(),
        }));
        // Before the first event anywhere, so that no event ever lies behind where the first sweep begins.
        outbox.begin().await?;
        Ok(outbox)
    }

    /// Adds an event to the logged batch that changes the rows that it tells of. Send the batch at once, and then
    /// hand in the ticket.
    pub async fn put(&self, batch: &mut Batch, topic: &Topic, envelope: Envelope) -> Result<Ticket, Error> {
        let pending = Pending::new(topic, envelope)?;
        let spot = self.spot().await?;
        batch.add(&self.0.statements.insert, rows::unpublished(&spot, &pending)?)?;
        Ok(Ticket { place: Place::Row(spot), pending })
    }

    /// Writes down that the role's row with this key will hold the event in its pending column. Send the
    /// conditional write at once, and hand in the ticket if it was applied.
    pub async fn point(&self, row_key: &[u8], topic: &Topic, envelope: Envelope) -> Result<Ticket, Error> {
        let pending = Pending::new(topic, envelope)?;
        let spot = self.spot().await?;
        let id = pending.envelope.id;
        self.0.cql.write(&self.0.statements.point, rows::pointer(&spot, row_key, id)).await?;
        Ok(Ticket { place: Place::Column(spot, row_key.to_vec()), pending })
    }

    /// Says that the act of this ticket was done: the event is handed out next.
    pub fn pushed(&self, ticket: Ticket) {
        if !self.0.queue.lock().push(ticket) {
            warn!(role = self.0.role, "the outbox's queue is full: events are found in its table");
        }
    }

    /// Keeps an event that tells of no row; durable on return.
    pub async fn push(&self, topic: &Topic, envelope: Envelope) -> Result<(), Error> {
        let pending = Pending::new(topic, envelope)?;
        if self.0.queue.lock().knows(pending.envelope.id) {
            return Ok(());
        }
        let spot = self.spot().await?;
        self.0.cql.write(&self.0.statements.insert, rows::unpublished(&spot, &pending)?).await?;
        self.pushed(Ticket { place: Place::Row(spot), pending });
        Ok(())
    }

    /// The oldest events that are known here and not marked, in the order in which they came.
    pub async fn unpublished(&self, limit: usize) -> Result<Vec<Pending>, Error> {
        // While the store is away, what is in memory goes on to the log.
        let looked = match self.settle().await {
            Ok(()) => self.sweep_when_due().await,
            Err(error) => Err(error),
        };
        let found = self.0.queue.lock().first(limit);
        match looked {
            Err(error) if found.is_empty() => Err(error),
            Err(error) => {
                warn!(role = self.0.role, error = chain(&error), "the outbox's tables cannot be swept");
                Ok(found)
            }
            Ok(()) => Ok(found),
        }
    }

    /// Says that the log holds these; durable on return. They are not handed out again here even after an error.
    /// Unknown ids are no error.
    pub async fn mark(&self, ids: &[EventId]) -> Result<(), Error> {
        self.0.queue.lock().published(ids);
        self.settle().await
    }

    /// When the event that has waited longest happened; the age is an alarm's measure. It goes by what is known
    /// here: own events, and what the last sweep found.
    pub fn oldest_unpublished(&self) -> Option<Timestamp> {
        self.0.queue.lock().oldest()
    }

    /// A place for an event of now, in a partition whose pointer is written.
    async fn spot(&self) -> Result<Spot, Error> {
        let now = self.0.clock.now();
        let (bucket, writer) = (Bucket::of(now), self.0.writer);
        let mut pointed = self.0.pointed.lock().await;
        if *pointed != Some(bucket) {
            let values = (bucket.hour(), bucket.0, writer);
            self.0.cql.write(&self.0.statements.point_bucket, values).await?;
            *pointed = Some(bucket);
        }
        Ok(Spot { bucket, writer, written_at: now })
    }
}

impl Place {
    fn spot(&self) -> &Spot {
        match self {
            Self::Row(spot) | Self::Column(spot, _) => spot,
        }
    }
}

#[cfg(test)]
mod tests;
