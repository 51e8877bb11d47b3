//! Key tables from before a turn: what they hold was under a key that is gone.

use proto::crypto::v1::EpochState;
use tonic::Code;

use super::calls::{CONTRACT, Calls, QUALITY};
use super::moves::{back_up, check_keys, copy_keys, epoch_is, put_keys, quickly, restore, turned, up};
use crate::harness::{World, eventually, free_port, hear, purpose, server};

#[tokio::test(flavor = "multi_thread")]
async fn key_tables_from_before_a_turn_open_nothing_and_the_program_says_why() {
    let (world, port) = (World::new().tuned(quickly), free_port());
    let (child, server) = (up(&world, port).await, server(port));
    let calls = Box::pin(Calls::record(&world, &server)).await;
    let backup = back_up(&world).await;
    let stale = copy_keys(&world);
    calls.take(&world, &server).await;
    turned(&world, &server, calls.tenant()).await;
    assert_eq!(child.terminate().await, Some(0));

    let live = check_keys(&world, &copy_keys(&world)).await;
    assert!(live.code == 0 && live.json()["opens"] == true, "{live:?}");
    let checked = check_keys(&world, &stale).await;
    let told = checked.json();
    assert!(checked.code == 1 && told["opens"] == false, "{checked:?}");
    let gone = format!("key {}/epoch-1 does not exist", calls.tenant());
    assert!(told["problem"].as_str().unwrap().contains(&gone), "{told}");

    restore(&world, &backup).await;
    put_keys(&world, &stale);
    let mesh = world.up().await;
    let anna = world.named(&mesh.server(), calls.tenant(), "anna");
    // Refused, not broken: what was erased because it was, and all else for want of its key.
    for call in calls.all() {
        for name in [QUALITY, CONTRACT] {
            let refused = hear(&anna, call.id, &purpose(name)).await.unwrap_err();
            assert!(
                matches!(refused.code(), Code::FailedPrecondition | Code::PermissionDenied),
                "{name}: {refused}"
            );
        }
    }
    let kept = hear(&anna, calls.kept.id, &purpose(QUALITY)).await.unwrap_err();
    assert_eq!(kept.code(), Code::FailedPrecondition, "{kept}");
    let first = eventually("an operator is told why", async || {
        let first = epoch_is(&anna, 1, EpochState::Drained).await;
        first.waits_for.contains(&gone).then_some(first)
    })
    .await;
    assert!(first.destroyed_at == 0 && first.entries > 0, "{first:?}");
    let (server, tenant) = (mesh.server(), calls.tenant().as_str());
    let canary = world.run(&server, tenant, &["keys", "canary", "--json"]).await;
    let told = canary.json();
    let old = &told["canaries"][0];
    assert!(canary.code == 1 && old["removed_opens"] == false && old["neighbour_opens"] == false, "{told}");
    mesh.stop().await.unwrap();
}
