//! Where things are. `=` is in no segment, so that a key and keys below it never meet.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::disk::{failed, is_missing};
use crate::error::Error;
use crate::key::{Key, Version};

/// The store's folders.
#[derive(Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

/// Lock files: keys share them by hash, which costs waiting and never correctness.
const LOCKS: u32 = 64;

impl Layout {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The folder of a key's versions.
    pub(super) fn folder(&self, key: &Key) -> PathBuf {
        let mut path = self.objects();
        path.extend(key.segments());
        path.as_mut_os_string().push("=");
        path
    }

    pub(super) fn sidecar(&self, key: &Key, version: &Version) -> PathBuf {
        self.folder(key).join(format!("{version}.json"))
    }

    pub(super) fn data(&self, key: &Key, version: &Version) -> PathBuf {
        self.folder(key).join(format!("{version}.data"))
    }

    /// A key's versions, the latest last; none where it does not exist.
    pub(super) fn versions(&self, key: &Key) -> Result<Vec<Version>, Error> {
        versions_in(&self.folder(key))
    }

    /// A name for a key's next version, later than all it has; under the key's lock.
    ///
    /// The number orders, the rest keeps a name from coming again when the latest version was deleted.
    pub(super) fn next_version(&self, key: &Key) -> Result<Version, Error> {
        let latest = self.versions(key)?.pop();
        let number = latest.and_then(|latest| number_of(latest.as_str())).unwrap_or(0);
        Ok(Version::new(format!("{:010}-{}", u64::from(number) + 1, Uuid::new_v4().simple()))?)
    }

    /// Keeps other writers, of this process and others, away from a key until dropped.
    pub(super) fn lock(&self, key: &Key) -> Result<File, Error> {
        // FNV-1a, 32 bit: any even hash will do.
        let hash = key
            .as_str()
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        lock(&self.locks().join((hash % LOCKS).to_string()))
    }

    /// Removes a key's folder and those above it that hold nothing any more.
    pub(super) fn remove_empty(&self, key: &Key) {
        let objects = self.objects();
        let folder = self.folder(key);
        let folders = folder.ancestors().take_while(|folder| *folder != objects);
        for folder in folders {
            // One that is not empty, or cannot be removed, keeps those above it.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}

/// Opens a lock file and waits for its lock, which goes with the file.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let failed = failed("lock a part of the store");
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// The versions in a key's folder, the latest last.
pub(super) fn versions_in(folder: &Path) -> Result<Vec<Version>, Error> {
    let failed = failed("look for versions");
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(".json"));
        names.extend(version.filter(|version| is_version(version)).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names.into_iter().map(Version::new).collect::<Result<_, _>>()?)
}

/// Whether this is a name that [`Layout::next_version`] makes: nothing else is made a path.
pub(super) fn is_version(text: &str) -> bool {
    let unique = text.split_once('-').map_or("", |(_, unique)| unique);
    number_of(text).is_some() && unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn number_of(version: &str) -> Option<u32> {
    let (number, _) = version.split_once('-')?;
    (number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.parse().ok())?
}
