//! Retention and legal holds.

use std::time::Duration;

use kernel::Timestamp;

use super::{Harness, LOCK, NEW_VERSION, key, put, text};
use crate::error::Error;
use crate::key::Version;
use crate::store::{Enforcement, LegalHold, ObjectStore, PutOptions};

const SECOND: Duration = Duration::from_secs(1);

fn until(date: Timestamp) -> PutOptions {
    PutOptions { retain_until: Some(date), ..PutOptions::default() }
}

/// Whole seconds, which every store keeps.
fn in_time(harness: &dyn Harness, time: Duration) -> Timestamp {
    let later = harness.now().plus(time);
    Timestamp(later.0 - later.0.rem_euclid(1_000_000) + 1_000_000)
}

/// Asserts that a deletion is refused, or done where the store declares that it does not refuse.
async fn assert_kept(store: &dyn ObjectStore, at: &str, version: &Version, is: impl Fn(&Error) -> bool) {
    let answer = store.delete_version(&key(at), version).await;
    match store.capabilities().locks {
        Enforcement::Enforced => {
            let refused = answer.unwrap_err();
            assert!(is(&refused), "{refused}");
            store.get(&key(at), Some(version), None).await.unwrap();
        }
        Enforcement::NotEnforced => answer.unwrap(),
    }
}

/// Then it may go.
pub async fn a_locked_version_is_kept_until_its_date(harness: &dyn Harness) {
    let store = harness.open().await;
    let date = in_time(harness, LOCK);
    let version = put(store.as_ref(), "k", "kept", until(date)).await.version;
    assert_eq!(store.head(&key("k"), None).await.unwrap().retain_until, Some(date));
    assert_kept(
        store.as_ref(),
        "k",
        &version,
        |error| matches!(error, Error::Locked { until, .. } if *until == date),
    )
    .await;
    if store.capabilities().locks == Enforcement::Enforced {
        harness.pass(LOCK + SECOND).await;
        store.delete_version(&key("k"), &version).await.unwrap();
    }
    assert!(matches!(store.head(&key("k"), None).await, Err(Error::NotFound { .. })));
}

/// Also where there was none, and where it has passed.
pub async fn a_lock_is_extended_and_never_shortened(harness: &dyn Harness) {
    let store = harness.open().await;
    let version = put(store.as_ref(), "k", "kept", PutOptions::default()).await.version;
    let (near, far) = (in_time(harness, LOCK), in_time(harness, 2 * LOCK));
    for date in [near, near, far] {
        store.extend_retention(&key("k"), &version, date).await.unwrap();
        assert_eq!(store.head(&key("k"), None).await.unwrap().retain_until, Some(date));
    }
    let refused = store.extend_retention(&key("k"), &version, near).await.unwrap_err();
    assert!(matches!(refused, Error::WouldShorten { until, .. } if until == far), "{refused}");
    assert_eq!(store.head(&key("k"), None).await.unwrap().retain_until, Some(far));
    assert_kept(
        store.as_ref(),
        "k",
        &version,
        |error| matches!(error, Error::Locked { until, .. } if *until == far),
    )
    .await;
}

/// Whether it was placed with the put or later; a lock below it goes on.
pub async fn a_held_version_is_kept_until_the_hold_is_lifted(harness: &dyn Harness) {
    let store = harness.open().await;
    let is_held = |error: &Error| matches!(error, Error::Held { .. });
    let with_put = PutOptions { legal_hold: LegalHold::On, ..PutOptions::default() };
    let first = put(store.as_ref(), "with-put", "held", with_put).await.version;
    let later = put(store.as_ref(), "later", "held", PutOptions::default()).await.version;
    for _ in 0..2 {
        store.set_legal_hold(&key("later"), &later, LegalHold::On).await.unwrap();
    }
    for (at, version) in [("with-put", &first), ("later", &later)] {
        assert_eq!(store.head(&key(at), None).await.unwrap().legal_hold, LegalHold::On);
        assert_kept(store.as_ref(), at, version, is_held).await;
        if store.capabilities().locks == Enforcement::NotEnforced {
            continue;
        }
        store.set_legal_hold(&key(at), version, LegalHold::Off).await.unwrap();
        assert_eq!(store.head(&key(at), None).await.unwrap().legal_hold, LegalHold::Off);
        store.delete_version(&key(at), version).await.unwrap();
    }
    let locked = put(store.as_ref(), "both", "held", until(in_time(harness, LOCK))).await.version;
    for hold in [LegalHold::On, LegalHold::Off] {
        store.set_legal_hold(&key("both"), &locked, hold).await.unwrap();
    }
    assert_kept(store.as_ref(), "both", &locked, |error| matches!(error, Error::Locked { .. })).await;
}

/// It would lock nothing.
pub async fn a_lock_that_has_passed_is_refused(harness: &dyn Harness) {
    let store = harness.open().await;
    let passed = Timestamp(harness.now().0 - 10_000_000);
    let refused = store.put(&key("k"), "x".into(), until(passed)).await.unwrap_err();
    assert!(matches!(refused, Error::RetentionPassed { until, .. } if until == passed), "{refused}");
    let version = put(store.as_ref(), "k", "x", PutOptions::default()).await.version;
    let refused = store.extend_retention(&key("k"), &version, passed).await.unwrap_err();
    assert!(matches!(refused, Error::RetentionPassed { .. }), "{refused}");
    store.delete_version(&key("k"), &version).await.unwrap();
}

/// It is the version that is locked, not the key.
pub async fn a_lock_keeps_no_new_version_out(harness: &dyn Harness) {
    let store = harness.open().await;
    let locked = put(store.as_ref(), "k", "locked", until(in_time(harness, LOCK))).await.version;
    let free = put(store.as_ref(), "k", "free", NEW_VERSION).await.version;
    assert_eq!(text(store.as_ref(), "k", None).await, "free");
    assert_eq!(store.head(&key("k"), Some(&free)).await.unwrap().retain_until, None);
    store.delete_version(&key("k"), &free).await.unwrap();
    assert_eq!(text(store.as_ref(), "k", Some(&locked)).await, "locked");
}

/// They survive the process.
pub async fn locks_and_holds_are_there_after_opening_again(harness: &dyn Harness) {
    let date = in_time(harness, LOCK);
    let version = put(harness.open().await.as_ref(), "k", "kept", PutOptions::default()).await.version;
    harness.open().await.extend_retention(&key("k"), &version, date).await.unwrap();
    harness.open().await.set_legal_hold(&key("k"), &version, LegalHold::On).await.unwrap();
    let head = harness.open().await.head(&key("k"), None).await.unwrap();
    assert_eq!((head.retain_until, head.legal_hold), (Some(date), LegalHold::On));
}
