//! Verifies recordings from files alone: every signed document against the trusted roots, every object that it
//! names against hash, footer and ciphertext roots. An object that an addendum erases may be gone; while it lies there, as
//! where a lock keeps it, it must be whole. Needs no key, no running mesh and no store of a role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use archive::fact::META_LEG;
use audit::files::{LedgerFiles, ObjectFiles};
use bytes::Bytes;
use kernel::{RecordingId, TenantId};
use objects::{Key, MAX_LIST, ObjectStore, Prefix};
use seal::manifest::{AddendumChange, ObjectRow};
use seal::object::verify_object;
use seal::signing::DocumentKind;
use seal::{
    Addendum, Hash, Manifest, NotRecorded, ObjectName, SectionAddress, SectionKind, SignedDocument,
    TrustRoots,
};
use serde::Serialize;

/// The segment below a recording's under which its documents lie.
const DOCUMENTS: &str = "documents";

/// What was looked at, and what is wrong.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Recordings, those that were not recorded included.
    pub recordings: u64,
    /// Signed documents.
    pub documents: u64,
    /// Objects.
    pub objects: u64,
    /// Spans in them.
    pub spans: u64,
    /// What people have stated about recordings, which is to be told with them.
    pub statements: Vec<Stated>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// That somebody has stated something about a recording (GDPR Art. 16), as a good addendum says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stated {
    /// The recording, with its tenant.
    pub recording: String,
    /// Under which reference the statement is filed.
    pub filed: String,
    /// The request that it came with.
    pub request: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The object or document.
    pub name: String,
    /// What is wrong with it, as a code.
    pub kind: &'static str,
    /// In words.
    pub detail: String,
}

/// What the keys of one recording are.
#[derive(Default)]
struct Files {
    documents: BTreeSet<Key>,
    objects: BTreeSet<Key>,
}

/// What a recording's signed documents say together.
#[derive(Default)]
struct Told {
    named: BTreeMap<String, ObjectRow>,
    /// What addenda erase, by the bytes that it had.
    gone: BTreeMap<String, Hash>,
    /// The documents' own hashes, by version.
    documents: BTreeMap<u32, Hash>,
    /// Whether one says that nothing was recorded. It names no object, and the sealed metadata of a call that had a
    /// basis and kept no audio lies there all the same.
    not_recorded: bool,
}

/// Verifies every recording in the store.
pub async fn verify(store: Arc<dyn ObjectStore>, roots: &TrustRoots) -> Result<Report> {
    let mut report = Report::default();
    for ((tenant, recording), files) in sorted(Arc::clone(&store)).await? {
        report.recordings += 1;
        let mut told = Told::default();
        for key in &files.documents {
            report.documents += 1;
            let read = read(store.as_ref(), key).await?;
            let version = version(key);
            if let (Some(version), Ok(bytes)) = (version, &read) {
                told.documents.insert(version, Hash::of(bytes));
            }
            match read.and_then(|bytes| document(&bytes, roots, &tenant, recording)) {
                Ok(said) => {
                    if said.after.is_some_and(|after| !after.is_at(version, &told.documents)) {
                        report.find(key.as_str(), "chain", "it does not follow the document before it");
                    }
                    let named = said.stored.into_iter().map(|row| (name(&tenant, recording, &row), row));
                    told.named.extend(named);
                    let gone = said.gone.iter().map(|row| (name(&tenant, recording, row), row.sha256));
                    told.gone.extend(gone);
                    let stated = |(filed, request)| Stated {
                        recording: format!("{tenant}/{recording}"),
                        filed,
                        request,
                    };
                    report.statements.extend(said.stated.map(stated));
                    told.not_recorded |= said.not_recorded;
                }
                Err(detail) => report.find(key.as_str(), "document", detail),
            }
        }
        if files.documents.is_empty() {
            report.find(&format!("{tenant}/{recording}"), "unsigned", "no signed document speaks of it");
        }
        report.objects(store.as_ref(), &files, &told).await?;
    }
    Ok(report)
}

