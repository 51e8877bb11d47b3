//! The rows that hold events, as the outbox knows them: each by a name, with what waits in its pending column.

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::pending::PendingColumn;
use cql::outbox::{Pending, PendingRows};
use cql::{Cql, Error as CqlError};
use kernel::{ErasureId, EventId, HoldId, RecordingId, TenantId};
use policy::code::Code;

use super::statements::Statements;
use crate::kept::RecordingKey;

/// Bytes of an id.
const ID: usize = 16;

/// Which row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum RowKey {
    Kept(RecordingKey),
    Hold(TenantId, HoldId),
    Order(TenantId, Code),
    Erasure(TenantId, ErasureId),
}

impl RowKey {
    /// How the outbox names the row: a letter, its id where it has one, its tenant; an order's reference after a 0,
    /// which no tenant has.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, id, tenant, reference) = match self {
            Self::Kept(RecordingKey { tenant, id }) => (b'k', Some(id.to_bytes()), tenant, None),
            Self::Hold(tenant, id) => (b'h', Some(id.to_bytes()), tenant, None),
            Self::Order(tenant, reference) => (b'o', None, tenant, Some(reference)),
            Self::Erasure(tenant, id) => (b'e', Some(id.to_bytes()), tenant, None),
        };
        let mut bytes = vec![kind];
        bytes.extend(id.into_iter().flatten());
        bytes.extend(tenant.as_str().bytes());
        if let Some(reference) = reference {
            bytes.push(0);
            bytes.extend(reference.as_str().bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CqlError> {
        let bad = CqlError::Row { table: "outbox_retention_pending", what: "a row's key" };
        Self::parse(bytes).ok_or(bad)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let tenant = |bytes: &[u8]| TenantId::new(std::str::from_utf8(bytes).ok()?).ok();
        match kind {
            b'k' => {
                let (id, rest) = rest.split_at_checked(ID)?;
                Some(Self::Kept(RecordingKey {
                    tenant: tenant(rest)?,
                    id: RecordingId::from_slice(id).ok()?,
                }))
            }
            b'h' => {
                let (id, rest) = rest.split_at_checked(ID)?;
                Some(Self::Hold(tenant(rest)?, HoldId::from_slice(id).ok()?))
            }
            b'e' => {
                let (id, rest) = rest.split_at_checked(ID)?;
                Some(Self::Erasure(tenant(rest)?, ErasureId::from_slice(id).ok()?))
            }
            b'o' => {
                let end = rest.iter().position(|byte| *byte == 0)?;
                let reference = std::str::from_utf8(&rest[end + 1..]).ok()?;
                Some(Self::Order(tenant(&rest[..end])?, Code::new(reference).ok()?))
            }
            _ => None,
        }
    }
}

/// The rows whose pending columns the outbox looks into.
pub(super) struct GuardedRows {
    pub(super) cql: Cql,
    pub(super) statements: Arc<Statements>,
}

#[async_trait]
impl PendingRows for GuardedRows {
    async fn pending(&self, key: &[u8]) -> Result<Vec<Pending>, CqlError> {
        let with = &self.statements;
        let found: Option<(PendingColumn,)> = match RowKey::from_bytes(key)? {
            RowKey::Kept(RecordingKey { tenant, id }) => {
                self.cql.serial_row(&with.kept_pending, (tenant.as_str(), id.to_bytes())).await?
            }
            RowKey::Hold(tenant, id) => {
                self.cql.serial_row(&with.hold_pending, (tenant.as_str(), id.to_bytes())).await?
            }
            RowKey::Order(tenant, reference) => {
                self.cql.serial_row(&with.order_pending, (tenant.as_str(), reference.as_str())).await?
            }
            RowKey::Erasure(tenant, id) => {
                self.cql.serial_row(&with.erasure_pending, (tenant.as_str(), id.to_bytes())).await?
            }
        };
        Pending::from_column(found.and_then(|(column,)| column))
    }

    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), CqlError> {
        let (with, event) = (&self.statements, event.to_bytes());
        let cleared = match RowKey::from_bytes(key)? {
            RowKey::Kept(RecordingKey { tenant, id }) => {
                self.cql.apply(&with.clear_kept, (event, tenant.as_str(), id.to_bytes())).await
            }
            RowKey::Hold(tenant, id) => {
                self.cql.apply(&with.clear_hold, (event, tenant.as_str(), id.to_bytes())).await
            }
            RowKey::Order(tenant, reference) => {
                self.cql.apply(&with.clear_order, (event, tenant.as_str(), reference.as_str())).await
            }
            RowKey::Erasure(tenant, id) => {
                self.cql.apply(&with.clear_erasure, (event, tenant.as_str(), id.to_bytes())).await
            }
        };
        cleared.map(drop)
    }
}
