//! A key epoch lives until what stays is copied, and the copy was read.

use std::path::PathBuf;

use proto::crypto::v1::{EpochState, EpochStatus};
use proto::retention::v1::ErasureState;

use super::calls::QUALITY;
use super::moves::{A_TURN, check_keys, copy_keys, epoch_is, quickly, up};
use crate::harness::keeping::{ON_REQUEST, erased, must_be_gone, of_recording};
use crate::harness::{Expected, Sample, World, files, free_port, hear, purpose, server};

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_is_not_destroyed_until_its_keys_are_copied_whatever_crashes_meanwhile() {
    let world = World::new().tuned(quickly);
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "drill-of-another");
    let quality = purpose(QUALITY);
    let port = free_port();
    let child = up(&world, port).await;
    let server = server(port);
    let (id, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    let (_, told, _) = erased(&anna, &of_recording(id)).await;
    assert_eq!(told.state(), ErasureState::Done, "{told:?}");

    // The other disk is gone, and something else lies where it was.
    let place = world.folder().join("key-copies");
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "no directory").unwrap();
    world.pass(A_TURN).await;
    let first = waits_for_copies(&anna).await;
    assert!(first.pages == 0 && first.destroyed_at == 0, "all of it is turned: {first:?}");
    let plays = async |when: &str| {
        let heard = hear(&world.named(&server, &sample.tenant, when), stays, &quality).await.unwrap();
        heard.must_be(&Expected::of(&other), &other, &quality, other.whole());
    };
    plays("drained").await;
    let status = world.run(&server, sample.tenant.as_str(), &["keys", "status", "--json"]).await.json();
    let waits = status["epochs"][0]["waits_for"].as_str().unwrap();
    assert!(status["epochs"][0]["state"] == "drained" && waits.starts_with("copies: "), "{status}");

    // Killed before anything was copied: what is older than the turn opens still, should it be needed.
    child.kill().await;
    let checked = check_keys(&world, &copy_keys(&world)).await;
    assert_eq!(checked.code, 0, "{checked:?}");
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    // As a crash in the middle of a copy leaves it.
    let half = place.join(".keys-half");
    std::fs::write(&half, "half a copy").unwrap();

    let child = up(&world, port).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    epoch_is(&anna, 1, EpochState::Destroyed).await;
    let copies: Vec<PathBuf> = files(&place);
    assert!(!copies.is_empty() && !half.exists(), "{copies:?}");
    plays("destroyed").await;
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &[ON_REQUEST]);
    assert_eq!(child.terminate().await, Some(0));
    for copy in copies {
        let checked = check_keys(&world, &copy).await;
        assert!(checked.code == 0 && checked.json()["opens"] == true, "{checked:?}");
    }
}

/// The first epoch once it waits for nothing but a copy.
async fn waits_for_copies(anna: &verbale::connect::Caller) -> EpochStatus {
    crate::harness::eventually("the epoch waits for copies", async || {
        let first = epoch_is(anna, 1, EpochState::Drained).await;
        first.waits_for.starts_with("copies: ").then_some(first)
    })
    .await
}
