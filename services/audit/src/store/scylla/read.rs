//! Reading the log, by index and by event. What can be seen is read first, rows after: they were staged before.

use std::collections::{BTreeMap, BTreeSet};

use cql::Error;
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{EventId, TenantId};
use merkle::{Hash, leaf_hash};

use super::Inner;
use super::rows::{self, EntryRow, ProducerRow, from_column, part, to_column};
use super::visible::{Stretch, Visible, chunk, root_chunk};
use crate::leaf;
use crate::store::{Generation, LogId, Part, Producer, Row};

/// Reads that are under way at once.
pub(super) const AT_ONCE: usize = 32;
/// Rows of one event: as often as it was staged.
const MAX_STAGED: usize = 10_000;
/// Producers of one partition.
const MAX_PRODUCERS: usize = 100_000;

/// Where an event was staged: log, fence, index, tenant.
type EventRow = (i32, i64, i64, String);

impl Inner {
    pub(super) async fn producers(&self, part: Part) -> Result<Vec<Producer>, Error> {
        let log = LogId::Part(part).number();
        let found: Vec<ProducerRow> =
            self.cql.serial_rows(&self.statements.producers, (log,), MAX_PRODUCERS).await?;
        found.into_iter().map(rows::producer).collect()
    }

    pub(super) async fn rows(&self, of: Part, from: u64, limit: u32) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogId::Part(of)).await?.stretches(from, limit.into()) {
            let key = (part(of)?, to_column(stretch.chunk)?, stretch.fence);
            let values = (key.0, key.1, key.2, to_column(stretch.from)?, to_column(stretch.to)?);
            let some: Vec<EntryRow> = self.cql.rows(&self.statements.entries, values, size(stretch)).await?;
            whole(stretch, some.iter().map(|row| row.0), "ledger_entry")?;
            for row in some {
                found.push(rows::entry(of, row)?);
            }
        }
        Ok(found)
    }

    pub(super) async fn hashes(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, Error> {
        match log {
            LogId::Part(part) => self.partition_hashes(part, from, limit).await,
            LogId::Root(of) => {
                let leaves = self.root_rows(of, from, limit).await?;
                Ok(leaves.iter().map(|data| leaf_hash(data)).collect())
            }
        }
    }

    async fn partition_hashes(&self, of: Part, from: u64, limit: u32) -> Result<Vec<Hash>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogId::Part(of)).await?.stretches(from, limit.into()) {
            let key = (part(of)?, to_column(stretch.chunk)?, stretch.fence);
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

    pub(super) async fn root_rows(
        &self,
        of: Generation,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut found = Vec::new();
        for stretch in self.visible(LogId::Root(of)).await?.stretches(from, limit.into()) {
            let (chunk, fence) = (root_chunk(of, stretch.chunk), stretch.fence);
            let values = (chunk, fence, to_column(stretch.from)?, to_column(stretch.to)?);
            let some: Vec<(i64, Vec<u8>)> =
                self.cql.rows(&self.statements.roots, values, size(stretch)).await?;
            whole(stretch, some.iter().map(|row| row.0), "ledger_root_leaf")?;
            found.extend(some.into_iter().map(|(_, data)| data));
        }
        Ok(found)
    }

    pub(super) async fn known(&self, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, Error> {
        let logs = self.logs_up_to(part).await?;
        if logs.values().all(|visible| visible.size == 0) {
            return Ok(BTreeSet::new());
        }
        let places = stream::iter(events.to_vec()).map(|event| async move {
            let key = (event.to_bytes().to_vec(),);
            let staged = self.cql.rows(&self.statements.event, key, MAX_STAGED).await?;
            Ok::<(EventId, Vec<EventRow>), Error>((event, staged))
        });
        let places: Vec<_> = places.buffer_unordered(AT_ONCE).try_collect().await?;
        let mut known = BTreeSet::new();
        for (event, staged) in places {
            for (of, fence, index, _) in staged {
                let visible = logs.get(&rows::part_of(of)?);
                let index = from_column(index, "ledger_event")?;
                if visible.is_some_and(|visible| visible.has(index, fence)) {
                    known.insert(event);
                }
            }
        }
        Ok(known)
    }

    /// What can be seen of a partition's logs, of this generation and those before it.
    async fn logs_up_to(&self, part: Part) -> Result<BTreeMap<Part, Visible>, Error> {
        let mut logs = BTreeMap::new();
        let mut next = Some(Generation::FIRST);
        while let Some(generation) = next.filter(|own| *own <= part.generation()) {
            let of = Part::of(generation, part.partition());
            logs.insert(of, self.visible(LogId::Part(of)).await?);
            next = generation.next();
        }
        Ok(logs)
    }

    pub(super) async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, Error> {
        let key = (event.to_bytes().to_vec(),);
        let staged: Vec<EventRow> = self.cql.rows(&self.statements.event, key, MAX_STAGED).await?;
        for (of, fence, index, whose) in staged {
            if whose != tenant.as_str() {
                continue;
            }
            let (part, index) = (rows::part_of(of)?, from_column(index, "ledger_event")?);
            if self.visible(LogId::Part(part)).await?.has(index, fence) {
                return self.committed_entry(part, index, fence).await.map(Some);
            }
        }
        Ok(None)
    }

    /// The entry of an index, which is committed under this fence.
    pub(super) async fn committed_entry(&self, of: Part, index: u64, fence: i64) -> Result<Row, Error> {
        let (part, chunk) = (part(of)?, to_column(chunk(index))?);
        let values = (part, chunk, fence, to_column(index)?, to_column(index + 1)?);
        let row: Option<EntryRow> = self.cql.row(&self.statements.entries, values).await?;
        rows::entry(of, row.ok_or(Error::Row { table: "ledger_entry", what: "a gap" })?)
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
