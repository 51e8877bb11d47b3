//! Objects and versions.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Harness, NEW_VERSION, key, put, text};
use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::store::{Enforcement, IfExists, LegalHold, MAX_OBJECT, ObjectStore, PutOptions, sha256};

/// Its bytes, and what is known of it.
pub async fn an_object_comes_back_as_it_was(harness: &dyn Harness) {
    let store = harness.open().await;
    let large: Vec<u8> = (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for (name, bytes) in [("empty", vec![]), ("a/one", vec![255]), ("a/b/large", large)] {
        let before = harness.now();
        let done = store.put(&key(name), bytes.clone().into(), PutOptions::default()).await.unwrap();
        assert_eq!(done.sha256, sha256(&bytes));
        for version in [None, Some(&done.version)] {
            let object = store.get(&key(name), version, None).await.unwrap();
            assert_eq!(object.bytes, bytes);
            let head = store.head(&key(name), version).await.unwrap();
            assert_eq!(object.head, head);
            assert_eq!((head.key, head.version), (key(name), done.version.clone()));
            assert_eq!((head.length, head.sha256), (bytes.len() as u64, done.sha256));
            assert_eq!((head.retain_until, head.legal_hold), (None, LegalHold::Off));
            // A server's clock is not ours: within a minute will do.
            assert!(head.put_at.0.abs_diff(before.0) < 60_000_000);
        }
    }
}

/// With the object's length in the error.
pub async fn ranges_are_cut_at_the_end_and_refused_outside(harness: &dyn Harness) {
    let store = harness.open().await;
    put(store.as_ref(), "digits", "0123456789", PutOptions::default()).await;
    for (range, expected) in
        [(0..10, "0123456789"), (3..5, "34"), (9..10, "9"), (8..100, "89"), (0..u64::MAX, "0123456789")]
    {
        let part = store.get(&key("digits"), None, Some(range)).await.unwrap();
        assert_eq!((part.bytes.as_ref(), part.head.length), (expected.as_bytes(), 10));
    }
    #[allow(clippy::reversed_empty_ranges, reason = "what a caller may get wrong")]
    for range in [10..11, 4..4, 5..4, u64::MAX - 1..u64::MAX] {
        let outside = store.get(&key("digits"), None, Some(range)).await.unwrap_err();
        assert!(matches!(outside, Error::RangeOutside { length: 10, .. }), "{outside}");
    }
}

/// The object stays as it was.
pub async fn a_conditional_put_of_an_existing_key_is_refused_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.open().await;
    let first = put(store.as_ref(), "a/b", "first", PutOptions::default()).await;
    for bytes in ["first", "second"] {
        let refused = store.put(&key("a/b"), bytes.into(), PutOptions::default()).await.unwrap_err();
        assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
    }
    assert_eq!(store.head(&key("a/b"), None).await.unwrap().version, first.version);
    assert_eq!(text(store.as_ref(), "a/b", None).await, "first");
    // Keys above and below are others.
    put(store.as_ref(), "a", "above", PutOptions::default()).await;
    put(store.as_ref(), "a/b/c", "below", PutOptions::default()).await;
    assert_eq!(text(store.as_ref(), "a/b", None).await, "first");
}

async fn race(harness: &dyn Harness, if_exists: IfExists) -> Vec<(String, Result<Version, Error>)> {
    let handles = [harness.open().await, harness.open().await];
    let mut puts = JoinSet::new();
    for number in 0..20 {
        let store = handles[number % 2].clone();
        puts.spawn(async move {
            let bytes = format!("from {number}");
            let options = PutOptions { if_exists, ..PutOptions::default() };
            let done = store.put(&key("race/for/it"), Bytes::from(bytes.clone()), options).await;
            (bytes, done.map(|done| done.version))
        });
    }
    puts.join_all().await
}

/// Over two handles, as two processes race.
pub async fn of_racing_conditional_puts_one_succeeds(harness: &dyn Harness) {
    let outcomes = race(harness, IfExists::Refuse).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| outcome.is_ok());
    let store = harness.open().await;
    match store.capabilities().conditional_put {
        Enforcement::Enforced => assert_eq!(won.len(), 1),
        Enforcement::NotEnforced => assert!(!won.is_empty()),
    }
    assert!(lost.iter().all(|(_, outcome)| matches!(outcome, Err(Error::AlreadyExists { .. }))));
    let there = text(store.as_ref(), "race/for/it", None).await;
    assert!(won.iter().any(|(bytes, _)| *bytes == there));
}

