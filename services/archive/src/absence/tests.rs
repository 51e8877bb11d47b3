use kernel::{FrameNo, SectionNo, SpanNo};
use proptest::prelude::*;

use super::*;
use crate::completeness::judge;
use crate::fact::{Dropped, Leg, PauseEdge, RecordingKey, Span};
use crate::store::{LegRow, Recording, State};
use crate::timeline::fold;

const LEG: LegNo = LegNo(0);

/// A recording of one leg with 10 µs frames: stored, dropped, and the rest missing.
fn history(stored: &[(u64, u64)], dropped: &[(u64, u64, DropReason)], pause: Option<(u64, u64)>) -> History {
    let key = RecordingKey {
        tenant: kernel::TenantId::new("banca-alfa").unwrap(),
        id: kernel::RecordingId::from_bytes([1; 16]),
    };
    let recording = Recording {
        key,
        partition: 0,
        state: State::Sealed,
        session_epoch: kernel::SessionEpoch(1),
        started_at: None,
        direction: 0,
        language: String::new(),
        policy_hash: seal::Hash::default(),
        last_event_at: kernel::Timestamp(0),
        closed_at: None,
        cause: String::new(),
        end: Some(Position(1_000)),
        refusal: String::new(),
        complete: None,
        has_unnamed: false,
    };
    let span = |(number, (first, last)): (usize, &(u64, u64))| Span {
        leg: LEG,
        section: SectionNo(0),
        span: SpanNo(number as u32),
        first_frame: FrameNo(*first),
        last_frame: FrameNo(*last),
        start: Position(first * 10),
        end: Position((last + 1) * 10),
        ct_root: seal::Hash::default(),
        offset: 0,
        length: 0,
    };
    let drop = |(first, last, reason): &(u64, u64, DropReason)| Dropped {
        leg: LEG,
        first: FrameNo(*first),
        last: FrameNo(*last),
        reason: *reason,
        start: Position(first * 10),
        end: Position((last + 1) * 10),
    };
    let edge = |at, begins: Option<&str>| PauseEdge {
        event: kernel::EventId::new(),
        position: Position(at),
        begins: begins.map(str::to_owned),
        derived_error: None,
    };
    let leg = Leg { leg: LEG, codec: "PCMA".to_owned(), clock_rate: 8_000, party: 0 };
    History {
        recording,
        parties: Vec::new(),
        legs: vec![LegRow { leg, frames: Some(100) }],
        grants: Vec::new(),
        sections: Vec::new(),
        anchors: Vec::new(),
        spans: stored.iter().enumerate().map(span).collect(),
        objects: Vec::new(),
        changes: Vec::new(),
        pauses: pause
            .map(|(from, to)| [edge(from, Some("pci-dss")), edge(to, None)])
            .into_iter()
            .flatten()
            .collect(),
        marks: Vec::new(),
        notes: Vec::new(),
        dropped: dropped.iter().map(drop).collect(),
        gone: Vec::new(),
        erased: Vec::new(),
        statements: Vec::new(),
        documents: Vec::new(),
    }
}

fn explained(history: &History, plays: &[(u64, u64)]) -> Vec<(u64, u64, Reason)> {
    let plays: IntervalSet =
        plays.iter().filter_map(|(start, end)| Interval::new(Position(*start), Position(*end))).collect();
    let asked: IntervalSet = Interval::new(Position(0), history.duration()).into_iter().collect();
    let gaps = explain(history, &fold(history), &judge(history), LEG, &asked, &plays);
    gaps.iter().map(|gap| (gap.interval.start().0, gap.interval.end().0, gap.reason)).collect()
}

#[test]
fn every_reason_is_told_where_it_applies() {
    let dropped = [(10, 19, DropReason::Pause), (20, 29, DropReason::NoBasis), (30, 39, DropReason::Sender)];
    let history = history(&[(0, 9), (50, 99)], &dropped, Some((100, 200)));
    let expected = [
        (100, 200, Reason::Pause),
        (200, 300, Reason::NoBasis),
        (300, 400, Reason::Sender),
        (400, 500, Reason::Missing),
        // Stored, and within nobody's basis: a late restriction took it from everybody.
        (500, 1_000, Reason::NoBasis),
    ];
    assert_eq!(explained(&history, &[(0, 100)]), expected);
}

fn reason() -> impl Strategy<Value = DropReason> {
    prop::sample::select(vec![
        DropReason::Pause,
        DropReason::NoBasis,
        DropReason::Sender,
        DropReason::Stopped,
    ])
}

proptest! {
    #[test]
    fn what_plays_and_what_does_not_make_the_whole_without_overlap(
        stored in prop::collection::vec((0u64..90, 0u64..10), 0..6),
        dropped in prop::collection::vec((0u64..90, 0u64..10, reason()), 0..6),
        pause in prop::option::of((0u64..500, 500u64..1_000)),
        plays in prop::collection::vec((0u64..1_000, 1u64..200), 0..4),
    ) {
        let stored: Vec<_> = stored.iter().map(|(first, more)| (*first, first + more)).collect();
        let dropped: Vec<_> = dropped.iter().map(|(first, more, why)| (*first, first + more, *why)).collect();
        let history = history(&stored, &dropped, pause);
        let plays: Vec<_> = plays.iter().map(|(start, more)| (*start, (start + more).min(1_000))).collect();
        let gaps = explained(&history, &plays);
        for at in 0..1_000u64 {
            let playing = plays.iter().any(|(start, end)| (*start..*end).contains(&at));
            let told = gaps.iter().filter(|(start, end, _)| (*start..*end).contains(&at)).count();
            prop_assert_eq!(told, usize::from(!playing), "at {}", at);
        }
    }
}
