//! Orders of an authority: placed once, journalled, then carried to every recording that they cover.
//!
//! One that is sealed later is reached at its stamp. The walk over what is kept may be cut off anywhere: the same order
//! given again goes on, since a recording that has its end is left as it is.

use kernel::TenantId;
use policy::retention::{ExtensionOrder, OrderError};
use tracing::info;

use super::Service;
use crate::acts;
use crate::error::Error;
use crate::events;
use crate::stamping::{Movers, restamp_all};
use crate::store::{Order, Written};

impl Service {
    /// Places an order, or goes on with one of this reference and content. Answers how many recordings have a later
    /// end by this call.
    pub async fn extend(&self, tenant: &TenantId, by: &str, asked: ExtensionOrder) -> Result<u64, Error> {
        let placed = match self.order(tenant, &asked).await? {
            Some(standing) => standing,
            None => self.ordered(tenant, by, &asked).await?,
        };
        if placed.order != asked {
            let why = format!("order {} was placed with another content", placed.order.reference);
            return Err(Error::refused("other-order", why));
        }
        self.journalled(acts::order_placed(&placed)).await?;
        let movers = Movers { later: None, orders: std::slice::from_ref(&placed) };
        let (store, clock, mesh) = (self.store.as_ref(), self.clock.as_ref(), self.erasing.mesh());
        let lengthened = restamp_all(store, &self.policies, clock, mesh, tenant, movers).await?;
        info!(%tenant, order = %placed.order.reference, lengthened, "an order is carried out");
        Ok(lengthened)
    }

    async fn order(&self, tenant: &TenantId, asked: &ExtensionOrder) -> Result<Option<Order>, Error> {
        let orders = self.store.orders(tenant).await?;
        Ok(orders.into_iter().find(|placed| placed.order.reference == asked.reference))
    }

    /// The order with this reference, written now or by another at the same moment.
    async fn ordered(&self, tenant: &TenantId, by: &str, asked: &ExtensionOrder) -> Result<Order, Error> {
        let now = self.clock.now();
        if asked.until <= now {
            return Err(Error::invalid("until", "must be in the future"));
        }
        let jurisdiction = self.policies.in_force(tenant).await?.policy.jurisdiction;
        asked.check(jurisdiction).map_err(|error| refused(&error))?;
        let order =
            Order { tenant: tenant.clone(), order: asked.clone(), placed_by: by.to_owned(), placed_at: now };
        match self.store.order(&order, &events::order(&order)).await? {
            Written::Applied => Ok(order),
            Written::Conflict => self.order(tenant, asked).await?.ok_or(Error::Contended("the order")),
        }
    }
}

/// The field that is at fault.
fn refused(error: &OrderError) -> Error {
    match error {
        OrderError::UnknownRegime(_) | OrderError::OtherRegime { .. } => {
            Error::invalid("regime", "is not one that this version knows")
        }
        OrderError::OutOfScope { .. } => Error::invalid("from", "does not reach any recording"),
        OrderError::TooLate { regime, latest, .. } => {
            let problem = format!(
                "must not be after {latest}, the latest that {regime} allows for what began first of its range"
            );
            Error::invalid("until", problem)
        }
    }
}

#[cfg(test)]
mod tests;
