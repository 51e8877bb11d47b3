//! What every adapter of the outbox must do.

use kernel::{Envelope, EventId, TenantId, Timestamp};
use platform::audit::AuditOutbox;
use platform::outbox::OutboxStore;

fn entry(number: i64) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: platform::audit::ENTRY_WRITTEN.to_owned(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: "instance".to_owned(),
        version: 1,
        at: Timestamp(number),
        trace: None,
        payload: vec![1, 2, 3],
    }
}

/// Also one that comes again.
pub(crate) async fn entries_wait_in_order_until_they_are_marked<O: AuditOutbox + OutboxStore>(outbox: &O) {
    let entries: Vec<_> = (1..=3).map(entry).collect();
    for entry in entries.iter().chain(&entries[..1]) {
        outbox.push(entry.clone()).await.unwrap();
    }
    let waiting = outbox.unpublished(10).await.unwrap();
    assert_eq!(waiting.into_iter().map(|o| o.envelope).collect::<Vec<_>>(), entries);
    outbox.mark_published(&[entries[0].id, entries[1].id, EventId::new()]).await.unwrap();
    assert_eq!(outbox.unpublished(10).await.unwrap()[0].envelope, entries[2]);
    assert_eq!(outbox.oldest_unpublished().await.unwrap(), Some(Timestamp(3)));
}
