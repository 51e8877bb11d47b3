//! The rows that hold events, as the outbox knows them: each by a name, with what waits in its pending
//! column.

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::pending::PendingColumn;
use cql::outbox::{Pending, PendingRows};
use cql::{Cql, Error as CqlError};
use kernel::{EventId, RequestId, TenantId};

use super::statements::Statements;
use crate::act::RequestKey;

/// Bytes of an id.
const ID: usize = 16;

/// How the outbox names a request: its id, then its tenant.
pub(super) fn to_bytes(key: &RequestKey) -> Vec<u8> {
    [&key.id.to_bytes()[..], key.tenant.as_str().as_bytes()].concat()
}

/// The request of that name.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<RequestKey, CqlError> {
    parse(bytes).ok_or(CqlError::Row { table: "outbox_dsar_pending", what: "a request's key" })
}

fn parse(bytes: &[u8]) -> Option<RequestKey> {
    let (id, tenant) = bytes.split_at_checked(ID)?;
    let tenant = TenantId::new(std::str::from_utf8(tenant).ok()?).ok()?;
    Some(RequestKey { tenant, id: RequestId::from_slice(id).ok()? })
}

/// The heads whose pending columns the outbox looks into.
pub(super) struct GuardedRows {
    pub(super) cql: Cql,
    pub(super) statements: Arc<Statements>,
}

#[async_trait]
impl PendingRows for GuardedRows {
    async fn pending(&self, key: &[u8]) -> Result<Vec<Pending>, CqlError> {
        let RequestKey { tenant, id } = from_bytes(key)?;
        let values = (tenant.as_str(), id.to_bytes());
        let found: Option<(PendingColumn,)> = self.cql.serial_row(&self.statements.pending, values).await?;
        Pending::from_column(found.and_then(|(column,)| column))
    }

    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), CqlError> {
        let RequestKey { tenant, id } = from_bytes(key)?;
        let values = (event.to_bytes(), tenant.as_str(), id.to_bytes());
        self.cql.apply(&self.statements.clear, values).await.map(drop)
    }
}
