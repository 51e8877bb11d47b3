use kernel::SubjectId;
use proto::common::v1::PartyRole;

use super::*;
use crate::testing::{party, recording};

fn call(customers: usize) -> Recording {
    let mut facts = recording(RecordingId::new(), SubjectId::new(), SubjectId::new(), &[]);
    for _ in 1..customers {
        facts.parties.push(party(SubjectId::new(), PartyRole::Customer));
    }
    facts
}

fn note(code: &str) -> Note {
    Note { position: 61_000_000, kind: RIGHT_REQUESTED.to_owned(), code: code.to_owned() }
}

#[test]
fn what_was_said_is_a_request_of_the_customer_at_its_place_in_the_call() {
    let facts = call(1);
    let id = RecordingId::from_slice(&facts.recording_id).unwrap();
    let new = heard(id, &facts, &note("access")).unwrap();
    assert_eq!(new.rights, [Right::Access].into());
    assert_eq!(new.said_in, Some((id, Some(Position(61_000_000)))));
    assert_eq!(new.who, Who::Subject(SubjectId::from_slice(&facts.parties[0].subject_id).unwrap()));
    assert_eq!(new.id, heard(id, &facts, &note("access")).unwrap().id, "heard again it is the same");
    assert_ne!(new.id, heard(id, &facts, &note("erase")).unwrap().id);
}

#[test]
fn what_cannot_be_read_is_told_from_what_says_something_else() {
    let stored = |value: Vec<u8>, headers| Stored {
        offset: 0,
        timestamp: kernel::Timestamp(0),
        key: Vec::new(),
        headers,
        value: value.into(),
    };
    assert_eq!(sealed(&stored(vec![0xff], Vec::new())), Err(Unreadable));
    assert_eq!(sealed(&stored(Vec::new(), Vec::new())), Err(Unreadable), "it is no event at all");
}

#[test]
fn what_nobody_can_be_sure_of_is_none() {
    let id = RecordingId::new();
    assert_eq!(heard(id, &call(1), &note("a copy, please")), None);
    assert_eq!(heard(id, &call(2), &note("access")), None, "it is not known which of them asked");
    let mut nobody = call(1);
    nobody.parties.remove(0);
    assert_eq!(heard(id, &nobody, &note("access")), None);
}
