//! Epochs, and who was given their public keys.

use cql::Batch;
use futures::FutureExt;
use kernel::{InstanceId, KeyEpoch, TenantId, Timestamp};
use sha2::{Digest, Sha256};

use super::Tables;
use super::decision::{Act, Found, decide, new_act};
use super::error::{Error, number};
use super::rows;
use crate::store::{EpochRow, EpochState, Holder, MAX_TENANTS, Written};

/// Epochs of one tenant: two centuries.
const MAX_EPOCHS: usize = 10_000;
/// Lists of tenants.
const LISTS: u8 = 16;
/// Instances that one epoch was given to.
const MAX_HOLDERS: usize = 50_000;

/// Tenant, epoch, instance.
type HolderKey<'a> = (&'a str, i64, [u8; 16]);

impl Tables {
    pub(super) async fn latest_epoch(&self, tenant: &TenantId) -> Result<Option<EpochRow>, Error> {
        let found = self.cql.row(&self.statements.latest_epoch, (tenant.as_str(),)).await?;
        found.map(rows::epoch).transpose()
    }

    pub(super) async fn epoch(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<EpochRow>, Error> {
        // A number from outside that no epoch has.
        let Ok(number) = i64::try_from(epoch.0) else { return Ok(None) };
        let found = self.cql.row(&self.statements.epoch, (tenant.as_str(), number)).await?;
        found.map(rows::epoch).transpose()
    }

    pub(super) async fn begin_epoch(&self, row: &EpochRow) -> Result<Written, Error> {
        let epoch = number(row.epoch.0, "an epoch's number")?;
        // Listed first, so that no tenant has an epoch that nobody turns.
        let tenant = row.tenant.as_str();
        self.cql.write(&self.statements.list_tenant, (list_of(tenant), tenant)).await?;
        let attempt = || self.try_epoch(row, epoch).boxed();
        decide(Written::Applied, attempt, || self.find_epoch(row, epoch).boxed()).await
    }

    /// The epoch and the end of the one before: one partition, one write.
    async fn try_epoch(&self, row: &EpochRow, epoch: i64) -> Result<bool, cql::Error> {
        let before: Option<(i64, i64)> =
            self.cql.row(&self.statements.epoch_before, (row.tenant.as_str(), epoch)).await?;
        let tenant = row.tenant.as_str().to_owned();
        let mut batch = Batch::unlogged();
        batch.add(
            &self.statements.begin_epoch,
            (
                tenant.clone(),
                epoch,
                row.from.0,
                row.until.0,
                row.state.number(),
                row.kek.clone(),
                row.hpke_secret.clone(),
                row.hpke_public,
            ),
        )?;
        let active = EpochState::Active.number();
        if let Some((before, state)) = before
            && state == active
        {
            let closing = EpochState::Closing.number();
            batch.add(&self.statements.close_epoch, (closing, tenant, before, active))?;
        }
        self.cql.apply_batch(batch).await
    }

    async fn find_epoch(&self, row: &EpochRow, epoch: i64) -> Result<Found<Written>, Error> {
        let values = (row.tenant.as_str(), epoch);
        let Some(found) = self.cql.serial_row(&self.statements.epoch, values).await? else {
            return Ok(Found::Open);
        };
        // The wrapped KEK is random: what has it is our row.
        let own = rows::epoch(found)?.kek == row.kek;
        Ok(Found::Outcome(if own { Written::Applied } else { Written::Conflict }))
    }

    pub(super) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let mut tenants = Vec::new();
        for list in 0..LISTS {
            let (what, limit) = ("tenants", MAX_TENANTS - tenants.len());
            let found = self.all(&self.statements.tenants, (i32::from(list),), what, limit).await?;
            for named in found {
                tenants.push(rows::tenant(named)?);
            }
        }
        tenants.sort_unstable();
        Ok(tenants)
    }

    pub(super) async fn set_epoch(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        (from, to): (EpochState, EpochState),
        at: Timestamp,
    ) -> Result<Written, Error> {
        let key = (tenant.as_str(), number(epoch.0, "an epoch's number")?);
        let act = new_act();
        let attempt = || self.try_state(key, (from, to), at, act).boxed();
        decide(Written::Applied, attempt, || self.find_state(key, from, act).boxed()).await
    }

