//! A person's reason in their own words: sealed before it reaches an outbox or a topic.
//!
//! The entry carries SHA-256(salt || reason); salt and reason are sealed together to the tenant's epoch key,
//! bound to the entry's id, so that the commitment says nothing once the sealed text is erased. A
//! [`ReasonSealer`] does the sealing; [`EpochSealer`] is the one that asks crypto for the key.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Clock, ErrorCode, EventId, KeyEpoch, ServiceError, TenantId, Timestamp};
use parking_lot::Mutex;
use proto::crypto::v1::GetActiveKeyRequest;
use proto::crypto::v1::keys_client::KeysClient;
use seal::EpochPublic;
use seal::hpke::{HpkeInfo, seal_to_epoch};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::audit::{ReasonRecord, SealedReason};
use crate::call::request;
use crate::wire::Wire;

/// Bytes of the salt, before the reason.
const SALT: usize = 32;
/// Most tenants whose keys are kept; beyond that all are asked for anew.
const KEPT_MAX: usize = 4_096;

/// A reason that cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum ReasonError {
    /// crypto does not say the tenant's key.
    #[error("the key of tenant {tenant} cannot be had")]
    NoKey {
        /// The tenant.
        tenant: TenantId,
        /// What crypto said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The key was refused.
    #[error("a reason cannot be sealed for tenant {tenant}")]
    Seal {
        /// The tenant.
        tenant: TenantId,
        /// Why.
        #[source]
        source: seal::Error,
    },
    /// The operating system gave no randomness.
    #[error("no salt can be drawn")]
    Random(#[source] getrandom::Error),
}

impl ServiceError for ReasonError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoKey { .. } => ErrorCode::Unavailable,
            Self::Seal { .. } | Self::Random(_) => ErrorCode::Internal,
        }
    }
}

/// Seals bytes so that only crypto opens them.
#[async_trait]
pub trait ReasonSealer: Send + Sync + 'static {
    /// Seals to the tenant's present epoch key, for the audit entry with this id.
    async fn seal(
        &self,
        tenant: &TenantId,
        entry: EventId,
        plaintext: &[u8],
    ) -> Result<SealedReason, ReasonError>;
}

/// Commits to a reason and seals it.
pub async fn record(
    sealer: &dyn ReasonSealer,
    tenant: &TenantId,
    entry: EventId,
    reason: &str,
) -> Result<ReasonRecord, ReasonError> {
    let mut salted = Zeroizing::new(vec![0; SALT + reason.len()]);
    let (salt, text) = salted.split_at_mut(SALT);
    getrandom::fill(salt).map_err(ReasonError::Random)?;
    text.copy_from_slice(reason.as_bytes());
    let commitment = Sha256::digest(salted.as_slice()).into();
    Ok(ReasonRecord { commitment, sealed: sealer.seal(tenant, entry, &salted).await? })
}

/// Seals to the key that crypto's `GetActiveKey` names, and keeps that key until its epoch ends.
pub struct EpochSealer {
    wire: Wire,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<TenantId, ActiveKey>>,
}

#[derive(Clone, Copy)]
struct ActiveKey {
    epoch: KeyEpoch,
    public: EpochPublic,
    until: Timestamp,
}

impl EpochSealer {
    /// Asks through this wire, which brings the token.
    pub fn new(wire: Wire, clock: Arc<dyn Clock>) -> Self {
        Self { wire, clock, kept: Mutex::default() }
    }

    async fn active(&self, tenant: &TenantId) -> Result<ActiveKey, ReasonError> {
        let kept = self.kept.lock().get(tenant).copied();
        if let Some(key) = kept.filter(|key| self.clock.now() < key.until) {
            return Ok(key);
        }
        // No holder: a reason that arrives after its epoch is gone stays a commitment, and holds up no turn.
        let asked = request(tenant, GetActiveKeyRequest::default());
        let answer = KeysClient::new(self.wire.clone()).get_active_key(asked).await;
        let answer = answer
            .map_err(|status| ReasonError::NoKey { tenant: tenant.clone(), source: Box::new(status) })?
            .into_inner();
        let public = EpochPublic::from_slice(&answer.public_key)
            .map_err(|source| ReasonError::Seal { tenant: tenant.clone(), source })?;
        let key = ActiveKey { epoch: KeyEpoch(answer.key_epoch), public, until: Timestamp(answer.until) };
        let mut all = self.kept.lock();
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert(tenant.clone(), key);
        Ok(key)
    }
}

#[async_trait]
impl ReasonSealer for EpochSealer {
    async fn seal(
        &self,
        tenant: &TenantId,
        entry: EventId,
        plaintext: &[u8],
    ) -> Result<SealedReason, ReasonError> {
        let key = self.active(tenant).await?;
        let info = HpkeInfo::Reason { tenant: tenant.clone(), epoch: key.epoch, event: entry };
        let sealed = seal_to_epoch(&key.public, &info, plaintext)
            .map_err(|source| ReasonError::Seal { tenant: tenant.clone(), source })?;
        Ok(SealedReason { key_epoch: key.epoch.0, enc: sealed.enc.to_vec(), ciphertext: sealed.ciphertext })
    }
}

#[cfg(test)]
mod tests;
