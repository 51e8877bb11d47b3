//! The data of a backup, with the keys of today.

use std::path::PathBuf;

use proto::crypto::v1::EpochState;
use proto::retention::v1::HoldKind;
use verbale::mesh::Mesh;

use super::calls::{Calls, QUALITY};
use super::moves::{back_up, check_keys, epoch_is, put_keys, quickly, restore, turned, up};
use crate::harness::keeping::{hold, must_be_gone, over};
use crate::harness::{Shelf, World, files, free_port, hear, purpose, server};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_since_a_backup_stays_erased_and_all_else_that_it_held_plays() {
    Box::pin(drill(|_| Keys::Live)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_copy_of_the_keys_brings_a_backup_back_as_the_keys_themselves_do() {
    Box::pin(drill(|world| Keys::Copy(newest_copy(world)))).await;
}

/// Which key tables the restored data are opened with.
enum Keys {
    Live,
    Copy(PathBuf),
}

async fn drill(choose: impl Fn(&World) -> Keys) {
    let (world, port) = (World::new().tuned(quickly), free_port());
    // In a process of its own: none has the key tables open where they are replaced.
    let (child, server) = (up(&world, port).await, server(port));
    let calls = Box::pin(Calls::record(&world, &server)).await;
    let backup = back_up(&world).await;
    assert!(calls.share_pages(&world), "no page has entries of two calls");

    let taken = calls.take(&world, &server).await;
    turned(&world, &server, calls.tenant()).await;
    calls.must_be_as_taken(&world, &server, &taken).await;
    assert_eq!(child.terminate().await, Some(0));

    restore(&world, &backup).await;
    if let Keys::Copy(copy) = choose(&world) {
        let checked = check_keys(&world, &copy).await;
        assert!(checked.code == 0 && checked.json()["opens"] == true, "{checked:?}");
        put_keys(&world, &copy);
    }
    calls.must_not_open(&world, &Shelf::open(&world.data()).await, &taken).await;
    let mesh = world.up().await;
    calls.must_be_shut(&world, &mesh.server(), &taken).await;
    calls.must_be_as_taken(&world, &mesh.server(), &taken).await;
    calls.loss_is_named(&world, &mesh.server(), &taken).await;
    turned_once_more(&calls, &world, &mesh.server()).await;
    mesh.stop().await.unwrap();
    calls.must_not_open(&world, &Shelf::open(&backup.join("data")).await, &taken).await;
}

/// Keys go on turning, and what was proved is proved still.
async fn turned_once_more(calls: &Calls, world: &World, server: &str) {
    let tenant = calls.tenant().as_str();
    let turn = world.run(server, tenant, &["keys", "turn", "--json"]).await;
    assert_eq!(turn.code, 0, "{turn:?}");
    let anna = world.named(server, calls.tenant(), "anna");
    epoch_is(&anna, 2, EpochState::Destroyed).await;
    let canary = world.run(server, tenant, &["keys", "canary", "--json"]).await;
    assert!(canary.code == 0 && canary.json()["ok"] == true, "{canary:?}");
    let heard = hear(&anna, calls.kept.id, &purpose(QUALITY)).await.unwrap();
    calls.kept.must_play(&heard, QUALITY, &Default::default());
}

/// By its name, which has the moment in it.
fn newest_copy(world: &World) -> PathBuf {
    let mut copies = files(&world.folder().join("key-copies"));
    copies.sort_unstable();
    copies.pop().expect("keys were copied when they turned")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_after_the_backup_is_in_force_from_the_first_call_on_and_without_it_there_is_none() {
    let world = World::new().tuned(quickly);
    let mesh = world.up().await;
    let calls = Box::pin(Calls::record(&world, &mesh.server())).await;
    let anna = world.named(&mesh.server(), calls.tenant(), "anna");
    let (own, quality) = (&calls.withdrawn, purpose(QUALITY));
    let heard = hear(&anna, own.id, &quality).await.unwrap();
    own.must_play(&heard, QUALITY, &Default::default());
    let backup = back_up(&world).await;
    calls.withdraw(&world, &mesh.server()).await;
    calls.must_be_withdrawn(&world, &mesh.server()).await;
    let record = calls.withdrawal_is_journalled(&world).await;
    // So that the withdrawal is not the last of the journal, which alone may be missing unseen.
    hold(&world, &anna, HoldKind::Litigation, over(&[calls.kept.id])).await;
    mesh.stop().await.unwrap();

    restore(&world, &backup).await;
    let (folder, away) = (record.parent().unwrap(), world.folder().join("away"));
    std::fs::rename(folder, &away).unwrap();
    let refused = Mesh::start(world.settings()).await.err().expect("nobody is served without the journal");
    assert!(format!("{refused:#}").contains("journal"), "{refused:#}");
    std::fs::rename(&away, folder).unwrap();
    let mesh = world.up().await;
    let anna = world.named(&mesh.server(), calls.tenant(), "anna");
    must_be_gone(&hear(&anna, own.id, &quality).await.unwrap_err(), &["withdrawn", "art-17-1-b"]);
    calls.must_be_withdrawn(&world, &mesh.server()).await;
    let heard = hear(&anna, calls.kept.id, &quality).await.unwrap();
    calls.kept.must_play(&heard, QUALITY, &Default::default());
    mesh.stop().await.unwrap();
}
