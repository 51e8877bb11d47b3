use std::time::Duration;

use async_trait::async_trait;
use kernel::topics::{AUDIT, CONSENT, RECORDINGS};
use kernel::{ManualClock, TenantId, TraceParent};

use super::*;
use crate::migration::Component;
use crate::options::Space;
use crate::statement::Statement;
use crate::testing::{Kept, fresh};

const TABLES: Component = crate::outbox_component!("test");
const ROWS: Component = Component {
    name: "rows",
    space: Space::Data,
    steps: &[concat!(
        "CREATE TABLE IF NOT EXISTS {ks}.guarded (id blob PRIMARY KEY, version bigint, pending ",
        crate::pending_column!(),
        "); CREATE TABLE IF NOT EXISTS {ks}.plain (id blob PRIMARY KEY)"
    )],
};
/// Longer than the grace, the slack and the interval of sweeps.
const LATER: Duration = Duration::from_secs(120);

fn event(number: u8) -> Envelope {
    Envelope {
        id: EventId::from_bytes([number; 16]),
        kind: "verbale.test.done".into(),
        tenant: TenantId::new("alfa").unwrap(),
        aggregate: format!("thing/{number}"),
        version: u64::from(number),
        at: Timestamp(1_000 + i64::from(number)),
        trace: number
            .is_multiple_of(2)
            .then(|| TraceParent::parse(&format!("00-{}-{}-01", "ab".repeat(16), "cd".repeat(8))).unwrap()),
        payload: vec![number; 40],
    }
}

fn numbers(pending: &[Pending]) -> Vec<u8> {
    pending.iter().map(|pending| pending.envelope.id.to_bytes()[0]).collect()
}

fn ids(numbers: &[u8]) -> Vec<EventId> {
    numbers.iter().map(|number| EventId::from_bytes([*number; 16])).collect()
}

/// A cluster's keyspace, its time, and rows of a role.
struct World {
    kept: Kept,
    clock: ManualClock,
    rows: Guarded,
}

impl World {
    async fn new() -> Option<Self> {
        let kept = fresh(&[TABLES, ROWS]).await?;
        let clock = ManualClock::at(Timestamp(1_800_000_000_000_000));
        let rows = Guarded::prepare(&kept.cql).await;
        Some(Self { kept, clock, rows })
    }

    /// Another process's.
    async fn outbox(&self) -> Outbox {
        let rows: Arc<dyn PendingRows> = Arc::new(self.rows.clone());
        Outbox::build(&self.kept.cql, "test", Some(rows), Arc::new(self.clock.clone())).await.unwrap()
    }

    /// A role's row and its event in one logged batch.
    async fn act(&self, outbox: &Outbox, number: u8) -> Ticket {
        let insert =
            self.kept.cql.prepare(Space::Data, "INSERT INTO {ks}.plain (id) VALUES (?)").await.unwrap();
        let mut batch = Batch::logged();
        batch.add(&insert, (vec![number],)).unwrap();
        let ticket = outbox.put(&mut batch, &CONSENT, event(number)).await.unwrap();
        self.kept.cql.batch(batch).await.unwrap();
        ticket
    }

    async fn published_at(&self, number: u8) -> Vec<Option<i64>> {
        let text =
            "SELECT event_id, published_at, ttl(published_at), ttl(kind), payload FROM {ks}.outbox_test";
        let all = self.kept.cql.prepare(Space::Data, text).await.unwrap();
        type Found = (Vec<u8>, Option<i64>, Option<i32>, Option<i32>, Vec<u8>);
        let rows: Vec<Found> = self.kept.cql.rows(&all, (), 100).await.unwrap();
        let own = rows.into_iter().filter(|(id, ..)| *id == [number; 16]);
        own.map(|(_, at, mark_ttl, kind_ttl, payload)| {
            assert_eq!(at.is_some(), mark_ttl.is_some());
            assert_eq!(at.is_some(), kind_ttl.is_some(), "what is unpublished has no TTL");
            assert_eq!(at.is_some(), payload.is_empty(), "a published event's payload goes");
            at
        })
        .collect()
    }
}

/// A role's rows whose events go by a pending column.
#[derive(Clone)]
struct Guarded {
    cql: Cql,
    change: Statement,
    load: Statement,
    clear: Statement,
}

