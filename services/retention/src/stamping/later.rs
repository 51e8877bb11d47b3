//! A policy that came into force later, carried to every recording that was stamped before it.

use kernel::{Clock, TenantId};
use platform::PolicyBook;
use tracing::info;

use super::restamp::restamp_all;
use super::terms::Movers;
use crate::error::Error;
use crate::service::in_force;
use crate::store::Store;

/// Walks of one call: another one where an order came meanwhile.
const ROUNDS: u32 = 8;

/// Shortens what the policy in force shortens, of every recording of a tenant; nothing where that was done for this
/// policy before, or there is none. To be called before it is looked what is due.
pub async fn apply_later_policy(
    store: &dyn Store,
    policies: &PolicyBook,
    clock: &dyn Clock,
    tenant: &TenantId,
) -> Result<(), Error> {
    apply_counted(store, policies, clock, tenant).await.map(drop)
}

/// Likewise; answers how many recordings have another end by it.
async fn apply_counted(
    store: &dyn Store,
    policies: &PolicyBook,
    clock: &dyn Clock,
    tenant: &TenantId,
) -> Result<u64, Error> {
    let Some(known) = in_force(policies, tenant).await? else { return Ok(0) };
    if store.applied_policy(tenant).await? == Some(known.hash) {
        return Ok(0);
    }
    let (mut moved, mut orders) = (0, store.orders(tenant).await?);
    for _ in 0..ROUNDS {
        let movers = Movers { later: Some(known.policy.as_ref()), orders: &orders };
        moved += restamp_all(store, policies, clock, tenant, movers).await?;
        // A recording that was moved to an earlier date here may have passed an order's walk that came towards it. Such
        // an order was placed before, and is seen now.
        let since = store.orders(tenant).await?;
        if since == orders {
            store.set_applied_policy(tenant, known.hash).await?;
            info!(%tenant, policy = %known.hash, moved, "a later policy is applied to what is kept");
            return Ok(moved);
        }
        orders = since;
    }
    Err(Error::Contended("the orders of a tenant"))
}

#[cfg(test)]
mod tests;
