//! Marking what is published: in memory it is done already, here the tables follow.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::bucket::Bucket;
use super::{Inner, Outbox, Place, Ticket, rows};
use crate::batch::Batch;
use crate::error::Error;

/// Events that are marked by one write.
const MARKS: usize = 100;

impl Outbox {
    /// Marks in the tables what is marked in memory.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        let _one = self.0.marking.lock().await;
        let tickets = self.0.queue.lock().to_mark();
        let mut partitions: BTreeMap<(Bucket, Uuid), Vec<Ticket>> = BTreeMap::new();
        for ticket in tickets {
            let spot = ticket.place.spot();
            partitions.entry((spot.bucket, spot.writer)).or_default().push(ticket);
        }
        for tickets in partitions.into_values() {
            for some in tickets.chunks(MARKS) {
                self.mark_some(some).await?;
                self.0.queue.lock().forget(some);
            }
        }
        Ok(())
    }

    /// Marks events of one partition.
    async fn mark_some(&self, tickets: &[Ticket]) -> Result<(), Error> {
        let Inner { cql, statements, clock, pending, .. } = &*self.0;
        let now = clock.now();
        let (mut events, mut pointers) = (Batch::unlogged(), Batch::unlogged());
        for Ticket { place, pending: event } in tickets {
            match place {
                Place::Row(spot) => events.add(&statements.mark, rows::published(spot, event, now)?)?,
                Place::Column(spot, key) => {
                    let id = event.envelope.id;
                    if let Some(rows) = pending {
                        rows.clear(key, id).await?;
                    }
                    pointers.add(&statements.resolve, rows::resolved(spot, key, id, now))?;
                }
            }
        }
        cql.batch(events).await?;
        cql.batch(pointers).await
    }
}