/// None is lost and none overwrites another.
pub async fn racing_unconditional_puts_all_become_versions(harness: &dyn Harness) {
    let outcomes = race(harness, IfExists::NewVersion).await;
    let store = harness.open().await;
    let mut versions = BTreeSet::new();
    for (bytes, outcome) in outcomes {
        let version = outcome.unwrap();
        assert_eq!(text(store.as_ref(), "race/for/it", Some(&version)).await, bytes);
        versions.insert(version.to_string());
    }
    assert_eq!(versions.len(), 20);
    assert_eq!(store.list_versions(&Prefix::ALL, None, 1_000).await.unwrap().len(), 20);
}

/// Which is read by its version.
pub async fn a_later_put_makes_a_version_and_keeps_the_one_before(harness: &dyn Harness) {
    let store = harness.open().await;
    let first = put(store.as_ref(), "k", "first", NEW_VERSION).await.version;
    let second = put(store.as_ref(), "k", "second", NEW_VERSION).await.version;
    assert_ne!(first, second);
    assert_eq!(text(store.as_ref(), "k", None).await, "second");
    assert_eq!(text(store.as_ref(), "k", Some(&first)).await, "first");
    assert_eq!(text(store.as_ref(), "k", Some(&second)).await, "second");
}

/// And the last one makes the key free.
pub async fn deleting_the_latest_version_uncovers_the_one_before(harness: &dyn Harness) {
    let store = harness.open().await;
    let first = put(store.as_ref(), "a/k", "first", NEW_VERSION).await.version;
    let second = put(store.as_ref(), "a/k", "second", NEW_VERSION).await.version;
    store.delete_version(&key("a/k"), &second).await.unwrap();
    assert_eq!(text(store.as_ref(), "a/k", None).await, "first");
    store.delete_version(&key("a/k"), &first).await.unwrap();
    let gone = store.get(&key("a/k"), None, None).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    assert_eq!(store.list(&Prefix::ALL, None, 10).await.unwrap(), []);
    put(store.as_ref(), "a/k", "third", PutOptions::default()).await;
}

/// So that what names it does not come to mean another.
pub async fn a_version_that_was_deleted_never_comes_again(harness: &dyn Harness) {
    let store = harness.open().await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let version = put(store.as_ref(), "k", "same", PutOptions::default()).await.version;
        store.delete_version(&key("k"), &version).await.unwrap();
        assert!(seen.insert(version.to_string()));
    }
}

/// What was answered survives the process.
pub async fn objects_are_there_after_opening_again(harness: &dyn Harness) {
    let first = put(harness.open().await.as_ref(), "a/b/c", "first", NEW_VERSION).await;
    let second = put(harness.open().await.as_ref(), "a/b/c", "second", NEW_VERSION).await;
    let store = harness.open().await;
    assert_eq!(text(store.as_ref(), "a/b/c", Some(&first.version)).await, "first");
    assert_eq!(store.head(&key("a/b/c"), None).await.unwrap().version, second.version);
}

/// Keys, versions, and versions of another key.
pub async fn what_does_not_exist_is_not_found(harness: &dyn Harness) {
    let store = harness.open().await;
    let there = put(store.as_ref(), "there/too", "here", NEW_VERSION).await.version;
    let odd = Version::new("../../there=/1").unwrap();
    for (at, version) in
        [("nowhere", &there), ("there", &there), ("there/too/deep", &there), ("there/too", &odd)]
    {
        assert_all_not_found(store.as_ref(), &key(at), version, harness).await;
    }
    for at in ["nowhere", "there", "there/too/deep"] {
        let missing = store.get(&key(at), None, None).await.unwrap_err();
        assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    }
}

async fn assert_all_not_found(store: &dyn ObjectStore, key: &Key, version: &Version, harness: &dyn Harness) {
    let later = harness.now().plus(super::LOCK);
    let answers = [
        store.get(key, Some(version), None).await.map(drop),
        store.get(key, Some(version), Some(0..1)).await.map(drop),
        store.head(key, Some(version)).await.map(drop),
        store.delete_version(key, version).await,
        store.extend_retention(key, version, later).await,
        store.set_legal_hold(key, version, LegalHold::On).await,
    ];
    for answer in answers {
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{key}: {answer:?}");
    }
}

/// With the bound in the error.
pub async fn an_object_beyond_the_bound_is_refused(harness: &dyn Harness) {
    let store = harness.open().await;
    let refused =
        store.put(&key("k"), vec![0; MAX_OBJECT + 1].into(), PutOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::TooLarge { limit: MAX_OBJECT, .. }), "{refused}");
    assert_eq!(store.list(&Prefix::ALL, None, 10).await.unwrap(), []);
}
