//! A page's slots: read, and written with the page's version in one conditional batch.

use std::collections::HashMap;

use cql::Batch;
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::PageId;

use super::Tables;
use super::decision::{Act, Found, decide, new_act, tries};
use super::error::{Error, number};
use super::rows::{self, WrittenSlot};
use crate::store::{Change, EntryRow, MAX_CHANGES, PageRow, Place, Written};

/// Slots of a page: more than it is filled with.
const MAX_SLOTS: usize = 1 << 16;

/// A write on a page, decided on what was read of it.
struct PageWrite<'c> {
    /// The page as it will be, at the version that it was decided on.
    row: PageRow,
    version: i64,
    /// Each change with the write that its slot is from, if it was written.
    changes: Vec<(&'c Change, Option<Vec<u8>>)>,
    act: Act,
}

impl Tables {
    pub(super) async fn entry(&self, place: Place) -> Result<Option<EntryRow>, Error> {
        let slot = i32::from(place.slot);
        if let Some(generation) = self.generation(place.page).await? {
            let values = (place.page.to_bytes(), generation, slot);
            if let Some(found) = self.cql.row(&self.statements.entry, values).await? {
                return Ok(Some(rows::slot(found)?.row));
            }
        }
        // Nobody shall find an entry there later that was written, and not answered for, before.
        let mut current = self.serial_generation(place.page).await?;
        for _ in tries() {
            let Some(generation) = current else { return Ok(None) };
            let values = (place.page.to_bytes(), generation, slot);
            if let Some(found) = self.cql.serial_row(&self.statements.entry, values).await? {
                return Ok(Some(rows::slot(found)?.row));
            }
            // A page that was turned meanwhile has it under the next generation.
            let now = self.serial_generation(place.page).await?;
            if now == current {
                return Ok(None);
            }
            current = now;
        }
        Err(Error::Contended)
    }

    pub(super) async fn entries(&self, page: PageId) -> Result<Vec<EntryRow>, Error> {
        let found = self.of_one_generation(page, |generation| self.generation_rows(page, generation).boxed());
        found.await
    }

    pub(super) async fn slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<EntryRow>, Error> {
        let read = |generation| self.written_slots(page, generation, slots).boxed();
        Ok(self.of_one_generation(page, read).await?.into_iter().map(|slot| slot.row).collect())
    }

    /// Every slot of a generation, in order.
    pub(super) async fn generation_rows(
        &self,
        page: PageId,
        generation: i64,
    ) -> Result<Vec<EntryRow>, Error> {
        let values = (page.to_bytes(), generation);
        let found = self.all(&self.statements.entries, values, "slots of a page", MAX_SLOTS).await?;
        found.into_iter().map(|columns| Ok(rows::slot(columns)?.row)).collect()
    }

