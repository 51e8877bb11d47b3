//! The contract, on SQLite.

use super::*;
use crate::name::Incarnation;
use crate::store::Era;

async fn fresh() -> Option<(SqliteStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("ledger.db"), Options::default()).await.unwrap();
    Some((store, directory))
}

crate::contract_suite!(fresh());

#[tokio::test]
async fn an_index_of_before_there_were_several_histories_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let [first, ..] = schema::COMPONENT.steps else { panic!("no step") };
    let before: &'static [Component] = Box::leak(Box::new([Component {
        name: schema::COMPONENT.name,
        steps: Box::leak(Box::new([*first])),
    }]));
    let old = Db::open(&path, Options::default(), before).await.unwrap();
    let filled = old.write(|tx| {
        tx.execute_batch(
            "INSERT INTO incarnation VALUES (1, x'77777777777777777777777777777777');
             INSERT INTO head VALUES (-1, 1, 2, zeroblob(32), 0, 0, zeroblob(32), 0);
             INSERT INTO root_leaf VALUES (0, x'01'), (1, x'02');",
        )?;
        Ok::<_, Error>(())
    });
    filled.await.unwrap();
    drop(old);

    let store = SqliteStore::open(&path, Options::default()).await.unwrap();
    let begun = store.incarnations().await.unwrap();
    let era = Era { generation: Generation::FIRST, incarnation: Incarnation::from_bytes([0x77; 16]) };
    assert_eq!(begun, [Begun { era, after: None }]);
    assert_eq!(store.root_rows(Generation::FIRST, 0, 9).await.unwrap(), [vec![1], vec![2]]);
    assert_eq!(store.heads().await.unwrap()[0].0, LogId::Root(Generation::FIRST));
}