impl Guarded {
    async fn prepare(cql: &Cql) -> Self {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await.unwrap();
        Self {
            cql: cql.clone(),
            change: prepare(
                "UPDATE {ks}.guarded SET version = ?, pending[?] = ? WHERE id = ? IF version = ?",
            )
            .await,
            load: prepare("SELECT pending FROM {ks}.guarded WHERE id = ?").await,
            clear: prepare("DELETE pending[?] FROM {ks}.guarded WHERE id = ? IF EXISTS").await,
        }
    }

    async fn change(&self, key: &[u8], from: Option<i64>, ticket: &Ticket) -> bool {
        let (id, value) = ticket.pending.to_value().unwrap();
        let values = (from.unwrap_or(0) + 1, id, value, key.to_vec(), from);
        self.cql.apply(&self.change, values).await.unwrap()
    }
}

#[async_trait]
impl PendingRows for Guarded {
    async fn pending(&self, key: &[u8]) -> Result<Vec<Pending>, Error> {
        let found: Option<(pending::PendingColumn,)> = self.cql.serial_row(&self.load, (key,)).await?;
        Pending::from_column(found.and_then(|(column,)| column))
    }

    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), Error> {
        self.cql.apply(&self.clear, (event.to_bytes().to_vec(), key)).await.map(drop)
    }
}

#[tokio::test]
async fn what_a_process_pushed_is_handed_out_at_once_and_marked() {
    let Some(world) = World::new().await else { return };
    let outbox = world.outbox().await;
    let ticket = world.act(&outbox, 1).await;
    assert!(outbox.unpublished(10).await.unwrap().is_empty(), "its act is not done yet");
    outbox.pushed(ticket);
    outbox.push(&AUDIT, event(2)).await.unwrap();
    outbox.push(&AUDIT, event(2)).await.unwrap();
    let found = outbox.unpublished(10).await.unwrap();
    let expected = [(CONSENT, event(1)), (AUDIT, event(2))];
    let expected = expected.map(|(topic, envelope)| Pending { topic, envelope });
    assert_eq!(found, expected);
    assert_eq!(outbox.unpublished(1).await.unwrap(), expected[..1]);
    assert_eq!(outbox.oldest_unpublished(), Some(event(1).at));
    assert_eq!(world.published_at(1).await, [None]);

    outbox.mark(&ids(&[1, 9])).await.unwrap();
    assert_eq!(numbers(&outbox.unpublished(10).await.unwrap()), [2]);
    assert_eq!(world.published_at(1).await, [Some(world.clock.now().0)]);
    assert_eq!(world.published_at(2).await, [None]);
}

#[tokio::test]
async fn what_a_crash_left_is_found_by_another_process_once_it_has_lain() {
    let Some(world) = World::new().await else { return };
    let dead = world.outbox().await;
    for number in [1, 2, 3] {
        world.act(&dead, number).await;
    }
    drop(dead);
    let outbox = world.outbox().await;
    assert!(outbox.unpublished(10).await.unwrap().is_empty(), "another may be at work on it");
    world.clock.advance(LATER);
    let found = outbox.unpublished(10).await.unwrap();
    assert_eq!(found, [1, 2, 3].map(|number| Pending { topic: CONSENT, envelope: event(number) }));
    assert_eq!(outbox.oldest_unpublished(), Some(event(1).at));
    outbox.mark(&ids(&[1, 2, 3])).await.unwrap();

    let third = world.outbox().await;
    world.clock.advance(LATER);
    assert!(third.unpublished(10).await.unwrap().is_empty(), "it was marked for all");
}

#[tokio::test]
async fn the_cursor_stays_before_what_is_unpublished() {
    let Some(world) = World::new().await else { return };
    let outbox = world.outbox().await;
    let first = outbox.cursor().await.unwrap();
    outbox.push(&CONSENT, event(1)).await.unwrap();
    let bucket = Bucket::of(world.clock.now());
    for _ in 0..3 {
        world.clock.advance(LATER);
        assert_eq!(numbers(&outbox.unpublished(10).await.unwrap()), [1]);
        let cursor = outbox.cursor().await.unwrap();
        assert_eq!((cursor, cursor > first), (bucket, true));
    }
    outbox.mark(&ids(&[1])).await.unwrap();
    world.clock.advance(LATER);
    assert!(outbox.unpublished(10).await.unwrap().is_empty());
    assert_eq!(outbox.cursor().await.unwrap(), bucket::horizon(world.clock.now()));
}

