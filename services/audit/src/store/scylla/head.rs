//! Heads: claims, commits and marks, each one conditional write on a log's own partition.

use cql::{Batch as Statements, Error};
use merkle::TreeHead;

use super::Inner;
use super::rows::{self, HeadRow, to_column};
use super::visible::Visible;
use crate::name::Incarnation;
use crate::store::{Batch, Begun, Claim, Committed, Era, Generation, Head, LogId, Part};
use crate::succession::Succession;

/// Claims of one log that may stand in each other's way before one of them gives up.
const ATTEMPTS: u32 = 20;
/// Logs that an index may have; of each history the audit topic's partitions and the root log.
const MAX_LOGS: usize = 100_000;
/// Histories that an index may have; each beyond the first is a restore that lost some of the one before.
const MAX_HISTORIES: usize = 10_000;
/// Claims that are read of one log; each is a partition that changed hands.
const MAX_CLAIMS: usize = 100_000;

impl Inner {
    pub(super) async fn incarnations(&self) -> Result<Vec<Begun>, Error> {
        let rows: Vec<HistoryRow> =
            self.cql.serial_rows(&self.statements.histories, (), MAX_HISTORIES).await?;
        let mut begun: Vec<Begun> = rows.into_iter().map(history).collect::<Result<_, _>>()?;
        begun.sort_by_key(|own| own.era.generation);
        if begun.first().is_none_or(|own| own.era.generation != Generation::FIRST) {
            begun.splice(..0, self.first().await?);
        }
        Ok(begun)
    }

    /// The first history, as indexes of before there were several have it.
    async fn first(&self) -> Result<Option<Begun>, Error> {
        let found: Option<(Vec<u8>,)> = self.cql.serial_row(&self.statements.incarnation, ()).await?;
        found.map(|(id,)| history((Generation::FIRST.number(), Some(id), None))).transpose()
    }

    pub(super) async fn begin(&self, begun: &Begun) -> Result<Begun, Error> {
        let generation = begun.era.generation;
        if generation == Generation::FIRST
            && let Some(first) = self.first().await?
        {
            return Ok(first);
        }
        let (id, after) = (begun.era.incarnation.to_bytes().to_vec(), begun.after.as_ref());
        let values = (generation.number(), id, after.map(Succession::encode));
        match self.cql.apply(&self.statements.begin, values).await {
            Ok(true) => return Ok(begun.clone()),
            Ok(false) => {}
            Err(error) if error.is_uncertain() => {}
            Err(error) => return Err(error),
        }
        let missing = Error::Row { table: "ledger_history", what: "no row after an insert" };
        let standing = self.incarnations().await?.into_iter().find(|own| own.era.generation == generation);
        standing.ok_or(missing)
    }

    pub(super) async fn claim(&self, log: LogId) -> Result<Claim, Error> {
        // Listed first, so that no log is claimed that nobody finds.
        self.cql.write(&self.statements.list, (log.number(),)).await?;
        for _ in 0..ATTEMPTS {
            if let Some(claim) = self.try_claim(log).await? {
                return Ok(claim);
            }
        }
        Err(Error::Locked)
    }

    /// `None` where another writer came between.
    async fn try_claim(&self, log: LogId) -> Result<Option<Claim>, Error> {
        let standing = self.standing(log).await?;
        let head = standing.map_or(Head::EMPTY, |(_, head)| head);
        let fence = standing.map_or(0, |(fence, _)| fence) + 1;
        let mut batch = Statements::unlogged();
        match standing {
            None => {
                let root = Head::EMPTY.tree.root.as_bytes().to_vec();
                batch.add(&self.statements.take_first, (fence, root.clone(), root, log.number()))?;
            }
            Some((held, _)) => {
                let size = to_column(head.tree.size)?;
                batch.add(&self.statements.take, (fence, log.number(), held, size))?;
            }
        }
        let key = head.tree.size.to_be_bytes().to_vec();
        batch.add(&self.statements.note_claim, (log.number(), key, fence))?;
        // An uncertain claim is none: the next one has a higher fence.
        let applied = self.cql.apply_batch(batch).await?;
        Ok(applied.then_some(Claim { fence: rows::from_column(fence, "ledger_head")?, head }))
    }

    /// A log's fence and head, with whatever conditional write is still under way.
    pub(super) async fn standing(&self, log: LogId) -> Result<Option<(i64, Head)>, Error> {
        let found: Option<HeadRow> = self.cql.serial_row(&self.statements.head, (log.number(),)).await?;
        found.map_or(Ok(None), rows::head)
    }

