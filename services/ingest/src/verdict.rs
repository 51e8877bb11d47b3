//! What becomes of a frame: kept for some purposes, or not stored for a reason; by its position alone.
//!
//! Deciding by position, and not by what holds when a frame comes in, makes a resent, a late and a reordered
//! frame meet the same fate as the first time.

use kernel::{Interval, IntervalSet, Position};
use proto::ingest::v1 as wire;

/// Most purposes that one call may ask for.
pub const MAX_PURPOSES: usize = 32;

/// A set of a call's purposes, by their place in the call's list.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub struct Purposes(u32);

impl Purposes {
    /// None.
    pub const NONE: Self = Self(0);

    /// With the purpose at this place.
    pub fn with(self, place: usize) -> Self {
        debug_assert!(place < MAX_PURPOSES);
        Self(self.0 | 1 << place)
    }
    /// Whether the purpose at this place is in it.
    pub fn has(self, place: usize) -> bool {
        place < MAX_PURPOSES && self.0 & 1 << place != 0
    }
    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// What both have.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Why frames are not stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropReason {
    /// The sender numbered frames that it never sent.
    Sender,
    /// No purpose had its basis.
    NoBasis,
    /// The recording was paused.
    Pause,
    /// The recording was stopped for good.
    Stopped,
}

impl DropReason {
    /// As it stands in the log.
    pub fn wire(self) -> wire::DropReason {
        match self {
            Self::Sender => wire::DropReason::Sender,
            Self::NoBasis => wire::DropReason::NoBasis,
            Self::Pause => wire::DropReason::Pause,
            Self::Stopped => wire::DropReason::Stopped,
        }
    }
}

/// What becomes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Stored; these purposes have their basis over all of it. Never none.
    Keep(Purposes),
    /// Never stored.
    Drop(DropReason),
}

impl Verdict {
    /// The verdict on a frame that two verdicts share: what takes more away prevails.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Drop(a), Self::Drop(b)) => Self::Drop(a.max(b)),
            (Self::Drop(reason), Self::Keep(_)) | (Self::Keep(_), Self::Drop(reason)) => Self::Drop(reason),
            (Self::Keep(a), Self::Keep(b)) => Self::of(a.and(b)),
        }
    }

    fn of(purposes: Purposes) -> Self {
        if purposes.is_empty() { Self::Drop(DropReason::NoBasis) } else { Self::Keep(purposes) }
    }
}

/// The verdict at every position of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdicts {
    generation: u64,
    /// Where each stretch begins, and its verdict; the first begins at 0, neighbours differ.
    stretches: Vec<(Position, Verdict)>,
}

impl Verdicts {
    /// Lays out the stretches: each purpose's positions in the order of the call's list, less the pauses,
    /// and nothing from `stopped` on. The generation is the caller's count of changes.
    pub fn new(
        generation: u64,
        purposes: &[IntervalSet],
        pauses: &IntervalSet,
        stopped: Option<Position>,
    ) -> Self {
        let edges = purposes.iter().chain([pauses]).flat_map(IntervalSet::iter);
        let mut edges: Vec<_> = edges.flat_map(|i| [i.start(), i.end()]).collect();
        edges.extend([Position::ZERO].into_iter().chain(stopped));
        edges.sort_unstable();
        edges.dedup();
        let mut stretches: Vec<(Position, Verdict)> = Vec::with_capacity(edges.len());
        for at in edges {
            let verdict = verdict_at(at, purposes, pauses, stopped);
            if stretches.last().is_none_or(|(_, last)| *last != verdict) {
                stretches.push((at, verdict));
            }
        }
        Self { generation, stretches }
    }

    /// Differs whenever a verdict may differ.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The verdict on a frame with this place: it is in a stretch only if all of it is.
    pub fn over(&self, frame: Interval) -> Verdict {
        let first = self.stretches.partition_point(|(start, _)| *start <= frame.start()) - 1;
        let mut verdict = self.stretches[first].1;
        for (start, next) in &self.stretches[first + 1..] {
            if *start >= frame.end() {
                break;
            }
            verdict = verdict.and(*next);
        }
        verdict
    }

