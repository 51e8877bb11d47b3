//! Every point at which a process may die in a put or a deletion, by taking only the steps up to there.

use std::mem::forget;
use std::sync::Arc;

use kernel::{ManualClock, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::contract::{key, put, text};
use crate::directory::DirectoryObjects;
use crate::key::Prefix;
use crate::store::{LegalHold, ObjectStore, PutOptions, sha256};

struct Dying {
    dir: TempDir,
    layout: Layout,
}

impl Dying {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let layout = Layout::new(dir.path().join("store"));
        Self { dir, layout }
    }

    async fn store(&self) -> DirectoryObjects {
        let clock = Arc::new(ManualClock::at(Timestamp(1)));
        DirectoryObjects::open(self.dir.path().join("store"), clock).await.unwrap()
    }

    fn head(&self, bytes: &[u8]) -> Head {
        Head {
            key: key("a/b"),
            version: self.layout.next_version(&key("a/b")).unwrap(),
            length: bytes.len() as u64,
            sha256: sha256(bytes),
            put_at: Timestamp(1),
            retain_until: None,
            legal_hold: LegalHold::Off,
        }
    }

    /// No object, no bytes of one, and the way free for another.
    async fn assert_nothing_is_left(&self) {
        let store = self.store().await;
        assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap(), []);
        assert_eq!(fs::read_dir(self.layout.objects()).unwrap().count(), 0);
        assert_eq!(
            fs::read_dir(self.layout.staging()).unwrap().count(),
            1,
            "the folder of the one that looks"
        );
        put(&store, "a/b", "again", PutOptions::default()).await;
    }
}

/// What a killed process leaves: its files, but not its lock, and no destructor has run.
fn die(staging: Staging) {
    staging._lock.unlock().unwrap();
    forget(staging);
}

#[tokio::test]
async fn a_put_that_dies_before_its_end_leaves_nothing() {
    for steps in 0..=2 {
        let dying = Dying::new();
        let staging = Staging::enter(&dying.layout).unwrap();
        let head = dying.head(b"half");
        let staged = staging.write(b"half").unwrap();
        if steps >= 1 {
            staged.announce(&head).unwrap();
        }
        if steps >= 2 {
            staged.place(&dying.layout, &head).unwrap();
            assert!(dying.layout.data(&head.key, &head.version).exists());
        }
        let watching = dying.store().await;
        assert_eq!(watching.list_versions(&Prefix::ALL, None, 10).await.unwrap(), [], "step {steps}");
        assert!(watching.get(&head.key, Some(&head.version), None).await.is_err());
        drop(watching);
        forget(staged);
        die(staging);
        dying.assert_nothing_is_left().await;
    }
}

#[tokio::test]
async fn a_put_that_dies_after_its_last_rename_is_there_whole() {
    let dying = Dying::new();
    let staging = Staging::enter(&dying.layout).unwrap();
    let head = dying.head(b"whole");
    let staged = staging.write(b"whole").unwrap();
    staged.announce(&head).unwrap();
    staged.place(&dying.layout, &head).unwrap();
    fs::rename(staged.undone(), dying.layout.sidecar(&head.key, &head.version)).unwrap();
    forget(staged);
    die(staging);
    assert_eq!(text(&dying.store().await, "a/b", None).await, "whole");
}

#[tokio::test]
async fn a_deletion_that_dies_after_its_first_rename_is_ended_by_the_next_process() {
    let dying = Dying::new();
    let done = put(&dying.store().await, "a/b", "deleted", PutOptions::default()).await;
    let staging = Staging::enter(&dying.layout).unwrap();
    let undone = staging.folder.join("0.undone");
    fs::rename(dying.layout.sidecar(&key("a/b"), &done.version), undone).unwrap();
    die(staging);
    dying.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_note_that_was_not_written_whole_is_swept() {
    let dying = Dying::new();
    let staging = Staging::enter(&dying.layout).unwrap();
    fs::write(staging.folder.join("0.undone"), "{\"format\": 1, \"ke").unwrap();
    fs::write(staging.folder.join("0.data"), "half").unwrap();
    fs::write(staging.folder.join("0.rewritten"), "").unwrap();
    die(staging);
    dying.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_a_living_process_has_under_way_is_left_alone() {
    let dying = Dying::new();
    let staging = Staging::enter(&dying.layout).unwrap();
    let head = dying.head(b"slow");
    let staged = staging.write(b"slow").unwrap();
    staged.announce(&head).unwrap();
    staged.place(&dying.layout, &head).unwrap();
    drop(dying.store().await);
    staged.reveal(&dying.layout, &head).unwrap();
    assert_eq!(text(&dying.store().await, "a/b", None).await, "slow");
}

#[tokio::test]
async fn a_sidecar_in_place_keeps_its_bytes_whatever_a_note_says() {
    let dying = Dying::new();
    let done = put(&dying.store().await, "a/b", "kept", PutOptions::default()).await;
    let staging = Staging::enter(&dying.layout).unwrap();
    let undone = staging.folder.join("0.undone");
    fs::copy(dying.layout.sidecar(&key("a/b"), &done.version), undone).unwrap();
    die(staging);
    assert_eq!(text(&dying.store().await, "a/b", None).await, "kept");
}

#[tokio::test]
async fn a_put_makes_its_folders_again_when_they_are_removed_as_empty_under_it() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let dying = Dying::new();
    let store = dying.store().await;
    let layout = dying.layout.clone();
    let is_done = Arc::new(AtomicBool::new(false));
    let stop = is_done.clone();
    // What deletions of neighbours do, without end.
    let removing = std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            // The folder above may go between the two steps of making one.
            let _ = fs::create_dir_all(layout.folder(&key("a/neighbour")));
            layout.remove_empty(&key("a/neighbour"));
        }
    });
    for _ in 0..100 {
        let version = put(&store, "a/b", "x", PutOptions::default()).await.version;
        store.delete_version(&key("a/b"), &version).await.unwrap();
    }
    is_done.store(true, Ordering::SeqCst);
    removing.join().unwrap();
}
