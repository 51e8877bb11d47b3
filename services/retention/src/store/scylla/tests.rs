//! The suite on a CQL cluster, and what only such a one can leave half done.

mod erasures;

use cql::Space;
use cql::outbox::{Pending, PendingRows};
use cql::scylla::serialize::row::SerializeRow;
use cql::testing::{Kept as Turn, fresh as tables};
use kernel::topics::RETENTION;
use kernel::{ErrorCode, ManualClock, RecordingId};
use policy::code::Code;

use super::guarded::RowKey;
use super::*;
use crate::contract::{
    alfa, event, event_of, moment, order, recording, released_by, running, some_erasure, some_hold,
    with_terms,
};
use crate::kept::{Due, Kept};
use crate::store::{Store, Written};

/// A store on tables of its own, whose machine time is moved by hand.
struct World {
    store: ScyllaStore,
    clock: ManualClock,
    turn: Turn,
}

/// Nothing where there is no cluster to test on.
async fn world() -> Option<World> {
    let turn = tables(COMPONENTS).await?;
    let clock = ManualClock::at(SystemClock.now());
    let store = ScyllaStore::on(turn.cql.clone(), Arc::new(clock.clone())).await.unwrap();
    Some(World { store, clock, turn })
}

/// Two handles with one outbox: what another process wrote leaves by that process, or by a sweep half a minute later.
async fn fresh() -> Option<(ScyllaStore, ScyllaStore, Turn)> {
    let turn = tables(COMPONENTS).await?;
    let store = ScyllaStore::open(turn.cql.clone()).await.unwrap();
    Some((store.clone(), store, turn))
}

crate::contract_suite!(fresh());

impl World {
    /// Whatever was written until now is older than the margin; what follows is not.
    fn margin_passes(&self) {
        self.clock.set(SystemClock.now().plus(MARGIN));
    }

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

    async fn stamp(&self, kept: &Kept) {
        assert_eq!(self.store.stamp(kept, &event_of(kept)).await.unwrap(), Written::Applied);
    }

    async fn change(&self, kept: &Kept) {
        assert_eq!(self.store.change(kept, &event_of(kept)).await.unwrap(), Written::Applied);
    }

    async fn due(&self, by: Timestamp) -> Vec<RecordingId> {
        let found = self.store.due(&alfa(), by, None, 100).await.unwrap();
        found.into_iter().map(|due| due.id).collect()
    }
}

#[tokio::test]
async fn a_hint_that_a_change_left_is_passed_over_and_goes_in_time() {
    let Some(world) = world().await else { return };
    let first = recording(vec![running("quality", moment(1, 0))]);
    let next = with_terms(&first, vec![running("quality", moment(5, 0))]);
    world.stamp(&first).await;
    world.change(&next).await;
    assert_eq!(world.due(moment(2, 0)).await, []);
    assert_eq!(world.count("retention_due").await, 2, "it is too young to be known as left");
    world.margin_passes();
    assert_eq!(world.due(moment(2, 0)).await, []);
    assert_eq!((world.count("retention_due").await, world.count("retention_due_hour").await), (1, 2));
    assert_eq!(world.due(moment(2, 0)).await, []);
    assert_eq!(world.count("retention_due_hour").await, 1, "an hour without hints is not looked into again");
    assert_eq!(world.due(moment(6, 0)).await, [first.key.id]);
}

#[tokio::test]
async fn a_change_takes_its_old_hint_away_and_a_later_one_puts_it_back() {
    let Some(world) = world().await else { return };
    let first = recording(vec![running("quality", moment(1, 0))]);
    let next = with_terms(&first, vec![running("quality", moment(5, 0))]);
    let last = with_terms(&next, first.terms.clone());
    world.stamp(&first).await;
    world.margin_passes();
    world.change(&next).await;
    assert_eq!(world.count("retention_due").await, 1);
    assert_eq!(world.due(moment(2, 0)).await, []);
    assert_eq!(world.due(moment(2, 0)).await, []);
    world.change(&last).await;
    assert_eq!(world.due(moment(2, 0)).await, [first.key.id]);
}

