//! Listings.

use super::{Harness, NEW_VERSION, key, put};
use crate::key::Prefix;
use crate::store::{Listed, MAX_LIST, ObjectStore, PutOptions, VersionCursor};

/// Keys whose order as text is not the order of a walk through folders.
const KEYS: [&str; 12] =
    ["a", "a-", "a-b", "a.b", "a.b/c", "a/b", "a/b-c", "a/b/c", "a/b0", "a0", "ab/c", "b"];

async fn put_keys(store: &dyn ObjectStore) {
    for at in KEYS.iter().rev() {
        put(store, at, "x", PutOptions::default()).await;
    }
}

fn names(listed: &[Listed]) -> Vec<&str> {
    listed.iter().map(|listed| listed.key.as_str()).collect()
}

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).unwrap()
}

/// With what is known of each.
pub async fn keys_are_listed_in_the_order_of_their_bytes(harness: &dyn Harness) {
    let store = harness.open().await;
    assert_eq!(store.list(&Prefix::ALL, None, 100).await.unwrap(), []);
    put_keys(store.as_ref()).await;
    let latest = put(store.as_ref(), "a/b", "longer", NEW_VERSION).await;
    let listed = store.list(&Prefix::ALL, None, 100).await.unwrap();
    assert_eq!(names(&listed), KEYS);
    let changed = listed.iter().find(|listed| listed.key == key("a/b")).unwrap();
    assert_eq!((&changed.version, changed.length), (&latest.version, 6));
}

/// Also inside a segment, and where nothing begins so.
pub async fn a_prefix_may_end_anywhere(harness: &dyn Harness) {
    let store = harness.open().await;
    put_keys(store.as_ref()).await;
    for text in ["", "a", "a/", "a/b", "a/b/", "a.", "a.b/c", "ab/", "b", "b/", "c", "a/b/c/d", "a0/"] {
        let expected: Vec<_> = KEYS.into_iter().filter(|key| key.starts_with(text)).collect();
        let listed = store.list(&prefix(text), None, 100).await.unwrap();
        assert_eq!(names(&listed), expected, "{text:?}");
        let versions = store.list_versions(&prefix(text), None, 100).await.unwrap();
        assert_eq!(names(&versions), expected, "{text:?}");
    }
}

/// Whatever a page begins after, also a key that is not there.
pub async fn pages_together_are_the_whole_listing(harness: &dyn Harness) {
    let store = harness.open().await;
    put_keys(store.as_ref()).await;
    for text in ["", "a", "a/"] {
        let whole = store.list(&prefix(text), None, 100).await.unwrap();
        for limit in [1, 2, 5] {
            let mut pages: Vec<Listed> = Vec::new();
            loop {
                let after = pages.last().map(|last| last.key.clone());
                let page = store.list(&prefix(text), after.as_ref(), limit).await.unwrap();
                let is_last = page.len() < limit;
                pages.extend(page);
                if is_last {
                    break;
                }
            }
            assert_eq!(pages, whole, "{text:?} by {limit}");
        }
    }
    for after in ["0", "a/b/a", "a/b/z/z", "a1", "zz"] {
        let expected: Vec<_> = KEYS.into_iter().filter(|key| *key > after).collect();
        let listed = store.list(&Prefix::ALL, Some(&key(after)), 100).await.unwrap();
        assert_eq!(names(&listed), expected, "after {after:?}");
    }
}

/// A page may end between two versions of a key.
pub async fn versions_are_listed_latest_first_and_in_pages(harness: &dyn Harness) {
    let store = harness.open().await;
    let mut expected = Vec::new();
    for at in ["a", "a/b", "b"] {
        let mut versions = Vec::new();
        for _ in 0..3 {
            versions.insert(0, (key(at), put(store.as_ref(), at, "x", NEW_VERSION).await.version));
        }
        expected.extend(versions);
    }
    for limit in [1, 2, 4, 100] {
        let mut listed: Vec<Listed> = Vec::new();
        loop {
            let after = listed.last().map(VersionCursor::from);
            let page = store.list_versions(&Prefix::ALL, after.as_ref(), limit).await.unwrap();
            let is_last = page.len() < limit;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        let found: Vec<_> = listed.into_iter().map(|listed| (listed.key, listed.version)).collect();
        assert_eq!(found, expected, "by {limit}");
    }
}

/// A page goes on after a version that is gone.
pub async fn whoever_deletes_what_is_listed_comes_to_an_end_of_it(harness: &dyn Harness) {
    let store = harness.open().await;
    let mut expected = Vec::new();
    for at in ["a", "a/b"] {
        let first = put(store.as_ref(), at, "x", NEW_VERSION).await.version;
        let second = put(store.as_ref(), at, "x", NEW_VERSION).await.version;
        expected.extend([(key(at), second), (key(at), first)]);
    }
    let mut deleted = Vec::new();
    let mut after = None;
    while let Some(listed) = store.list_versions(&Prefix::ALL, after.as_ref(), 1).await.unwrap().pop() {
        store.delete_version(&listed.key, &listed.version).await.unwrap();
        after = Some(VersionCursor::from(&listed));
        deleted.push((listed.key, listed.version));
    }
    assert_eq!(deleted, expected);
}

/// Whatever is asked for.
pub async fn a_listing_is_bounded(harness: &dyn Harness) {
    let store = harness.open().await;
    put_keys(store.as_ref()).await;
    assert_eq!(store.list(&Prefix::ALL, None, 0).await.unwrap(), []);
    assert_eq!(store.list_versions(&Prefix::ALL, None, 0).await.unwrap(), []);
    for limit in [MAX_LIST + 1, usize::MAX] {
        assert_eq!(store.list(&Prefix::ALL, None, limit).await.unwrap().len(), KEYS.len());
        assert_eq!(store.list_versions(&Prefix::ALL, None, limit).await.unwrap().len(), KEYS.len());
    }
}
