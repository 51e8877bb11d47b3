//! Many calls at once.

use futures::future::join_all;
use kernel::{Interval, Position};
use proto::archive::v1::RecordingState;
use verbale::commands::audit;

use crate::harness::{Expected, Sample, World, hear, id_of, on_every_shape};

on_every_shape!(calls_that_come_at_once_are_each_whole_and_kept_apart);

/// Calls at once, and on a test cluster, which takes some 200 conditional writes a second.
const CALLS: usize = 16;
const CALLS_ON_ENGINES: usize = 6;

async fn calls_that_come_at_once_are_each_whole_and_kept_apart(world: World) {
    let samples = ["mifid-order-it", "card-payment-en", "access-request-en"].map(Sample::new);
    let mesh = world.up().await;
    let server = mesh.server();
    let count = if world.is_embedded() { CALLS } else { CALLS_ON_ENGINES };
    let calls: Vec<_> = samples.iter().cycle().take(count).collect();
    let recordings = join_all(calls.iter().map(|sample| world.record(&server, sample))).await;
    for (sample, recording) in calls.iter().zip(&recordings) {
        assert_eq!(
            (recording.state(), recording.complete),
            (RecordingState::Sealed, true),
            "{}",
            sample.name
        );
        let (expected, person) = (Expected::of(sample), world.person(&server, &sample.tenant));
        let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
        for purpose in expected.purposes() {
            let heard = hear(&person, id_of(recording), &purpose).await.unwrap();
            heard.must_be(&expected, sample, &purpose, whole);
        }
    }
    let checked = audit::check(&world.person(&server, &samples[0].tenant)).await.unwrap();
    assert!(checked.ok, "{checked:?}");
    mesh.stop().await.unwrap();
}
