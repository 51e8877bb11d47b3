//! Files about a person: only their owner reads them, and they appear under their names when they are whole.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// A file beside the one that is to be, which nobody but its owner may read.
pub(super) fn begin(path: &Path) -> Result<NamedTempFile> {
    // A device or a pipe would be replaced by a file.
    let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    ensure!(!special, "{} is there and is no file", path.display());
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It is made with mode 0600, and keeps that under its own name.
    NamedTempFile::new_in(folder).with_context(|| format!("cannot write into {}", folder.display()))
}

/// Gives it its name, with all its bytes on the disk.
pub(super) fn keep(file: NamedTempFile, path: &Path) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_owner_reads_it_and_it_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("package.zip");
        let mut file = begin(&path).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        keep(file, &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(begin(folder.path()).is_err(), "a directory is not replaced");
    }
}
