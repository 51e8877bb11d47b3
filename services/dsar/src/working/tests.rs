//! Requests that are carried out: each thing once, in its order, wherever a process dies.

mod crashes;
pub(crate) mod restricting;
mod strangers;

use std::collections::BTreeSet;

use kernel::{Basis, HoldId, LegNo, RecordingId, SubjectId};
use policy::request::{Ending, ItemState, Proof, State};
use policy::rights::{Outcome, Right};

use crate::act::{Act, Decided, Found, RequestKey};
use crate::file::File;
use crate::mesh::{Erased, RestrictionKind};
use crate::service::{NewRequest, Service, Who};
use crate::testing::{Bench, actor, asked, purpose, recording, tenant};

const MIFID: &str = "mifid2-transaction";
const QUALITY: &str = "quality";

/// A customer with a call on a duty and on consent.
pub(crate) fn with_a_call(bench: &Bench) -> (SubjectId, RecordingId) {
    let (customer, id) = (SubjectId::new(), RecordingId::new());
    let purposes = [(MIFID, Basis::LegalObligation), (QUALITY, Basis::Consent)];
    bench.keep(recording(id, customer, SubjectId::new(), &purposes));
    let opens = [MIFID, QUALITY].into_iter().flat_map(|name| [0, 1].map(|leg| (LegNo(leg), purpose(name))));
    bench.mesh.state().opens.insert(id, opens.collect());
    (customer, id)
}

/// What retention does once it is asked to: the purposes of the call but the duty's open no more.
pub(crate) fn erases(bench: &Bench, id: RecordingId, outcome: Erased) {
    let mut state = bench.mesh.state();
    state.outcomes.insert(id, outcome);
    state.opens.insert(id, [0, 1].map(|leg| (LegNo(leg), purpose(MIFID))).into());
}

/// A request that is identified and planned.
pub(crate) async fn planned(service: &Service, subject: SubjectId, rights: &[Right]) -> (RequestKey, File) {
    let new = asked(subject, rights);
    let key = RequestKey { tenant: tenant(), id: new.id };
    service.open(&tenant(), &actor("anna"), new).await.unwrap();
    service.act(&key, &actor("anna"), Act::Proved(Proof::Human)).await.unwrap();
    service.act(&key, &actor("anna"), Act::Verified).await.unwrap();
    let planned = service.plan(&key, &actor("anna"), true).await.unwrap();
    (key, planned.file)
}

pub(crate) async fn decided(service: &Service, key: &RequestKey, file: &File) -> File {
    let plan = file.request.plan().unwrap().name.clone();
    let all = Decided { plan: plan.clone(), items: BTreeSet::new(), found: Found::default(), left: None };
    let file = service.decide(key, &actor("anna"), all, true).await.unwrap();
    if file.request.state() != State::AwaitingApproval {
        return file;
    }
    service.approve(key, &actor("bruno"), plan, false).await.unwrap()
}

fn outcomes(file: &File, right: Right) -> BTreeSet<Outcome> {
    let own = file.request.items().values().filter(|item| item.right() == right);
    own.filter_map(|item| item.decision().map(|decision| decision.verdict.outcome())).collect()
}

#[tokio::test]
async fn an_erasure_takes_what_may_go_and_restricts_what_a_duty_keeps() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let hold = file.hold.unwrap();
    assert_eq!(bench.mesh.state().restrictions[0].0.kind, RestrictionKind::OpenRequest);
    erases(&bench, id, Erased::Kept);

    let file = decided(&service, &key, &file).await;
    assert!(outcomes(&file, Right::Erase).is_superset(&[Outcome::Erase, Outcome::DeferRestrict].into()));
    assert_eq!((file.request.state(), file.waits_for()), (State::Responding, "delivery"));
    {
        let state = bench.mesh.state();
        assert!(state.released.contains(&hold), "what the request held would forbid its own erasure");
        let order = state.erasures.last().unwrap();
        assert_eq!((order.recording, &order.leg), (id, &None));
        assert_eq!(order.purposes, [MIFID, QUALITY].map(purpose).into());
        let storage_only = RestrictionKind::StorageOnly([purpose(MIFID)].into());
        assert_eq!(state.restrictions.last().unwrap().0.kind, storage_only);
    }
    let letter = service.letter(&key, None).await.unwrap();
    let closed = service.deliver(&key, &actor("anna"), letter.hash).await.unwrap();
    assert_eq!(closed.request.ended(), Some(Ending::Partial));
    assert_eq!(service.file(&key).await.unwrap(), closed, "its acts are all that a request is");
    assert_eq!(closed.waits_for(), "");
}

