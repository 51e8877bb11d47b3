use std::time::Duration;

use kernel::{
    ErasureId, Interval, LegNo, Position, PurposeName, RecordingId, SubjectId, TenantId, Timestamp,
};
use policy::code::Code;
use proto::common::v1 as common;
use proto::retention::v1::OrderErasureRequest;
use proto::retention::v1::order_erasure_request::What;

use super::read::*;
use super::shown::{recording, shown, stores};
use crate::erasure::{Cause, Erasure, Item, Report, Scope, State, Step, Target};
use crate::error::Error;

fn order() -> OrderErasureRequest {
    OrderErasureRequest {
        erasure_id: ErasureId::new().to_bytes().to_vec(),
        what: Some(What::RecordingId(RecordingId::new().to_bytes().to_vec())),
        purposes: Vec::new(),
        stretch: None,
        legs: Vec::new(),
        reason: "art-17-1-d".to_owned(),
        of_subject_id: Vec::new(),
    }
}

fn stretch(start: u64, end: u64) -> Option<common::Interval> {
    Some(common::Interval { start, end })
}

#[test]
fn an_order_is_read_as_it_was_meant() {
    let read = ordered(order(), "anna").unwrap();
    assert_eq!((read.scope, read.by.as_str()), (Scope::Everything, "anna"));
    let subject = SubjectId::new();
    let of_hers = OrderErasureRequest { of_subject_id: subject.to_bytes().to_vec(), ..order() };
    let target = ordered(of_hers, "anna").unwrap().target;
    assert!(matches!(target, Target::RecordingOf { subject: own, .. } if own == subject));
    let named = OrderErasureRequest { purposes: vec!["quality".to_owned()], ..order() };
    let quality = PurposeName::new("quality").unwrap();
    assert_eq!(ordered(named, "anna").unwrap().scope, Scope::Purposes([quality].into()));
    let card = OrderErasureRequest { stretch: stretch(5, 9), legs: vec![1, 0], ..order() };
    let interval = Interval::new(Position(5), Position(9)).unwrap();
    let legs = [LegNo(0), LegNo(1)].into();
    assert_eq!(ordered(card, "anna").unwrap().scope, Scope::Stretch { interval, legs });
}

