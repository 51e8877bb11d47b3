use std::sync::Arc;

use kernel::{ManualClock, Timestamp};

use super::*;

async fn store() -> Option<(tempfile::TempDir, SqliteStore)> {
    let files = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let store = SqliteStore::open(&files.path().join("a.sqlite"), Options::default(), clock).await.unwrap();
    Some((files, store))
}

crate::contract_suite!(store());
