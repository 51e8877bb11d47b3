//! What people do wrong is refused with its reason, and changes nothing.

mod checking;
mod confirming;
mod lifting;
mod linking;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kernel::{LegNo, RecordingId, RequestId, ServiceError, SubjectId, Timestamp};
use policy::code::Code;
use policy::deadline;
use policy::request::{ItemKey, PlanName, Proof, State};
use policy::rights::Right;
use proto::common::v1::PartyRole;
use proto::retention::v1::{Hold, HoldKind};

use super::{NewRequest, Which, Who};
use crate::act::{Act, Decided, Found, RequestKey};
use crate::error::{Error, told};
use crate::mesh::Mesh;
use crate::plan::{Artefact, PlanItem};
use crate::testing::{Bench, DAY, START, actor, asked, purpose, tenant};
use crate::working::tests::{decided, planned, with_a_call};

fn word(error: &Error) -> String {
    platform::error::reason(&told(error)).to_owned()
}

fn all(plan: &PlanName) -> Decided {
    Decided { plan: plan.clone(), items: BTreeSet::new(), found: Found::default(), left: None }
}

#[tokio::test]
async fn what_is_said_in_a_call_was_received_then_and_there() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let said = Duration::from_secs(90);
    let position = kernel::Position(90_000_000);
    let new = NewRequest { said_in: Some((id, Some(position))), ..asked(customer, &[Right::Access]) };
    let file = service.open(&tenant(), &actor("anna"), new).await.unwrap();
    assert_eq!(file.received.received_at, START.plus(said));
    assert_eq!(file.request.clock().due().strict.date.to_string(), "2026-04-02");
}

