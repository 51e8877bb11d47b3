//! The store's suite on SQLite.

use super::*;

async fn fresh() -> Option<(SqliteKeyStore, SqliteKeyStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteKeyStore::open(&directory.path().join("keys.db")).await.unwrap();
    Some((store.clone(), store, directory))
}

crate::contract_suite!(fresh());
