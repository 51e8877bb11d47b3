//! Rows that conditional writes guard, and such writes, tried until it is known what became of them.

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::pending::PendingColumn;
use cql::outbox::{Pending, PendingRows, Ticket};
use cql::{Cql, Error as CqlError};
use kernel::topics::RETENTION;
use kernel::{Envelope, EventId, HoldId, RecordingId, TenantId};
use policy::code::Code;
use uuid::Uuid;

use super::error::{Error, version};
use super::statements::Statements;
use super::{Inner, rows};
use crate::hold::Hold;
use crate::kept::{Kept, RecordingKey};
use crate::store::{Order, Written};

/// How often a conditional write is tried.
const TRIES: u32 = 8;
/// Bytes of an id.
const ID: usize = 16;

/// What is written, under its condition.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Stamp(&'a Kept),
    Change(&'a Kept),
    Place(&'a Hold),
    ChangeHold(&'a Hold),
    Order(&'a Order),
}

/// Which row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum RowKey {
    Kept(RecordingKey),
    Hold(TenantId, HoldId),
    Order(TenantId, Code),
}

/// How a row stands.
pub(super) struct Standing {
    pub(super) version: i64,
    /// Drawn for each write: by it a writer whose answer did not come knows its own.
    act: Uuid,
    /// Of a recording, when it is due.
    pub(super) due_at: Option<i64>,
}

impl Inner {
    /// The row as every conditional write that was answered, or is still under way, leaves it.
    pub(super) async fn stands(&self, row: &RowKey) -> Result<Option<Standing>, Error> {
        let with = &self.statements;
        let found: Option<(i64, Uuid, Option<i64>)> = match row {
            RowKey::Kept(RecordingKey { tenant, id }) => {
                self.cql.serial_row(&with.kept_stands, (tenant.as_str(), id.to_bytes())).await?
            }
            RowKey::Hold(tenant, id) => {
                let values = (tenant.as_str(), id.to_bytes());
                let found: Option<(i64, Uuid)> = self.cql.serial_row(&with.hold_stands, values).await?;
                found.map(|(version, act)| (version, act, None))
            }
            RowKey::Order(tenant, reference) => {
                let values = (tenant.as_str(), reference.as_str());
                let found: Option<(i64, Uuid)> = self.cql.serial_row(&with.order_stands, values).await?;
                found.map(|(version, act)| (version, act, None))
            }
        };
        Ok(found.map(|(version, act, due_at)| Standing { version, act, due_at }))
    }

    /// Writes the row with its event, or neither. Where the answer is no, or does not come, the row is read at SERIAL
    /// before anything else is decided: after that no earlier try comes to be applied. The outbox's pointer is written
    /// anew with each try, since it must not be old when its event comes.
    pub(super) async fn decide(&self, write: Write<'_>, event: &Envelope) -> Result<Written, Error> {
        let (row, before, act) = (write.row(), write.before()?, Uuid::new_v4());
        let pending = Pending { topic: RETENTION, envelope: event.clone() };
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            let ticket = self.outbox.point(&row.to_bytes(), &pending.topic, event.clone()).await?;
            match self.apply(write, act, &pending).await {
                Ok(true) => return Ok(self.applied(ticket)),
                Ok(false) => {}
                Err(Error::Cql(error)) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error),
            }
            match self.stands(&row).await? {
                Some(stands) if stands.act == act => return Ok(self.applied(ticket)),
                // The condition holds still: nothing was applied.
                None if before == 0 => {}
                Some(stands) if stands.version == before => {}
                Some(_) | None => return Ok(Written::Conflict),
            }
        }
        Err(last)
    }

    fn applied(&self, ticket: Ticket) -> Written {
        self.outbox.pushed(ticket);
        self.bell.ring();
        Written::Applied
    }

    async fn apply(&self, write: Write<'_>, act: Uuid, event: &Pending) -> Result<bool, Error> {
        let (with, before) = (&self.statements, write.before()?);
        let applied = match write {
            Write::Stamp(kept) => self.cql.apply(&with.stamp, rows::stamped(kept, act, event)?).await,
            Write::Change(kept) => {
                self.cql.apply(&with.change, rows::changed(kept, act, event, before)?).await
            }
            Write::Place(hold) => self.cql.apply(&with.place, rows::placed(hold, act, event)?).await,
            Write::ChangeHold(hold) => {
                self.cql.apply(&with.change_hold, rows::changed_hold(hold, act, event, before)?).await
            }
            Write::Order(order) => self.cql.apply(&with.order, rows::ordered(order, act, event)?).await,
        };
        Ok(applied?)
    }
}

impl Write<'_> {
    pub(super) fn row(&self) -> RowKey {
        match self {
            Self::Stamp(kept) | Self::Change(kept) => RowKey::Kept(kept.key.clone()),
            Self::Place(hold) | Self::ChangeHold(hold) => RowKey::Hold(hold.tenant.clone(), hold.id),
            Self::Order(order) => RowKey::Order(order.tenant.clone(), order.order.reference.clone()),
        }
    }

    /// The version that the row must have; 0 where there must be no row.
    pub(super) fn before(&self) -> Result<i64, Error> {
        match self {
            Self::Stamp(_) | Self::Place(_) | Self::Order(_) => Ok(0),
            Self::Change(Kept { version: next, .. }) | Self::ChangeHold(Hold { version: next, .. }) => {
                Ok(version(*next)? - 1)
            }
        }
    }
}

impl RowKey {
    /// How the outbox names the row: a letter, its id where it has one, its tenant; an order's reference after a 0,
    /// which no tenant has.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, id, tenant, reference) = match self {
            Self::Kept(RecordingKey { tenant, id }) => (b'k', Some(id.to_bytes()), tenant, None),
            Self::Hold(tenant, id) => (b'h', Some(id.to_bytes()), tenant, None),
            Self::Order(tenant, reference) => (b'o', None, tenant, Some(reference)),
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
        };
        cleared.map(drop)
    }
}