#[tokio::test]
async fn a_request_that_cannot_be_is_refused_and_not_there() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let good = || asked(customer, &[Right::Access]);
    let tomorrow = service.now().plus(DAY);
    let (_, not_on) = with_a_call(&bench);
    let nobody = SubjectId::new();
    bench.mesh.state().nobody.insert(nobody);
    let cases = [
        ("in the future", NewRequest { received_at: Some(tomorrow), ..good() }),
        ("asks nothing", NewRequest { rights: BTreeSet::new(), ..good() }),
        ("elsewhere", NewRequest { region: Some("DE-BY".parse().unwrap()), ..good() }),
        ("before calendars", NewRequest { received_at: Some(Timestamp(0)), ..good() }),
        ("a call that they are not on", NewRequest { said_in: Some((not_on, None)), ..good() }),
        ("an id that nobody has", NewRequest { who: Who::Subject(nobody), ..good() }),
        ("an unknown call", NewRequest { said_in: Some((RecordingId::new(), None)), ..good() }),
    ];
    for (case, new) in cases {
        let id = new.id;
        assert!(service.open(&tenant(), &actor("anna"), new).await.is_err(), "{case}");
        let key = RequestKey { tenant: tenant(), id };
        let missing = service.file(&key).await.unwrap_err();
        assert_eq!(missing.code(), kernel::ErrorCode::NotFound, "{case}");
    }
    assert!(service.list(&tenant(), Which::All, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_decision_takes_two_people_who_have_seen_the_same_plan() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let plan = file.request.plan().unwrap().name.clone();
    let stale = PlanName::new("0123456789abcdef").unwrap();
    let refused = service.decide(&key, &actor("anna"), all(&stale), false).await.unwrap_err();
    assert_eq!(word(&refused), "stale-plan");
    let file = service.decide(&key, &actor("anna"), all(&plan), true).await.unwrap();
    assert_eq!(file.request.state(), State::AwaitingApproval);
    let version = file.version;
    let refused = service.approve(&key, &actor("anna"), plan.clone(), false).await.unwrap_err();
    assert_eq!(word(&refused), "same-person");
    let refused = service.approve(&key, &actor("bruno"), stale, false).await.unwrap_err();
    assert_eq!(word(&refused), "stale-plan");
    assert_eq!(service.file(&key).await.unwrap().version, version, "nothing has changed");
    assert!(bench.mesh.state().erasures.is_empty());
    let file = service.approve(&key, &actor("bruno"), plan, true).await.unwrap();
    assert_eq!(file.request.state(), State::Deciding, "a no sends it back");
}

#[tokio::test]
async fn a_plan_that_has_changed_has_another_name_and_is_decided_anew() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Access]).await;
    let first = file.request.plan().unwrap().name.clone();
    let again = service.plan(&key, &actor("anna"), true).await.unwrap();
    assert_eq!((again.name.clone(), again.file.version), (first.clone(), file.version), "nothing is new");
    service.decide(&key, &actor("anna"), all(&first), false).await.unwrap();
    let purposes = [("quality", kernel::Basis::Consent)];
    let more = crate::testing::recording(RecordingId::new(), customer, SubjectId::new(), &purposes);
    bench.keep(more);
    let dry = service.plan(&key, &actor("anna"), false).await.unwrap();
    assert_ne!(dry.name, first);
    assert_eq!(
        service.file(&key).await.unwrap().request.plan().unwrap().name,
        first,
        "a dry run keeps nothing"
    );
    let new = service.plan(&key, &actor("anna"), true).await.unwrap();
    assert!(new.file.items.len() > file.items.len());
    assert_eq!(new.file.undecided().count(), new.file.items.len());
    assert_eq!(service.file(&key).await.unwrap(), new.file, "its acts are all that a request is");
    let refused = service.decide(&key, &actor("anna"), all(&first), true).await.unwrap_err();
    assert_eq!(word(&refused), "stale-plan");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_a_failure_and_no_plan() {
    for method in ["recordings", "kept", "consent"] {
        let bench = Bench::new().await;
        let (customer, _) = with_a_call(&bench);
        let service = bench.service();
        let new = asked(customer, &[Right::Access]);
        let key = RequestKey { tenant: tenant(), id: new.id };
        service.open(&tenant(), &actor("anna"), new).await.unwrap();
        let refused = service.plan(&key, &actor("anna"), true).await.unwrap_err();
        assert_eq!(word(&refused), "not-shown", "nothing is looked for before it is known who asks");
        service.act(&key, &actor("anna"), Act::Proved(Proof::Session)).await.unwrap();
        service.act(&key, &actor("anna"), Act::Verified).await.unwrap();
        bench.mesh.fail(method);
        let failed = service.plan(&key, &actor("anna"), true).await.unwrap_err();
        assert_eq!(failed.code(), kernel::ErrorCode::Unavailable, "{method}");
        assert_eq!(service.file(&key).await.unwrap().request.state(), State::Discovering);
    }
}

#[tokio::test]
async fn time_is_extended_once_and_after_the_person_was_told() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = planned(&service, customer, &[Right::Access]).await;
    let told =
        |at: Timestamp| Act::Extended { reason: deadline::Reason::Complexity, notice_delivered_at: at };
    let tomorrow = service.now().plus(DAY);
    assert!(service.act(&key, &actor("anna"), told(tomorrow)).await.is_err());
    service.act(&key, &actor("anna"), told(service.now())).await.unwrap();
    assert!(service.act(&key, &actor("anna"), told(service.now())).await.is_err());
}

#[tokio::test]
async fn no_copy_without_a_decision_and_no_answer_but_the_one_that_was_read() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = planned(&service, customer, &[Right::Access]).await;
    let token = crate::testing::token();
    let refused = service.hand_out(&key, token, "request".to_owned()).await;
    assert_eq!(word(&refused.err().unwrap()), "not-decided");
    let other = seal::Hash::of(b"another letter");
    let refused = service.deliver(&key, &actor("anna"), other).await.unwrap_err();
    assert_eq!(word(&refused), "other-letter");
    let unknown = RequestKey { tenant: tenant(), id: RequestId::new() };
    assert_eq!(service.letter(&unknown, None).await.unwrap_err().code(), kernel::ErrorCode::NotFound);
}

