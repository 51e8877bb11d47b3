use policy::rights::HoldState;
use proto::archive::v1::{Erased, RecordingState};
use proto::common::v1::{Grant, PartyRole};
use proto::retention::v1::{ExplainResponse, HoldKind, HoldState as Standing, TermState};

use super::*;
use crate::testing::{explained, hold, leg, party, purpose};

const DUTY: &[(&str, Basis)] = &[("duty", Basis::LegalObligation)];
const QUALITY: &[(&str, Basis)] = &[("quality", Basis::LegitimateInterest)];

fn refusal(error: &Error) -> &'static str {
    match error {
        Error::Refused { word, .. } => word,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_not_sealed_is_refused_and_what_is_gone_is_nothing() {
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(DUTY);
    let mut found = |state: RecordingState, kept: Option<&ExplainResponse>| {
        facts.state = state.into();
        of_recording(&who.asked(), &facts, kept, &BTreeMap::new())
    };
    for state in [RecordingState::NotRecorded, RecordingState::Erased] {
        assert!(found(state, None).unwrap().is_empty());
    }
    for state in [RecordingState::Open, RecordingState::Sealing] {
        assert_eq!(refusal(&found(state, None).unwrap_err()), "call-running");
    }
    for state in [RecordingState::Sealed, RecordingState::Addended] {
        assert_eq!(refusal(&found(state, None).unwrap_err()), "not-stamped");
        assert!(found(state, Some(&ExplainResponse::default())).unwrap().is_empty());
    }
    assert!(matches!(found(RecordingState::Unspecified, None), Err(Error::Answer { .. })));
}

#[test]
fn a_customer_has_their_voice_and_the_dialog() {
    let who = Who::asking(&[Right::Access, Right::Erase]);
    let facts = who.call(DUTY);
    let expected = [
        "access/leg-0: self",
        "access/leg-1: dialog",
        "access/metadata: dialog",
        "erase/leg-0: self",
        "erase/leg-1: dialog",
        "erase/metadata: dialog",
    ];
    assert_eq!(told(&who.items(&facts), &facts), expected);
}

#[test]
fn others_who_can_be_heard_are_third_persons() {
    let who = Who::asking(&[Right::Access]);
    for role in [PartyRole::Bystander, PartyRole::Customer, PartyRole::Unknown, PartyRole::Unspecified] {
        let mut facts = who.call(DUTY);
        facts.parties.push(party(SubjectId::new(), role));
        facts.legs.push(leg(2, 2, 9));
        // Of nobody who is named.
        facts.legs.push(leg(3, 7, 9));
        let expected = [
            "access/leg-0: self",
            "access/leg-1: dialog",
            "access/leg-2: third",
            "access/leg-3: third",
            "access/metadata: third",
        ];
        assert_eq!(told(&who.items(&facts), &facts), expected, "{role:?}");
    }
}

#[test]
fn who_is_alone_on_a_call_has_all_of_it() {
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(DUTY);
    facts.parties[1] = party(who.subject, PartyRole::Agent);
    let expected = ["access/leg-0: self", "access/leg-1: self", "access/metadata: self"];
    assert_eq!(told(&who.items(&facts), &facts), expected);
}

#[test]
fn who_works_on_a_call_has_a_copy_of_it_and_rights_over_their_own_voice_only() {
    let who = Who::asking(&[
        Right::Access,
        Right::Rectify,
        Right::Erase,
        Right::Restrict,
        Right::Port,
        Right::Object,
    ]);
    for role in [PartyRole::Agent, PartyRole::Supervisor] {
        let mut facts = who.call(QUALITY);
        facts.parties = vec![party(SubjectId::new(), PartyRole::Customer), party(who.subject, role)];
        let expected = [
            "access/leg-0: third",
            "access/leg-1: self",
            "access/metadata: dialog",
            "erase/leg-1: self",
            "object/leg-1: self",
            "port/leg-1: self",
            "rectify/leg-1: self",
            "restrict/leg-1: self",
        ];
        assert_eq!(told(&who.items(&facts), &facts), expected, "{role:?}");
    }
}

#[test]
fn a_recording_that_the_person_is_not_on_is_an_answer_that_cannot_be() {
    let who = Who::asking(&[Right::Access]);
    let facts = Who::asking(&[]).call(DUTY);
    let found = of_recording(&who.asked(), &facts, Some(&explained(&facts)), &BTreeMap::new());
    assert!(matches!(found, Err(Error::Answer { .. })));
}

#[test]
fn each_basis_is_told_as_it_stands() {
    let who = Who::asking(&[Right::Access]);
    let check = |basis, live: Option<bool>, expected: BasisState| {
        let facts = who.call(&[("sale", basis)]);
        let live = live.map(|live| (purpose("sale"), live)).into_iter().collect();
        let items = of_recording(&who.asked(), &facts, Some(&explained(&facts)), &live).unwrap();
        assert_eq!(items.len(), 3);
        assert!(items.iter().all(|item| item.question.basis == expected), "{basis}");
    };
    check(Basis::Consent, Some(true), BasisState::ConsentLive);
    check(Basis::Consent, Some(false), BasisState::ConsentGone);
    check(Basis::Contract, None, BasisState::ContractRunning);
    check(Basis::LegalObligation, None, BasisState::DutyRunning);
    check(Basis::VitalInterest, None, BasisState::VitalInterest);
    check(Basis::PublicTask, None, BasisState::PublicTask);
    check(Basis::LegitimateInterest, None, BasisState::LegitimateInterest);
}

#[test]
fn a_consent_that_nobody_was_asked_about_is_not_guessed() {
    let who = Who::asking(&[Right::Access]);
    let facts = who.call(&[("training", Basis::Consent), ("duty", Basis::LegalObligation)]);
    let kept = explained(&facts);
    let found = of_recording(&who.asked(), &facts, Some(&kept), &BTreeMap::new());
    assert!(matches!(found, Err(Error::Answer { .. })));
    assert_eq!(recording::on_consent(&facts, Some(&kept)).unwrap(), [purpose("training")].into());
    assert!(recording::on_consent(&facts, None).unwrap().is_empty());
}

#[test]
fn of_several_bases_the_one_that_keeps_most_counts() {
    let order = [
        Basis::LegalObligation,
        Basis::VitalInterest,
        Basis::Contract,
        Basis::PublicTask,
        Basis::LegitimateInterest,
        Basis::Consent,
    ];
    let who = Who::asking(&[]);
    for (from, strongest) in order.iter().enumerate() {
        let mut bases: Vec<_> = order[from..].iter().map(|basis| ("sale", *basis)).collect();
        bases.reverse();
        let facts = who.call(&bases);
        assert_eq!(keeping::strongest(&facts, &purpose("sale")).unwrap(), Some(*strongest));
    }
    assert_eq!(keeping::strongest(&who.call(DUTY), &purpose("sale")).unwrap(), None);
}

#[test]
fn what_has_no_basis_is_told_as_such() {
    let who = Who::asking(&[Right::Erase]);
    let mut facts = who.call(DUTY);
    let kept = explained(&facts);
    facts.bases.clear();
    let items = of_recording(&who.asked(), &facts, Some(&kept), &BTreeMap::new()).unwrap();
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item.question.basis == BasisState::None && item.kept_by.is_empty()));
}