impl Report {
    fn find(&mut self, name: &str, kind: &'static str, detail: impl Into<String>) {
        self.findings.push(Finding { name: name.to_owned(), kind, detail: detail.into() });
    }

    async fn objects(&mut self, store: &dyn ObjectStore, files: &Files, told: &Told) -> Result<()> {
        let there: BTreeSet<&str> = files.objects.iter().map(Key::as_str).collect();
        for key in &files.objects {
            self.objects += 1;
            let row = told.named.get(key.as_str());
            if row.is_none() && !(told.not_recorded && is_metadata(key)) {
                self.find(key.as_str(), "unnamed", "no signed document names it");
                continue;
            }
            match (read(store, key).await?, row) {
                (Ok(bytes), Some(row)) => self.object(key, row, &bytes),
                (Ok(bytes), None) => self.metadata(key, &bytes),
                (Err(detail), _) => self.find(key.as_str(), "bytes", detail),
            }
        }
        let missing = told.named.iter().filter(|(name, _)| !there.contains(name.as_str()));
        for (name, _) in missing.filter(|(name, row)| told.gone.get(*name) != Some(&row.sha256)) {
            self.find(name, "missing", "a signed document names it, and no addendum says that it was erased");
        }
        Ok(())
    }

    fn object(&mut self, key: &Key, row: &ObjectRow, bytes: &Bytes) {
        let hash_is_right = Hash::of(bytes) == row.sha256;
        match verify_object(bytes) {
            Ok(footer) => {
                self.spans += footer.span_set().len();
                if footer.root() != row.root {
                    self.find(key.as_str(), "root", "its spans are not those that were signed");
                } else if !hash_is_right {
                    self.find(key.as_str(), "hash", "its bytes are not those that were signed");
                }
            }
            Err(error) => self.find(key.as_str(), "bytes", kernel::chain(&error)),
        }
    }

    /// Nobody has signed its root; that it is whole, and what its name says, is all that can be asked.
    fn metadata(&mut self, key: &Key, bytes: &Bytes) {
        match verify_object(bytes) {
            Ok(footer) => {
                self.spans += footer.span_set().len();
                let name = footer.spans.first().map(|first| ObjectName {
                    tenant: footer.tenant.clone(),
                    section: footer.section,
                    first_span: first.span,
                });
                let is_own = name.is_some_and(|name| name.to_string() == key.as_str());
                if !is_own || footer.kind != SectionKind::Meta {
                    self.find(key.as_str(), "bytes", "it is not this call's metadata");
                }
            }
            Err(error) => self.find(key.as_str(), "bytes", kernel::chain(&error)),
        }
    }
}

/// The objects that a document says are there, and those that it says are gone.
#[derive(Default)]
struct Said {
    stored: Vec<ObjectRow>,
    gone: Vec<ObjectRow>,
    /// The reference of a statement, and the request that it came with.
    stated: Option<(String, String)>,
    not_recorded: bool,
    after: Option<After>,
}

/// What an addendum says that it comes after.
struct After {
    number: u32,
    manifest: Hash,
    previous: Option<Hash>,
}

impl After {
    /// Whether that is what lies before this place. The first names the manifest alone.
    fn is_at(&self, version: Option<u32>, documents: &BTreeMap<u32, Hash>) -> bool {
        let previous = (self.number > 1).then(|| documents.get(&self.number)).flatten();
        version == self.number.checked_add(1)
            && documents.get(&1) == Some(&self.manifest)
            && self.previous.as_ref() == previous
    }
}

/// A document's place among its recording's, as its name has it.
fn version(key: &Key) -> Option<u32> {
    key.segments().next_back()?.parse().ok()
}

