//! What is wrong in a store is found, and what is not is not.

use std::path::Path;

use kernel::{
    EventId, FrameNo, InstanceId, KeyEpoch, LegNo, Position, RequestId, SectionNo, SessionEpoch, SpanNo,
    SystemClock, Timestamp,
};
use objects::{DirectoryObjects, PutOptions};
use seal::manifest::{Completeness, EndCause, ErasedSpans, NotRecordedReason, ReasonCode, SIGNER_ROLE};
use seal::receipt::PlainCode;
use seal::signing::{RoleName, TenantScope};
use seal::span::seal_span;
use seal::{
    Codec, InstanceCert, LegKey, Object, ObjectBuilder, SignedCert, SigningKey, SpanHeader, SpanSet, SpanView,
};

use super::*;

const RECORDING: RecordingId = RecordingId::from_bytes([7; 16]);

fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

fn signing_root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// A store with these objects.
async fn store(folder: &Path, objects: &[(String, Vec<u8>)]) -> Arc<dyn ObjectStore> {
    let store = DirectoryObjects::open(folder, Arc::new(SystemClock)).await.unwrap();
    for (key, bytes) in objects {
        let key = Key::new(key.clone()).unwrap();
        store.put(&key, bytes.clone().into(), PutOptions::default()).await.unwrap();
    }
    Arc::new(store)
}

/// What is found, as names and kinds.
async fn found(store: Arc<dyn ObjectStore>) -> Vec<(String, &'static str)> {
    let roots = [signing_root().verifying_key()].into_iter().collect();
    let report = verify(store, &roots).await.unwrap();
    report.findings.into_iter().map(|finding| (finding.name, finding.kind)).collect()
}

#[tokio::test]
async fn a_damaged_sidecar_is_a_finding_and_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let named = |rest: &str| format!("banca-alfa/{RECORDING}/{rest}");
    let (document, object) = (named("documents/000001"), named("00000/0000000000/0000000"));
    let objects = [(document.clone(), b"none".to_vec()), (object.clone(), b"none".to_vec())];
    let store = store(folder.path(), &objects).await;
    let whole = found(Arc::clone(&store)).await;
    assert_eq!(whole, [(document.clone(), "document"), (object.clone(), "unnamed")]);

    let head = store.head(&Key::new(document.clone()).unwrap(), None).await.unwrap();
    let sidecar = folder.path().join(format!("objects/{document}=/{}.json", head.version));
    std::fs::write(sidecar, "{").unwrap();
    assert_eq!(found(store).await, [(document, "document"), (object, "unnamed")]);
}

#[tokio::test]
async fn an_object_without_bytes_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let document = format!("banca-alfa/{RECORDING}/documents/000001");
    let store = store(folder.path(), &[(document.clone(), Vec::new())]).await;
    assert_eq!(found(store).await, [(document, "document")]);
}

#[tokio::test]
async fn the_sealed_metadata_of_a_call_that_kept_no_audio_is_no_finding() {
    let check = async |objects: &[(String, Vec<u8>)], expected: &[&'static str]| {
        let folder = tempfile::tempdir().unwrap();
        let found = found(store(folder.path(), objects).await).await;
        let kinds: Vec<_> = found.into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, expected, "{:?}", objects.iter().map(|(key, _)| key).collect::<Vec<_>>());
    };
    let document = (format!("banca-alfa/{RECORDING}/documents/000001"), not_recorded());
    let of = |object: Object| (object.name.to_string(), object.bytes);
    let metadata = of(sealed(META_LEG));
    check(&[document.clone(), metadata.clone()], &[]).await;
    check(&[document.clone(), of(sealed(LegNo(0)))], &["unnamed"]).await;
    check(std::slice::from_ref(&metadata), &["unsigned", "unnamed"]).await;
    let mut flipped = metadata.clone();
    flipped.1[40] ^= 1;
    check(&[document.clone(), flipped], &["bytes"]).await;
    let moved = (metadata.0.replace("/0000000000/", "/0000000001/"), metadata.1);
    check(&[document, moved], &["bytes"]).await;
}

/// Documents in their places, and what else lies there.
async fn kinds_of(documents: &[Vec<u8>], objects: &[(String, Vec<u8>)]) -> Vec<&'static str> {
    let name = |number: usize| format!("banca-alfa/{RECORDING}/documents/{number:06}");
    let placed = documents.iter().enumerate().map(|(before, bytes)| (name(before + 1), bytes.clone()));
    let all: Vec<_> = placed.filter(|(_, bytes)| !bytes.is_empty()).chain(objects.to_vec()).collect();
    let folder = tempfile::tempdir().unwrap();
    found(store(folder.path(), &all).await).await.into_iter().map(|(_, kind)| kind).collect()
}

