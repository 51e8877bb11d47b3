//! Epochs: seven days of a tenant's keys, and the rings of keys that are open in memory.
//!
//! An epoch's KEK and HPKE pair are drawn when it begins and kept wrapped by the backend key of that epoch
//! alone. Whoever begins an epoch first wins; all others use what stands in the tables. The next epoch begins
//! when somebody asks and the active one is past its end. How an epoch ends is [`crate::turn`]'s.

mod demand;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, KeyEpoch, TenantId, Timestamp};
use parking_lot::Mutex;
use seal::{EpochKey, EpochPublic, EpochSecret, WrapContext};
use tokio::time::Instant;
use tracing::info;

use self::demand::Demand;
use crate::backend::{KeyBackend, KeyName};
use crate::error::Error;
use crate::ring::KeyRing;
use crate::store::{EpochRow, EpochState, Holder, KeyStore, Written};

pub use self::shown::EPOCH_ENDS;
pub(crate) use self::shown::task;

/// How often it is tried to find an epoch that lasts as long as it takes to use it.
const ATTEMPTS: usize = 8;

/// An epoch's keys, open; zeroised when the last holder lets go.
pub struct EpochKeys {
    /// Wraps page keys.
    pub kek: EpochKey,
    /// Opens what was sealed to the epoch.
    pub secret: EpochSecret,
}

impl std::fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EpochKeys(redacted)")
    }
}

/// The tenants' epochs.
pub struct Epochs {
    store: Arc<dyn KeyStore>,
    backend: Arc<dyn KeyBackend>,
    clock: Arc<dyn Clock>,
    length: Duration,
    ring: KeyRing<(TenantId, KeyEpoch), EpochKeys>,
    demand: Mutex<Demand>,
}

impl Epochs {
    /// Epochs of `length` in domain time; at most `ring` of them are open at once, each for at most
    /// `ring_life` of machine time.
    pub fn new(
        store: Arc<dyn KeyStore>,
        backend: Arc<dyn KeyBackend>,
        clock: Arc<dyn Clock>,
        length: Duration,
        ring: usize,
        ring_life: Duration,
    ) -> Self {
        Self { store, backend, clock, length, ring: KeyRing::new(ring, ring_life), demand: Mutex::default() }
    }

    /// The tenant's active epoch; begins the first, or the next where that one is past its end.
    pub async fn active(&self, tenant: &TenantId) -> Result<EpochRow, Error> {
        let now = self.clock.now();
        let latest = self.store.latest_epoch(tenant).await?;
        let until = latest.as_ref().map_or(now, |row| row.until);
        self.demand.lock().asked(tenant, until, now);
        let next = match latest {
            Some(row) if now < row.until => return Ok(row),
            Some(row) => row.epoch.next().ok_or(Error::Contended("the last key epoch"))?,
            None => KeyEpoch(1),
        };
        let begun = self.begin(tenant, next).await?;
        self.demand.lock().learnt(tenant, begun.until);
        Ok(begun)
    }

    /// When the first epoch in use ends, or ended without one that follows; none where no epoch is in use.
    async fn first_end(&self) -> Result<Option<Timestamp>, Error> {
        let now = self.clock.now();
        let without = self.demand.lock().without(now);
        for tenant in without {
            if let Some(row) = self.store.latest_epoch(&tenant).await? {
                self.demand.lock().learnt(&tenant, row.until);
            }
        }
        Ok(self.demand.lock().first_end(now))
    }

    /// Begins the next epoch though the active one may not be past its end; that one is closing from now on.
    pub async fn begin_next(&self, tenant: &TenantId) -> Result<EpochRow, Error> {
        let next = match self.store.latest_epoch(tenant).await? {
            Some(row) => row.epoch.next().ok_or(Error::Contended("the last key epoch"))?,
            None => KeyEpoch(1),
        };
        let begun = self.begin(tenant, next).await?;
        self.demand.lock().learnt(tenant, begun.until);
        Ok(begun)
    }

    /// The active epoch's row, given to an instance, which is noted: the epoch cannot be drained while that
    /// instance may have sealed to it. Who names no instance holds nothing.
    ///
    /// It is noted first and the epoch's state read after, while the turn looks who is noted after the epoch was
    /// followed by another: one of them sees the other. Where it was followed meanwhile the note stays, as the
    /// instance may have been given it before, and the next epoch is given.
    pub async fn give(&self, tenant: &TenantId, instance: Option<InstanceId>) -> Result<EpochRow, Error> {
        for _ in 0..ATTEMPTS {
            let row = self.active(tenant).await?;
            let Some(instance) = instance else { return Ok(row) };
            let holder = Holder { instance, since: self.clock.now() };
            self.store.add_holder(tenant, row.epoch, &holder).await?;
            if self.state(tenant, row.epoch).await? == Some(EpochState::Active) {
                return Ok(row);
            }
        }
        Err(Error::Contended("the active key epoch"))
    }

