//! A process that stands still for longer than its session, and goes on as if nothing had been.

use futures::future::join_all;
use rand::RngExt;

use super::stage::{ALL, Member, Sending, config};
use super::told::{Told, ledger_is_whole};
use crate::harness::{Sample, Shape, Turn, World, eventually, moments};

/// Calls at once: some of them are on the partitions of either process.
const CALLS: usize = 6;
const SPEED: f64 = 6.0;
/// What a process logs when it comes to hold a partition.
const WON: &str = "an audio partition is ours";

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_and_a_ledger_that_stood_still_past_their_session_change_nothing_when_they_wake() {
    let Some(turn) = Turn::wait().await else { return };
    let mut moments = moments();
    let world = World::upon(turn.engines(), Shape::Engines).await;
    let mut solo = Member::of(&world, &turn, "solo", ALL, config(&world));
    solo.process.start().await;
    let mut beside = config(&world);
    let at = Some(solo.server.parse().unwrap());
    (beside.peers.ingest, beside.peers.consent, beside.peers.crypto) = (at.clone(), at.clone(), at);
    let mut sleeper = Member::of(&world, &turn, "sleeper", "archive,audit", beside);
    sleeper.process.start().await;
    eventually("the second archive has partitions", async || {
        sleeper.process.logged().contains(WON).then_some(())
    })
    .await;

    let sample = Sample::new("mifid-order-it");
    let asleep = moments.random_range(0..sample.frames());
    let mut calls =
        send(&world, &solo.server, &sample, asleep, async || sleeper.process.freeze().await).await;
    // All of them: the partitions of the one that sleeps have gone to the other.
    join_all(calls.iter().map(|call| call.is_sealed(&world, &solo.server))).await;
    let before = sleeper.process.logged().len();
    sleeper.process.thaw().await;
    calls.extend(send(&world, &solo.server, &sample, 0, async || ()).await);
    eventually("the one that slept has partitions again", async || {
        sleeper.process.logged()[before..].contains(WON).then_some(())
    })
    .await;
    calls.extend(send(&world, &solo.server, &sample, 0, async || ()).await);
    for call in &calls {
        call.is_sealed(&world, &solo.server).await;
        call.plays_as_expected(&world, &solo.server).await;
    }
    ledger_is_whole(&world, &solo.server, &calls).await;
    let logged = [solo.process.logged(), sleeper.process.logged()].concat();
    assert!(!logged.contains("with other bytes"), "something was stored twice, and not the same");
    sleeper.process.stop().await.unwrap();
    solo.process.stop().await.unwrap();
}

/// Sends calls beside each other, and does something when one has so many frames acknowledged.
async fn send<'s>(
    world: &World,
    server: &str,
    sample: &'s Sample,
    acknowledged: u64,
    then: impl AsyncFnOnce(),
) -> Vec<Told<'s>> {
    let at = format!("one process frozen at {acknowledged} acknowledged frames");
    let mut sending = Sending::begin(world, server, &[sample; CALLS], SPEED, &at);
    sending.has_logged(acknowledged).await;
    then().await;
    let (calls, sent) = sending.end().await;
    assert!(sent.iter().all(|sent| sent.reconnects == 0), "a call was disturbed");
    calls
}