#[tokio::test]
async fn an_object_that_a_good_addendum_erases_may_be_gone_and_must_be_whole_while_it_lies() {
    let object = sealed(META_LEG);
    let row = row(&object);
    let lying = (object.name.to_string(), object.bytes.clone());
    let manifest = manifest(vec![row.clone()]);
    let erased = addendum(1, &manifest, None, vec![row.clone()], &signing_root());
    assert!(kinds_of(&[manifest.clone(), erased.clone()], &[]).await.is_empty());
    assert!(kinds_of(&[manifest.clone(), erased.clone()], std::slice::from_ref(&lying)).await.is_empty());
    assert_eq!(kinds_of(std::slice::from_ref(&manifest), &[]).await, ["missing"]);
    let mut flipped = lying;
    flipped.1[40] ^= 1;
    assert_eq!(kinds_of(&[manifest.clone(), erased], &[flipped]).await, ["bytes"]);
    // Spans that nobody can open are no reason for an object to be gone.
    let spans_alone = addendum(1, &manifest, None, Vec::new(), &signing_root());
    assert_eq!(kinds_of(&[manifest.clone(), spans_alone], &[]).await, ["missing"]);
    let nobodys = addendum(1, &manifest, None, vec![row.clone()], &SigningKey::from_bytes(&[9; 32]));
    assert_eq!(kinds_of(&[manifest.clone(), nobodys], &[]).await, ["document", "missing"]);
    let other = ObjectRow { sha256: Hash([8; 32]), ..row };
    let of_other_bytes = addendum(1, &manifest, None, vec![other], &signing_root());
    assert_eq!(kinds_of(&[manifest, of_other_bytes], &[]).await, ["missing"]);
}

#[tokio::test]
async fn an_addendum_that_does_not_follow_the_one_before_it_is_a_finding() {
    let object = sealed(META_LEG);
    let manifest = manifest(vec![row(&object)]);
    let lying = [(object.name.to_string(), object.bytes)];
    let erases = |number, of: &[u8], previous| addendum(number, of, previous, Vec::new(), &signing_root());
    let first = erases(1, &manifest, None);
    let second = erases(2, &manifest, Some(Hash::of(&first)));
    let third = erases(3, &manifest, Some(Hash::of(&second)));
    let check = async |documents: &[&[u8]], expected: &[&'static str]| {
        let documents: Vec<_> = documents.iter().map(|bytes| bytes.to_vec()).collect();
        assert_eq!(kinds_of(&documents, &lying).await, expected);
    };
    check(&[&manifest, &first, &second, &third], &[]).await;
    // One is left out, two change places, one belongs to another manifest, one to another past.
    check(&[&manifest, &first, &[], &third], &["chain"]).await;
    check(&[&manifest, &second, &first], &["chain", "chain"]).await;
    check(&[&manifest, &erases(1, b"another manifest", None)], &["chain"]).await;
    check(&[&manifest, &first, &erases(2, &manifest, Some(Hash([1; 32])))], &["chain"]).await;
}

#[tokio::test]
async fn a_statement_is_told_where_a_good_addendum_says_it_and_takes_no_object_away() {
    let object = sealed(META_LEG);
    let manifest = manifest(vec![row(&object)]);
    let lying = (object.name.to_string(), object.bytes);
    let named = |number: usize| format!("banca-alfa/{RECORDING}/documents/{number:06}");
    let check = async |root: &SigningKey, lies: bool, expected: (&[&str], &[&str])| {
        let first = stated(&manifest, root);
        let mut all = vec![(named(1), manifest.clone()), (named(2), first)];
        all.extend(lies.then(|| lying.clone()));
        let folder = tempfile::tempdir().unwrap();
        let roots = [signing_root().verifying_key()].into_iter().collect();
        let report = verify(store(folder.path(), &all).await, &roots).await.unwrap();
        let filed: Vec<_> = report.statements.iter().map(|stated| stated.filed.as_str()).collect();
        let kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!((filed.as_slice(), kinds.as_slice()), expected);
    };
    check(&signing_root(), true, (&["statement-7"], &[])).await;
    check(&signing_root(), false, (&["statement-7"], &["missing"])).await;
    check(&SigningKey::from_bytes(&[9; 32]), true, (&[], &["document"])).await;
}

