//! The shelf of canaries in a CQL table, in the keyspace for data.

use async_trait::async_trait;
use cql::scylla::{self, DeserializeRow};
use cql::{Component, Cql, Error, Space, Statement};
use kernel::{ErrorCode, KeyEpoch, PageId, ServiceError, TenantId};

use super::{CanaryCase, CanaryShelf, ShelfError};

/// The shelf's table: a tenant's epochs, one a week, are a partition.
pub const COMPONENT: Component = Component {
    name: "crypto_canaries",
    space: Space::Data,
    steps: &["CREATE TABLE IF NOT EXISTS {ks}.crypto_canary (
        tenant text,
        epoch bigint,
        page blob,
        generation bigint,
        slot int,
        key_epoch bigint,
        wrapped_key blob,
        sealed blob,
        PRIMARY KEY (tenant, epoch)
    )"],
};

/// Epochs of one tenant: two centuries.
const MAX_CASES: usize = 10_000;

/// A shelf in a CQL cluster; its table is among [`crate::store::scylla::COMPONENTS`].
#[derive(Clone)]
pub struct ScyllaCanaries {
    cql: Cql,
    put: Statement,
    get: Statement,
    list: Statement,
}

#[derive(DeserializeRow)]
struct Columns {
    epoch: i64,
    page: Vec<u8>,
    generation: i64,
    slot: i32,
    key_epoch: i64,
    wrapped_key: Vec<u8>,
    sealed: Vec<u8>,
}

impl ScyllaCanaries {
    /// On the table that [`COMPONENT`] made.
    pub async fn open(cql: &Cql) -> Result<Self, ShelfError> {
        let prepare = async |text| cql.prepare(Space::Data, text).await.map_err(failed("prepare statements"));
        // Whoever keeps one keeps what another would: the last may stay.
        let put = "INSERT INTO {ks}.crypto_canary
            (tenant, epoch, page, generation, slot, key_epoch, wrapped_key, sealed)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let get = "SELECT epoch, page, generation, slot, key_epoch, wrapped_key, sealed
            FROM {ks}.crypto_canary WHERE tenant = ? AND epoch = ?";
        let list = "SELECT epoch, page, generation, slot, key_epoch, wrapped_key, sealed
            FROM {ks}.crypto_canary WHERE tenant = ?";
        let (put, get, list) = (prepare(put).await?, prepare(get).await?, prepare(list).await?);
        Ok(Self { cql: cql.clone(), put, get, list })
    }
}

fn failed(act: &'static str) -> impl Fn(Error) -> ShelfError {
    move |source| ShelfError::new(act, source.code(), source)
}

fn number(epoch: KeyEpoch) -> Result<i64, ShelfError> {
    let number = i64::try_from(epoch.0);
    number.map_err(|large| ShelfError::new("number an epoch", ErrorCode::InvalidArgument, large))
}

#[async_trait]
impl CanaryShelf for ScyllaCanaries {
    async fn put(&self, tenant: &TenantId, epoch: KeyEpoch, case: &CanaryCase) -> Result<(), ShelfError> {
        let values = (
            tenant.as_str(),
            number(epoch)?,
            case.page.to_bytes(),
            i64::from(case.generation),
            i32::from(case.slot),
            number(case.key_epoch)?,
            case.key.as_slice(),
            case.sealed.as_slice(),
        );
        self.cql.write(&self.put, values).await.map_err(failed("keep one"))
    }

    async fn get(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<CanaryCase>, ShelfError> {
        let found = self.cql.row(&self.get, (tenant.as_str(), number(epoch)?)).await;
        let found = found.and_then(|found| found.map(case).transpose()).map_err(failed("find one"))?;
        Ok(found.map(|(_, case)| case))
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(KeyEpoch, CanaryCase)>, ShelfError> {
        let found = self.cql.rows(&self.list, (tenant.as_str(),), MAX_CASES).await;
        let found = found.and_then(|found| found.into_iter().map(case).collect::<Result<Vec<_>, _>>());
        found.map_err(failed("look"))
    }
}

fn case(columns: Columns) -> Result<(KeyEpoch, CanaryCase), Error> {
    let bad = |what| Error::Row { table: "crypto_canary", what };
    let case = CanaryCase {
        page: PageId::from_slice(&columns.page).map_err(|_| bad("a page"))?,
        generation: u32::try_from(columns.generation).map_err(|_| bad("a generation"))?,
        slot: u16::try_from(columns.slot).map_err(|_| bad("a slot"))?,
        key_epoch: KeyEpoch(u64::try_from(columns.key_epoch).map_err(|_| bad("an epoch"))?),
        key: columns.wrapped_key,
        sealed: columns.sealed,
    };
    Ok((KeyEpoch(u64::try_from(columns.epoch).map_err(|_| bad("an epoch"))?), case))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_of_canaries_is_found_by_tenant_and_epoch() {
        let Some(kept) = cql::testing::fresh(&[COMPONENT]).await else { return };
        let shelf = ScyllaCanaries::open(&kept.cql).await.unwrap();
        crate::canary::contract::what_is_kept_is_found_by_tenant_and_epoch(&shelf).await;
    }
}
