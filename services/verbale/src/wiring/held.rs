//! Directories of the embedded engines are one process's: it alone may serve on them.
//!
//! What the roles count in memory, such as the listeners that an erasure waits for, is all there is only while nobody
//! else serves from the same tables.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::{Engine, Storage};

/// The file that is locked, in each directory.
const LOCK: &str = "serving.lock";

/// Directories that no other process may serve on while this lives. A process that is killed gives them up as well.
pub struct Held(Vec<File>);

impl Held {
    /// Takes the directories, which exist, in which engines of these settings are embedded: on engines of their own many
    /// processes share what else lies there, and commands that only read take nothing.
    pub(super) fn take(storage: &Storage) -> Result<Self> {
        let has_tables = storage.store() == Ok(Engine::Embedded);
        let mut held = Self(Vec::new());
        if has_tables || storage.log() == Ok(Engine::Embedded) {
            held.0.push(lock(&storage.data, "data", "--data")?);
        }
        if has_tables {
            held.0.push(lock(&storage.keys(), "keys", "--keys")?);
        }
        Ok(held)
    }
}

/// A program that another thread has just begun to start has the files still open for a moment: closing them would give
/// up nothing until then.
impl Drop for Held {
    fn drop(&mut self) {
        for file in &self.0 {
            // Closed in a moment, which gives it up too.
            let _ = file.unlock();
        }
    }
}

fn lock(folder: &Path, what: &str, option: &str) -> Result<File> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another process serves on the {what} directory {}: stop it first, or give this one another {option}",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(folder: &Path, data: &str, keys: &str) -> Storage {
        let [data, keys] = [data, keys].map(|name| folder.join(name));
        for made in [&data, &keys] {
            std::fs::create_dir_all(made).unwrap();
        }
        Storage { data, keys: Some(keys), ..Storage::default() }
    }

    #[test]
    fn a_directory_is_served_on_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let at = |data: &str, keys: &str| Held::take(&storage(folder.path(), data, keys));
        let first = at("d1", "k1").unwrap();
        let refused = |data: &str, keys: &str| at(data, keys).err().unwrap().to_string();
        assert!(refused("d1", "k2").contains("/d1: stop it first"));
        assert!(refused("d2", "k1").contains("/k1: stop it first"));
        // What was refused holds nothing.
        let second = at("d2", "k2").unwrap();
        drop((first, second));
        at("d1", "k1").unwrap();
    }

    #[test]
    fn processes_on_engines_of_their_own_share_their_directories() {
        let folder = tempfile::tempdir().unwrap();
        let on_engines = Storage {
            log: "kafka://one:9092".to_owned(),
            store: "scylla://one:9042/verbale".to_owned(),
            objects: "s3://bucket".to_owned(),
            ..storage(folder.path(), "d", "k")
        };
        let (one, other) = (Held::take(&on_engines), Held::take(&on_engines));
        assert!(one.is_ok() && other.is_ok());
    }
}
