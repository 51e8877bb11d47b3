//! The suite on SQLite, and what only a file shows.

mod erasures;

use futures::FutureExt;
use kernel::{ErrorCode, ManualClock, SubjectId, chain};
use platform::OutboxStore;

use super::*;
use crate::contract::{
    alfa, event, event_of, moment, order, recording, released_by, running, some_hold, with_terms,
};
use crate::hold::HoldKind;
use crate::kept::{Due, Kept};
use crate::store::Store;
use crate::store::{MAX_HOLDS, MAX_ORDERS};

async fn open(directory: &Path) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(moment(0, 0)));
    SqliteStore::open(&directory.join("retention.db"), Options::default(), clock).await.unwrap()
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

async fn plan(store: &SqliteStore, query: &str) -> String {
    let query = format!("EXPLAIN QUERY PLAN {query}");
    let read = store.db.read(move |c| {
        let mut explain = c.prepare(&query)?;
        // A plan does not go by what is asked for.
        let steps = explain.raw_query().mapped(|row| row.get(3));
        Ok::<_, ::sqlite::Error>(steps.collect::<Result<Vec<String>, _>>()?)
    });
    read.await.unwrap().join("; ")
}

#[tokio::test]
async fn a_file_is_opened_again_with_what_it_holds() {
    let (store, other, directory) = fresh().await.unwrap();
    let kept = recording(vec![running("quality", moment(1, 0))]);
    store.stamp(&kept, &event_of(&kept)).await.unwrap();
    drop((store, other));
    assert_eq!(open(directory.path()).await.kept(&kept.key).await.unwrap(), Some(kept));
}

#[tokio::test]
async fn a_hold_of_before_there_were_restrictions_names_no_purpose() {
    const BEFORE: &[Component] =
        &[Component { name: schema::COMPONENT.name, steps: schema::COMPONENT.steps.split_at(1).0 }];
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(&directory.path().join("retention.db"), Options::default(), BEFORE).await.unwrap();
    let insert = "INSERT INTO hold VALUES ('banca-alfa', x'07070707070707070707070707070707', 1, 4, 2, NULL,
        NULL, 'case-7', 'anna', 1, 2, 1, NULL)";
    db.write(move |tx| Ok::<_, ::sqlite::Error>(tx.execute_batch(insert)?)).await.unwrap();
    drop(db);
    let standing = open(directory.path()).await.standing(&alfa()).await.unwrap();
    assert_eq!((standing.len(), standing[0].kind), (1, HoldKind::OpenRequest));
    assert!(standing[0].purposes.is_empty());
}

