//! A policy that came into force later, carried to every recording that was stamped before it.

use kernel::{Clock, TenantId};
use platform::PolicyBook;
use policy::PolicyHash;
use tracing::info;

use super::restamp::restamp_all;
use super::terms::Movers;
use crate::error::Error;
use crate::mesh::Mesh;
use crate::service::in_force;
use crate::store::Store;

/// Walks of one call: another one where an order came meanwhile.
const ROUNDS: u32 = 8;
/// Noted in the place of the policy that was applied where an order may not have reached every recording: no document has
/// this hash, so that the next sweep walks over all of them, too, and notes a real one.
const ORDERS_WAIT: PolicyHash = PolicyHash([0; 32]);

/// Notes that a tenant's orders may not have reached every recording. It is durable: whoever starts next carries them out,
/// wherever this process dies.
pub(crate) async fn note_orders(store: &dyn Store, tenant: &TenantId) -> Result<(), Error> {
    Ok(store.set_applied_policy(tenant, ORDERS_WAIT).await?)
}

/// Carries all standing orders of every tenant of which that is noted to every recording. To be called before anything may
/// be erased: an end that an authority has moved must not be over for us.
pub(crate) async fn carry_orders(
    store: &dyn Store,
    policies: &PolicyBook,
    clock: &dyn Clock,
    mesh: &dyn Mesh,
) -> Result<(), Error> {
    for tenant in store.tenants().await? {
        if store.applied_policy(&tenant).await? != Some(ORDERS_WAIT) {
            continue;
        }
        let orders = store.orders(&tenant).await?;
        let movers = Movers { later: None, orders: &orders };
        let lengthened = restamp_all(store, policies, clock, mesh, &tenant, movers).await?;
        info!(%tenant, orders = orders.len(), lengthened, "orders that came back from the journal are carried out");
    }
    Ok(())
}

/// Shortens what the policy in force shortens, of every recording of a tenant; nothing where that was done for this
/// policy before, or there is none. To be called before it is looked what is due.
pub async fn apply_later_policy(
    store: &dyn Store,
    policies: &PolicyBook,
    clock: &dyn Clock,
    mesh: &dyn Mesh,
    tenant: &TenantId,
) -> Result<(), Error> {
    apply_counted(store, policies, clock, mesh, tenant).await.map(drop)
}

/// Likewise; answers how many recordings have another end by it.
async fn apply_counted(
    store: &dyn Store,
    policies: &PolicyBook,
    clock: &dyn Clock,
    mesh: &dyn Mesh,
    tenant: &TenantId,
) -> Result<u64, Error> {
    let Some(known) = in_force(policies, tenant).await? else { return Ok(0) };
    if store.applied_policy(tenant).await? == Some(known.hash) {
        return Ok(0);
    }
    let (mut moved, mut orders) = (0, store.orders(tenant).await?);
    for _ in 0..ROUNDS {
        let movers = Movers { later: Some(known.policy.as_ref()), orders: &orders };
        moved += restamp_all(store, policies, clock, mesh, tenant, movers).await?;
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