#[tokio::test]
async fn a_hint_without_a_recording_waits_for_its_stamp() {
    let Some(world) = world().await else { return };
    let kept = recording(vec![running("quality", moment(1, 0))]);
    world.store.0.list(&kept).await.unwrap();
    world.store.0.point_due(&kept).await.unwrap();
    world.margin_passes();
    for _ in 0..2 {
        assert_eq!(world.due(moment(2, 0)).await, []);
        assert_eq!(world.count("retention_due").await, 1);
    }
    assert_eq!(world.store.of_subject(&alfa(), kept.parties[0], None, 10).await.unwrap(), []);
    world.stamp(&kept).await;
    assert_eq!(world.due(moment(2, 0)).await, [kept.key.id]);
    assert_eq!(world.store.of_subject(&alfa(), kept.parties[0], None, 10).await.unwrap(), [kept.key.id]);
}

#[tokio::test]
async fn what_is_due_at_one_moment_is_merged_from_all_parts_in_order() {
    let Some(world) = world().await else { return };
    let rows: Vec<_> = (0..40_u8)
        .map(|number| {
            let mut kept = recording(vec![running("quality", moment(1, i64::from(number % 2)))]);
            kept.key.id = RecordingId::from_bytes([number.wrapping_mul(37); 16]);
            kept
        })
        .collect();
    for kept in &rows {
        world.stamp(kept).await;
    }
    let mut expected: Vec<_> =
        rows.iter().map(|kept| Due { at: kept.due().unwrap(), id: kept.key.id }).collect();
    expected.sort();
    let mut found: Vec<Due> = Vec::new();
    loop {
        let page = world.store.due(&alfa(), moment(2, 0), found.last(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_hold_that_a_crash_left_in_the_list_alone_does_not_stand_until_it_is_placed() {
    let Some(world) = world().await else { return };
    let hold = some_hold();
    let values = (alfa().to_string(), hold.id.to_bytes());
    world.write("INSERT INTO {ks}.retention_standing (tenant, id) VALUES (?, ?)", values).await;
    world.margin_passes();
    assert_eq!(world.store.standing(&alfa()).await.unwrap(), []);
    assert_eq!(world.count("retention_standing").await, 1);
    let placed = world.store.place(&hold, &event(&alfa(), hold.id, 1)).await.unwrap();
    assert_eq!(placed, Written::Applied);
    assert_eq!(world.store.standing(&alfa()).await.unwrap(), [hold]);
}

#[tokio::test]
async fn a_released_hold_leaves_the_list_of_those_that_stand() {
    let Some(world) = world().await else { return };
    let first = some_hold();
    let asked = released_by(&first, "bruno");
    let gone = released_by(&asked, "carla");
    world.store.place(&first, &event(&alfa(), first.id, 1)).await.unwrap();
    for hold in [&asked, &gone] {
        let written = world.store.change_hold(hold, &event(&alfa(), hold.id, hold.version)).await.unwrap();
        assert_eq!(written, Written::Applied);
    }
    assert_eq!(world.store.standing(&alfa()).await.unwrap(), []);
    world.margin_passes();
    assert_eq!(world.store.standing(&alfa()).await.unwrap(), []);
    assert_eq!(world.count("retention_standing").await, 0);
    assert_eq!(world.store.released(&alfa(), None, 10).await.unwrap(), [gone]);
}

#[tokio::test]
async fn an_event_lies_in_its_row_until_it_is_cleared() {
    let Some(world) = world().await else { return };
    let (kept, hold, order) = (recording(Vec::new()), some_hold(), order("order-1", None));
    let erasure = some_erasure();
    let events = [
        event_of(&kept),
        event(&alfa(), hold.id, 1),
        event(&alfa(), "order-1", 1),
        event(&alfa(), erasure.id, 1),
    ];
    world.store.stamp(&kept, &events[0]).await.unwrap();
    world.store.place(&hold, &events[1]).await.unwrap();
    world.store.order(&order, &events[2]).await.unwrap();
    world.store.begin_erasure(&erasure, &events[3]).await.unwrap();
    let Inner { cql, statements, .. } = &*world.store.0;
    let rows = GuardedRows { cql: cql.clone(), statements: statements.clone() };
    let keys = [
        RowKey::Kept(kept.key.clone()),
        RowKey::Hold(alfa(), hold.id),
        RowKey::Order(alfa(), Code::new("order-1").unwrap()),
        RowKey::Erasure(alfa(), erasure.id),
    ];
    for (key, event) in keys.iter().map(RowKey::to_bytes).zip(events) {
        let pending = Pending { topic: RETENTION, envelope: event.clone() };
        assert_eq!(rows.pending(&key).await.unwrap(), [pending]);
        for _ in 0..2 {
            rows.clear(&key, event.id).await.unwrap();
            assert_eq!(rows.pending(&key).await.unwrap(), []);
        }
    }
    assert_eq!(world.store.kept(&kept.key).await.unwrap(), Some(kept));
    assert_eq!(world.store.hold(&alfa(), hold.id).await.unwrap(), Some(hold));
    assert_eq!(world.store.orders(&alfa()).await.unwrap(), [order]);
    assert_eq!(world.store.erasure(&alfa(), erasure.id).await.unwrap(), Some(erasure));
}

#[tokio::test]
async fn of_two_processes_one_stamps_a_recording() {
    let Some(world) = world().await else { return };
    let other = ScyllaStore::open(world.turn.cql.clone()).await.unwrap();
    for _ in 0..5 {
        let kept = recording(vec![running("quality", moment(1, 0))]);
        let events = [event_of(&kept), event_of(&kept)];
        let (one, two) =
            futures::future::join(world.store.stamp(&kept, &events[0]), other.stamp(&kept, &events[1])).await;
        let applied = [one.unwrap(), two.unwrap()].iter().filter(|one| **one == Written::Applied).count();
        assert_eq!(applied, 1);
        assert_eq!(other.kept(&kept.key).await.unwrap(), Some(kept));
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    let kept = recording(Vec::new());
    let (hold, tenant) = (some_hold(), alfa().to_string());
    world
        .write(
            "INSERT INTO {ks}.retention_kept
             (tenant, recording, version, started_at, ended_at, policy, terms) VALUES (?, ?, 1, 1, 1, 0x00, '[]')",
            (tenant.clone(), kept.key.id.to_bytes()),
        )
        .await;
    world
        .write(
            "INSERT INTO {ks}.retention_hold
             (tenant, id, version, kind, selector, reason, placed_by, placed_at, review_at, state)
             VALUES (?, ?, 1, 99, '{\"subjects\":[]}', 'case-7', 'anna', 1, 1, 1)",
            (tenant.clone(), hold.id.to_bytes()),
        )
        .await;
    world
        .write(
            "INSERT INTO {ks}.retention_order
             (tenant, reference, version, regime, until_at, scope_from, scope_until, placed_by, placed_at)
             VALUES (?, 'order-1', 1, 'mifid2-16-7', 1, 2, 2, 'anna', 1)",
            (tenant,),
        )
        .await;
    let told = [
        world.store.kept(&kept.key).await.map(drop).unwrap_err(),
        world.store.hold(&alfa(), hold.id).await.map(drop).unwrap_err(),
        world.store.orders(&alfa()).await.map(drop).unwrap_err(),
    ];
    assert_eq!(told.map(|error| error.code()), [ErrorCode::DataLoss; 3]);
}

#[test]
fn the_outbox_finds_a_row_again_by_its_key() {
    let keys = [
        RowKey::Kept(recording(Vec::new()).key),
        RowKey::Hold(alfa(), some_hold().id),
        RowKey::Order(alfa(), Code::new("CONSOB/2026:0412").unwrap()),
        RowKey::Erasure(alfa(), some_erasure().id),
    ];
    for key in keys {
        assert_eq!(RowKey::from_bytes(&key.to_bytes()).unwrap(), key);
    }
    for bytes in [&b""[..], b"k", b"x0123456789abcdefbanca-alfa", b"e0123456789abcde", b"obanca-alfa"] {
        assert!(RowKey::from_bytes(bytes).is_err(), "{bytes:?}");
    }
}
