use super::*;
use crate::contract::{NEW_VERSION, put, text};

#[tokio::test]
async fn many_versions_of_a_key_hide_no_other_key() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let mut latest = Vec::new();
    // More versions than the least page has, so that pages end within a key.
    for at in ["a", "b", "c"] {
        for _ in 0..39 {
            put(&store, at, "x", NEW_VERSION).await;
        }
        latest.push((key(at), put(&store, at, "x", NEW_VERSION).await.version));
    }
    for limit in [1, 2, 3, 100] {
        let listed = store.list(&Prefix::ALL, None, limit).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|listed| (listed.key, listed.version)).collect();
        assert_eq!(listed, latest[..limit.min(3)], "{limit}");
    }
    let after = store.list(&Prefix::ALL, Some(&key("a")), 1).await.unwrap();
    assert_eq!(after[0].key, key("b"));
    assert_eq!(store.list_versions(&Prefix::ALL, None, 1_000).await.unwrap().len(), 120);
}

#[tokio::test]
async fn a_listing_of_versions_goes_on_after_one_that_was_deleted() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let mut expected = Vec::new();
    for _ in 0..4 {
        expected.insert(0, put(&store, "k", "x", NEW_VERSION).await.version);
    }
    let mut seen = Vec::new();
    let mut after = None;
    while let Some(listed) = store.list_versions(&Prefix::ALL, after.as_ref(), 1).await.unwrap().pop() {
        store.delete_version(&listed.key, &listed.version).await.unwrap();
        after = Some(VersionCursor::from(&listed));
        seen.push(listed.version);
        assert!(seen.len() <= expected.len());
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_delete_marker_hides_nothing() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let older = put(&store, "k", "older", NEW_VERSION).await.version;
    let newer = put(&store, "k", "newer", NEW_VERSION).await.version;
    put(&store, "k-after", "another", NEW_VERSION).await;
    for _ in 0..2 {
        mark(&store, "k").await;
    }
    assert_eq!(text(&store, "k", None).await, "newer");
    assert_eq!(store.get(&key("k"), None, Some(0..3)).await.unwrap().bytes, "new");
    assert_eq!(store.head(&key("k"), None).await.unwrap().version, newer);
    let names = |listed: &[Listed]| listed.iter().map(|l| l.key.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&store.list(&Prefix::ALL, None, 10).await.unwrap()), ["k", "k-after"]);
    let versions = store.list_versions(&Prefix::ALL, None, 10).await.unwrap();
    assert_eq!(names(&versions), ["k", "k", "k-after"]);
    for version in [newer, older] {
        store.delete_version(&key("k"), &version).await.unwrap();
    }
    let gone = store.get(&key("k"), None, None).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { version: None, .. }), "{gone}");
    assert_eq!(names(&store.list(&Prefix::ALL, None, 10).await.unwrap()), ["k-after"]);
}

#[tokio::test]
async fn what_no_put_of_ours_can_have_made_is_not_listed() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    for name in ["a=b", "a b", "probe=x"] {
        put_raw(&store, name, b"x", None).await;
    }
    put(&store, "k", "x", NEW_VERSION).await;
    let beside = S3Options {
        root: Some(key(&format!("{}-beside", server.options.root.as_ref().unwrap()))),
        ..server.options.clone()
    };
    let beside = S3Objects::open(beside, Arc::new(SystemClock)).await.unwrap();
    put(&beside, "other", "x", NEW_VERSION).await;
    for limit in [1, 10] {
        let listed = store.list(&Prefix::ALL, None, limit).await.unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(store.list_versions(&Prefix::ALL, None, limit).await.unwrap(), listed);
    }
}
