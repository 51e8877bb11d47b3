//! Files and folders that are on the disk when a function returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::Error;

/// Writes a new file and waits until its bytes are on the disk; its name is so after [`sync_folder`].
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder below `root` and waits until its names, all the way up, are on the disk. Also those that
/// were there: another process may have made them and not have waited yet.
pub(super) fn make_folder(root: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    let mut above = path.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    above.try_for_each(sync_folder)
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_missing(&error) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether a file is not there.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The store's error for one of the disk's.
pub(super) fn failed(attempt: &'static str) -> impl Fn(io::Error) -> Error + Copy {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::Full { attempt, source: source.into() }
        }
        _ => Error::Unavailable { attempt, source: source.into() },
    }
}
