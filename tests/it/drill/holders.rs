//! Whoever may still seal to a key epoch keeps it, and loses nothing by its end.

use std::time::Duration;

use kernel::RecordingId;
use platform::config::Period;
use proto::crypto::v1::EpochState;
use proto::ingest::v1 as wire;
use proto::ingest::v1::event::Kind;
use proto::retention::v1::ErasureState;
use tokio::time::sleep;

use super::calls::QUALITY;
use super::moves::{A_TURN, epoch_is, quickly};
use crate::harness::keeping::{erased, explained, of_recording};
use crate::harness::{Expected, FRAME, Line, Running, Sample, World, event, eventually, hear, purpose};

/// Many looks of the turn.
const A_WHILE: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_over_a_turn_keeps_its_epoch_and_plays_whole() {
    let world = World::new().tuned(quickly);
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "drill-of-another");
    let quality = purpose(QUALITY);
    let mesh = world.up().await;
    let server = mesh.server();
    // So that there is something to be destroyed.
    let gone = world.kept(&server, &other).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let (_, told, _) = erased(&anna, &of_recording(gone)).await;
    assert_eq!(told.state(), ErasureState::Done, "{told:?}");

    let (id, caller) = (RecordingId::new(), world.sender(&server, &sample.tenant));
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    let first = agree(&mut line, &sample).await;
    line.media(&sample, first..first + 200).await;
    line.logged(first + 100).await.unwrap();

    world.pass(A_TURN).await;
    let held = held(&world, &mesh).await;
    line.media(&sample, first + 200..sample.frames()).await;
    sleep(A_WHILE).await;
    assert_eq!(self::held(&world, &mesh).await, held, "nobody else holds it, and it goes no further");
    line.close(&sample).await.unwrap();
    world.sealed(&server, &sample.tenant, id).await;
    epoch_is(&anna, 1, EpochState::Destroyed).await;
    explained(&anna, id).await;
    let heard = hear(&anna, id, &quality).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &quality, sample.whole());
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_say_that_it_left_keeps_an_epoch_until_the_next_one_there_does() {
    let world = World::new().tuned(|config| {
        quickly(config);
        config.ingest.epoch_report = Period::secs(86_400);
    });
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "drill-of-another");
    let quality = purpose(QUALITY);
    let mesh = world.up().await;
    let server = mesh.server();
    let (gone, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    let (_, told, _) = erased(&anna, &of_recording(gone)).await;
    assert_eq!(told.state(), ErasureState::Done, "{told:?}");
    world.pass(A_TURN).await;
    let held = held(&world, &mesh).await;
    sleep(A_WHILE).await;
    assert_eq!(self::held(&world, &mesh).await, held);
    let heard = hear(&anna, stays, &quality).await.unwrap();
    heard.must_be(&Expected::of(&other), &other, &quality, other.whole());
    mesh.stop().await.unwrap();

    let world = world.tuned(quickly);
    let mesh = world.up().await;
    let anna = world.named(&mesh.server(), &sample.tenant, "anna");
    epoch_is(&anna, 1, EpochState::Destroyed).await;
    let heard = hear(&anna, stays, &quality).await.unwrap();
    heard.must_be(&Expected::of(&other), &other, &quality, other.whole());
    mesh.stop().await.unwrap();
}

/// Sends a call up to where its customer agrees; the frame that comes next.
async fn agree(line: &mut Line, sample: &Sample) -> u64 {
    let given = sample.event("consent.given", None).unwrap().0;
    let first = given.div_ceil(FRAME);
    line.media(sample, 0..first).await;
    let notice = sample.json["events"][0]["notice"].as_str().unwrap().to_owned();
    let expression = wire::Expression::Voice.into();
    let consent = wire::ConsentGiven { purpose: QUALITY.to_owned(), expression };
    for said in [Kind::NoticePlayed(wire::NoticePlayed { notice }), Kind::ConsentGiven(consent)] {
        assert_eq!(line.event(event(given, said)).await.unwrap().refused, "");
    }
    first
}

/// Who holds the first epoch, which is closing for that alone, as an operator is told.
async fn held(world: &World, mesh: &Running) -> Vec<String> {
    eventually("the epoch is held", async || {
        let status = world.run(&mesh.server(), "shop-gamma", &["keys", "status", "--json"]).await.json();
        let first = &status["epochs"][0];
        assert_ne!(first["state"], "destroyed", "{status}");
        let holders = first["holders"].as_array().unwrap().iter().map(|one| one["instance"].as_str());
        let holders: Vec<_> = holders.map(Option::unwrap).map(str::to_owned).collect();
        let waits = first["waits_for"].as_str().unwrap();
        let is_named = |own: &String| waits.contains(&format!("instance {own} has not left it"));
        (first["state"] == "closing" && holders.iter().any(is_named)).then_some(holders)
    })
    .await
}
