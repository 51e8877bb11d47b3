//! Key epochs are left when nothing that was sealed to them is on its way, and not before.

use kernel::{Clock as _, KeyEpoch};

use super::*;

/// What a process tells crypto now.
async fn report(world: &World, ingest: &Ingest) {
    ingest.service.try_leave_epochs(world.clock.now()).await.unwrap();
}

fn left(world: &World) -> Vec<KeyEpoch> {
    world.crypto.left().into_iter().map(|(_, through)| through).collect()
}

#[tokio::test]
async fn an_epoch_is_left_once_it_is_over_and_no_stream_has_anything_of_it() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..60);
    sender.acked(50).await;
    report(&world, &ingest).await;
    assert_eq!(left(&world), []);
    world.crypto.next_epoch();
    world.clock.advance(EPOCH);
    let mut other = Sender::open(&ingest, DUTY).await;
    other.both(0..60);
    other.acked(50).await;
    report(&world, &ingest).await;
    assert_eq!(left(&world), [], "the first call runs");
    sender.close(60).await;
    eventually("it is left", async || {
        report(&world, &ingest).await;
        (left(&world) == [KeyEpoch(1)]).then_some(())
    })
    .await;
    report(&world, &ingest).await;
    assert_eq!(left(&world), [KeyEpoch(1)], "and is left once, the second one is not over");
}

#[tokio::test]
async fn what_is_in_the_spool_keeps_its_epoch_though_its_sender_is_gone() {
    let world = World::new();
    let config = crate::Config { spool_after: Period::millis(200), ..world.config };
    let world = World { config, spool: true, ..world };
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    world.log.set_full(true);
    sender.both(0..100);
    sender.spooled(50).await;
    drop(sender);
    world.clock.advance(EPOCH);
    for _ in 0..3 {
        report(&world, &ingest).await;
    }
    assert_eq!(left(&world), []);
    world.log.set_full(false);
    eventually("it is left", async || {
        report(&world, &ingest).await;
        (left(&world) == [KeyEpoch(1)]).then_some(())
    })
    .await;
    assert!(ingest.service.gauges.is_drained());
}

#[tokio::test]
async fn the_next_process_on_a_node_leaves_for_one_that_was_killed() {
    let world = World::new();
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    drop((sender, ingest));
    let ingest = world.ingest().await;
    eventually("it is left", async || {
        report(&world, &ingest).await;
        (!left(&world).is_empty()).then_some(())
    })
    .await;
    report(&world, &ingest).await;
    assert_eq!(left(&world), [KeyEpoch(u64::MAX)], "all of its epochs, and once");
}

#[tokio::test]
async fn a_process_that_stops_in_order_leaves_before_it_ends() {
    let world = World::new();
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..60);
    sender.close(60).await;
    assert_eq!(left(&world), []);
    ingest.stop().await;
    assert_eq!(left(&world), [KeyEpoch(1)]);
}

#[tokio::test]
async fn while_crypto_is_away_nothing_is_taken_as_left() {
    let world = World::new();
    let ingest = world.ingest().await;
    Sender::open(&ingest, DUTY).await.close(0).await;
    world.clock.advance(EPOCH);
    world.crypto.set_away(true);
    eventually("its stream has let go", async || {
        ingest.service.try_leave_epochs(world.clock.now()).await.is_err().then_some(())
    })
    .await;
    world.crypto.set_away(false);
    report(&world, &ingest).await;
    assert_eq!(left(&world), [KeyEpoch(1)]);
}
