//! A restriction's purposes in the acts that it is told by.

use super::*;
use crate::hold::MAX_PURPOSES;

#[test]
fn a_restriction_s_purposes_are_codes_of_its_act() {
    let recording = RecordingId::from_bytes([1; 16]);
    let purposes: BTreeSet<_> = ["quality", "training"].map(|name| PurposeName::new(name).unwrap()).into();
    let selector = Selector::Recordings([recording].into());
    let restriction = Hold { kind: HoldKind::Restriction, purposes, ..some_hold(selector) };
    let acts = hold_placed(&restriction);
    let [act] = &acts[..] else { panic!("one act") };
    let codes: Vec<_> = act.codes.iter().map(Code::as_str).collect();
    assert_eq!(codes[0], "hold:restriction");
    let list = ["part:1-of-1", "recording:01010101-0101-0101-0101-010101010101", "purpose:quality:training"];
    assert_eq!(codes[6..], list);
}

#[test]
fn every_part_of_a_restriction_names_a_person_where_it_does() {
    let longest = |number| PurposeName::new(format!("{number:x>63}")).unwrap();
    let purposes: BTreeSet<_> = (0..MAX_PURPOSES).map(longest).collect();
    let query = |count: usize| Selector::Query {
        from: Timestamp(1),
        until: Timestamp(2),
        subjects: (0..count).map(|_| SubjectId::new()).collect(),
    };
    for count in [0, 1, 2, 9, 40] {
        let kind = HoldKind::Restriction;
        let restriction = Hold { kind, purposes: purposes.clone(), ..some_hold(query(count)) };
        let acts = hold_placed(&restriction);
        assert!(acts.len() >= 8, "{}", acts.len());
        for said in read_all(&acts) {
            let Said::HoldPlaced { hold, .. } = said else { panic!("no hold: {said:?}") };
            let Selector::Query { subjects, .. } = hold.selector else { panic!("{:?}", hold.selector) };
            assert_eq!(subjects.is_empty(), count == 0);
        }
        let placed_by = restored(&restriction.placed_by);
        assert_eq!(hold_of(&acts), Hold { placed_by, ..restriction });
    }
}
