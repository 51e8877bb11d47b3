//! The suite on SQLite, and what only a file shows.

mod disclosures;

use futures::FutureExt;
use kernel::{ErrorCode, ManualClock, RequestId, chain};
use platform::OutboxStore;

use super::*;
use crate::contract::appended;
use crate::contract::sample::{Step, alfa, items, key, moment, plan};
use crate::store::Store;

async fn open(directory: &Path) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(moment(0, 0)));
    SqliteStore::open(&directory.join("dsar.db"), Options::default(), clock).await.unwrap()
}

/// A file has one process: its two handles are two of its callers.
async fn fresh() -> Option<(SqliteStore, SqliteStore, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    Some((store.clone(), store, directory))
}

crate::contract_suite!(fresh());

/// Writes behind the store's back.
async fn run(store: &SqliteStore, statement: &'static str) {
    let written = store.db.write(move |tx| Ok::<_, ::sqlite::Error>(tx.execute_batch(statement)?));
    written.await.unwrap();
}

async fn plan_of(store: &SqliteStore, query: &str) -> String {
    let query = format!("EXPLAIN QUERY PLAN {query}");
    let read = store.db.read(move |c| {
        let mut explain = c.prepare(&query)?;
        // A plan does not go by what is asked for.
        let steps = explain.raw_query().mapped(|row| row.get(3));
        Ok::<_, ::sqlite::Error>(steps.collect::<Result<Vec<String>, _>>()?)
    });
    read.await.unwrap().join("; ")
}

fn refuses(error: StoreError, words: &str) {
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert!(chain(&error).contains(words), "{}", chain(&error));
}

#[tokio::test]
async fn a_file_is_opened_again_with_what_it_holds() {
    let (store, other, directory) = fresh().await.unwrap();
    let first = Step::first();
    let next = first.next();
    appended(&store, &first).await;
    appended(&store, &next).await;
    store.add_page(&first.head.key, &plan("plan-1"), 0, &items(3)).await.unwrap();
    drop((store, other));
    let again = open(directory.path()).await;
    assert_eq!(again.head(&first.head.key).await.unwrap().as_ref(), Some(&next.head));
    assert_eq!(again.open(&alfa(), None, 10).await.unwrap(), std::slice::from_ref(&next.head));
    assert_eq!(again.items(&first.head.key, &plan("plan-1")).await.unwrap(), items(3));
    assert_eq!(again.unpublished(10).await.unwrap().len(), 2);
    assert_eq!(again.records(&first.head.key).await.unwrap(), [first.record, next.record]);
}

#[tokio::test]
async fn what_is_closed_or_about_others_is_not_read_where_it_is_looked_for_what_is_not() {
    let (store, _, _directory) = fresh().await.unwrap();
    for (query, index) in [(read::OPEN, "head_open"), (read::OF_SUBJECT, "head_of_subject")] {
        let plan = plan_of(&store, query).await;
        assert!(plan.contains(&format!("INDEX {index} (tenant=?")), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
    }
}

#[tokio::test]
async fn an_act_whose_event_is_refused_is_not_there() {
    let (store, _, _directory) = fresh().await.unwrap();
    let (one, other) = (Step::first(), Step::first());
    appended(&store, &one).await;
    store.append(&other.head, &other.record, &one.event()).await.unwrap_err();
    assert_eq!(store.head(&other.head.key).await.unwrap(), None);
    assert_eq!(store.records(&other.head.key).await.unwrap(), []);
    let next = one.closed();
    store.append(&next.head, &next.record, &one.event()).await.unwrap_err();
    assert_eq!(store.head(&one.head.key).await.unwrap().as_ref(), Some(&one.head));
    assert_eq!(store.open(&alfa(), None, 10).await.unwrap(), std::slice::from_ref(&one.head));
    assert_eq!(store.records(&one.head.key).await.unwrap(), [one.record]);
}

#[tokio::test]
async fn whoever_publishes_is_rung_when_there_is_something() {
    let (store, _, _directory) = fresh().await.unwrap();
    let first = Step::first();
    let next = first.next();
    store.append(&next.head, &next.record, &next.event()).await.unwrap();
    assert_eq!(store.bell().rung().now_or_never(), None);
    appended(&store, &first).await;
    assert_eq!(store.bell().rung().now_or_never(), Some(()));
}

#[tokio::test]
async fn a_head_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE request_head SET state = 0", "request_head holds state"),
        ("UPDATE request_head SET ending = 6", "request_head holds ending"),
        ("UPDATE request_head SET state = 11", "request_head holds state"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let step = Step::first();
        appended(&store, &step).await;
        run(&store, harm).await;
        refuses(store.list(&alfa(), None, 10).await.unwrap_err(), words);
        refuses(store.of_subject(&alfa(), step.head.subject).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn an_act_that_is_missing_or_elsewhere_is_refused() {
    for (harm, words) in [
        ("DELETE FROM request_act WHERE version = 1", "request_act holds version"),
        ("DELETE FROM request_act WHERE version = 2", "request_act holds version"),
        ("DELETE FROM request_act", "request_act holds version"),
        ("DELETE FROM request_head", "request_act holds version"),
        ("UPDATE request_act SET version = 3 WHERE version = 2", "request_act holds act"),
        ("UPDATE request_act SET act = x'00'", "request_act holds act"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let first = Step::first();
        appended(&store, &first).await;
        appended(&store, &first.next()).await;
        run(&store, harm).await;
        refuses(store.records(&first.head.key).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn a_page_that_is_missing_or_cannot_be_is_refused() {
    for (harm, words) in [
        ("DELETE FROM plan_page WHERE number = 0", "plan_page holds number"),
        ("UPDATE plan_page SET items = x'ff' WHERE number = 1", "plan_page holds items"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let key = key(alfa(), RequestId::new());
        for (number, page) in (0..).zip(items(4).chunks(2)) {
            store.add_page(&key, &plan("plan-1"), number, page).await.unwrap();
        }
        run(&store, harm).await;
        refuses(store.items(&key, &plan("plan-1")).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn a_version_that_no_column_takes_is_never_written() {
    let (store, _, _directory) = fresh().await.unwrap();
    let mut late = Step::first().next();
    (late.head.version, late.record.version) = (u64::MAX, u64::MAX);
    store.append(&late.head, &late.record, &late.event()).await.unwrap_err();
    assert_eq!(store.unpublished(10).await.unwrap(), []);
}
