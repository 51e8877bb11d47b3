//! The log is away: calls go on into this node's spool, and are logged in order once it is back.

use platform::config::ByteSize;

use super::*;

fn world() -> World {
    let world = World::new();
    let config = crate::Config { spool_after: Period::millis(200), ..world.config };
    World { config, spool: true, ..world }
}

async fn drained(ingest: &Ingest) {
    eventually("everything is sent", async || ingest.service.gauges.is_drained().then_some(())).await;
}

#[tokio::test]
async fn while_the_log_is_away_calls_go_on_into_the_spool_and_are_logged_in_order() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    drained(&ingest).await;
    world.log.set_full(true);
    sender.both(60..200);
    sender.spooled(150).await;
    assert_eq!(sender.acked, [50, 50]);
    assert!(!ingest.service.gauges.is_drained());
    let shown = world.metrics.render();
    assert!(!shown.contains("verbale_ingest_spool_bytes 0"), "{shown}");
    // Others begin meanwhile.
    let mut other = Sender::open(&ingest, DUTY).await;
    assert_eq!(other.opened.level, wire::Level::Logged as i32);
    other.both(0..60);
    other.spooled(50).await;
    assert!(world.seen(other.recording).await.events.is_empty());
    world.log.set_full(false);
    sender.acked(150).await;
    other.acked(50).await;
    let (id, other_id) = (recording, other.recording);
    sender.close(200).await;
    other.close(60).await;
    for (recording, frames) in [(id, 200), (other_id, 60)] {
        // The reader fails on a span before its section, or out of its order.
        let seen = world.seen(recording).await;
        assert!(is_exact(&seen));
        assert_eq!((seen.numbers(0), seen.numbers(1)), (all(0..frames), all(0..frames)));
        assert!(matches!(seen.events.last(), Some(Event::SessionClosed(_))));
    }
    drained(&ingest).await;
    assert!(world.metrics.render().contains("verbale_ingest_spool_bytes 0"));
}

#[tokio::test]
async fn a_call_that_ends_while_the_log_is_away_is_forgotten_only_once_it_is_logged() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    world.log.set_full(true);
    sender.both(0..100);
    sender.spooled(50).await;
    let legs = (0..2).map(|leg| wire::LegEnd { leg, frames: 100 }).collect();
    sender.say(Message::Close(wire::Close { cause: "hangup".into(), legs }));
    sender.spooled(100).await;
    // Its metadata is on this disk only, so its row does not say that it is logged.
    let row = world.row(recording).await;
    assert_eq!((row.phase, row.meta_sealed), (crate::store::Phase::Open, false));
    world.log.set_full(false);
    let closed = loop {
        if let Some(Answer::Closed(closed)) = sender.next().await.unwrap() {
            break closed;
        }
    };
    assert!(closed.legs.iter().all(|leg| leg.next_frame == 100));
    let row = world.row(recording).await;
    assert_eq!((row.phase, row.meta_sealed), (crate::store::Phase::Ended, true));
    assert_eq!(world.seen(recording).await.numbers(1), all(0..100));
}

#[tokio::test]
async fn what_a_process_leaves_in_its_spool_the_next_one_logs_before_anything_else() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.log.set_full(true);
    sender.both(60..200);
    sender.spooled(150).await;
    drop(ingest);
    let ingest = world.ingest().await;
    eventually("it is found", async || {
        (!world.metrics.render().contains("verbale_ingest_spool_bytes 0")).then_some(())
    })
    .await;
    world.log.set_full(false);
    drained(&ingest).await;
    // Nothing acknowledged as spooled is lost, though its sender never comes again.
    let seen = world.seen(recording).await;
    assert!(seen.numbers(0).starts_with(&all(0..150)) && seen.numbers(1).starts_with(&all(0..150)));
    let again = sender.reopen(&ingest, 2, DUTY).await.unwrap();
    again.both(50..260);
    again.close(260).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..260));
}

#[tokio::test]
async fn a_full_spool_stops_acknowledgements_and_refuses_new_calls_until_there_is_room() {
    let world = world();
    let config = crate::Config { spool_bytes: ByteSize(12 << 10), ..world.config };
    let world = World { config, ..world };
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.log.set_full(true);
    sender.both(60..110);
    sender.spooled(100).await;
    sender.both(110..560);
    let refused = eventually("a new call is refused", async || {
        let refused = Sender::try_open(&ingest, open(RecordingId::new(), 1, DUTY)).await.err()?;
        Some(refused).filter(|refused| refused.message().contains("spool"))
    });
    let refused = refused.await;
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(sender.spooled, [100, 100]);
    world.log.set_full(false);
    sender.acked(550).await;
    sender.close(560).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..560));
    drained(&ingest).await;
    Sender::open(&ingest, DUTY).await.close(0).await;
}

#[tokio::test]
async fn a_spool_that_waits_too_long_refuses_new_calls_and_goes_on_with_the_others() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    world.log.set_full(true);
    sender.both(0..60);
    sender.spooled(50).await;
    world.clock.advance(world.config.spool_age.0);
    let refused = Sender::try_open(&ingest, open(RecordingId::new(), 1, DUTY)).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    sender.both(60..120);
    sender.spooled(100).await;
    world.log.set_full(false);
    sender.close(120).await;
}

#[tokio::test]
async fn a_log_that_does_not_answer_is_left_for_the_spool_and_what_it_took_counts_once() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.log.set_silent(true);
    sender.both(60..170);
    sender.spooled(150).await;
    world.log.set_silent(false);
    sender.close(170).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..170));
}

#[tokio::test]
async fn events_are_kept_and_in_force_while_the_log_is_away() {
    let world = world();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    world.log.set_full(true);
    sender.both(0..60);
    assert_eq!(sender.event(1_190_000, pause()).await.refused, "");
    sender.both(60..120);
    sender.spooled(100).await;
    world.log.set_full(false);
    sender.close(120).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..59));
}
