use kernel::{Envelope, EventId, TenantId, Timestamp};
use platform::audit::AuditOutbox;
use platform::outbox::OutboxStore;
use sqlite::Options;
use tempfile::TempDir;

use super::*;

async fn fresh() -> Option<(SqliteStore, TempDir)> {
    let folder = TempDir::new().unwrap();
    let db = Db::open(&folder.path().join("ingest.db"), Options::default(), SqliteStore::COMPONENTS).await;
    Some((SqliteStore::new(db.unwrap()), folder))
}

crate::contract_suite!(fresh());

#[tokio::test]
async fn an_audit_entry_waits_in_the_outbox_until_it_is_marked() {
    let (store, _folder) = fresh().await.unwrap();
    let envelope = Envelope {
        id: EventId::new(),
        kind: "verbale.audit.entry".into(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: "recording/1".into(),
        version: 0,
        at: Timestamp(5),
        trace: None,
        payload: vec![1, 2, 3],
    };
    store.push(envelope.clone()).await.unwrap();
    store.push(envelope.clone()).await.unwrap();
    let waiting = store.unpublished(10).await.unwrap();
    assert_eq!(waiting.iter().map(|one| &one.envelope).collect::<Vec<_>>(), [&envelope]);
    assert_eq!(store.oldest_unpublished().await.unwrap(), Some(Timestamp(5)));
    store.mark_published(&[envelope.id]).await.unwrap();
    assert!(store.unpublished(10).await.unwrap().is_empty());
}
