//! `verbale backup create|restore`: a data directory of the embedded engines, without keys.
//!
//! The event log stands still while it and the roles' files are copied: an event that is marked as sent in a role's copy
//! is in the log's copy then, and what a role's copy has seen beyond the log's it sees again, which changes nothing.
//! Objects are copied last: whatever a row names is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use kernel::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cli::BackupCommand;
use crate::output::{Exit, Output};
use crate::shown;

/// The list of what a backup holds.
const MANIFEST: &str = "backup.json";
/// Below it, what goes into the data directory.
const DATA: &str = "data";
/// The event log's file.
const LOG: &str = "log.db";
/// Longest list that is read.
const MAX_MANIFEST: u64 = 1 << 30;

/// What a backup holds: each file below `data/` with its SHA-256.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    made_at: String,
    files: BTreeMap<String, String>,
}

/// Runs one of them, on this data directory.
pub fn run(command: &BackupCommand, data: &Path, clock: &dyn Clock, out: Output) -> Result<Exit> {
    match command {
        BackupCommand::Create { to } => {
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

/// Copies a data directory to a new one.
pub(crate) fn create(data: &Path, to: &Path, now: Timestamp) -> Result<Manifest> {
    ensure!(data.is_dir(), "there is no data directory {}; give --data", data.display());
    ensure!(!to.exists(), "{} exists already; give a directory that does not", to.display());
    let (log, copy) = (data.join(LOG), to.join(DATA));
    ensure!(log.is_file(), "{} is no data directory of embedded engines: it has no {LOG}", data.display());
    fs::create_dir_all(&copy).with_context(|| format!("cannot make {}", copy.display()))?;

    let still = sqlite::backup::stand_still(&log).context("the event log does not stand still")?;
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
    fs::write(to.join(MANIFEST), text).context("cannot write the backup's list")?;
    Ok(manifest)
}

/// Puts a backup where nothing is, once every file of it was found as it was made.
pub(crate) fn restore(from: &Path, data: &Path) -> Result<Manifest> {
    let used = data.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!used, "{} is not empty; give --data a directory that is", data.display());
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

    let stored = from.join(DATA);
    for (name, sha256) in &manifest.files {
        let file = inside(&stored, name)?;
        let found = hash(&file).with_context(|| format!("the backup lacks {name}"))?;
        ensure!(found == *sha256, "{name} is not as it was when the backup was made");
    }
    for name in manifest.files.keys() {
        let (file, place) = (inside(&stored, name)?, inside(data, name)?);
        copy_file(&file, &place)?;
    }
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
    let folder = to.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    File::open(to).and_then(|file| file.sync_all()).with_context(|| format!("cannot keep {}", to.display()))
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
