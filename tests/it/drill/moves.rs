//! What happens to keys and data: keys turn, data are backed up, lost and restored, key tables are put in place.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use kernel::TenantId;
use platform::config::Period;
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{EpochState, EpochStatus, GetStatusRequest};
use verbale::config::Config;
use verbale::connect::Caller;

use crate::harness::keeping::DAY;
use crate::harness::program::{self, Ended};
use crate::harness::{Child, World, eventually, files};

/// Longer than an epoch is active.
pub(super) const A_TURN: Duration = DAY.saturating_mul(8);

/// Key epochs end, and the ledger is written, as soon as they can; keys are copied where they can be.
pub(super) fn quickly(config: &mut Config) {
    config.crypto.turn = Period::millis(200);
    // So long no other process may have an epoch's keys: longer than leases run.
    config.crypto.open_epoch_life = Period(config.crypto.lease.0 + Duration::from_secs(1));
    config.ingest.epoch_report = Period::millis(200);
    // Many calls begin at once: past these waits a purpose is off for that stretch.
    config.ingest.call = Period::secs(20);
    config.ingest.consent_silence = Period::secs(30);
    config.ledger.root_interval = Period::secs(1);
    config.ledger.entry_object_age = Period::secs(1);
    if config.storage.store == "sqlite:" {
        config.storage.key_copies = Some(config.storage.data.with_file_name("key-copies"));
    }
}

/// A tenant's epochs, oldest first.
async fn epochs(caller: &Caller) -> Vec<EpochStatus> {
    let request = caller.request(GetStatusRequest { canaries: false }).unwrap();
    KeysClient::new(caller.wire()).get_status(request).await.unwrap().into_inner().epochs
}

/// Waits until an epoch is in a state, and tells how it stands then.
pub(super) async fn epoch_is(caller: &Caller, number: u64, state: EpochState) -> EpochStatus {
    let (last, what) = (Mutex::new(None), format!("epoch {number} is {}", state.as_str_name()));
    let _shown = Shown(&last);
    eventually(&what, async || {
        let found = epochs(caller).await.into_iter().find(|one| one.epoch == number);
        last.lock().unwrap().clone_from(&found);
        found.filter(|one| one.state() == state)
    })
    .await
}

/// What was waited for, shown with a test that waited in vain.
struct Shown<'l>(&'l Mutex<Option<EpochStatus>>);

impl Drop for Shown<'_> {
    #[expect(clippy::print_stdout, reason = "the test harness shows it with the test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it stands so: {:?}", self.0.lock().unwrap());
        }
    }
}

/// Waits until the first epoch is destroyed, and what was removed under it proved to be gone.
pub(super) async fn turned(world: &World, server: &str, tenant: &TenantId) {
    let anna = world.named(server, tenant, "anna");
    world.pass(A_TURN).await;
    epoch_is(&anna, 1, EpochState::Destroyed).await;
    let canary = world.run(server, tenant.as_str(), &["keys", "canary", "--json"]).await;
    let told = canary.json();
    assert!(canary.code == 0 && told["ok"] == true, "{canary:?}");
    let first = &told["canaries"][0];
    assert!(first["epoch"] == 1 && first["removed_opens"] == false, "{told}");
}

/// In a process of its own.
pub(super) async fn up(world: &World, port: u16) -> Child {
    let mut config = world.settings().config;
    config.server.listen = format!("127.0.0.1:{port}");
    let file = world.folder().join("up.toml");
    std::fs::write(&file, platform::config::dump(&config).unwrap()).unwrap();
    Child::serve(&["up", "--config", file.to_str().unwrap()], &[], &world.log()).await
}

/// Backs up the data, by the program's own command.
pub(super) async fn back_up(world: &World) -> PathBuf {
    let to = world.folder().join("backup");
    let ended =
        command(world, &["backup", "create", text(&to), "--data", text(&world.data()), "--json"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(files(&to).iter().all(|file| !file.ends_with("keys.db")), "keys are backed up");
    to
}

/// The data are lost: those of the backup are in their place.
pub(super) async fn restore(world: &World, backup: &Path) {
    std::fs::rename(world.data(), world.folder().join("lost")).unwrap();
    let ended =
        command(world, &["backup", "restore", text(backup), "--data", text(&world.data()), "--json"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
}

/// The key tables as they are now, in a file of their own.
pub(super) fn copy_keys(world: &World) -> PathBuf {
    let to = world.folder().join(format!("keys-{}.db", kernel::EventId::new()));
    sqlite::backup::copy(&world.keys().join("keys.db"), &to).unwrap();
    to
}

/// Key tables in place of those that are there, whose program has ended.
pub(super) fn put_keys(world: &World, copy: &Path) {
    for own in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        let _it_may_have_none = std::fs::remove_file(world.keys().join(own));
    }
    std::fs::copy(copy, world.keys().join("keys.db")).unwrap();
}

/// What the program says of a copy of the key tables.
pub(super) async fn check_keys(world: &World, copy: &Path) -> Ended {
    command(world, &["keys", "check", text(copy), "--keys", text(&world.keys()), "--json"]).await
}

async fn command(world: &World, args: &[&str]) -> Ended {
    program::run(world.folder(), args).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
