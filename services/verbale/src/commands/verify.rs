//! `verbale verify`: recordings and ledger, offline, from files alone.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use audit::files::ObjectFiles;
use kernel::Clock;
use objects::{DirectoryObjects, ObjectStore};
use serde::Serialize;
use serde_json::json;

use crate::cli::VerifyArgs;
use crate::commands::trust::Trust;
use crate::offline::{self, Report, Stated};
use crate::output::{Exit, Output, table};

/// Runs it.
pub async fn run(args: &VerifyArgs, clock: Arc<dyn Clock>, out: Output) -> Result<Exit> {
    let trust = Trust::read(&args.trust)?;
    let checked = check(&args.directory, &trust, clock).await?;
    let ok = checked.is_ok();
    out.value(
        &json!({
            "ok": ok, "recordings": checked.recordings.recordings, "documents": checked.recordings.documents,
            "objects": checked.recordings.objects, "spans": checked.recordings.spans,
            "ledger_leaves": checked.ledger.leaves, "ledger_entries": checked.ledger.stored,
            "statements": checked.recordings.statements, "findings": checked.findings(),
        }),
        |_| describe(&checked),
    );
    Ok(if ok { Exit::Ok } else { Exit::Fault })
}

/// What was verified.
pub struct Checked {
    recordings: Report,
    ledger: audit::verify::Report,
}

/// One thing that is not as signed, or that is lost and named as such.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// Which object, document, entry.
    pub name: String,
    /// What kind of fault; `lost` is none.
    pub kind: &'static str,
    /// In words.
    pub detail: String,
}

impl Checked {
    /// Whether all that is there is as signed.
    pub fn is_ok(&self) -> bool {
        self.recordings.findings.is_empty() && self.ledger.is_good()
    }
    /// Everything that is not, and what a restored ledger names as lost.
    pub fn findings(&self) -> Vec<Fault> {
        let recordings = self.recordings.findings.iter();
        let recordings = recordings.map(|f| (f.name.clone(), f.kind, f.detail.clone()));
        let ledger = self.ledger.findings.iter().map(|f| (f.name.clone(), f.kind.as_str(), f.detail.clone()));
        recordings.chain(ledger).map(|(name, kind, detail)| Fault { name, kind, detail }).collect()
    }
}

/// Verifies a directory of objects.
pub async fn check(directory: &Path, trust: &Trust, clock: Arc<dyn Clock>) -> Result<Checked> {
    anyhow::ensure!(
        is_store(directory),
        "{} is no directory of objects; it lies in the data directory as `objects`",
        directory.display()
    );
    let roots = trust.trusted()?;
    let store: Arc<dyn ObjectStore> = Arc::new(DirectoryObjects::open_read_only(directory, clock));
    let recordings = offline::verify(Arc::clone(&store), &roots).await?;
    let means = audit::verify::Means { roots: &roots, keys: None, stored: None };
    let ledger = audit::verify::verify(&ObjectFiles(store), means).await?;
    Ok(Checked { recordings, ledger })
}

/// Whether a directory is a store of objects, and not the data directory around one: in that nothing would be found
/// where it is looked for. A tenant may be called `objects`, and a store without a ledger is one that has lost it.
fn is_store(directory: &Path) -> bool {
    let objects = directory.join("objects");
    let is_around = objects.join("objects").is_dir() && !objects.join("ledger").is_dir();
    objects.is_dir() && !is_around
}

fn describe(checked: &Checked) -> String {
    let Report { recordings, documents, objects, spans, .. } = &checked.recordings;
    let counts = format!(
        "{recordings} recordings, {documents} signed documents, {objects} objects, {spans} spans, \
         {} ledger leaves, {} with their entry",
        checked.ledger.leaves, checked.ledger.stored
    );
    let rows = checked.findings().into_iter().map(|f| vec![f.name, f.kind.to_owned(), f.detail]);
    let named = table(&["where", "what", "detail"], rows);
    let stated = stated(&checked.recordings.statements);
    if !checked.is_ok() {
        return format!("NOT as signed: {counts}\n{named}{stated}");
    }
    let as_signed = format!(
        "as signed: {counts}{stated}\n\
         what a sealed entry says is checked with its tenant's key alone: `audit verify` does\n\
         a recording of which no file is left cannot be missed here: `recordings verify` can"
    );
    if checked.findings().is_empty() {
        return as_signed;
    }
    format!("{as_signed}\nlost by a restore, as the ledger that went on says and signs:\n{named}")
}

/// Statements that are to be told with their recordings; nothing where there are none.
fn stated(statements: &[Stated]) -> String {
    if statements.is_empty() {
        return String::new();
    }
    let rows = statements.iter().map(|s| vec![s.recording.clone(), s.filed.clone(), s.request.clone()]);
    format!("\nto be told with the recording:\n{}", table(&["recording", "statement", "request"], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_with_its_recording() {
        assert_eq!(stated(&[]), "");
        let [recording, filed, request] = ["banca-alfa/019a", "statement-7", "019b"].map(str::to_owned);
        let told = stated(&[Stated { recording, filed, request }]);
        for word in ["banca-alfa/019a", "statement-7", "019b"] {
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn the_data_directory_is_not_taken_for_the_objects_in_it() {
        let check = |folders: &[&str], expected: bool| {
            let data = tempfile::tempdir().unwrap();
            for folder in folders {
                std::fs::create_dir_all(data.path().join(folder)).unwrap();
            }
            assert_eq!(is_store(data.path()), expected, "{folders:?}");
        };
        check(&["objects/ledger", "objects/banca-alfa"], true);
        check(&["objects/banca-alfa"], true);
        check(&["objects/ledger", "objects/objects/019a"], true);
        check(&["objects/objects/ledger", "objects/staging", "log"], false);
        check(&["objects/objects", "objects/staging"], false);
        check(&["staging"], false);
    }
}
