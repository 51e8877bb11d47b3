//! Holds keep what is due and what comes later; they open for claims, and end by two other people.

use std::time::Duration;

use kernel::{HoldId, RecordingId, Timestamp, Use};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    ErasureCause, ErasureState, Hold, HoldKind, HoldSelector, HoldState, ListDueRequest, PlaceHoldRequest,
};
use tonic::{Code, Status};
use verbale::connect::Caller;

use crate::harness::keeping::{
    BY_PERIOD, DAY, customer, hold, hold_of, must_be_gone, new_hold, over, over_person, over_range, place,
    release, swept_away,
};
use crate::harness::{
    Expected, Sample, World, hear, hear_for, in_one_process, on_every_shape, purpose, reason,
};

on_every_shape!(a_hold_over_a_person_keeps_what_is_there_and_what_comes);
in_one_process!(
    a_hold_over_a_range_of_time_keeps_what_is_there_and_what_comes,
    what_a_person_needs_kept_is_restricted_and_outlives_its_period,
    a_legal_claim_opens_by_the_id_of_a_hold_that_covers_the_recording_and_by_nothing_else,
    a_release_by_the_wrong_person_is_refused_by_its_word_and_changes_nothing,
);

const QUALITY: &str = "quality";

/// A held person's two calls, one before the hold and one after it, and somebody else's.
struct Held {
    first: RecordingId,
    later: RecordingId,
    control: RecordingId,
}

async fn a_hold_over_a_person_keeps_what_is_there_and_what_comes(world: World) {
    let select = async |caller: &Caller, sample: &Sample| over_person(customer(caller, sample).await);
    keeps(world, select).await;
}

async fn a_hold_over_a_range_of_time_keeps_what_is_there_and_what_comes(world: World) {
    // The later call begins within it, too; the control lies a day before.
    let select =
        async |_: &Caller, sample: &Sample| over_range(sample.started_at(), sample.started_at().plus(DAY));
    keeps(world, select).await;
}

/// Holds what is selected, and lets the period of everything pass.
async fn keeps(world: World, select: impl AsyncFn(&Caller, &Sample) -> HoldSelector) {
    let sample = Sample::new("access-request-en");
    let later = Sample::new("access-request-en");
    let later = later.dated(sample.started_at().plus(Duration::from_secs(600)));
    let control = Sample::new("access-request-en");
    let control = control.between("agent-299", "+442079460777", "access-request-of-another");
    let control = control.dated(Timestamp(sample.started_at().0 - i64::try_from(DAY.as_micros()).unwrap()));
    let mesh = world.up().await;
    let server = mesh.server();
    let anna = world.named(&server, &sample.tenant, "anna");
    let (first, other) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &control));
    let placed = place(&anna, &new_hold(&world, HoldKind::Litigation, select(&anna, &sample).await)).await;
    let placed = placed.unwrap();
    assert!(placed.erased_before.is_empty() && placed.stopped.is_empty(), "{placed:?}");
    let id = HoldId::from_slice(&placed.hold.unwrap().hold_id).unwrap();
    let held = Held { first, later: world.kept(&server, &later).await, control: other };

    world.pass(95 * DAY).await;
    // The same sweep that takes it passes over what is held.
    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, held.control, &[QUALITY]).await;
    assert_eq!((swept.state(), swept.recordings), (ErasureState::Done, 1), "{swept:?}");
    let request = anna.request(ListDueRequest { page_size: 100, ..Default::default() }).unwrap();
    let due = RetentionClient::new(anna.wire()).list_due(request).await.unwrap().into_inner().recordings;
    let mut listed: Vec<_> = due.iter().map(|due| (due.recording_id.clone(), due.held_by.clone())).collect();
    listed.sort_unstable();
    let mut expected =
        [held.first, held.later].map(|own| (own.to_bytes().to_vec(), vec![id.to_bytes().to_vec()]));
    expected.sort_unstable();
    assert_eq!(listed, expected);
    for (own, sample) in [(held.first, &sample), (held.later, &later)] {
        let refused = hear(&anna, own, &purpose(QUALITY)).await.unwrap_err();
        assert_eq!(reason(&refused), "period-over", "kept is not open: {refused}");
        claim_plays(&anna, own, sample, id).await;
    }
    mesh.stop().await.unwrap();
}

async fn what_a_person_needs_kept_is_restricted_and_outlives_its_period(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let (expected, quality) = (Expected::of(&sample), purpose(QUALITY));
    let mesh = world.up().await;
    let server = mesh.server();
    let anna = world.named(&server, &sample.tenant, "anna");
    let (own, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    // Somebody is to look again: not never, and not before now.
    let asked = new_hold(&world, HoldKind::Subject, over(&[own]));
    for review_at in [0, world.now().0 - 1, world.now().plus(400 * DAY).0] {
        let id = HoldId::new().to_bytes().to_vec();
        let refused =
            place(&anna, &PlaceHoldRequest { hold_id: id, review_at, ..asked.clone() }).await.unwrap_err();
        let told = refused.message();
        assert!(refused.code() == Code::InvalidArgument && told.contains("review_at"), "{refused}");
    }
    let placed = place(&anna, &asked).await.unwrap().hold.unwrap();
    assert_eq!((placed.kind(), placed.review_at), (HoldKind::Subject, asked.review_at), "{placed:?}");
    let id = HoldId::from_slice(&placed.hold_id).unwrap();

    for wanted in [Use::Replay, Use::Review] {
        let refused = hear_for(&anna, own, &quality, wanted, "").await.unwrap_err();
        let told = (refused.code(), reason(&refused));
        assert_eq!(told, (Code::PermissionDenied, "restricted"), "{wanted}: {refused}");
    }
    let heard = hear_for(&anna, own, &quality, Use::Rights, "").await.unwrap();
    heard.must_be(&expected, &sample, &quality, sample.whole());
    let heard = hear(&anna, stays, &quality).await.unwrap();
    heard.must_be(&Expected::of(&other), &other, &quality, other.whole());

    world.pass(95 * DAY).await;
    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, stays, &[QUALITY]).await;
    assert_eq!((swept.state(), swept.recordings), (ErasureState::Done, 1), "{swept:?}");
    claim_plays(&anna, own, &sample, id).await;
    // Nothing of it is anybody's but for the claim.
    let refused = hear(&anna, own, &quality).await.unwrap_err();
    assert!(["period-over", "restricted"].contains(&reason(&refused)), "{refused}");
    mesh.stop().await.unwrap();
}