/// A signed manifest of these objects.
fn manifest(objects: Vec<ObjectRow>) -> Vec<u8> {
    let manifest = Manifest {
        tenant: tenant(),
        recording: RECORDING,
        started_at: Timestamp(1),
        ended_at: Timestamp(2),
        cause: EndCause::Closed,
        completeness: Completeness::Complete,
        policy_hash: Hash([4; 32]),
        legs: Vec::new(),
        objects,
        bases: Vec::new(),
        marks: Vec::new(),
        superseded: Vec::new(),
        timeline: Hash([6; 32]),
        span_table: Hash([7; 32]),
    };
    let (cert, key) = signer(&signing_root());
    manifest.sign(Timestamp(2), &cert, &key).unwrap().encode().unwrap()
}

/// A signed addendum that says what was erased.
fn addendum(
    number: u32,
    manifest: &[u8],
    previous: Option<Hash>,
    objects: Vec<ObjectRow>,
    root: &SigningKey,
) -> Vec<u8> {
    let spans = SpanSet::from_spans([SpanNo(0)]).unwrap();
    let change = AddendumChange::Erased {
        reason: ReasonCode::new("period-over").unwrap(),
        ledger: EventId::from_bytes([5; 16]),
        spans: vec![ErasedSpans { leg: META_LEG, section: SectionNo(0), spans }],
        objects,
    };
    changed(number, manifest, previous, change, root)
}

/// The first addendum, signed, which says that somebody has stated something.
fn stated(manifest: &[u8], root: &SigningKey) -> Vec<u8> {
    let filed = PlainCode::new("statement-7").unwrap();
    let change = AddendumChange::Stated { filed, request: RequestId::from_bytes([6; 16]) };
    changed(1, manifest, None, change, root)
}

/// A signed addendum.
fn changed(
    number: u32,
    manifest: &[u8],
    previous: Option<Hash>,
    change: AddendumChange,
    root: &SigningKey,
) -> Vec<u8> {
    let manifest = Hash::of(manifest);
    let addendum = Addendum { tenant: tenant(), recording: RECORDING, number, manifest, previous, change };
    let (cert, key) = signer(root);
    addendum.sign(Timestamp(3), &cert, &key).unwrap().encode().unwrap()
}

/// An object as a document names it.
fn row(object: &Object) -> ObjectRow {
    ObjectRow {
        leg: object.footer.section.leg,
        section: object.footer.section.section,
        first_span: object.name.first_span,
        sha256: object.sha256,
        root: object.footer.root(),
        length: object.bytes.len() as u64,
        lock_until: None,
        regimes: Vec::new(),
    }
}

/// A signed record that nothing was kept of the call.
fn not_recorded() -> Vec<u8> {
    let record = NotRecorded {
        tenant: tenant(),
        recording: RECORDING,
        started_at: Timestamp(1),
        reason: NotRecordedReason::NothingKept,
        denials: Vec::new(),
        policy_hash: None,
    };
    let (cert, key) = signer(&signing_root());
    record.sign(Timestamp(2), &cert, &key).unwrap().encode().unwrap()
}

/// A key that this root has certified.
fn signer(root: &SigningKey) -> (SignedCert, SigningKey) {
    let key = SigningKey::from_bytes(&[2; 32]);
    let cert = InstanceCert {
        instance: InstanceId::from_bytes([3; 16]),
        role: RoleName::new(SIGNER_ROLE).unwrap(),
        tenants: TenantScope::All,
        not_before: Timestamp(0),
        not_after: Timestamp(i64::MAX),
        key: key.verifying_key(),
    };
    (SignedCert::issue(root, cert).unwrap(), key)
}

/// An object of one sealed document.
fn sealed(leg: LegNo) -> Object {
    let header = SpanHeader {
        tenant: tenant(),
        recording: RECORDING,
        leg,
        section: SectionNo(0),
        kind: SectionKind::Meta,
        span: SpanNo(0),
        session_epoch: SessionEpoch(1),
        first_frame: FrameNo(0),
        last_frame: FrameNo(0),
        start: Position(0),
        end: Position(0),
        codec: Codec::Document,
        rate: 0,
        started_wall: Timestamp(1),
        writer: InstanceId::from_bytes([3; 16]),
        key_epoch: KeyEpoch(1),
        policy_hash: Hash([4; 32]),
        regimes: Vec::new(),
    };
    let key = LegKey::from_bytes([5; 32]).span_key(SpanNo(0)).unwrap();
    let span = seal_span(&key, &header, b"a document").unwrap();
    ObjectBuilder::new(&SpanView::parse(&span.bytes).unwrap()).unwrap().finish().unwrap()
}
