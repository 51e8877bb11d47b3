//! An object store whose disk is full, in earnest.

use std::process::Command;

use kernel::RecordingId;
use proto::archive::v1::RecordingState;
use verbale::commands::recordings;

use super::stage::{ALL, Member, config, open};
use super::told::{Told, ledger_is_whole};
use crate::harness::{Sample, Shape, Turn, World, eventually, not_tested, purpose};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_object_store_holds_up_sealing_and_no_call() {
    let Some(turn) = Turn::wait().await else { return };
    let tried = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        return not_tested(
            "namespaces",
            "a full store: this machine lets nobody mount a small disk (unshare)",
        );
    }
    turn.use_small_disk().await;
    let world = World::upon(turn.engines(), Shape::Engines).await;
    let mut member = Member::of(&world, &turn, "solo", ALL, config(&world));
    member.process.start().await;
    let (server, sample) = (member.server.clone(), Sample::new("mifid-order-it"));
    let (caller, id) = (world.sender(&server, &sample.tenant), RecordingId::new());
    let mut line = open(&caller, &sample, id).await;
    line.media(&sample, 0..200).await;
    line.logged(150).await.unwrap();

    let ballast = turn.fill_disk();
    line.media(&sample, 200..sample.frames()).await;
    line.close(&sample).await.unwrap();
    let later = RecordingId::new();
    let line = open(&caller, &sample, later).await;
    line.media(&sample, 0..100).await;
    line.close_after(100).await.unwrap();
    eventually("archive says that it cannot go on", async || {
        let waits = member.process.metric("verbale_archive_waiting").await?;
        (waits > 0.0).then_some(())
    })
    .await;
    let person = world.person(&server, &sample.tenant);
    let waiting = recordings::get(&person, id).await.unwrap();
    assert!(matches!(waiting.state(), RecordingState::Open | RecordingState::Sealing), "{waiting:?}");

    ballast.remove();
    let calls = [(id, sample.frames()), (later, 100)];
    let calls = calls.map(|(id, frames)| (Told::new(&sample, id, "a full store".to_owned()), frames));
    for (call, frames) in &calls {
        call.is_sealed(&world, &server).await;
        call.plays(&world, &server, &purpose("mifid2-transaction"), |frame| frame < *frames).await;
    }
    ledger_is_whole(&world, &server, &calls.map(|(call, _)| call)).await;
    eventually("archive goes on", async || {
        (member.process.metric("verbale_archive_waiting").await? == 0.0).then_some(())
    })
    .await;
    member.process.stop().await.unwrap();
}
