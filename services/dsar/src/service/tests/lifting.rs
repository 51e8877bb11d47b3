//! What a request has restricted ends when the person was told so, and what they need no more when they say so.

use std::collections::BTreeSet;

use kernel::{Basis, HoldId, LegNo, RecordingId, ServiceError, SubjectId, Timestamp};
use policy::code::Code;
use policy::request::{Ground, ItemKey, ItemState, State};
use policy::rights::{HoldState, Right};
use proto::retention::v1::{HoldKind, HoldSelector};

use super::word;
use crate::act::{Act, Decided, Found, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::mesh::{Erased, On, RestrictionKind};
use crate::service::Service;
use crate::testing::{Bench, actor, hold, purpose, recording};
use crate::working::tests::restricting::on;
use crate::working::tests::{decided, planned, with_a_call};

/// A request whose restriction stands.
async fn restricted(service: &Service, customer: SubjectId) -> (RequestKey, File) {
    let (key, file) = planned(service, customer, &[Right::Restrict]).await;
    let file = on(service, &key, &file, Some(Ground::Claims)).await;
    assert_eq!(file.request.state(), State::Responding);
    (key, file)
}

async fn answered(service: &Service, key: &RequestKey) -> File {
    let letter = service.letter(key, None).await.unwrap();
    service.deliver(key, &actor("anna"), letter.hash).await.unwrap()
}

#[tokio::test]
async fn a_restriction_is_lifted_from_a_closed_request_once_and_only_after_its_notice() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = restricted(&service, customer).await;
    let hold = *file.restrictions.first().unwrap();
    let closed = answered(&service, &key).await;
    let lift = async |notice| service.lift(&key, &actor("anna"), notice).await;
    for notice in [Timestamp(service.now().0 + 1), Timestamp(file.received.received_at.0 - 1)] {
        let refused = lift(notice).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { what: "notice_delivered_at", .. }), "{refused:?}");
    }
    assert!(!bench.mesh.state().released.contains(&hold));
    assert_eq!(service.file(&key).await.unwrap(), closed, "nothing has changed");

    let notice = service.now();
    let lifted = lift(notice).await.unwrap();
    assert!(bench.mesh.state().released.contains(&hold));
    assert_eq!((lifted.request.state(), lifted.lifted), (State::Closed, Some(service.now())));
    assert_eq!(service.file(&key).await.unwrap(), lifted, "its acts are all that a request is");
    assert_eq!(lift(notice).await.unwrap(), lifted, "the same again changes nothing");
    bench.pass(crate::testing::DAY);
    assert_eq!(word(&lift(service.now()).await.unwrap_err()), "already-lifted");
    let twice = service.act(&key, &actor("bruno"), Act::Lifted { notice_delivered_at: notice }).await;
    assert_eq!(word(&twice.unwrap_err()), "already-lifted", "nor by two at once");
    assert_eq!(service.carry_on_all().await.unwrap().open, 0, "it is not open again");
}

#[tokio::test]
async fn what_has_restricted_nothing_or_is_still_restricting_is_not_lifted() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = planned(&service, customer, &[Right::Access]).await;
    let refused = service.lift(&key, &actor("anna"), service.now()).await.unwrap_err();
    assert_eq!(word(&refused), "nothing-restricted");

    let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
    service.act(&key, &actor("anna"), Act::Restricted([HoldId::new()].into())).await.unwrap();
    let plan = file.request.plan().unwrap().name.clone();
    let all = Decided { plan, items: BTreeSet::new(), found: Found::default(), left: None };
    service.decide(&key, &actor("anna"), all, false).await.unwrap();
    let refused = service.lift(&key, &actor("anna"), service.now()).await.unwrap_err();
    assert_eq!(word(&refused), "still-restricting");
}

#[tokio::test]
async fn a_lifting_that_breaks_off_is_not_called_done_and_is_done_by_the_next() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = restricted(&service, customer).await;
    answered(&service, &key).await;
    bench.mesh.fail("release");
    let away = service.lift(&key, &actor("anna"), service.now()).await.unwrap_err();
    assert_eq!(away.code(), kernel::ErrorCode::Unavailable);
    assert_eq!(service.file(&key).await.unwrap().lifted, None);
    assert!(service.lift(&key, &actor("anna"), service.now()).await.unwrap().lifted.is_some());
}

#[tokio::test]
async fn what_is_restricted_after_a_lifting_is_lifted_by_another_notice() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, _) = restricted(&service, customer).await;
    service.lift(&key, &actor("anna"), service.now()).await.unwrap();
    let anew = HoldId::new();
    let file = service.act(&key, &actor("anna"), Act::Restricted([anew].into())).await.unwrap();
    assert_eq!((file.lifted, file.is_lift_told), (None, false));
    bench.pass(crate::testing::DAY);
    service.lift(&key, &actor("anna"), service.now()).await.unwrap();
    assert!(bench.mesh.state().released.contains(&anew));
}

