//! Flips one byte in a copy of an object and one in a copy of the ledger, and has both found from files alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use kernel::SystemClock;
use serde_json::{Value, json};

use super::{Places, Told, tick};
use crate::commands::trust::Trust;
use crate::commands::verify::{self, Fault};
use crate::output::{Output, Style};

/// One byte flipped, and what the verifier said.
pub(super) struct Catch {
    /// What was altered.
    pub(super) what: &'static str,
    /// Which file of the copy; the whole copy where nothing was altered.
    pub(super) file: PathBuf,
    /// Whether that file was found, and nothing else.
    pub(super) caught: bool,
    /// What the verifier said.
    pub(super) said: String,
}

impl Catch {
    /// As JSON.
    pub(super) fn shown(&self) -> Value {
        json!({"what": self.what, "file": self.file, "caught": self.caught, "said": self.said})
    }

    fn tell(&self, out: Output) {
        out.line(format!("  {} {}: {}", tick(self.caught, out), self.what, self.said));
    }
}

/// Alters copies, each once, and verifies them. The untouched copy must verify, or nothing would be shown: where it
/// does not, that is what is told, and nothing is altered.
pub(super) async fn catch(
    places: &Places,
    told: &[Told<'_>],
    trust: &Trust,
    out: Output,
) -> Result<Vec<Catch>> {
    out.line(format!("\n{}", out.style(Style::Bold, "Altered, in a copy")));
    let copy = places.files.join("altered");
    copy_all(&places.data.join("objects"), &copy)?;
    let untouched = verify::check(&copy, trust, Arc::new(SystemClock)).await?.findings();
    if let Some(fault) = untouched.first() {
        let catch = Catch { what: "no byte", file: copy, caught: false, said: in_words(fault) };
        catch.tell(out);
        return Ok(vec![catch]);
    }

    let object =
        told.iter().find_map(|one| one.recording.objects.first()).context("no call left an object")?;
    let tenant = format!("/ledger/{}/entries/", told[0].story.tenant);
    let entries = largest(&copy, &|path| path.contains(&tenant))?;
    let mut catches = Vec::new();
    for (what, file) in [
        ("one byte of an object", largest(&copy, &|path| path.contains(&object.name))?),
        ("one byte of the ledger's entries", entries),
    ] {
        flip(&file)?;
        let found = verify::check(&copy, trust, Arc::new(SystemClock)).await?.findings();
        flip(&file)?;
        let (caught, said) = judge(&found, &name_of(&file, &copy)?);
        let catch = Catch { what, file, caught, said };
        catch.tell(out);
        catches.push(catch);
    }
    Ok(catches)
}

/// Whether the altered object was found and nothing else, and what was said: first of what should not have been.
fn judge(found: &[Fault], altered: &str) -> (bool, String) {
    let other = found.iter().find(|fault| fault.name != altered);
    let caught = other.is_none() && !found.is_empty();
    let said = other.or(found.first()).map_or_else(|| "nothing".to_owned(), in_words);
    (caught, said)
}

fn in_words(fault: &Fault) -> String {
    format!("{}: {}, {}", fault.name, fault.kind, fault.detail)
}

/// The name of the object whose bytes lie in this file of the copy, at `objects/<name>=/<version>.data`.
fn name_of(file: &Path, copy: &Path) -> Result<String> {
    let folder = file.parent().and_then(|folder| folder.strip_prefix(copy.join("objects")).ok());
    let name = folder.and_then(Path::to_str).and_then(|folder| folder.strip_suffix('='));
    name.map(str::to_owned).with_context(|| format!("{} is the file of no object", file.display()))
}

/// Flips the lowest bit of the byte in the middle.
fn flip(file: &Path) -> Result<()> {
    let failed = || format!("cannot alter {}", file.display());
    let mut bytes = fs::read(file).with_context(failed)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).with_context(failed)? ^= 1;
    fs::write(file, bytes).with_context(failed)
}

/// The largest file of bytes whose path has this property.
fn largest(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<PathBuf> {
    let mut best: Option<(u64, PathBuf)> = None;
    visit(folder, &mut |path, length| {
        let is_data = path.extension().is_some_and(|extension| extension == "data");
        if is_data && wanted(&path.to_string_lossy()) && best.as_ref().is_none_or(|(most, _)| length > *most)
        {
            best = Some((length, path.to_owned()));
        }
        Ok(())
    })?;
    Ok(best.context("there is no such file to alter")?.1)
}

pub(super) fn copy_all(from: &Path, to: &Path) -> Result<()> {
    visit(from, &mut |path, _| {
        let target = to.join(path.strip_prefix(from)?);
        // Keys are refused where others may read a folder of theirs.
        for folder in path.strip_prefix(from)?.ancestors().skip(1) {
            let copied = to.join(folder);
            fs::create_dir_all(&copied)?;
            fs::set_permissions(copied, fs::metadata(from.join(folder))?.permissions())?;
        }
        fs::copy(path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        Ok(())
    })
}

fn visit(folder: &Path, act: &mut dyn FnMut(&Path, u64) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            visit(&entry.path(), act)?;
        } else if kind.is_file() {
            act(&entry.path(), entry.metadata()?.len())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use objects::{DirectoryObjects, Key, ObjectStore, PutOptions};

    use super::*;

    #[test]
    fn what_is_found_in_another_file_is_no_catch() {
        let check = |found: &[&str], expected: (bool, &str)| {
            let fault = |name: &&str| Fault { name: (*name).into(), kind: "bytes", detail: "flipped".into() };
            let found: Vec<Fault> = found.iter().map(fault).collect();
            let (caught, said) = judge(&found, "t/altered");
            assert_eq!((caught, said.as_str()), expected);
        };
        check(&["t/altered"], (true, "t/altered: bytes, flipped"));
        check(&["t/other"], (false, "t/other: bytes, flipped"));
        check(&["t/altered", "t/other"], (false, "t/other: bytes, flipped"));
        check(&[], (false, "nothing"));
    }

    #[tokio::test]
    async fn a_file_of_the_copy_goes_by_its_object_s_name() {
        let folder = tempfile::tempdir().unwrap();
        store(folder.path(), "ledger/t/entries/7").await;
        let file = largest(folder.path(), &|_| true).unwrap();
        assert_eq!(name_of(&file, folder.path()).unwrap(), "ledger/t/entries/7");
        assert!(name_of(&folder.path().join("staging/7.data"), folder.path()).is_err());
    }

    #[tokio::test]
    async fn a_copy_that_does_not_verify_untouched_is_a_fault_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let places = Places { data: at("data"), keys: at("keys"), files: at("files") };
        store(&places.data.join("objects"), "banca-alfa/x").await;
        let trust = Trust { signing_roots: Vec::new(), ledger_keys: Vec::new() };
        let catches = catch(&places, &[], &trust, Output::new(true)).await.unwrap();
        let [one] = &catches[..] else { panic!("{} catches", catches.len()) };
        assert!(!one.caught && one.said.contains("there is no ledger"), "{}", one.said);
    }

    /// A store with one object.
    async fn store(root: &Path, key: &str) {
        let store = DirectoryObjects::open(root, Arc::new(SystemClock)).await.unwrap();
        let bytes = b"sealed".to_vec().into();
        store.put(&Key::new(key).unwrap(), bytes, PutOptions::default()).await.unwrap();
    }
}
