//! The rows that hold events, as the outbox knows them: each by a name, with what waits in its pending
//! column.

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::pending::PendingColumn;
use cql::outbox::{Pending, PendingRows};
use cql::{Cql, Error as CqlError};
use kernel::{DisclosureId, EventId, RequestId, TenantId};

use super::statements::Statements;
use crate::act::RequestKey;
use crate::disclosure::DisclosureKey;

/// Bytes of an id.
const ID: usize = 16;
/// What no tenant begins with: in the name of a disclosure it stands before the tenant.
const DISCLOSURE: u8 = 0;

/// Which row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum RowKey {
    /// A request's head.
    Request(RequestKey),
    /// A disclosure.
    Disclosure(DisclosureKey),
}

impl RowKey {
    /// How the outbox names the row: its id, then its tenant; of a disclosure with a 0 between. Names of requests are
    /// as they were before there were disclosures, since some may wait in a table.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(RequestKey { tenant, id }) => {
                [&id.to_bytes()[..], tenant.as_str().as_bytes()].concat()
            }
            Self::Disclosure(DisclosureKey { tenant, id }) => {
                [&id.to_bytes()[..], &[DISCLOSURE], tenant.as_str().as_bytes()].concat()
            }
        }
    }

    /// The row of that name.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CqlError> {
        Self::parse(bytes).ok_or(CqlError::Row { table: "outbox_dsar_pending", what: "a row's key" })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_at_checked(ID)?;
        let tenant = |bytes: &[u8]| TenantId::new(std::str::from_utf8(bytes).ok()?).ok();
        match rest.split_first()? {
            (&DISCLOSURE, rest) => {
                let id = DisclosureId::from_slice(id).ok()?;
                Some(Self::Disclosure(DisclosureKey { tenant: tenant(rest)?, id }))
            }
            _ => {
                let id = RequestId::from_slice(id).ok()?;
                Some(Self::Request(RequestKey { tenant: tenant(rest)?, id }))
            }
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
            RowKey::Request(RequestKey { tenant, id }) => {
                self.cql.serial_row(&with.pending, (tenant.as_str(), id.to_bytes())).await?
            }
            RowKey::Disclosure(DisclosureKey { tenant, id }) => {
                self.cql.serial_row(&with.disclosure_pending, (tenant.as_str(), id.to_bytes())).await?
            }
        };
        Pending::from_column(found.and_then(|(column,)| column))
    }

    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), CqlError> {
        let (with, event) = (&self.statements, event.to_bytes());
        let cleared = match RowKey::from_bytes(key)? {
            RowKey::Request(RequestKey { tenant, id }) => {
                self.cql.apply(&with.clear, (event, tenant.as_str(), id.to_bytes())).await
            }
            RowKey::Disclosure(DisclosureKey { tenant, id }) => {
                self.cql.apply(&with.clear_disclosure, (event, tenant.as_str(), id.to_bytes())).await
            }
        };
        cleared.map(drop)
    }
}
