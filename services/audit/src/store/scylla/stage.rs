//! Writing rows where nobody sees them: entries, and what they are found by.

use std::collections::{BTreeMap, HashSet};

use cql::{Batch as Statements, Error};
use futures::stream::{self, StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::Inner;
use super::head::committed;
use super::places::{self, hour, year};
use super::rows::{part, to_column};
use super::visible::{chunk, root_chunk};
use crate::store::{Batch, Committed, LogId, NewRow, RootRow, Row};

/// Writes of one batch that are under way at once.
const AT_ONCE: usize = 32;
/// Rows of one partition that are written at once, and about how many bytes.
const ROWS: usize = 100;
const BYTES: usize = 256 << 10;
/// Pointers that are remembered as written.
const MAX_POINTED: usize = 50_000;

/// Whose entries of which hour are found where: a partition of `ledger_term`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Place {
    tenant: String,
    term: Vec<u8>,
    hour: i64,
    part: i32,
}

/// The partitions of `ledger_term` whose pointers this process has written, so that it writes each once.
#[derive(Default)]
pub(super) struct Pointed(Mutex<HashSet<Place>>);

impl Inner {
    pub(super) async fn stage(&self, batch: &Batch) -> Result<(), Error> {
        let fence = to_column(batch.fence)?;
        let mut writes = self.entries(fence, &batch.rows)?;
        let found_by = found_by(&batch.rows)?;
        for (place, rows) in &found_by {
            self.add_terms(&mut writes, fence, place, rows)?;
        }
        let fresh: Vec<_> = found_by.into_keys().filter(|place| !self.pointed.has(place)).collect();
        for place in &fresh {
            self.add_pointers(&mut writes, place)?;
        }
        let writes = stream::iter(writes).map(|write| self.cql.batch(write));
        writes.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        self.pointed.remember(fresh);
        Ok(())
    }

    /// The leaf is staged first and counts once the head names its fence and size. One that came too late, or a
    /// second time, is found out before it could overwrite what is committed.
    pub(super) async fn commit_root(&self, leaf: &RootRow) -> Result<Committed, Error> {
        let fence = to_column(leaf.fence)?;
        let log = LogId::Root(leaf.generation);
        let standing = self.standing(log).await?;
        if !standing.is_some_and(|(own, head)| own == fence && head.tree.size == leaf.index) {
            return Ok(Committed::Fenced);
        }
        let chunk = root_chunk(leaf.generation, chunk(leaf.index));
        let values = (chunk, fence, to_column(leaf.index)?, leaf.data.as_slice());
        self.cql.write(&self.statements.add_root, values).await?;
        let mut statements = Statements::unlogged();
        self.advance(&mut statements, log, leaf.fence, leaf.index, leaf.tree, 0)?;
        committed(self.cql.apply_batch(statements).await?)
    }

    /// Entries by chunk, and each event's place.
    fn entries(&self, fence: i64, rows: &[NewRow]) -> Result<Vec<Statements>, Error> {
        let mut writes = Vec::new();
        let (mut open, mut bytes, mut of) = (Statements::unlogged(), 0, None);
        for NewRow { row, .. } in rows {
            let (part, at_chunk) = (part(row.part)?, chunk(row.index));
            if of != Some((part, at_chunk)) || open.len() >= ROWS || bytes > BYTES {
                writes.push(std::mem::replace(&mut open, Statements::unlogged()));
                (bytes, of) = (0, Some((part, at_chunk)));
            }
            bytes += row.sealed.bytes.len();
            let (index, event) = (to_column(row.index)?, row.sealed.event.to_bytes().to_vec());
            let values = (
                part,
                to_column(at_chunk)?,
                fence,
                index,
                row.tenant.to_string(),
                row.at.0,
                event.clone(),
                row.sealed.commitment.to_vec(),
                row.sealed.bytes.clone(),
            );
            open.add(&self.statements.add_entry, values)?;
            let mut place = Statements::unlogged();
            place.add(&self.statements.add_event, (event, part, fence, index, row.tenant.to_string()))?;
            writes.push(place);
        }
        writes.push(open);
        Ok(writes)
    }

    fn add_terms(
        &self,
        writes: &mut Vec<Statements>,
        fence: i64,
        place: &Place,
        rows: &[&Row],
    ) -> Result<(), Error> {
        for some in rows.chunks(ROWS) {
            let mut write = Statements::unlogged();
            for row in some {
                let Place { tenant, term, hour, part } = place.clone();
                let values = (tenant, term, hour, part, row.at.0, to_column(row.index)?, fence);
                write.add(&self.statements.add_term, values)?;
            }
            writes.push(write);
        }
        Ok(())
    }

    fn add_pointers(&self, writes: &mut Vec<Statements>, place: &Place) -> Result<(), Error> {
        let Place { tenant, term, hour, part } = place.clone();
        let (mut of_year, mut of_hour) = (Statements::unlogged(), Statements::unlogged());
        of_year.add(&self.statements.add_year, (tenant.clone(), term.clone(), year(hour)))?;
        of_hour.add(&self.statements.add_hour, (tenant, term, year(hour), hour, part))?;
        writes.extend([of_year, of_hour]);
        Ok(())
    }
}

/// Rows by the partitions of `ledger_term` that they go to: one for each term, and one for all of the tenant's.
fn found_by(rows: &[NewRow]) -> Result<BTreeMap<Place, Vec<&Row>>, Error> {
    let mut found: BTreeMap<Place, Vec<&Row>> = BTreeMap::new();
    for NewRow { row, terms } in rows {
        for term in terms.iter().map(Some).chain([None]) {
            let place = Place {
                tenant: row.tenant.to_string(),
                term: places::term(term),
                hour: hour(row.at),
                part: part(row.part)?,
            };
            found.entry(place).or_default().push(row);
        }
    }
    Ok(found)
}

impl Pointed {
    fn has(&self, place: &Place) -> bool {
        self.0.lock().contains(place)
    }

    fn remember(&self, places: Vec<Place>) {
        let mut pointed = self.0.lock();
        if pointed.len() + places.len() > MAX_POINTED {
            pointed.clear();
        }
        pointed.extend(places.into_iter().take(MAX_POINTED));
    }
}
