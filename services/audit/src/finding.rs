//! Entries that the ledger writes of its own accord: what it found missing, twice, silent or unreadable.
//!
//! A finding that follows from the topic has an id that follows from it too, so that staging the same records
//! again gives the same leaves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kernel::{EventId, InstanceId, PrincipalKind, Timestamp};
use platform::audit::deployment;
use sha2::{Digest, Sha256};

use crate::entry::Entry;
use crate::name::Incarnation;
use crate::store::{Era, Part};
use crate::succession::Succession;

/// What the ledger names as the actor of its findings.
pub const ACTOR: &str = "verbale-ledger";

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FindingKind {
    /// Numbers of a producer that never came.
    Gap = 1,
    /// A number that had been accounted for, with an entry that is new.
    OutOfOrder = 2,
    /// A number of its own for an entry that the ledger has already; only the number is kept.
    Repeat = 3,
    /// A record that cannot be taken.
    Refused = 4,
    /// A reason that crypto cannot keep.
    ReasonLost = 5,
    /// An entry without producer or number.
    Unnumbered = 6,
    /// A producer that neither beats nor said goodbye.
    Silent = 7,
    /// That this history of the ledger follows one that was not found as far as it was signed.
    HistoryLost = 8,
}

impl FindingKind {
    /// Every kind, in order.
    pub const ALL: &'static [Self] = &[
        Self::Gap,
        Self::OutOfOrder,
        Self::Repeat,
        Self::Refused,
        Self::ReasonLost,
        Self::Unnumbered,
        Self::Silent,
        Self::HistoryLost,
    ];

    /// The action of its entry.
    pub fn action(self) -> &'static str {
        match self {
            Self::Gap => "ledger.gap-found",
            Self::OutOfOrder => "ledger.number-repeated",
            Self::Repeat => "ledger.repeat-dropped",
            Self::Refused => "ledger.record-refused",
            Self::ReasonLost => "ledger.reason-lost",
            Self::Unnumbered => "ledger.number-missing",
            Self::Silent => "ledger.producer-silent",
            Self::HistoryLost => "ledger.history-lost",
        }
    }
}

/// Where findings are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) era: Era,
    pub(crate) partition: u32,
}

impl Place {
    /// Its log in the index.
    pub(crate) fn part(&self) -> Part {
        self.era.part(self.partition)
    }

    /// Which history of the ledger it is in.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.era.incarnation
    }

    /// Numbers that never came.
    pub(crate) fn gap(&self, producer: InstanceId, missing: RangeInclusive<u64>, at: Timestamp) -> Entry {
        let (first, last) = missing.into_inner();
        let id = self.id(FindingKind::Gap, &producer.to_bytes(), first);
        finding(id, FindingKind::Gap, at).about(producer).fact("first", first).fact("last", last).0
    }

    /// A finding about one number of a producer.
    pub(crate) fn number(
        &self,
        kind: FindingKind,
        producer: InstanceId,
        number: u64,
        event: EventId,
        at: Timestamp,
    ) -> Entry {
        let id = self.id(kind, &[producer.to_bytes(), event.to_bytes()].concat(), number);
        finding(id, kind, at).about(producer).fact("number", number).fact("event", event).0
    }

    /// A finding about one event.
    pub(crate) fn event(&self, kind: FindingKind, event: EventId, why: &str, at: Timestamp) -> Entry {
        let id = self.id(kind, &event.to_bytes(), 0);
        finding(id, kind, at).fact("event", event).fact("why", why).0
    }

    /// A record that cannot be taken.
    pub(crate) fn refused(&self, offset: u64, why: &str, at: Timestamp) -> Entry {
        let id = self.id(FindingKind::Refused, &[], offset);
        finding(id, FindingKind::Refused, at).fact("offset", offset).fact("why", why).0
    }

    /// A silent producer. It follows from nothing in the topic, so its id is drawn.
    pub(crate) fn silent(&self, producer: InstanceId, last: u64, at: Timestamp) -> Entry {
        finding(EventId::new(), FindingKind::Silent, at).about(producer).fact("last", last).0
    }

    /// What this incarnation follows.
    pub(crate) fn history_lost(&self, after: &Succession, at: Timestamp) -> Entry {
        let id =
            self.id(FindingKind::HistoryLost, &after.signed.incarnation.to_bytes(), after.signed.head.size);
        let draft = finding(id, FindingKind::HistoryLost, at)
            .fact("signed", after.signed.incarnation)
            .fact("signed-size", after.signed.head.size)
            .fact("signed-root", hex::encode(after.signed.head.root));
        match &after.found {
            Some(found) => draft.fact("found", found.incarnation).fact("found-size", found.head.size).0,
            None => draft.0,
        }
    }

    fn id(&self, kind: FindingKind, subject: &[u8], number: u64) -> EventId {
        let hash = Sha256::new()
            .chain_update(b"verbale/ledger-finding/v1\0")
            .chain_update(self.incarnation().to_bytes())
            .chain_update(self.partition.to_be_bytes())
            .chain_update([kind as u8])
            .chain_update(number.to_be_bytes())
            .chain_update(subject)
            .finalize();
        let (id, _) = hash.split_first_chunk().expect("32 bytes are more than 16");
        EventId::from_bytes(*id)
    }
}

struct Draft(Entry);

fn finding(event: EventId, kind: FindingKind, at: Timestamp) -> Draft {
    Draft(Entry {
        event,
        tenant: deployment(),
        at,
        action: kind.action().to_owned(),
        actor: ACTOR.to_owned(),
        actor_kind: PrincipalKind::Service,
        objects: Vec::new(),
        purpose: None,
        outcome: "found".to_owned(),
        facts: BTreeMap::new(),
        reason: None,
        producer: None,
    })
}

impl Draft {
    fn about(mut self, producer: InstanceId) -> Self {
        self.0.objects.push(format!("producer/{producer}"));
        self
    }
    fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.0.facts.insert(name.to_owned(), value.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_actions_of_findings_are_what_they_always_were() {
        let found: Vec<_> = FindingKind::ALL.iter().map(|kind| (*kind as u8, kind.action())).collect();
        let expected = [
            (1, "ledger.gap-found"),
            (2, "ledger.number-repeated"),
            (3, "ledger.repeat-dropped"),
            (4, "ledger.record-refused"),
            (5, "ledger.reason-lost"),
            (6, "ledger.number-missing"),
            (7, "ledger.producer-silent"),
            (8, "ledger.history-lost"),
        ];
        assert_eq!(found, expected);
    }
}