    /// How far an epoch's life has come; nothing where it never began.
    pub async fn state(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<EpochState>, Error> {
        Ok(self.store.epoch(tenant, epoch).await?.map(|row| row.state))
    }

    /// An instance has left every epoch up to one; of how many it was a holder until now. It leaves what it may have
    /// been given without knowing it, too: where an answer was lost on its way.
    pub async fn leave(
        &self,
        tenant: &TenantId,
        instance: InstanceId,
        through: KeyEpoch,
    ) -> Result<u32, Error> {
        let mut left = 0;
        for row in self.store.epochs(tenant).await?.iter().filter(|row| row.epoch <= through) {
            let holders = self.store.holders(tenant, row.epoch).await?;
            if holders.iter().any(|holder| holder.instance == instance) {
                self.store.remove_holder(tenant, row.epoch, instance).await?;
                left += 1;
            }
        }
        Ok(left)
    }

    /// An epoch's keys. Those of one that is drained are opened for this once: when it is destroyed, no process shall
    /// have kept them for longer than a ring's life since.
    pub async fn keys(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Arc<EpochKeys>, Error> {
        let name = (tenant.clone(), epoch);
        if let Some(keys) = self.ring.get(&name) {
            return Ok(keys);
        }
        let since = Instant::now();
        let unknown = || Error::UnknownEpoch { tenant: tenant.clone(), epoch };
        let row = self.store.epoch(tenant, epoch).await?.ok_or_else(unknown)?;
        match row.state {
            EpochState::Active | EpochState::Closing => {
                let keys = Arc::new(self.open(&row).await?);
                self.ring.put(name, since, Arc::clone(&keys));
                Ok(keys)
            }
            EpochState::Drained => Ok(Arc::new(self.open(&row).await?)),
            EpochState::Destroyed => Err(unknown()),
        }
    }

    /// Lets an epoch's open keys go.
    pub(crate) fn forget(&self, tenant: &TenantId, epoch: KeyEpoch) {
        self.ring.forget(&(tenant.clone(), epoch));
    }

    async fn begin(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<EpochRow, Error> {
        let name = KeyName::Epoch(tenant.clone(), epoch);
        self.backend.create(&name).await?;
        let kek = EpochKey::generate().map_err(Error::seal("draw an epoch key"))?;
        let secret = EpochSecret::generate().map_err(Error::seal("draw an epoch's HPKE pair"))?;
        let from = self.clock.now();
        let row = EpochRow {
            tenant: tenant.clone(),
            epoch,
            from,
            until: from.plus(self.length),
            state: EpochState::Active,
            kek: self.backend.wrap(&name, &kek_context(tenant, epoch), kek.expose()).await?,
            hpke_secret: self.backend.wrap(&name, &secret_context(tenant, epoch), secret.expose()).await?,
            hpke_public: *secret.public().as_bytes(),
            destroyed_at: None,
        };
        match self.store.begin_epoch(&row).await? {
            Written::Applied => {
                info!(%tenant, %epoch, until = %row.until, "key epoch began");
                Ok(row)
            }
            Written::Conflict => {
                let unknown = || Error::UnknownEpoch { tenant: tenant.clone(), epoch };
                self.store.epoch(tenant, epoch).await?.ok_or_else(unknown)
            }
        }
    }

    async fn open(&self, row: &EpochRow) -> Result<EpochKeys, Error> {
        let name = KeyName::Epoch(row.tenant.clone(), row.epoch);
        let kek = self.backend.unwrap(&name, &kek_context(&row.tenant, row.epoch), &row.kek).await?;
        let context = secret_context(&row.tenant, row.epoch);
        let secret = self.backend.unwrap(&name, &context, &row.hpke_secret).await?;
        let keys = EpochKeys {
            kek: EpochKey::from_slice(&kek).map_err(Error::seal("read an epoch key"))?,
            secret: EpochSecret::from_slice(&secret).map_err(Error::seal("read an epoch's HPKE secret"))?,
        };
        // A public key that is not the secret's would seal calls that nobody opens.
        let public = EpochPublic::from_slice(&row.hpke_public).map_err(Error::seal("read a public key"))?;
        if keys.secret.public() != public {
            let source = seal::Error::Unwrap("epoch secret");
            return Err(Error::Seal { act: "match an epoch's HPKE pair", source });
        }
        Ok(keys)
    }
}

fn kek_context(tenant: &TenantId, epoch: KeyEpoch) -> WrapContext {
    WrapContext::EpochKey { tenant: tenant.clone(), epoch }
}

fn secret_context(tenant: &TenantId, epoch: KeyEpoch) -> WrapContext {
    WrapContext::HpkeSecret { tenant: tenant.clone(), epoch }
}

#[cfg(test)]
mod tests;