#[tokio::test]
async fn a_write_that_came_to_its_end_late_is_found_behind_the_cursor() {
    let Some(world) = World::new().await else { return };
    let slow = world.outbox().await;
    let mut batch = Batch::logged();
    slow.put(&mut batch, &CONSENT, event(1)).await.unwrap();
    let outbox = world.outbox().await;
    world.clock.advance(LATER);
    assert!(outbox.unpublished(10).await.unwrap().is_empty());
    assert_eq!(outbox.cursor().await.unwrap(), bucket::horizon(world.clock.now()), "it was passed");
    world.kept.cql.batch(batch).await.unwrap();
    world.clock.advance(Duration::from_secs(900));
    assert_eq!(numbers(&outbox.unpublished(10).await.unwrap()), [1]);
}

#[tokio::test]
async fn an_event_of_a_guarded_row_is_handed_out_and_taken_out_of_it() {
    let Some(world) = World::new().await else { return };
    let outbox = world.outbox().await;
    let ticket = outbox.point(b"row", &RECORDINGS, event(1)).await.unwrap();
    assert!(world.rows.change(b"row", None, &ticket).await);
    outbox.pushed(ticket);
    // The row changes again before the first event is published.
    let ticket = outbox.point(b"row", &RECORDINGS, event(2)).await.unwrap();
    assert!(world.rows.change(b"row", Some(1), &ticket).await);
    outbox.pushed(ticket);
    assert_eq!(numbers(&outbox.unpublished(10).await.unwrap()), [1, 2]);
    outbox.mark(&ids(&[1])).await.unwrap();
    assert_eq!(numbers(&world.rows.pending(b"row").await.unwrap()), [2]);
    outbox.mark(&ids(&[2])).await.unwrap();
    assert!(world.rows.pending(b"row").await.unwrap().is_empty());
    let other = world.outbox().await;
    world.clock.advance(LATER);
    assert!(other.unpublished(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_a_crash_left_in_a_guarded_row_is_found() {
    let Some(world) = World::new().await else { return };
    let dead = world.outbox().await;
    let ticket = dead.point(b"row", &RECORDINGS, event(2)).await.unwrap();
    assert!(world.rows.change(b"row", None, &ticket).await);
    let expected = [ticket.pending.clone()];
    // And one whose write was refused: it never happened.
    let refused = dead.point(b"row", &RECORDINGS, event(3)).await.unwrap();
    assert!(!world.rows.change(b"row", Some(7), &refused).await);
    drop(dead);

    let outbox = world.outbox().await;
    world.clock.advance(LATER);
    assert_eq!(outbox.unpublished(10).await.unwrap(), expected);
    assert!(outbox.cursor().await.unwrap() <= ticket.place.spot().bucket);
    outbox.mark(&ids(&[2])).await.unwrap();
    assert!(world.rows.pending(b"row").await.unwrap().is_empty());
    world.clock.advance(LATER);
    assert!(outbox.unpublished(10).await.unwrap().is_empty());
    assert_eq!(outbox.cursor().await.unwrap(), bucket::horizon(world.clock.now()));
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_found_in_the_tables() {
    let Some(world) = World::new().await else { return };
    let outbox = world.outbox().await;
    for number in 1..=3 {
        outbox.push(&CONSENT, event(number)).await.unwrap();
    }
    assert_eq!(outbox.unpublished(10).await.unwrap().len(), 3);
    {
        // As if there had been no room.
        let mut queue = outbox.0.queue.lock();
        *queue = Queue::default();
        queue.set_overflowed(true);
    }
    assert_eq!(numbers(&outbox.unpublished(10).await.unwrap()), [1, 2, 3]);
    outbox.mark(&ids(&[1, 2, 3])).await.unwrap();
    assert!(outbox.unpublished(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_no_log_would_take_is_refused() {
    let Some(world) = World::new().await else { return };
    let outbox = world.outbox().await;
    for envelope in [
        Envelope { payload: vec![0; MAX_PAYLOAD + 1], ..event(1) },
        Envelope { kind: "k".repeat(MAX_KIND + 1), ..event(1) },
        Envelope { aggregate: "a".repeat(MAX_AGGREGATE + 1), ..event(1) },
        Envelope { version: u64::MAX, ..event(1) },
    ] {
        let error = outbox.push(&CONSENT, envelope).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
    let whole = Envelope { payload: vec![1; MAX_PAYLOAD], ..event(1) };
    outbox.push(&CONSENT, whole.clone()).await.unwrap();
    assert_eq!(outbox.unpublished(1).await.unwrap()[0].envelope, whole);
}