#[tokio::test]
async fn only_what_the_mesh_cannot_do_is_done_by_hand() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Rectify, Right::Restrict]).await;
    let file = decided(&service, &key, &file).await;
    assert_eq!((file.request.state(), file.waits_for()), (State::Executing, "by-hand"));
    let plan = file.request.plan().unwrap().name.clone();
    let filed = Code::new("ticket-17").unwrap();
    let by_hand: BTreeSet<_> = file.unsettled().map(|(key, _)| key.clone()).collect();
    let settled: BTreeSet<_> =
        file.request.items().keys().filter(|key| key.as_str().starts_with("restrict/")).cloned().collect();
    let refused = service.done_by_hand(&key, &actor("anna"), &plan, settled, filed.clone()).await;
    assert_eq!(word(&refused.unwrap_err()), "not-by-hand");
    service.done_by_hand(&key, &actor("anna"), &plan, by_hand, filed).await.unwrap();
    let file = service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
}

/// The other party of a call, who works there.
fn agent_of(bench: &Bench, id: RecordingId) -> SubjectId {
    let state = bench.mesh.state();
    let facts = state.recordings.iter().find(|facts| facts.recording_id == id.to_bytes()).unwrap();
    let agent = facts.parties.iter().find(|party| party.role() == PartyRole::Agent).unwrap();
    SubjectId::from_slice(&agent.subject_id).unwrap()
}

/// An agent's own leg goes by itself for no purpose, where a duty keeps it for another.
#[tokio::test]
async fn what_is_said_to_be_erased_or_restricted_by_hand_is_looked_at() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let agent = agent_of(&bench, id);
    assert_ne!(agent, customer);
    let service = bench.service();
    let (key, file) = planned(&service, agent, &[Right::Erase, Right::Restrict]).await;
    let file = decided(&service, &key, &file).await;
    assert_eq!((file.request.state(), file.waits_for()), (State::Executing, "by-hand"));
    let plan = file.request.plan().unwrap().name.clone();
    let left: BTreeSet<_> = file.unsettled().map(|(key, _)| key.clone()).collect();
    let done = async || {
        let filed = Code::new("ticket-1").unwrap();
        service.done_by_hand(&key, &actor("anna"), &plan, left.clone(), filed).await
    };
    assert_eq!(word(&done().await.unwrap_err()), "still-opens");
    bench.mesh.state().opens.insert(id, [(LegNo(1), purpose("mifid2-transaction"))].into());
    assert_eq!(word(&done().await.unwrap_err()), "not-restricted");
    let restriction = Hold { kind: HoldKind::Restriction.into(), ..Hold::default() };
    bench.mesh.state().kept.get_mut(&id).unwrap().holds.push(restriction);
    done().await.unwrap();
    assert_eq!(service.execute(&key).await.unwrap().request.state(), State::Responding);
}

#[tokio::test]
async fn what_was_erased_by_hand_and_opens_again_is_no_answer() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let agent = agent_of(&bench, id);
    let service = bench.service();
    let (key, file) = planned(&service, agent, &[Right::Erase]).await;
    let file = decided(&service, &key, &file).await;
    let plan = file.request.plan().unwrap().name.clone();
    let left: BTreeSet<_> = file.unsettled().map(|(key, _)| key.clone()).collect();
    let opened = bench.mesh.state().opens.insert(id, BTreeSet::new()).unwrap();
    let restriction = Hold { kind: HoldKind::Restriction.into(), ..Hold::default() };
    bench.mesh.state().kept.get_mut(&id).unwrap().holds.push(restriction);
    let filed = Code::new("ticket-1").unwrap();
    service.done_by_hand(&key, &actor("anna"), &plan, left, filed).await.unwrap();
    bench.mesh.state().opens.insert(id, opened);
    let file = service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Executing, "the probe has found it");
}

