//! The shelf of canaries in an SQLite file of the data directory; it may be the outbox's.

use std::path::Path;

use ::sqlite::rusqlite::{OptionalExtension, Row, params};
use ::sqlite::{Component, Db, Error, Options};
use async_trait::async_trait;
use kernel::{KeyEpoch, PageId, ServiceError, TenantId};

use super::{CanaryCase, CanaryShelf, ShelfError};

/// The shelf's table.
pub const COMPONENT: Component = Component {
    name: "crypto-canaries",
    steps: &["CREATE TABLE crypto_canary (
        tenant TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        page BLOB NOT NULL CHECK (length(page) = 16),
        generation INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        key_epoch INTEGER NOT NULL,
        wrapped_key BLOB NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (tenant, epoch)
    ) STRICT, WITHOUT ROWID;"],
};

/// A shelf in an SQLite file.
#[derive(Clone)]
pub struct SqliteCanaries {
    db: Db,
}

impl SqliteCanaries {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path) -> Result<Self, ShelfError> {
        let opened = Db::open(path, Options::default(), &[COMPONENT]).await;
        Ok(Self { db: opened.map_err(failed("open the file"))? })
    }
}

fn failed(act: &'static str) -> impl Fn(Error) -> ShelfError {
    move |source| ShelfError::new(act, source.code(), source)
}

#[async_trait]
impl CanaryShelf for SqliteCanaries {
    async fn put(&self, tenant: &TenantId, epoch: KeyEpoch, case: &CanaryCase) -> Result<(), ShelfError> {
        let (tenant, case) = (tenant.clone(), case.clone());
        let written = self.db.write(move |tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO crypto_canary VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
                .execute(params![
                    tenant.as_str(),
                    epoch.0,
                    case.page.to_bytes(),
                    case.generation,
                    case.slot,
                    case.key_epoch.0,
                    case.key,
                    case.sealed,
                ])?;
            Ok(())
        });
        written.await.map_err(failed("keep one"))
    }

    async fn get(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<CanaryCase>, ShelfError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT * FROM crypto_canary WHERE tenant = ? AND epoch = ?";
            let mut find = c.prepare_cached(find)?;
            let found = find.query_row(params![tenant.as_str(), epoch.0], case);
            Ok(found.optional()?.map(|(_, case)| case))
        });
        read.await.map_err(failed("find one"))
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(KeyEpoch, CanaryCase)>, ShelfError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let mut find = c.prepare_cached("SELECT * FROM crypto_canary WHERE tenant = ? ORDER BY epoch")?;
            let found = find.query_map([tenant.as_str()], case)?;
            Ok(found.collect::<Result<Vec<_>, _>>()?)
        });
        read.await.map_err(failed("look"))
    }
}

fn case(row: &Row<'_>) -> Result<(KeyEpoch, CanaryCase), ::sqlite::rusqlite::Error> {
    let case = CanaryCase {
        page: PageId::from_bytes(row.get("page")?),
        generation: row.get("generation")?,
        slot: row.get("slot")?,
        key_epoch: KeyEpoch(row.get("key_epoch")?),
        key: row.get("wrapped_key")?,
        sealed: row.get("sealed")?,
    };
    Ok((KeyEpoch(row.get("epoch")?), case))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_of_canaries_is_found_by_tenant_and_epoch() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = SqliteCanaries::open(&directory.path().join("crypto.db")).await.unwrap();
        crate::canary::contract::what_is_kept_is_found_by_tenant_and_epoch(&shelf).await;
    }
}