#[tokio::test]
async fn a_hold_that_came_meanwhile_defers_and_is_told() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let hold = HoldId::new();
    bench.mesh.state().outcomes.insert(id, Erased::Deferred(hold));
    let file = decided(&service, &key, &file).await;
    let deferred = file.request.items().values().filter(|item| item.state() == ItemState::Deferred);
    let holds: BTreeSet<_> = deferred.filter_map(|item| item.hold().map(ToString::to_string)).collect();
    assert_eq!(holds, [format!("hold:{hold}")].into());
    assert_eq!(file.request.state(), State::Responding);
}

#[tokio::test]
async fn what_one_hold_stops_is_one_act_however_many_calls_it_is() {
    let bench = Bench::new().await;
    let (customer, first) = with_a_call(&bench);
    let second = RecordingId::new();
    bench.keep(recording(second, customer, SubjectId::new(), &[(QUALITY, Basis::Consent)]));
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let hold = HoldId::new();
    for id in [first, second] {
        bench.mesh.state().outcomes.insert(id, Erased::Deferred(hold));
    }
    decided(&service, &key, &file).await;
    let history = service.history(&key).await.unwrap();
    let deferred = history.iter().filter(|record| matches!(record.act, Act::ItemsDeferred { .. }));
    assert_eq!(deferred.count(), 1);
}

#[tokio::test]
async fn what_still_opens_is_never_called_erased() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    // Retention says so, and everything opens still.
    bench.mesh.state().outcomes.insert(id, Erased::Kept);
    let file = decided(&service, &key, &file).await;
    assert_eq!(file.request.state(), State::Executing);
    assert!(file.request.failures() > 0);
    let letter = service.letter(&key, None).await.unwrap();
    let refused = service.deliver(&key, &actor("anna"), letter.hash).await;
    assert!(refused.is_err(), "it is not answered before it is done");
    erases(&bench, id, Erased::Kept);
    let file = service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
}

#[tokio::test]
async fn a_copy_is_handed_out_before_anything_is_erased() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Access, Right::Erase]).await;
    erases(&bench, id, Erased::Kept);
    let file = decided(&service, &key, &file).await;
    assert_eq!((file.request.state(), file.waits_for()), (State::Executing, "hand-out"));
    assert!(bench.mesh.state().erasures.is_empty(), "the copy comes first");
    let grants: Vec<_> = file.unsettled().map(|(key, _)| key.clone()).collect();
    let own = |right: &str| grants.iter().filter(|key| key.as_str().starts_with(right)).cloned().collect();
    let handed = Act::ItemsDone { items: own("access/"), filed: None };
    service.act(&key, &actor("anna"), handed).await.unwrap();
    let file = service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
    assert_eq!(bench.mesh.state().erasures.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_takes_effect_at_its_receipt_and_once_however_it_goes_on() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    bench.consents(customer, QUALITY);
    let service = bench.service();
    let new = asked(customer, &[Right::Withdraw]);
    let key = RequestKey { tenant: tenant(), id: new.id };
    bench.mesh.fail("withdraw");
    service.open(&tenant(), &actor("anna"), new.clone()).await.unwrap_err();
    let file = service.open(&tenant(), &actor("anna"), new).await.unwrap();
    assert_eq!(file.hold, None, "a withdrawal keeps nothing");
    assert_eq!(file.withdrawn, Some([purpose(QUALITY)].into()), "before anybody has shown anything");
    assert_eq!(bench.mesh.state().withdrawals.len(), 1);

    service.act(&key, &actor("anna"), Act::Verified).await.unwrap();
    let planned = service.plan(&key, &actor("anna"), true).await.unwrap();
    assert_eq!(planned.plan.items.len(), 1, "what was taken back is told");
    let file = decided(&service, &key, &planned.file).await;
    assert_eq!(file.request.state(), State::Responding);
    let state = bench.mesh.state();
    assert_eq!((state.withdrawals.len(), state.withdrawals[0].at), (1, file.received.received_at));
}

