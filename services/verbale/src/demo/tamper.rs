//! Flips one byte in a copy of an object and one in a copy of the ledger, and has both found from files alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use kernel::SystemClock;
use serde_json::{Value, json};

use super::{Places, Told, tick};
use crate::commands::trust::Trust;
use crate::commands::verify;
use crate::output::{Output, Style};

/// One byte flipped, and what the verifier said.
pub(super) struct Catch {
    /// What was altered.
    pub(super) what: &'static str,
    /// Which file of the copy.
    pub(super) file: PathBuf,
    /// Whether exactly that was found.
    pub(super) caught: bool,
    /// What the verifier said.
    pub(super) said: String,
}

impl Catch {
    /// As JSON.
    pub(super) fn shown(&self) -> Value {
        json!({"what": self.what, "file": self.file, "caught": self.caught, "said": self.said})
    }
}

/// Alters copies, each once, and verifies them; the untouched copy must verify, or nothing was shown.
pub(super) async fn catch(
    places: &Places,
    told: &[Told<'_>],
    trust: &Trust,
    out: Output,
) -> Result<Vec<Catch>> {
    out.line(format!("\n{}", out.style(Style::Bold, "Altered, in a copy")));
    let copy = places.files.join("altered");
    copy_all(&places.data.join("objects"), &copy)?;
    let untouched = verify::check(&copy, trust, Arc::new(SystemClock)).await?;
    let first = untouched.findings().first().map(|f| format!("{}: {} {}", f.name, f.kind, f.detail));
    anyhow::ensure!(untouched.is_ok(), "the untouched copy does not verify: {}", first.unwrap_or_default());

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
        let said = found.first().map(|f| format!("{}: {}, {}", f.name, f.kind, f.detail));
        let caught = said.is_some();
        let said = said.unwrap_or_else(|| "nothing".to_owned());
        out.line(format!("  {} {what}: {said}", tick(caught, out)));
        catches.push(Catch { what, file, caught, said });
    }
    Ok(catches)
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

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    visit(from, &mut |path, _| {
        let target = to.join(path.strip_prefix(from)?);
        fs::create_dir_all(target.parent().unwrap_or(to))?;
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