    pub(super) async fn heads(&self) -> Result<Vec<(LogId, Head)>, Error> {
        let mut heads = Vec::new();
        for (number,) in self.cql.rows::<(i64,)>(&self.statements.logs, (), MAX_LOGS).await? {
            let log = LogId::from_number(number);
            let log = log.ok_or(Error::Row { table: "ledger_log", what: "a log" })?;
            if let Some((_, head)) = self.standing(log).await? {
                heads.push((log, head));
            }
        }
        Ok(heads)
    }

    pub(super) async fn commit(&self, batch: &Batch) -> Result<Committed, Error> {
        if batch.on + batch.rows.len() as u64 != batch.tree.size {
            return Err(Error::Row { table: "ledger_entry", what: "another number of rows than the commit" });
        }
        let log = LogId::Part(batch.part);
        let mut statements = Statements::unlogged();
        self.advance(&mut statements, log, batch.fence, batch.on, batch.tree, batch.next_offset)?;
        for producer in &batch.producers {
            let (id, last) = (producer.id.to_bytes().to_vec(), to_column(producer.last)?);
            let state = i8::try_from(producer.state.number()).unwrap_or(i8::MAX);
            statements.add(&self.statements.note_producer, (log.number(), id, last, state))?;
        }
        committed(self.cql.apply_batch(statements).await?)
    }

    /// Adds the one conditional update that commits.
    pub(super) fn advance(
        &self,
        statements: &mut Statements,
        log: LogId,
        fence: u64,
        on: u64,
        tree: TreeHead,
        next_offset: u64,
    ) -> Result<(), Error> {
        let (size, root, offset) =
            (to_column(tree.size)?, tree.root.as_bytes().to_vec(), to_column(next_offset)?);
        let values = (size, root, offset, log.number(), to_column(fence)?, to_column(on)?, offset);
        statements.add(&self.statements.advance, values)
    }

    pub(super) async fn mark_published(&self, log: LogId, tree: TreeHead) -> Result<(), Error> {
        let size = to_column(tree.size)?;
        let values = (size, tree.root.as_bytes().to_vec(), log.number(), size, size);
        self.cql.apply(&self.statements.publish, values).await.map(drop)
    }

    pub(super) async fn rewind(&self, part: Part, fence: u64, next_offset: u64) -> Result<Committed, Error> {
        let values = (to_column(next_offset)?, LogId::Part(part).number(), to_column(fence)?);
        committed(self.cql.apply(&self.statements.rewind, values).await?)
    }

    pub(super) async fn mark_stored(&self, part: Part, below: u64) -> Result<(), Error> {
        let (log, below) = (LogId::Part(part), to_column(below)?);
        self.cql.apply(&self.statements.store, (below, log.number(), below, below)).await.map(drop)
    }

    /// What of a log can be seen.
    pub(super) async fn visible(&self, log: LogId) -> Result<Visible, Error> {
        let rows: Vec<(Vec<u8>, Option<i64>, Option<i64>)> =
            self.cql.rows(&self.statements.claims, (log.number(),), MAX_CLAIMS).await?;
        let bad = |what| Error::Row { table: "ledger_head", what };
        let mut visible = Visible::default();
        for (key, fence, size) in rows {
            let from = u64::from_be_bytes(key.try_into().map_err(|_| bad("a claim"))?);
            visible.claims.insert(from, fence.ok_or(bad("a claim"))?);
            visible.size = rows::from_column(size.ok_or(bad("a size"))?, "ledger_head")?;
        }
        Ok(visible)
    }
}

/// A history's: generation, incarnation, what it follows.
type HistoryRow = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

fn history((generation, id, after): HistoryRow) -> Result<Begun, Error> {
    let bad = |what| Error::Row { table: "ledger_history", what };
    let generation = Generation::from_number(generation).ok_or(bad("a generation"))?;
    let id = id.and_then(|id| id.try_into().ok()).ok_or(bad("an id"))?;
    let era = Era { generation, incarnation: Incarnation::from_bytes(id) };
    let after = after.map(|bytes| Succession::decode(&bytes).ok_or(bad("what it follows"))).transpose()?;
    Ok(Begun { era, after })
}

pub(super) fn committed(applied: bool) -> Result<Committed, Error> {
    Ok(if applied { Committed::Done } else { Committed::Fenced })
}
