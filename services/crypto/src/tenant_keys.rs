//! What tenants and the deployment have outside epochs: HMAC keys, audit keys, certificates.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, TenantId};
use seal::signing::{RoleName, TenantScope};
use seal::{AuditKey, InstanceCert, SignedCert, VerifyingKey};
use zeroize::Zeroizing;

use crate::backend::{KeyBackend, KeyName};
use crate::error::Error;

/// Most values of one HMAC call.
pub const MAX_VALUES: usize = 64;
/// Longest value.
pub const MAX_VALUE: usize = 1_024;

/// What an audit key is derived for; never changes, or the ledger's entries would not open.
const AUDIT_KEY: &[u8] = b"verbale/audit-key/v1";

/// A value to be HMACed: an identifier, so it is wiped when dropped.
pub type HmacValue = Zeroizing<Vec<u8>>;

/// Which of a tenant's HMAC keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HmacKey {
    /// For the index that finds subjects by identifiers.
    Identifier,
    /// For pseudonyms that leave the tenant.
    Pseudonym,
}

/// Keys outside epochs. Each is created when it is first used.
pub struct TenantKeys {
    backend: Arc<dyn KeyBackend>,
    clock: Arc<dyn Clock>,
    certificate: Duration,
}

impl TenantKeys {
    /// Certificates hold for `certificate` of domain time.
    pub fn new(backend: Arc<dyn KeyBackend>, clock: Arc<dyn Clock>, certificate: Duration) -> Self {
        Self { backend, clock, certificate }
    }

    /// HMACs values, in order.
    pub async fn hmac(
        &self,
        tenant: &TenantId,
        key: HmacKey,
        values: &[HmacValue],
    ) -> Result<Vec<Zeroizing<[u8; 32]>>, Error> {
        if values.len() > MAX_VALUES {
            return Err(Error::invalid("values", "are more than 64"));
        }
        if values.iter().any(|value| value.len() > MAX_VALUE) {
            return Err(Error::invalid("values", "have one that is longer than 1,024 bytes"));
        }
        let name = match key {
            HmacKey::Identifier => KeyName::Identifier(tenant.clone()),
            HmacKey::Pseudonym => KeyName::Pseudonym(tenant.clone()),
        };
        self.backend.create(&name).await?;
        let mut macs = Vec::with_capacity(values.len());
        for value in values {
            macs.push(self.backend.hmac(&name, value).await?);
        }
        Ok(macs)
    }

    /// The tenant's audit key: derived, so that it needs no row and lives as long as the backend's key.
    pub async fn audit_key(&self, tenant: &TenantId) -> Result<AuditKey, Error> {
        let name = KeyName::Audit(tenant.clone());
        self.backend.create(&name).await?;
        Ok(AuditKey::from_bytes(*self.backend.hmac(&name, AUDIT_KEY).await?))
    }

    /// Certifies an instance's key from now on.
    pub async fn certify(
        &self,
        instance: InstanceId,
        role: RoleName,
        tenants: TenantScope,
        key: VerifyingKey,
    ) -> Result<SignedCert, Error> {
        self.backend.create(&KeyName::SigningRoot).await?;
        let not_before = self.clock.now();
        let not_after = not_before.plus(self.certificate);
        let cert = InstanceCert { instance, role, tenants, not_before, not_after, key };
        Ok(self.backend.certify(cert).await?)
    }

    /// The deployment's signing roots, newest first.
    pub async fn signing_roots(&self) -> Result<Vec<VerifyingKey>, Error> {
        self.backend.create(&KeyName::SigningRoot).await?;
        Ok(vec![self.backend.signing_root().await?])
    }
}

#[cfg(test)]
mod tests;