#[tokio::test]
async fn a_restriction_stands_without_a_copy_or_an_erasure() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
    let file = decided(&service, &key, &file).await;
    assert_eq!(file.request.state(), State::Responding);
    let state = bench.mesh.state();
    let storage_only = RestrictionKind::StorageOnly([MIFID, QUALITY].map(purpose).into());
    assert_eq!(state.restrictions.last().unwrap().0.kind, storage_only);
    assert_eq!(state.restrictions.last().unwrap().0.on, crate::mesh::On::Recordings([id].into()));
    assert!(state.erasures.is_empty());
}

#[tokio::test]
async fn a_request_is_held_once_its_hold_can_be_placed() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    bench.mesh.fail("restrict");
    let new: NewRequest = asked(customer, &[Right::Access]);
    let key = RequestKey { tenant: tenant(), id: new.id };
    let file = service.open(&tenant(), &actor("anna"), new.clone()).await.unwrap();
    assert_eq!(file.request.state(), State::Received, "it was received all the same");
    let standing = service.carry_on_all().await.unwrap();
    assert_eq!((standing.open, standing.overdue), (1, 0));
    assert_eq!(service.file(&key).await.unwrap().request.state(), State::Identifying);
    // The same again has no second effect, another content is refused.
    service.open(&tenant(), &actor("anna"), new.clone()).await.unwrap();
    assert_eq!(service.history(&key).await.unwrap().len(), 2);
    let other = NewRequest { who: Who::Subject(SubjectId::new()), ..new };
    assert!(service.open(&tenant(), &actor("anna"), other).await.is_err());
}

#[tokio::test]
async fn silence_closes_nothing_and_a_request_that_is_late_is_told() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = planned(&service, customer, &[Right::Access]).await;
    bench.pass(crate::testing::DAY * 60);
    let standing = service.carry_on_all().await.unwrap();
    assert_eq!((standing.open, standing.overdue), (1, 1));
    assert_eq!(service.file(&key).await.unwrap().request.state(), State::Deciding);
}

#[tokio::test]
async fn who_is_not_the_same_person_any_more_loses_nothing_by_another_s_request() {
    let bench = Bench::new().await;
    let ((one, first), (other, second)) = (with_a_call(&bench), with_a_call(&bench));
    bench.mesh.state().merged.insert(one, vec![other]);
    let service = bench.service();
    let (key, file) = planned(&service, one, &[Right::Erase]).await;
    erases(&bench, first, Erased::Kept);
    erases(&bench, second, Erased::Kept);
    bench.mesh.state().merged.clear();
    let file = decided(&service, &key, &file).await;
    assert_eq!(file.request.state(), State::Responding, "the rest goes on");
    let ordered: Vec<_> = bench.mesh.state().erasures.iter().map(|order| order.recording).collect();
    assert_eq!(ordered, [first]);
    let of_theirs = file.items.iter().filter(|(_, item)| item.artefact.recording() == Some(second));
    let of_theirs: BTreeSet<_> = of_theirs.map(|(key, _)| key.clone()).collect();
    assert!(!of_theirs.is_empty());
    assert_eq!((&file.strange, file.to_assess.len()), (&of_theirs, 0), "nothing of it was given or erased");
    assert_eq!(service.carry_on_all().await.unwrap().failing, 0);
    assert_eq!(service.file(&key).await.unwrap(), file, "its acts are all that a request is");
}
