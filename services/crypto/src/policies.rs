//! The tenants' policies, as the gate needs them.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::TenantId;
use platform::policies::{PolicyBook, PolicyBookError};
use policy::{PolicyHash, TenantPolicy};

/// The policy cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the policy of tenant {tenant} cannot be had")]
pub struct PolicyUnavailable {
    /// Whose.
    pub tenant: TenantId,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where policies come from.
#[async_trait]
pub trait Policies: Send + Sync + 'static {
    /// The policy in force, with its hash.
    async fn in_force(&self, tenant: &TenantId)
    -> Result<(PolicyHash, Arc<TenantPolicy>), PolicyUnavailable>;
    /// The policy with this hash.
    async fn by_hash(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Arc<TenantPolicy>, PolicyUnavailable>;
}

#[async_trait]
impl Policies for PolicyBook {
    async fn in_force(
        &self,
        tenant: &TenantId,
    ) -> Result<(PolicyHash, Arc<TenantPolicy>), PolicyUnavailable> {
        let known = PolicyBook::in_force(self, tenant).await;
        known.map(|known| (known.hash, known.policy)).map_err(|source| unavailable(tenant, source))
    }

    async fn by_hash(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Arc<TenantPolicy>, PolicyUnavailable> {
        PolicyBook::by_hash(self, tenant, hash).await.map_err(|source| unavailable(tenant, source))
    }
}

fn unavailable(tenant: &TenantId, source: PolicyBookError) -> PolicyUnavailable {
    PolicyUnavailable { tenant: tenant.clone(), source: Box::new(source) }
}
