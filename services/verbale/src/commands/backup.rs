//! `verbale backup create|restore`: a data directory of the embedded engines, without keys.
//!
//! The event log stands still while it and the roles' files are copied: an event that is marked as sent in a role's copy
//! is in the log's copy then, and what a role's copy has seen beyond the log's it sees again, which changes nothing.
//! Objects are copied last: whatever a row names is there.
//!
//! A backup, and what is restored from one, is there whole or not at all (`aside`).

mod aside;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use kernel::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use self::aside::{ensure_outside, whole};
use crate::cli::BackupCommand;
use crate::config::Storage;
use crate::output::{Exit, Output};
use crate::shown;

/// The list of what a backup holds.
const MANIFEST: &str = "backup.json";
/// Below it, what goes into the data directory.
const DATA: &str = "data";
/// The event log's file.
const LOG: &str = "log.db";
/// What a backup is called while it is made, after its name.
const MAKING: &str = ".making";
/// What a data directory is called while it is restored, after its name.
const RESTORING: &str = ".restoring";
/// Longest list that is read.
const MAX_MANIFEST: u64 = 1 << 30;

/// What a backup holds: each file below `data/` with its SHA-256.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    made_at: String,
    files: BTreeMap<String, String>,
}

/// Runs one of them, on the data directory of these settings.
pub fn run(command: &BackupCommand, storage: &Storage, clock: &dyn Clock, out: Output) -> Result<Exit> {
    let data = storage.data.as_path();
    match command {
        BackupCommand::Create { to } => {
            ensure_outside(to, &storage.keys(), "the keys directory")?;
            let manifest = create(data, to, clock.now())?;
            let value = json!({"backup": to, "made_at": manifest.made_at, "files": manifest.files.len()});
            out.value(&value, |_| {
                let (files, to) = (manifest.files.len(), to.display());
                format!("{files} files of {} are in {to}; keys are not among them", data.display())
            });
        }
        BackupCommand::Restore { from } => {
            let manifest = restore(from, data)?;
            let value = json!({"data": data, "made_at": manifest.made_at, "files": manifest.files.len()});
            out.value(&value, |_| {
                format!(
                    "{} holds the backup of {}: start it with today's keys (--keys), and it catches up with what was \
                     erased since before it serves anyone",
                    data.display(),
                    manifest.made_at
                )
            });
        }
    }
    Ok(Exit::Ok)
}

/// Copies a data directory to a new one, which only its owner may read.
pub(crate) fn create(data: &Path, to: &Path, now: Timestamp) -> Result<Manifest> {
    ensure!(data.is_dir(), "there is no data directory {}; give --data", data.display());
    ensure!(!to.exists(), "{} exists already; give a directory that does not", to.display());
    let log = data.join(LOG);
    ensure!(log.is_file(), "{} is no data directory of embedded engines: it has no {LOG}", data.display());

    ensure_outside(to, data, "the data directory")?;
    let copied = |folder: &Path| copy_all(data, &log, folder, now);
    whole(to, MAKING, copied).with_context(|| format!("no backup is made in {}", to.display()))
}

fn copy_all(data: &Path, log: &Path, folder: &Path, now: Timestamp) -> Result<Manifest> {
    let copy = folder.join(DATA);
    make_private(&copy)?;
    let still = sqlite::backup::stand_still(log).context("the event log does not stand still")?;
    for file in databases(data)? {
        let (from, to) = (data.join(&file), copy.join(&file));
        sqlite::backup::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        ensure!(sqlite::backup::is_whole(&to)?, "the copy of {} is not whole", from.display());
    }
    drop(still);
    copy_objects(&data.join("objects"), &copy.join("objects"))?;

    let mut files = BTreeMap::new();
    for file in files_below(&copy)? {
        let name = name(&file, &copy)?;
        files.insert(name, hash(&file)?);
    }
    let manifest = Manifest { version: 1, made_at: now.to_string(), files };
    let text = serde_json::to_string_pretty(&manifest)?;
    let list = new_file(&folder.join(MANIFEST)).and_then(|mut list| list.write_all(text.as_bytes()));
    list.context("cannot write the backup's list")?;
    Ok(manifest)
}

