//! What a cluster can leave half done of disclosures.

use kernel::topics::DISCLOSURES;
use kernel::{DisclosureId, RecordingId};

use super::*;
use crate::contract::sample::disclosures::{Given, disclosure_key, to_vendor};
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::Disclosures;

async fn put(world: &World, given: &Given) {
    assert_eq!(world.store.put(&given.disclosure, &given.event).await.unwrap(), Written::Applied);
}

impl World {
    async fn point_unanswered(&self, disclosure: &Disclosure) {
        let DisclosureKey { tenant, id } = &disclosure.key;
        let text = "INSERT INTO {ks}.dsar_unanswered (tenant, bucket, disclosure_id) VALUES (?, ?, ?)
            USING TIMESTAMP ?";
        let bytes = id.to_bytes();
        self.write(text, (tenant.to_string(), bucket(bytes), bytes, disclosure.version as i64)).await;
    }

    async fn unanswered(&self) -> Vec<Disclosure> {
        self.store.unanswered(&alfa(), None, 10).await.unwrap()
    }

    async fn of_recording(&self, recording: RecordingId) -> Vec<Disclosure> {
        self.store.of_recording(&alfa(), recording, None, 10).await.unwrap()
    }
}

#[tokio::test]
async fn a_disclosure_that_a_crash_left_in_the_lists_alone_is_none_until_it_begins() {
    let Some(world) = world().await else { return };
    let first = Given::first();
    let recording = first.disclosure.recording;
    world.point_unanswered(&first.disclosure).await;
    let text = "INSERT INTO {ks}.dsar_disclosure_of (tenant, recording, disclosure_id) VALUES (?, ?, ?)";
    let id = first.disclosure.key.id.to_bytes();
    world.write(text, (alfa().to_string(), recording.to_bytes(), id)).await;
    for _ in 0..2 {
        assert_eq!(world.unanswered().await, []);
        assert_eq!(world.of_recording(recording).await, []);
    }
    put(&world, &first).await;
    assert_eq!(world.of_recording(recording).await, std::slice::from_ref(&first.disclosure));
    assert_eq!(world.unanswered().await, []);
}

#[tokio::test]
async fn an_answered_disclosure_leaves_the_list_of_those_that_are_not() {
    let Some(world) = world().await else { return };
    let first = Given::first();
    let due = first.due();
    put(&world, &first).await;
    assert_eq!(world.count("dsar_unanswered").await, 0);
    put(&world, &due).await;
    let again = due.told_again();
    put(&world, &again).await;
    assert_eq!(world.count("dsar_unanswered").await, 1, "one place, however often it is told");
    let answered = again.acknowledged();
    put(&world, &answered).await;
    assert_eq!(world.count("dsar_unanswered").await, 0);
    world.point_unanswered(&answered.disclosure).await;
    assert_eq!(world.count("dsar_unanswered").await, 0, "what is late is of a version that is over");
    let another = answered.due();
    put(&world, &another).await;
    assert_eq!(world.unanswered().await, [another.disclosure]);
}

#[tokio::test]
async fn a_place_that_a_write_left_which_never_was_applied_hides_nothing_and_lists_nothing() {
    let Some(world) = world().await else { return };
    let first = Given::first();
    let due = first.due();
    put(&world, &first).await;
    world.point_unanswered(&due.disclosure).await;
    for _ in 0..2 {
        assert_eq!(world.unanswered().await, [], "it is passed over");
    }
    assert_eq!(world.count("dsar_unanswered").await, 1, "and stays: its version may still come");
    put(&world, &due).await;
    assert_eq!(world.unanswered().await, std::slice::from_ref(&due.disclosure));
    let answered = due.acknowledged();
    world.point_unanswered(&due.told_again().disclosure).await;
    put(&world, &answered).await;
    assert_eq!(world.count("dsar_unanswered").await, 0, "that of a rival of the same version goes");
    assert_eq!(world.unanswered().await, []);
}

