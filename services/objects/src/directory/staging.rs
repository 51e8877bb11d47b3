//! What is under way: one folder per process, and what is cleared up when a process is gone.
//!
//! ```text
//! lock             held by the process as long as it lives
//! <id>.data        bytes not yet in place
//! <id>.undone      the sidecar of a version whose bytes are to go: a put that has not ended, a deletion begun
//! <id>.rewritten   a sidecar that is to replace one
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::disk::{self, failed, is_missing, sync_folder};
use super::layout::{self, Layout};
use super::sidecar;
use crate::error::Error;
use crate::key::{Key, Version};
use crate::store::Head;

/// This process's folder.
pub(super) struct Staging {
    folder: PathBuf,
    // Held as long as this lives.
    _lock: File,
}

/// Bytes on the disk that are no object yet; removed when dropped before that.
pub(super) struct Staged<'s> {
    folder: &'s Path,
    id: Uuid,
}

/// How often a put makes its folders again when a deletion removes them as empty.
const MAKE_AGAIN: usize = 16;

impl Staging {
    /// Makes this process's folder, after clearing up what others left.
    pub(super) fn enter(layout: &Layout) -> Result<Self, Error> {
        let failed = failed("open the store");
        for folder in [layout.objects(), layout.staging(), layout.locks()] {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // One at a time, so that no folder is taken for abandoned before its lock is held.
        let _entering = layout::lock(&layout.locks().join("enter"))?;
        for entry in fs::read_dir(layout.staging()).map_err(failed)? {
            sweep(layout, &entry.map_err(failed)?.path())?;
        }
        let folder = layout.staging().join(Uuid::now_v7().to_string());
        fs::create_dir(&folder).map_err(failed)?;
        let lock = layout::lock(&folder.join("lock"))?;
        sync_folder(&layout.staging()).map_err(failed)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Puts bytes on the disk, in no place yet.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Staged<'_>, Error> {
        let staged = Staged { folder: &self.folder, id: Uuid::new_v4() };
        disk::write_new(&staged.data(), bytes).map_err(failed("write an object's bytes"))?;
        Ok(staged)
    }

    /// Deletes a version, whose key is locked.
    pub(super) fn delete(&self, layout: &Layout, key: &Key, version: &Version) -> Result<(), Error> {
        let failed = failed("delete a version");
        let undone = self.folder.join(format!("{}.undone", Uuid::new_v4()));
        let folder = layout.folder(key);
        fs::rename(layout.sidecar(key, version), &undone).map_err(failed)?;
        // From here on the version does not exist; its bytes go now or by the next sweep.
        sync_folder(&self.folder).and_then(|()| sync_folder(&folder)).map_err(failed)?;
        undo(layout, key, version).and_then(|()| disk::remove(&undone)).map_err(failed)
    }

    /// Replaces a version's sidecar; its key is locked.
    pub(super) fn rewrite(&self, layout: &Layout, head: &Head) -> Result<(), Error> {
        let failed = failed("change a sidecar");
        let rewritten = self.folder.join(format!("{}.rewritten", Uuid::new_v4()));
        let replaced = disk::write_new(&rewritten, &sidecar::encode(head))
            .and_then(|()| fs::rename(&rewritten, layout.sidecar(&head.key, &head.version)));
        if replaced.is_err() {
            // The error to tell is the one above; what stays is swept.
            let _ = disk::remove(&rewritten);
        }
        replaced.and_then(|()| sync_folder(&layout.folder(&head.key))).map_err(failed)
    }
}

impl Staged<'_> {
    /// Makes the bytes a version; its key is locked.
    pub(super) fn publish(self, layout: &Layout, head: &Head) -> Result<(), Error> {
        self.announce(head)
            .and_then(|()| self.place(layout, head))
            .and_then(|()| self.reveal(layout, head))
            .map_err(failed("put an object in place"))
            .inspect_err(|_| self.give_up(layout, head))
    }

