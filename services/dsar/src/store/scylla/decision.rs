//! Conditional writes of the rows that hold events, tried until it is known what became of them.

use cql::outbox::{Pending, Ticket};
use kernel::Envelope;
use kernel::topics::{DISCLOSURES, DSAR, Topic};
use uuid::Uuid;

use super::error::{Error, version};
use super::guarded::RowKey;
use super::{Inner, rows};
use crate::act::RequestKey;
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::{Head, Written};

/// How often a conditional write is tried.
const TRIES: u32 = 8;

/// What is written, under its condition.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    /// The head after an act, and the act, as its bytes.
    Act(&'a Head, &'a [u8]),
    /// A disclosure, with its bytes.
    Disclosure(&'a Disclosure, &'a [u8]),
}

impl Inner {
    /// Version and act of a row as every conditional write that was answered, or is still under way, leaves it.
    pub(super) async fn stands(&self, row: &RowKey) -> Result<Option<(i64, Uuid)>, Error> {
        let with = &self.statements;
        let (find, tenant, id) = match row {
            RowKey::Request(RequestKey { tenant, id }) => (&with.stands, tenant, id.to_bytes()),
            RowKey::Disclosure(DisclosureKey { tenant, id }) => {
                (&with.disclosure_stands, tenant, id.to_bytes())
            }
        };
        Ok(self.cql.serial_row(find, (tenant.as_str(), id)).await?)
    }

    /// Writes all of it, or nothing. Where the answer is no, or does not come, the row is read at SERIAL before
    /// anything else is decided: after that no earlier try comes to be applied. The outbox's pointer is written anew
    /// with each try, since it must not be old when its event comes.
    pub(super) async fn decide(&self, write: Write<'_>, event: &Envelope) -> Result<Written, Error> {
        let (row, before, act) = (write.row(), write.before()?, Uuid::new_v4());
        let pending = Pending { topic: write.topic(), envelope: event.clone() };
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            let ticket = self.outbox.point(&row.to_bytes(), &pending.topic, event.clone()).await?;
            match self.apply(write, act, &pending).await {
                Ok(true) => return Ok(self.applied(ticket)),
                Ok(false) => {}
                Err(Error::Cql(error)) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error),
            }
            match outcome(self.stands(&row).await?, before, act) {
                Some(Written::Applied) => return Ok(self.applied(ticket)),
                Some(Written::Conflict) => return Ok(Written::Conflict),
                None => {}
            }
        }
        Err(last)
    }

    async fn apply(&self, write: Write<'_>, act: Uuid, event: &Pending) -> Result<bool, Error> {
        let (with, before) = (&self.statements, write.before()?);
        let applied = match (write, before) {
            (Write::Act(head, record), 0) => {
                self.cql.apply(&with.begin, rows::begun(head, record, act, event)?).await
            }
            (Write::Act(head, record), _) => {
                self.cql.apply(&with.follow, rows::followed(head, record, act, event, before)?).await
            }
            (Write::Disclosure(disclosure, stored), 0) => {
                let values = rows::disclosed(disclosure, stored, act, event)?;
                self.cql.apply(&with.begin_disclosure, values).await
            }
            (Write::Disclosure(disclosure, stored), _) => {
                let values = rows::changed(disclosure, stored, act, event, before)?;
                self.cql.apply(&with.change_disclosure, values).await
            }
        };
        Ok(applied?)
    }

    fn applied(&self, ticket: Ticket) -> Written {
        self.outbox.pushed(ticket);
        self.bell.ring();
        Written::Applied
    }
}

impl Write<'_> {
    pub(super) fn row(&self) -> RowKey {
        match self {
            Self::Act(head, _) => RowKey::Request(head.key.clone()),
            Self::Disclosure(disclosure, _) => RowKey::Disclosure(disclosure.key.clone()),
        }
    }

    /// The version that the row must have; 0 where there must be none.
    pub(super) fn before(&self) -> Result<i64, Error> {
        match self {
            Self::Act(Head { version: next, .. }, _)
            | Self::Disclosure(Disclosure { version: next, .. }, _) => Ok(version(*next)? - 1),
        }
    }

    fn topic(&self) -> Topic {
        match self {
            Self::Act(..) => DSAR,
            Self::Disclosure(..) => DISCLOSURES,
        }
    }
}

/// What became of a try under `act` on the version `before`, by the row as it stands after it; none where the condition
/// holds still, so that nothing was applied.
fn outcome(stands: Option<(i64, Uuid)>, before: i64, act: Uuid) -> Option<Written> {
    match stands {
        Some((_, own)) if own == act => Some(Written::Applied),
        None if before == 0 => None,
        Some((version, _)) if version == before => None,
        Some(_) | None => Some(Written::Conflict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_try_shows_in_the_row() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (stands, before, expected) in [
            (None, 0, None),
            (Some((1, own)), 0, Some(Written::Applied)),
            (Some((1, other)), 0, Some(Written::Conflict)),
            (None, 1, Some(Written::Conflict)),
            (Some((1, other)), 1, None),
            (Some((2, own)), 1, Some(Written::Applied)),
            (Some((2, other)), 1, Some(Written::Conflict)),
            (Some((3, other)), 1, Some(Written::Conflict)),
        ] {
            assert_eq!(outcome(stands, before, own), expected, "{stands:?} after {before}");
        }
    }
}
