//! What is read of a file of key tables, without making or changing anything in it.

use std::collections::BTreeMap;

use ::sqlite::Error;
use ::sqlite::rusqlite::{Connection, params};
use kernel::{KeyEpoch, PageId, TenantId};
use seal::WrapContext;

use super::{damaged, refused};
use crate::copies::CopyError;
use crate::store::PageRow;
use crate::store::sqlite::read_page;

const ACT: &str = "read the key tables and their copy";
/// Pages that are read at once.
const PAGES: u32 = 1_000;
/// As many slots as a page's numbers name.
const SLOTS: u32 = 65_536;

/// How many rows each table has.
pub(super) struct Look(BTreeMap<String, u64>);

impl Look {
    /// All tables as of one moment.
    pub(super) fn at(connection: &Connection) -> Result<Self, CopyError> {
        Self::count(connection).map_err(refused(ACT))
    }

    fn count(connection: &Connection) -> Result<Self, Error> {
        let snapshot = connection.unchecked_transaction()?;
        let mut list = snapshot.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let names = list.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let mut counts = BTreeMap::new();
        for name in names {
            // A name of ours, from the file's own list.
            let count = format!("SELECT count(*) FROM \"{name}\"");
            counts.insert(name, snapshot.query_row(&count, [], |row| row.get(0))?);
        }
        Ok(Self(counts))
    }

    /// Or else the first table whose number of rows is neither of the two nor between them.
    pub(super) fn lies_between(&self, before: &Self, after: &Self) -> Result<(), String> {
        for name in self.0.keys().chain(before.0.keys()).chain(after.0.keys()) {
            let count = |look: &Self| look.0.get(name).copied();
            let (Some(own), Some(one), Some(two)) = (count(self), count(before), count(after)) else {
                return Err(name.clone());
            };
            if own < one.min(two) || own > one.max(two) {
                return Err(name.clone());
            }
        }
        Ok(())
    }
}

/// Every byte of the file is where SQLite expects it.
pub(super) fn intact(connection: &Connection) -> Result<(), CopyError> {
    let found = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match found.map_err(Error::from).map_err(refused(ACT))?.as_str() {
        "ok" => Ok(()),
        problem => Err(damaged(ACT, format!("the copy is not intact: {problem}"))),
    }
}

/// An epoch, as far as its KEK is to be opened.
pub(super) struct Epoch {
    pub(super) tenant: TenantId,
    pub(super) epoch: KeyEpoch,
    pub(super) kek: Vec<u8>,
}

impl Epoch {
    pub(super) fn context(&self) -> WrapContext {
        WrapContext::EpochKey { tenant: self.tenant.clone(), epoch: self.epoch }
    }
}

/// Every tenant's epochs.
pub(super) fn epochs(connection: &Connection) -> Result<Vec<Epoch>, CopyError> {
    let read = || -> Result<Vec<Epoch>, Error> {
        let mut find = connection.prepare("SELECT tenant, epoch, kek FROM epoch ORDER BY tenant, epoch")?;
        let mut rows = find.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let tenant = TenantId::new(row.get::<_, String>(0)?);
            let tenant = tenant.map_err(|_| Error::Row { table: "epoch", what: "a tenant" })?;
            found.push(Epoch { tenant, epoch: KeyEpoch(row.get(1)?), kek: row.get(2)? });
        }
        Ok(found)
    };
    read().map_err(refused(ACT))
}

/// Pages in order of their ids.
pub(super) fn pages(connection: &Connection, after: Option<PageId>) -> Result<Vec<PageRow>, CopyError> {
    let read = || -> Result<Vec<PageRow>, Error> {
        let mut find = connection.prepare("SELECT * FROM page WHERE page > ? ORDER BY page LIMIT ?")?;
        let after = after.map_or_else(Vec::new, |page| page.to_bytes().to_vec());
        let mut rows = find.query(params![after, PAGES])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_page(row)?);
        }
        Ok(found)
    };
    read().map_err(refused(ACT))
}

/// What stands on a page, by slot: at most a page's entries in memory, and no more than there are slots whatever lies
/// in a file that is damaged.
pub(super) fn standing(connection: &Connection, page: &PageRow) -> Result<Vec<(u16, Vec<u8>)>, CopyError> {
    let read = || -> Result<Vec<(u16, Vec<u8>)>, Error> {
        let mut find = connection.prepare_cached(
            "SELECT slot, sealed FROM entry WHERE page = ? AND generation = ? AND sealed IS NOT NULL
             ORDER BY slot LIMIT ?",
        )?;
        let mut rows = find.query(params![page.page.to_bytes(), page.generation, SLOTS])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
        Ok(found)
    };
    read().map_err(refused(ACT))
}
