//! Whether the topic is still the one that a log has read so far.
//!
//! A log goes on at its own offset. In a topic that was restored from before that, or deleted and made anew, offsets are
//! other records': one that ends before the log's offset could not be read at all, and one that has grown beyond it
//! would be read with records left out. Both are read from their beginning, and what comes again is dropped by its
//! event.

use eventlog::{Ends, EventLog, ReadLimit};
use kernel::topics::AUDIT;
use tracing::warn;

use crate::error::Error;
use crate::partition::Partition;

/// Records before a log's offset that are looked at when it is taken over.
const LOOK_BACK: u64 = 64;

/// Finds the offset at which the topic goes on, where it is not the topic that the log's own offset is of.
pub(crate) async fn place(partition: &mut Partition, log: &dyn EventLog, number: u32) -> Result<(), Error> {
    let ends = log.ends(&AUDIT).await?;
    let Some(Ends { low, high, .. }) = ends.get(number as usize).copied() else { return Ok(()) };
    let next = partition.next_offset();
    if is_of(partition, log, number, low, high).await? {
        return Ok(());
    }
    warn!(
        partition = number,
        next, low, high, "the topic is not the one that was read before: all of it is read"
    );
    partition.rewind(low).await
}

async fn is_of(
    partition: &Partition,
    log: &dyn EventLog,
    number: u32,
    low: u64,
    high: u64,
) -> Result<bool, Error> {
    let next = partition.next_offset();
    if next > high {
        return Ok(false);
    }
    let from = low.max(next.saturating_sub(LOOK_BACK));
    if from >= next {
        return Ok(true);
    }
    let limit =
        ReadLimit { records: usize::try_from(next - from).unwrap_or(usize::MAX), ..ReadLimit::default() };
    let mut before = log.read(&AUDIT, number, from, limit).await?;
    before.retain(|record| record.offset < next);
    partition.is_of(&before).await
}
