//! Rows that conditional writes guard, and such writes, tried until it is known what became of them.

use cql::outbox::{Pending, Ticket};
use kernel::Envelope;
use kernel::topics::RETENTION;
use uuid::Uuid;

use super::error::{Error, version};
use super::guarded::RowKey;
use super::{Inner, rows};
use crate::erasure::Erasure;
use crate::hold::Hold;
use crate::kept::{Kept, RecordingKey};
use crate::store::{Order, Written};

/// How often a conditional write is tried.
pub(super) const TRIES: u32 = 8;

/// What is written, under its condition.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Stamp(&'a Kept),
    Change(&'a Kept),
    Place(&'a Hold),
    ChangeHold(&'a Hold),
    Order(&'a Order),
    BeginErasure(&'a Erasure),
    ChangeErasure(&'a Erasure),
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
            RowKey::Erasure(tenant, id) => {
                let values = (tenant.as_str(), id.to_bytes());
                let found: Option<(i64, Uuid)> = self.cql.serial_row(&with.erasure_stands, values).await?;
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
            let stands = self.stands(&row).await?.map(|stands| (stands.version, stands.act));
            match outcome(stands, before, act) {
                Some(Written::Applied) => return Ok(self.applied(ticket)),
                Some(Written::Conflict) => return Ok(Written::Conflict),
                None => {}
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
            Write::BeginErasure(erasure) => {
                self.cql.apply(&with.begin_erasure, rows::begun(erasure, act, event)?).await
            }
            Write::ChangeErasure(erasure) => {
                self.cql
                    .apply(&with.change_erasure, rows::changed_erasure(erasure, act, event, before)?)
                    .await
            }
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
            Self::BeginErasure(erasure) | Self::ChangeErasure(erasure) => {
                RowKey::Erasure(erasure.tenant.clone(), erasure.id)
            }
        }
    }

    /// The version that the row must have; 0 where there must be no row.
    pub(super) fn before(&self) -> Result<i64, Error> {
        match self {
            Self::Stamp(_) | Self::Place(_) | Self::Order(_) | Self::BeginErasure(_) => Ok(0),
            Self::Change(Kept { version: next, .. })
            | Self::ChangeHold(Hold { version: next, .. })
            | Self::ChangeErasure(Erasure { version: next, .. }) => Ok(version(*next)? - 1),
        }
    }
}

/// What became of a try under `act` on the version `before`, by the row as it stands after it; none where the condition
/// holds still, so that nothing was applied.
pub(super) fn outcome(stands: Option<(i64, Uuid)>, before: i64, act: Uuid) -> Option<Written> {
    match stands {
        Some((_, own)) if own == act => Some(Written::Applied),
        None if before == 0 => None,
        Some((version, _)) if version == before => None,
        Some(_) | None => Some(Written::Conflict),
    }
}
