use tokio::task::JoinSet;

use super::*;
use crate::store::{IfExists, sha256};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn an_object_in_parts_comes_back_as_it_was_with_its_lock() {
    let Some(server) = Server::from_env() else { return };
    let options = S3Options { part_bytes: 5 * MIB, ..server.options.clone() };
    let store = S3Objects::open(options, Arc::new(SystemClock)).await.unwrap();
    let (bytes, until) = (bytes_of(11 * MIB + 3), later(60));
    let locked = PutOptions { retain_until: Some(until), legal_hold: LegalHold::On, ..PutOptions::default() };
    let done = store.put(&key("k"), bytes.clone(), locked).await.unwrap();
    assert_eq!(done.sha256, sha256(&bytes));

    let whole = store.get(&key("k"), None, None).await.unwrap();
    assert!(whole.bytes == bytes);
    assert_eq!((whole.head.length, whole.head.sha256), (bytes.len() as u64, done.sha256));
    assert_eq!((whole.head.retain_until, whole.head.legal_hold), (Some(until), LegalHold::On));
    assert_eq!(store.head(&key("k"), Some(&done.version)).await.unwrap(), whole.head);
    let edge = 5 * MIB - 2;
    let across = store.get(&key("k"), None, Some(edge as u64..edge as u64 + 4)).await.unwrap();
    assert_eq!(across.bytes, bytes.slice(edge..edge + 4));

    let taken = store.put(&key("k"), bytes, locked).await.unwrap_err();
    assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken}");
    let held = store.delete_version(&key("k"), &done.version).await.unwrap_err();
    assert!(matches!(held, Error::Held { .. }), "{held}");
    store.set_legal_hold(&key("k"), &done.version, LegalHold::Off).await.unwrap();
    let kept = store.delete_version(&key("k"), &done.version).await.unwrap_err();
    assert!(matches!(kept, Error::Locked { until: end, .. } if end == until), "{kept}");
}

#[tokio::test]
async fn of_racing_conditional_uploads_one_succeeds() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let mut puts = JoinSet::new();
    for number in 0..6 {
        let (store, bytes) = (store.clone(), bytes_of(MIB + 1 + number));
        puts.spawn(async move { store.put(&key("k"), bytes, PutOptions::default()).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = puts.join_all().await.into_iter().partition(Result::is_ok);
    match store.capabilities().conditional_put {
        Enforcement::Enforced => assert_eq!(won.len(), 1),
        Enforcement::NotEnforced => assert!(!won.is_empty()),
    }
    for refused in lost {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::AlreadyExists { .. }), "{}", chain(&refused));
    }
    assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap().len(), won.len());
    // Those that lost left nothing to abort.
    assert_eq!(store.abort_stale_uploads(Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn stale_uploads_are_aborted_and_others_are_not() {
    let Some(server) = Server::from_env() else { return };
    let (store, beside) = (server.store().await, Server::from_env().unwrap().store().await);
    let (own, other) = (begin(&store, "a/k").await, begin(&beside, "a/k").await);
    assert_eq!(store.abort_stale_uploads(Duration::from_secs(3_600)).await.unwrap(), 0);
    assert!(goes_on(&store, "a/k", &own).await);
    // The server says whole seconds, rounded or cut.
    tokio::time::timeout(Duration::from_secs(10), async {
        while store.abort_stale_uploads(Duration::ZERO).await.unwrap() == 0 {}
    })
    .await
    .unwrap();
    assert!(!goes_on(&store, "a/k", &own).await);
    assert!(goes_on(&beside, "a/k", &other).await);
    assert_eq!(store.put(&key("a/k"), "x".into(), put_new()).await.unwrap().sha256, sha256(b"x"));
    assert_eq!(beside.abort_stale_uploads(Duration::ZERO).await.unwrap(), 1);
}

fn put_new() -> PutOptions {
    PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() }
}

async fn begin(store: &S3Objects, at: &str) -> String {
    let bucket = &store.0.bucket;
    let request = bucket.client.create_multipart_upload().bucket(bucket.name()).key(bucket.named(at));
    request.send().await.unwrap().upload_id().unwrap().to_owned()
}

async fn goes_on(store: &S3Objects, at: &str, upload: &str) -> bool {
    let bucket = &store.0.bucket;
    let request = bucket.client.list_parts().bucket(bucket.name()).key(bucket.named(at));
    request.upload_id(upload).send().await.is_ok()
}
