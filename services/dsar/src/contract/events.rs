//! Events: one for each act, to dsar's topic, and entries of the ledger beside them.

use kernel::topics;
use platform::{AuditOutbox, OutboxStore};

use super::appended;
use super::sample::Step;
use crate::store::Store;

/// As they were given; one that is marked does not leave again.
pub async fn events_leave_with_their_acts_in_order<S: Store + OutboxStore>(store: &S) {
    let first = Step::first();
    let second = first.next();
    let steps = [first.clone(), second.clone(), second.closed()];
    let given: Vec<_> = steps.iter().map(Step::event).collect();
    for step in &steps {
        appended(store, step).await;
    }
    let waiting = store.unpublished(10).await.expect("read");
    assert!(waiting.iter().all(|outgoing| outgoing.topic.name == topics::DSAR.name));
    let waiting: Vec<_> = waiting.into_iter().map(|outgoing| outgoing.envelope).collect();
    assert_eq!(waiting, given);
    assert_eq!(store.oldest_unpublished().await.expect("read"), Some(first.record.at));
    for (marked, event) in given.iter().enumerate() {
        store.mark_published(&[event.id]).await.expect("marked");
        let left = store.unpublished(10).await.expect("read");
        let left: Vec<_> = left.into_iter().map(|outgoing| outgoing.envelope).collect();
        assert_eq!(left, given[marked + 1..]);
    }
    let records = store.records(&first.head.key).await.expect("read");
    assert_eq!(records, steps.map(|step| step.record), "the acts stay");
}

/// However often it was kept.
pub async fn an_entry_leaves_once<S: AuditOutbox + OutboxStore>(store: &S) {
    let entry = Step::first().event();
    for _ in 0..2 {
        store.push(entry.clone()).await.expect("kept");
    }
    let waiting = store.unpublished(10).await.expect("read");
    let waiting: Vec<_> = waiting.into_iter().map(|out| (out.topic.name, out.envelope)).collect();
    assert_eq!(waiting, [(topics::AUDIT.name, entry)]);
}
