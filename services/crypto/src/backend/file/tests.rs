//! The backend's suite on files, and what is special about files.

use std::os::unix::fs::PermissionsExt;

use kernel::{KeyEpoch, TenantId};

use super::*;
use crate::backend::contract;

fn backend() -> (tempfile::TempDir, FileBackend) {
    let directory = tempfile::tempdir().unwrap();
    let backend = FileBackend::open(&directory.path().join("keys")).unwrap();
    (directory, backend)
}

fn epoch_key() -> KeyName {
    KeyName::Epoch(TenantId::new("banca-alfa").unwrap(), KeyEpoch(1))
}

macro_rules! suite {
    ($($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let (_directory, backend) = backend();
            contract::$case(&backend).await;
        }
    )+ };
}

suite! {
    a_key_is_created_once,
    two_creators_end_with_one_key,
    a_wrapped_value_opens_under_its_key_and_context_alone,
    macs_differ_by_key_and_message,
    certificates_verify_under_the_signing_root,
    a_destroyed_key_opens_nothing,
}

#[tokio::test]
async fn a_key_survives_a_restart() {
    let (directory, first) = backend();
    first.create(&epoch_key()).await.unwrap();
    let mac = first.hmac(&epoch_key(), b"m").await.unwrap();
    let second = FileBackend::open(&directory.path().join("keys")).unwrap();
    assert_eq!(second.hmac(&epoch_key(), b"m").await.unwrap(), mac);
}

#[tokio::test]
async fn what_others_may_read_is_refused() {
    let (directory, backend) = backend();
    backend.create(&epoch_key()).await.unwrap();
    let file = backend.path(&epoch_key());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = backend.hmac(&epoch_key(), b"m").await.unwrap_err();
    assert!(matches!(refused, Error::Exposed { mode: 0o640, .. }), "{refused}");

    let keys = directory.path().join("keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(FileBackend::open(&keys), Err(Error::Exposed { mode: 0o755, .. })));
}

#[tokio::test]
async fn a_cut_key_file_is_damaged_not_missing() {
    let (_directory, backend) = backend();
    backend.create(&epoch_key()).await.unwrap();
    fs::write(backend.path(&epoch_key()), [1; 31]).unwrap();
    assert!(matches!(backend.hmac(&epoch_key(), b"m").await, Err(Error::Damaged(_))));
    assert!(matches!(backend.create(&epoch_key()).await, Err(Error::Damaged(_))));
}

#[tokio::test]
async fn nothing_but_keys_is_left_behind() {
    let (directory, backend) = backend();
    backend.create(&epoch_key()).await.unwrap();
    backend.create(&epoch_key()).await.unwrap();
    let tenant = directory.path().join("keys/tenants/banca-alfa");
    let names: Vec<_> = fs::read_dir(tenant).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["epoch-0000000001.key"]);
}

#[test]
fn keys_inside_the_data_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (data, beside) = (directory.path().join("data"), directory.path().join("data-keys"));
    let inside = data.join("keys");
    [&inside, &beside].into_iter().for_each(|path| fs::create_dir_all(path).unwrap());
    assert!(matches!(check_apart(&inside, &data), Err(Error::InsideData(_))));
    assert!(matches!(check_apart(&data, &data), Err(Error::InsideData(_))));
    check_apart(&beside, &data).unwrap();
}
