//! What becomes of a recording's entries, as a pure function of sets of spans.

use std::collections::{BTreeMap, BTreeSet};

use seal::{SectionAddress, SpanSet};

use crate::store::EntryKey;

/// Whether the timeline asked for is the one that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It is: entries follow it both ways.
    Follow,
    /// Another was frozen: entries may only lose.
    OnlyLess,
}

/// How an entry stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It opens these spans.
    Opens(SpanSet),
    /// Its place is claimed and empty, or was destroyed and not yet retired.
    Claimed,
    /// It was removed.
    Removed,
}

/// What is to be done with an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Write one that opens these spans.
    Add(SpanSet),
    /// Overwrite it with one that opens these.
    Rewrite(SpanSet),
    /// Overwrite it with nothing.
    Remove,
}

/// The steps that lead from what stands to what is asked. A span is gained only where the section's root
/// still derives it; what was removed stays removed.
pub fn plan(
    asked: &BTreeMap<EntryKey, SpanSet>,
    standing: &BTreeMap<EntryKey, Standing>,
    roots: &BTreeMap<SectionAddress, SpanSet>,
    mode: Mode,
) -> Vec<(EntryKey, Step)> {
    let none = SpanSet::EMPTY;
    let keys: BTreeSet<_> = asked.keys().chain(standing.keys()).collect();
    let step = |key: &EntryKey| {
        let want = asked.get(key).unwrap_or(&none);
        let root = roots.get(&key.section).unwrap_or(&none);
        let gain = |had: &SpanSet| match mode {
            Mode::Follow => want.difference(had).intersection(root),
            Mode::OnlyLess => SpanSet::EMPTY,
        };
        match standing.get(key) {
            Some(Standing::Removed) => None,
            None | Some(Standing::Claimed) => {
                Some(gain(&SpanSet::EMPTY)).filter(|s| !s.is_empty()).map(Step::Add)
            }
            Some(Standing::Opens(had)) => {
                let target = want.intersection(had).union(&gain(had));
                match target {
                    same if same == *had => None,
                    none if none.is_empty() => Some(Step::Remove),
                    other => Some(Step::Rewrite(other)),
                }
            }
        }
    };
    keys.into_iter().filter_map(|key| Some((key.clone(), step(key)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use kernel::{LegNo, PurposeName, RecordingId, SectionNo};

    use super::*;

    fn key() -> EntryKey {
        let section = SectionAddress {
            recording: RecordingId::from_bytes([1; 16]),
            leg: LegNo(0),
            section: SectionNo(0),
        };
        EntryKey { section, purpose: PurposeName::new("quality").unwrap() }
    }

    fn set(range: Range<u32>) -> SpanSet {
        SpanSet::from_ranges([range]).unwrap()
    }

    fn check(
        asked: Option<Range<u32>>,
        stands: Option<Standing>,
        root: Option<Range<u32>>,
        mode: Mode,
        expected: Option<Step>,
    ) {
        let asked = asked.map(|range| (key(), set(range))).into_iter().collect();
        let standing = stands.map(|standing| (key(), standing)).into_iter().collect();
        let roots = root.map(|range| (key().section, set(range))).into_iter().collect();
        let steps = plan(&asked, &standing, &roots, mode);
        assert_eq!(steps, expected.map(|step| (key(), step)).into_iter().collect::<Vec<_>>());
    }

    use Mode::{Follow, OnlyLess};
    use Standing::{Claimed, Opens, Removed};

    #[test]
    fn a_new_entry_opens_what_is_asked_and_the_root_derives() {
        check(Some(0..10), None, Some(0..100), Follow, Some(Step::Add(set(0..10))));
        check(Some(0..10), None, Some(5..100), Follow, Some(Step::Add(set(5..10))));
        check(Some(0..10), Some(Claimed), Some(0..100), Follow, Some(Step::Add(set(0..10))));
        check(Some(0..10), None, None, Follow, None);
        check(Some(0..0), None, Some(0..100), Follow, None);
        check(Some(0..10), None, Some(0..100), OnlyLess, None);
    }

    #[test]
    fn an_entry_that_stands_as_asked_is_left_alone() {
        check(Some(0..10), Some(Opens(set(0..10))), Some(0..100), Follow, None);
        check(Some(0..10), Some(Opens(set(0..10))), None, OnlyLess, None);
    }

    #[test]
    fn late_spans_are_gained_from_what_is_left_of_the_root() {
        check(Some(0..12), Some(Opens(set(0..10))), Some(10..100), Follow, Some(Step::Rewrite(set(0..12))));
        check(Some(0..12), Some(Opens(set(0..10))), Some(11..100), Follow, {
            let left = SpanSet::from_ranges([0..10, 11..12]).unwrap();
            Some(Step::Rewrite(left))
        });
        check(Some(0..12), Some(Opens(set(0..10))), None, Follow, None);
        check(Some(0..12), Some(Opens(set(0..10))), Some(10..100), OnlyLess, None);
    }

    #[test]
    fn what_is_not_asked_any_more_goes() {
        for mode in [Follow, OnlyLess] {
            check(Some(0..5), Some(Opens(set(0..10))), Some(0..100), mode, Some(Step::Rewrite(set(0..5))));
            check(None, Some(Opens(set(0..10))), Some(0..100), mode, Some(Step::Remove));
            check(Some(20..30), Some(Opens(set(0..10))), None, mode, Some(Step::Remove));
        }
    }

    #[test]
    fn what_was_removed_stays_removed() {
        check(Some(0..10), Some(Removed), Some(0..100), Follow, None);
        check(None, Some(Claimed), Some(0..100), Follow, None);
    }
}