fn document(
    bytes: &[u8],
    roots: &TrustRoots,
    tenant: &TenantId,
    recording: RecordingId,
) -> Result<Said, String> {
    let words = |error: seal::Error| kernel::chain(&error);
    let signed = SignedDocument::decode(bytes).map_err(words)?;
    let (about, said) = match signed.kind() {
        DocumentKind::Manifest => {
            let manifest = Manifest::verify(&signed, roots, tenant).map_err(words)?;
            (manifest.recording, Said { stored: manifest.objects, ..Said::default() })
        }
        DocumentKind::Addendum => {
            let addendum = Addendum::verify(&signed, roots, tenant).map_err(words)?;
            let Addendum { number, manifest, previous, .. } = addendum;
            let after = Some(After { number, manifest, previous });
            let said = match addendum.change {
                AddendumChange::Filled { objects, .. } => Said { stored: objects, after, ..Said::default() },
                AddendumChange::Erased { objects, .. } => Said { gone: objects, after, ..Said::default() },
                AddendumChange::Stated { filed, request } => {
                    let stated = Some((filed.to_string(), request.to_string()));
                    Said { stated, after, ..Said::default() }
                }
            };
            (addendum.recording, said)
        }
        DocumentKind::NotRecorded => {
            let record = NotRecorded::verify(&signed, roots, tenant).map_err(words)?;
            (record.recording, Said { not_recorded: true, ..Said::default() })
        }
        DocumentKind::Receipt | DocumentKind::Heartbeat | DocumentKind::Package => {
            return Err("it is no document of a recording".into());
        }
    };
    if about == recording { Ok(said) } else { Err("it is about another recording".into()) }
}

/// Every key of the store that is a recording's, by recording.
async fn sorted(store: Arc<dyn ObjectStore>) -> Result<BTreeMap<(TenantId, RecordingId), Files>> {
    let store = ObjectFiles(store);
    let mut recordings: BTreeMap<_, Files> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.list(&Prefix::ALL, after.as_ref()).await?;
        for key in &page {
            let mut segments = key.segments();
            let (tenant, recording, kind) = (segments.next(), segments.next(), segments.next());
            let tenant = tenant.and_then(|text| TenantId::new(text).ok());
            let recording = recording.and_then(|text| text.parse::<RecordingId>().ok());
            let (Some(tenant), Some(recording), Some(kind)) = (tenant, recording, kind) else { continue };
            let files = recordings.entry((tenant, recording)).or_default();
            let own = if kind == DOCUMENTS { &mut files.documents } else { &mut files.objects };
            own.insert(key.clone());
        }
        if page.len() < MAX_LIST {
            return Ok(recordings);
        }
        after = page.last().cloned();
    }
}

/// Whether it is named as a call's sealed metadata is.
fn is_metadata(key: &Key) -> bool {
    key.as_str().parse::<ObjectName>().is_ok_and(|name| name.section.leg == META_LEG)
}

fn name(tenant: &TenantId, recording: RecordingId, row: &ObjectRow) -> String {
    let section = SectionAddress { recording, leg: row.leg, section: row.section };
    ObjectName { tenant: tenant.clone(), section, first_span: row.first_span }.to_string()
}

/// Bytes as they lie, or what the store finds wrong with them: that is not what was signed, whatever is left of it.
async fn read(store: &dyn ObjectStore, key: &Key) -> Result<Result<Bytes, String>> {
    match raw(store, key).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(objects::Error::Damaged { reason, .. }) => Ok(Err(reason.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// A ranged read is not checked by the store, because what is wrong with the bytes is ours to name.
async fn raw(store: &dyn ObjectStore, key: &Key) -> Result<Bytes, objects::Error> {
    let length = store.head(key, None).await?.length;
    // No range lies within nothing.
    if length == 0 {
        return Ok(Bytes::new());
    }
    Ok(store.get(key, None, Some(0..length)).await?.bytes)
}

#[cfg(test)]
mod tests;
