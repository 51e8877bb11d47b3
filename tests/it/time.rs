//! Domain time moved by hand: calls that nobody ends, and keys that follow each other.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Interval, ManualClock, Position, RecordingId, SystemClock};
use proto::archive::v1::RecordingState;
use tonic::Code;
use verbale::mesh::{Mesh, Settings};

use crate::harness::{Expected, FRAME, Line, Sample, World, hear, purpose};

const HOUR: Duration = Duration::from_secs(3_600);

/// A mesh whose domain time stands until it is moved.
async fn up(world: &World) -> (Mesh, ManualClock) {
    let clock = ManualClock::at(SystemClock.now());
    let settings = Settings { clock: Arc::new(clock.clone()), ..world.settings() };
    (Mesh::start(settings).await.unwrap(), clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_its_sender_left_is_fenced_sealed_and_says_what_is_missing() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let (mesh, clock) = up(&world).await;
    let (caller, id) = (world.sender(&mesh.server(), &sample.tenant), RecordingId::new());
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    line.media(&sample, 0..500).await;
    line.logged(400).await.unwrap();
    drop(line);

    clock.advance(3 * HOUR);
    let recording = world.sealed(&mesh.server(), &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.cause.as_str()), (RecordingState::Sealed, "abandoned"));
    let person = world.person(&mesh.server(), &sample.tenant);
    let heard = hear(&person, id, &purpose("mifid2-transaction")).await.unwrap();
    for (leg, number) in [(0, 0), (0, 399), (1, 0), (1, 399)] {
        let payload = &heard.frames.get(&(leg, number)).expect("what was acknowledged plays").payload;
        assert_eq!(payload, sample.payload(leg as usize, number));
    }
    let refused = Line::open(&caller, &sample.tenant, sample.open(id, 2)).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_the_end_of_a_key_epoch_is_whole_and_so_are_those_before_it() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let (mesh, clock) = up(&world).await;
    let before = world.record(&mesh.server(), &sample).await;
    let (caller, id) = (world.sender(&mesh.server(), &sample.tenant), RecordingId::new());
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    let half = sample.frames() / 2;
    line.media(&sample, 0..half).await;
    line.logged(half - 60).await.unwrap();
    clock.advance(8 * 24 * HOUR);
    line.media(&sample, half..sample.frames()).await;
    line.close(&sample).await.unwrap();
    world.sealed(&mesh.server(), &sample.tenant, id).await;

    let (expected, duty) = (Expected::of(&sample), purpose("mifid2-transaction"));
    let person = world.person(&mesh.server(), &sample.tenant);
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for id in [id, crate::harness::id_of(&before)] {
        hear(&person, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, whole);
    }
    mesh.stop().await.unwrap();

    // The second half was sealed to the next epoch, under leg keys of its own.
    let spans = world.shelf().await.spans(&sample.tenant, id).await;
    let place = half * FRAME;
    for span in spans.iter().filter(|span| span.header.leg.0 < 16) {
        if span.header.start.0 > place + 1_000_000 {
            assert_eq!(span.header.key_epoch.0, 2, "{:?}", span.header);
        }
        if span.header.end.0 < place - 1_000_000 {
            assert_eq!(span.header.key_epoch.0, 1, "{:?}", span.header);
        }
    }
    assert!(!world.keyring().await.entries(&sample.tenant, id).await.is_empty());
}