    async fn try_state(
        &self,
        (tenant, epoch): (&str, i64),
        (from, to): (EpochState, EpochState),
        at: Timestamp,
        act: Act,
    ) -> Result<bool, cql::Error> {
        let (from, state) = (from.number(), to.number());
        if to == EpochState::Destroyed {
            let nothing: &[u8] = &[];
            let values = (state, act, nothing, nothing, at.0, tenant, epoch, from);
            self.cql.apply(&self.statements.destroy_epoch, values).await
        } else {
            self.cql.apply(&self.statements.set_epoch, (state, act, tenant, epoch, from)).await
        }
    }

    async fn find_state(
        &self,
        key: (&str, i64),
        from: EpochState,
        act: Act,
    ) -> Result<Found<Written>, Error> {
        let found: Option<(i64, Option<Vec<u8>>)> =
            self.cql.serial_row(&self.statements.epoch_act, key).await?;
        Ok(match found {
            Some((_, Some(own))) if own == act => Found::Outcome(Written::Applied),
            Some((state, _)) if state == from.number() => Found::Open,
            Some(_) | None => Found::Outcome(Written::Conflict),
        })
    }

    pub(super) async fn add_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        holder: &Holder,
    ) -> Result<(), Error> {
        let epoch = number(epoch.0, "an epoch's number")?;
        let key = (tenant.as_str(), epoch, holder.instance.to_bytes());
        // It is asked for again and again, and noted once.
        match self.noted(key).await? {
            Some(noted) if noted.gone => self.set_holder_gone(key, false).await,
            Some(_) => Ok(()),
            None => {
                let values = (key.0, key.1, key.2, holder.since.0);
                let attempt = || self.cql.apply(&self.statements.add_holder, values).boxed();
                decide((), attempt, || self.find_holder(key, false).boxed()).await
            }
        }
    }

    pub(super) async fn remove_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        instance: InstanceId,
    ) -> Result<(), Error> {
        let key = (tenant.as_str(), number(epoch.0, "an epoch's number")?, instance.to_bytes());
        match self.noted(key).await? {
            Some(noted) if !noted.gone => self.set_holder_gone(key, true).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn noted(&self, key: HolderKey<'_>) -> Result<Option<rows::EpochHolder>, Error> {
        Ok(self.cql.row(&self.statements.holder, key).await?)
    }

    async fn set_holder_gone(&self, key: HolderKey<'_>, gone: bool) -> Result<(), Error> {
        let values = (gone, key.0, key.1, key.2, !gone);
        let attempt = || self.cql.apply(&self.statements.set_holder_gone, values).boxed();
        decide((), attempt, || self.find_holder(key, gone).boxed()).await
    }

    async fn find_holder(&self, key: HolderKey<'_>, gone: bool) -> Result<Found<()>, Error> {
        let noted: Option<rows::EpochHolder> = self.cql.serial_row(&self.statements.holder, key).await?;
        let is_so = noted.is_some_and(|noted| noted.gone == gone);
        Ok(if is_so { Found::Outcome(()) } else { Found::Open })
    }

    pub(super) async fn epochs(&self, tenant: &TenantId) -> Result<Vec<EpochRow>, Error> {
        let values = (tenant.as_str(),);
        let found = self.all(&self.statements.epochs, values, "epochs of a tenant", MAX_EPOCHS).await?;
        let mut epochs: Vec<_> = found.into_iter().map(rows::epoch).collect::<Result<_, _>>()?;
        epochs.sort_unstable_by_key(|row| row.epoch);
        Ok(epochs)
    }

    pub(super) async fn holders(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Vec<Holder>, Error> {
        let epoch = number(epoch.0, "an epoch's number")?;
        let values = (tenant.as_str(), epoch);
        let found = self.all(&self.statements.holders, values, "holders of an epoch", MAX_HOLDERS).await?;
        found.into_iter().filter(|noted: &rows::EpochHolder| !noted.gone).map(rows::holder).collect()
    }
}

/// The list that a tenant is in: they are of one length, whatever tenants are called.
fn list_of(tenant: &str) -> i32 {
    i32::from(Sha256::digest(tenant)[0] % LISTS)
}