#[test]
fn what_is_wrong_with_an_order_is_named() {
    let cases = [
        ("what", OrderErasureRequest { what: None, ..order() }),
        ("subject_id", OrderErasureRequest { what: Some(What::SubjectId(vec![1])), ..order() }),
        ("recording_id", OrderErasureRequest { what: Some(What::RecordingId(vec![1])), ..order() }),
        ("of_subject_id", OrderErasureRequest { of_subject_id: vec![1], ..order() }),
        (
            "of_subject_id",
            OrderErasureRequest {
                what: Some(What::SubjectId(vec![1; 16])),
                of_subject_id: vec![1; 16],
                ..order()
            },
        ),
        ("erasure_id", OrderErasureRequest { erasure_id: vec![0; 16], ..order() }),
        ("erasure_id", OrderErasureRequest { erasure_id: vec![1; 15], ..order() }),
        ("purposes", OrderErasureRequest { purposes: vec!["Quality Review".to_owned()], ..order() }),
        ("stretch", OrderErasureRequest { stretch: stretch(9, 9), ..order() }),
        ("legs", OrderErasureRequest { legs: vec![1], ..order() }),
        ("legs", OrderErasureRequest { stretch: stretch(1, 9), legs: vec![65_536], ..order() }),
        ("reason", OrderErasureRequest { reason: "because she asked".to_owned(), ..order() }),
        ("reason", OrderErasureRequest { reason: String::new(), ..order() }),
        (
            "purposes",
            OrderErasureRequest { purposes: vec!["quality".to_owned()], stretch: stretch(1, 9), ..order() },
        ),
    ];
    for (field, asked) in cases {
        match ordered(asked, "anna") {
            Err(Error::Invalid { what, problem }) => {
                assert_eq!(what, field);
                assert!(what != "reason" || problem == "must have 1 to 63 of the characters a-z 0-9 _ -");
                assert!(!problem.contains("she asked") && !problem.contains("Quality"), "{problem}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn each_store_says_when_it_is_done_or_before_when_it_is_not() {
    let report = Report {
        entries_at: Some(Timestamp(10)),
        epoch: Some(3),
        not_before: Some(Timestamp(700)),
        locked_until: Some(Timestamp(90_000)),
        ..Report::default()
    };
    let rows = |report: &Report, now| -> Vec<(String, String, i64)> {
        let rows = stores(report, Duration::from_micros(400), Timestamp(now)).into_iter();
        rows.map(|row| (row.store, row.state, row.at)).collect()
    };
    let expected = [
        ("entries", "done", 10),
        ("key-epoch", "waits", 700),
        ("spool", "waits", 700),
        ("objects", "waits", 90_000),
        ("event-log", "waits", 0),
        ("addendum", "none", 0),
        ("backups", "waits", 410),
    ];
    let expected = expected.map(|(store, state, at)| (store.to_owned(), state.to_owned(), at));
    assert_eq!(rows(&report, 100), expected);
    let later = Report { final_at: Some(Timestamp(800)), ..report };
    let found = rows(&later, 1_000);
    assert_eq!(found[1], ("key-epoch".to_owned(), "done".to_owned(), 800));
    assert_eq!(found[2], ("spool".to_owned(), "done".to_owned(), 800));
    assert_eq!(found[6], ("backups".to_owned(), "done".to_owned(), 410));
}

#[test]
fn pages_and_plans_are_bounded_and_were_given() {
    assert_eq!(page_size(0).unwrap(), PAGE);
    assert!(page_size(PAGE_MAX + 1).is_err());
    assert_eq!(token::<ErasureId>("", "page_token").unwrap(), None);
    assert!(token::<ErasureId>("next", "page_token").is_err());
    assert_eq!(plan_name("").unwrap(), None);
    assert!(plan_name("all of it").is_err());
    let name = "0123456789abcdef0123456789abcdef";
    assert_eq!(plan_name(name).unwrap(), Some(name));
}

fn erasure(target: Target, scope: Scope) -> Erasure {
    Erasure {
        tenant: TenantId::new("banca-alfa").unwrap(),
        id: ErasureId::new(),
        version: 1,
        cause: Cause::Order,
        target,
        scope,
        reason: Code::new("art-17-1-d").unwrap(),
        ordered_by: "anna".to_owned(),
        ordered_at: Timestamp(1),
        state: State::Running,
        items: 1,
        settled_at: None,
        receipt: Vec::new(),
    }
}

fn item(of: &Erasure, scope: Scope) -> Item {
    Item {
        tenant: of.tenant.clone(),
        erasure: of.id,
        recording: RecordingId::new(),
        version: 1,
        scope,
        step: Step::Registered,
        erased: Default::default(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    }
}

#[test]
fn an_erasure_says_of_whom_and_what_it_was_asked() {
    let (subject, call) = (SubjectId::new(), RecordingId::new());
    let purposes = Scope::Purposes([PurposeName::new("quality").unwrap()].into());
    let interval = Interval::new(Position(5), Position(9)).unwrap();
    let card = Scope::Stretch { interval, legs: [LegNo(0), LegNo(3)].into() };
    let of = |target, scope| shown(&erasure(target, scope));
    let hers = of(Target::Subject(subject), purposes);
    assert_eq!((hers.target_subject_id, hers.target_recording_id), (subject.to_bytes().to_vec(), vec![]));
    assert_eq!((hers.asked_purposes, hers.asked_stretch), (vec!["quality".to_owned()], None));
    let of_call = of(Target::Recording(call), card);
    assert_eq!((of_call.target_subject_id, of_call.target_recording_id), (vec![], call.to_bytes().to_vec()));
    assert_eq!((of_call.asked_stretch, of_call.asked_legs), (stretch(5, 9), vec![0, 3]));
    assert!(of_call.asked_purposes.is_empty());
    let of_hers = of(Target::RecordingOf { recording: call, subject }, Scope::Everything);
    assert_eq!(of_hers.target_subject_id, subject.to_bytes());
    assert_eq!(of_hers.target_recording_id, call.to_bytes());
    let swept = of(Target::Due, Scope::Everything);
    assert!(swept.target_subject_id.is_empty() && swept.target_recording_id.is_empty());
    assert!(swept.asked_purposes.is_empty() && swept.asked_stretch.is_none() && swept.asked_legs.is_empty());
}

#[test]
fn a_recording_says_what_was_asked_of_it_where_that_is_another_thing() {
    let swept = erasure(Target::Due, Scope::Everything);
    let of = |scope| recording(&swept, &item(&swept, scope), Duration::ZERO, Timestamp(1));
    let quality = of(Scope::Purposes([PurposeName::new("quality").unwrap()].into()));
    assert_eq!((quality.asked_purposes, quality.asked_stretch), (vec!["quality".to_owned()], None));
    let interval = Interval::new(Position(0), Position(9)).unwrap();
    let metadata = of(Scope::Stretch { interval, legs: [LegNo(u16::MAX)].into() });
    assert_eq!((metadata.asked_stretch, metadata.asked_legs), (stretch(0, 9), vec![65_535]));
    let same = of(Scope::Everything);
    assert!(same.asked_purposes.is_empty() && same.asked_stretch.is_none() && same.asked_legs.is_empty());
}