#[tokio::test]
async fn a_removal_that_comes_late_takes_nothing_from_a_later_version() {
    let Some(world) = world().await else { return };
    let mut step = Given::first();
    put(&world, &step).await;
    for next in [Given::due, Given::acknowledged, Given::due] {
        step = next(&step);
        put(&world, &step).await;
    }
    // As of the version that was acknowledged.
    let DisclosureKey { tenant, id } = &step.disclosure.key;
    let text = "DELETE FROM {ks}.dsar_unanswered USING TIMESTAMP ?
        WHERE tenant = ? AND bucket = ? AND disclosure_id = ?";
    world.write(text, (3_i64, tenant.to_string(), bucket(id.to_bytes()), id.to_bytes())).await;
    assert_eq!(world.unanswered().await, [step.disclosure]);
}

#[tokio::test]
async fn the_event_of_a_disclosure_lies_with_it_until_it_is_cleared() {
    let Some(world) = world().await else { return };
    let first = Given::first();
    let due = first.due();
    put(&world, &first).await;
    put(&world, &due).await;
    let Inner { cql, statements, .. } = &*world.store.0;
    let rows = GuardedRows { cql: cql.clone(), statements: statements.clone() };
    let key = first.disclosure.key.clone();
    let name = RowKey::Disclosure(key.clone()).to_bytes();
    let pending = |given: &Given| Pending { topic: DISCLOSURES, envelope: given.event.clone() };
    let found = rows.pending(&name).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&pending(&first)) && found.contains(&pending(&due)));
    for _ in 0..2 {
        rows.clear(&name, first.event.id).await.unwrap();
        assert_eq!(rows.pending(&name).await.unwrap(), [pending(&due)]);
    }
    rows.clear(&name, due.event.id).await.unwrap();
    assert_eq!(rows.pending(&name).await.unwrap(), []);
    assert_eq!(world.store.get(&key).await.unwrap(), Some(due.disclosure));
}

#[tokio::test]
async fn to_clear_what_was_never_disclosed_makes_no_disclosure() {
    let Some(world) = world().await else { return };
    let first = Given::first();
    let Inner { cql, statements, .. } = &*world.store.0;
    let rows = GuardedRows { cql: cql.clone(), statements: statements.clone() };
    let name = RowKey::Disclosure(first.disclosure.key.clone()).to_bytes();
    rows.clear(&name, EventId::new()).await.unwrap();
    assert_eq!(rows.pending(&name).await.unwrap(), []);
    assert_eq!(world.store.get(&first.disclosure.key).await.unwrap(), None);
    put(&world, &first).await;
}

#[tokio::test]
async fn a_disclosure_that_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    let whole = Given::first().disclosure;
    let other = to_vendor(disclosure_key(alfa(), DisclosureId::new()), whole.recording);
    let bytes = crate::wire::disclosure_bytes(&whole);
    for (key, version, stored) in [
        (&whole.key, 1_i64, vec![0xff_u8]),
        (&whole.key, 2, bytes.clone()),
        (&whole.key, -1, bytes.clone()),
        (&other.key, 1, bytes),
    ] {
        let text = "INSERT INTO {ks}.dsar_disclosure (tenant, disclosure_id, version, disclosure)
            VALUES (?, ?, ?, ?)";
        world.write(text, (key.tenant.to_string(), key.id.to_bytes(), version, stored)).await;
        is_lost(world.store.get(key).await.map(drop).unwrap_err());
    }
}

#[test]
fn the_outbox_finds_a_disclosure_again_by_its_name_and_takes_it_for_no_request() {
    let key = Given::first().disclosure.key;
    let of = |id: [u8; 16], rest: &[u8]| [&id[..], rest].concat();
    let row = RowKey::Disclosure(key.clone());
    assert_eq!(RowKey::from_bytes(&row.to_bytes()).unwrap(), row);
    let request = RowKey::from_bytes(&of(key.id.to_bytes(), b"banca-alfa")).unwrap();
    assert!(matches!(request, RowKey::Request(_)), "{request:?}");
    for rest in [&b"\0"[..], b"\0No Slug", b"\0\0banca-alfa", b"\x01banca-alfa"] {
        assert!(RowKey::from_bytes(&of(key.id.to_bytes(), rest)).is_err(), "{rest:?}");
    }
}
