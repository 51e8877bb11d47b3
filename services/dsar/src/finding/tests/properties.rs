use proptest::prelude::*;
use proto::common::v1::PartyRole;
use proto::retention::v1::{DataKind, ExplainResponse, HoldKind, HoldState as Standing, Term, TermState};

use super::*;
use crate::testing::{hold, leg, party, purpose};

const NAMES: [&str; 4] = ["duty", "quality", "sale", "training"];

fn any_role() -> impl Strategy<Value = PartyRole> {
    prop::sample::select(vec![
        PartyRole::Agent,
        PartyRole::Customer,
        PartyRole::Supervisor,
        PartyRole::Bystander,
        PartyRole::Unknown,
        PartyRole::Unspecified,
    ])
}

fn any_term() -> impl Strategy<Value = Term> {
    let kind = prop::sample::select(vec![DataKind::Audio, DataKind::Metadata]);
    let state = prop::sample::select(vec![TermState::Running, TermState::Ending, TermState::Ended]);
    (prop::sample::select(NAMES.to_vec()), kind, state, 1i64..1_000).prop_map(
        |(purpose, kind, state, ends)| Term {
            purpose: purpose.to_owned(),
            kind: kind.into(),
            state: state.into(),
            ends,
            ..Default::default()
        },
    )
}

fn any_hold(person: SubjectId) -> impl Strategy<Value = proto::retention::v1::Hold> {
    let kinds = vec![HoldKind::Litigation, HoldKind::Regulator, HoldKind::Subject, HoldKind::OpenRequest];
    let standing = vec![Standing::Placed, Standing::ReleaseAsked, Standing::Released];
    (prop::sample::select(kinds), prop::sample::select(standing), any::<bool>()).prop_map(
        move |(kind, standing, is_theirs)| {
            let subjects = if is_theirs { vec![person] } else { Vec::new() };
            let mut placed = hold(kernel::HoldId::new(), kind, &subjects);
            placed.state = standing.into();
            placed
        },
    )
}

/// A sealed call on which the person is at least once, and what retention says of it.
fn any_call(person: SubjectId) -> impl Strategy<Value = (Recording, ExplainResponse)> {
    let parties = prop::collection::vec((any_role(), any::<bool>()), 0..4);
    let legs = prop::collection::vec((0u32..6, 0u64..3), 0..5);
    let bases = prop::collection::vec((prop::sample::select(NAMES.to_vec()), 1i32..=6), 0..6);
    let terms = prop::collection::vec(any_term(), 0..8);
    let holds = prop::collection::vec(any_hold(person), 0..4);
    (any_role(), parties, legs, bases, terms, holds).prop_map(
        move |(own, others, legs, bases, terms, holds)| {
            let bases: Vec<_> =
                bases.into_iter().map(|(name, number)| (name, Basis::from_number(number).unwrap())).collect();
            let mut facts = testing::recording(RecordingId::new(), person, SubjectId::new(), &bases);
            facts.parties = vec![party(person, own)];
            facts.parties.extend(
                others
                    .into_iter()
                    .map(|(role, is_person)| party(if is_person { person } else { SubjectId::new() }, role)),
            );
            facts.legs = (0..).zip(legs).map(|(number, (party, end))| leg(number, party, end)).collect();
            (facts, ExplainResponse { terms, holds, ..Default::default() })
        },
    )
}

fn any_rights() -> impl Strategy<Value = BTreeSet<Right>> {
    let others = prop::collection::btree_set(prop::sample::select(Right::ALL.to_vec()), 0..4);
    others.prop_map(|mut rights| {
        rights.insert(Right::Access);
        rights
    })
}

fn any_case() -> impl Strategy<Value = (Who, Recording, ExplainResponse, bool)> {
    let who = any_rights().prop_map(|rights| Who { rights, ..Who::asking(&[]) });
    who.prop_flat_map(|who| {
        let subject = who.subject;
        let (key, rights) = (who.key.clone(), who.rights);
        (any_call(subject), any::<bool>()).prop_map(move |((facts, kept), is_live)| {
            (
                Who { key: key.clone(), subject, person: Person::new(subject, []), rights: rights.clone() },
                facts,
                kept,
                is_live,
            )
        })
    })
}

proptest! {
    #[test]
    fn no_item_comes_twice_and_no_stored_leg_is_missing_from_a_copy(
        (who, facts, kept, is_live) in any_case()
    ) {
        let live = NAMES.iter().map(|name| (purpose(name), is_live)).collect();
        let items = of_recording(&who.asked(), &facts, Some(&kept), &live).unwrap();
        let keys: BTreeSet<_> = items.iter().map(|item| item.key().unwrap().to_string()).collect();
        prop_assert_eq!(keys.len(), items.len());

        let id = RecordingId::from_slice(&facts.recording_id).unwrap();
        let stored: Vec<_> = facts.legs.iter().filter(|leg| leg.stored[0].end > 0).collect();
        let runs = |term: &&Term| term.kind() == DataKind::Audio && term.state() == TermState::Running;
        for term in kept.terms.iter().filter(runs) {
            for leg in &stored {
                let key = format!("access/{id}/leg-{}/{}", leg.leg, term.purpose);
                prop_assert!(keys.contains(&key), "{key}");
            }
        }
        prop_assert!(items.iter().all(|item| who.rights.contains(&item.right())));
    }
}
