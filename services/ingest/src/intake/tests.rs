use std::time::Duration;

use kernel::Timestamp;
use proto::common::v1 as common;
use proto::ingest::v1 as wire;

use super::*;

const NOW: Timestamp = Timestamp(1_772_000_000_000_000);
const PRESENT: Present = Present { now: NOW, clock_ahead: Duration::from_secs(3_600) };

fn good() -> wire::Open {
    wire::Open {
        recording_id: kernel::RecordingId::new().to_bytes().to_vec().into(),
        session_epoch: 1,
        started_at: NOW.0,
        call_id: "call-1".into(),
        direction: wire::Direction::Inbound as i32,
        language: "it".into(),
        parties: vec![wire::Party {
            role: common::PartyRole::Customer as i32,
            identifiers: vec![common::Identifier {
                kind: common::IdentifierKind::Phone as i32,
                value: "+390612345678".into(),
            }],
        }],
        legs: vec![wire::Leg { leg: 0, codec: "PCMA".into(), clock_rate: 8_000, party: 0 }],
        purposes: vec!["quality".into(), "quality".into()],
        correlation: [("ucid".to_owned(), "17".to_owned())].into(),
    }
}

#[test]
fn an_open_within_bounds_is_taken_and_shows_nobody() {
    let call = open(good(), PRESENT).unwrap();
    assert_eq!(call.purposes.len(), 1);
    assert!(!format!("{call:?}").contains("0612"));
    let last = wire::Open { session_epoch: i64::MAX as u64, ..good() };
    assert_eq!(open(last, PRESENT).unwrap().epoch.0, i64::MAX as u64);
}

#[test]
fn each_bad_open_names_the_place() {
    type Change = fn(&mut wire::Open);
    let cases: &[(&str, Change)] = &[
        ("open.recording_id", |o| o.recording_id = vec![1, 2].into()),
        ("open.session_epoch is missing", |o| o.session_epoch = 0),
        ("open.session_epoch is 9223372036854775808, the bound is 9223372036854775807", |o| {
            o.session_epoch = i64::MAX as u64 + 1
        }),
        ("open.started_at", |o| o.started_at = -5),
        ("open.call_id", |o| o.call_id = "x".repeat(257)),
        ("open.direction", |o| o.direction = 99),
        ("open.language", |o| o.language = "it_IT!".into()),
        ("open.parties", |o| o.parties = vec![o.parties[0].clone(); 17]),
        ("open.parties.role", |o| o.parties[0].role = 0),
        ("open.parties.identifiers", |o| o.parties[0].identifiers[0].kind = 0),
        ("open.legs", |o| o.legs.clear()),
        ("open.legs", |o| o.legs = vec![o.legs[0].clone(); 17]),
        ("open.legs.leg", |o| o.legs[0].leg = 1),
        ("open.legs.codec", |o| o.legs[0].codec = "PC MA".into()),
        ("open.legs.codec", |o| o.legs[0].codec = String::new()),
        ("open.legs.clock_rate", |o| o.legs[0].clock_rate = 0),
        ("open.legs.clock_rate", |o| o.legs[0].clock_rate = 384_001),
        ("open.legs.party", |o| o.legs[0].party = 1),
        ("open.purposes", |o| o.purposes = vec!["Quality!".into()]),
        ("open.purposes", |o| o.purposes = (0..33).map(|n| format!("p{n}")).collect()),
        ("open.correlation", |o| drop(o.correlation.insert("a b".into(), "v".into()))),
        ("open.correlation", |o| drop(o.correlation.insert("k".into(), "v".repeat(257)))),
    ];
    for (place, change) in cases {
        let mut bad = good();
        change(&mut bad);
        let error = open(bad, PRESENT).unwrap_err().to_string();
        assert!(error.contains(place), "{place}: {error}");
        assert!(!error.contains("0612"), "{error}");
    }
}

#[test]
fn a_bad_id_is_told_once_to_senders_and_logs() {
    let text = "event.event_id: event id must be 16 bytes";
    let error = CallerEvent::read(wire::Event { position: Some(0), ..Default::default() }).unwrap_err();
    let error = crate::Error::from(error);
    assert_eq!((error.to_string().as_str(), kernel::chain(&error).as_str()), (text, text));
}

#[test]
fn a_call_starts_after_1970_and_hardly_in_the_future() {
    let hour = 3_600_000_000;
    let cases = [
        (0, Some("open.started_at is missing")),
        (-1, Some("open.started_at is before 1970")),
        (i64::MIN, Some("open.started_at is before 1970")),
        (1, None),
        (NOW.0, None),
        (NOW.0 + hour, None),
        (
            NOW.0 + hour + 1_000_000,
            Some("open.started_at is 3601s ahead of this instance's clock, the bound is 3600s"),
        ),
        (i64::MAX, Some("the bound is 3600s")),
    ];
    for (started_at, problem) in cases {
        let checked = open(wire::Open { started_at, ..good() }, PRESENT);
        match (checked, problem) {
            (Ok(call), None) => assert_eq!(call.started_at, Timestamp(started_at)),
            (Err(error), Some(problem)) => assert!(error.to_string().contains(problem), "{error}"),
            (checked, problem) => panic!("{started_at}: {checked:?} for {problem:?}"),
        }
    }
}