#[test]
fn a_hold_counts_by_who_placed_it_for_whom() {
    let who = Who::asking(&[Right::Erase]);
    let (person, other) = (who.subject, SubjectId::new());
    let check = |kind, subjects: &[SubjectId], expected: HoldState| {
        let found = keeping::held(&who.asked(), &[hold(HoldId::new(), kind, subjects)]).unwrap();
        assert_eq!(found.map_or(HoldState::None, |(state, _)| state), expected, "{kind:?}");
    };
    check(HoldKind::Litigation, &[other], HoldState::Litigation);
    check(HoldKind::Regulator, &[], HoldState::Regulator);
    check(HoldKind::Subject, &[other, person], HoldState::Subject18c);
    check(HoldKind::Subject, &[other], HoldState::OtherDsar);
    check(HoldKind::Subject, &[], HoldState::OtherDsar);
    check(HoldKind::OpenRequest, &[person], HoldState::None);
    check(HoldKind::OpenRequest, &[person, other], HoldState::OtherDsar);
    check(HoldKind::OpenRequest, &[], HoldState::OtherDsar);
    check(HoldKind::Restriction, &[other], HoldState::None);
    check(HoldKind::Unspecified, &[person], HoldState::None);
}

#[test]
fn the_requests_own_hold_keeps_nothing_from_it() {
    let who = Who::asking(&[Right::Erase]);
    let id = HoldId::new();
    let own = hold(id, HoldKind::OpenRequest, &[]);
    let asked = Asked { own_hold: Some(id), ..who.asked() };
    assert_eq!(keeping::held(&asked, std::slice::from_ref(&own)).unwrap(), None);
    let found = keeping::held(&who.asked(), &[own]).unwrap();
    assert_eq!(found, Some((HoldState::OtherDsar, id)));
}

