//! What every key backend must do; an adapter runs each function against a fresh backend of its own.

use kernel::{InstanceId, KeyEpoch, TenantId, Timestamp};
use seal::signing::{RoleName, TenantScope};
use seal::{InstanceCert, SigningKey, WrapContext};

use super::{Error, KeyBackend, KeyName};

fn tenant() -> TenantId {
    TenantId::new("banca-alfa").expect("a slug")
}

fn epoch(number: u64) -> KeyName {
    KeyName::Epoch(tenant(), KeyEpoch(number))
}

fn context(number: u64) -> WrapContext {
    WrapContext::EpochKey { tenant: tenant(), epoch: KeyEpoch(number) }
}

/// A second `create` changes nothing.
pub async fn a_key_is_created_once(backend: &dyn KeyBackend) {
    assert!(matches!(backend.hmac(&epoch(1), b"m").await, Err(Error::Missing(_))));
    backend.create(&epoch(1)).await.expect("created");
    let mac = backend.hmac(&epoch(1), b"m").await.expect("usable");
    backend.create(&epoch(1)).await.expect("created again");
    assert_eq!(backend.hmac(&epoch(1), b"m").await.expect("usable"), mac);
}

/// Creators that race agree on the key.
pub async fn two_creators_end_with_one_key(backend: &dyn KeyBackend) {
    let create_and_use = async || {
        backend.create(&epoch(1)).await.expect("created");
        backend.hmac(&epoch(1), b"m").await.expect("usable")
    };
    let (a, b, c) = tokio::join!(create_and_use(), create_and_use(), create_and_use());
    assert!(a == b && b == c);
}

/// Another key, another context, or one altered byte opens nothing.
pub async fn a_wrapped_value_opens_under_its_key_and_context_alone(backend: &dyn KeyBackend) {
    backend.create(&epoch(1)).await.expect("created");
    backend.create(&epoch(2)).await.expect("created");
    let wrapped = backend.wrap(&epoch(1), &context(1), b"kek").await.expect("wrapped");
    assert!(!wrapped.windows(3).any(|window| window == b"kek"));
    let again = backend.wrap(&epoch(1), &context(1), b"kek").await.expect("wrapped");
    assert_ne!(wrapped, again, "each wrap is under a fresh salt");
    let opened = backend.unwrap(&epoch(1), &context(1), &wrapped).await.expect("opens");
    assert_eq!(&opened[..], b"kek");

    let refused = |result: Result<_, Error>| matches!(result, Err(Error::Refused { .. }));
    assert!(refused(backend.unwrap(&epoch(2), &context(1), &wrapped).await));
    assert!(refused(backend.unwrap(&epoch(1), &context(2), &wrapped).await));
    for at in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(refused(backend.unwrap(&epoch(1), &context(1), &altered).await), "byte {at}");
    }
    assert!(refused(backend.unwrap(&epoch(1), &context(1), &wrapped[..wrapped.len() - 1]).await));
    assert!(refused(backend.unwrap(&epoch(1), &context(1), &[]).await));
}

/// Two keys or two messages never give one MAC.
pub async fn macs_differ_by_key_and_message(backend: &dyn KeyBackend) {
    let (identifier, pseudonym) = (KeyName::Identifier(tenant()), KeyName::Pseudonym(tenant()));
    backend.create(&identifier).await.expect("created");
    backend.create(&pseudonym).await.expect("created");
    let mac = backend.hmac(&identifier, b"a").await.expect("usable");
    assert_eq!(backend.hmac(&identifier, b"a").await.expect("usable"), mac);
    assert_ne!(backend.hmac(&identifier, b"b").await.expect("usable"), mac);
    assert_ne!(backend.hmac(&pseudonym, b"a").await.expect("usable"), mac);
}

/// A certificate verifies under the root that it tells, and under no other key.
pub async fn certificates_verify_under_the_signing_root(backend: &dyn KeyBackend) {
    let key = SigningKey::generate().expect("a key").verifying_key();
    let cert = InstanceCert {
        instance: InstanceId::new(),
        role: RoleName::new("archive").expect("a name"),
        tenants: TenantScope::All,
        not_before: Timestamp(0),
        not_after: Timestamp(1),
        key,
    };
    assert!(matches!(backend.certify(cert.clone()).await, Err(Error::Missing(_))));
    backend.create(&KeyName::SigningRoot).await.expect("created");
    let root = backend.signing_root().await.expect("known");
    let signed = backend.certify(cert.clone()).await.expect("signed");
    assert_eq!(signed.cert, cert);
    assert!(signed.is_signed_by(&root));
    assert!(!signed.is_signed_by(&key));
}

/// Destroying is for good, and once is enough.
pub async fn a_destroyed_key_opens_nothing(backend: &dyn KeyBackend) {
    backend.create(&epoch(1)).await.expect("created");
    backend.create(&epoch(2)).await.expect("created");
    let wrapped = backend.wrap(&epoch(1), &context(1), b"kek").await.expect("wrapped");
    backend.destroy(&epoch(1)).await.expect("destroyed");
    backend.destroy(&epoch(1)).await.expect("destroyed again");
    assert!(matches!(backend.unwrap(&epoch(1), &context(1), &wrapped).await, Err(Error::Missing(_))));
    backend.hmac(&epoch(2), b"m").await.expect("its neighbour lives");
}
