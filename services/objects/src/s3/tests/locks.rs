use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    Delete, ObjectIdentifier, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
};

use super::*;
use crate::contract::text;

/// Everything that whoever holds the root credentials may ask for.
#[tokio::test]
async fn a_locked_version_outlives_the_root_credentials() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let until = later(60);
    let options = PutOptions { retain_until: Some(until), ..PutOptions::default() };
    let version = store.put(&key("k"), "kept".into(), options).await.unwrap().version;

    for bypass in [None, Some(true)] {
        assert!(delete(&store, "k", &version, bypass).await, "deleted with bypass {bypass:?}");
        delete_among_others(&store, "k", &version, bypass).await;
        for mode in [ObjectLockRetentionMode::Compliance, ObjectLockRetentionMode::Governance] {
            let refused = shorten(&store, "k", &version, mode.clone(), bypass).await;
            assert!(refused, "shortened in mode {mode} with bypass {bypass:?}");
        }
        assert!(unlock(&store, "k", &version, bypass).await, "unlocked with bypass {bypass:?}");
    }
    // Neither of these is refused; neither touches the version.
    mark(&store, "k").await;
    put_raw(&store, "k", b"another", None).await;

    assert_eq!(text(&store, "k", Some(&version)).await, "kept");
    let found = store.0.bucket.find(&key("k"), Some(&version)).await.unwrap();
    assert_eq!(found.head.retain_until, Some(until));
    assert_eq!(found.mode, Some(ObjectLockMode::Compliance));
}

/// Whether a deletion is refused.
async fn delete(store: &S3Objects, at: &str, version: &Version, bypass: Option<bool>) -> bool {
    let bucket = &store.0.bucket;
    let request = bucket.client.delete_object().bucket(bucket.name()).key(bucket.named(at));
    request.version_id(version.as_str()).set_bypass_governance_retention(bypass).send().await.is_err()
}

/// The other way to delete, which answers for each version within a success.
async fn delete_among_others(store: &S3Objects, at: &str, version: &Version, bypass: Option<bool>) {
    let bucket = &store.0.bucket;
    let object = ObjectIdentifier::builder().key(bucket.named(at)).version_id(version.as_str());
    let delete = Delete::builder().objects(object.build().unwrap()).build().unwrap();
    let request = bucket.client.delete_objects().bucket(bucket.name()).delete(delete);
    let answer = request.set_bypass_governance_retention(bypass).send().await;
    assert!(answer.is_err() || !answer.unwrap().errors().is_empty());
}

/// Whether an earlier end is refused.
async fn shorten(
    store: &S3Objects,
    at: &str,
    version: &Version,
    mode: ObjectLockRetentionMode,
    bypass: Option<bool>,
) -> bool {
    let sooner = DateTime::from_secs(later(5).0 / 1_000_000);
    let retention = ObjectLockRetention::builder().mode(mode).retain_until_date(sooner).build();
    retain(store, at, version, retention, bypass).await
}

/// Whether having no end at all is refused.
async fn unlock(store: &S3Objects, at: &str, version: &Version, bypass: Option<bool>) -> bool {
    retain(store, at, version, ObjectLockRetention::builder().build(), bypass).await
}

async fn retain(
    store: &S3Objects,
    at: &str,
    version: &Version,
    retention: ObjectLockRetention,
    bypass: Option<bool>,
) -> bool {
    let bucket = &store.0.bucket;
    let request = bucket.client.put_object_retention().bucket(bucket.name()).key(bucket.named(at));
    let request = request.version_id(version.as_str()).retention(retention);
    request.set_bypass_governance_retention(bypass).send().await.is_err()
}

#[tokio::test]
async fn a_lock_ends_on_the_second_at_or_after_its_date() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let whole = later(20);
    let odd = Timestamp(whole.0 - 999_999);
    let options = PutOptions { retain_until: Some(odd), ..PutOptions::default() };
    let version = store.put(&key("k"), "kept".into(), options).await.unwrap().version;
    assert_eq!(store.head(&key("k"), None).await.unwrap().retain_until, Some(whole));
    // The same order again asks for nothing new.
    store.extend_retention(&key("k"), &version, odd).await.unwrap();
    assert_eq!(store.head(&key("k"), None).await.unwrap().retain_until, Some(whole));
}

#[tokio::test]
async fn a_lock_that_has_passed_by_the_servers_clock_alone_is_refused() {
    let Some(server) = Server::from_env() else { return };
    let behind = kernel::ManualClock::at(Timestamp(0));
    let store = S3Objects::open(server.options.clone(), Arc::new(behind)).await.unwrap();
    let passed = Timestamp(1_000_000_000_000_000);
    let options = PutOptions { retain_until: Some(passed), ..PutOptions::default() };
    let refused = store.put(&key("k"), "x".into(), options).await.unwrap_err();
    assert!(
        matches!(refused, Error::RetentionPassed { until, .. } if until == passed),
        "{}",
        chain(&refused)
    );
    let version = store.put(&key("k"), "x".into(), PutOptions::default()).await.unwrap().version;
    let refused = store.extend_retention(&key("k"), &version, passed).await.unwrap_err();
    assert!(
        matches!(refused, Error::RetentionPassed { until, .. } if until == passed),
        "{}",
        chain(&refused)
    );
}
