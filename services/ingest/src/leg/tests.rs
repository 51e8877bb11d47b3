use bytes::Bytes;
use kernel::IntervalSet;
use proptest::prelude::*;

use super::*;
use crate::verdict::Verdict;

const LIMITS: LegLimits = LegLimits {
    span: 1_000_000,
    hold_back: 0,
    reorder_frames: 100,
    reorder: 2_000_000,
    frames_per_second: 1_000,
    length: 3_600_000_000,
};

fn spec() -> LegSpec {
    LegSpec { leg: LegNo(0), codec: Codec::Pcma, rate: 8_000, party: 0 }
}

fn leg() -> Leg {
    Leg::new(spec(), LIMITS, Some(FrameNo(0)), None)
}

/// 20 ms of A-law, its bytes telling its number.
fn frame(number: u64) -> Incoming {
    Incoming {
        frame: Frame {
            number: FrameNo(number),
            rtp_sequence: number as u16,
            rtp_timestamp: number * 160,
            marker: false,
            payload_type: 8,
            position: Position::ZERO,
            arrival_offset: 0,
            payload: Bytes::from(vec![number as u8; 160]),
        },
        ssrc: 1,
        captured: Position(number * 20_000),
        arrived: 0,
    }
}

fn always() -> Verdicts {
    verdicts(1, &[(0, u64::MAX)], &[], None)
}

fn verdicts(
    generation: u64,
    standing: &[(u64, u64)],
    pauses: &[(u64, u64)],
    stopped: Option<u64>,
) -> Verdicts {
    let set = |parts: &[(u64, u64)]| -> IntervalSet {
        parts.iter().filter_map(|&(a, b)| Interval::new(Position(a), Position(b))).collect()
    };
    Verdicts::new(generation, &[set(standing)], &set(pauses), stopped.map(Position))
}

fn range(output: &Output) -> (u64, u64, Option<DropReason>) {
    match output {
        Output::Span(cut) => (cut.frames[0].number.0, cut.frames.last().unwrap().number.0, None),
        Output::Dropped(d) => (d.first.0, d.last.0, Some(d.reason)),
    }
}

fn ranges(outputs: &[Output]) -> Vec<(u64, u64, Option<DropReason>)> {
    outputs.iter().map(range).collect()
}

fn bounds(output: &Output) -> (u64, u64) {
    match output {
        Output::Span(cut) => (cut.interval.start().0, cut.interval.end().0),
        Output::Dropped(d) => (d.start.0, d.end.0),
    }
}

#[test]
fn a_span_is_a_second_and_the_rest_comes_at_the_end() {
    let mut leg = leg();
    leg.offer((0..125).map(frame).collect()).unwrap();
    let due = leg.cut(&always(), Closing::Due);
    assert_eq!(ranges(&due), [(0, 49, None), (50, 99, None)]);
    assert_eq!(due.iter().map(bounds).collect::<Vec<_>>(), [(0, 1_000_000), (1_000_000, 2_000_000)]);
    let rest = leg.finish(FrameNo(125), &always()).unwrap();
    assert_eq!(ranges(&rest), [(100, 124, None)]);
    assert_eq!(bounds(&rest[0]), (2_000_000, 2_500_000));
    assert_eq!(leg.in_memory(), 0);
}

#[test]
fn the_last_frame_waits_for_its_end() {
    let mut leg = leg();
    leg.offer(vec![frame(0)]).unwrap();
    assert_eq!(leg.cut(&always(), Closing::Early), []);
    leg.offer(vec![frame(1)]).unwrap();
    assert_eq!(ranges(&leg.cut(&always(), Closing::Early)), [(0, 0, None)]);
    assert_eq!(leg.in_memory(), 1);
}

#[test]
fn a_pause_drops_from_memory_what_it_reaches_and_splits_the_span() {
    let mut leg = leg();
    leg.offer((0..40).map(frame).collect()).unwrap();
    assert_eq!(leg.cut(&always(), Closing::Due), []);
    let paused = verdicts(2, &[(0, u64::MAX)], &[(390_000, 600_000)], None);
    leg.offer((40..45).map(frame).collect()).unwrap();
    // Frame 19 (380 to 400 ms) is cut by the pause; frame 30 is the first after it.
    assert_eq!(ranges(&leg.cut(&paused, Closing::Due)), [(0, 18, None), (19, 29, Some(DropReason::Pause))]);
    assert_eq!(ranges(&leg.finish(FrameNo(45), &paused).unwrap()), [(30, 44, None)]);
}

#[test]
fn held_back_frames_stay_within_reach_of_a_late_pause() {
    let limits = LegLimits { hold_back: 1_500_000, ..LIMITS };
    let mut leg = Leg::new(spec(), limits, Some(FrameNo(0)), None);
    leg.offer((0..120).map(frame).collect()).unwrap();
    assert_eq!(leg.cut(&always(), Closing::Early), []);
    let paused = verdicts(2, &[(0, u64::MAX)], &[(0, 1_000_000)], None);
    leg.offer((120..130).map(frame).collect()).unwrap();
    assert_eq!(ranges(&leg.cut(&paused, Closing::Due)), [(0, 49, Some(DropReason::Pause))]);
}

