use policy::PolicyHash;

use super::*;
use crate::kept::RecordingKey;

fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

fn kept(started_at: i64, parties: &[SubjectId]) -> Kept {
    Kept {
        key: RecordingKey { tenant: tenant(), id: RecordingId::new() },
        version: 1,
        started_at: Timestamp(started_at),
        ended_at: Timestamp(started_at + 1),
        policy: PolicyHash([7; 32]),
        parties: parties.to_vec(),
        terms: Vec::new(),
    }
}

fn hold(selector: Selector) -> Hold {
    Hold {
        tenant: tenant(),
        id: HoldId::new(),
        version: 1,
        kind: HoldKind::Litigation,
        selector,
        purposes: BTreeSet::new(),
        reason: Code::new("case-7").unwrap(),
        placed_by: "anna".to_owned(),
        placed_at: Timestamp(1),
        review_at: Timestamp(2),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    }
}

#[test]
fn a_hold_covers_what_it_names_and_what_comes_later() {
    let (one, other) = (SubjectId::new(), SubjectId::new());
    let on = kept(10, &[one]);
    let recordings = Selector::Recordings([on.key.id].into());
    let query = |from, until, subjects: &[SubjectId]| Selector::Query {
        from: Timestamp(from),
        until: Timestamp(until),
        subjects: subjects.iter().copied().collect(),
    };
    for (selector, covers) in [
        (recordings.clone(), true),
        (Selector::Recordings([RecordingId::new()].into()), false),
        (Selector::Subjects([other, one].into()), true),
        (Selector::Subjects([other].into()), false),
        (query(10, 11, &[]), true),
        (query(11, 20, &[]), false),
        (query(5, 10, &[]), false),
        (query(10, 11, &[one]), true),
        (query(10, 11, &[other]), false),
    ] {
        assert_eq!(hold(selector.clone()).keeps(&on), covers, "{selector:?}");
    }
    let elsewhere = Hold { tenant: TenantId::new("telco-beta").unwrap(), ..hold(recordings) };
    assert!(!elsewhere.keeps(&on));
}

#[test]
fn one_person_places_a_hold_and_two_others_release_it() {
    let on = kept(10, &[]);
    let placed = hold(Selector::Recordings([on.key.id].into()));
    assert_eq!(placed.release("anna", Timestamp(5)), Err(ReleaseError::PlacedBySame));
    let asked = placed.release("bruno", Timestamp(5)).unwrap();
    assert_eq!((asked.state, asked.version, asked.released_at), (HoldState::ReleaseAsked, 2, None));
    assert!(asked.keeps(&on));
    assert_eq!(asked.release("bruno", Timestamp(6)), Err(ReleaseError::AskedBySame));
    assert_eq!(asked.release("anna", Timestamp(6)), Err(ReleaseError::PlacedBySame));
    let released = asked.release("carla", Timestamp(6)).unwrap();
    assert_eq!((released.state, released.version), (HoldState::Released, 3));
    assert_eq!(released.released_at, Some(Timestamp(6)));
    assert_eq!(released.released_by, ["bruno", "carla"]);
    assert!(!released.keeps(&on));
    assert_eq!(released.release("dario", Timestamp(7)), Err(ReleaseError::Released));
}

#[test]
fn a_restriction_keeps_nothing_and_restricts_the_purposes_that_it_names() {
    let on = kept(10, &[]);
    let (quality, training) = (PurposeName::new("quality").unwrap(), PurposeName::new("training").unwrap());
    let of = |kind, purposes: &[&PurposeName]| Hold {
        kind,
        purposes: purposes.iter().copied().cloned().collect(),
        ..hold(Selector::Recordings([on.key.id].into()))
    };
    for (kind, purposes, keeps, restricts) in [
        (HoldKind::Restriction, &[][..], false, (true, true)),
        (HoldKind::Restriction, &[&quality][..], false, (true, false)),
        (HoldKind::Subject, &[][..], true, (true, true)),
        (HoldKind::Litigation, &[][..], true, (false, false)),
        (HoldKind::Regulator, &[][..], true, (false, false)),
        (HoldKind::OpenRequest, &[][..], true, (false, false)),
    ] {
        let placed = of(kind, purposes);
        assert!(placed.covers(&on));
        assert_eq!((placed.keeps(&on), kind.keeps()), (keeps, keeps), "{kind:?}");
        let found = (placed.restricts(&on, &quality), placed.restricts(&on, &training));
        assert_eq!(found, restricts, "{kind:?} {purposes:?}");
        let elsewhere = kept(10, &[]);
        assert!(!placed.covers(&elsewhere) && !placed.restricts(&elsewhere, &quality));
        let released = Hold { state: HoldState::Released, ..placed };
        assert!(!released.covers(&on) && !released.restricts(&on, &quality), "{kind:?}");
    }
}

#[test]
fn a_service_alone_takes_back_what_it_placed_for_a_request_and_nobody_else_does() {
    let dsar = "service/dsar";
    let of = |kind, placed_by: &str| Hold {
        kind,
        placed_by: placed_by.to_owned(),
        ..hold(Selector::Subjects([SubjectId::new()].into()))
    };
    for kind in [HoldKind::OpenRequest, HoldKind::Restriction, HoldKind::Subject] {
        let placed = of(kind, dsar);
        let released = placed.release(dsar, Timestamp(5)).unwrap();
        let found = (released.state, released.version, released.released_at);
        assert_eq!(found, (HoldState::Released, 2, Some(Timestamp(5))));
        assert_eq!(released.released_by, [dsar]);
        assert_eq!(released.release(dsar, Timestamp(6)), Err(ReleaseError::Released));
        // Everybody else is one of two.
        for other in ["bruno", "service/audit"] {
            let asked = placed.release(other, Timestamp(5)).unwrap();
            assert_eq!(asked.state, HoldState::ReleaseAsked, "{other}");
            let released = asked.release(dsar, Timestamp(6)).unwrap();
            assert_eq!((released.state, released.version), (HoldState::Released, 3));
            assert_eq!(released.released_by, [other, dsar]);
        }
        let asked = placed.release("bruno", Timestamp(5)).unwrap();
        assert_eq!(asked.release("carla", Timestamp(6)).unwrap().state, HoldState::Released);
        assert_eq!(of(kind, "anna").release("anna", Timestamp(5)), Err(ReleaseError::PlacedBySame));
    }
    for kind in [HoldKind::Litigation, HoldKind::Regulator] {
        assert_eq!(of(kind, dsar).release(dsar, Timestamp(5)), Err(ReleaseError::PlacedBySame), "{kind:?}");
    }
}