/// Puts a backup where nothing is, once every file of it was found as it was made.
pub(crate) fn restore(from: &Path, data: &Path) -> Result<Manifest> {
    let used = data.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!used, "{} is not empty; give --data a directory that is", data.display());
    let manifest = read_manifest(from)?;
    ensure_outside(data, from, "the backup")?;
    let stored = from.join(DATA);
    for (name, sha256) in &manifest.files {
        let file = inside(&stored, name)?;
        let found = hash(&file).with_context(|| format!("the backup lacks {name}"))?;
        ensure!(found == *sha256, "{name} is not as it was when the backup was made");
    }
    whole(data, RESTORING, |folder| {
        for name in manifest.files.keys() {
            let (file, place) = (inside(&stored, name)?, inside(folder, name)?);
            copy_file(&file, &place)?;
        }
        Ok(())
    })
    .with_context(|| format!("nothing is restored to {}", data.display()))?;
    Ok(manifest)
}

fn read_manifest(from: &Path) -> Result<Manifest> {
    let list = from.join(MANIFEST);
    let file =
        File::open(&list).with_context(|| format!("{} is no backup: no {MANIFEST}", from.display()))?;
    let mut text = String::new();
    file.take(MAX_MANIFEST).read_to_string(&mut text).context("the backup's list cannot be read")?;
    let manifest: Manifest = serde_json::from_str(&text).context("the backup's list cannot be read")?;
    ensure!(
        manifest.version == 1,
        "the backup is of version {}, which this release does not know",
        manifest.version
    );
    Ok(manifest)
}

fn databases(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(data).with_context(|| format!("cannot read {}", data.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "db") && path.is_file() {
            found.push(PathBuf::from(path.file_name().context("a file without a name")?));
        }
    }
    // The log among them comes first only for people who read along; it stands still.
    found.sort();
    Ok(found)
}

