//! Orders: one partition of a tenant, in order of their references.

use kernel::{Envelope, TenantId};

use super::Inner;
use super::decision::Write;
use super::error::Error;
use super::rows::{self, OrderColumns};
use crate::store::{MAX_ORDERS, Order, Written};

/// What is read at most: racing writers may have passed the bound.
const MAX_READ: usize = 2 * MAX_ORDERS;

impl Inner {
    pub(super) async fn order(&self, order: &Order, event: &Envelope) -> Result<Written, Error> {
        let write = Write::Order(order);
        if self.stands(&write.row()).await?.is_some() {
            return Ok(Written::Conflict);
        }
        let values = (order.tenant.as_str(),);
        let references: Vec<(String,)> =
            self.cql.rows(&self.statements.order_references, values, MAX_ORDERS).await?;
        if references.len() >= MAX_ORDERS {
            return Err(Error::TooMany { what: "orders of the tenant", limit: MAX_ORDERS });
        }
        self.decide(write, event).await
    }

    pub(super) async fn orders(&self, tenant: &TenantId) -> Result<Vec<Order>, Error> {
        let values = (tenant.as_str(),);
        let found: Vec<OrderColumns> = self.cql.rows(&self.statements.orders, values, MAX_READ + 1).await?;
        if found.len() > MAX_READ {
            return Err(Error::TooMany { what: "orders of the tenant", limit: MAX_READ });
        }
        found.into_iter().map(rows::order).collect()
    }
}