#[tokio::test]
async fn what_is_due_is_read_from_its_index_in_its_order() {
    let (store, _, _directory) = fresh().await.unwrap();
    let plan = plan(&store, read::DUE).await;
    assert!(plan.contains("INDEX kept_due (tenant=? AND"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

#[tokio::test]
async fn nothing_is_left_of_where_a_recording_was_due() {
    let (store, _, _directory) = fresh().await.unwrap();
    let mut kept = recording(vec![running("quality", moment(1, 0))]);
    store.stamp(&kept, &event_of(&kept)).await.unwrap();
    for terms in [vec![running("quality", moment(5, 0))], vec![running("quality", moment(3, 0))], Vec::new()]
    {
        kept = with_terms(&kept, terms);
        store.change(&kept, &event_of(&kept)).await.unwrap();
        let due = store.due(&alfa(), moment(9, 0), None, 10).await.unwrap();
        let expected: Vec<_> = kept.due().map(|at| Due { at, id: kept.key.id }).into_iter().collect();
        assert_eq!(due, expected);
    }
}

#[tokio::test]
async fn a_row_whose_event_is_refused_is_not_there() {
    let (store, _, _directory) = fresh().await.unwrap();
    let (one, other) = (recording(Vec::new()), recording(Vec::new()));
    let event = event_of(&one);
    store.stamp(&one, &event).await.unwrap();
    store.stamp(&other, &event).await.unwrap_err();
    assert_eq!(store.kept(&other.key).await.unwrap(), None);
    let next = with_terms(&one, vec![running("quality", moment(1, 0))]);
    store.change(&next, &event).await.unwrap_err();
    assert_eq!(store.kept(&one.key).await.unwrap(), Some(one));
    assert_eq!(store.due(&alfa(), moment(9, 0), None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn whoever_publishes_is_rung_when_there_is_something() {
    let (store, _, _directory) = fresh().await.unwrap();
    let kept = recording(Vec::new());
    store.change(&with_terms(&kept, Vec::new()), &event_of(&kept)).await.unwrap();
    assert_eq!(store.bell().rung().now_or_never(), None);
    store.stamp(&kept, &event_of(&kept)).await.unwrap();
    assert_eq!(store.bell().rung().now_or_never(), Some(()));
}

#[tokio::test]
async fn no_more_holds_stand_than_may() {
    let (store, _, _directory) = fresh().await.unwrap();
    let first = some_hold();
    store.place(&first, &event(&alfa(), first.id, 1)).await.unwrap();
    assert_eq!(MAX_HOLDS, 10_000);
    run(
        &store,
        "WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < 10000)
         INSERT INTO hold SELECT tenant, randomblob(16), version, kind, selector, from_at, until_at, reason,
             placed_by, placed_at, review_at, state, released_at, purposes FROM hold, number",
    )
    .await;
    let late = some_hold();
    let refused = store.place(&late, &event(&alfa(), late.id, 1)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted, "{}", chain(&refused));
    assert_eq!(store.hold(&alfa(), late.id).await.unwrap(), None);
    assert_eq!(store.unpublished(10).await.unwrap().len(), 1);
    let again = store.place(&first, &event(&alfa(), first.id, 1)).await.unwrap();
    assert_eq!(again, Written::Conflict, "one that stands is not one more");
    let asked = released_by(&first, "bruno");
    store.change_hold(&asked, &event(&alfa(), first.id, 2)).await.unwrap();
    store.place(&late, &event(&alfa(), late.id, 1)).await.unwrap_err();
    store.change_hold(&released_by(&asked, "carla"), &event(&alfa(), first.id, 3)).await.unwrap();
    assert_eq!(store.place(&late, &event(&alfa(), late.id, 1)).await.unwrap(), Written::Applied);
    assert_eq!(store.standing(&alfa()).await.unwrap().len(), MAX_HOLDS);
}

#[tokio::test]
async fn no_more_orders_are_kept_than_may_be() {
    let (store, _, _directory) = fresh().await.unwrap();
    let first = order("order-1", None);
    store.order(&first, &event(&alfa(), "order-1", 1)).await.unwrap();
    assert_eq!(MAX_ORDERS, 10_000);
    run(
        &store,
        "WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < 10000)
         INSERT INTO extension_order SELECT tenant, 'order-' || n, regime, until_at, scope_from, scope_until,
             names_parties, placed_by, placed_at FROM extension_order, number",
    )
    .await;
    let refused = store.order(&order("late", None), &event(&alfa(), "late", 1)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted, "{}", chain(&refused));
    assert_eq!(store.orders(&alfa()).await.unwrap().len(), MAX_ORDERS);
    assert_eq!(store.unpublished(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_recording_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE kept_term SET rule = '{\"regime\":{}}'", "kept_term holds rule"),
        ("UPDATE kept_term SET kind = 9", "kept_term holds kind"),
        ("UPDATE kept_term SET state = 0", "kept_term holds state"),
        ("UPDATE kept_term SET purpose = 'No Slug'", "kept_term holds purpose"),
        ("UPDATE kept_term SET ends = ends + 1", "kept holds due_at"),
        ("UPDATE kept SET due_at = NULL", "kept holds due_at"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let kept = recording(vec![running("quality", moment(1, 0))]);
        store.stamp(&kept, &event_of(&kept)).await.unwrap();
        run(&store, harm).await;
        refuses(store.kept(&kept.key).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn a_hold_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE hold SET selector = 4", "hold holds selector"),
        ("UPDATE hold SET selector = 3", "hold holds from_at"),
        ("UPDATE hold SET kind = 0", "hold holds kind"),
        ("UPDATE hold SET reason = 'two words'", "hold holds reason"),
        ("UPDATE hold SET purposes = '[\"No Slug\"]'", "hold holds purposes"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let hold = some_hold();
        store.place(&hold, &event(&alfa(), hold.id, 1)).await.unwrap();
        run(&store, harm).await;
        refuses(store.hold(&alfa(), hold.id).await.unwrap_err(), words);
        refuses(store.standing(&alfa()).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn an_order_that_has_lost_its_parties_does_not_reach_everybody() {
    let (store, _, _directory) = fresh().await.unwrap();
    let named = order("order-1", Some([SubjectId::new()].into()));
    store.order(&named, &event(&alfa(), "order-1", 1)).await.unwrap();
    run(&store, "DELETE FROM order_party").await;
    refuses(store.orders(&alfa()).await.unwrap_err(), "extension_order holds names_parties");
}

fn refuses(error: StoreError, words: &str) {
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert!(chain(&error).contains(words), "{}", chain(&error));
}
