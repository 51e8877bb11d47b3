use kernel::{FrameNo, Position, RecordingId, SpanNo, TenantId};
use objects::Key;
use proptest::prelude::*;

use super::*;
use crate::fact::RecordingKey;
use crate::store::{ErasedRow, Recording, State};

const PLACE: (LegNo, SectionNo) = (LegNo(0), SectionNo(0));

fn key() -> RecordingKey {
    RecordingKey { tenant: TenantId::new("banca-alfa").unwrap(), id: RecordingId::from_bytes([1; 16]) }
}

/// An object: whose section, its first span and one past its last, and the document that names it.
type Stored = ((LegNo, SectionNo), u32, u32, Option<u32>);

/// Spans of 10 µs, one after the other, in these objects.
fn history(objects: &[Stored]) -> History {
    let recording = Recording {
        key: key(),
        partition: 0,
        state: State::Addended,
        session_epoch: kernel::SessionEpoch(1),
        started_at: None,
        direction: 0,
        language: String::new(),
        policy_hash: seal::Hash::default(),
        last_event_at: Timestamp(0),
        closed_at: None,
        cause: String::new(),
        end: None,
        refusal: String::new(),
        complete: None,
        has_unnamed: false,
    };
    let span = |(leg, section): (LegNo, SectionNo), number: u32| Span {
        leg,
        section,
        span: SpanNo(number),
        first_frame: FrameNo(number.into()),
        last_frame: FrameNo(number.into()),
        start: Position(u64::from(number) * 10),
        end: Position(u64::from(number) * 10 + 10),
        ct_root: seal::Hash::default(),
        offset: 0,
        length: 0,
    };
    let object = |((leg, section), first, _, document): &((LegNo, SectionNo), u32, u32, Option<u32>)| {
        let name = format!("{}/{}/{:05}/{:010}/{first:07}", key().tenant, key().id, leg.0, section.0);
        StoredObject {
            name: Key::new(name).unwrap(),
            sha256: seal::Hash::default(),
            length: 0,
            lock_until: None,
            regimes: Vec::new(),
            leg: *leg,
            section: *section,
            spans: Vec::new(),
            document: *document,
            deleted_at: None,
        }
    };
    let spans = |(place, first, end, _): &(_, u32, u32, _)| {
        let place: (LegNo, SectionNo) = *place;
        (*first..*end).map(move |number| span(place, number)).collect::<Vec<_>>()
    };
    History {
        recording,
        parties: Vec::new(),
        legs: Vec::new(),
        grants: Vec::new(),
        sections: Vec::new(),
        anchors: Vec::new(),
        spans: objects.iter().flat_map(spans).collect(),
        objects: objects.iter().map(object).collect(),
        changes: Vec::new(),
        pauses: Vec::new(),
        marks: Vec::new(),
        notes: Vec::new(),
        dropped: Vec::new(),
        gone: Vec::new(),
        erased: Vec::new(),
        statements: Vec::new(),
        documents: Vec::new(),
    }
}

fn set(spans: &[u32]) -> SpanSet {
    SpanSet::from_spans(spans.iter().map(|span| SpanNo(*span))).unwrap()
}

fn row(document: u32, (leg, section): (LegNo, SectionNo), spans: &[u32]) -> ErasedRow {
    ErasedRow {
        leg,
        section,
        spans: set(spans),
        reason: ReasonCode::new("period-over").unwrap(),
        at: Timestamp(1),
        erasure: ErasureId::from_bytes([2; 16]),
        document,
    }
}

fn lost(history: &History, through: u32, open: &[u32]) -> Vec<u32> {
    let open = Sections::from([(PLACE, set(open))]);
    let rows = fresh(history, through, &open).unwrap();
    rows.iter().flat_map(|row| row.spans.spans()).map(|span| span.0).collect()
}

#[test]
fn what_opens_for_nobody_is_named_once_and_only_of_objects_that_a_document_names() {
    let mut history = history(&[(PLACE, 0, 3, Some(1)), (PLACE, 3, 5, Some(3)), (PLACE, 5, 7, None)]);
    assert_eq!(lost(&history, 0, &[1]), [0, 2, 3, 4]);
    assert!(lost(&history, 0, &[0, 1, 2, 3, 4]).is_empty());
    assert_eq!(lost(&history, 1, &[]), [3, 4], "of the first document another erasure speaks");
    assert!(lost(&history, 3, &[]).is_empty());
    history.erased = vec![row(2, PLACE, &[0, 1])];
    assert_eq!(lost(&history, 0, &[]), [2, 3, 4]);
}

