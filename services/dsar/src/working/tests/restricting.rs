//! Restrictions by their grounds: what each places, once, and that the request has it before anything is called done.

use std::collections::BTreeSet;
use std::pin::pin;

use kernel::{HoldId, PurposeName};
use policy::request::{Ground, State};
use policy::rights::Right;

use super::crashes::Dying;
use super::{MIFID, QUALITY, planned, with_a_call};
use crate::act::{Act, Decided, Found, RequestKey};
use crate::file::File;
use crate::mesh::{On, Restriction, RestrictionKind};
use crate::service::Service;
use crate::testing::{Bench, actor, purpose};

/// Everything is restricted on one ground.
pub(crate) async fn on(service: &Service, key: &RequestKey, file: &File, ground: Option<Ground>) -> File {
    let plan = file.request.plan().unwrap().name.clone();
    let items = file.items.keys().cloned().collect();
    let found = Found { ground, ..Found::default() };
    service.decide(key, &actor("anna"), Decided { plan, items, found, left: None }, true).await.unwrap()
}

/// What was placed beside the request's own hold.
fn placed(bench: &Bench) -> Vec<Restriction> {
    let state = bench.mesh.state();
    let all = state.restrictions.iter().map(|(restriction, _)| restriction.clone());
    all.filter(|restriction| restriction.kind != RestrictionKind::OpenRequest).collect()
}

/// The purposes that one names.
fn stored_only(restriction: &Restriction) -> BTreeSet<PurposeName> {
    match &restriction.kind {
        RestrictionKind::StorageOnly(purposes) => purposes.clone(),
        other => panic!("{other:?}"),
    }
}

fn ids(placed: &[Restriction]) -> BTreeSet<HoldId> {
    placed.iter().map(|restriction| restriction.id).collect()
}

#[tokio::test]
async fn each_ground_has_its_reason_and_a_claim_keeps_too() {
    let storage_only = || RestrictionKind::StorageOnly([MIFID, QUALITY].map(purpose).into());
    for (ground, kind, reason) in [
        (Some(Ground::Accuracy), storage_only(), "art-18-1-a"),
        (Some(Ground::Unlawful), storage_only(), "art-18-1-b"),
        (Some(Ground::Claims), RestrictionKind::NeededByPerson, "art-18-1-c"),
        (Some(Ground::Objection), storage_only(), "art-18-1-d"),
        (None, storage_only(), "art-18"),
    ] {
        let bench = Bench::new().await;
        let (customer, id) = with_a_call(&bench);
        let service = bench.service();
        let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
        let file = on(&service, &key, &file, ground).await;
        assert_eq!(file.request.state(), State::Responding, "{reason}");
        let placed = placed(&bench);
        let [one] = placed.as_slice() else { panic!("{placed:?}") };
        assert_eq!((&one.kind, one.reason.as_str()), (&kind, reason));
        assert_eq!(one.on, On::Recordings([id].into()));
        assert_eq!(file.restrictions, ids(&placed), "{reason}");
        assert_eq!(service.file(&key).await.unwrap(), file);
    }
}

#[tokio::test]
async fn two_grounds_in_one_call_are_two_restrictions_and_written_down_before_it_is_done() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
    let plan = file.request.plan().unwrap().name.clone();
    let contested = file.items.keys().filter(|key| key.as_str().ends_with(QUALITY)).cloned().collect();
    let found = Found { ground: Some(Ground::Accuracy), ..Found::default() };
    let some = Decided { plan, items: contested, found, left: None };
    service.decide(&key, &actor("anna"), some, false).await.unwrap();
    let file = super::decided(&service, &key, &file).await;
    let placed = placed(&bench);
    let told: BTreeSet<_> = placed.iter().map(|one| (one.reason.as_str(), stored_only(one))).collect();
    let expected: [(&str, BTreeSet<PurposeName>); 2] =
        [("art-18", [purpose(MIFID)].into()), ("art-18-1-a", [purpose(QUALITY)].into())];
    assert_eq!(told, BTreeSet::from(expected));
    assert_eq!(ids(&placed).len(), 2);
    assert_eq!(file.restrictions, ids(&placed));
    let history = service.history(&key).await.unwrap();
    let place = |is_it: fn(&Act) -> bool| history.iter().position(|record| is_it(&record.act)).unwrap();
    let named = place(|act| matches!(act, Act::Restricted(_)));
    assert!(named < place(|act| matches!(act, Act::ItemsDone { .. })));
}

#[tokio::test]
async fn what_cannot_be_placed_is_placed_with_the_next_turn_and_not_called_done() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
    bench.mesh.fail("restrict");
    let file = on(&service, &key, &file, Some(Ground::Claims)).await;
    assert_eq!((file.request.state(), file.restrictions.len()), (State::Executing, 0));
    let file = service.execute(&key).await.unwrap();
    assert_eq!((file.request.state(), file.restrictions.len()), (State::Responding, 1));
}

#[tokio::test]
async fn wherever_a_process_dies_the_same_restriction_stands_and_is_written_down() {
    for polls in 1.. {
        let bench = Bench::new().await;
        let (customer, _) = with_a_call(&bench);
        let service = bench.service();
        let (key, file) = planned(&service, customer, &[Right::Restrict]).await;
        let ended = {
            let future = pin!(on(&service, &key, &file, Some(Ground::Claims)));
            Dying { future, polls }.await.is_some()
        };
        drop(service);
        let service = bench.service();
        let stands = service.file(&key).await.unwrap();
        if stands.request.state() == State::Deciding {
            on(&service, &key, &file, Some(Ground::Claims)).await;
        }
        let file = service.execute(&key).await.unwrap();
        let case = format!("after {polls} polls");
        assert_eq!(file.request.state(), State::Responding, "{case}");
        let placed = placed(&bench);
        assert_eq!(placed.len(), 1, "{case}: one restriction, however often it was asked for");
        assert_eq!(file.restrictions, ids(&placed), "{case}");
        if ended {
            assert!(polls > 5, "a store is awaited: {polls}");
            break;
        }
    }
}

#[tokio::test]
async fn what_waits_for_its_erasure_is_restricted_for_that_reason_and_is_nothing_to_lift() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    super::erases(&bench, id, crate::mesh::Erased::Kept);
    let file = super::decided(&service, &key, &file).await;
    let placed = placed(&bench);
    let reasons: Vec<_> = placed.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!((reasons.as_slice(), file.restrictions.len()), (&["art-17-3"][..], 0));
}
