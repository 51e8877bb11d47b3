//! One of three brokers dies, then a second.

use kernel::RecordingId;
use platform::config::ByteSize;
use rand::RngExt;
use tonic::Code;

use super::stage::{ALL, Member, config, open};
use super::told::{Told, ledger_is_whole};
use crate::harness::{BROKERS, Line, Sample, Shape, Turn, World, eventually, moments, purpose};

/// Seven seconds of a call.
const SPOOL: u64 = 128 << 10;
/// Frames of the call that begins without brokers.
const SHORT: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_without_one_broker_and_into_a_bounded_spool_without_two() {
    let Some(turn) = Turn::wait().await else { return };
    let mut moments = moments();
    let first = moments.random_range(1..=BROKERS);
    let second = (first + moments.random_range(0..BROKERS - 1)) % BROKERS + 1;
    let world = World::upon(turn.engines(), Shape::Engines).await;
    let mut config = config(&world);
    config.ingest.spool_bytes = ByteSize(SPOOL);
    let mut member = Member::of(&world, &turn, "solo", ALL, config);
    member.process.start().await;
    let (server, sample) = (member.server.clone(), Sample::new("mifid-order-it"));
    let (caller, id) = (world.sender(&server, &sample.tenant), RecordingId::new());
    let mut line = open(&caller, &sample, id).await;
    line.media(&sample, 0..200).await;
    line.logged(150).await.unwrap();

    turn.kill(&format!("kafka-{first}")).await;
    line.media(&sample, 200..500).await;
    line.logged(450).await.unwrap();
    member.says_that_it_is_ready(&world).await;

    turn.kill(&format!("kafka-{second}")).await;
    line.media(&sample, 500..600).await;
    line.spooled(550).await.unwrap();
    assert!(line.logged_so_far() < 550, "acknowledged as logged by one broker of three");
    // As long as there is room, calls begin.
    let short = RecordingId::new();
    let mut beginning = open(&caller, &sample, short).await;
    beginning.media(&sample, 0..SHORT).await;
    beginning.spooled(50).await.unwrap();
    line.media(&sample, 600..1_100).await;
    eventually("the spool is full", async || {
        let bytes = member.process.metric("verbale_ingest_spool_bytes").await?;
        (bytes >= SPOOL as f64).then_some(())
    })
    .await;
    let refused = Line::open(&caller, &sample.tenant, sample.open(RecordingId::new(), 1)).await;
    let refused = refused.err().expect("a session was opened into a full spool");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    member.says_that_it_lacks(&world, "kafka").await;
    eventually("ingest takes no calls", async || {
        (member.process.failing_of_ingest().await? == ["spool"]).then_some(())
    })
    .await;
    assert!(line.logged_so_far() < 550, "acknowledged as logged by one broker of three");

    turn.start("kafka").await;
    line.media(&sample, 1_100..sample.frames()).await;
    line.close(&sample).await.unwrap();
    beginning.close_after(SHORT).await.unwrap();
    member.says_that_it_is_ready(&world).await;
    assert_eq!(member.process.metric("verbale_ingest_spool_bytes").await, Some(0.0));
    let at = format!("broker {first}, then {second}");
    let calls = [(id, sample.frames()), (short, SHORT)];
    let calls = calls.map(|(id, frames)| (Told::new(&sample, id, at.clone()), frames));
    for (call, frames) in &calls {
        call.is_sealed(&world, &server).await;
        call.plays(&world, &server, &purpose("mifid2-transaction"), |frame| frame < *frames).await;
    }
    ledger_is_whole(&world, &server, &calls.map(|(call, _)| call)).await;
    member.process.stop().await.unwrap();
}