    /// What is read under a generation that is the page's before and after: in between it may be over, and gone.
    async fn of_one_generation<'a, R>(
        &'a self,
        page: PageId,
        read: impl Fn(i64) -> BoxFuture<'a, Result<Vec<R>, Error>>,
    ) -> Result<Vec<R>, Error> {
        let mut current = self.generation(page).await?;
        for _ in tries() {
            let Some(generation) = current else { return Ok(Vec::new()) };
            let found = read(generation).await?;
            let now = self.generation(page).await?;
            if now == current {
                return Ok(found);
            }
            current = now;
        }
        Err(Error::Contended)
    }

    async fn generation(&self, page: PageId) -> Result<Option<i64>, Error> {
        let found: Option<(i64,)> =
            self.cql.row(&self.statements.page_generation, (page.to_bytes(),)).await?;
        Ok(found.map(|(generation,)| generation))
    }

    async fn serial_generation(&self, page: PageId) -> Result<Option<i64>, Error> {
        let found: Option<(i64,)> =
            self.cql.serial_row(&self.statements.page_generation, (page.to_bytes(),)).await?;
        Ok(found.map(|(generation,)| generation))
    }

    async fn written_slots(
        &self,
        page: PageId,
        generation: i64,
        slots: &[u16],
    ) -> Result<Vec<WrittenSlot>, Error> {
        let values = slots_of(page, generation, slots);
        let found = self.cql.rows(&self.statements.slots, values, MAX_CHANGES).await?;
        found.into_iter().map(rows::slot).collect()
    }

    pub(super) async fn write_page(
        &self,
        page: PageId,
        version: u64,
        changes: &[Change],
    ) -> Result<Written, Error> {
        let Some(write) = self.decide_write(page, version, changes).await? else {
            return Ok(Written::Conflict);
        };
        let attempt = || self.try_write(&write).boxed();
        decide(Written::Applied, attempt, || self.find_write(&write).boxed()).await
    }

    async fn try_write(&self, write: &PageWrite<'_>) -> Result<bool, cql::Error> {
        self.cql.apply_batch(self.batch(write)?).await
    }

    /// Nothing where the page or a slot is not as it is taken to be. What is read here may be old: the conditions
    /// of the batch say so then.
    async fn decide_write<'c>(
        &self,
        page: PageId,
        version: u64,
        changes: &'c [Change],
    ) -> Result<Option<PageWrite<'c>>, Error> {
        let Some(mut row) = self.page(page).await?.filter(|row| row.version == version) else {
            return Ok(None);
        };
        let slots: Vec<_> = changes.iter().map(Change::slot).collect();
        let written = self.written_slots(page, row.generation.into(), &slots).await?;
        let written: HashMap<_, _> = written.into_iter().map(|slot| (slot.row.slot, slot)).collect();
        let mut decided = Vec::with_capacity(changes.len());
        for change in changes {
            let slot = written.get(&change.slot());
            let before = slot.map(|slot| &slot.row.body);
            if !change.fits(before) {
                return Ok(None);
            }
            row.count(change, before);
            decided.push((change, slot.map(|slot| slot.act.clone())));
        }
        let version = number(version, "a page's version")?;
        Ok(Some(PageWrite { row, version, changes: decided, act: new_act() }))
    }

    fn batch(&self, write: &PageWrite<'_>) -> Result<Batch, cql::Error> {
        let PageWrite { row, version, changes, act } = write;
        let page = row.page.to_bytes();
        let mut batch = Batch::unlogged();
        let [added, removed, bytes] = [row.added, row.removed, row.bytes].map(u64::cast_signed);
        let next = version.saturating_add(1);
        let values = (next, row.dirty, added, removed, bytes, *act, page, *version);
        batch.add(&self.statements.write_page, values)?;
        let generation = i64::from(row.generation);
        for (change, before) in changes {
            let slot = i32::from(change.slot());
            let sealed = change.sealed().unwrap_or_default().to_vec();
            match before {
                None => {
                    let values = (page, generation, slot, sealed, *act);
                    batch.add(&self.statements.add_entry, values)?;
                }
                Some(before) => {
                    let values = (sealed, *act, page, generation, slot, before.clone());
                    batch.add(&self.statements.overwrite_entry, values)?;
                }
            }
        }
        Ok(batch)
    }

    /// What became of a write. Where others have written since, one of its slots tells. If these were all
    /// overwritten, or the page has had its turn, it counts as a conflict: its writer looks again, at what stands now.
    async fn find_write(&self, write: &PageWrite<'_>) -> Result<Found<Written>, Error> {
        let page = write.row.page;
        let found: Option<(i64, Vec<u8>)> =
            self.cql.serial_row(&self.statements.page_act, (page.to_bytes(),)).await?;
        let Some((version, act)) = found else { return Ok(Found::Outcome(Written::Conflict)) };
        if act == write.act {
            return Ok(Found::Outcome(Written::Applied));
        }
        let slots: Vec<_> = write.changes.iter().map(|(change, _)| change.slot()).collect();
        let values = slots_of(page, write.row.generation.into(), &slots);
        let found = self.cql.serial_rows(&self.statements.slots, values, MAX_CHANGES).await?;
        let found = found.into_iter().map(rows::slot).collect::<Result<Vec<_>, _>>()?;
        if found.iter().any(|slot| slot.act == write.act) {
            return Ok(Found::Outcome(Written::Applied));
        }
        Ok(if version == write.version && write.still_fits(&found) {
            Found::Open
        } else {
            Found::Outcome(Written::Conflict)
        })
    }
}

impl PageWrite<'_> {
    /// Whether the slots are from the same writes as when it was decided.
    fn still_fits(&self, found: &[WrittenSlot]) -> bool {
        let found: HashMap<_, _> = found.iter().map(|slot| (slot.row.slot, &slot.act)).collect();
        self.changes.iter().all(|(change, before)| found.get(&change.slot()).copied() == before.as_ref())
    }
}

fn slots_of(page: PageId, generation: i64, slots: &[u16]) -> ([u8; 16], i64, Vec<i32>) {
    (page.to_bytes(), generation, slots.iter().map(|slot| i32::from(*slot)).collect())
}

#[cfg(test)]
mod tests;
