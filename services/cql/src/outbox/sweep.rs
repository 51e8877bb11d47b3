//! Finds in the tables what no memory holds: after a crash, of another replica, of an uncertain write.

use std::time::Duration;

use kernel::{EventId, Timestamp, chain};
use tracing::error;
use uuid::Uuid;

use super::bucket::{Bucket, GRACE, LOOK_BACK, Seen, advance, earlier, horizon};
use super::rows::{self, EventRow, EventState, PointerState};
use super::{Outbox, Pending, Place, Spot, Ticket};
use crate::error::Error;

/// How often the tables are looked into.
const INTERVAL: Duration = Duration::from_secs(10);
/// How often a sweep looks behind the cursor.
const LOOK_BACK_INTERVAL: Duration = Duration::from_secs(600);
/// Partitions that one sweep looks into.
const MAX_PARTITIONS: usize = 5_000;
/// Hours that one sweep goes through.
const MAX_HOURS: usize = 1_000;
/// Rows of one partition: no writer has more events in ten seconds.
const MAX_ROWS: usize = 100_000;

/// When this process swept last.
#[derive(Default)]
pub(super) struct Sweeps {
    last: Option<Timestamp>,
    looked_back: Option<Timestamp>,
}

/// A sweep under way.
struct Sweep {
    now: Timestamp,
    cursor: Bucket,
    /// The newest event of others that is taken for left behind.
    left_before: Timestamp,
    /// The same for own events.
    own_left_before: Timestamp,
    seen: Seen,
    /// The partitions that were looked into.
    passed: Vec<(Bucket, Uuid)>,
}

