//! The suite on SQLite, and what only a file shows.

use kernel::ManualClock;
use platform::audit::AuditOutbox;
use platform::outbox::OutboxStore;

use super::*;

async fn fresh() -> Option<(SqliteStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    Some((open(directory.path()).await, directory))
}

/// A file has one process: its two handles are two of its callers.
async fn two() -> Option<(SqliteStore, SqliteStore, tempfile::TempDir)> {
    let (store, directory) = fresh().await?;
    Some((store.clone(), store, directory))
}

async fn open(directory: &Path) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(Timestamp(1_780_000_000_000_000)));
    SqliteStore::open(&directory.join("consent.db"), clock, Bell::new()).await.unwrap()
}

crate::store_contract_suite!(fresh());
crate::store_race_suite!(two());

#[tokio::test]
async fn a_file_is_opened_again_with_what_it_holds() {
    let (store, directory) = fresh().await.unwrap();
    let subject = SubjectId::new();
    let tenant = TenantId::new("banca-alfa").unwrap();
    store.add_subject(&tenant, subject, Timestamp(1)).await.unwrap();
    drop(store);
    assert!(open(directory.path()).await.has_subject(&tenant, subject).await.unwrap());
}

#[tokio::test]
async fn whoever_publishes_is_rung() {
    let directory = tempfile::tempdir().unwrap();
    let bell = Bell::new();
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let store = SqliteStore::open(&directory.path().join("consent.db"), clock, bell.clone()).await.unwrap();
    let entry = Envelope {
        id: EventId::new(),
        kind: platform::audit::ENTRY_WRITTEN.to_owned(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: "instance".to_owned(),
        version: 1,
        at: Timestamp(7),
        trace: None,
        payload: vec![1],
    };
    store.push(entry.clone()).await.unwrap();
    store.push(entry).await.unwrap();
    bell.rung().await;
    assert_eq!(store.unpublished(10).await.unwrap().len(), 1);
    assert_eq!(store.oldest_unpublished().await.unwrap(), Some(Timestamp(7)));
}
