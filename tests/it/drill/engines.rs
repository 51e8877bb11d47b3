//! The drill in a cluster: the bucket and the tables are of an older day, the keys and the journal of today, and the
//! topics are new.

use super::calls::Calls;
use super::moves::{quickly, turned};
use crate::harness::{Shape, World, is_patient};

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_objects_of_an_older_day_bring_back_nothing_that_was_erased_since() {
    if !is_patient("the drill on engines") {
        return;
    }
    let Some(world) = World::on(Shape::Engines).await else { return };
    let world = world.tuned(quickly);
    let mesh = world.up().await;
    let calls = Box::pin(Calls::record(&world, &mesh.server())).await;
    mesh.stop().await.unwrap();
    let snapshot = world.snapshot().await;

    let mesh = world.up().await;
    let taken = calls.take(&world, &mesh.server()).await;
    turned(&world, &mesh.server(), calls.tenant()).await;
    calls.must_be_as_taken(&world, &mesh.server(), &taken).await;
    mesh.stop().await.unwrap();

    let world = world.restored(&snapshot).await;
    calls.must_not_open(&world, &world.shelf().await, &taken).await;
    let mesh = world.up().await;
    calls.must_be_shut(&world, &mesh.server(), &taken).await;
    calls.must_be_as_taken(&world, &mesh.server(), &taken).await;
    calls.loss_is_named(&world, &mesh.server(), &taken).await;
    mesh.stop().await.unwrap();
}