    /// The purposes that have their basis at a position, pauses aside being a matter of `over`.
    pub fn at(&self, position: Position) -> Verdict {
        self.stretches[self.stretches.partition_point(|(start, _)| *start <= position) - 1].1
    }
}

fn verdict_at(
    at: Position,
    purposes: &[IntervalSet],
    pauses: &IntervalSet,
    stopped: Option<Position>,
) -> Verdict {
    if stopped.is_some_and(|stop| stop <= at) {
        return Verdict::Drop(DropReason::Stopped);
    }
    if pauses.contains(at) {
        return Verdict::Drop(DropReason::Pause);
    }
    let standing = purposes.iter().enumerate().filter(|(_, set)| set.contains(at));
    Verdict::of(standing.fold(Purposes::NONE, |all, (place, _)| all.with(place)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(parts: &[(u64, u64)]) -> IntervalSet {
        parts.iter().filter_map(|&(a, b)| Interval::new(Position(a), Position(b))).collect()
    }

    fn over(verdicts: &Verdicts, start: u64, end: u64) -> Verdict {
        verdicts.over(Interval::new(Position(start), Position(end)).unwrap())
    }

    #[test]
    fn a_frame_that_a_grant_or_a_pause_cuts_is_not_in() {
        let verdicts = Verdicts::new(0, &[set(&[(10, 90)])], &set(&[(40, 60)]), Some(Position(80)));
        assert_eq!(over(&verdicts, 5, 11), Verdict::Drop(DropReason::NoBasis));
        assert_eq!(over(&verdicts, 10, 40), Verdict::Keep(Purposes::NONE.with(0)));
        assert_eq!(over(&verdicts, 39, 41), Verdict::Drop(DropReason::Pause));
        assert_eq!(over(&verdicts, 59, 61), Verdict::Drop(DropReason::Pause));
        assert_eq!(over(&verdicts, 60, 80), Verdict::Keep(Purposes::NONE.with(0)));
        assert_eq!(over(&verdicts, 79, 81), Verdict::Drop(DropReason::Stopped));
        assert_eq!(over(&verdicts, 500, 501), Verdict::Drop(DropReason::Stopped));
    }

    #[test]
    fn nothing_is_kept_where_no_purpose_was_asked_for() {
        let verdicts = Verdicts::new(0, &[], &IntervalSet::EMPTY, None);
        assert_eq!(over(&verdicts, 0, 1), Verdict::Drop(DropReason::NoBasis));
    }

    proptest! {
        #[test]
        fn a_frame_is_kept_only_for_purposes_that_stand_at_each_of_its_positions(
            a in prop::collection::vec((0u64..40, 0u64..40), 0..4),
            b in prop::collection::vec((0u64..40, 0u64..40), 0..4),
            pauses in prop::collection::vec((0u64..40, 0u64..40), 0..4),
            stop in prop::option::of(0u64..40),
            start in 0u64..40, length in 1u64..10,
        ) {
            let (sets, pauses) = ([set(&a), set(&b)], set(&pauses));
            let verdicts = Verdicts::new(0, &sets, &pauses, stop.map(Position));
            let positions = || (start..start + length).map(Position);
            let silent = positions().any(|p| pauses.contains(p) || stop.is_some_and(|s| s <= p.0));
            let standing: Vec<_> = sets.iter().map(|s| positions().all(|p| s.contains(p))).collect();
            match over(&verdicts, start, start + length) {
                Verdict::Keep(purposes) => {
                    prop_assert!(!silent && !purposes.is_empty());
                    for (place, stands) in standing.iter().enumerate() {
                        prop_assert_eq!(purposes.has(place), *stands);
                    }
                }
                Verdict::Drop(DropReason::NoBasis) => prop_assert!(!silent && !standing.contains(&true)),
                Verdict::Drop(_) => prop_assert!(silent),
            }
        }
    }
}
