//! `kill -9` while calls are on the way.

use std::time::Duration;

use kernel::{Interval, Position};
use proto::archive::v1::RecordingState;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use verbale::sender::{Pace, Sent};

use crate::harness::{Child, Expected, PATIENCE, Sample, World, free_port, hear, moments, server};

/// How often the program is killed.
const KILLS: u64 = 20;
/// Times real time: the call takes about a second and a half.
const SPEED: f64 = 25.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_at_any_moment_of_a_call_loses_nothing_that_it_acknowledged() {
    let mut moments = moments();
    let (world, port) = (World::new(), free_port());
    let samples = ["mifid-order-it", "card-payment-en"].map(Sample::new);
    let mut child = Child::up(&world, port).await;
    let mut broken = 0;
    for (round, sample) in (0..KILLS).zip(samples.iter().cycle()) {
        let call = sample.call();
        let id = call.recording();
        // At this many acknowledged frames, and a moment after, so that it is not always right behind one. A few
        // lie beyond the last frame: there the call was closed, and the program is about to seal it.
        let acknowledged = moments.random_range(0..call.frames() * 11 / 10);
        let after = Duration::from_micros(moments.random_range(0..40_000));

        let (progress, mut logged) = watch::channel(0);
        let mut sending = JoinSet::new();
        let caller = world.sender(&server(port), &sample.tenant);
        sending.spawn(async move {
            let pace = Pace { speed: SPEED, patience: PATIENCE };
            call.send(&caller, pace, |frames| {
                progress.send_replace(frames);
            })
            .await
        });
        let _ended_before = logged.wait_for(|frames| *frames >= acknowledged).await.map(drop);
        sleep(after).await;
        child.kill().await;
        child = Child::up(&world, port).await;

        let sent: Sent = sending.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(sent.refused, [], "round {round}");
        broken += u64::from(sent.reconnects > 0);
        let recording = world.sealed(&server(port), &sample.tenant, id).await;
        let at = format!(
            "round {round}, {}, killed {after:?} after {acknowledged} frames were acknowledged",
            sample.name
        );
        assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true), "{at}");
        let (expected, person) = (Expected::of(sample), world.person(&server(port), &sample.tenant));
        let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
        for purpose in expected.purposes() {
            let heard = hear(&person, id, &purpose).await.unwrap_or_else(|status| panic!("{at}: {status}"));
            heard.must_be(&expected, sample, &purpose, whole);
        }
    }
    child.kill().await;
    assert!(broken > KILLS / 2, "hardly any kill met a stream: {broken}");
}