async fn a_legal_claim_opens_by_the_id_of_a_hold_that_covers_the_recording_and_by_nothing_else(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let quality = purpose(QUALITY);
    let mesh = world.up().await;
    let server = mesh.server();
    let [anna, bruno, carla] =
        ["anna", "bruno", "carla"].map(|name| world.named(&server, &sample.tenant, name));
    let (own, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let covering = hold(&world, &anna, HoldKind::Litigation, over(&[own])).await;
    let beside = hold(&world, &anna, HoldKind::Litigation, over(&[stays])).await;

    claim_plays(&anna, own, &sample, covering).await;
    for named in [String::new(), HoldId::new().to_string(), beside.to_string(), "case-2026-117".to_owned()] {
        let refused = hear_for(&anna, own, &quality, Use::LegalClaim, &named).await.unwrap_err();
        let told = (refused.code(), reason(&refused));
        assert_eq!(told, (Code::FailedPrecondition, "no-hold"), "{named:?}: {refused}");
    }
    // A claim in court is no authority's order, and who only listens names nothing.
    let asked = hear_for(&anna, own, &quality, Use::Authority, &covering.to_string()).await.unwrap_err();
    assert_eq!((asked.code(), reason(&asked)), (Code::FailedPrecondition, "no-order"), "{asked}");
    let asked = hear_for(&anna, own, &quality, Use::Replay, &covering.to_string()).await.unwrap_err();
    assert_eq!(asked.code(), Code::InvalidArgument, "{asked}");

    for caller in [&bruno, &carla] {
        release(caller, covering).await.unwrap();
    }
    let refused = hear_for(&anna, own, &quality, Use::LegalClaim, &covering.to_string()).await.unwrap_err();
    assert_eq!(reason(&refused), "no-hold", "{refused}");
    // It only kept what was kept anyway.
    let heard = hear(&anna, own, &quality).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &quality, sample.whole());
    mesh.stop().await.unwrap();
}

async fn a_release_by_the_wrong_person_is_refused_by_its_word_and_changes_nothing(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let [anna, bruno, carla] =
        ["anna", "bruno", "carla"].map(|name| world.named(&server, &sample.tenant, name));
    let own = world.kept(&server, &sample).await;
    let asked = new_hold(&world, HoldKind::Litigation, over(&[own]));
    let id = HoldId::from_slice(&place(&anna, &asked).await.unwrap().hold.unwrap().hold_id).unwrap();

    refused(&anna, &anna, id, "placed-by-same").await;
    assert_eq!(release(&bruno, id).await.unwrap().state(), HoldState::ReleaseAsked);
    refused(&anna, &bruno, id, "asked-by-same").await;
    refused(&anna, &anna, id, "placed-by-same").await;
    // The same hold again has no second effect, and does not take back what was asked since.
    let again = place(&anna, &asked).await.unwrap().hold.unwrap();
    assert_eq!(again.state(), HoldState::ReleaseAsked, "{again:?}");
    let other = PlaceHoldRequest { reason: "case-2026-118".to_owned(), ..asked };
    let told = place(&anna, &other).await.unwrap_err();
    assert_eq!((told.code(), reason(&told)), (Code::FailedPrecondition, "other-hold"), "{told}");

    let released = release(&carla, id).await.unwrap();
    assert_eq!((released.state(), released.released_by.len()), (HoldState::Released, 2), "{released:?}");
    refused(&anna, &carla, id, "already-released").await;
    refused(&anna, &anna, id, "already-released").await;

    // Released, it keeps nothing.
    world.pass(95 * DAY).await;
    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, own, &[QUALITY]).await;
    assert_eq!(swept.state(), ErasureState::Done, "{swept:?}");
    let gone = hear_for(&anna, own, &purpose(QUALITY), Use::LegalClaim, &id.to_string()).await.unwrap_err();
    must_be_gone(&gone, &[BY_PERIOD]);
    mesh.stop().await.unwrap();
}

/// A release that somebody may not ask for: the hold is as it was.
async fn refused(reader: &Caller, by: &Caller, id: HoldId, word: &str) {
    let before: Hold = hold_of(reader, id).await.unwrap();
    let told: Status = release(by, id).await.unwrap_err();
    assert_eq!((told.code(), reason(&told)), (Code::FailedPrecondition, word), "{told}");
    assert_eq!(hold_of(reader, id).await.unwrap(), before, "{word}");
}

/// Everything plays for a claim in court under this hold.
async fn claim_plays(caller: &Caller, id: RecordingId, sample: &Sample, hold: HoldId) {
    let quality = purpose(QUALITY);
    let heard = hear_for(caller, id, &quality, Use::LegalClaim, &hold.to_string()).await.unwrap();
    heard.must_be(&Expected::of(sample), sample, &quality, sample.whole());
}