#[test]
fn drops_are_told_once_a_second() {
    let mut leg = leg();
    let nothing = verdicts(1, &[], &[], None);
    leg.offer((0..120).map(frame).collect()).unwrap();
    let reason = Some(DropReason::NoBasis);
    assert_eq!(ranges(&leg.cut(&nothing, Closing::Due)), [(0, 49, reason), (50, 99, reason)]);
}

#[test]
fn what_never_came_is_the_senders_drop() {
    let mut leg = leg();
    leg.offer((0..10).chain(12..20).map(frame).collect()).unwrap();
    assert_eq!(leg.next_frame(), Some(FrameNo(10)));
    let all = leg.finish(FrameNo(25), &always()).unwrap();
    let sender = Some(DropReason::Sender);
    assert_eq!(ranges(&all), [(0, 9, None), (10, 11, sender), (12, 19, None), (20, 24, sender)]);
    assert_eq!(bounds(&all[0]), (0, 200_000));
}

#[test]
fn a_missing_frame_is_given_up_after_a_hundred_frames() {
    let mut leg = leg();
    leg.offer((0..10).chain(11..111).map(frame).collect()).unwrap();
    assert_eq!(leg.next_frame(), Some(FrameNo(10)));
    leg.offer(vec![frame(111)]).unwrap();
    assert_eq!(leg.next_frame(), Some(FrameNo(112)));
    leg.offer(vec![frame(10)]).unwrap();
    assert_eq!(leg.counts(), Counts { late: 1, ..Counts::default() });
}

#[test]
fn a_repeated_frame_is_ignored_and_one_with_other_bytes_is_an_incident() {
    let mut leg = leg();
    leg.offer((0..5).map(frame).collect()).unwrap();
    leg.offer(vec![frame(3), frame(7), frame(7)]).unwrap();
    let mut other = frame(2);
    other.frame.payload = Bytes::from_static(b"other");
    let mut early = frame(7);
    early.frame.rtp_timestamp += 1;
    leg.offer(vec![other, early]).unwrap();
    assert_eq!(leg.counts(), Counts { duplicates: 2, conflicts: 2, late: 0 });
    leg.offer((5..9).map(frame).collect()).unwrap();
    let Output::Span(cut) = &leg.finish(FrameNo(9), &always()).unwrap()[0] else { panic!() };
    assert_eq!(cut.frames[2].payload, frame(2).frame.payload);
}

#[test]
fn a_resumed_leg_goes_on_at_the_lowest_frame_of_its_first_message() {
    let anchor = Anchor { rtp_timestamp: 0, position: Position(5), ssrc: 1, frame: FrameNo(0) };
    let mut leg = Leg::new(spec(), LIMITS, None, Some(anchor));
    leg.offer([52, 50, 51].map(frame).into()).unwrap();
    leg.offer([49, 53].map(frame).into()).unwrap();
    assert_eq!(leg.first_position(), Some(Position(1_000_005)));
    let all = leg.finish(FrameNo(54), &always()).unwrap();
    assert_eq!(ranges(&all), [(50, 53, None)]);
    let Output::Span(cut) = &all[0] else { panic!() };
    assert_eq!((cut.in_force, cut.anchors.len()), (anchor, 0));
}

#[test]
fn a_resumed_leg_without_a_frame_says_nothing_of_earlier_ones() {
    let mut leg = Leg::new(spec(), LIMITS, None, None);
    assert_eq!(leg.finish(FrameNo(5_000), &always()).unwrap(), []);
}

#[test]
fn each_bound_is_named() {
    let check = |limits: LegLimits, frames: Vec<Incoming>, expected: BadInput| {
        assert_eq!(Leg::new(spec(), limits, Some(FrameNo(0)), None).offer(frames).unwrap_err(), expected);
    };
    let (leg, bound) = (LegNo(0), 100_000);
    let far = frame(100_001);
    check(LIMITS, vec![far], BadInput::TooFarAhead { frame: FrameNo(100_001), next: FrameNo(0), bound });
    let slow = LegLimits { frames_per_second: 49, ..LIMITS };
    let fast = BadInput::TooFast { leg, second: 0, bound: 49 };
    check(slow, (0..50).map(frame).collect(), fast);
    let short = LegLimits { length: 30_000, ..LIMITS };
    let long = BadInput::TooLong { leg, position: Position(40_000), bound: 30_000 };
    check(short, (0..3).map(frame).collect(), long);
    let back = Incoming { captured: Position(30_000), ssrc: 2, ..frame(3) };
    let (position, previous) = (Position(30_000), Position(40_000));
    let backwards = BadInput::Backwards { leg, frame: FrameNo(3), position, previous };
    check(LIMITS, vec![frame(0), frame(1), frame(2), back], backwards);
}

