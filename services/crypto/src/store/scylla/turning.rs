//! A page's turn: its next generation is written beside the one that is read, then the page's row changes.
//!
//! Whoever turns a page first puts a drawn name into its row; each chunk of the next generation, and the change of
//! the row, are written only while that name and the page's version stand there. So when the row changes, every slot
//! of the next generation is the attempt's own: what an attempt before left was overwritten, because slots are never
//! taken away and all of them are written, and what an attempt since would write has another name. No row of a
//! failed attempt is ever read, and none that comes late can still be written.

use cql::Batch;
use futures::FutureExt;
use kernel::{PageId, chain};
use tracing::debug;

use super::Tables;
use super::decision::{Act, Found, decide, new_act};
use super::error::{Error, number};
use crate::store::{MAX_CHANGES, NextGeneration, PageRow, WholePage, Written};

/// A slot of the next generation, as the caller has it.
type Next = (u16, Option<Vec<u8>>);

impl Tables {
    /// The serial read sees to it that no replica which is asked for the slots lacks what the version says: a narrowed
    /// entry would come back as it was before.
    pub(super) async fn whole_page(&self, page: PageId) -> Result<Option<WholePage>, Error> {
        let Some(row) = self.serial_page(page).await? else { return Ok(None) };
        let entries = self.generation_rows(page, row.generation.into()).await?;
        Ok(Some(WholePage { row, entries }))
    }

    /// The page, if it is at this version.
    pub(super) async fn page_at(&self, page: PageId, version: u64) -> Result<Option<PageRow>, Error> {
        Ok(self.page(page).await?.filter(|row| row.version == version))
    }

    pub(super) async fn turn_page(
        &self,
        before: &PageRow,
        after: &PageRow,
        next: &NextGeneration,
    ) -> Result<Written, Error> {
        // As with a page that is opened: whoever walks over the epoch's pages misses none.
        self.list(&before.tenant, after.epoch, before.page).await?;
        let turn = Turning { after, version: number(before.version, "a page's version")?, act: new_act() };
        match next {
            NextGeneration::Rewrapped { .. } => {
                let attempt = || self.try_rewrap(&turn).boxed();
                decide(Written::Applied, attempt, || self.find_rewrapped(&turn).boxed()).await
            }
            NextGeneration::Resealed { entries, .. } => {
                let written = self.reseal(&turn, entries).await?;
                if written == Written::Applied {
                    self.sweep(before).await;
                }
                Ok(written)
            }
        }
    }

    async fn try_rewrap(&self, turn: &Turning<'_>) -> Result<bool, cql::Error> {
        let Turning { after, version, act } = turn;
        let values = (
            after.epoch.0.cast_signed(),
            version.saturating_add(1),
            after.key.as_slice(),
            *act,
            after.page.to_bytes(),
            *version,
        );
        self.cql.apply(&self.statements.rewrap_page, values).await
    }

    async fn find_rewrapped(&self, turn: &Turning<'_>) -> Result<Found<Written>, Error> {
        Ok(match self.standing(turn).await? {
            Some(standing) if standing.act == turn.act => Found::Outcome(Written::Applied),
            Some(standing) if standing.version == turn.version => Found::Open,
            Some(_) | None => Found::Outcome(Written::Conflict),
        })
    }

    async fn reseal(&self, turn: &Turning<'_>, entries: &[Next]) -> Result<Written, Error> {
        let attempt = || self.try_begin(turn).boxed();
        if decide(Written::Applied, attempt, || self.find_begun(turn).boxed()).await? == Written::Conflict {
            return Ok(Written::Conflict);
        }
        for some in entries.chunks(MAX_CHANGES) {
            let attempt = || self.try_chunk(turn, some).boxed();
            // Written twice it is the same.
            let kept = decide(Written::Applied, attempt, || self.find_kept(turn).boxed()).await?;
            if kept == Written::Conflict {
                return Ok(Written::Conflict);
            }
        }
        let attempt = || self.try_end(turn).boxed();
        decide(Written::Applied, attempt, || self.find_kept(turn).boxed()).await
    }

    async fn try_begin(&self, turn: &Turning<'_>) -> Result<bool, cql::Error> {
        let values = (turn.act, turn.after.page.to_bytes(), turn.version);
        self.cql.apply(&self.statements.begin_turn, values).await
    }

    async fn find_begun(&self, turn: &Turning<'_>) -> Result<Found<Written>, Error> {
        Ok(match self.standing(turn).await? {
            Some(standing) if standing.version != turn.version => Found::Outcome(Written::Conflict),
            Some(standing) if standing.turning == turn.act => Found::Outcome(Written::Applied),
            Some(_) => Found::Open,
            None => Found::Outcome(Written::Conflict),
        })
    }

    async fn try_chunk(&self, turn: &Turning<'_>, entries: &[Next]) -> Result<bool, cql::Error> {
        let (page, act) = (turn.after.page.to_bytes(), turn.act);
        let generation = i64::from(turn.after.generation);
        let mut batch = Batch::unlogged();
        batch.add(&self.statements.keep_turn, (act, page, turn.version, act))?;
        for (slot, sealed) in entries {
            let sealed = sealed.clone().unwrap_or_default();
            batch.add(&self.statements.next_entry, (page, generation, i32::from(*slot), sealed, act))?;
        }
        self.cql.apply_batch(batch).await
    }

    async fn try_end(&self, turn: &Turning<'_>) -> Result<bool, cql::Error> {
        let Turning { after, version, act } = turn;
        let values = (
            after.epoch.0.cast_signed(),
            i64::from(after.generation),
            version.saturating_add(1),
            after.key.as_slice(),
            after.dirty,
            after.bytes.cast_signed(),
            *act,
            after.page.to_bytes(),
            *version,
            *act,
        );
        self.cql.apply(&self.statements.end_turn, values).await
    }

    /// Whether the attempt may go on, or has come to its end.
    async fn find_kept(&self, turn: &Turning<'_>) -> Result<Found<Written>, Error> {
        Ok(match self.standing(turn).await? {
            Some(standing) if standing.act == turn.act => Found::Outcome(Written::Applied),
            Some(standing) if standing.version == turn.version && standing.turning == turn.act => Found::Open,
            Some(_) | None => Found::Outcome(Written::Conflict),
        })
    }

    async fn standing(&self, turn: &Turning<'_>) -> Result<Option<Standing>, Error> {
        let at = (turn.after.page.to_bytes(),);
        let found: Option<(i64, Vec<u8>, Option<Vec<u8>>)> =
            self.cql.serial_row(&self.statements.page_turn, at).await?;
        let standing = |(version, act, turning): (i64, _, Option<_>)| Standing {
            version,
            act,
            turning: turning.unwrap_or_default(),
        };
        Ok(found.map(standing))
    }

    /// Nobody reads a generation that is over, and nothing will open it: what is left of it costs space, no more.
    async fn sweep(&self, before: &PageRow) {
        let values = (before.page.to_bytes(), i64::from(before.generation));
        if let Err(error) = self.cql.write(&self.statements.sweep_generation, values).await {
            debug!(page = %before.page, error = chain(&error), "a generation that is over is left where it lies");
        }
    }
}

/// An attempt.
struct Turning<'a> {
    after: &'a PageRow,
    /// The version that it was decided on.
    version: i64,
    act: Act,
}

/// What the page's row says of writes.
struct Standing {
    version: i64,
    act: Vec<u8>,
    turning: Vec<u8>,
}

#[cfg(test)]
mod tests;
