//! One order of acts over all processes, without a hole in it.
//!
//! A sequence is one row that says how many rows there are (`last`), which batch brought the newest (`batch`),
//! and up to where everything that follows from them is written (`settled`). Whoever has acts
//! 1. sees to it that all up to `last` is settled, and decides on what is then written,
//! 2. stages the new rows as a partition of their own, which nobody looks at,
//! 3. raises `last` and names the batch by one conditional write, if nobody else did since: now it is done,
//! 4. writes what follows, and then `settled`, which lets it be seen.
//!
//! A process that dies after 3 leaves a batch that anybody else finds by its name and settles: all that 4 writes
//! is written alike by whoever writes it. So decisions are never made on less than everything before them, and
//! what can be seen has nothing before it that becomes visible later.
//!
//! The conditional write is what two processes would lose truth without: they would number two rows alike, or
//! judge by a history that the other one has just changed. One of it serves all acts that wait together.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use cql::{Cql, Error, Space, Statement};
use kernel::{EventId, chain};
use parking_lot::Mutex;
use tracing::warn;

use super::failure::{Failure, bad, column};

const CLAIM: &str = "UPDATE {ks}.consent_order SET last = ?, batch_id = ? WHERE name = ? IF last = ?";
const HEAD: &str = "SELECT last, batch_id, settled FROM {ks}.consent_order WHERE name = ?";
/// The number is the cell's timestamp as well: a late write of a lower one changes nothing.
const SETTLE: &str = "UPDATE {ks}.consent_order USING TIMESTAMP ? SET settled = ? WHERE name = ?";

/// How often acts are tried again when others were first.
const ATTEMPTS: u32 = 50;
/// How often, and how long between, whoever claimed a batch is waited for before it is settled for them: what two
/// settle at once is published twice.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// What is ordered: how acts become rows, and what follows from rows.
#[async_trait]
pub(super) trait Ordered: Send + Sync + 'static {
    /// What is asked for.
    type Act: Send + Sync;
    /// What the asker is told.
    type Answer: Send;
    /// What it adds.
    type Row: Send + Sync;

    /// Decides on acts one after the other; everything up to `last` is written. Changes nothing.
    async fn decide(
        &self,
        name: &str,
        last: u64,
        acts: &[Self::Act],
    ) -> Result<Decided<Self::Answer, Self::Row>, Error>;
    /// Keeps rows where nobody looks.
    async fn stage(&self, batch: &[u8], rows: &[Self::Row]) -> Result<(), Error>;
    /// Rows that were staged, in their order.
    async fn staged(&self, batch: &[u8]) -> Result<Vec<Self::Row>, Error>;
    /// Takes them away.
    async fn unstage(&self, batch: &[u8]) -> Result<(), Error>;
    /// Writes everything that follows; the same however often it is done.
    async fn write(&self, rows: &[Self::Row]) -> Result<(), Error>;
}

/// What acts come to.
pub(super) struct Decided<A, R> {
    /// One for each act.
    pub(super) answers: Vec<A>,
    /// What they add; none where nothing changes.
    pub(super) rows: Vec<R>,
}

/// Sequences of one kind, by name.
pub(super) struct Sequence<O> {
    /// What is ordered.
    pub(super) ordered: O,
    cql: Cql,
    claim: Statement,
    head: Statement,
    settle: Statement,
    /// Up to where all was written when this process was last the newest one.
    known: Mutex<HashMap<String, u64>>,
}

/// A sequence's row.
struct Head {
    last: u64,
    batch: Vec<u8>,
    settled: u64,
}

/// What became of a batch that was to be the next.
enum Claimed {
    Ours,
    Lost,
    /// Not yet at least: it may still become the next.
    Unknown,
}

impl<O: Ordered> Sequence<O> {
    pub(super) async fn open(cql: &Cql, space: Space, ordered: O) -> Result<Self, Error> {
        Ok(Self {
            ordered,
            cql: cql.clone(),
            claim: cql.prepare(space, CLAIM).await?,
            head: cql.prepare(space, HEAD).await?,
            settle: cql.prepare(space, SETTLE).await?,
            known: Mutex::default(),
        })
    }

    /// Does acts that came together; where a fault of one stands in the way of all, each alone.
    pub(super) async fn commit_all(&self, name: &str, acts: &[O::Act]) -> Vec<Result<O::Answer, Failure>> {
        let failure = match self.commit(name, acts).await {
            Ok(answers) => return answers.into_iter().map(Ok).collect(),
            Err(failure) => failure,
        };
        if acts.len() == 1 || !failure.is_of_one() {
            return acts.iter().map(|_| Err(failure.clone())).collect();
        }
        let mut results = Vec::with_capacity(acts.len());
        for act in acts {
            let alone = self.commit(name, std::slice::from_ref(act)).await;
            results.push(alone.and_then(|answers| answers.into_iter().next().ok_or(Failure::Closed)));
        }
        results
    }

