//! What every adapter must keep, as tests that an adapter instantiates with one line:
//! `objects::contract_suite!(directory, DirectoryHarness::new());` (behind the feature `contract`), or, where it
//! needs a server, `objects::contract_suite!(s3, if S3Harness::from_env());` with what may be no harness.
//!
//! Where stores differ, a test holds each to what its [`crate::Capabilities`] declare; none is skipped.
//! [`whole`] is about objects and versions, [`locks`] about retention and holds, [`lists`] about listings.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Timestamp;

use crate::key::{Key, Version};
use crate::store::{IfExists, ObjectStore, PutDone, PutOptions};

// A contract is tests: what is unexpected panics.
#[allow(clippy::unwrap_used)]
pub mod lists;
#[allow(clippy::unwrap_used)]
pub mod locks;
#[allow(clippy::unwrap_used)]
pub mod whole;

/// One store for one test: each instance starts empty.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A handle on the store, as a process has one. Opened again after all handles are dropped, it is the
    /// same store.
    async fn open(&self) -> Arc<dyn ObjectStore>;

    /// The time that locks go by.
    fn now(&self) -> Timestamp;

    /// Lets this much of that time pass: a clock that is moved, or a wait.
    async fn pass(&self, time: Duration);
}

/// Instantiates every test of the contract for one harness.
#[macro_export]
macro_rules! contract_suite {
    ($adapter:ident, if $harness:expr) => {
        mod $adapter {
            #[allow(unused_imports)]
            use super::*;
            $crate::contract_suite!(@tests $harness, whole:
                an_object_comes_back_as_it_was,
                ranges_are_cut_at_the_end_and_refused_outside,
                a_conditional_put_of_an_existing_key_is_refused_and_changes_nothing,
                of_racing_conditional_puts_one_succeeds,
                racing_unconditional_puts_all_become_versions,
                a_later_put_makes_a_version_and_keeps_the_one_before,
                deleting_the_latest_version_uncovers_the_one_before,
                a_version_that_was_deleted_never_comes_again,
                objects_are_there_after_opening_again,
                what_does_not_exist_is_not_found,
                an_object_beyond_the_bound_is_refused,
            );
            $crate::contract_suite!(@tests $harness, locks:
                a_locked_version_is_kept_until_its_date,
                a_lock_is_extended_and_never_shortened,
                a_held_version_is_kept_until_the_hold_is_lifted,
                a_lock_that_has_passed_is_refused,
                a_lock_keeps_no_new_version_out,
                locks_and_holds_are_there_after_opening_again,
            );
            $crate::contract_suite!(@tests $harness, lists:
                keys_are_listed_in_the_order_of_their_bytes,
                a_prefix_may_end_anywhere,
                pages_together_are_the_whole_listing,
                versions_are_listed_latest_first_and_in_pages,
                a_listing_is_bounded,
            );
        }
    };
    ($adapter:ident, $harness:expr) => {
        $crate::contract_suite!($adapter, if Some($harness));
    };
    (@tests $harness:expr, $module:ident: $($test:ident,)+) => {$(
        #[tokio::test]
        async fn $test() {
            if let Some(harness) = $harness {
                $crate::contract::$module::$test(&harness).await;
            }
        }
    )+};
}

/// How long a contract's locks last: real time, where a store goes by its own.
pub(crate) const LOCK: Duration = Duration::from_secs(3);

pub(crate) const NEW_VERSION: PutOptions =
    PutOptions { if_exists: IfExists::NewVersion, retain_until: None, legal_hold: crate::LegalHold::Off };

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).expect("the contract's keys are valid")
}

pub(crate) async fn put(
    store: &dyn ObjectStore,
    at: &str,
    bytes: &'static str,
    options: PutOptions,
) -> PutDone {
    store.put(&key(at), Bytes::from_static(bytes.as_bytes()), options).await.expect("put")
}

pub(crate) async fn text(store: &dyn ObjectStore, at: &str, version: Option<&Version>) -> String {
    let object = store.get(&key(at), version, None).await.expect("get");
    String::from_utf8(object.bytes.to_vec()).expect("the contract writes text")
}
