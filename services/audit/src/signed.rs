//! Signed roots in the restrictive journal, which no restore of the ledger brings back.
//!
//! A root is written there before its checkpoint can be read: no root that an outsider may have seen is missing. So the
//! newest one in the journal says from where on the index, or what can be made of the objects, must not fall short.
//! The other way round a root in the journal may never have been readable, where the writer was stopped in between;
//! its leaf is committed by then, and the next checkpoint continues it.

use std::collections::BTreeSet;

use journal::{About, Act, Journal, Kind, Record};
use kernel::{EventId, Timestamp};
use merkle::{Hash, TreeHead};
use platform::audit::deployment;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::name::Incarnation;

/// Records read at once, from the end of the journal backwards.
const PAGE: u64 = 64;
/// Records looked at behind the newest root of a closed history. A writer of it that was still at work may have signed
/// after the one that goes on had begun.
const BEHIND_CLOSED: usize = 256;

/// The root log of an incarnation, as it was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedRoot {
    /// Of which history.
    pub incarnation: Incarnation,
    /// The root log.
    pub head: TreeHead,
}

impl SignedRoot {
    /// The act of signing it. There is one id for a size of an incarnation: the journal refuses a second root there.
    pub(crate) fn act(&self, at: Timestamp) -> Act {
        let hash = Sha256::new()
            .chain_update(b"verbale/ledger-root/v1\0")
            .chain_update(self.incarnation.to_bytes())
            .chain_update(self.head.size.to_be_bytes())
            .finalize();
        let (id, _) = hash.split_first_chunk().expect("32 bytes are more than 16");
        Act {
            id: EventId::from_bytes(*id),
            at,
            tenant: deployment(),
            kind: Kind::LedgerRoot,
            about: About::Root {
                incarnation: self.incarnation.uuid(),
                size: self.head.size,
                root: *self.head.root.as_bytes(),
            },
            codes: Vec::new(),
        }
    }

    /// The root that a record of the journal is about, if it is about one.
    fn of(record: &Record) -> Option<Self> {
        match record.act.about {
            About::Root { incarnation, size, root } => Some(Self {
                incarnation: incarnation.into(),
                head: TreeHead { size, root: Hash::from(root) },
            }),
            About::Aggregate { .. } | About::Epoch(_) => None,
        }
    }
}

/// The newest root in the journal that is not of a closed history; of a closed one where, so near the end, there is no
/// other. Reads backwards: roots are what there is most of.
pub(crate) async fn newest(
    journal: &Journal,
    closed: &BTreeSet<Incarnation>,
) -> Result<Option<SignedRoot>, Error> {
    let (mut end, floor) = (journal.tail().await?, journal.floor().await?);
    let (mut of_closed, mut behind) = (None, 0);
    while end >= floor {
        let after = end.saturating_sub(PAGE).max(floor.saturating_sub(1));
        let records = journal.read(after, usize::try_from(end - after).unwrap_or(usize::MAX)).await?;
        for record in records.iter().rev() {
            match SignedRoot::of(record) {
                Some(root) if !closed.contains(&root.incarnation) => return Ok(Some(root)),
                Some(root) => of_closed = of_closed.or(Some(root)),
                None => {}
            }
            behind += usize::from(of_closed.is_some());
            if behind > BEHIND_CLOSED {
                return Ok(of_closed);
            }
        }
        end = after;
    }
    Ok(of_closed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::ManualClock;
    use objects::{MemoryObjects, Prefix};
    use uuid::Uuid;

    use super::*;
    use crate::samples;
    use crate::testing::NOW;

    const X: Incarnation = Incarnation::from_bytes([1; 16]);
    const Y: Incarnation = Incarnation::from_bytes([2; 16]);

    fn root(incarnation: Incarnation, size: u64) -> SignedRoot {
        SignedRoot { incarnation, head: TreeHead { size, root: Hash::from([7; 32]) } }
    }

    fn other(number: u128) -> Act {
        Act {
            id: EventId::from_bytes((number | 1 << 100).to_be_bytes()),
            at: NOW,
            tenant: samples::tenant("banca-alfa"),
            kind: Kind::HoldPlaced,
            about: About::Aggregate { id: Uuid::from_u128(number), version: 1 },
            codes: Vec::new(),
        }
    }

    async fn journal() -> Journal {
        let clock = Arc::new(ManualClock::at(NOW));
        let objects = Arc::new(MemoryObjects::new(clock.clone()));
        Journal::open(objects, Prefix::new("journal/").unwrap(), clock, journal::BACKUP_HORIZON)
            .await
            .unwrap()
    }

    async fn found(journal: &Journal, closed: &[Incarnation]) -> Option<SignedRoot> {
        newest(journal, &closed.iter().copied().collect()).await.unwrap()
    }

    #[tokio::test]
    async fn the_newest_root_is_found_behind_whatever_else_was_done() {
        let journal = journal().await;
        assert_eq!(found(&journal, &[]).await, None);
        for number in 0..70 {
            journal.append(vec![other(number)]).await.unwrap();
        }
        assert_eq!(found(&journal, &[]).await, None);
        journal.append(vec![root(X, 3).act(NOW), root(X, 4).act(NOW)]).await.unwrap();
        assert_eq!(found(&journal, &[]).await, Some(root(X, 4)));
        for number in 100..300 {
            journal.append(vec![other(number)]).await.unwrap();
        }
        assert_eq!(found(&journal, &[]).await, Some(root(X, 4)));
    }

    #[tokio::test]
    async fn a_writer_of_a_closed_history_that_still_signs_hides_no_newer_one() {
        let journal = journal().await;
        journal.append(vec![root(X, 4).act(NOW), root(Y, 1).act(NOW), root(X, 5).act(NOW)]).await.unwrap();
        assert_eq!(found(&journal, &[X]).await, Some(root(Y, 1)));
        assert_eq!(found(&journal, &[X, Y]).await, Some(root(X, 5)));
        assert_eq!(found(&journal, &[]).await, Some(root(X, 5)));
    }

    #[tokio::test]
    async fn a_size_of_an_incarnation_is_signed_with_one_root() {
        let journal = journal().await;
        journal.append(vec![root(X, 4).act(NOW)]).await.unwrap();
        journal.append(vec![root(X, 4).act(NOW)]).await.unwrap();
        assert_eq!(journal.tail().await.unwrap(), 1);
        let second = SignedRoot { head: TreeHead { size: 4, root: Hash::from([8; 32]) }, ..root(X, 4) };
        let refused = journal.append(vec![second.act(NOW)]).await;
        assert!(matches!(refused, Err(journal::Error::Conflict { .. })), "{refused:?}");
    }
}
