//! Appending an act: one conditional write, tried until it is known what became of it.

use cql::outbox::{Pending, Ticket};
use kernel::Envelope;
use kernel::topics::DSAR;
use uuid::Uuid;

use super::error::{Error, version};
use super::{Inner, guarded, rows};
use crate::act::RequestKey;
use crate::store::{Head, Written};

/// How often a conditional write is tried.
const TRIES: u32 = 8;

impl Inner {
    /// An act, as its bytes, with the head after it and the event.
    pub(super) async fn append(
        &self,
        head: &Head,
        record: &[u8],
        event: &Envelope,
    ) -> Result<Written, Error> {
        let before = version(head.version)? - 1;
        if before == 0 {
            // Whoever comes second leaves no pointers.
            if self.stands(&head.key).await?.is_some() {
                return Ok(Written::Conflict);
            }
            self.point(head).await?;
        }
        let written = self.decide(head, record, before, event).await?;
        if written == Written::Applied && !head.is_open() {
            // Where that fails the next look at the list does it.
            self.drop_open(&head.key).await.ok();
        }
        Ok(written)
    }

    /// Version and act of the head as every conditional write that was answered, or is still under way,
    /// leaves it.
    async fn stands(&self, key: &RequestKey) -> Result<Option<(i64, Uuid)>, Error> {
        let values = (key.tenant.as_str(), key.id.to_bytes());
        Ok(self.cql.serial_row(&self.statements.stands, values).await?)
    }

    /// Writes all of it, or nothing. Where the answer is no, or does not come, the head is read at SERIAL
    /// before anything else is decided: after that no earlier try comes to be applied. The outbox's pointer
    /// is written anew with each try, since it must not be old when its event comes.
    async fn decide(
        &self,
        head: &Head,
        record: &[u8],
        before: i64,
        event: &Envelope,
    ) -> Result<Written, Error> {
        let act = Uuid::new_v4();
        let pending = Pending { topic: DSAR, envelope: event.clone() };
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            let row = guarded::to_bytes(&head.key);
            let ticket = self.outbox.point(&row, &pending.topic, event.clone()).await?;
            match self.apply(head, record, before, act, &pending).await {
                Ok(true) => return Ok(self.applied(ticket)),
                Ok(false) => {}
                Err(Error::Cql(error)) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error),
            }
            match outcome(self.stands(&head.key).await?, before, act) {
                Some(Written::Applied) => return Ok(self.applied(ticket)),
                Some(Written::Conflict) => return Ok(Written::Conflict),
                None => {}
            }
        }
        Err(last)
    }

    async fn apply(
        &self,
        head: &Head,
        record: &[u8],
        before: i64,
        act: Uuid,
        event: &Pending,
    ) -> Result<bool, Error> {
        let with = &self.statements;
        let applied = match before {
            0 => self.cql.apply(&with.begin, rows::begun(head, record, act, event)?).await,
            _ => self.cql.apply(&with.follow, rows::followed(head, record, act, event, before)?).await,
        };
        Ok(applied?)
    }

    fn applied(&self, ticket: Ticket) -> Written {
        self.outbox.pushed(ticket);
        self.bell.ring();
        Written::Applied
    }
}

/// What became of a try under `act` on the version `before`, by the head as it stands after it; none where
/// the condition holds still, so that nothing was applied.
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
    fn what_became_of_a_try_shows_in_the_head() {
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
