//! Restrictions: on which ground, until when, and how they end (GDPR Art. 18).

use kernel::Timestamp;
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_client::RequestsClient;
use proto::retention::v1::HoldKind;
use tonic::{Code, Status};
use verbale::commands::request::{get, steps};
use verbale::commands::retention;
use verbale::connect::Caller;

use crate::harness::asking::{Desk, outcomes, request_id};
use crate::harness::keeping::{customer, explained, must_be_gone};
use crate::harness::{
    Expected, PATIENCE, Sample, World, hear, in_one_process, on_every_shape, purpose, reason,
};

on_every_shape!(a_restriction_is_lifted_once_the_person_was_told_and_never_before);
in_one_process!(what_a_person_needs_no_more_for_a_claim_is_erased_once_they_say_so);

const QUALITY: &str = "quality";

/// All that a plan has is restricted because the person needs it for claims, and the request is answered.
async fn restricted(desk: &Desk, sample: &Sample) -> (String, wire::Request) {
    let person = customer(&desk.anna, sample).await;
    let request = desk.ask(person, &["restrict"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let decided = wire::DecideRequest {
        request_id: request.request_id.clone(),
        plan: planned.plan.clone(),
        items: planned.items.iter().map(|item| item.key.clone()).collect(),
        ground: "claims".to_owned(),
        complete: true,
        ..Default::default()
    };
    let decided = desk.anna.request(decided).unwrap();
    RequestsClient::new(desk.anna.wire()).decide(decided).await.unwrap();
    let done = steps::worked_on(&desk.anna, request_id(&request), PATIENCE).await.unwrap();
    assert_eq!(done.waits_for, "delivery");
    desk.answer(&done).await
}

async fn lift(caller: &Caller, request: &wire::Request, notice: i64) -> Result<wire::Request, Status> {
    let asked = wire::LiftRequest { request_id: request.request_id.clone(), notice_delivered_at: notice };
    let lifted = RequestsClient::new(caller.wire()).lift(caller.request(asked).unwrap()).await?;
    Ok(lifted.into_inner().request.unwrap())
}

/// Scenario 39, and the beginning of 56.
async fn a_restriction_is_lifted_once_the_person_was_told_and_never_before(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let quality = purpose(QUALITY);
    hear(&desk.bruno, id, &quality).await.unwrap();
    let (letter, closed) = restricted(&desk, &sample).await;
    assert_eq!((closed.state.as_str(), closed.ending.as_str()), ("closed", "fulfilled"));
    assert!(letter.contains("legal claim of your own") && letter.contains("Art. 18(3)"), "{letter}");
    let told = explained(&desk.anna, id).await;
    let [hold] = told.holds.as_slice() else { panic!("{:?}", told.holds) };
    assert_eq!((hold.kind(), hold.reason.as_str()), (HoldKind::Subject, "art-18-1-c"));
    assert!(hold.review_at > world.now().0, "somebody looks again");
    assert_eq!(reason(&hear(&desk.bruno, id, &quality).await.unwrap_err()), "restricted");

    let late = world.now().plus(std::time::Duration::from_secs(3_600));
    for notice in [0, late.0, closed.received_at - 1] {
        let refused = lift(&desk.anna, &closed, notice).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
    assert_eq!(reason(&hear(&desk.bruno, id, &quality).await.unwrap_err()), "restricted");

    let Timestamp(notice) = world.now();
    let lifted = lift(&desk.anna, &closed, notice).await.unwrap();
    assert_eq!(lifted.state, "closed");
    let heard = hear(&desk.bruno, id, &quality).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &quality, sample.whole());
    assert!(retention::explained(&desk.anna, id).await.unwrap().holds.is_empty());
    assert_eq!(lift(&desk.anna, &closed, notice).await.unwrap().version, lifted.version);
    let again = lift(&desk.anna, &closed, notice - 1).await.unwrap_err();
    assert_eq!((again.code(), reason(&again)), (Code::FailedPrecondition, "already-lifted"));
    let history = get(&desk.anna, request_id(&closed)).await.unwrap().history;
    let acts: Vec<_> = history.iter().map(|act| act.what.as_str()).collect();
    assert!(acts.contains(&"restricted") && acts.last() == Some(&"lifted"), "{acts:?}");
    mesh.stop().await.unwrap();
}

/// Scenario 55.
async fn what_a_person_needs_no_more_for_a_claim_is_erased_once_they_say_so(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    restricted(&desk, &sample).await;

    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["erase"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let pending = outcomes(&planned).into_iter().find(|(outcome, _)| outcome == "pending-subject");
    assert_eq!(
        pending,
        Some(("pending-subject".to_owned(), 3)),
        "two legs and the facts: which do they want?"
    );
    let waived = wire::DecideRequest {
        request_id: request.request_id.clone(),
        plan: planned.plan.clone(),
        own_hold_waived: true,
        ..Default::default()
    };
    let waived = desk.anna.request(waived).unwrap();
    RequestsClient::new(desk.anna.wire()).decide(waived).await.unwrap();
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "delivery");
    must_be_gone(&hear(&desk.bruno, id, &purpose(QUALITY)).await.unwrap_err(), &["art-17-1"]);
    let (letter, _) = desk.answer(&done).await;
    assert!(letter.contains("no longer need it for a legal claim"), "{letter}");
    mesh.stop().await.unwrap();
}