#[test]
fn an_object_is_gone_with_the_last_of_its_spans() {
    let history = history(&[(PLACE, 0, 3, Some(1)), (PLACE, 3, 5, Some(1)), (PLACE, 5, 7, None)]);
    let whole = |spans: &[u32]| {
        let objects = whole_objects(&history, &Sections::from([(PLACE, set(spans))]));
        objects.iter().map(|object| object.name.as_str().ends_with("0000003")).collect::<Vec<_>>()
    };
    assert!(whole(&[0, 1, 3]).is_empty());
    assert_eq!(whole(&[0, 1, 3, 4]), [true]);
    assert_eq!(whole(&[0, 1, 2, 3, 4]), [false, true]);
    assert_eq!(whole(&[0, 1, 2, 3, 4, 5, 6]), [false, true], "no document names the last one");
    let all = |spans: &[u32]| is_everything(&history, &Sections::from([(PLACE, set(spans))]));
    assert_eq!([all(&[0, 1, 2, 3, 4]), all(&[0, 1, 2, 3, 4, 5, 6])], [false, true]);
}

#[test]
fn what_comes_after_an_erasure_and_touches_it_opens_for_nobody_either() {
    let (copy, other) = ((LegNo(0), SectionNo(1)), (LegNo(1), SectionNo(0)));
    let mut history = history(&[
        (PLACE, 0, 4, Some(1)),
        (copy, 0, 4, Some(3)),
        (other, 0, 4, Some(3)),
        (PLACE, 4, 6, None),
    ]);
    history.erased = vec![row(2, PLACE, &[1])];
    let hidden = |history: &History| -> Vec<(u16, u32, u32)> {
        let erased = Erased::of(history);
        let hidden = history.spans.iter().filter(|span| erased.has(span));
        hidden.map(|span| (span.leg.0, span.section.0, span.span.0)).collect()
    };
    assert_eq!(hidden(&history), [(0, 0, 1), (0, 1, 1)]);
    // One that was there before is what the erasure left.
    history.objects[1].document = Some(1);
    assert_eq!(hidden(&history), [(0, 0, 1)]);
    history.objects[1].document = None;
    assert_eq!(hidden(&history), [(0, 0, 1), (0, 1, 1)]);
    let told: Vec<_> = Erased::of(&history).intervals(LegNo(0)).iter().collect();
    assert_eq!(told, [Interval::new(Position(10), Position(20)).unwrap()]);
}

#[test]
fn stretches_are_told_by_addendum_and_leg_and_metadata_has_none() {
    let (later, meta) = ((LegNo(0), SectionNo(1)), (META_LEG, SectionNo(0)));
    let mut history = history(&[(PLACE, 0, 3, Some(1)), (later, 3, 6, Some(1)), (meta, 0, 1, Some(1))]);
    history.erased =
        vec![row(2, PLACE, &[2]), row(2, later, &[3, 5]), row(2, meta, &[0]), row(3, PLACE, &[0])];
    let told: Vec<_> = stretches(&history)
        .into_iter()
        .map(|own| {
            let intervals = own.intervals.iter().map(|interval| (interval.start().0, interval.end().0));
            (own.document, intervals.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(told, [(2, vec![(20, 40), (50, 60)]), (3, vec![(0, 10)])]);
}

proptest! {
    #[test]
    fn a_stretch_takes_the_whole_spans_that_it_touches(start in 0u64..100, length in 1u64..100) {
        let history = history(&[(PLACE, 0, 10, Some(1)), ((LegNo(1), SectionNo(0)), 0, 10, Some(1))]);
        let stretch = Interval::new(Position(start), Position(start + length)).unwrap();
        let touched = spans_touched(&history, stretch, &BTreeSet::from([LegNo(1)])).unwrap();
        let expected: Vec<_> =
            (0..10u64).filter(|number| number * 10 < start + length && start < number * 10 + 10).collect();
        let found = touched.get(&(LegNo(1), SectionNo(0))).cloned().unwrap_or(SpanSet::EMPTY);
        prop_assert_eq!(found.spans().map(|span| u64::from(span.0)).collect::<Vec<_>>(), expected);
        prop_assert!(touched.keys().all(|(leg, _)| *leg == LegNo(1)));
    }
}
