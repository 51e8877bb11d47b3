//! Walking the folders in the order of keys, no deeper and no further than asked.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::disk::{failed, is_missing};
use super::layout::{Layout, versions_in};
use super::sidecar;
use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::store::{Head, Listed, VersionCursor};

/// The latest version of each key.
pub(super) fn latest(
    layout: &Layout,
    prefix: &Prefix,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let mut found = Vec::new();
    walk(layout, prefix, after, &mut |key, versions| {
        if after != Some(key) {
            list(layout, key, versions.iter().rev().take(1), &mut found)?;
        }
        Ok(if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    found.truncate(limit);
    Ok(found)
}

/// Every version, a key's latest first.
pub(super) fn versions(
    layout: &Layout,
    prefix: &Prefix,
    after: Option<&VersionCursor>,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let mut found = Vec::new();
    walk(layout, prefix, after.map(|cursor| &cursor.key), &mut |key, versions| {
        let cursor = after.filter(|cursor| cursor.key == *key);
        let is_left =
            |version: &&Version| cursor.is_none_or(|cursor| version.as_str() < cursor.version.as_str());
        let room = limit - found.len();
        list(layout, key, versions.iter().rev().filter(is_left).take(room), &mut found)?;
        Ok(if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

fn list<'v>(
    layout: &Layout,
    key: &Key,
    versions: impl Iterator<Item = &'v Version>,
    found: &mut Vec<Listed>,
) -> Result<(), Error> {
    for version in versions {
        // One that is gone was deleted since its folder was read.
        if let Some(Head { key, version, length, put_at, .. }) = sidecar::read(layout, key, version)? {
            found.push(Listed { key, version, length, put_at });
        }
    }
    Ok(())
}

type Visit<'v> = dyn FnMut(&Key, &[Version]) -> Result<ControlFlow<()>, Error> + 'v;

/// Visits the keys that begin with `prefix`, from `from` on, in order.
fn walk(layout: &Layout, prefix: &Prefix, from: Option<&Key>, visit: &mut Visit<'_>) -> Result<(), Error> {
    let from = from.map_or("", Key::as_str);
    // Nothing outside the prefix's last whole folder can match.
    let above = prefix.as_str().rsplit_once('/').map_or("", |(above, _)| above);
    let mut start = layout.objects();
    start.extend(above.split('/').filter(|segment| !segment.is_empty()));
    let path = if above.is_empty() { String::new() } else { format!("{above}/") };
    Walk { prefix: prefix.as_str(), from, visit }.folder(&start, &path).map(drop)
}

struct Walk<'w, 'v> {
    prefix: &'w str,
    from: &'w str,
    visit: &'w mut Visit<'v>,
}

/// A folder's entry: a key's folder, or one that leads further down.
enum Entry {
    Key(String, PathBuf),
    Below(String, PathBuf),
}

impl Entry {
    /// What it adds to the text of keys; sorting by it sorts the keys of the whole tree.
    fn text(&self) -> &str {
        match self {
            Self::Key(text, _) | Self::Below(text, _) => text,
        }
    }
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &Path, path: &str) -> Result<ControlFlow<()>, Error> {
        for entry in entries(folder)? {
            let text = format!("{path}{}", entry.text());
            let next = match entry {
                Entry::Key(_, folder) if text.starts_with(self.prefix) && text.as_str() >= self.from => {
                    self.key(&text, &folder)?
                }
                Entry::Below(_, folder) if self.reaches(&text) => self.folder(&folder, &text)?,
                Entry::Key(..) | Entry::Below(..) => ControlFlow::Continue(()),
            };
            if next.is_break() {
                return Ok(next);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn key(&mut self, text: &str, folder: &Path) -> Result<ControlFlow<()>, Error> {
        // A folder that no put of ours can have made is not an object.
        let Ok(key) = Key::new(text) else { return Ok(ControlFlow::Continue(())) };
        let versions = versions_in(folder)?;
        if versions.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        (self.visit)(&key, &versions)
    }

    /// Whether keys that begin with `below` can match and are not all before `from`.
    fn reaches(&self, below: &str) -> bool {
        let can_match = below.starts_with(self.prefix) || self.prefix.starts_with(below);
        can_match && (below >= self.from || self.from.starts_with(below))
    }
}

fn entries(folder: &Path) -> Result<Vec<Entry>, Error> {
    let failed = failed("list a folder");
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        entries.push(match name.strip_suffix('=') {
            Some(last) => Entry::Key(last.to_owned(), entry.path()),
            None => Entry::Below(format!("{name}/"), entry.path()),
        });
    }
    entries.sort_unstable_by(|one, other| one.text().cmp(other.text()));
    Ok(entries)
}
