//! Directories that are there whole or not at all: filled beside their place, kept on disk, and renamed into it.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// Fills a directory beside `target`, named like it with `ending`, and puts it there once all of it is on disk. Whatever
/// ends this on its way leaves nothing at `target`: a half one is never taken for a whole.
pub(super) fn whole<T>(target: &Path, ending: &str, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    // Links are followed, so that a directory is put where they lead and not over them.
    let target = resolved(target)?;
    let name = target.file_name().with_context(|| format!("{} has no name", target.display()))?;
    let mut beside = name.to_owned();
    beside.push(ending);
    let aside = target.with_file_name(beside);

    begin(&aside)?;
    let done = fill(&aside).and_then(|made| {
        keep(&aside)?;
        put(&aside, &target)?;
        Ok(made)
    });
    if done.is_err() {
        // Why it failed is what is told; what could not be removed the next try names.
        let _ = fs::remove_dir_all(&aside);
    }
    done
}

/// Refuses a place that is a directory, or lies in it.
pub(super) fn ensure_outside(place: &Path, folder: &Path, what: &str) -> Result<()> {
    let inside = resolved(place)?.starts_with(resolved(folder)?);
    ensure!(
        !inside,
        "{} lies in {what}, {}; give a directory outside of it",
        place.display(),
        folder.display()
    );
    Ok(())
}

/// Where a path leads: links are followed as far as it exists.
fn resolved(path: &Path) -> Result<PathBuf> {
    let absolute =
        std::path::absolute(path).with_context(|| format!("{:?} is no directory's name", path.display()))?;
    let mut missing: Vec<&OsStr> = Vec::new();
    let mut there = absolute.as_path();
    loop {
        if let Ok(mut found) = there.canonicalize() {
            found.extend(missing.iter().rev());
            return Ok(found);
        }
        let (Some(name), Some(parent)) = (there.file_name(), there.parent()) else {
            bail!("{} leads nowhere", path.display());
        };
        missing.push(name);
        there = parent;
    }
}

/// Makes it, and only if it is not there: of two at once one is refused.
fn begin(aside: &Path) -> Result<()> {
    if let Some(around) = aside.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(around);
        made.with_context(|| format!("cannot make {}", around.display()))?;
    }
    match DirBuilder::new().mode(0o700).create(aside) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} is there: the same command runs, or one was interrupted; if none runs, remove it and try again",
            aside.display()
        ),
        made => made.with_context(|| format!("cannot make {}", aside.display())),
    }
}

/// Has everything below it on disk.
fn keep(folder: &Path) -> Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                sync(&entry.path())?;
            }
        }
        sync(&folder)?;
    }
    Ok(())
}

/// Takes the place of nothing, or of an empty directory.
fn put(aside: &Path, target: &Path) -> Result<()> {
    fs::rename(aside, target).with_context(|| {
        format!(
            "cannot put what was copied in place of {}; where that is a mount of its own, give a directory in it",
            target.display()
        )
    })?;
    match target.parent() {
        Some(around) => sync(around),
        None => Ok(()),
    }
}

fn sync(path: &Path) -> Result<()> {
    let kept = File::open(path).and_then(|file| file.sync_all());
    kept.with_context(|| format!("cannot keep {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (target, aside) = (folder.path().join("new/data"), folder.path().join("new/data.restoring"));
        let failed = whole(&target, ".restoring", |to| -> Result<()> {
            assert_eq!(to.file_name(), aside.file_name());
            fs::write(to.join("a.db"), "half of it").unwrap();
            bail!("the disk is full")
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert!(!target.exists() && !aside.exists(), "nothing is left");

        // As a process that was killed leaves it.
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("a.db"), "half of it").unwrap();
        let refused = whole(&target, ".restoring", |_| Ok(())).unwrap_err().to_string();
        assert!(refused.contains("data.restoring") && refused.contains("remove it"), "{refused}");
        assert!(aside.join("a.db").exists() && !target.exists(), "another command may be filling it");

        fs::remove_dir_all(&aside).unwrap();
        fs::create_dir(&target).unwrap();
        whole(&target, ".restoring", |to| Ok(fs::write(to.join("a.db"), "all of it")?)).unwrap();
        assert_eq!(fs::read_to_string(target.join("a.db")).unwrap(), "all of it");
        assert!(!aside.exists());
    }

    #[test]
    fn a_place_in_a_directory_is_found_through_links_and_names_that_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
        let check = |place: &str, is_outside: bool| {
            let told = ensure_outside(&folder.path().join(place), &data, "the data directory");
            assert_eq!(told.is_ok(), is_outside, "{place}: {told:?}");
        };
        check("data", false);
        check("data/a/b", false);
        check("link/a", false);
        check("data-of-others", true);
        check("a/b", true);
    }
}
