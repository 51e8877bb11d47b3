use kernel::Clock;
use proto::common::v1::PartyRole;
use proto::consent::v1::{ConsentEvent, GetStateResponse, PurposeState};

use super::*;
use crate::finding::lines::{is_to_confirm, leave_out};
use crate::testing::{Bench, party};

const DUTY: &[(&str, Basis)] = &[("duty", Basis::LegalObligation)];

/// Somebody who is known by a switchboard's number.
fn at_a_switchboard(rights: &[Right]) -> Who {
    let who = Who::asking(rights);
    let person = who.person.clone().on_shared_lines([who.subject]);
    Who { person, ..who }
}

async fn plan(bench: &Bench, who: &Who, confirmed: &Confirmed) -> Result<Plan, Error> {
    let asked = Asked { confirmed, ..who.asked() };
    find(&*bench.mesh, &*bench.store, &asked, bench.clock.now()).await
}

/// So many calls from the switchboard's number.
fn calls(bench: &Bench, who: &Who, count: usize) -> Vec<RecordingId> {
    let keep = |_| {
        let facts = who.call(DUTY);
        let id = RecordingId::from_slice(&facts.recording_id).unwrap();
        bench.keep(facts);
        id
    };
    (0..count).map(keep).collect()
}

#[test]
fn a_call_of_a_shared_line_is_the_person_s_once_that_was_said() {
    let who = at_a_switchboard(&[Right::Access]);
    let facts = who.call(DUTY);
    let id = RecordingId::from_slice(&facts.recording_id).unwrap();
    assert!(is_to_confirm(&who.person, &NOBODY, id, &facts));
    let confirmed = Confirmed { theirs: [id].into(), ..Confirmed::default() };
    assert!(!is_to_confirm(&who.person, &confirmed, id, &facts));

    let alone = Who::asking(&[Right::Access]);
    assert!(!is_to_confirm(&alone.person, &NOBODY, id, &alone.call(DUTY)));
    let mut at_work = who.call(DUTY);
    at_work.parties[0] = party(who.subject, PartyRole::Agent);
    assert!(!is_to_confirm(&who.person, &NOBODY, id, &at_work), "who works there is known by their own id");
    // Known by what is theirs alone, too.
    let other = SubjectId::new();
    let person = Person::new(who.subject, [other]).on_shared_lines([who.subject]);
    let mut known = who.call(DUTY);
    known.parties.push(party(other, PartyRole::Customer));
    assert!(!is_to_confirm(&person, &NOBODY, id, &known));
}

#[test]
fn a_call_that_came_while_a_number_was_somebody_else_s_unsaid_is_to_be_confirmed() {
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(DUTY);
    let id = RecordingId::from_slice(&facts.recording_id).unwrap();
    let person = who.person.clone().unsure(who.subject, Timestamp(100), Timestamp(200));
    for (began, is_unsure) in [(99, false), (100, true), (200, true), (201, false)] {
        facts.started_at = began;
        assert_eq!(is_to_confirm(&person, &NOBODY, id, &facts), is_unsure, "{began}");
    }
}

#[tokio::test]
async fn nothing_is_planned_while_it_is_not_said_of_each_call_whose_it_is() {
    let bench = Bench::new().await;
    let who = at_a_switchboard(&[Right::Access, Right::Erase]);
    let mut ids = calls(&bench, &who, 12);
    ids.sort_unstable();
    let refused = plan(&bench, &who, &NOBODY).await.unwrap_err();
    let Error::Refused { word, why } = &refused else { panic!("{refused}") };
    assert_eq!(*word, "calls-to-confirm");
    assert!(why.contains("of 12 calls") && why.ends_with("and 2 more"), "{why}");
    assert!(ids[..10].iter().all(|id| why.contains(&id.to_string())), "{why}");
    assert!(ids[10..].iter().all(|id| !why.contains(&id.to_string())), "{why}");

    let mut confirmed = Confirmed { not_theirs: ids[1..].iter().copied().collect(), ..Confirmed::default() };
    let refused = plan(&bench, &who, &confirmed).await.unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("of 1 call it") && told.ends_with(&ids[0].to_string()), "{told}");
    confirmed.theirs.insert(ids[0]);
    let found = plan(&bench, &who, &confirmed).await.unwrap();
    let of: BTreeSet<_> = found.items.iter().filter_map(|item| item.artefact.recording()).collect();
    assert_eq!(of, [ids[0]].into());
    assert_eq!(found.stores[0], ("archive", 3), "two legs and the facts of one call");
}

