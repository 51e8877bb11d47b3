//! The store's suite on SQLite.

use super::*;

async fn fresh() -> Option<(SqliteKeyStore, SqliteKeyStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteKeyStore::open(&directory.path().join("keys.db")).await.unwrap();
    Some((store.clone(), store, directory))
}

crate::contract_suite!(fresh());

#[tokio::test]
async fn a_recording_takes_no_more_marks_than_can_be_read_again() {
    let Some((store, _, _kept)) = fresh().await else { return };
    let recording = RecordingId::new();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO mark SELECT 'banca-alfa', ?, randomblob(16), '', x'', 0 FROM n";
    let written = store.db.write(move |tx| {
        tx.execute(many, params![MAX_MARKS - 1, recording.to_bytes()])?;
        Ok::<_, Error>(())
    });
    written.await.unwrap();
    let mark = || Mark {
        tenant: TenantId::new("banca-alfa").unwrap(),
        recording,
        erasure: kernel::ErasureId::new(),
        purposes: std::collections::BTreeSet::new(),
        spans: None,
        at: kernel::Timestamp(1),
    };
    let last = mark();
    store.add_mark(&last).await.unwrap();
    let refused = store.add_mark(&mark()).await.unwrap_err();
    assert_eq!(refused.code(), kernel::ErrorCode::ResourceExhausted);
    store.add_mark(&last).await.expect("it is there already");
    assert_eq!(store.marks(&last.tenant, recording).await.unwrap().len(), MAX_MARKS);
}