/// A further call of a customer, on a duty and on consent.
fn call_of(bench: &Bench, customer: SubjectId) -> RecordingId {
    let id = RecordingId::new();
    let purposes = [("mifid2-transaction", Basis::LegalObligation), ("quality", Basis::Consent)];
    bench.keep(recording(id, customer, SubjectId::new(), &purposes));
    id
}

/// Retention has the hold that a request has placed, and tells of it with these calls.
fn stands(bench: &Bench, id: HoldId, over: &[RecordingId]) {
    let recording_ids = over.iter().map(|id| id.to_bytes().to_vec()).collect();
    let selector = Some(HoldSelector { recording_ids, ..Default::default() });
    let placed = proto::retention::v1::Hold { selector, ..hold(id, HoldKind::Subject, &[]) };
    let mut state = bench.mesh.state();
    for recording in over {
        state.kept.get_mut(recording).unwrap().holds.push(placed.clone());
    }
}

/// What retention does once it is asked to.
fn goes(bench: &Bench, id: RecordingId) {
    let mut state = bench.mesh.state();
    state.outcomes.insert(id, Erased::Kept);
    state.opens.insert(id, [0, 1].map(|leg| (LegNo(leg), purpose("mifid2-transaction"))).into());
}

fn pending(file: &File, of: RecordingId) -> BTreeSet<ItemKey> {
    let own = file.items.iter().filter(|(_, item)| item.artefact.recording() == Some(of));
    let own = own.filter(|(_, item)| item.question.hold == HoldState::Subject18c);
    own.map(|(key, _)| key.clone()).collect()
}

#[tokio::test]
async fn what_the_person_needs_no_more_is_let_go_before_it_is_erased() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (_, earlier) = restricted(&service, customer).await;
    let held = *earlier.restrictions.first().unwrap();
    stands(&bench, held, &[id]);
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let keepers: BTreeSet<_> = pending(&file, id).iter().map(|key| file.items[key].held_by()).collect();
    assert_eq!(keepers, [Some(held)].into(), "they are asked which of the two they want");
    goes(&bench, id);
    let plan = file.request.plan().unwrap().name.clone();
    let found = Found { own_hold_waived: true, ..Found::default() };
    let waived = Decided { plan: plan.clone(), items: pending(&file, id), found, left: None };
    service.decide(&key, &actor("anna"), waived, false).await.unwrap();
    let file = decided(&service, &key, &file).await;
    assert_eq!(file.request.state(), State::Responding);
    let state = bench.mesh.state();
    assert!(state.released.contains(&held));
    assert_eq!(state.erasures.len(), 1);
    let kinds = state.restrictions.iter().filter(|(one, _)| one.kind == RestrictionKind::NeededByPerson);
    assert_eq!(kinds.count(), 1, "it kept nothing else");
}

#[tokio::test]
async fn what_they_still_need_of_the_same_hold_is_kept_on_and_can_be_lifted() {
    let bench = Bench::new().await;
    let (customer, first) = with_a_call(&bench);
    let second = call_of(&bench, customer);
    let service = bench.service();
    let (before, earlier) = restricted(&service, customer).await;
    let held = *earlier.restrictions.first().unwrap();
    answered(&service, &before).await;
    stands(&bench, held, &[first, second]);
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    goes(&bench, first);
    let plan = file.request.plan().unwrap().name.clone();
    let found = Found { own_hold_waived: true, ..Found::default() };
    let waived = Decided { plan: plan.clone(), items: pending(&file, first), found, left: None };
    service.decide(&key, &actor("anna"), waived, false).await.unwrap();
    let (items, left) = (pending(&file, second), Some(Code::new("asked-7").unwrap()));
    let left = Decided { plan, items: items.clone(), found: Found::default(), left };
    service.decide(&key, &actor("anna"), left, false).await.unwrap();
    // A turn that breaks off once that is done is done again.
    bench.mesh.fail("erase");
    decided(&service, &key, &file).await;
    let file = service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
    assert!(items.iter().all(|key| file.request.items()[key].state() == ItemState::Done), "it is told");

    let kept_on = {
        let state = bench.mesh.state();
        assert!(state.released.contains(&held));
        assert_eq!(state.erasures.iter().map(|one| one.recording).collect::<Vec<_>>(), [first]);
        let theirs = state.restrictions.iter().filter(|(one, _)| one.kind == RestrictionKind::NeededByPerson);
        let others: Vec<_> = theirs.map(|(one, _)| one).filter(|one| one.id != held).collect();
        assert_eq!(others.len(), 1, "once, however often it was tried");
        assert_eq!(
            (&others[0].on, others[0].reason.as_str()),
            (&On::Recordings([second].into()), "art-18-1-c")
        );
        others[0].id
    };
    let earlier = service.file(&before).await.unwrap();
    assert_eq!(earlier.restrictions, [held, kept_on].into());
    service.lift(&before, &actor("anna"), service.now()).await.unwrap();
    assert!(bench.mesh.state().released.contains(&kept_on));
}