    /// Notes what a sweep has to remove, before anything is in place.
    fn announce(&self, head: &Head) -> io::Result<()> {
        disk::write_new(&self.undone(), &sidecar::encode(head))?;
        sync_folder(self.folder)
    }

    /// Moves the bytes to where nobody looks without a sidecar.
    fn place(&self, layout: &Layout, head: &Head) -> io::Result<()> {
        let folder = layout.folder(&head.key);
        let target = layout.data(&head.key, &head.version);
        let mut left = MAKE_AGAIN;
        loop {
            let placed = disk::make_folder(&layout.objects(), &folder)
                .and_then(|()| fs::rename(self.data(), &target))
                .and_then(|()| sync_folder(&folder));
            left -= 1;
            match placed {
                Err(error) if was_removed(&error) && left > 0 => {}
                Ok(()) | Err(_) => return placed,
            }
        }
    }

    /// The moment at which the version exists.
    fn reveal(&self, layout: &Layout, head: &Head) -> io::Result<()> {
        fs::rename(self.undone(), layout.sidecar(&head.key, &head.version))?;
        sync_folder(&layout.folder(&head.key))
    }

    /// Takes back what a failed put did, unless it got as far as existing.
    fn give_up(&self, layout: &Layout, head: &Head) {
        if self.undone().exists() && undo(layout, &head.key, &head.version).is_ok() {
            // What stays is swept when this process is gone.
            let _ = disk::remove(&self.undone());
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join(format!("{}.data", self.id))
    }

    fn undone(&self) -> PathBuf {
        self.folder.join(format!("{}.undone", self.id))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // Gone where the put succeeded; what cannot be removed is swept.
        let _ = disk::remove(&self.data());
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The lock's file last: without it nobody else may clear up. What stays is swept.
        let is_clear = fs::read_dir(&self.folder).is_ok_and(|entries| entries.count() == 1);
        if is_clear {
            let _ = fs::remove_file(self.folder.join("lock")).and_then(|()| fs::remove_dir(&self.folder));
        }
    }
}

/// Whether a folder went while it was made or used; `create_dir_all` then says that something else exists.
fn was_removed(error: &io::Error) -> bool {
    is_missing(error) || error.kind() == io::ErrorKind::AlreadyExists
}

/// Removes the bytes of a version, unless its sidecar is in place.
fn undo(layout: &Layout, key: &Key, version: &Version) -> io::Result<()> {
    // A disk that does not keep a rename whole over a power cut may show the sidecar in both places. Then
    // neither the put nor the deletion was answered, and what can be read is kept.
    if layout.sidecar(key, version).try_exists()? {
        return Ok(());
    }
    disk::remove(&layout.data(key, version))?;
    match sync_folder(&layout.folder(key)) {
        Err(error) if !is_missing(&error) => return Err(error),
        Ok(()) | Err(_) => layout.remove_empty(key),
    }
    Ok(())
}

/// Clears up a process's folder, if that process is gone.
fn sweep(layout: &Layout, folder: &Path) -> Result<(), Error> {
    let failed = failed("clear up the staging folder");
    match File::open(folder.join("lock")) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        },
        // Its owner died between the two steps of entering or leaving.
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failed(error)),
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "undone") {
            sweep_undone(layout, &path)?;
        }
        if path.file_name().is_some_and(|name| name != "lock") {
            disk::remove(&path).map_err(failed)?;
        }
    }
    disk::remove(&folder.join("lock")).and_then(|()| fs::remove_dir(folder)).map_err(failed)
}

fn sweep_undone(layout: &Layout, undone: &Path) -> Result<(), Error> {
    let failed = failed("clear up what a put or a deletion left");
    let bytes = fs::read(undone).map_err(failed)?;
    // One that cannot be read was not yet on the disk when its process died: nothing was in place.
    let Some(head) = sidecar::decode(&bytes) else { return Ok(()) };
    let _lock = layout.lock(&head.key)?;
    undo(layout, &head.key, &head.version).map_err(failed)
}

#[cfg(test)]
mod tests;
