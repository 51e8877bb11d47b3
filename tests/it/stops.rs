//! Stopped as an operator stops it, in the middle of a call.

use std::time::{Duration, Instant};

use kernel::{Interval, Position, RecordingId};
use proto::archive::v1::RecordingState;
use tokio::sync::watch;
use tokio::task::JoinSet;
use verbale::config::Config;
use verbale::sender::Pace;

use crate::harness::{Child, Expected, Line, PATIENCE, Sample, World, eventually, free_port, hear, server};

/// What a program logs when it drains and calls still run.
const DRAINS: &str = "senders are told to go elsewhere";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_stopped_in_a_call_lets_it_end_and_seals_it_when_started_again() {
    let (world, sample, port) = (World::new(), Sample::new("mifid-order-it"), free_port());
    let child = Child::up(&world, port).await;
    let call = sample.call();
    let (id, frames) = (call.recording(), call.frames());
    let (progress, mut logged) = watch::channel(0);
    let (mut sending, caller) = (JoinSet::new(), world.sender(&server(port), &sample.tenant));
    sending.spawn(async move {
        let pace = Pace { speed: 10.0, patience: PATIENCE };
        call.send(&caller, pace, |frames| {
            progress.send_replace(frames);
        })
        .await
    });
    logged.wait_for(|logged| *logged >= frames / 3).await.unwrap();
    assert_eq!(child.terminate().await, Some(0), "{}", std::fs::read_to_string(world.log()).unwrap());
    // The call was shorter than the time for draining: its sender never noticed.
    let sent = sending.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((sent.reconnects, sent.refused.len()), (0, 0));

    let child = Child::up(&world, port).await;
    let recording = world.sealed(&server(port), &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let (expected, person) = (Expected::of(&sample), world.person(&server(port), &sample.tenant));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for purpose in expected.purposes() {
        hear(&person, id, &purpose).await.unwrap().must_be(&expected, &sample, &purpose, whole);
    }
    assert_eq!(child.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_stopped_in_a_long_call_stops_in_time_and_the_call_goes_on_when_started_again() {
    let (world, sample, port) = (World::new(), Sample::new("mifid-order-it"), free_port());
    let child = Child::up(&world, port).await;
    let call = sample.call();
    let (id, frames) = (call.recording(), call.frames());
    let (progress, mut logged) = watch::channel(0);
    let (mut sending, caller) = (JoinSet::new(), world.sender(&server(port), &sample.tenant));
    // What is left of the call then takes longer than the time for draining.
    let speed = Duration::from_micros(sample.length()).as_secs_f64() / 15.0;
    sending.spawn(async move {
        let pace = Pace { speed, patience: PATIENCE };
        call.send(&caller, pace, |frames| {
            progress.send_replace(frames);
        })
        .await
    });
    logged.wait_for(|logged| *logged >= frames / 10).await.unwrap();
    let asked = Instant::now();
    assert_eq!(child.terminate().await, Some(0), "{}", std::fs::read_to_string(world.log()).unwrap());
    assert!(asked.elapsed() < Duration::from_secs(12), "it stopped after {:?}", asked.elapsed());
    assert!(*logged.borrow() < frames, "the call was over before the program stopped");

    let child = Child::up(&world, port).await;
    let sent = sending.join_next().await.unwrap().unwrap().unwrap();
    assert!(sent.reconnects > 0);
    assert_eq!(sent.refused, []);
    let recording = world.sealed(&server(port), &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let (expected, person) = (Expected::of(&sample), world.person(&server(port), &sample.tenant));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for purpose in expected.purposes() {
        hear(&person, id, &purpose).await.unwrap().must_be(&expected, &sample, &purpose, whole);
    }
    assert_eq!(child.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_program_at_once_that_waits_for_a_call() {
    let (world, sample, port) = (World::new(), Sample::new("mifid-order-it"), free_port());
    let child = Child::up(&world, port).await;
    let caller = world.sender(&server(port), &sample.tenant);
    // Nobody closes it: what drains waits for it as long as it may.
    let (mut line, _) =
        Line::open(&caller, &sample.tenant, sample.open(RecordingId::new(), 1)).await.unwrap();
    line.media(&sample, 0..60).await;
    line.logged(50).await.unwrap();

    child.signal("TERM").await;
    eventually("the program drains", async || {
        std::fs::read_to_string(world.log()).unwrap().contains(DRAINS).then_some(())
    })
    .await;
    let asked = Instant::now();
    assert_eq!(child.terminate().await, Some(130), "{}", std::fs::read_to_string(world.log()).unwrap());
    let drain = Config::default().ingest.drain.0;
    assert!(asked.elapsed() < drain / 2, "it ended after {:?}, and may drain for {drain:?}", asked.elapsed());
}
