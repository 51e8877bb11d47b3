//! What only a file shows of erasures and their items.

use kernel::ErasureId;

use super::*;
use crate::contract::{added, at_step, begun, in_state, some_erasure, some_item};
use crate::erasure::{Item, State, Step};
use crate::store::sqlite::{erasures, items};

#[tokio::test]
async fn what_is_over_is_not_read_where_it_is_looked_for_what_is_not() {
    let (store, _, _directory) = fresh().await.unwrap();
    for (query, index) in [
        (erasures::UNSETTLED, "erasure_unsettled"),
        (items::RUNNING, "item_running"),
        (items::DEFERRED, "item_deferred"),
        (items::OWED, "item_owed"),
        (items::ERASURES_OF, "item_by_recording"),
    ] {
        let plan = plan(&store, query).await;
        assert!(plan.contains(&format!("INDEX {index} (tenant=?")), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
    }
}

#[tokio::test]
async fn an_erasure_whose_event_is_refused_is_not_there() {
    let (store, _, _directory) = fresh().await.unwrap();
    let (one, other) = (some_erasure(), some_erasure());
    let told = event(&alfa(), one.id, 1);
    store.begin_erasure(&one, &told).await.unwrap();
    store.begin_erasure(&other, &told).await.unwrap_err();
    assert_eq!(store.erasure(&alfa(), other.id).await.unwrap(), None);
    store.change_erasure(&in_state(&one, State::Done), &told).await.unwrap_err();
    assert_eq!(store.erasure(&alfa(), one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.unsettled_erasures(&alfa()).await.unwrap(), [one.id]);
}

#[tokio::test]
async fn a_count_goes_with_its_row_or_not_at_all() {
    let (store, _, _directory) = fresh().await.unwrap();
    let (one, other) = (recording(vec![running("quality", moment(1, 0))]), recording(Vec::new()));
    let told = event_of(&one);
    store.stamp(&one, &told).await.unwrap();
    store.stamp(&Kept { terms: one.terms.clone(), ..other.clone() }, &told).await.unwrap_err();
    store.change(&with_terms(&one, Vec::new()), &told).await.unwrap_err();
    assert_eq!(store.count_kept(&alfa()).await.unwrap(), 1);
}

#[tokio::test]
async fn an_erasure_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE erasure SET cause = 4", "erasure holds cause"),
        ("UPDATE erasure SET target = '\"everybody\"'", "erasure holds target"),
        ("UPDATE erasure SET scope = '{\"purposes\":[]}'", "erasure holds scope"),
        ("UPDATE erasure SET reason = 'two words'", "erasure holds reason"),
        ("UPDATE erasure SET state = 6", "erasure holds state"),
        ("UPDATE erasure SET items = -1", "erasure holds items"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let erasure = some_erasure();
        begun(&store, &erasure).await;
        run(&store, harm).await;
        refuses(store.erasure(&alfa(), erasure.id).await.unwrap_err(), words);
        refuses(store.erasures(&alfa(), None, 10).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_is_refused_by_table_and_column() {
    for (harm, words) in [
        ("UPDATE erasure_item SET scope = '{}'", "erasure_item holds scope"),
        ("UPDATE erasure_item SET step = 0", "erasure_item holds step"),
        ("UPDATE erasure_item SET erased = '[\"No Slug\"]'", "erasure_item holds erased"),
        ("UPDATE erasure_item SET kept = '[{}]'", "erasure_item holds kept"),
        ("UPDATE erasure_item SET report = '[]'", "erasure_item holds report"),
        ("UPDATE erasure_item SET failure = ''", "erasure_item holds failure"),
        ("UPDATE erasure_item SET owed = 1", "erasure_item holds owed"),
    ] {
        let (store, _, _directory) = fresh().await.unwrap();
        let item = some_item(ErasureId::new());
        added(&store, &item).await;
        run(&store, harm).await;
        refuses(store.item(&alfa(), item.erasure, item.recording).await.unwrap_err(), words);
        refuses(store.items(&alfa(), item.erasure, None, 10).await.unwrap_err(), words);
    }
}

#[tokio::test]
async fn a_note_that_cannot_be_is_refused_or_never_written() {
    let (store, _, _directory) = fresh().await.unwrap();
    store.set_journal_position(7).await.unwrap();
    for position in [u64::MAX, 1 << 63] {
        store.set_journal_position(position).await.unwrap_err();
    }
    assert_eq!(store.journal_position().await.unwrap(), 7);
    let late = Item { version: u64::MAX, ..at_step(&some_item(ErasureId::new()), Step::Decided) };
    store.change_item(&late).await.unwrap_err();
}