    /// Does acts, as one; each answer is final and what it adds can be seen.
    async fn commit(&self, name: &str, acts: &[O::Act]) -> Result<Vec<O::Answer>, Failure> {
        for _ in 0..ATTEMPTS {
            let known = self.known.lock().remove(name);
            let last = match known {
                Some(last) => last,
                None => self.settle_left(name).await?,
            };
            let Decided { answers, rows } = self.ordered.decide(name, last, acts).await?;
            if rows.is_empty() {
                return Ok(answers);
            }
            let batch = EventId::new().to_bytes();
            self.ordered.stage(&batch, &rows).await?;
            let next = last + rows.len() as u64;
            match self.claim(name, last, next, &batch).await? {
                Claimed::Ours => {
                    self.finish(name, next, &batch, &rows).await?;
                    self.known.lock().insert(name.to_owned(), next);
                    return Ok(answers);
                }
                Claimed::Lost => self.unstage(&batch).await,
                // Its rows stay: whoever finds that it is the next needs them.
                Claimed::Unknown => {}
            }
        }
        Err(Failure::Contended)
    }

    /// Up to where everything can be seen.
    pub(super) async fn settled(&self, name: &str) -> Result<u64, Error> {
        let found: Option<Columns> = self.cql.row(&self.head, (name,)).await?;
        Ok(Head::of(found)?.settled)
    }

    /// Settles what another process left, and answers with the last number.
    pub(super) async fn settle_left(&self, name: &str) -> Result<u64, Error> {
        let mut head = self.read(name).await?;
        for _ in 0..LOOKS {
            if head.settled >= head.last {
                return Ok(head.last);
            }
            tokio::time::sleep(PAUSE).await;
            head = self.read(name).await?;
        }
        if head.settled >= head.last {
            return Ok(head.last);
        }
        let rows = self.ordered.staged(&head.batch).await?;
        if rows.is_empty() {
            // Whoever settled it meanwhile has taken them away.
            let now = self.read(name).await?;
            return match now.settled >= head.last {
                true => Box::pin(self.settle_left(name)).await,
                false => Err(bad("consent_order")("a batch without rows")),
            };
        }
        self.finish(name, head.last, &head.batch, &rows).await?;
        Ok(head.last)
    }

    /// Raises the row. Where it is uncertain whether that was done, it is read again, serially: that ends
    /// whatever of it is under way at the replicas. A coordinator that lost us may try once more all the same.
    async fn claim(&self, name: &str, last: u64, next: u64, batch: &[u8]) -> Result<Claimed, Error> {
        let from = (last > 0).then(|| column(last));
        match self.cql.apply(&self.claim, (column(next), batch, name, from)).await {
            Ok(true) => Ok(Claimed::Ours),
            Ok(false) => Ok(Claimed::Lost),
            Err(error) if error.is_uncertain() => {
                let ours = self.read(name).await?.batch == batch;
                Ok(if ours { Claimed::Ours } else { Claimed::Unknown })
            }
            Err(error) => Err(error),
        }
    }

    async fn finish(&self, name: &str, last: u64, batch: &[u8], rows: &[O::Row]) -> Result<(), Error> {
        self.ordered.write(rows).await?;
        self.cql.write(&self.settle, (column(last), column(last), name)).await?;
        self.unstage(batch).await;
        Ok(())
    }

    /// What stays behind is looked at by nobody.
    async fn unstage(&self, batch: &[u8]) {
        if let Err(error) = self.ordered.unstage(batch).await {
            warn!(error = chain(&error), "a batch's staged rows stay behind");
        }
    }

    async fn read(&self, name: &str) -> Result<Head, Error> {
        Head::of(self.cql.serial_row(&self.head, (name,)).await?)
    }
}

type Columns = (Option<i64>, Option<Vec<u8>>, Option<i64>);

impl Head {
    fn of(columns: Option<Columns>) -> Result<Self, Error> {
        let bad = bad("consent_order");
        let (last, batch, settled) = columns.unwrap_or_default();
        let number = |column: Option<i64>| u64::try_from(column.unwrap_or(0)).map_err(|_| bad("a number"));
        Ok(Self { last: number(last)?, batch: batch.unwrap_or_default(), settled: number(settled)? })
    }
}

#[cfg(test)]
impl<O: Ordered> Sequence<O> {
    /// Does everything up to the conditional write, and dies.
    pub(super) async fn commit_and_die(&self, name: &str, acts: &[O::Act]) -> Vec<u8> {
        let last = self.settle_left(name).await.unwrap();
        let rows = self.ordered.decide(name, last, acts).await.unwrap().rows;
        let batch = EventId::new().to_bytes();
        self.ordered.stage(&batch, &rows).await.unwrap();
        let claimed = self.claim(name, last, last + rows.len() as u64, &batch).await.unwrap();
        assert!(matches!(claimed, Claimed::Ours));
        batch.to_vec()
    }
}