#[tokio::test]
async fn who_is_in_none_of_the_calls_does_not_learn_that_there_are_any() {
    let bench = Bench::new().await;
    let who = at_a_switchboard(&[Right::Access, Right::Erase]);
    let not_theirs: BTreeSet<_> = calls(&bench, &who, 3).into_iter().collect();
    let call = not_theirs.first().unwrap().to_bytes().to_vec();
    let said = ConsentEvent { recording_id: call.clone(), ..Default::default() };
    let stands = PurposeState { recording_id: call, ..Default::default() };
    let consent = GetStateResponse { history: vec![said], states: vec![stands], ..Default::default() };
    bench.mesh.state().consents.insert(who.subject, consent);
    let found = plan(&bench, &who, &Confirmed { not_theirs, ..Confirmed::default() }).await.unwrap();
    assert!(found.items.is_empty());
    assert!(found.stores.iter().all(|(_, artefacts)| *artefacts == 0), "{:?}", found.stores);
}

#[test]
fn what_was_said_in_another_one_s_call_is_left_out_and_the_rest_stays() {
    let (theirs, not_theirs) = (RecordingId::new(), RecordingId::new());
    let said = |call: Vec<u8>| ConsentEvent { recording_id: call, ..Default::default() };
    let everywhere = said(Vec::new());
    let history = vec![said(theirs.to_bytes().into()), said(not_theirs.to_bytes().into()), everywhere];
    let mut consent = GetStateResponse { history, ..Default::default() };
    let who = Who::asking(&[Right::Access]);
    let confirmed = Confirmed { theirs: [theirs].into(), not_theirs: [not_theirs].into() };
    leave_out(&mut consent, &who.person, who.subject, &confirmed);
    assert_eq!(consent.history.len(), 2);
    assert!(consent.history.iter().all(|event| event.recording_id != not_theirs.to_bytes()));
}

#[test]
fn what_was_said_on_a_shared_line_in_a_call_of_which_nobody_was_asked_is_left_out() {
    let (theirs, later) = (RecordingId::new(), RecordingId::new());
    let said =
        |call: RecordingId| ConsentEvent { recording_id: call.to_bytes().into(), ..Default::default() };
    let stands =
        |call: RecordingId| PurposeState { recording_id: call.to_bytes().into(), ..Default::default() };
    let all = GetStateResponse {
        history: vec![said(theirs), said(later)],
        states: vec![stands(theirs), stands(later)],
        ..Default::default()
    };
    let confirmed = Confirmed { theirs: [theirs].into(), ..Confirmed::default() };
    for (who, left) in [(at_a_switchboard(&[Right::Access]), 1), (Who::asking(&[Right::Access]), 2)] {
        let mut consent = all.clone();
        leave_out(&mut consent, &who.person, who.subject, &confirmed);
        assert_eq!((consent.history.len(), consent.states.len()), (left, left));
        assert_eq!(consent.history[0].recording_id, theirs.to_bytes());
    }
}

#[test]
fn what_was_said_here_counts_before_what_was_said_elsewhere() {
    let [one, two, three] = [RecordingId::new(), RecordingId::new(), RecordingId::new()];
    let mut own = Confirmed { theirs: [one].into(), not_theirs: [two].into() };
    own.add(&Confirmed { theirs: [two, three].into(), not_theirs: [one].into() });
    assert_eq!(own, Confirmed { theirs: [one, three].into(), not_theirs: [two].into() });
}
