//! From drained to destroyed. Until its key goes, everything can be done again.

use std::time::Duration;

use kernel::{KeyEpoch, TenantId, chain};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Parts, Turn, Wait};
use crate::backend::KeyName;
use crate::error::Error;
use crate::store::{EpochState, Written};

impl Turn {
    /// Nothing where it is destroyed now, or was already.
    pub(super) async fn finish(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<Wait>, Error> {
        match self.parts.epochs.state(tenant, epoch).await? {
            Some(EpochState::Drained) => {}
            Some(EpochState::Active | EpochState::Closing | EpochState::Destroyed) | None => return Ok(None),
        }
        let drained = self.know(tenant, epoch, |known| *known.drained.get_or_insert_with(Instant::now));
        self.parts.epochs.forget(tenant, epoch);
        if let Some(wait) = self.take_pages(tenant, epoch).await? {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.not_yet(tenant, epoch, drained.elapsed()).await? {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.check_pages(tenant, epoch).await? {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.copy(tenant, epoch).await {
            return Ok(Some(wait));
        }
        self.destroy(tenant, epoch).await?;
        Ok(None)
    }

    /// Whether something may still come under the epoch, or have its keys. That no page is there is looked at last:
    /// after none before it can bring one. While one before it lives, closing or drained, old copies may open what lay
    /// under both: then the end of this one would prove nothing.
    async fn not_yet(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        drained: Duration,
    ) -> Result<Option<Wait>, Error> {
        let Parts { store, ring_life, .. } = &self.parts;
        let epochs = store.epochs(tenant).await?;
        let lives = |state| match state {
            EpochState::Active | EpochState::Closing | EpochState::Drained => true,
            EpochState::Destroyed => false,
        };
        if let Some(before) = epochs.iter().find(|row| row.epoch < epoch && lives(row.state)) {
            return Ok(Some(Wait::Before(before.epoch)));
        }
        if !store.pages(tenant, epoch, None, 1).await?.is_empty() {
            return Ok(Some(Wait::Late));
        }
        if store.is_shared() && drained < *ring_life {
            return Ok(Some(Wait::Rings(ring_life.saturating_sub(drained))));
        }
        Ok(None)
    }

    /// A copy that has everything under epochs that stay, read back. Without one the old key is all that opens what an
    /// older copy has.
    async fn copy(&self, tenant: &TenantId, epoch: KeyEpoch) -> Option<Wait> {
        self.parts.copies.place()?;
        match self.parts.copies.copy().await {
            Ok(at) => {
                info!(%tenant, %epoch, %at, "the key tables are copied and the copy reads");
                None
            }
            Err(error) => {
                let problem = chain(&error);
                warn!(%tenant, %epoch, error = problem, "the key tables are not copied, and a key epoch lives on");
                Some(Wait::Copies(problem))
            }
        }
    }

    /// The journal knows first: a backend that is restored from before shall not bring back what ended.
    async fn destroy(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<(), Error> {
        let Parts { store, backend, clock, epochs, announce, .. } = &self.parts;
        let at = clock.now();
        announce.destroyed(tenant, epoch, at).await?;
        backend.destroy(&KeyName::Epoch(tenant.clone(), epoch)).await?;
        let (from, to) = (EpochState::Drained, EpochState::Destroyed);
        match store.set_epoch(tenant, epoch, from, to, at).await? {
            Written::Applied => info!(%tenant, %epoch, "key epoch is destroyed"),
            Written::Conflict => {}
        }
        epochs.forget(tenant, epoch);
        self.known.lock().remove(&(tenant.clone(), epoch));
        Ok(())
    }
}
