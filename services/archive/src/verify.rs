//! Recomputes what a recording's signed documents say of its objects, without any key.
//!
//! Documents are checked against their rows, their signatures, and what is known of the recording; objects
//! against rows, footers and ciphertext roots, so that a flipped byte is named by its object and its span. An object that
//! is not there is a fault, unless a good addendum says that it was erased; one that still lies must be whole.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ::objects::{Key, ObjectStore};
use bytes::Bytes;
use kernel::{LegNo, SectionNo};
use seal::hash::root_of_roots;
use seal::manifest::{AddendumChange, ErasedSpans, ObjectRow};
use seal::object::verify_object;
use seal::{Hash, SignedDocument, SpanView, TrustRoots};

use crate::document::{self, spans_of};
use crate::error::Error;
use crate::fact::{RecordingKey, Span, StoredObject};
use crate::store::{Document, DocumentKind, ErasedRow, History, State};
use crate::timeline::{fold, span_table_hash, timeline_hash};

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What is wrong; nothing where all is well.
    pub findings: Vec<Finding>,
    /// Objects looked at.
    pub objects: u32,
    /// Spans whose roots were recomputed.
    pub spans: u32,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The object or document.
    pub name: String,
    /// What is wrong with it.
    pub kind: FindingKind,
    /// Where, in words.
    pub detail: String,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// A document that must have been settled is not known.
    DocumentMissing,
    /// A document is not there.
    ManifestMissing,
    /// A document's bytes are not those that were settled.
    ManifestHash,
    /// A document that nobody trusted has signed.
    ManifestSignature,
    /// A document says something else than what is known.
    ManifestContents,
    /// An object is not there.
    ObjectMissing,
    /// An object's bytes are not those that were put.
    ObjectHash,
    /// An object's footer does not fit its bytes.
    ObjectFooter,
    /// A span's bytes are not those that were sealed.
    SpanRoot,
    /// A section's spans are not those that its writer counted.
    SectionRoot,
}

impl FindingKind {
    /// The word that leaves the process.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentMissing => "document-missing",
            Self::ManifestMissing => "manifest-missing",
            Self::ManifestHash => "manifest-hash",
            Self::ManifestSignature => "manifest-signature",
            Self::ManifestContents => "manifest-contents",
            Self::ObjectMissing => "object-missing",
            Self::ObjectHash => "object-hash",
            Self::ObjectFooter => "object-footer",
            Self::SpanRoot => "span-root",
            Self::SectionRoot => "section-root",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Verifies everything that lies of a settled recording. Of any other nothing is signed yet, and "all is well" would
/// be said of nothing.
pub async fn verify(
    objects: &Arc<dyn ObjectStore>,
    history: &History,
    roots: &TrustRoots,
) -> Result<Report, Error> {
    if !history.recording.state.is_settled() {
        return Err(Error::NotSealedYet(history.recording.key.id));
    }
    let mut report = Report::default();
    report.rows(history);
    let mut erased = Vec::new();
    for document in &history.documents {
        match whole(objects, &document.name).await? {
            Some(bytes) => erased.extend(report.document(history, document, &bytes, roots)),
            None => report.find(&document.name, FindingKind::ManifestMissing, "it is not there"),
        }
    }
    for object in &history.objects {
        report.objects += 1;
        match whole(objects, &object.name).await? {
            Some(bytes) => report.object(history, object, &bytes),
            None if erased.iter().any(|row| is_of(row, object)) => {}
            None => report.find(&object.name, FindingKind::ObjectMissing, "it is not there"),
        }
    }
    report.sections(history);
    Ok(report)
}

impl Report {
    /// Whether all is well.
    pub fn is_ok(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, name: impl fmt::Display, kind: FindingKind, detail: impl Into<String>) {
        self.findings.push(Finding { name: name.to_string(), kind, detail: detail.into() });
    }

    /// Which documents there must be, by the recording's state, by the objects that they name and by what they say that
    /// somebody has stated.
    fn rows(&mut self, history: &History) {
        let mut expected: BTreeSet<u32> =
            history.objects.iter().filter_map(|object| object.document).collect();
        expected.extend(history.statements.iter().map(|row| row.document));
        expected.extend(1..=documents_min(history.recording.state));
        for version in expected {
            if !history.documents.iter().any(|row| row.version == version) {
                let name = document::name(&history.recording.key, version);
                self.find(name, FindingKind::DocumentMissing, "it was settled, and its row is not there");
            }
        }
    }

