//! Which acts are added, as what; pure.

use std::collections::HashMap;

use kernel::{EventId, SubjectId, TenantId};

use super::writes::Staged;
use crate::event::StoredEvent;
use crate::store::scylla::sequence::Decided;
use crate::store::{Addition, Appended};

/// What is known before a batch of acts, and then after each of them.
#[derive(Default)]
pub(super) struct View {
    /// Events by the ids that the acts name.
    pub(super) known: HashMap<EventId, StoredEvent>,
    /// What the rows of the acts' subjects tell.
    pub(super) told: HashMap<(TenantId, SubjectId), Told>,
}

/// What a subject's row tells of their events.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Told {
    /// The last one's version; 0 where there is none.
    pub(super) latest: u64,
    /// How many there are.
    pub(super) events: u64,
}

impl View {
    /// One act after the other, as if each had come alone.
    pub(super) fn decide(mut self, last: u64, acts: &[Addition]) -> Decided<Appended, Staged> {
        let mut decided = Decided { answers: Vec::with_capacity(acts.len()), rows: Vec::new() };
        for act in acts {
            let answer = match self.refusal(act) {
                Some(refusal) => refusal,
                None => Appended::Now(self.add(last, act, &mut decided.rows)),
            };
            decided.answers.push(answer);
        }
        decided
    }

    fn refusal(&self, act: &Addition) -> Option<Appended> {
        let first = act.events.first()?;
        if let Some(before) = self.known.get(&act.act).filter(|event| event.tenant == act.tenant) {
            return Some(Appended::Before(Box::new(before.clone())));
        }
        if self.told(act, first.subject).latest != act.after {
            return Some(Appended::Overtaken);
        }
        let is_taken = |(place, id): (usize, EventId)| {
            self.known.contains_key(&id) || act.events[..place].iter().any(|other| other.id == id)
        };
        act.events.iter().map(|event| event.id).enumerate().any(is_taken).then_some(Appended::IdTaken)
    }

    fn add(&mut self, last: u64, act: &Addition, rows: &mut Vec<Staged>) -> Vec<StoredEvent> {
        let mut added = Vec::with_capacity(act.events.len());
        for event in &act.events {
            let version = last + rows.len() as u64 + 1;
            let stored = StoredEvent { tenant: act.tenant.clone(), version, event: event.clone() };
            let number = self.told(act, event.subject).events;
            let told = Told { latest: version, events: number + 1 };
            self.told.insert((act.tenant.clone(), event.subject), told);
            self.known.insert(event.id, stored.clone());
            let trace = act.trace.clone();
            rows.push(Staged { event: stored.clone(), number, trace, entry: None });
            added.push(stored);
        }
        // The entry leaves behind the events.
        if let Some(row) = rows.last_mut().filter(|_| !added.is_empty()) {
            row.entry = act.entry.clone();
        }
        added
    }

    fn told(&self, act: &Addition, subject: SubjectId) -> Told {
        self.told.get(&(act.tenant.clone(), subject)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{addition, alfa, beta, event};
    use crate::event::Reach;

    /// Each answer as a word, and the versions added.
    fn words(acts: &[Addition]) -> (Vec<&'static str>, Vec<(u64, u64)>) {
        let Decided { answers, rows } = View::default().decide(7, acts);
        let word = |answer: &Appended| match answer {
            Appended::Now(_) => "now",
            Appended::Before(_) => "before",
            Appended::Overtaken => "overtaken",
            Appended::IdTaken => "taken",
        };
        let places = rows.iter().map(|row| (row.event.version, row.number)).collect();
        (answers.iter().map(word).collect(), places)
    }

    #[test]
    fn acts_that_come_together_are_decided_one_after_the_other() {
        let (one, other) = (SubjectId::new(), SubjectId::new());
        let said = |subject| event(subject, Reach::Account, 5);
        let first = addition(alfa(), vec![said(one), said(one)], 0);
        let late = addition(alfa(), vec![said(one)], 0);
        let next = addition(alfa(), vec![said(one)], 9);
        let elsewhere = addition(alfa(), vec![said(other)], 0);
        let taken = addition(beta(), first.events.clone(), 0);
        let doubled = addition(alfa(), vec![elsewhere.events[0].clone(); 2], 0);
        let nothing = Addition { events: Vec::new(), ..first.clone() };
        let acts = [first.clone(), late, next, elsewhere, first, taken, nothing];
        assert_eq!(
            words(&acts),
            (
                vec!["now", "overtaken", "now", "now", "before", "taken", "now"],
                vec![(8, 0), (9, 1), (10, 2), (11, 0)]
            )
        );
        assert_eq!(words(&[doubled]).0, ["taken"]);
    }
}
