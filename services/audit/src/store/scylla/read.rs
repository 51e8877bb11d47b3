//! Reading the log, by index and by event. What can be seen is read first, rows after: they were staged before.

use std::collections::BTreeSet;

use cql::Error;
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{EventId, TenantId};
use merkle::{Hash, leaf_hash};

use super::Inner;
use super::rows::{self, EntryRow, ProducerRow, from_column, part, to_column};
use super::visible::{Stretch, chunk};
use crate::leaf;
use crate::name::LogName;
use crate::store::{Producer, Row};

/// Reads that are under way at once.
pub(super) const AT_ONCE: usize = 32;
/// Rows of one event: as often as it was staged.
const MAX_STAGED: usize = 10_000;
/// Producers of one partition.
const MAX_PRODUCERS: usize = 100_000;

impl Inner {
    pub(super) async fn producers(&self, partition: u32) -> Result<Vec<Producer>, Error> {
        let log = LogName::Partition(partition).number();
        let found: Vec<ProducerRow> =
            self.cql.serial_rows(&self.statements.producers, (log,), MAX_PRODUCERS).await?;
        found.into_iter().map(rows::producer).collect()
    }

    pub(super) async fn rows(&self, partition: u32, from: u64, limit: u32) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogName::Partition(partition)).await?.stretches(from, limit.into()) {
            let key = (part(partition)?, to_column(stretch.chunk)?, stretch.fence);
            let values = (key.0, key.1, key.2, to_column(stretch.from)?, to_column(stretch.to)?);
            let some: Vec<EntryRow> = self.cql.rows(&self.statements.entries, values, size(stretch)).await?;
            whole(stretch, some.iter().map(|row| row.0), "ledger_entry")?;
            for row in some {
                found.push(rows::entry(partition, row)?);
            }
        }
        Ok(found)
    }

    pub(super) async fn hashes(&self, log: LogName, from: u64, limit: u32) -> Result<Vec<Hash>, Error> {
        match log {
            LogName::Partition(partition) => self.partition_hashes(partition, from, limit).await,
            LogName::Root => {
                let leaves = self.root_rows(from, limit).await?;
                Ok(leaves.iter().map(|data| leaf_hash(data)).collect())
            }
        }
    }

    async fn partition_hashes(&self, partition: u32, from: u64, limit: u32) -> Result<Vec<Hash>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogName::Partition(partition)).await?.stretches(from, limit.into()) {
            let key = (part(partition)?, to_column(stretch.chunk)?, stretch.fence);
            let values = (key.0, key.1, key.2, to_column(stretch.from)?, to_column(stretch.to)?);
            let some: Vec<(i64, Vec<u8>)> =
                self.cql.rows(&self.statements.commitments, values, size(stretch)).await?;
            whole(stretch, some.iter().map(|row| row.0), "ledger_entry")?;
            for (_, commitment) in some {
                let bad = Error::Row { table: "ledger_entry", what: "a commitment" };
                found.push(leaf::hash(&commitment.try_into().map_err(|_| bad)?));
            }
        }
        Ok(found)
    }

    pub(super) async fn root_rows(&self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogName::Root).await?.stretches(from, limit.into()) {
            let (chunk, fence) = (to_column(stretch.chunk)?, stretch.fence);
            let values = (chunk, fence, to_column(stretch.from)?, to_column(stretch.to)?);
            let some: Vec<(i64, Vec<u8>)> =
                self.cql.rows(&self.statements.roots, values, size(stretch)).await?;
            whole(stretch, some.iter().map(|row| row.0), "ledger_root_leaf")?;
            found.extend(some.into_iter().map(|(_, data)| data));
        }
        Ok(found)
    }

    pub(super) async fn known(&self, partition: u32, events: &[EventId]) -> Result<BTreeSet<EventId>, Error> {
        let (visible, part) = (self.visible(LogName::Partition(partition)).await?, part(partition)?);
        if visible.size == 0 {
            return Ok(BTreeSet::new());
        }
        let places = stream::iter(events.to_vec()).map(|event| async move {
            let key = (event.to_bytes().to_vec(), part);
            let staged = self.cql.rows(&self.statements.event_in, key, MAX_STAGED).await?;
            Ok::<(EventId, Vec<(i64, i64)>), Error>((event, staged))
        });
        let places: Vec<_> = places.buffer_unordered(AT_ONCE).try_collect().await?;
        let mut known = BTreeSet::new();
        for (event, staged) in places {
            for (fence, index) in staged {
                if visible.has(from_column(index, "ledger_event")?, fence) {
                    known.insert(event);
                }
            }
        }
        Ok(known)
    }

    pub(super) async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, Error> {
        let key = (event.to_bytes().to_vec(),);
        let staged: Vec<(i32, i64, i64, String)> =
            self.cql.rows(&self.statements.event, key, MAX_STAGED).await?;
        for (part, fence, index, whose) in staged {
            if whose != tenant.as_str() {
                continue;
            }
            let (partition, index) = (rows::partition(part)?, from_column(index, "ledger_event")?);
            if self.visible(LogName::Partition(partition)).await?.has(index, fence) {
                return self.committed_entry(partition, index, fence).await.map(Some);
            }
        }
        Ok(None)
    }

    /// The entry of an index, which is committed under this fence.
    pub(super) async fn committed_entry(&self, partition: u32, index: u64, fence: i64) -> Result<Row, Error> {
        let (part, chunk) = (part(partition)?, to_column(chunk(index))?);
        let values = (part, chunk, fence, to_column(index)?, to_column(index + 1)?);
        let row: Option<EntryRow> = self.cql.row(&self.statements.entries, values).await?;
        rows::entry(partition, row.ok_or(Error::Row { table: "ledger_entry", what: "a gap" })?)
    }
}

fn size(stretch: Stretch) -> usize {
    usize::try_from(stretch.to - stretch.from).unwrap_or(usize::MAX)
}

/// A committed stretch has every index once.
fn whole(
    stretch: Stretch,
    found: impl ExactSizeIterator<Item = i64>,
    table: &'static str,
) -> Result<(), Error> {
    let complete = found.len() == size(stretch);
    let expected = stretch.from..stretch.to;
    if complete && found.zip(expected).all(|(found, index)| u64::try_from(found) == Ok(index)) {
        return Ok(());
    }
    Err(Error::Row { table, what: "a gap" })
}