impl Outbox {
    /// Makes the cursor's row where there is none.
    pub(super) async fn begin(&self) -> Result<(), Error> {
        let first = horizon(self.0.clock.now());
        match self.0.cql.apply(&self.0.statements.begin, (first.0,)).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_uncertain() => self.cursor().await.map(drop),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn sweep_when_due(&self) -> Result<(), Error> {
        let now = self.0.clock.now();
        let Ok(mut sweeps) = self.0.sweeps.try_lock() else { return Ok(()) };
        let overflowed = {
            let queue = self.0.queue.lock();
            // What is known is published first.
            if queue.room() < super::queue::MAX_EVENTS / 2 {
                return Ok(());
            }
            queue.overflowed()
        };
        if !overflowed && !is_due(sweeps.last, now, INTERVAL) {
            return Ok(());
        }
        let look_back = is_due(sweeps.looked_back, now, LOOK_BACK_INTERVAL);
        self.sweep(now, overflowed, look_back).await?;
        sweeps.last = Some(now);
        if look_back {
            sweeps.looked_back = Some(now);
        }
        Ok(())
    }

    async fn sweep(&self, now: Timestamp, overflowed: bool, look_back: bool) -> Result<(), Error> {
        let cursor = self.cursor().await?;
        let left_before = earlier(now, GRACE);
        let own_left_before = if overflowed { now } else { left_before };
        let seen = Seen { unpublished: None, stopped: None };
        // Before the look: what overflows meanwhile is looked for again.
        self.0.queue.lock().set_overflowed(false);
        let mut sweep = Sweep { now, cursor, left_before, own_left_before, seen, passed: Vec::new() };
        let from = if look_back { cursor.before(LOOK_BACK) } else { cursor };
        let looked = self.look(&mut sweep, from).await;
        if overflowed && (looked.is_err() || sweep.seen.stopped.is_some()) {
            self.0.queue.lock().set_overflowed(true);
        }
        looked?;
        self.move_cursor(&sweep).await
    }

    async fn look(&self, sweep: &mut Sweep, from: Bucket) -> Result<(), Error> {
        let last = Bucket::of(sweep.own_left_before);
        for (count, hour) in (from.hour()..=last.hour()).enumerate() {
            let left = MAX_PARTITIONS - sweep.passed.len();
            if count >= MAX_HOURS || left == 0 {
                sweep.stop(Bucket::first_of(hour));
                return Ok(());
            }
            let found: Vec<(i64, Uuid)> =
                self.0.cql.rows(&self.0.statements.buckets, (hour, from.0), left).await?;
            if let Some((last, _)) = found.last().filter(|_| found.len() >= left) {
                sweep.stop(Bucket(*last));
            }
            for (bucket, writer) in found {
                let bucket = Bucket(bucket);
                if bucket > Bucket::of(sweep.left_before(writer == self.0.writer)) {
                    continue;
                }
                if self.0.queue.lock().room() == 0 {
                    sweep.stop(bucket);
                    return Ok(());
                }
                self.look_into_events(sweep, bucket, writer).await?;
                self.look_into_pointers(sweep, bucket, writer).await?;
                sweep.passed.push((bucket, writer));
            }
        }
        Ok(())
    }

    async fn look_into_events(&self, sweep: &mut Sweep, bucket: Bucket, writer: Uuid) -> Result<(), Error> {
        let key = (bucket.0, writer);
        let states: Vec<EventState> = self.0.cql.rows(&self.0.statements.events, key, MAX_ROWS).await?;
        sweep.stop_if(states.len() >= MAX_ROWS, bucket);
        for (id, written_at, published_at) in states {
            if published_at.is_some() {
                continue;
            }
            sweep.unpublished(bucket);
            let spot = Spot { bucket, writer, written_at: Timestamp(written_at) };
            if !self.is_left(sweep, &spot, &id) {
                continue;
            }
            match self.event(&spot, &id).await {
                Ok(Some(pending)) => self.found(sweep, Ticket { place: Place::Row(spot), pending }),
                Ok(None) => {}
                Err(error @ (Error::Row { .. } | Error::Decode(_))) => self.tell_damaged(&error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn event(&self, spot: &Spot, id: &[u8]) -> Result<Option<Pending>, Error> {
        let key = (spot.bucket.0, spot.writer, id);
        let row: Option<EventRow> = self.0.cql.row(&self.0.statements.event, key).await?;
        row.map(|row| Pending::from_value(id, row)).transpose()
    }

    async fn look_into_pointers(&self, sweep: &mut Sweep, bucket: Bucket, writer: Uuid) -> Result<(), Error> {
        let Some(rows) = &self.0.pending else { return Ok(()) };
        let key = (bucket.0, writer);
        let states: Vec<PointerState> = self.0.cql.rows(&self.0.statements.pointers, key, MAX_ROWS).await?;
        sweep.stop_if(states.len() >= MAX_ROWS, bucket);
        for (row_key, id, written_at, published_at) in states {
            if published_at.is_some() {
                continue;
            }
            let spot = Spot { bucket, writer, written_at: Timestamp(written_at) };
            if !self.is_left(sweep, &spot, &id) {
                sweep.unpublished(bucket);
                continue;
            }
            let Ok(id) = EventId::from_slice(&id) else {
                sweep.unpublished(bucket);
                self.tell_damaged(&Error::Row { table: "outbox", what: "an event id" });
                continue;
            };
            let held = match rows.pending(&row_key).await {
                Ok(held) => held,
                Err(error @ (Error::Row { .. } | Error::Decode(_))) => {
                    sweep.unpublished(bucket);
                    self.tell_damaged(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match held.into_iter().find(|pending| pending.envelope.id == id) {
                Some(pending) => {
                    sweep.unpublished(bucket);
                    self.found(sweep, Ticket { place: Place::Column(spot, row_key), pending });
                }
                None => self.settle_pointer(sweep, &spot, &row_key, id).await?,
            }
        }
        Ok(())
    }

    /// The row does not hold the event: its write was not applied, or the event is published already. Once the
    /// bucket is closed this is final, and the pointer may go.
    async fn settle_pointer(
        &self,
        sweep: &Sweep,
        spot: &Spot,
        row_key: &[u8],
        id: EventId,
    ) -> Result<(), Error> {
        if spot.bucket >= horizon(sweep.now) {
            return Ok(());
        }
        let values = rows::resolved(spot, row_key, id, sweep.now);
        self.0.cql.write(&self.0.statements.resolve, values).await
    }

    /// Whether nobody is at work on it, as far as this process can tell.
    fn is_left(&self, sweep: &Sweep, spot: &Spot, id: &[u8]) -> bool {
        let known = EventId::from_slice(id).is_ok_and(|id| self.0.queue.lock().knows(id));
        !known && spot.written_at <= sweep.left_before(spot.writer == self.0.writer)
    }

    fn found(&self, sweep: &mut Sweep, ticket: Ticket) {
        let bucket = ticket.place.spot().bucket;
        if !self.0.queue.lock().add(ticket) {
            sweep.stop(bucket);
        }
    }

    fn tell_damaged(&self, error: &Error) {
        error!(role = self.0.role, error = chain(error), "an outgoing event cannot be read, and stays");
    }

    pub(super) async fn cursor(&self) -> Result<Bucket, Error> {
        let found: Option<(i64,)> = self.0.cql.row(&self.0.statements.cursor, ()).await?;
        let (bucket,) = found.ok_or(Error::Row { table: "outbox", what: "no cursor" })?;
        Ok(Bucket(bucket))
    }

    /// Moves it on, and lets the pointers to what it has passed go in time.
    async fn move_cursor(&self, sweep: &Sweep) -> Result<(), Error> {
        let next = advance(sweep.cursor, sweep.now, sweep.seen);
        if next == sweep.cursor {
            return Ok(());
        }
        for (bucket, writer) in &sweep.passed {
            if (sweep.cursor..next).contains(bucket) {
                let values = (bucket.hour(), bucket.0, *writer);
                self.0.cql.write(&self.0.statements.release_bucket, values).await?;
            }
        }
        // Another process may have moved it further; an error leaves it where it can be moved from again.
        self.0.cql.apply(&self.0.statements.advance, (next.0, next.0)).await.map(drop)
    }
}

impl Sweep {
    fn unpublished(&mut self, bucket: Bucket) {
        if bucket >= self.cursor {
            self.seen.unpublished = Some(self.seen.unpublished.map_or(bucket, |lowest| lowest.min(bucket)));
        }
    }

    fn stop(&mut self, bucket: Bucket) {
        self.seen.stopped = Some(self.seen.stopped.map_or(bucket, |lowest| lowest.min(bucket)));
    }

    fn stop_if(&mut self, cut: bool, bucket: Bucket) {
        if cut {
            self.stop(bucket);
        }
    }

    fn left_before(&self, own: bool) -> Timestamp {
        if own { self.own_left_before } else { self.left_before }
    }
}

/// Also where the clock was set back.
fn is_due(last: Option<Timestamp>, now: Timestamp, every: Duration) -> bool {
    last.is_none_or(|last| now < last || now.since(last) >= every)
}
