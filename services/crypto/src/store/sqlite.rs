//! The key tables in SQLite: one file in the keys directory.
//!
//! Deleted and overwritten bytes are zeroed by the file's own setting (crate `sqlite`). Read `schema` first.

mod entries;
mod rows;
mod schema;
mod turning;

use std::path::Path;

use ::sqlite::rusqlite::{OptionalExtension, params};
use ::sqlite::{Db, Error, Options};
use async_trait::async_trait;
use kernel::{
    ErrorCode, EventId, InstanceId, KeyEpoch, PageId, RecordingId, ServiceError, TenantId, Timestamp,
};

use super::{
    Adoption, Change, EntryKey, EntryRow, EpochRow, EpochState, Holder, KeyStore, Locator, LocatorState,
    MAX_LISTED, MAX_MARKS, MAX_TENANTS, NextGeneration, PageRow, PageState, Place, RecordingRow, SectionRow,
    StoreError, WholePage, Written, change, mark,
};
use crate::marks::Mark;
use rows::all;
pub(crate) use rows::page as read_page;
pub use schema::COMPONENT;

/// The key tables in one SQLite file.
#[derive(Clone)]
pub struct SqliteKeyStore {
    db: Db,
}

impl SqliteKeyStore {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = Db::open(path, Options::default(), &[COMPONENT]).await;
        Ok(Self { db: opened.map_err(failed("open the file"))? })
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl KeyStore for SqliteKeyStore {
    async fn latest_epoch(&self, tenant: &TenantId) -> Result<Option<EpochRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let mut find =
                c.prepare_cached("SELECT * FROM epoch WHERE tenant = ? ORDER BY epoch DESC LIMIT 1")?;
            find.query_row([tenant.as_str()], |row| Ok(rows::epoch(row))).optional()?.transpose()
        });
        read.await.map_err(failed("read the latest epoch"))
    }

    async fn epoch(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<EpochRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let mut find = c.prepare_cached("SELECT * FROM epoch WHERE tenant = ? AND epoch = ?")?;
            find.query_row(params![tenant.as_str(), epoch.0], |row| Ok(rows::epoch(row)))
                .optional()?
                .transpose()
        });
        read.await.map_err(failed("read an epoch"))
    }

    async fn begin_epoch(&self, row: &EpochRow) -> Result<Written, StoreError> {
        let row = row.clone();
        let written = self.db.write(move |tx| {
            let inserted = tx
                .prepare_cached(
                    "INSERT INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    row.tenant.as_str(),
                    row.epoch.0,
                    row.from.0,
                    row.until.0,
                    row.state.number(),
                    row.kek,
                    row.hpke_secret,
                    row.hpke_public,
                ])?;
            if inserted == 0 {
                return Ok(Written::Conflict);
            }
            let close = "UPDATE epoch SET state = ? WHERE tenant = ? AND epoch < ? AND state = ?";
            tx.prepare_cached(close)?.execute(params![
                EpochState::Closing.number(),
                row.tenant.as_str(),
                row.epoch.0,
                EpochState::Active.number(),
            ])?;
            Ok(Written::Applied)
        });
        written.await.map_err(failed("begin an epoch"))
    }

    async fn add_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let (tenant, holder) = (tenant.clone(), holder.clone());
        let written = self.db.write(move |tx| {
            let insert = "INSERT INTO epoch_holder VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
            let values = params![tenant.as_str(), epoch.0, holder.instance.to_bytes(), holder.since.0];
            tx.prepare_cached(insert)?.execute(values)?;
            Ok(())
        });
        written.await.map_err(failed("note who holds an epoch's public key"))
    }

    async fn remove_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        instance: InstanceId,
    ) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let written = self.db.write(move |tx| {
            let delete = "DELETE FROM epoch_holder WHERE tenant = ? AND epoch = ? AND instance = ?";
            tx.prepare_cached(delete)?.execute(params![tenant.as_str(), epoch.0, instance.to_bytes()])?;
            Ok(())
        });
        written.await.map_err(failed("forget who holds an epoch's public key"))
    }

    async fn epochs(&self, tenant: &TenantId) -> Result<Vec<EpochRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            all(
                c,
                "SELECT * FROM epoch WHERE tenant = ? ORDER BY epoch",
                params![tenant.as_str()],
                rows::epoch,
            )
        });
        read.await.map_err(failed("read a tenant's epochs"))
    }

    async fn holders(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Vec<Holder>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find =
                "SELECT instance, since FROM epoch_holder WHERE tenant = ? AND epoch = ? ORDER BY instance";
            all(c, find, params![tenant.as_str(), epoch.0], rows::holder)
        });
        read.await.map_err(failed("read who holds an epoch's public key"))
    }

    async fn set_epoch(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        from: EpochState,
        to: EpochState,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let tenant = tenant.clone();
        let written = self.db.write(move |tx| turning::set_epoch(tx, &tenant, epoch, (from, to), at));
        let written = written.await.map_err(failed("take an epoch further"))?;
        if to == EpochState::Destroyed {
            // What was overwritten leaves the write-ahead log, too. Where a reader is in the way it goes with a later
            // checkpoint: no key is left that it opens with.
            drop(self.db.checkpoint().await);
        }
        Ok(written)
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        const ACT: &str = "read who has epochs";
        let read = self.db.read(|c| {
            let find = "SELECT DISTINCT tenant FROM epoch ORDER BY tenant LIMIT ?";
            all(c, find, [MAX_TENANTS + 1], rows::named)
        });
        let found = read.await.map_err(failed(ACT))?;
        if found.len() > MAX_TENANTS {
            return Err(StoreError::new(ACT, ErrorCode::ResourceExhausted, "more tenants than there may be"));
        }
        Ok(found)
    }

    async fn adopt(&self, row: &SectionRow) -> Result<Adoption, StoreError> {
        let row = row.clone();
        let written = self.db.write(move |tx| entries::adopt(tx, &row));
        written.await.map_err(failed("adopt a section"))
    }

    async fn sections(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<SectionRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT * FROM section WHERE tenant = ? AND recording = ? ORDER BY leg, section";
            all(c, find, params![tenant.as_str(), recording.to_bytes()], rows::section)
        });
        read.await.map_err(failed("read a recording's sections"))
    }

    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT * FROM recording WHERE tenant = ? AND recording = ?";
            c.prepare_cached(find)?
                .query_row(params![tenant.as_str(), recording.to_bytes()], |row| Ok(rows::recording(row)))
                .optional()?
                .transpose()
        });
        read.await.map_err(failed("read a recording"))
    }

    async fn save_recording(&self, row: &RecordingRow) -> Result<Written, StoreError> {
        let row = row.clone();
        let written = self.db.write(move |tx| entries::save_recording(tx, &row));
        written.await.map_err(failed("write a recording"))
    }

    async fn claim(
        &self,
        tenant: &TenantId,
        claims: &[(EntryKey, Place)],
    ) -> Result<Vec<Locator>, StoreError> {
        let (tenant, claims) = (tenant.clone(), claims.to_vec());
        let written = self.db.write(move |tx| {
            claims.iter().map(|(key, place)| entries::claim(tx, &tenant, key, *place)).collect()
        });
        written.await.map_err(failed("claim places"))
    }

    async fn locators(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Locator>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find =
                "SELECT * FROM locator WHERE tenant = ? AND recording = ? ORDER BY leg, section, purpose";
            all(c, find, params![tenant.as_str(), recording.to_bytes()], rows::locator)
        });
        read.await.map_err(failed("read a recording's locators"))
    }

    async fn retire(&self, tenant: &TenantId, key: &EntryKey) -> Result<(), StoreError> {
        let (tenant, key) = (tenant.clone(), key.clone());
        let written = self.db.write(move |tx| {
            tx.prepare_cached(
                "UPDATE locator SET state = ?
                 WHERE tenant = ? AND recording = ? AND leg = ? AND section = ? AND purpose = ?",
            )?
            .execute(params![
                LocatorState::Removed.number(),
                tenant.as_str(),
                key.section.recording.to_bytes(),
                key.section.leg.0,
                key.section.section.0,
                key.purpose.as_str(),
            ])?;
            Ok(())
        });
        written.await.map_err(failed("retire a locator"))
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        const ACT: &str = "mark a recording";
        let spans = mark::spans_bytes(mark.spans.as_ref())?;
        let mark = mark.clone();
        let written = self.db.write(move |tx| entries::add_mark(tx, &mark, &spans));
        if written.await.map_err(failed(ACT))? { Ok(()) } else { Err(mark::too_many(ACT)) }
    }

    async fn marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Mark>, StoreError> {
        const ACT: &str = "read a recording's marks";
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT * FROM mark WHERE tenant = ? AND recording = ? ORDER BY erasure LIMIT ?";
            all(c, find, params![tenant.as_str(), recording.to_bytes(), MAX_MARKS + 1], rows::mark)
        });
        let found = read.await.map_err(failed(ACT))?;
        if found.len() > MAX_MARKS { Err(mark::too_many(ACT)) } else { Ok(found) }
    }

    async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let mut find = c.prepare_cached("SELECT max(marked_at) FROM mark WHERE tenant = ?")?;
            let newest: Option<i64> = find.query_row([tenant.as_str()], |row| row.get(0))?;
            Ok(newest.map(Timestamp))
        });
        read.await.map_err(failed("read when something was last erased"))
    }

    /// One process opens the file.
    fn is_shared(&self) -> bool {
        false
    }

    async fn open_page(&self, row: &PageRow) -> Result<(), StoreError> {
        let row = row.clone();
        let written = self.db.write(move |tx| entries::open_page(tx, &row));
        written.await.map_err(failed("open a page"))
    }

    async fn page(&self, page: PageId) -> Result<Option<PageRow>, StoreError> {
        let read = self.db.read(move |c| entries::page(c, page));
        read.await.map_err(failed("read a page"))
    }

    async fn entry(&self, place: Place) -> Result<Option<EntryRow>, StoreError> {
        let read = self.db.read(move |c| entries::entry(c, place));
        read.await.map_err(failed("read an entry"))
    }

    async fn slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<EntryRow>, StoreError> {
        let slots = slots.to_vec();
        let read = self.db.read(move |c| {
            let entries = slots.iter().map(|slot| entries::entry(c, Place { page, slot: *slot }));
            entries.filter_map(Result::transpose).collect()
        });
        read.await.map_err(failed("read slots of a page"))
    }

    async fn entries(&self, page: PageId) -> Result<Vec<EntryRow>, StoreError> {
        let read = self.db.read(move |c| entries::entries(c, page));
        read.await.map_err(failed("read a page's entries"))
    }

    async fn pages(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        after: Option<PageId>,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT * FROM page WHERE tenant = ? AND epoch = ? AND page > ? ORDER BY page LIMIT ?";
            let after = after.map_or_else(Vec::new, |page| page.to_bytes().to_vec());
            all(c, find, params![tenant.as_str(), epoch.0, after, limit.min(MAX_LISTED)], rows::page)
        });
        read.await.map_err(failed("read an epoch's pages"))
    }

    async fn write_page(
        &self,
        page: PageId,
        version: u64,
        changes: &[Change],
    ) -> Result<Written, StoreError> {
        change::check(changes)?;
        let changes = changes.to_vec();
        let written = self.db.write(move |tx| entries::write_page(tx, page, version, &changes));
        match written.await {
            Ok(()) => Ok(Written::Applied),
            Err(entries::Refusal::Conflict) => Ok(Written::Conflict),
            Err(entries::Refusal::Failed(error)) => Err(failed("write a page")(error)),
        }
    }

    async fn whole_page(&self, page: PageId) -> Result<Option<WholePage>, StoreError> {
        let read = self.db.read(move |c| match entries::page(c, page)? {
            Some(row) => Ok(Some(WholePage { row, entries: entries::entries(c, page)? })),
            None => Ok(None),
        });
        read.await.map_err(failed("read a whole page"))
    }

    async fn turn_page(
        &self,
        page: PageId,
        version: u64,
        next: NextGeneration,
    ) -> Result<Written, StoreError> {
        let written = self.db.write(move |tx| turning::turn_page(tx, page, version, &next));
        match written.await {
            Ok(()) => Ok(Written::Applied),
            Err(turning::Refusal::Conflict) => Ok(Written::Conflict),
            Err(turning::Refusal::Wrong(error)) => Err(error),
            Err(turning::Refusal::Failed(error)) => Err(failed("turn a page")(error)),
        }
    }

    async fn close_page(&self, page: PageId) -> Result<(), StoreError> {
        let written = self.db.write(move |tx| {
            let (open, closed) = (PageState::Open.number(), PageState::Closed.number());
            tx.prepare_cached(
                "UPDATE page SET state = ?, version = version + 1 WHERE page = ? AND state = ?",
            )?
            .execute(params![closed, page.to_bytes(), open])?;
            Ok(())
        });
        written.await.map_err(failed("close a page"))
    }

    async fn keep_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let (tenant, sealed) = (tenant.clone(), sealed.to_vec());
        let written = self.db.write(move |tx| {
            let insert = "INSERT INTO reason VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            tx.prepare_cached(insert)?.execute(params![tenant.as_str(), event.to_bytes(), sealed])?;
            let standing = entries::reason(tx, &tenant, event)?;
            standing.ok_or(Error::Row { table: "reason", what: "no row after an insert" })
        });
        written.await.map_err(failed("keep a reason"))
    }

    async fn reason(&self, tenant: &TenantId, event: EventId) -> Result<Option<Vec<u8>>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| entries::reason(c, &tenant, event));
        read.await.map_err(failed("read a reason"))
    }
}

#[cfg(test)]
mod tests;
