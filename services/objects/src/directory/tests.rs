use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kernel::ManualClock;
use tempfile::TempDir;

use super::*;
use crate::contract::{Harness, NEW_VERSION, key, put, text};

struct Folder {
    dir: TempDir,
    clock: ManualClock,
}

impl Folder {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp(1_700_000_000_000_001));
        Self { dir: TempDir::new().unwrap(), clock }
    }

    async fn store(&self) -> DirectoryObjects {
        DirectoryObjects::open(self.dir.path().join("store"), Arc::new(self.clock.clone())).await.unwrap()
    }

    /// Every file below the store's folder of this name, locks aside.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.dir.path().join("store").join(folder), &mut files);
        files.retain(|path| path.file_name().is_some_and(|name| name != "lock"));
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

#[async_trait]
impl Harness for Folder {
    async fn open(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store().await)
    }
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

crate::contract_suite!(contract, Folder::new());

#[tokio::test]
async fn bytes_that_changed_on_the_disk_are_never_returned_whole() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, "a/b", "as it was put", PutOptions::default()).await;
    let data = folder.files("objects").into_iter().find(|path| path.extension().unwrap() == "data").unwrap();
    for damage in ["as it was  ut", "as it was", "as it was put and more", ""] {
        fs::write(&data, damage).unwrap();
        let damaged = store.get(&key("a/b"), None, None).await.unwrap_err();
        assert!(matches!(damaged, Error::Damaged { .. }), "{damage:?}: {damaged}");
    }
    fs::remove_file(&data).unwrap();
    let damaged = store.get(&key("a/b"), None, None).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
}

#[tokio::test]
async fn a_damaged_sidecar_is_named_and_not_believed() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, "a/b", "x", PutOptions::default()).await;
    let sidecar =
        folder.files("objects").into_iter().find(|path| path.extension().unwrap() == "json").unwrap();
    let whole = fs::read_to_string(&sidecar).unwrap();
    let damages = [
        String::new(),
        "{}".to_owned(),
        whole.replace("a/b", "a/c"),
        whole.replace("\"format\": 1", "\"format\": 2"),
        whole.replace("false", "false, \"more\": 1"),
        " ".repeat(1 << 20),
    ];
    for damage in damages {
        fs::write(&sidecar, damage).unwrap();
        let refused = store.get(&key("a/b"), None, None).await.unwrap_err();
        assert!(matches!(&refused, Error::Damaged { key: named, .. } if *named == key("a/b")), "{refused}");
        assert!(store.list(&Prefix::ALL, None, 10).await.is_err());
    }
    fs::write(&sidecar, whole).unwrap();
    assert_eq!(text(&store, "a/b", None).await, "x");
}

#[tokio::test]
async fn deleting_the_last_version_leaves_no_file_and_no_folder() {
    let folder = Folder::new();
    let store = folder.store().await;
    let version = put(&store, "a/b/c", "x", PutOptions::default()).await.version;
    let kept = put(&store, "a/k", "x", PutOptions::default()).await.version;
    store.delete_version(&key("a/b/c"), &version).await.unwrap();
    let objects = folder.dir.path().join("store/objects");
    assert!(!objects.join("a/b").exists() && objects.join("a").exists());
    store.delete_version(&key("a/k"), &kept).await.unwrap();
    assert!(!objects.join("a").exists() && objects.exists());
    assert_eq!(folder.files("staging"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn puts_and_deletions_of_neighbours_do_not_lose_each_others_folders() {
    let folder = Folder::new();
    let stores = [folder.store().await, folder.store().await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move {
            let at = format!("same/folder/key-{number}");
            for _ in 0..20 {
                let version = put(&store, &at, "x", PutOptions::default()).await.version;
                store.delete_version(&key(&at), &version).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(folder.files("objects"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_process_that_leaves_takes_its_staging_folder_with_it() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, "k", "x", NEW_VERSION).await;
    let staging = folder.dir.path().join("store/staging");
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 1);
    drop(store);
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_not_in_our_form_is_no_object() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, "a", "x", PutOptions::default()).await;
    let objects = folder.dir.path().join("store/objects");
    fs::create_dir_all(objects.join("no key=")).unwrap();
    fs::write(objects.join("no key=/0000000001-00000000000000000000000000000000.json"), "{}").unwrap();
    fs::write(objects.join("a=/notes.json"), "{}").unwrap();
    fs::write(objects.join("stray"), "").unwrap();
    assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_opened_to_be_read_writes_nothing() {
    let folder = Folder::new();
    put(&folder.store().await, "a", "x", PutOptions::default()).await;
    let before = (folder.files("staging"), folder.files("objects"), folder.files("locks"));
    let evidence =
        DirectoryObjects::open_read_only(folder.dir.path().join("store"), Arc::new(folder.clock.clone()));
    let object = evidence.get(&key("a"), None, None).await.unwrap();
    assert_eq!(object.bytes.as_ref(), b"x");
    let refused = evidence.put(&key("b"), "y".into(), PutOptions::default()).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    let version = object.head.version;
    assert!(evidence.delete_version(&key("a"), &version).await.is_err());
    assert!(evidence.set_legal_hold(&key("a"), &version, LegalHold::On).await.is_err());
    assert_eq!((folder.files("staging"), folder.files("objects"), folder.files("locks")), before);
}

/// Run by the next test in a process of its own, whose files the kernel keeps below 512 KiB at most.
#[tokio::test]
#[ignore = "needs a limited process: `a_full_disk_is_told_as_such_and_leaves_nothing` runs it"]
async fn in_a_process_with_a_file_size_limit() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, "before", "x", PutOptions::default()).await;
    let full = store.put(&key("large"), vec![7; 1 << 20].into(), PutOptions::default()).await.unwrap_err();
    assert!(matches!(full, Error::Full { .. }), "{full:?}");
    assert_eq!(folder.files("staging"), Vec::<PathBuf>::new());
    assert_eq!(folder.files("objects").len(), 2, "the one from before, with its sidecar");
    put(&store, "large", "smaller", PutOptions::default()).await;
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_as_such_and_leaves_nothing() {
    // The signal ignored, a write beyond the limit fails as it does on a full disk, in the midst of a file.
    let limited = "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\"";
    let status = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "directory::tests::in_a_process_with_a_file_size_limit", "--ignored"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && shown.contains("1 passed"), "{shown}");
}