#[test]
fn what_a_request_of_theirs_keeps_for_claims_is_theirs_though_it_names_recordings() {
    let who = Who::asking(&[Right::Erase]);
    let id = HoldId::new();
    let placed = [hold(id, HoldKind::Subject, &[])];
    let own = BTreeSet::from([id]);
    let asked = Asked { restricted: &own, ..who.asked() };
    assert_eq!(keeping::held(&asked, &placed).unwrap(), Some((HoldState::Subject18c, id)));
    let found = keeping::held(&who.asked(), &placed).unwrap();
    assert_eq!(found, Some((HoldState::OtherDsar, id)), "another person's");
}

#[test]
fn a_hold_keeps_until_it_is_released() {
    let who = Who::asking(&[Right::Erase]);
    for (standing, is_held) in
        [(Standing::Placed, true), (Standing::ReleaseAsked, true), (Standing::Released, false)]
    {
        let mut placed = hold(HoldId::new(), HoldKind::Litigation, &[]);
        placed.state = standing.into();
        assert_eq!(keeping::held(&who.asked(), &[placed]).unwrap().is_some(), is_held, "{standing:?}");
    }
}

#[test]
fn of_several_holds_one_that_the_person_cannot_lift_counts_first() {
    let who = Who::asking(&[Right::Erase]);
    let person = who.subject;
    let mut holds = vec![
        hold(HoldId::new(), HoldKind::Subject, &[person]),
        hold(HoldId::new(), HoldKind::OpenRequest, &[]),
        hold(HoldId::new(), HoldKind::Regulator, &[]),
        hold(HoldId::new(), HoldKind::Litigation, &[]),
    ];
    let order = [HoldState::Litigation, HoldState::Regulator, HoldState::OtherDsar, HoldState::Subject18c];
    for expected in order {
        let (state, by) = keeping::held(&who.asked(), &holds).unwrap().unwrap();
        assert_eq!(state, expected);
        let counted = holds.pop().unwrap();
        assert_eq!(by.to_bytes().as_slice(), counted.hold_id);
    }
}

#[test]
fn what_keeps_an_item_is_its_hold_or_else_its_regime() {
    let who = Who::asking(&[Right::Erase]);
    let mut facts = who.call(&[("duty", Basis::LegalObligation), ("quality", Basis::LegitimateInterest)]);
    facts.grants = vec![
        Grant { purpose: "quality".to_owned(), regime: "none-of-its".to_owned(), ..Default::default() },
        Grant { purpose: "duty".to_owned(), regime: "mifid2-16-7".to_owned(), ..Default::default() },
    ];
    let mut kept = explained(&facts);
    let kept_by = |kept: &ExplainResponse, name: &str| {
        let items = of_recording(&who.asked(), &facts, Some(kept), &BTreeMap::new()).unwrap();
        let own = items.into_iter().filter(|item| item.purpose == Some(purpose(name)));
        let own: BTreeSet<_> = own.map(|item| (item.kept_by, item.until, item.began)).collect();
        assert_eq!(own.len(), 1);
        let (by, until, began) = own.into_iter().next().unwrap();
        assert_eq!((until, began), (Some(testing::ends()), Some(testing::START)));
        by
    };
    assert_eq!(kept_by(&kept, "duty"), "regime:mifid2-16-7");
    assert_eq!(kept_by(&kept, "quality"), "");
    let id = HoldId::new();
    kept.holds = vec![hold(id, HoldKind::Litigation, &[])];
    assert_eq!(kept_by(&kept, "duty"), format!("hold:{id}"));
    assert_eq!(kept_by(&kept, "quality"), format!("hold:{id}"));
}

