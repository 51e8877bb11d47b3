//! What marks leave over, as a table and as properties.

use proptest::prelude::*;
use seal::page::SEALING;

use super::*;
use crate::testing::{purpose, spans, tenant};

const RECORDING: RecordingId = RecordingId::from_bytes([1; 16]);

fn key(name: &str, leg: u16, section: u32) -> EntryKey {
    let section = SectionAddress { recording: RECORDING, leg: LegNo(leg), section: SectionNo(section) };
    EntryKey { section, purpose: purpose(name) }
}

fn mark(purposes: &[&str], stretch: Option<(u16, u32, std::ops::Range<u32>)>) -> Mark {
    Mark {
        tenant: tenant(),
        recording: RECORDING,
        erasure: ErasureId::from_bytes([9; 16]),
        purposes: purposes.iter().map(|name| purpose(name)).collect(),
        spans: stretch
            .map(|(leg, section, range)| BTreeMap::from([((LegNo(leg), SectionNo(section)), spans(range))])),
        at: Timestamp(0),
    }
}

#[test]
fn a_mark_takes_its_purposes_and_its_spans_and_no_others() {
    let everything = mark(&[], None);
    let quality = mark(&["quality"], None);
    let stretch = mark(&[], Some((0, 1, 3..5)));
    let both = mark(&["quality"], Some((0, 1, 3..5)));
    let rest = spans(0..10).difference(&spans(3..5));
    for (mark, key, expected) in [
        (&everything, key("quality", 0, 0), SpanSet::EMPTY),
        (&everything, key(SEALING, 65_535, 7), SpanSet::EMPTY),
        (&quality, key("quality", 4, 2), SpanSet::EMPTY),
        (&quality, key("training", 4, 2), spans(0..10)),
        (&quality, key(SEALING, 4, 2), spans(0..10)),
        (&stretch, key("quality", 0, 1), rest.clone()),
        (&stretch, key(SEALING, 0, 1), rest.clone()),
        (&stretch, key("quality", 0, 0), spans(0..10)),
        (&stretch, key("quality", 1, 1), spans(0..10)),
        (&both, key("quality", 0, 1), rest),
        (&both, key(SEALING, 0, 1), spans(0..10)),
    ] {
        assert_eq!(left(std::slice::from_ref(mark), &key, &spans(0..10)), expected, "{mark:?} of {key:?}");
    }
    let mut elsewhere = key("quality", 0, 0);
    elsewhere.section.recording = RecordingId::from_bytes([2; 16]);
    assert_eq!(left(&[everything], &elsewhere, &spans(0..10)), spans(0..10), "another recording's");
}

#[test]
fn a_mark_includes_what_takes_no_more_than_it() {
    let everything = mark(&[], None);
    let quality = mark(&["quality"], None);
    let stretch = mark(&[], Some((0, 0, 3..5)));
    let shorter = mark(&["quality"], Some((0, 0, 3..4)));
    let elsewhere = mark(&[], Some((0, 1, 3..4)));
    for narrower in [&everything, &quality, &stretch, &shorter, &elsewhere] {
        assert!(everything.includes(narrower), "{narrower:?}");
        assert!(narrower.includes(narrower), "{narrower:?}");
    }
    for (own, other, expected) in [
        (&quality, &everything, false),
        (&quality, &stretch, false),
        (&quality, &shorter, true),
        (&stretch, &shorter, true),
        (&shorter, &stretch, false),
        (&stretch, &elsewhere, false),
        (&stretch, &quality, false),
    ] {
        assert_eq!(own.includes(other), expected, "{own:?} of {other:?}");
    }
    let foreign = Mark { recording: RecordingId::from_bytes([2; 16]), ..shorter };
    assert!(!everything.includes(&foreign));
}

const PURPOSES: [&str; 3] = ["quality", "training", SEALING];

fn some_spans() -> impl Strategy<Value = SpanSet> {
    prop::collection::vec((0u32..64, 0u32..20), 0..5).prop_map(|ranges| {
        SpanSet::from_ranges(ranges.into_iter().map(|(start, length)| start..start + length)).unwrap()
    })
}

fn some_key() -> impl Strategy<Value = EntryKey> {
    (0..PURPOSES.len(), 0u16..2, 0u32..2).prop_map(|(name, leg, section)| key(PURPOSES[name], leg, section))
}

fn some_mark() -> impl Strategy<Value = Mark> {
    let purposes = prop::collection::btree_set(0..PURPOSES.len(), 0..3);
    let at = (0u16..2, 0u32..2).prop_map(|(leg, section)| (LegNo(leg), SectionNo(section)));
    let stretch = prop::option::of(prop::collection::btree_map(at, some_spans(), 0..3));
    (purposes, stretch).prop_map(|(purposes, spans)| Mark {
        purposes: purposes.into_iter().map(|name| purpose(PURPOSES[name])).collect(),
        spans,
        ..mark(&[], None)
    })
}

proptest! {
    #[test]
    fn no_mark_gives_back_and_each_takes_what_it_names(
        marks in prop::collection::vec(some_mark(), 0..6),
        more in some_mark(),
        key in some_key(),
        spans in some_spans(),
    ) {
        let before = left(&marks, &key, &spans);
        prop_assert!(before.difference(&spans).is_empty());
        prop_assert_eq!(&left(&marks, &key, &before), &before, "taken twice is taken once");
        for mark in &marks {
            prop_assert!(before.intersection(&mark.takes(&key)).is_empty());
        }
        let after = left(&[marks, vec![more.clone()]].concat(), &key, &spans);
        prop_assert_eq!(after, before.difference(&more.takes(&key)));
    }

    #[test]
    fn the_order_of_marks_does_not_matter(
        (marks, shuffled) in prop::collection::vec(some_mark(), 0..6)
            .prop_flat_map(|marks| (Just(marks.clone()), Just(marks).prop_shuffle())),
        key in some_key(),
        spans in some_spans(),
    ) {
        prop_assert_eq!(left(&marks, &key, &spans), left(&shuffled, &key, &spans));
    }

    #[test]
    fn of_more_spans_no_fewer_are_left(
        marks in prop::collection::vec(some_mark(), 0..6),
        key in some_key(),
        some in some_spans(),
        more in some_spans(),
    ) {
        let (less, all) = (left(&marks, &key, &some), left(&marks, &key, &some.union(&more)));
        prop_assert!(less.difference(&all).is_empty());
    }

    #[test]
    fn what_a_mark_includes_takes_nothing_that_it_does_not_take(
        own in some_mark(),
        other in some_mark(),
        key in some_key(),
    ) {
        if own.includes(&other) {
            prop_assert!(other.takes(&key).difference(&own.takes(&key)).is_empty());
        }
    }
}
