use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn set(ranges: &[(u64, u64)]) -> FrameSet {
    let mut set = FrameSet::default();
    ranges.iter().for_each(|(first, last)| set.insert(*first..=*last));
    set
}

fn members(ranges: &[(u64, u64)]) -> BTreeSet<u64> {
    ranges.iter().flat_map(|(first, last)| *first..=*last).collect()
}

fn span(section: u32, span: u32, first: u64, last: u64) -> Span {
    Span {
        leg: LegNo(0),
        section: SectionNo(section),
        span: SpanNo(span),
        first_frame: FrameNo(first),
        last_frame: FrameNo(last),
        start: kernel::Position(first * 20_000),
        end: kernel::Position((last + 1) * 20_000),
        ct_root: seal::Hash::default(),
        offset: 0,
        length: 1,
    }
}

fn again(spans: &[Span], epochs: &[(u32, u64)]) -> Vec<(u32, u32, u64, u64)> {
    let epochs = epochs
        .iter()
        .map(|(section, epoch)| ((LegNo(0), SectionNo(*section)), SessionEpoch(*epoch)))
        .collect();
    let spans: Vec<_> = spans.iter().collect();
    let found = first_copies(&spans, &epochs).1;
    found.iter().map(|s| (s.section.0, s.span.0, s.first.0, s.last.0)).collect()
}

#[test]
fn the_copy_of_the_lower_session_epoch_wins() {
    let spans = [span(1, 0, 0, 49), span(0, 0, 40, 89)];
    assert_eq!(again(&spans, &[(0, 2), (1, 1)]), [(0, 0, 40, 49)]);
    assert_eq!(again(&spans, &[(0, 1), (1, 2)]), [(1, 0, 40, 49)]);
}

#[test]
fn within_one_epoch_the_lower_section_and_span_win() {
    let spans = [span(0, 1, 10, 30), span(0, 0, 0, 20), span(1, 0, 25, 35)];
    assert_eq!(again(&spans, &[(0, 1), (1, 1)]), [(0, 1, 10, 20), (1, 0, 25, 30)]);
}

#[test]
fn spans_that_only_touch_supersede_nothing() {
    assert_eq!(again(&[span(0, 0, 0, 49), span(0, 1, 50, 99)], &[(0, 1)]), []);
}

#[test]
fn the_ends_of_the_number_range_are_frames_like_others() {
    let mut set = set(&[(0, u64::MAX)]);
    set.insert(u64::MAX..=u64::MAX);
    assert!(set.contains(u64::MAX) && set.contains(0));
    assert!(set.difference(&set).is_empty());
}

proptest! {
    #[test]
    fn sets_agree_with_counting_frames(
        a in prop::collection::vec((0u64..60, 0u64..60), 0..8),
        b in prop::collection::vec((0u64..60, 0u64..60), 0..8),
    ) {
        let (left, right) = (set(&a), set(&b));
        let (own, other) = (members(&a), members(&b));
        let rest = left.difference(&right);
        for frame in 0..60 {
            prop_assert_eq!(left.contains(frame), own.contains(&frame));
            prop_assert_eq!(rest.contains(frame), own.contains(&frame) && !other.contains(&frame));
        }
        prop_assert!(left.0.is_sorted_by(|x, y| x.1 + 1 < y.0), "{:?}", left);
        let common: BTreeSet<u64> = left.common(10..=40).flatten().collect();
        prop_assert_eq!(common, own.iter().copied().filter(|f| (10..=40).contains(f)).collect::<BTreeSet<_>>());
    }

    #[test]
    fn every_stored_frame_is_a_first_copy_exactly_once(
        spans in prop::collection::vec((0u32..3, 0u64..80, 0u64..15), 1..12),
    ) {
        let spans: Vec<_> = spans
            .iter()
            .enumerate()
            .map(|(number, (section, first, more))| span(*section, number as u32, *first, first + more))
            .collect();
        let again = again(&spans, &[(0, 1), (1, 1), (2, 2)]);
        for frame in 0..100 {
            let copies = spans.iter().filter(|s| (s.first_frame.0..=s.last_frame.0).contains(&frame)).count();
            let skipped = again.iter().filter(|(_, _, first, last)| (*first..=*last).contains(&frame)).count();
            prop_assert_eq!(copies - skipped, usize::from(copies > 0), "frame {}", frame);
        }
    }
}
