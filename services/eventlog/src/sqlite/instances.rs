//! Which processes live: each holds a lock on a file of its own, and the kernel frees it however the process ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

/// This process's entry beside the log's file, and a view of the others; clones share it.
#[derive(Clone)]
pub(super) struct Instances(Arc<Entry>);

struct Entry {
    folder: PathBuf,
    name: String,
    // Locked as long as this lives.
    _lock: File,
}

impl Instances {
    /// Enters this process for the log in this file.
    pub(super) fn enter(log: &Path) -> io::Result<Self> {
        let mut folder = log.as_os_str().to_owned();
        folder.push(".instances");
        let folder = PathBuf::from(folder);
        fs::create_dir_all(&folder)?;
        let name = Uuid::now_v7().to_string();
        let lock = OpenOptions::new().create_new(true).write(true).open(folder.join(&name))?;
        lock.lock()?;
        Ok(Self(Arc::new(Entry { folder, name, _lock: lock })))
    }

    /// The name that this process's members carry.
    pub(super) fn own(&self) -> &str {
        &self.0.name
    }

    /// Whether the process of this name still runs. In doubt it does: then its members' beats decide.
    pub(super) fn is_alive(&self, name: &str) -> bool {
        if name == self.0.name {
            return true;
        }
        // Names come from the file's rows: one that is no id is not made a path.
        let Ok(id) = Uuid::parse_str(name) else { return false };
        let path = self.0.folder.join(id.to_string());
        match File::open(&path) {
            Ok(file) => match file.try_lock() {
                Ok(()) => {
                    // Nobody else asks about it again once its members are dropped.
                    let _ = fs::remove_file(&path);
                    false
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
            },
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // One left behind is found unlocked.
        let _ = fs::remove_file(self.folder.join(&self.name));
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_process_lives_as_long_as_its_lock_is_held() {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("log.db");
        let (one, two) = (Instances::enter(&log).unwrap(), Instances::enter(&log).unwrap());
        let name = two.own().to_owned();
        assert!(one.is_alive(one.own()) && one.is_alive(&name));
        // As the kernel does to one that is killed: the lock goes, the file stays.
        two.0._lock.unlock().unwrap();
        assert!(dir.path().join("log.db.instances").join(&name).exists());
        assert!(!one.is_alive(&name));
        assert!(!one.is_alive(&name), "and stays dead once its file is cleared up");
    }

    #[test]
    fn a_name_that_is_no_id_is_nobodys() {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("log.db");
        std::fs::write(&log, "").unwrap();
        let own = Instances::enter(&log).unwrap();
        assert!(!own.is_alive("../log.db") && log.exists());
    }
}