/// What was there when this began; what is deleted meanwhile may be in the copy or not.
fn copy_objects(from: &Path, to: &Path) -> Result<()> {
    let stored = from.join("objects");
    if !stored.is_dir() {
        return Ok(());
    }
    let files = files_below(&stored)?;
    // An object's side file is written after its data: listed first, it has them.
    let side = files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "json"));
    for file in side {
        for part in [file.with_extension("data"), file.clone()] {
            let place = to.join("objects").join(part.strip_prefix(&stored)?);
            match copy_file(&part, &place) {
                Ok(()) => {}
                Err(_) if !part.exists() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    make_private(to.parent().context("a file without a folder")?)?;
    let mut read = File::open(from).with_context(|| format!("cannot copy {}", from.display()))?;
    let written = new_file(to).and_then(|mut file| io::copy(&mut read, &mut file));
    written.with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// A file that is not there yet, for its owner only.
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn make_private(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}

/// A name as the list has it: with `/`, on every machine.
fn name(file: &Path, below: &Path) -> Result<String> {
    let parts = file.strip_prefix(below)?.components().map(|part| part.as_os_str().to_string_lossy());
    Ok(parts.collect::<Vec<_>>().join("/"))
}

/// The file of that name; a name that leads elsewhere is refused.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let parts: Vec<_> = name.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
        bail!("the backup's list names a file outside of it");
    }
    Ok(parts.iter().fold(folder.to_owned(), |path, part| path.join(part)))
}

fn hash(file: &Path) -> Result<String> {
    let mut file = File::open(file)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(shown::hex(&hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn data(folder: &Path) -> PathBuf {
        let data = folder.join("data");
        fs::create_dir_all(data.join("objects/objects/t/o=")).unwrap();
        for file in [LOG, "archive.db"] {
            let connection = sqlite::rusqlite::Connection::open(data.join(file)).unwrap();
            connection.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)").unwrap();
        }
        for (file, text) in [("1.data", "sealed"), ("1.json", "{}")] {
            fs::write(data.join("objects/objects/t/o=").join(file), text).unwrap();
        }
        data
    }

    #[test]
    fn what_was_backed_up_is_restored_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup, other) =
            (data(folder.path()), folder.path().join("b"), folder.path().join("other"));
        let made = create(&data, &backup, Timestamp(0)).unwrap();
        let names: Vec<_> = made.files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["archive.db", "log.db", "objects/objects/t/o=/1.data", "objects/objects/t/o=/1.json"]
        );
        restore(&backup, &other).unwrap();
        assert_eq!(fs::read(other.join("objects/objects/t/o=/1.data")).unwrap(), b"sealed");
        assert!(sqlite::backup::is_whole(&other.join(LOG)).unwrap());

        let again = create(&data, &backup, Timestamp(0)).unwrap_err().to_string();
        assert!(again.contains("exists already"), "{again}");
        let full = restore(&backup, &other).unwrap_err().to_string();
        assert!(full.contains("is not empty"), "{full}");
    }

    #[test]
    fn what_was_interrupted_is_no_backup_and_no_data_directory() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup, other) =
            (data(folder.path()), folder.path().join("b"), folder.path().join("other"));
        fs::create_dir(folder.path().join("b.making")).unwrap();
        let refused = format!("{:#}", create(&data, &backup, Timestamp(0)).unwrap_err());
        assert!(refused.contains("b.making") && !backup.exists(), "{refused}");
        fs::remove_dir(folder.path().join("b.making")).unwrap();
        create(&data, &backup, Timestamp(0)).unwrap();
        fs::create_dir(folder.path().join("other.restoring")).unwrap();
        let refused = format!("{:#}", restore(&backup, &other).unwrap_err());
        assert!(refused.contains("other.restoring") && !other.exists(), "{refused}");
    }

    #[test]
    fn a_backup_lies_in_nothing_that_it_is_of_and_nothing_is_restored_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup) = (data(folder.path()), folder.path().join("b"));
        let refused = create(&data, &data.join("b"), Timestamp(0)).unwrap_err().to_string();
        assert!(refused.contains("lies in the data directory"), "{refused}");
        let storage =
            Storage { data: data.clone(), keys: Some(folder.path().join("k")), ..Storage::default() };
        let command = BackupCommand::Create { to: folder.path().join("k/b") };
        let refused = run(&command, &storage, &kernel::SystemClock, Output::new(true)).unwrap_err();
        assert!(refused.to_string().contains("lies in the keys directory"), "{refused}");
        create(&data, &backup, Timestamp(0)).unwrap();
        let refused = restore(&backup, &backup.join("x")).unwrap_err().to_string();
        assert!(refused.contains("lies in the backup"), "{refused}");
        assert!(!backup.join("x").exists() && !folder.path().join("k").exists());
    }

    #[test]
    fn a_backup_and_what_is_restored_from_it_are_for_their_owner_s_eyes_only() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup, other) =
            (data(folder.path()), folder.path().join("b"), folder.path().join("other"));
        create(&data, &backup, Timestamp(0)).unwrap();
        // As a backup of an older release is.
        let object = backup.join("data/objects/objects/t/o=/1.data");
        fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
        restore(&backup, &other).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for place in ["", "data", "data/objects/objects/t/o="] {
            assert_eq!(mode(&backup.join(place)), 0o700, "{place:?}");
        }
        assert_eq!((mode(&backup.join(MANIFEST)), mode(&backup.join("data/log.db"))), (0o600, 0o600));
        assert_eq!((mode(&other), mode(&other.join("objects/objects/t"))), (0o700, 0o700));
        for file in files_below(&other).unwrap() {
            assert_eq!(mode(&file), 0o600, "{file:?}");
        }
    }

    #[test]
    fn a_backup_that_was_changed_is_refused_before_anything_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup, other) =
            (data(folder.path()), folder.path().join("b"), folder.path().join("other"));
        create(&data, &backup, Timestamp(0)).unwrap();
        let object = backup.join("data/objects/objects/t/o=/1.data");
        fs::write(&object, "other bytes").unwrap();
        let refused = restore(&backup, &other).unwrap_err().to_string();
        assert!(refused.contains("1.data is not as it was"), "{refused}");
        fs::remove_file(&object).unwrap();
        let refused = restore(&backup, &other).unwrap_err().to_string();
        assert!(refused.contains("lacks"), "{refused}");
        let list = fs::read_to_string(backup.join(MANIFEST)).unwrap();
        fs::write(backup.join(MANIFEST), list.replace("log.db", "../log.db")).unwrap();
        let refused = restore(&backup, &other).unwrap_err().to_string();
        assert!(refused.contains("outside of it"), "{refused}");
        assert!(!other.exists());
    }
}
