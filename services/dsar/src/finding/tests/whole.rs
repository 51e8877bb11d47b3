use kernel::{Clock, Envelope, EventId};
use policy::jurisdiction::Jurisdiction;
use policy::request::{Actor, Asker, Channel};
use proto::archive::v1::RecordingState;
use proto::consent::v1::{ConsentEvent, GetStateResponse, PurposeState};

use super::*;
use crate::act::{Act, Received, Record};
use crate::plan::Language;
use crate::store::{Head, Written};
use crate::testing::{Bench, purpose};

async fn plan(bench: &Bench, who: &Who) -> Result<Plan, Error> {
    find(&*bench.mesh, &*bench.store, &who.asked(), bench.clock.now()).await
}

fn keys(plan: &Plan) -> Vec<String> {
    plan.items.iter().map(|item| item.key().unwrap().to_string()).collect()
}

/// A request about somebody that is as far as this.
async fn has_request(bench: &Bench, subject: SubjectId, state: State) -> RequestId {
    let key = RequestKey { tenant: testing::tenant(), id: RequestId::new() };
    let at = bench.clock.now();
    let received = Received {
        rights: [Right::Access].into(),
        channel: Channel::Letter,
        asker: Asker::Oneself,
        subject,
        received_at: at,
        said_in: None,
        jurisdiction: "IT".parse::<Jurisdiction>().unwrap(),
        region: None,
        calendar: 1,
        language: Language::Italian,
    };
    let record = Record {
        id: EventId::new(),
        key: key.clone(),
        version: 1,
        at,
        by: Actor::new("user/ada").unwrap(),
        act: Act::Received(received),
    };
    let event = Envelope {
        id: record.id,
        kind: "verbale.dsar.received".to_owned(),
        tenant: key.tenant.clone(),
        aggregate: key.id.to_string(),
        version: 1,
        at,
        trace: None,
        payload: Vec::new(),
    };
    let head = Head { key, version: 1, subject, received_at: at, due: at, state, ending: None };
    assert_eq!(bench.store.append(&head, &record, &event).await.unwrap(), Written::Applied);
    head.key.id
}

#[tokio::test]
async fn everything_that_is_kept_of_a_person_is_found_and_nothing_of_others() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Access, Right::Erase]);
    // More than one page of them.
    for _ in 0..5 {
        bench.keep(who.call(&[("duty", Basis::LegalObligation)]));
    }
    bench.keep(Who::asking(&[]).call(&[("duty", Basis::LegalObligation)]));
    let known = has_request(&bench, who.subject, State::Identifying).await;
    has_request(&bench, who.subject, State::Received).await;
    has_request(&bench, SubjectId::new(), State::Deciding).await;
    let consent = GetStateResponse { history: vec![ConsentEvent::default()], ..Default::default() };
    bench.mesh.state().consents.insert(who.subject, consent);

    let plan = plan(&bench, &who).await.unwrap();
    let keys = keys(&plan);
    // Two legs and the metadata of each recording under either right; log, consent, a request; and backups.
    assert_eq!(keys.len(), 5 * 3 * 2 + 3 * 2 + 1);
    assert!(keys.is_sorted());
    assert!(keys.contains(&format!("erase/request-{known}")));
    let stores =
        [("archive", 15_u64), ("retention", 10), ("consent", 1), ("audit", 1), ("dsar", 1), ("backups", 1)];
    assert_eq!(plan.stores, stores);
}

#[tokio::test]
async fn the_same_is_found_again() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Access, Right::Object]);
    for _ in 0..3 {
        bench.keep(who.call(&[("quality", Basis::LegitimateInterest), ("duty", Basis::LegalObligation)]));
    }
    let first = plan(&bench, &who).await.unwrap();
    bench.mesh.state().recordings.reverse();
    assert_eq!(plan(&bench, &who).await.unwrap(), first);
}

#[tokio::test]
async fn of_whom_nothing_is_kept_nothing_is_found() {
    let bench = Bench::new().await;
    let found = plan(&bench, &Who::asking(&[Right::Access, Right::Erase])).await.unwrap();
    assert!(found.items.is_empty());
    assert!(found.stores.iter().all(|(_, artefacts)| *artefacts == 0));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_no_empty_store() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Access]);
    bench.keep(who.call(&[("training", Basis::Consent)]));
    for method in ["recordings", "recording", "kept", "basis_lost", "entries", "consent"] {
        bench.mesh.fail(method);
        assert!(matches!(plan(&bench, &who).await, Err(Error::Peer { .. })), "{method}");
    }
    assert!(plan(&bench, &who).await.is_ok());
}

#[tokio::test]
async fn a_call_that_still_runs_is_waited_for() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(&[]);
    facts.state = RecordingState::Open.into();
    bench.keep(facts);
    let refused = plan(&bench, &who).await;
    assert!(matches!(refused, Err(Error::Refused { word: "call-running", .. })));
}

#[tokio::test]
async fn of_what_was_never_recorded_only_who_has_looked_at_it_is_found() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Access]);
    let mut facts = who.call(&[]);
    facts.state = RecordingState::NotRecorded.into();
    bench.keep(facts);
    assert_eq!(keys(&plan(&bench, &who).await.unwrap()), ["access/access-log"]);
    assert!(!bench.mesh.state().calls.contains_key("kept"));
}

#[tokio::test]
async fn a_consent_that_was_taken_back_is_gone() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Port]);
    let facts = who.call(&[("training", Basis::Consent)]);
    let id = RecordingId::from_slice(&facts.recording_id).unwrap();
    bench.keep(facts);
    let basis = |plan: &Plan| plan.items.iter().map(|item| item.question.basis).collect::<BTreeSet<_>>();
    assert_eq!(basis(&plan(&bench, &who).await.unwrap()), [BasisState::ConsentLive].into());
    bench.mesh.state().lost.insert((id, purpose("training")), "withdrawn".to_owned());
    assert_eq!(basis(&plan(&bench, &who).await.unwrap()), [BasisState::ConsentGone].into());
}

#[tokio::test]
async fn a_period_that_is_over_keeps_nothing_before_the_sweep_has_come() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Erase]);
    bench.keep(who.call(&[("duty", Basis::LegalObligation)]));
    bench.keep(who.call(&[("sale", Basis::Contract)]));
    bench.clock.set(testing::ends());
    let found = plan(&bench, &who).await.unwrap();
    let of_recordings = found.items.iter().filter(|item| item.artefact.recording().is_some());
    let bases: BTreeSet<_> = of_recordings.map(|item| item.question.basis).collect();
    assert_eq!(bases, [BasisState::DutyEnded, BasisState::ContractEnded].into());
}

#[tokio::test]
async fn what_was_agreed_to_is_withdrawn_from_and_marketing_is_objected_to() {
    let bench = Bench::new().await;
    let who = Who::asking(&[Right::Withdraw, Right::ObjectMarketing]);
    let given =
        PurposeState { purpose: "quality".to_owned(), state: "given".to_owned(), ..Default::default() };
    let consent = GetStateResponse { states: vec![given], ..Default::default() };
    bench.mesh.state().consents.insert(who.subject, consent);
    let found = plan(&bench, &who).await.unwrap();
    assert_eq!(keys(&found), ["object-marketing/consent", "withdraw/consent/quality"]);
}
