//! One condition of a purpose, switched on and off at positions in any order of arrival.

use std::collections::BTreeMap;

use kernel::{EventId, Interval, IntervalSet, Position};

use crate::change::Cause;

/// What switched a condition, for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Switch {
    pub(super) on: bool,
    /// None for what the decision found already standing.
    pub(super) event: Option<EventId>,
    pub(super) cause: Cause,
    pub(super) evidence: Option<EventId>,
    pub(super) derived_error_us: Option<u64>,
}

/// Whether a switch-on at a position where the condition was switched off counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tie {
    /// It does not: at one position a restriction prevails.
    Off,
    /// It does, one microsecond on: two marks may touch.
    Next,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Condition(BTreeMap<Position, Switch>);

impl Condition {
    /// A condition that holds from the beginning.
    pub(super) fn holding(evidence: Option<EventId>) -> Self {
        let switch = Switch {
            on: true,
            event: None,
            cause: if evidence.is_some() { Cause::ConsentGiven } else { Cause::CallStarted },
            evidence,
            derived_error_us: None,
        };
        Self(BTreeMap::from([(Position::ZERO, switch)]))
    }

    pub(super) fn switch_on(&mut self, at: Position, switch: Switch, tie: Tie) {
        let mut at = at;
        while let Some(taken) = self.0.get(&at) {
            if taken.on || tie == Tie::Off || at == Position::MAX {
                return;
            }
            at = at.plus(1);
        }
        self.0.insert(at, switch);
    }

    pub(super) fn switch_off(&mut self, at: Position, switch: Switch) {
        // A switch-off that is already there stays: it was known first.
        if self.0.get(&at).is_none_or(|taken| taken.on) {
            self.0.insert(at, switch);
        }
    }

    /// Where it holds.
    pub(super) fn set(&self) -> IntervalSet {
        let mut since = None;
        let mut held = Vec::new();
        for (at, switch) in &self.0 {
            if switch.on {
                since = since.or(Some(*at));
            } else if let Some(from) = since.take() {
                held.extend(Interval::new(from, *at));
            }
        }
        held.extend(since.and_then(|from| Interval::new(from, Position::MAX)));
        held.into_iter().collect()
    }

    /// The switch at exactly this position.
    pub(super) fn at(&self, position: Position) -> Option<&Switch> {
        self.0.get(&position)
    }

    /// What it rests on at this position: the latest switch-on at or before it.
    pub(super) fn evidence_at(&self, position: Position) -> Option<EventId> {
        self.0.range(..=position).rev().find(|(_, switch)| switch.on).and_then(|(_, switch)| switch.evidence)
    }

    /// The last switch of all.
    pub(super) fn last(&self) -> Option<&Switch> {
        self.0.values().next_back()
    }

    /// Whether it ever held.
    pub(super) fn ever_held(&self) -> bool {
        !self.set().is_empty()
    }
}
