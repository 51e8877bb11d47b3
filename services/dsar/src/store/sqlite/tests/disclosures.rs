//! What only a file shows of disclosures.

use kernel::RecordingId;

use super::*;
use crate::contract::sample::disclosures::Given;
use crate::store::Disclosures;
use crate::store::sqlite::disclosures::{OF_RECORDING, UNANSWERED};

async fn put(store: &SqliteStore, given: &Given) {
    assert_eq!(store.put(&given.disclosure, &given.event).await.unwrap(), Written::Applied);
}

#[tokio::test]
async fn a_file_of_before_there_were_disclosures_has_them_from_then_on() {
    const BEFORE: &[Component] = &[
        Component { name: schema::COMPONENT.name, steps: schema::COMPONENT.steps.split_at(1).0 },
        outbox::COMPONENT,
    ];
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(&directory.path().join("dsar.db"), Options::default(), BEFORE).await.unwrap();
    let insert = "INSERT INTO request_head VALUES ('banca-alfa', x'07070707070707070707070707070707', 1,
        x'08080808080808080808080808080808', 1, 2, 1, NULL)";
    db.write(move |tx| Ok::<_, ::sqlite::Error>(tx.execute_batch(insert)?)).await.unwrap();
    drop(db);
    let store = open(directory.path()).await;
    let first = Given::first();
    put(&store, &first).await;
    drop(store);
    let again = open(directory.path()).await;
    assert_eq!(again.get(&first.disclosure.key).await.unwrap(), Some(first.disclosure));
    assert_eq!(again.list(&alfa(), None, 10).await.unwrap().len(), 1, "the requests are there as before");
}

#[tokio::test]
async fn what_is_answered_or_of_other_recordings_is_not_read_where_it_is_looked_for_what_is_not() {
    let (store, _, _directory) = fresh().await.unwrap();
    for (query, index) in [(UNANSWERED, "disclosure_unanswered"), (OF_RECORDING, "disclosure_of_recording")] {
        let plan = plan_of(&store, query).await;
        assert!(plan.contains(&format!("INDEX {index} (tenant=?")), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
    }
}

#[tokio::test]
async fn a_disclosure_whose_event_is_refused_is_as_it_was() {
    let (store, _, _directory) = fresh().await.unwrap();
    let (one, other) = (Given::first(), Given::first());
    put(&store, &one).await;
    store.put(&other.disclosure, &one.event).await.unwrap_err();
    assert_eq!(store.get(&other.disclosure.key).await.unwrap(), None);
    store.put(&one.due().disclosure, &one.event).await.unwrap_err();
    assert_eq!(store.get(&one.disclosure.key).await.unwrap(), Some(one.disclosure));
    assert_eq!(store.unanswered(&alfa(), None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn whoever_publishes_is_rung_when_there_is_a_disclosure() {
    let (store, _, _directory) = fresh().await.unwrap();
    let first = Given::first();
    let due = first.due();
    assert_eq!(store.put(&due.disclosure, &due.event).await.unwrap(), Written::Conflict);
    assert_eq!(store.bell().rung().now_or_never(), None);
    put(&store, &first).await;
    assert_eq!(store.bell().rung().now_or_never(), Some(()));
}

#[tokio::test]
async fn a_disclosure_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE disclosure SET stored = x'ff'", "disclosure holds stored"),
        ("UPDATE disclosure SET version = 3", "disclosure holds stored"),
        ("UPDATE disclosure SET tenant = 'telco-beta'", "disclosure holds stored"),
        ("UPDATE disclosure SET disclosure = x'07070707070707070707070707070707'", "disclosure holds stored"),
        (
            "UPDATE disclosure SET recording = x'07070707070707070707070707070707'",
            "disclosure holds recording",
        ),
        ("UPDATE disclosure SET unanswered = 0", "disclosure holds unanswered"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let first = Given::first();
        put(&store, &first).await;
        put(&store, &first.due()).await;
        run(&store, harm).await;
        let mut read = Vec::new();
        for tenant in store.disclosing().await.unwrap() {
            let moved = RecordingId::from_bytes([7; 16]);
            for recording in [first.disclosure.recording, moved] {
                read.push(store.of_recording(&tenant, recording, None, 10).await);
            }
        }
        let refused: Vec<_> = read.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "it is found where its row says, and read nowhere");
        for error in refused {
            refuses(error, words);
        }
    }
}

#[tokio::test]
async fn a_disclosures_version_that_no_column_takes_is_never_written() {
    let (store, _, _directory) = fresh().await.unwrap();
    let mut late = Given::first().due();
    late.disclosure.version = u64::MAX;
    store.put(&late.disclosure, &late.event).await.unwrap_err();
    assert_eq!(store.unpublished(10).await.unwrap(), []);
}