#[test]
fn closing_with_fewer_frames_than_came_is_refused() {
    let mut leg = leg();
    leg.offer(vec![frame(0), frame(4)]).unwrap();
    let (stated, seen) = (FrameNo(4), FrameNo(5));
    let refused = BadInput::FewerFrames { leg: LegNo(0), stated, seen };
    assert_eq!(leg.finish(stated, &always()).unwrap_err(), refused);
    assert!(leg.finish(FrameNo(5 + 100_001), &always()).is_err());
    assert!(leg.finish(FrameNo(5), &always()).is_ok());
}

#[test]
fn frames_that_share_a_timestamp_are_kept() {
    let mut leg = leg();
    let same = |n: u64| {
        let mut incoming = frame(n);
        (incoming.frame.rtp_timestamp, incoming.captured) = (160, Position(20_000));
        incoming
    };
    leg.offer(vec![frame(0), same(1), same(2), same(3)]).unwrap();
    let mut next = frame(4);
    next.frame.rtp_timestamp = 640;
    leg.offer(vec![next]).unwrap();
    assert_eq!(ranges(&leg.finish(FrameNo(5), &always()).unwrap()), [(0, 4, None)]);
}

/// Everything that came out, and that it covers each number up to the last exactly once, in order.
fn check_cover(outputs: &[Output], total: u64) -> Vec<(u64, Bytes)> {
    let mut next = 0;
    let mut stored = Vec::new();
    for output in outputs {
        let (first, last, _) = range(output);
        assert_eq!(first, next, "{outputs:?}");
        next = last + 1;
        if let Output::Span(cut) = output {
            stored.extend(cut.frames.iter().map(|f| (f.number.0, f.payload.clone())));
        }
    }
    assert_eq!(next, total);
    stored
}

proptest! {
    #[test]
    fn any_order_within_the_window_stores_the_same_frames(
        total in 1u64..300,
        swaps in prop::collection::vec((0usize..300, 1usize..40), 0..60),
        batch in 1usize..30,
    ) {
        let mut order: Vec<u64> = (0..total).collect();
        for (at, by) in swaps {
            let (a, b) = (at % order.len(), (at + by).min(order.len() - 1));
            // No frame moves further than the window, whatever was swapped before.
            let is_near = order[a].abs_diff(b as u64) < 45 && order[b].abs_diff(a as u64) < 45;
            if is_near && a != b {
                order.swap(a, b);
            }
        }
        let mut leg = leg();
        let mut outputs = Vec::new();
        for chunk in order.chunks(batch) {
            leg.offer(chunk.iter().copied().map(frame).collect()).unwrap();
            outputs.extend(leg.cut(&always(), Closing::Due));
        }
        outputs.extend(leg.finish(FrameNo(total), &always()).unwrap());
        let stored = check_cover(&outputs, total);
        prop_assert_eq!(stored.len() as u64, total);
        prop_assert!(stored.iter().all(|(n, payload)| *payload == frame(*n).frame.payload));
    }

    #[test]
    fn every_frame_is_stored_or_dropped_once_and_none_in_a_pause_is_stored(
        sent in prop::collection::vec((prop::bool::weighted(0.93), 0usize..4), 1..400),
        standing in prop::collection::vec((0u64..8_000_000, 0u64..4_000_000), 0..3),
        pauses in prop::collection::vec((0u64..8_000_000, 0u64..1_500_000), 0..4),
        changes_at in prop::collection::vec(0usize..400, 0..4),
        stop in prop::option::of(2_000_000u64..9_000_000),
    ) {
        let interval = |&(start, length): &(u64, u64)| (start, start + length);
        let standing: Vec<_> = standing.iter().map(interval).collect();
        let pauses: Vec<_> = pauses.iter().map(interval).collect();
        // Each pause is learnt of before its position is reached, or while its frames are in memory.
        let at_end = verdicts(u64::MAX, &standing, &pauses, stop);
        let mut leg = leg();
        let mut outputs = Vec::new();
        let mut generation = 1;
        for (number, (comes, closing)) in sent.iter().enumerate() {
            generation += u64::from(changes_at.contains(&number));
            let now = verdicts(generation, &standing, &pauses, stop);
            if *comes {
                leg.offer(vec![frame(number as u64)]).unwrap();
            }
            let closing = if *closing == 0 { Closing::Early } else { Closing::Due };
            outputs.extend(leg.cut(&now, closing));
        }
        let total = sent.len() as u64;
        outputs.extend(leg.finish(FrameNo(total), &at_end).unwrap());
        for (number, _) in check_cover(&outputs, total) {
            let place = Interval::new(Position(number * 20_000), Position(number * 20_000 + 20_000)).unwrap();
            prop_assert!(matches!(at_end.over(place), Verdict::Keep(_)), "frame {}", number);
            prop_assert!(sent[number as usize].0);
        }
        for output in &outputs {
            let (start, end) = bounds(output);
            prop_assert!(end - start <= 1_020_000);
        }
    }
}
