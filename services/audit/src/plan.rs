//! Which leaves follow from the records of a batch: a pure function of what came, what is known of their
//! producers and which events the log has.
//!
//! An entry's identity is its event id; a repeated one is dropped. Numbers are dense per producer and
//! partition, from 1: what is missing when a later number or a heartbeat comes is a finding, once.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{EventId, InstanceId, TenantId, Timestamp};
use platform::audit::SealedReason;

use crate::arrival::{Act, Arrival, Said};
use crate::entry::Entry;
use crate::finding::{FindingKind, Place};
use crate::store::{Producer, ProducerState};

/// The producers of a partition, by id.
pub(crate) type Producers = BTreeMap<InstanceId, Producer>;

/// What a batch adds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    /// The new leaves' entries, in order.
    pub(crate) entries: Vec<Entry>,
    /// Reasons that crypto is to keep before the batch is committed.
    pub(crate) reasons: Vec<Reason>,
    /// Producers that beat in it.
    pub(crate) beats: BTreeSet<InstanceId>,
}

/// A person's reason on its way to crypto.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reason {
    pub(crate) tenant: TenantId,
    pub(crate) event: EventId,
    pub(crate) sealed: SealedReason,
    pub(crate) at: Timestamp,
}

/// The events that a batch brings, to be looked up.
pub(crate) fn events(arrivals: &[Arrival]) -> Vec<EventId> {
    let acts = arrivals.iter().filter_map(|arrival| match &arrival.said {
        Said::Act(act) => Some(act.entry.event),
        Said::Beat { .. } | Said::Refused(_) => None,
    });
    acts.collect()
}

/// What the batch adds; producers are brought forward.
pub(crate) fn plan(
    place: Place,
    producers: &mut Producers,
    known: BTreeSet<EventId>,
    arrivals: Vec<Arrival>,
) -> Plan {
    let mut planning = Planning { place, producers, known, plan: Plan::default() };
    for Arrival { offset, at, said } in arrivals {
        match said {
            Said::Act(act) => planning.act(*act, at),
            Said::Beat { producer, produced, state } => planning.beat(producer, produced, state, at),
            Said::Refused(why) => planning.plan.entries.push(place.refused(offset, why, at)),
        }
    }
    planning.plan
}

struct Planning<'p> {
    place: Place,
    producers: &'p mut Producers,
    known: BTreeSet<EventId>,
    plan: Plan,
}

impl Planning<'_> {
    fn act(&mut self, act: Act, at: Timestamp) {
        let event = act.entry.event;
        let Some((id, number)) = act.entry.producer else {
            if self.take(act, at) {
                let found = self.place.event(FindingKind::Unnumbered, event, "no producer", at);
                self.plan.entries.push(found);
            }
            return;
        };
        let last = self.account(id, number - 1, at);
        self.advance(id, number, ProducerState::Running);
        let is_new = self.take(act, at);
        let found = match (number > last, is_new) {
            (true, true) => return,
            // Sent again as it was, after an append whose answer was lost.
            (false, false) => return,
            (true, false) => FindingKind::Repeat,
            (false, true) => FindingKind::OutOfOrder,
        };
        self.plan.entries.push(self.place.number(found, id, number, event, at));
    }

    fn beat(&mut self, id: InstanceId, produced: u64, state: ProducerState, at: Timestamp) {
        self.account(id, produced, at);
        self.advance(id, produced, state);
        self.plan.beats.insert(id);
    }

    /// Finds missing what has not come up to this number; answers how far the producer had come before.
    fn account(&mut self, id: InstanceId, up_to: u64, at: Timestamp) -> u64 {
        let last = self.producers.get(&id).map_or(0, |producer| producer.last);
        if up_to > last {
            self.plan.entries.push(self.place.gap(id, last + 1..=up_to, at));
        }
        last
    }

    fn advance(&mut self, id: InstanceId, number: u64, state: ProducerState) {
        let producer = self.producers.entry(id).or_insert(Producer { id, last: 0, state });
        producer.last = producer.last.max(number);
        producer.state = state;
    }

    /// Takes an entry that the log has not.
    fn take(&mut self, act: Act, at: Timestamp) -> bool {
        let Act { entry, reason } = act;
        if !self.known.insert(entry.event) {
            return false;
        }
        if let Some(sealed) = reason {
            self.plan.reasons.push(Reason { tenant: entry.tenant.clone(), event: entry.event, sealed, at });
        }
        self.plan.entries.push(entry);
        true
    }
}

#[cfg(test)]
mod tests;