    /// Looks at a document, and answers the objects that it says are gone; none unless it is good.
    fn document(
        &mut self,
        history: &History,
        document: &Document,
        bytes: &Bytes,
        roots: &TrustRoots,
    ) -> Vec<ObjectRow> {
        let name = &document.name;
        if Hash::of(bytes) != document.sha256 {
            self.find(name, FindingKind::ManifestHash, "its bytes are not those that were settled");
        }
        let signed = match SignedDocument::decode(bytes) {
            Ok(signed) => signed,
            Err(error) => {
                self.find(name, FindingKind::ManifestSignature, error.to_string());
                return Vec::new();
            }
        };
        let mut erased = Vec::new();
        let key = &history.recording.key;
        let contents = match document.kind {
            DocumentKind::Manifest => seal::Manifest::verify(&signed, roots, &key.tenant)
                .map(|manifest| manifest_contradicts(history, &manifest)),
            DocumentKind::Addendum => seal::Addendum::verify(&signed, roots, &key.tenant).map(|addendum| {
                let contradicts = addendum_contradicts(history, document, &addendum);
                match addendum.change {
                    AddendumChange::Erased { objects, .. } if contradicts.is_none() => erased = objects,
                    AddendumChange::Erased { .. }
                    | AddendumChange::Filled { .. }
                    | AddendumChange::Stated { .. } => {}
                }
                contradicts
            }),
            DocumentKind::NotRecorded => seal::NotRecorded::verify(&signed, roots, &key.tenant)
                .map(|record| (record.recording != key.id).then_some("it is about another recording")),
        };
        match contents {
            Ok(None) => {}
            Ok(Some(detail)) => self.find(name, FindingKind::ManifestContents, detail),
            Err(error) => self.find(name, FindingKind::ManifestSignature, error.to_string()),
        }
        erased
    }

    fn object(&mut self, history: &History, object: &StoredObject, bytes: &Bytes) {
        let spans = spans_of(history, object);
        self.spans += u32::try_from(spans.len()).unwrap_or(u32::MAX);
        if Hash::of(bytes) != object.sha256 {
            self.find(&object.name, FindingKind::ObjectHash, "its bytes are not those that were put");
        }
        let broken: Vec<_> = spans.into_iter().filter(|span| !is_sound(span, bytes)).collect();
        for span in &broken {
            let place = place(span.leg, span.section);
            self.find(&object.name, FindingKind::SpanRoot, format!("{place}, span {}", span.span));
        }
        if broken.is_empty()
            && let Err(error) = verify_object(bytes)
        {
            self.find(&object.name, FindingKind::ObjectFooter, error.to_string());
        }
    }

    fn sections(&mut self, history: &History) {
        for row in &history.sections {
            let Some(closed) = &row.closed else { continue };
            let (leg, section) = (row.began.leg, row.began.section);
            let own = history.spans.iter().filter(|span| (span.leg, span.section) == (leg, section));
            let roots: Vec<_> = own.map(|span| &span.ct_root).collect();
            // A section that still lacks spans is a named gap of the manifest, not a fault.
            if roots.len() >= closed.spans as usize && root_of_roots(roots) != closed.root {
                let name = RecordingName(&history.recording.key);
                self.find(name, FindingKind::SectionRoot, place(leg, section));
            }
        }
    }
}

/// How many documents a recording in this state has at least.
fn documents_min(state: State) -> u32 {
    match state {
        State::Open | State::Sealing => 0,
        State::Sealed | State::NotRecorded => 1,
        State::Addended | State::Erased => 2,
    }
}

/// Whether a span's bytes are those whose root is known.
fn is_sound(span: &Span, object: &Bytes) -> bool {
    let Ok(from) = usize::try_from(span.offset) else { return false };
    let container = from.checked_add(span.length as usize).and_then(|to| object.get(from..to));
    let view = container.and_then(|container| SpanView::parse(container).ok());
    view.is_some_and(|view| view.header.span == span.span && view.ct_root() == span.ct_root)
}

fn manifest_contradicts(history: &History, manifest: &seal::Manifest) -> Option<&'static str> {
    if manifest.recording != history.recording.key.id {
        return Some("it is about another recording");
    }
    if manifest.timeline != timeline_hash(&fold(history)) {
        return Some("its timeline is not what the recording's events come to");
    }
    let named: Vec<_> = history.objects.iter().filter(|object| object.document == Some(1)).collect();
    if !names_exactly(&named, &manifest.objects) {
        return Some("its objects are not those that are stored");
    }
    let spans = named.iter().flat_map(|object| spans_of(history, object));
    (manifest.span_table != span_table_hash(spans)).then_some("its span table is not the stored one")
}

