use std::time::Duration;

use kernel::{ErasureId, Interval, LegNo, Position, PurposeName, RecordingId, Timestamp};
use proto::common::v1 as common;
use proto::retention::v1::OrderErasureRequest;
use proto::retention::v1::order_erasure_request::What;

use super::read::*;
use super::shown::stores;
use crate::erasure::{Report, Scope};
use crate::error::Error;

fn order() -> OrderErasureRequest {
    OrderErasureRequest {
        erasure_id: ErasureId::new().to_bytes().to_vec(),
        what: Some(What::RecordingId(RecordingId::new().to_bytes().to_vec())),
        purposes: Vec::new(),
        stretch: None,
        legs: Vec::new(),
        reason: "art-17-1-d".to_owned(),
    }
}

fn stretch(start: u64, end: u64) -> Option<common::Interval> {
    Some(common::Interval { start, end })
}

#[test]
fn an_order_is_read_as_it_was_meant() {
    let read = ordered(order(), "anna").unwrap();
    assert_eq!((read.scope, read.by.as_str()), (Scope::Everything, "anna"));
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