#[test]
fn each_bad_frame_names_the_bound() {
    type Change = fn(&mut wire::Frame);
    let cases: &[(&str, Change)] = &[
        ("frame.payload is 4097, the bound is 4096", |f| f.payload = vec![0; 4_097].into()),
        ("frame.rtp_sequence is 65536, the bound is 65535", |f| f.rtp_sequence = 65_536),
        ("frame.payload_type is 128, the bound is 127", |f| f.payload_type = 128),
        ("frame.number", |f| f.number = u64::MAX),
        ("frame.captured", |f| f.captured = u64::MAX),
    ];
    for (text, change) in cases {
        let mut frame = wire::Frame::default();
        change(&mut frame);
        let error = frames(wire::Media { leg: 0, frames: vec![frame] }, 1, 0).unwrap_err().to_string();
        assert!(error.contains(text), "{text}: {error}");
    }
    let many = wire::Media { leg: 0, frames: vec![wire::Frame::default(); 1_001] };
    assert!(frames(many, 1, 0).unwrap_err().to_string().contains("bound is 1000"));
    let other = wire::Media { leg: 1, frames: vec![] };
    assert_eq!(frames(other, 1, 0).unwrap_err(), BadInput::UnknownLeg(1));
}

#[test]
fn a_close_needs_a_code_and_known_legs() {
    let ends = vec![wire::LegEnd { leg: 0, frames: 9 }];
    assert!(close(wire::Close { cause: "hangup".into(), legs: ends.clone() }, 1).is_ok());
    assert!(close(wire::Close { cause: "Hung up".into(), legs: ends.clone() }, 1).is_err());
    assert!(close(wire::Close { cause: "hangup".into(), legs: ends }, 0).is_err());
}

#[test]
fn a_pause_with_an_odd_reason_is_still_a_pause() {
    let kind = Some(wire::event::Kind::Pause(wire::Pause { reason: "Card no. 4111".into() }));
    let event_id = kernel::EventId::new().to_bytes().to_vec().into();
    let event = wire::Event { event_id, position: Some(5), kind, ..Default::default() };
    let read = CallerEvent::read(event).unwrap();
    assert_eq!(read.kind, Ok(CallerEventKind::Pause { reason: "unspecified".into() }));
}

#[test]
fn an_event_without_place_or_id_is_refused() {
    let event_id: prost::bytes::Bytes = kernel::EventId::new().to_bytes().to_vec().into();
    let unplaced = wire::Event { event_id: event_id.clone(), ..Default::default() };
    assert!(CallerEvent::read(unplaced).is_err());
    let unnamed = wire::Event { position: Some(0), ..Default::default() };
    assert!(CallerEvent::read(unnamed).is_err());
    let unknown = wire::Event { event_id, position: Some(0), ..Default::default() };
    assert_eq!(CallerEvent::read(unknown).unwrap().kind, Err("unknown-event"));
}

#[test]
fn a_wall_time_beyond_the_bound_is_refused_unless_it_takes_something_away() {
    use wire::event::Kind;
    let year = 366 * 86_400_000_000;
    let purpose = || "quality".to_owned();
    let given = Kind::ConsentGiven(wire::ConsentGiven { purpose: purpose(), expression: 2 });
    let withdrawn = Kind::ConsentWithdrawn(wire::ConsentWithdrawn { purpose: purpose(), expression: 2 });
    let resume = Kind::Resume(wire::Resume {});
    let pause = Kind::Pause(wire::Pause { reason: "pci-dss".into() });
    let cases = [
        (resume.clone(), None, NOW.0 + year, true),
        (resume.clone(), None, NOW.0 + year + 1, false),
        (resume.clone(), None, i64::MAX, false),
        (resume, Some(5), i64::MAX, true),
        (given, None, i64::MAX, false),
        (withdrawn, None, i64::MAX, true),
        (pause, None, i64::MAX, true),
    ];
    for (kind, position, wall_time, is_taken) in cases {
        let event_id = kernel::EventId::new().to_bytes().to_vec().into();
        let event = wire::Event { event_id, position, wall_time, party: 0, kind: Some(kind) };
        let checked = CallerEvent::read(event.clone()).unwrap().check_wall_time(NOW);
        assert_eq!(checked.is_ok(), is_taken, "{event:?}");
        let text = "time from open.started_at to event.wall_time is ";
        assert!(checked.err().is_none_or(|error| error.to_string().starts_with(text)), "{event:?}");
    }
}
