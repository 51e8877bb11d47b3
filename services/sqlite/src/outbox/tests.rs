use tempfile::TempDir;

use super::*;
use crate::{Db, Options};

async fn open(dir: &TempDir) -> Db {
    Db::open(&dir.path().join("role.db"), Options::default(), &[COMPONENT]).await.unwrap()
}

fn event(aggregate: &str) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: "verbale.consent.granted".to_owned(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: aggregate.to_owned(),
        version: 7,
        at: Timestamp(1_700_000_000_000_001),
        trace: TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        payload: vec![0, 1, 255],
    }
}

async fn push_one(db: &Db, envelope: Envelope) -> Result<OutboxNo, Error> {
    db.write(move |tx| push(tx, &topics::CONSENT, &envelope)).await
}

async fn pending_after(db: &Db, after: OutboxNo, limit: u32) -> Vec<Pending> {
    db.read(move |connection| unpublished(connection, after, limit)).await.unwrap()
}

#[tokio::test]
async fn events_come_back_as_pushed_and_in_order() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let events = [event("a"), Envelope { trace: None, ..event("b") }, event("c")];
    for event in &events {
        push_one(&db, event.clone()).await.unwrap();
    }
    let found = pending_after(&db, OutboxNo::START, 10).await;
    assert_eq!(found.iter().map(|p| p.envelope.clone()).collect::<Vec<_>>(), events);
    assert!(found.iter().all(|pending| pending.topic == topics::CONSENT));

    let second = pending_after(&db, found[0].number, 1).await;
    assert_eq!(second, found[1..2]);
}

#[tokio::test]
async fn an_event_leaves_with_its_rows_or_not_at_all() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let refused = db.write(|tx| -> Result<(), Error> {
        push(tx, &topics::CONSENT, &event("a"))?;
        Err(Error::Closed)
    });
    refused.await.unwrap_err();
    assert_eq!(pending_after(&db, OutboxNo::START, 10).await, []);
}

#[tokio::test]
async fn a_marked_event_is_not_found_again_and_pruned_later() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let first = push_one(&db, event("a")).await.unwrap();
    let second = push_one(&db, Envelope { at: Timestamp(99), ..event("b") }).await.unwrap();
    db.write(move |tx| mark(tx, &[first], Timestamp(10))).await.unwrap();

    let left = pending_after(&db, OutboxNo::START, 10).await;
    assert_eq!(left.iter().map(|pending| pending.number).collect::<Vec<_>>(), [second]);
    assert_eq!(db.read(oldest_unpublished).await.unwrap(), Some(Timestamp(99)));
    assert_eq!(db.write(|tx| prune(tx, Timestamp(10), 100)).await.unwrap(), 0);
    assert_eq!(db.write(|tx| prune(tx, Timestamp(i64::MAX), 100)).await.unwrap(), 1);
    assert_eq!(pending_after(&db, OutboxNo::START, 10).await, left, "nothing unpublished is pruned");

    db.write(move |tx| mark(tx, &[second], Timestamp(20))).await.unwrap();
    assert_eq!(db.read(oldest_unpublished).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_event_twice_is_a_duplicate() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let event = event("a");
    push_one(&db, event.clone()).await.unwrap();
    assert!(push_one(&db, event).await.unwrap_err().is_duplicate());
}

#[tokio::test]
async fn what_no_record_could_carry_is_refused_with_the_bound() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let error =
        push_one(&db, Envelope { payload: vec![0; MAX_PAYLOAD + 1], ..event("a") }).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: MAX_PAYLOAD, .. }), "{error}");
    push_one(&db, Envelope { payload: vec![0; MAX_PAYLOAD], ..event("a") }).await.unwrap();
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_not_a_panic() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    push_one(&db, event("a")).await.unwrap();
    for damage in ["topic = 'verbale.nothing.v1'", "tenant = 'No Tenant'", "version = -1", "trace = 'x'"] {
        let update = format!("UPDATE outbox SET {damage}");
        let found = db.write(move |tx| -> Result<(), Error> {
            tx.execute_batch(&update)?;
            unpublished(tx, OutboxNo::START, 1).map(drop)
        });
        assert!(found.await.is_err(), "{damage}");
    }
}
