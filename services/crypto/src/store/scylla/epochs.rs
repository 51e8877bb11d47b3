//! Epochs, and who was given their public keys.

use cql::Batch;
use futures::FutureExt;
use kernel::{KeyEpoch, TenantId};

use super::Tables;
use super::decision::{Found, decide};
use super::error::{Error, number};
use super::rows;
use crate::store::{EpochRow, EpochState, Holder, Written};

/// Instances that one epoch was given to.
const MAX_HOLDERS: usize = 50_000;

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

    pub(super) async fn add_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        holder: &Holder,
    ) -> Result<(), Error> {
        let epoch = number(epoch.0, "an epoch's number")?;
        let key = (tenant.as_str(), epoch, holder.instance.to_bytes());
        // It is asked for again and again, and noted once.
        let noted: Option<rows::EpochHolder> = self.cql.row(&self.statements.holder, key).await?;
        if noted.is_some() {
            return Ok(());
        }
        let (tenant, epoch, instance) = key;
        let values = (tenant, epoch, instance, holder.since.0);
        let attempt = || self.cql.apply(&self.statements.add_holder, values).boxed();
        decide((), attempt, || self.find_holder(key).boxed()).await
    }

    async fn find_holder(&self, key: (&str, i64, [u8; 16])) -> Result<Found<()>, Error> {
        let noted: Option<rows::EpochHolder> = self.cql.serial_row(&self.statements.holder, key).await?;
        Ok(if noted.is_some() { Found::Outcome(()) } else { Found::Open })
    }

    pub(super) async fn holders(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Vec<Holder>, Error> {
        let epoch = number(epoch.0, "an epoch's number")?;
        let values = (tenant.as_str(), epoch);
        let found = self.all(&self.statements.holders, values, "holders of an epoch", MAX_HOLDERS).await?;
        found.into_iter().map(rows::holder).collect()
    }
}
