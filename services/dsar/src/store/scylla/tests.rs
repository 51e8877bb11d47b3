//! The suite on a CQL cluster, and what only such a one can leave half done.

mod disclosures;

use cql::Space;
use cql::outbox::{Pending, PendingRows};
use cql::scylla::serialize::row::SerializeRow;
use cql::testing::{Kept as Turn, fresh as tables};
use futures::future::join;
use kernel::topics::DSAR;
use kernel::{ErrorCode, EventId};

use super::guarded::RowKey;
use super::pointers::{bucket, day};
use super::*;
use crate::contract::appended;
use crate::contract::sample::{Step, alfa, items, key, plan};
use crate::store::{Store, Written};

/// A store on tables of its own.
struct World {
    store: ScyllaStore,
    turn: Turn,
}

/// Nothing where there is no cluster to test on.
async fn world() -> Option<World> {
    let turn = tables(COMPONENTS).await?;
    let store = ScyllaStore::open(turn.cql.clone()).await.unwrap();
    Some(World { store, turn })
}

/// Two handles with one outbox: what another process wrote leaves by that process, or by a sweep half a
/// minute later.
async fn fresh() -> Option<(ScyllaStore, ScyllaStore, Turn)> {
    let World { store, turn } = world().await?;
    Some((store.clone(), store, turn))
}

crate::contract_suite!(fresh());

impl World {
    /// How many rows a table has.
    async fn count(&self, table: &str) -> usize {
        let text = format!("SELECT tenant FROM {{ks}}.{table}");
        let all = self.turn.cql.prepare(Space::Data, &text).await.unwrap();
        let rows: Vec<(String,)> = self.turn.cql.rows(&all, (), 1_000).await.unwrap();
        rows.len()
    }

    /// Writes behind the store's back.
    async fn write(&self, text: &str, values: impl SerializeRow + Send + Sync) {
        let statement = self.turn.cql.prepare(Space::Data, text).await.unwrap();
        self.turn.cql.write(&statement, values).await.unwrap();
    }

    async fn point_open(&self, step: &Step) {
        let id = step.head.key.id;
        let text = "INSERT INTO {ks}.dsar_open (tenant, bucket, request_id) VALUES (?, ?, ?)";
        self.write(text, (alfa().to_string(), bucket(id.to_bytes()), id.to_bytes())).await;
    }

    async fn open_requests(&self) -> Vec<crate::store::Head> {
        self.store.open(&alfa(), None, 10).await.unwrap()
    }
}

fn is_lost(error: StoreError) {
    assert_eq!(error.code(), ErrorCode::DataLoss, "{}", kernel::chain(&error));
}

#[tokio::test]
async fn a_request_that_a_crash_left_in_the_lists_alone_is_none_until_it_begins() {
    let Some(world) = world().await else { return };
    let step = Step::first();
    let (tenant, id) = (alfa().to_string(), step.head.key.id);
    world.point_open(&step).await;
    world.write("INSERT INTO {ks}.dsar_day (tenant, day) VALUES (?, ?)", (tenant.clone(), day(id))).await;
    let text = "INSERT INTO {ks}.dsar_by_day (tenant, day, request_id) VALUES (?, ?, ?)";
    world.write(text, (tenant.clone(), day(id), id.to_bytes())).await;
    let text = "INSERT INTO {ks}.dsar_of_subject (tenant, subject, request_id) VALUES (?, ?, ?)";
    world.write(text, (tenant, step.head.subject.to_bytes(), id.to_bytes())).await;
    for _ in 0..2 {
        assert_eq!(world.open_requests().await, []);
        assert_eq!(world.store.list(&alfa(), None, 10).await.unwrap(), []);
        assert_eq!(world.store.of_subject(&alfa(), step.head.subject).await.unwrap(), []);
    }
    appended(&world.store, &step).await;
    let head = std::slice::from_ref(&step.head);
    assert_eq!(world.open_requests().await, head);
    assert_eq!(world.store.list(&alfa(), None, 10).await.unwrap(), head);
    assert_eq!(world.store.of_subject(&alfa(), step.head.subject).await.unwrap(), head);
}

#[tokio::test]
async fn a_closed_request_leaves_the_list_of_those_that_are_open() {
    let Some(world) = world().await else { return };
    let (first, other) = (Step::first(), Step::first());
    appended(&world.store, &first).await;
    appended(&world.store, &other).await;
    assert_eq!(world.count("dsar_open").await, 2);
    appended(&world.store, &first.closed()).await;
    assert_eq!(world.count("dsar_open").await, 1);
    world.point_open(&first).await;
    assert_eq!(world.store.open(&alfa(), None, 1).await.unwrap(), std::slice::from_ref(&other.head));
    assert_eq!(world.open_requests().await, std::slice::from_ref(&other.head));
    assert_eq!(world.count("dsar_open").await, 1, "one that a crash left there goes by the next look");
}

