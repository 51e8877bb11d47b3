//! The contract, on SQLite.

use super::*;

async fn fresh() -> Option<(SqliteStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("ledger.db"), Options::default()).await.unwrap();
    Some((store, directory))
}

crate::contract_suite!(fresh());