#[test]
fn only_what_still_runs_is_kept() {
    let who = Who::asking(&[Right::Access]);
    let facts = who.call(DUTY);
    let found = |audio: TermState, metadata: TermState| {
        let mut kept = explained(&facts);
        kept.terms[0].state = audio.into();
        kept.terms[1].state = metadata.into();
        let items = of_recording(&who.asked(), &facts, Some(&kept), &BTreeMap::new());
        items.map(|items| told(&items, &facts))
    };
    let (running, ended) = (TermState::Running, TermState::Ended);
    assert_eq!(found(running, ended).unwrap(), ["access/leg-0: self", "access/leg-1: dialog"]);
    assert_eq!(found(TermState::Ending, running).unwrap(), ["access/metadata: dialog"]);
    assert!(found(ended, ended).unwrap().is_empty());
    assert!(matches!(found(running, TermState::Unspecified), Err(Error::Answer { .. })));
}

#[test]
fn a_leg_of_which_nothing_is_left_is_no_artefact() {
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(DUTY);
    facts.legs.push(leg(2, 1, 0));
    let stretch = |start, end| Erased { leg: 1, start, end, ..Default::default() };
    facts.erased = vec![stretch(0, facts.duration / 2)];
    assert_eq!(who.items(&facts).len(), 3);
    assert_eq!(recording::artefacts(&facts, LATER).unwrap(), 3);
    facts.erased.push(stretch(facts.duration / 2, facts.duration));
    assert_eq!(told(&who.items(&facts), &facts), ["access/leg-0: self", "access/metadata: dialog"]);
}

#[test]
fn an_objection_is_to_what_is_weighed_only() {
    let who = Who::asking(&[Right::Object, Right::ObjectMarketing, Right::Withdraw]);
    let weighed = [Basis::PublicTask, Basis::LegitimateInterest];
    for basis in Basis::ALL.iter().copied().filter(|basis| *basis != Basis::Consent) {
        let facts = who.call(&[("sale", basis)]);
        let expected = if weighed.contains(&basis) { 3 } else { 0 };
        assert_eq!(who.items(&facts).len(), expected, "{basis}");
    }
}

#[test]
fn what_cannot_be_is_never_taken_for_nothing() {
    let who = Who::asking(&[Right::Access]);
    let check = |what: &str, spoil: &dyn Fn(&mut Recording, &mut ExplainResponse)| {
        let mut facts = who.call(DUTY);
        let mut kept = explained(&facts);
        spoil(&mut facts, &mut kept);
        let found = of_recording(&who.asked(), &facts, Some(&kept), &BTreeMap::new());
        assert!(matches!(found, Err(Error::Answer { .. })), "{what}");
    };
    check("id", &|facts, _| facts.recording_id.clear());
    check("leg", &|facts, _| facts.legs[0].leg = 70_000);
    check("leg twice", &|facts, _| facts.legs[1].leg = 0);
    check("basis", &|facts, _| facts.bases[0].basis = 0);
    check("purpose", &|_, kept| kept.terms[0].purpose = "Not A Name".to_owned());
    check("kind", &|_, kept| kept.terms[0].kind = 9);
    check("hold's id", &|_, kept| {
        let mut bad = hold(HoldId::new(), HoldKind::Litigation, &[]);
        bad.hold_id.clear();
        kept.holds.push(bad);
    });
    check("hold's state", &|_, kept| {
        let mut bad = hold(HoldId::new(), HoldKind::Litigation, &[]);
        bad.state = 0;
        kept.holds.push(bad);
    });
}
