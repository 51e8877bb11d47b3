//! What the ledger asks of crypto: tenants' audit keys, the keeping of reasons, the signing roots.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{ErrorCode, EventId, TenantId};
use parking_lot::Mutex;
use platform::audit::SealedReason;
use platform::error::error_code;
use platform::{Wire, request};
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{AdoptReasonRequest, ExportTrustRequest, GetAuditKeyRequest};
use seal::{AuditKey, TrustRoots, VerifyingKey};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::leaf::LedgerKeys;

/// Most tenants whose keys are kept; beyond that all are asked for anew.
const KEPT_MAX: usize = 4_096;

/// Whether an answer of earlier will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// It will.
    Kept,
    /// It will not: what was looked for is not in it.
    Now,
}

/// What became of a reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adopted {
    /// crypto keeps it.
    Kept,
    /// It will never be kept: it does not open, or its epoch is gone.
    Refused(ErrorCode),
}

/// crypto, as the ledger sees it.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// A tenant's ledger keys.
    async fn keys(&self, tenant: &TenantId) -> Result<Arc<LedgerKeys>, Error>;
    /// Hands over a person's sealed reason; durable on return, and again is no error.
    async fn adopt_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        reason: &SealedReason,
    ) -> Result<Adopted, Error>;
    /// The deployment's signing roots.
    async fn roots(&self, freshness: Freshness) -> Result<Arc<TrustRoots>, Error>;
}

/// Asks crypto's `Keys` service, and keeps what never changes.
pub struct CryptoKeys {
    wire: Wire,
    kept: Mutex<HashMap<TenantId, Arc<LedgerKeys>>>,
    roots: Mutex<Option<Arc<TrustRoots>>>,
}

impl CryptoKeys {
    /// Through this wire, which brings the token.
    pub fn new(wire: Wire) -> Self {
        Self { wire, kept: Mutex::default(), roots: Mutex::default() }
    }

    fn client(&self) -> KeysClient<Wire> {
        KeysClient::new(self.wire.clone())
    }
}

#[async_trait]
impl KeySource for CryptoKeys {
    async fn keys(&self, tenant: &TenantId) -> Result<Arc<LedgerKeys>, Error> {
        let kept = self.kept.lock().get(tenant).cloned();
        if let Some(keys) = kept {
            return Ok(keys);
        }
        let answer = self.client().get_audit_key(request(tenant, GetAuditKeyRequest {})).await;
        let key = Zeroizing::new(answer.map_err(|status| unserved(tenant, status))?.into_inner().key);
        let key =
            AuditKey::from_slice(&key).map_err(|source| Error::NoKeys("an audit key", source.into()))?;
        let keys = Arc::new(LedgerKeys::new(tenant.clone(), key));
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(tenant.clone(), Arc::clone(&keys));
        Ok(keys)
    }

    async fn adopt_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        reason: &SealedReason,
    ) -> Result<Adopted, Error> {
        let message = AdoptReasonRequest {
            event_id: event.to_bytes().to_vec(),
            key_epoch: reason.key_epoch,
            hpke_enc: reason.enc.clone(),
            hpke_ciphertext: reason.ciphertext.clone(),
        };
        match self.client().adopt_reason(request(tenant, message)).await {
            Ok(_) => Ok(Adopted::Kept),
            Err(status) => match lasting(&status) {
                Some(code) => Ok(Adopted::Refused(code)),
                None => Err(unserved(tenant, status)),
            },
        }
    }

    async fn roots(&self, freshness: Freshness) -> Result<Arc<TrustRoots>, Error> {
        let kept = self.roots.lock().clone();
        if let (Some(roots), Freshness::Kept) = (kept, freshness) {
            return Ok(roots);
        }
        let answer = self.client().export_trust(ExportTrustRequest {}).await;
        let answer = answer.map_err(|status| Error::NoKeys("its signing roots", status.into()))?;
        let malformed = |source: seal::Error| Error::NoKeys("usable signing roots", source.into());
        let mut roots = Vec::new();
        for root in &answer.into_inner().signing_roots {
            let bytes: &[u8; 32] =
                root.as_slice().try_into().map_err(|source: std::array::TryFromSliceError| {
                    Error::NoKeys("usable signing roots", source.into())
                })?;
            roots.push(VerifyingKey::from_bytes(bytes).map_err(malformed)?);
        }
        let roots: Arc<TrustRoots> = Arc::new(roots.into_iter().collect());
        *self.roots.lock() = Some(Arc::clone(&roots));
        Ok(roots)
    }
}

fn unserved(tenant: &TenantId, status: tonic::Status) -> Error {
    Error::Keys { tenant: tenant.clone(), source: Box::new(status) }
}

/// The code of a refusal that will be the same each time.
fn lasting(status: &tonic::Status) -> Option<ErrorCode> {
    let code = error_code(status.code())?;
    let lasting = matches!(
        code,
        ErrorCode::InvalidArgument
            | ErrorCode::FailedPrecondition
            | ErrorCode::AlreadyExists
            | ErrorCode::NotFound
            | ErrorCode::DataLoss
    );
    lasting.then_some(code)
}