#[tokio::test]
async fn an_event_lies_with_its_request_until_it_is_cleared() {
    let Some(world) = world().await else { return };
    let first = Step::first();
    let next = first.next();
    appended(&world.store, &first).await;
    appended(&world.store, &next).await;
    let Inner { cql, statements, .. } = &*world.store.0;
    let rows = GuardedRows { cql: cql.clone(), statements: statements.clone() };
    let name = RowKey::Request(first.head.key.clone()).to_bytes();
    let pending = |step: &Step| Pending { topic: DSAR, envelope: step.event() };
    assert_eq!(rows.pending(&name).await.unwrap(), [pending(&first), pending(&next)]);
    for _ in 0..2 {
        rows.clear(&name, first.record.id).await.unwrap();
        assert_eq!(rows.pending(&name).await.unwrap(), [pending(&next)]);
    }
    rows.clear(&name, next.record.id).await.unwrap();
    assert_eq!(rows.pending(&name).await.unwrap(), []);
    assert_eq!(world.store.head(&first.head.key).await.unwrap().as_ref(), Some(&next.head));
    assert_eq!(world.store.records(&first.head.key).await.unwrap(), [first.record, next.record]);
}

#[tokio::test]
async fn to_clear_what_is_not_there_makes_no_request() {
    let Some(world) = world().await else { return };
    let step = Step::first();
    let Inner { cql, statements, .. } = &*world.store.0;
    let rows = GuardedRows { cql: cql.clone(), statements: statements.clone() };
    let name = RowKey::Request(step.head.key.clone()).to_bytes();
    rows.clear(&name, EventId::new()).await.unwrap();
    assert_eq!(rows.pending(&name).await.unwrap(), []);
    assert_eq!(world.store.head(&step.head.key).await.unwrap(), None);
    appended(&world.store, &step).await;
}

#[tokio::test]
async fn of_two_processes_one_appends_an_act() {
    let Some(world) = world().await else { return };
    let other = ScyllaStore::open(world.turn.cql.clone()).await.unwrap();
    let mut step = Step::first();
    appended(&world.store, &step).await;
    for _ in 0..20 {
        let steps = [step.next(), step.next()];
        let events = [steps[0].event(), steps[1].event()];
        let (one, two) = join(
            world.store.append(&steps[0].head, &steps[0].record, &events[0]),
            other.append(&steps[1].head, &steps[1].record, &events[1]),
        )
        .await;
        let written = [one.unwrap(), two.unwrap()];
        assert_eq!(written.iter().filter(|one| **one == Written::Applied).count(), 1);
        let winner = usize::from(written[1] == Written::Applied);
        step = steps[winner].clone();
        assert_eq!(other.records(&step.head.key).await.unwrap().last(), Some(&step.record));
    }
    assert_eq!(world.store.records(&step.head.key).await.unwrap().len(), 21);
}

#[tokio::test]
async fn a_request_that_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    let step = Step::first();
    let values = (alfa().to_string(), step.head.key.id.to_bytes(), step.head.subject.to_bytes());
    let text =
        "INSERT INTO {ks}.dsar_request (tenant, request_id, version, head_version, subject, received_at,
            due, state, record)
        VALUES (?, ?, 2, 2, ?, 1, 1, 99, 0x00)";
    world.write(text, values).await;
    is_lost(world.store.head(&step.head.key).await.map(drop).unwrap_err());
    is_lost(world.store.records(&step.head.key).await.map(drop).unwrap_err());
}

#[tokio::test]
async fn a_page_that_is_missing_or_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    for (number, bytes) in [(1_i64, Vec::new()), (0, vec![0xff_u8])] {
        let key = key(alfa(), kernel::RequestId::new());
        let text = "INSERT INTO {ks}.dsar_page (tenant, request_id, plan, number, items)
            VALUES (?, ?, 'plan-1', ?, ?)";
        world.write(text, (alfa().to_string(), key.id.to_bytes(), number, bytes)).await;
        is_lost(world.store.items(&key, &plan("plan-1")).await.map(drop).unwrap_err());
    }
    let key = key(alfa(), kernel::RequestId::new());
    world.store.add_page(&key, &plan("plan-1"), 0, &items(3)).await.unwrap();
    assert_eq!(world.store.items(&key, &plan("plan-1")).await.unwrap(), items(3));
}

#[test]
fn the_outbox_finds_a_request_again_by_its_name() {
    let row = RowKey::Request(Step::first().head.key);
    assert_eq!(RowKey::from_bytes(&row.to_bytes()).unwrap(), row);
    for bytes in [&b""[..], b"0123456789abcdef", b"0123456789abcdefNo Slug", b"0123456789abcdef\xff"] {
        assert!(RowKey::from_bytes(bytes).is_err(), "{bytes:?}");
    }
}
