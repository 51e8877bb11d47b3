//! Tenants' policies as consent has them: fetched once per hash, and the one in force every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{ErrorCode, ServiceError, TenantId};
use parking_lot::Mutex;
use policy::{PolicyError, PolicyHash, TenantPolicy};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{GetPolicyRequest, GetPolicyResponse};
use tokio::time::Instant;

use crate::call::request;
use crate::error::error_code;
use crate::wire::Wire;

/// How long the policy in force is taken to be still in force: a change is everywhere after this time.
pub const IN_FORCE_FOR: Duration = Duration::from_secs(5);
/// Most policies that are kept; beyond that all are fetched anew.
const KEPT_MAX: usize = 4_096;

/// A policy that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PolicyBookError {
    /// consent does not bring it.
    #[error("the policy of tenant {tenant} cannot be had")]
    Unavailable {
        /// The tenant.
        tenant: TenantId,
        /// What consent said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// What consent brought is no policy.
    #[error("the policy of tenant {tenant} cannot be read")]
    Malformed {
        /// The tenant.
        tenant: TenantId,
        /// Why.
        #[source]
        source: PolicyError,
    },
    /// What consent brought is not the policy that was asked for.
    #[error("the policy that was brought for tenant {tenant} is another one")]
    Other {
        /// The tenant.
        tenant: TenantId,
    },
}

impl ServiceError for PolicyBookError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable { source, .. } => error_code(source.code()).unwrap_or(ErrorCode::Internal),
            Self::Malformed { .. } | Self::Other { .. } => ErrorCode::DataLoss,
        }
    }
}

/// A policy with its hash.
#[derive(Clone, Debug)]
pub struct KnownPolicy {
    /// What identifies it.
    pub hash: PolicyHash,
    /// The policy.
    pub policy: Arc<TenantPolicy>,
}

/// Brings policies; clones share what is kept.
#[derive(Clone)]
pub struct PolicyBook {
    wire: Wire,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    by_hash: HashMap<(TenantId, PolicyHash), Arc<TenantPolicy>>,
    in_force: HashMap<TenantId, (KnownPolicy, Instant)>,
}

impl PolicyBook {
    /// Asks through this wire, which brings the token.
    pub fn new(wire: Wire) -> Self {
        Self { wire, kept: Arc::default() }
    }

    /// The policy with this hash; never changes.
    pub async fn by_hash(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Arc<TenantPolicy>, PolicyBookError> {
        let kept = self.kept.lock().by_hash.get(&(tenant.clone(), hash)).cloned();
        if let Some(policy) = kept {
            return Ok(policy);
        }
        let known = self.fetch(tenant, hash.as_bytes().to_vec()).await?;
        if known.hash != hash {
            return Err(PolicyBookError::Other { tenant: tenant.clone() });
        }
        Ok(known.policy)
    }

    /// The policy in force, as of at most [`IN_FORCE_FOR`] ago.
    pub async fn in_force(&self, tenant: &TenantId) -> Result<KnownPolicy, PolicyBookError> {
        let kept = self.kept.lock().in_force.get(tenant).cloned();
        if let Some((known, _)) = kept.filter(|(_, since)| since.elapsed() < IN_FORCE_FOR) {
            return Ok(known);
        }
        let known = self.fetch(tenant, Vec::new()).await?;
        let mut kept = self.kept.lock();
        if kept.in_force.len() >= KEPT_MAX {
            kept.in_force.clear();
        }
        kept.in_force.insert(tenant.clone(), (known.clone(), Instant::now()));
        Ok(known)
    }

    async fn fetch(&self, tenant: &TenantId, policy_hash: Vec<u8>) -> Result<KnownPolicy, PolicyBookError> {
        let asked = request(tenant, GetPolicyRequest { policy_hash });
        let answer = ConsentClient::new(self.wire.clone()).get_policy(asked).await;
        let answer = answer.map_err(|status| PolicyBookError::Unavailable {
            tenant: tenant.clone(),
            source: Box::new(status),
        })?;
        let known = read(tenant, &answer.into_inner())?;
        let mut kept = self.kept.lock();
        if kept.by_hash.len() >= KEPT_MAX {
            kept.by_hash.clear();
        }
        kept.by_hash.insert((tenant.clone(), known.hash), Arc::clone(&known.policy));
        Ok(known)
    }
}

/// Reads what consent brought, and checks that its own words agree.
fn read(tenant: &TenantId, answer: &GetPolicyResponse) -> Result<KnownPolicy, PolicyBookError> {
    let parsed = policy::parse(&answer.document, &|name| answer.texts.get(name).cloned());
    let policy = parsed.map_err(|source| PolicyBookError::Malformed { tenant: tenant.clone(), source })?;
    let hash = policy.hash();
    if policy.tenant != *tenant || answer.policy_hash != hash.as_bytes() {
        return Err(PolicyBookError::Other { tenant: tenant.clone() });
    }
    Ok(KnownPolicy { hash, policy: Arc::new(policy) })
}

#[cfg(test)]
mod tests;
