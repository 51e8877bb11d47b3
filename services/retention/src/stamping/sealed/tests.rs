use proptest::prelude::*;
use proto::archive::v1::{MarkEnded, SealedPurpose};

use super::*;
use crate::testing::{LASTS, SALE, START, purposes, sealed};

fn event() -> RecordingSealed {
    sealed(RecordingId::new(), &["quality"], &[SubjectId::new()])
}

#[test]
fn an_event_is_read_whole() {
    let event = event();
    let read = Sealed::read(&event).unwrap();
    assert_eq!(read.recording.to_bytes().as_slice(), event.recording_id);
    assert_eq!((read.started_at, read.ended_at), (START, START.plus(LASTS)));
    assert_eq!((read.purposes, read.parties.len()), (purposes(&["quality"]), 1));
    assert_eq!(read.marks, [(MarkLabel::new("sale").unwrap(), SALE)].into());
}

#[test]
fn of_a_label_that_comes_twice_the_last_end_counts() {
    let mark = |at| MarkEnded { label: "sale".to_owned(), at };
    let event = RecordingSealed { marks: vec![mark(3), mark(9), mark(5)], ..event() };
    assert_eq!(Sealed::read(&event).unwrap().marks.into_values().collect::<Vec<_>>(), [Timestamp(9)]);
}

/// A field, and what makes it one that cannot be.
type Spoilt = (&'static str, fn(&mut RecordingSealed));

#[test]
fn what_cannot_be_is_refused_by_its_field_and_not_repeated() {
    let cases: &[Spoilt] = &[
        ("recording_id", |event| event.recording_id.clear()),
        ("recording_id", |event| event.recording_id.push(0)),
        ("policy_hash", |event| event.policy_hash.truncate(31)),
        ("kept", |event| event.kept[0].purpose = "Anna Bianchi".to_owned()),
        ("kept", |event| event.purposes[0] = "Anna Bianchi".to_owned()),
        ("kept", |event| event.kept = vec![SealedPurpose::default(); MAX_PURPOSES + 1]),
        ("purposes", |event| event.purposes = vec![String::new(); MAX_PURPOSES + 1]),
        ("kept", |event| {
            event.purposes = (0..MAX_PURPOSES).map(|number| format!("p-{number}")).collect();
        }),
        ("parties", |event| event.parties[0] = vec![1; 17]),
        ("parties", |event| event.parties = vec![vec![1; 16]; MAX_PARTIES + 1]),
        ("marks", |event| event.marks[0].label = "Anna Bianchi".to_owned()),
        ("marks", |event| event.marks = vec![MarkEnded::default(); MAX_MARKS + 1]),
    ];
    for (field, spoil) in cases {
        let mut event = event();
        spoil(&mut event);
        let error = Sealed::read(&event).unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == field), "{field}: {error:?}");
        assert!(!error.to_string().contains("Bianchi"));
    }
}

proptest! {
    #[test]
    fn no_numbers_take_it_off_its_feet(started_at: i64, duration: u64, mark: i64) {
        let marks = vec![MarkEnded { label: "sale".to_owned(), at: mark }];
        let read = Sealed::read(&RecordingSealed { started_at, duration, marks, ..event() }).unwrap();
        prop_assert!(read.ended_at >= read.started_at);
    }
}