/// So is a letter delivered, and a restriction lifted.
#[tokio::test]
async fn what_is_done_on_a_request_as_it_was_read_is_not_done_once_that_has_gone_on() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, read) = planned(&service, customer, &[Right::Access]).await;
    let (anna, nothing) = (actor("anna"), Arc::default());
    let taken_back = Act::TakenBack;
    let plan = all(&read.request.plan().unwrap().name);
    let gone_on = service.decide(&key, &anna, plan, false).await.unwrap();
    assert_eq!(service.take_on(&read, &key, &anna, &taken_back, &nothing).await.unwrap(), None);
    assert_eq!(service.file(&key).await.unwrap(), gone_on, "nothing was written");
    let next = service.take_on(&gone_on, &key, &anna, &taken_back, &nothing).await.unwrap().unwrap();
    assert!(next.request.is_taken_back());
}

#[tokio::test]
async fn the_same_request_as_of_another_day_is_another_one() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let new = asked(customer, &[Right::Access]);
    let at = service.now();
    bench.pass(DAY);
    let on = |received_at| NewRequest { received_at, ..new.clone() };
    let open = async |received_at| service.open(&tenant(), &actor("anna"), on(received_at)).await;
    open(Some(at)).await.unwrap();
    open(Some(at)).await.unwrap();
    let undated = open(None).await.unwrap();
    assert_eq!(undated.received.received_at, at, "where nobody says when, it is the one that stands");
    let earlier = Timestamp(at.0 - 1);
    assert_eq!(word(&open(Some(earlier)).await.unwrap_err()), "other-request");
}

#[tokio::test]
async fn what_a_person_states_is_attached_to_the_call_before_that_is_done() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let (_, other) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Rectify]).await;
    let plan = file.request.plan().unwrap().name.clone();
    let filed = |text: &str| Code::new(text).unwrap();
    let all: BTreeSet<_> = file.items.keys().cloned().collect();
    let (facts, legs): (BTreeSet<_>, BTreeSet<_>) =
        all.iter().cloned().partition(|item| matches!(file.items[item].artefact, Artefact::Metadata(_)));
    assert!(!facts.is_empty() && legs.len() > 1);
    // Before it was decided nothing is attached, whoever says that it was done.
    let early = service.done_by_hand(&key, &actor("anna"), &plan, legs.clone(), filed("statement-7")).await;
    assert!(matches!(early, Err(Error::Lifecycle(_))), "{early:?}");
    assert!(bench.mesh.state().statements.is_empty());

    decided(&service, &key, &file).await;
    let done = async |items: &BTreeSet<ItemKey>, text: &str| {
        service.done_by_hand(&key, &actor("anna"), &plan, items.clone(), filed(text)).await
    };
    let corrected = done(&facts, "ticket-17").await.unwrap();
    assert!(bench.mesh.state().statements.is_empty(), "what was put right is no statement");
    bench.mesh.fail("annotate");
    let away = done(&legs, "statement-7").await.unwrap_err();
    assert_eq!(away.code(), kernel::ErrorCode::Unavailable);
    bench.mesh.state().closed.insert(id, "erased");
    assert_eq!(word(&done(&legs, "statement-7").await.unwrap_err()), "erased");
    let stands = service.file(&key).await.unwrap();
    assert_eq!(
        (stands.version, stands.waits_for()),
        (corrected.version, "by-hand"),
        "what was refused is open"
    );

    bench.mesh.state().closed.clear();
    // As if it had broken off before the act was written.
    bench.mesh.annotate(&tenant(), id, key.id, &filed("statement-7")).await.unwrap();
    assert_eq!(word(&done(&legs, "statement-8").await.unwrap_err()), "other-statement");
    let file = done(&legs, "statement-7").await.unwrap();
    assert_eq!(file.unsettled().count(), 0);
    assert_eq!(
        bench.mesh.state().statements,
        [(id, key.id, filed("statement-7"))],
        "once, and not to {other}"
    );
    assert_eq!(service.execute(&key).await.unwrap().request.state(), State::Responding);
}

