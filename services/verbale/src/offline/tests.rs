//! What is wrong in a store is found, and what is not is not.

use std::path::Path;

use kernel::SystemClock;
use objects::{DirectoryObjects, PutOptions};
use seal::SigningKey;

use super::*;

const RECORDING: RecordingId = RecordingId::from_bytes([7; 16]);

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
