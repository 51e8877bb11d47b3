//! What is wrong in a store is found, and what is not is not.

use std::path::Path;

use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, SectionNo, SessionEpoch, SpanNo, SystemClock, Timestamp,
};
use objects::{DirectoryObjects, PutOptions};
use seal::manifest::{NotRecordedReason, SIGNER_ROLE};
use seal::signing::{RoleName, TenantScope};
use seal::span::seal_span;
use seal::{
    Codec, InstanceCert, LegKey, Object, ObjectBuilder, SignedCert, SigningKey, SpanHeader, SpanView,
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

/// A signed record that nothing was kept of the call.
fn not_recorded() -> Vec<u8> {
    let key = SigningKey::from_bytes(&[2; 32]);
    let cert = InstanceCert {
        instance: InstanceId::from_bytes([3; 16]),
        role: RoleName::new(SIGNER_ROLE).unwrap(),
        tenants: TenantScope::All,
        not_before: Timestamp(0),
        not_after: Timestamp(i64::MAX),
        key: key.verifying_key(),
    };
    let record = NotRecorded {
        tenant: tenant(),
        recording: RECORDING,
        started_at: Timestamp(1),
        reason: NotRecordedReason::NothingKept,
        denials: Vec::new(),
        policy_hash: None,
    };
    let cert = SignedCert::issue(&signing_root(), cert).unwrap();
    record.sign(Timestamp(2), &cert, &key).unwrap().encode().unwrap()
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