#[tokio::test]
async fn nothing_is_attached_to_the_call_of_somebody_else() {
    let bench = Bench::new().await;
    let ((one, _), (other, theirs)) = (with_a_call(&bench), with_a_call(&bench));
    bench.mesh.state().merged.insert(one, vec![other]);
    let service = bench.service();
    let (key, file) = planned(&service, one, &[Right::Rectify]).await;
    let plan = file.request.plan().unwrap().name.clone();
    let file = decided(&service, &key, &file).await;
    let of_theirs = |(key, item): (&ItemKey, &PlanItem)| match item.artefact {
        Artefact::Leg(recording, _) if recording == theirs => Some(key.clone()),
        _ => None,
    };
    let items: BTreeSet<_> = file.unsettled().filter_map(of_theirs).collect();
    assert!(!items.is_empty());
    bench.mesh.state().merged.clear();
    let filed = Code::new("statement-7").unwrap();
    let refused = service.done_by_hand(&key, &actor("anna"), &plan, items, filed).await.unwrap_err();
    assert_eq!(word(&refused), "not-theirs");
    assert!(bench.mesh.state().statements.is_empty());
}

#[tokio::test]
async fn of_acts_at_once_each_is_taken_in_some_order() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let new = asked(customer, &[Right::Access]);
    let key = RequestKey { tenant: tenant(), id: new.id };
    service.open(&tenant(), &actor("anna"), new).await.unwrap();
    let proofs = [Proof::OneTimeCode, Proof::CallKnowledge, Proof::Session, Proof::Human];
    let anna = actor("anna");
    let acts = proofs.map(|proof| service.act(&key, &anna, Act::Proved(proof)));
    for acted in futures::future::join_all(acts).await {
        acted.unwrap();
    }
    let file = service.file(&key).await.unwrap();
    assert_eq!((file.version, file.request.identity().proofs().len()), (6, 4));
}

#[tokio::test]
async fn who_takes_a_request_back_gets_no_copy_that_nobody_approved() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Access]).await;
    let plan = file.request.plan().unwrap().name.clone();
    service.decide(&key, &actor("anna"), all(&plan), true).await.unwrap();
    service.act(&key, &actor("anna"), Act::TakenBack).await.unwrap();
    let refused = service.hand_out(&key, crate::testing::token(), "request".to_owned()).await;
    assert_eq!(word(&refused.err().unwrap()), "taken-back");
    let letter = service.letter(&key, None).await.unwrap();
    service.deliver(&key, &actor("anna"), letter.hash).await.unwrap();
    let refused = service.hand_out(&key, crate::testing::token(), "request".to_owned()).await;
    assert!(["closed", "taken-back"].contains(&word(&refused.err().unwrap()).as_str()));
}

#[tokio::test]
async fn a_call_whose_clock_is_ahead_is_heard_now() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let ahead = service.now().plus(DAY).0;
    bench.mesh.state().recordings.iter_mut().for_each(|facts| facts.started_at = ahead);
    let new = NewRequest { said_in: Some((id, None)), ..asked(customer, &[Right::Access]) };
    let file = service.open(&tenant(), &actor("anna"), new).await.unwrap();
    assert_eq!(file.received.received_at, service.now());
}

#[tokio::test]
async fn who_is_one_person_asks_for_all_of_their_calls_and_who_is_not_any_more_gets_none_of_another_s() {
    let bench = Bench::new().await;
    let ((one, first), (other, second)) = (with_a_call(&bench), with_a_call(&bench));
    bench.consents(other, "quality");
    bench.mesh.state().merged.insert(one, vec![other]);
    let service = bench.service();
    let (key, file) = planned(&service, one, &[Right::Access, Right::Withdraw]).await;
    assert_eq!(bench.mesh.state().withdrawals[0].subject, other, "theirs is taken back, too");
    let held = &bench.mesh.state().restrictions[0].0.on.clone();
    assert_eq!(*held, crate::mesh::On::Subjects([one, other].into()));
    let of = |id| file.items.values().filter(|item| item.artefact.recording() == Some(id)).count();
    assert!(of(first) > 0 && of(first) == of(second));
    decided(&service, &key, &file).await;

    bench.mesh.state().merged.clear();
    let again = service.plan(&key, &actor("anna"), false).await.unwrap();
    assert!(again.plan.items.iter().all(|item| item.artefact.recording() != Some(second)));
}
