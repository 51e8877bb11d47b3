//! Several instances over one store and one log: a session has one owner, and every replica reaches it.

use super::*;

#[tokio::test]
async fn a_control_at_another_replica_acts_in_the_owners_stream() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    let answer = there.control(recording, event(1_190_000, pause())).await.unwrap();
    let applied = answer.applied.unwrap();
    assert_eq!((applied.position, applied.reached_stored, applied.refused.as_str()), (1_190_000, false, ""));
    assert_eq!(answer.media_state, wire::MediaState::Paused as i32);
    sender.both(60..100);
    let answer = there.control(recording, event(2_000_000, resume())).await.unwrap();
    assert_eq!(answer.media_state, wire::MediaState::Active as i32);
    sender.both(100..160);
    sender.close(160).await;
    assert_eq!(world.seen(recording).await.numbers(0), [all(0..59), all(100..160)].concat());
    assert_eq!(world.switchboard.asked(), 2);
}

#[tokio::test]
async fn a_restriction_needs_no_way_to_the_owner_who_hears_of_it() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.switchboard.cut();
    let answer = there.control(recording, event(1_190_000, pause())).await.unwrap();
    assert_eq!(answer.media_state, wire::MediaState::Paused as i32);
    assert_eq!(answer.applied.unwrap().refused, "");
    // What gives something back is the owner's.
    let refused = there.control(recording, event(1_300_000, resume())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    // Logged by the replica that wrote the row, and again by the owner when it has heard.
    let heard = |seen: &Seen| seen.count(|event| matches!(event, Event::Paused(_))) == 2;
    world.until(recording, "the owner hears of it", heard).await;
    sender.both(60..120);
    sender.close(120).await;
    let seen = world.seen(recording).await;
    assert_eq!(seen.numbers(0), all(0..59));
    assert_eq!(seen.dropped_as(0, DropReason::Pause), all(59..120));
}

#[tokio::test]
async fn a_session_whose_owner_is_gone_is_paused_in_its_row_and_goes_on_paused() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    drop(here);
    world.switchboard.cut();
    let answer = there.control(recording, event(1_000_000, pause())).await.unwrap();
    assert!(answer.applied.unwrap().reached_stored);
    let next = sender.acked[0].min(sender.acked[1]);
    let again = sender.reopen(&there, 2, DUTY).await.unwrap();
    assert_eq!(again.opened.media_state, wire::MediaState::Paused as i32);
    again.both(next..100);
    again.close(100).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..50));
}

#[tokio::test]
async fn an_owner_that_is_overtaken_elsewhere_ends_its_stream() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    let again = Sender::try_open(&there, open(recording, 2, DUTY)).await.unwrap();
    assert_eq!(sender.ends_with().await.code(), Code::Aborted);
    again.both(50..120);
    again.close(120).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..120));
}

#[tokio::test]
async fn a_fence_at_any_replica_ends_the_owners_stream() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, DUTY).await;
    sender.both(0..60);
    sender.acked(50).await;
    assert!(there.fence(sender.recording).await.fenced);
    assert_eq!(sender.ends_with().await.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_control_is_handed_on_once() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let sender = Sender::open(&here, DUTY).await;
    let recording_id = sender.recording.to_bytes().to_vec().into();
    let control = wire::ControlRequest { recording_id, event: Some(event(5, pause())) };
    let mut handed_on = tonic::Request::new(control);
    handed_on.metadata_mut().insert(crate::owners::HANDED_ON, "1".parse().unwrap());
    let answer = there.client().control(handed_on).await.unwrap().into_inner();
    assert_eq!(answer.media_state, wire::MediaState::Paused as i32);
    assert_eq!(world.switchboard.asked(), 0);
}

#[tokio::test]
async fn consent_told_to_a_replica_that_cannot_reach_the_owner_is_in_force_there() {
    let world = World::new();
    let (here, there) = (world.ingest_at("here").await, world.ingest_at("there").await);
    let mut sender = Sender::open(&here, BOTH).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.switchboard.cut();
    let kept = there.control(recording, event(1_000_000, given())).await.unwrap().applied.unwrap();
    assert_eq!((kept.refused.as_str(), kept.pending), ("", true));
    let stands = |seen: &Seen| {
        seen.changes().iter().any(|(purpose, kind, _)| (purpose.as_str(), *kind) == ("quality", 1))
    };
    world.until(recording, "it is in force", stands).await;
    sender.close(60).await;
    let mut told = world.consent.told(EventKind::Given);
    told.dedup();
    assert_eq!(told.len(), 1);
}
