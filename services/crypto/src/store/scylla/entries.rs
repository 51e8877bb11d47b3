//! A page's slots: read, and written with the page's version in one conditional batch.

use std::collections::HashMap;

use cql::Batch;
use futures::FutureExt;
use kernel::PageId;

use super::Tables;
use super::decision::{Act, Found, decide, new_act};
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
        let values = (place.page.to_bytes(), i32::from(place.slot));
        let mut found = self.cql.row(&self.statements.entry, values).await?;
        if found.is_none() {
            // Nobody shall find an entry there later that was written, and not answered for, before.
            found = self.cql.serial_row(&self.statements.entry, values).await?;
        }
        Ok(found.map(rows::slot).transpose()?.map(|slot| slot.row))
    }

    pub(super) async fn entries(&self, page: PageId) -> Result<Vec<EntryRow>, Error> {
        let values = (page.to_bytes(),);
        let found = self.all(&self.statements.entries, values, "slots of a page", MAX_SLOTS).await?;
        found.into_iter().map(|columns| Ok(rows::slot(columns)?.row)).collect()
    }

    pub(super) async fn slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<EntryRow>, Error> {
        Ok(self.written_slots(page, slots).await?.into_iter().map(|slot| slot.row).collect())
    }

    async fn written_slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<WrittenSlot>, Error> {
        let found = self.cql.rows(&self.statements.slots, slots_of(page, slots), MAX_CHANGES).await?;
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
        let written = self.written_slots(page, &slots).await?;
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
                    let values = (page, slot, generation, sealed, *act);
                    batch.add(&self.statements.add_entry, values)?;
                }
                Some(before) => {
                    let values = (generation, sealed, *act, page, slot, before.clone());
                    batch.add(&self.statements.overwrite_entry, values)?;
                }
            }
        }
        Ok(batch)
    }

    /// What became of a write. Where others have written since, one of its slots tells. If these were all
    /// overwritten it counts as a conflict: its writer looks again, at what stands now.
    async fn find_write(&self, write: &PageWrite<'_>) -> Result<Found<Written>, Error> {
        let page = write.row.page;
        let found: Option<(i64, Vec<u8>)> =
            self.cql.serial_row(&self.statements.page_act, (page.to_bytes(),)).await?;
        let Some((version, act)) = found else { return Ok(Found::Outcome(Written::Conflict)) };
        if act == write.act {
            return Ok(Found::Outcome(Written::Applied));
        }
        let slots: Vec<_> = write.changes.iter().map(|(change, _)| change.slot()).collect();
        let values = slots_of(page, &slots);
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

fn slots_of(page: PageId, slots: &[u16]) -> ([u8; 16], Vec<i32>) {
    (page.to_bytes(), slots.iter().map(|slot| i32::from(*slot)).collect())
}

#[cfg(test)]
mod tests;
