//! The contract, on SQLite.

use super::*;

async fn fresh() -> (SqliteStore, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("ledger.db"), Options::default()).await.unwrap();
    (store, directory)
}

crate::contract_suite!(fresh());
