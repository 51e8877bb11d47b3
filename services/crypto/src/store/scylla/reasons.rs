//! Sealed reasons, kept once.

use futures::FutureExt;
use kernel::{EventId, TenantId};

use super::Tables;
use super::decision::{Found, decide};
use super::error::Error;

impl Tables {
    pub(super) async fn keep_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let values = (tenant.as_str(), event.to_bytes(), sealed);
        let attempt = || self.cql.apply(&self.statements.keep_reason, values).boxed();
        decide(sealed.to_vec(), attempt, || self.find_reason(tenant, event).boxed()).await
    }

    async fn find_reason(&self, tenant: &TenantId, event: EventId) -> Result<Found<Vec<u8>>, Error> {
        let values = (tenant.as_str(), event.to_bytes());
        let found: Option<(Vec<u8>,)> = self.cql.serial_row(&self.statements.reason, values).await?;
        Ok(found.map_or(Found::Open, |(standing,)| Found::Outcome(standing)))
    }

    pub(super) async fn reason(&self, tenant: &TenantId, event: EventId) -> Result<Option<Vec<u8>>, Error> {
        let found: Option<(Vec<u8>,)> =
            self.cql.row(&self.statements.reason, (tenant.as_str(), event.to_bytes())).await?;
        Ok(found.map(|(sealed,)| sealed))
    }
}
