//! Positions on a recording's timeline, and sets of intervals of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds on a recording's timeline; 0 is `Open.started_at` on the sender's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The beginning of every recording.
    pub const ZERO: Self = Self(0);
    /// After every frame: the open end of an interval that nothing has closed yet.
    pub const MAX: Self = Self(u64::MAX);

    /// The position `micros` later, or [`Position::MAX`] where that runs over.
    pub fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The position `micros` earlier, or the beginning.
    pub fn minus(self, micros: u64) -> Self {
        Self(self.0.saturating_sub(micros))
    }

    /// Seconds from the beginning, for showing to a person.
    pub fn as_secs_f64(self) -> f64 {
        Duration::from_micros(self.0).as_secs_f64()
    }
}

impl fmt::Display for Position {
    /// `m:ss.mmm`, or `end` for [`Position::MAX`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            return f.pad("end");
        }
        let millis = self.0 / 1_000;
        f.pad(&format!("{}:{:02}.{:03}", millis / 60_000, millis / 1_000 % 60, millis % 1_000))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A half-open stretch `[start, end)`; never empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    start: Position,
    end: Position,
}

impl Interval {
    /// The stretch from `start` up to, not including, `end`; `None` where that is empty.
    pub fn new(start: Position, end: Position) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }
    /// First position in it.
    pub fn start(self) -> Position {
        self.start
    }
    /// First position after it.
    pub fn end(self) -> Position {
        self.end
    }
    /// Length in microseconds.
    pub fn micros(self) -> u64 {
        self.end.0 - self.start.0
    }
    /// Whether all of `other` lies in it.
    pub fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
    /// Whether the two share a position.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
    /// What the two share.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of positions as sorted intervals that neither overlap nor touch.
#[derive(Clone, PartialEq, Eq, Default, Debug, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Interval>", into = "Vec<Interval>")]
pub struct IntervalSet(Vec<Interval>);

impl IntervalSet {
    /// The empty set.
    pub const EMPTY: Self = Self(Vec::new());

    /// Every position.
    pub fn all() -> Self {
        Self(Interval::new(Position::ZERO, Position::MAX).into_iter().collect())
    }
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Its intervals, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Interval> + '_ {
        self.0.iter().copied()
    }
    /// Whether all of `interval` is in it.
    pub fn covers(&self, interval: Interval) -> bool {
        self.0.iter().any(|own| own.covers(interval))
    }
    /// Whether any position of `interval` is in it.
    pub fn overlaps(&self, interval: Interval) -> bool {
        self.0.iter().any(|own| own.overlaps(interval))
    }
    /// Whether `position` is in it.
    pub fn contains(&self, position: Position) -> bool {
        self.0.iter().any(|own| own.start <= position && position < own.end)
    }
    /// Total length in microseconds.
    pub fn micros(&self) -> u64 {
        self.0.iter().map(|i| i.micros()).fold(0, u64::saturating_add)
    }
    /// Adds one interval.
    pub fn insert(&mut self, interval: Interval) {
        let intervals = std::mem::take(&mut self.0);
        *self = intervals.into_iter().chain([interval]).collect();
    }
    /// Everything in either.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }
    /// Everything in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().flat_map(|a| other.iter().filter_map(move |b| a.intersection(b))).collect()
    }
    /// Everything in this one and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        for own in self.iter() {
            let mut from = own.start;
            for cut in other.iter().filter(|cut| cut.overlaps(own)) {
                rest.extend(Interval::new(from, cut.start));
                from = cut.end.max(from);
            }
            rest.extend(Interval::new(from, own.end));
        }
        rest.into_iter().collect()
    }
}

impl FromIterator<Interval> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut sorted: Vec<_> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for next in sorted {
            match merged.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => merged.push(next),
            }
        }
        Self(merged)
    }
}

impl From<Vec<Interval>> for IntervalSet {
    fn from(intervals: Vec<Interval>) -> Self {
        intervals.into_iter().collect()
    }
}

impl From<IntervalSet> for Vec<Interval> {
    fn from(set: IntervalSet) -> Self {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(parts: &[(u64, u64)]) -> IntervalSet {
        parts.iter().filter_map(|&(a, b)| Interval::new(Position(a), Position(b))).collect()
    }

    #[test]
    fn touching_intervals_become_one() {
        assert_eq!(set(&[(5, 9), (0, 5), (20, 30)]), set(&[(0, 9), (20, 30)]));
    }

    proptest! {
        #[test]
        fn set_operations_agree_with_counting_positions(
            a in prop::collection::vec((0u64..40, 0u64..40), 0..6),
            b in prop::collection::vec((0u64..40, 0u64..40), 0..6),
        ) {
            let (a, b) = (set(&a), set(&b));
            for at in (0..40).map(Position) {
                let (x, y) = (a.contains(at), b.contains(at));
                prop_assert_eq!(a.union(&b).contains(at), x || y);
                prop_assert_eq!(a.intersection(&b).contains(at), x && y);
                prop_assert_eq!(a.difference(&b).contains(at), x && !y);
            }
        }
    }
}