fn addendum_contradicts(
    history: &History,
    document: &Document,
    addendum: &seal::Addendum,
) -> Option<&'static str> {
    if addendum.recording != history.recording.key.id {
        return Some("it is about another recording");
    }
    if history.documents.first().is_none_or(|first| first.sha256 != addendum.manifest) {
        return Some("it belongs to another manifest");
    }
    let before = history.documents.iter().find(|before| before.version == addendum.number);
    if document.version != addendum.number.saturating_add(1) || !follows(addendum, before) {
        return Some("it does not follow the document before it");
    }
    let named: Vec<_> =
        history.objects.iter().filter(|object| object.document == Some(document.version)).collect();
    match &addendum.change {
        AddendumChange::Filled { objects, .. } => {
            (!names_exactly(&named, objects)).then_some("its objects are not those that are stored")
        }
        AddendumChange::Erased { reason, ledger, spans, objects } => {
            let own = |row: &&ErasedRow| row.document == document.version;
            let mut rows: Vec<_> = history.erased.iter().filter(own).collect();
            let by_it =
                |row: &&ErasedRow| row.erasure.to_bytes() == ledger.to_bytes() && row.reason == *reason;
            if !rows.iter().all(by_it) || !erases_exactly(&mut rows, spans) {
                return Some("what it erases is not what is known as erased");
            }
            let is_known = |row: &ObjectRow| history.objects.iter().any(|object| is_of(row, object));
            (!objects.iter().all(is_known)).then_some("it erases an object that is not known")
        }
        AddendumChange::Stated { filed, request } => {
            let own = history.statements.iter().filter(|row| row.document == document.version);
            let known = own.map(|row| (&row.filed, row.request));
            let is_known = known.eq([(filed, *request)]);
            (!is_known).then_some("what it says that somebody stated is not what is known as stated")
        }
    }
}

/// The first addendum names the manifest alone, each later one also the addendum before it.
fn follows(addendum: &seal::Addendum, before: Option<&Document>) -> bool {
    match addendum.previous {
        None => addendum.number == 1,
        Some(previous) => before.is_some_and(|before| before.sha256 == previous),
    }
}

fn erases_exactly(known: &mut [&ErasedRow], told: &[ErasedSpans]) -> bool {
    known.sort_unstable_by_key(|row| (row.leg, row.section));
    let mut told: Vec<_> = told.iter().collect();
    told.sort_unstable_by_key(|row| (row.leg, row.section));
    let known = known.iter().map(|row| (row.leg, row.section, &row.spans));
    known.eq(told.into_iter().map(|row| (row.leg, row.section, &row.spans)))
}

fn names_exactly(stored: &[&StoredObject], rows: &[ObjectRow]) -> bool {
    let alike = |object: &&StoredObject| rows.iter().any(|row| is_of(row, object));
    stored.len() == rows.len() && stored.iter().all(alike)
}

fn is_of(row: &ObjectRow, object: &StoredObject) -> bool {
    (row.leg, row.section, row.sha256) == (object.leg, object.section, object.sha256)
}

/// An object's bytes as they lie, whatever the store thinks of them.
async fn whole(objects: &Arc<dyn ObjectStore>, name: &Key) -> Result<Option<Bytes>, Error> {
    let head = match objects.head(name, None).await {
        Ok(head) => head,
        Err(::objects::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // A range is not checked by the store: what is wrong is ours to name.
    match objects.get(name, None, Some(0..head.length)).await {
        Ok(object) => Ok(Some(object.bytes)),
        Err(::objects::Error::Damaged { .. }) => Ok(Some(Bytes::new())),
        Err(::objects::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn place(leg: LegNo, section: SectionNo) -> String {
    format!("leg {leg}, section {section}")
}

struct RecordingName<'k>(&'k RecordingKey);

impl fmt::Display for RecordingName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.tenant, self.0.id)
    }
}
