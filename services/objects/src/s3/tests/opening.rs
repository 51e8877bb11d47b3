use aws_sdk_s3::types::{
    BucketVersioningStatus, DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockRetentionMode, ObjectLockRule, VersioningConfiguration,
};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::s3::locks::Bypass;

fn credentials() -> Option<S3Credentials> {
    Some(S3Credentials { access_key_id: "nobody".into(), secret_access_key: "unguessed-secret".into() })
}

async fn refused(options: S3Options) -> OpenError {
    S3Objects::open(options, Arc::new(SystemClock)).await.err().unwrap()
}

#[tokio::test]
async fn wrong_credentials_are_named_as_the_reason() {
    let Some(server) = Server::from_env() else { return };
    let error = refused(S3Options { credentials: credentials(), ..server.options }).await;
    let said = chain(&error);
    assert!(matches!(error, OpenError::Store(Error::Unavailable { .. })), "{said}");
    assert!(said.contains("403 InvalidAccessKeyId"), "{said}");
    assert!(!said.contains("unguessed-secret"), "{said}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_as_the_reason() {
    let Some(server) = Server::from_env() else { return };
    let said = chain(&refused(server.bucket("verbale-no-such-bucket")).await);
    assert!(said.contains("404 NoSuchBucket"), "{said}");
}

#[tokio::test]
async fn a_missing_bucket_makes_no_object_missing() {
    let Some(server) = Server::from_env() else { return };
    let options = server.bucket("verbale-no-such-bucket");
    let client = client::connect(&options).await;
    let bucket = Bucket { client, options, conditional_put: Enforcement::Enforced };
    let version = Version::new("null").unwrap();
    for answer in [
        bucket.find(&key("k"), None).await.map(drop),
        bucket.find(&key("k"), Some(&version)).await.map(drop),
        bucket.get(&key("k"), None, None).await.map(drop),
        bucket.check().await,
    ] {
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    }
}

/// With nobody there, and with somebody there who never answers.
#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_within_the_bound() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [silent.local_addr().unwrap(), closed.local_addr().unwrap()];
    drop(closed);
    for address in addresses {
        let options = S3Options {
            endpoint: Some(format!("http://{address}")),
            path_style: true,
            credentials: credentials(),
            attempt_timeout: Duration::from_millis(300),
            timeout: Duration::from_secs(1),
            first_backoff: Duration::from_millis(10),
            ..S3Options::bucket("records").unwrap()
        };
        let began = Instant::now();
        let error = refused(options).await;
        let said = chain(&error);
        assert!(matches!(error, OpenError::Store(Error::Unavailable { .. })), "{said}");
        assert!(began.elapsed() < Duration::from_secs(5), "{said}");
    }
}

#[tokio::test]
async fn a_store_answers_when_asked() {
    let Some(server) = Server::from_env() else { return };
    server.store().await.check().await.unwrap();
}

/// A bucket of one's own to spoil.
async fn make(server: &Server, with_lock: bool) -> (S3Options, Client) {
    let name = format!("verbale-{}", Uuid::new_v4().simple());
    let options = server.bucket(&name);
    let client = client::connect(&options).await;
    let request = client.create_bucket().bucket(&name);
    request.object_lock_enabled_for_bucket(with_lock).send().await.unwrap();
    (options, client)
}

#[tokio::test]
async fn a_bucket_without_versions_or_without_locks_is_not_opened() {
    let Some(server) = Server::from_env() else { return };
    let (options, client) = make(&server, false).await;
    let error = refused(options.clone()).await;
    assert!(matches!(&error, OpenError::NotVersioned { bucket } if *bucket == options.bucket), "{error}");

    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = client.put_bucket_versioning().bucket(&options.bucket);
    request.versioning_configuration(on).send().await.unwrap();
    for locks in [RequiredLocks::Enforced, RequiredLocks::AsFound] {
        let error = refused(S3Options { locks, ..options.clone() }).await;
        assert!(matches!(&error, OpenError::NoObjectLock { .. }), "{}", chain(&error));
    }
    client.delete_bucket().bucket(&options.bucket).send().await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_locks_by_itself_is_not_opened() {
    let Some(server) = Server::from_env() else { return };
    let (options, client) = make(&server, true).await;
    let a_day = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).days(1).build();
    let locking = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(ObjectLockRule::builder().default_retention(a_day).build())
        .build();
    let request = client.put_object_lock_configuration().bucket(&options.bucket);
    request.object_lock_configuration(locking).send().await.unwrap();
    let error = refused(options.clone()).await;
    assert!(matches!(&error, OpenError::NotDeletable { .. }), "{}", chain(&error));

    let bucket = Bucket { client, options, conditional_put: Enforcement::Enforced };
    for left in bucket.page("", None, 10).await.unwrap().versions {
        let (name, version) = (left.key().unwrap(), left.version_id().unwrap());
        bucket.erase(name, version, Bypass::Governance).await.unwrap();
    }
    bucket.client.delete_bucket().bucket(bucket.name()).send().await.unwrap();
}
