//! What is left of attempts that were cut off, and what of them comes late.

use kernel::{InstanceId, KeyEpoch, PurposeName, TenantId};

use super::*;
use crate::store::scylla::tests::{World, world};
use crate::store::{Change, EntryBody, PageState, Place};

/// A page of 120 slots, of which one was destroyed.
async fn page(world: &World) -> PageId {
    let row = PageRow {
        page: PageId::new(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        purpose: PurposeName::new("quality").unwrap(),
        epoch: KeyEpoch(1),
        generation: 1,
        version: 1,
        owner: InstanceId::new(),
        state: PageState::Open,
        key: b"wrapped page key".to_vec(),
        dirty: false,
        added: 0,
        removed: 0,
        bytes: 0,
    };
    let tables = world.tables();
    tables.open_page(&row).await.unwrap();
    let add =
        |slots: std::ops::Range<u16>| slots.map(|slot| Change::Add(slot, vec![1; 4])).collect::<Vec<_>>();
    for (version, changes) in [(1, add(0..60)), (2, add(60..120)), (3, vec![Change::Destroy(119)])] {
        assert_eq!(tables.write_page(row.page, version, &changes).await.unwrap(), Written::Applied);
    }
    row.page
}

fn next(whole: &WholePage, byte: u8) -> (PageRow, NextGeneration) {
    let entries = whole.entries.iter().map(|slot| match slot.body {
        EntryBody::Sealed(_) => (slot.slot, Some(vec![byte; 4])),
        EntryBody::Destroyed => (slot.slot, None),
    });
    let (epoch, generation) = (KeyEpoch(2), whole.row.generation + 1);
    let next =
        NextGeneration::Resealed { epoch, generation, key: vec![byte; 40], entries: entries.collect() };
    (next.after(&whole.row).unwrap(), next)
}

fn entries(next: &NextGeneration) -> &[Next] {
    match next {
        NextGeneration::Resealed { entries, .. } => entries,
        NextGeneration::Rewrapped { .. } => panic!("it is resealed"),
    }
}

fn attempt(after: &PageRow) -> Turning<'_> {
    Turning { after, version: after.version.cast_signed() - 1, act: new_act() }
}

async fn bytes(world: &World, page: PageId) -> Vec<Vec<u8>> {
    let whole = world.tables().whole_page(page).await.unwrap().unwrap();
    let sealed = whole.entries.into_iter().filter_map(|slot| match slot.body {
        EntryBody::Sealed(sealed) => Some(sealed),
        EntryBody::Destroyed => None,
    });
    sealed.collect()
}

#[tokio::test]
async fn what_an_attempt_left_is_overwritten_and_what_it_sends_late_is_refused() {
    let Some(world) = world().await else { return };
    let (tables, page) = (world.tables(), page(&world).await);
    let whole = tables.whole_page(page).await.unwrap().unwrap();
    let (first, second) = (next(&whole, 8), next(&whole, 9));
    let cut_off = attempt(&first.0);
    assert!(tables.try_begin(&cut_off).await.unwrap());
    assert!(tables.try_chunk(&cut_off, &entries(&first.1)[..100]).await.unwrap());
    assert_eq!(bytes(&world, page).await, vec![vec![1; 4]; 119], "nobody reads it");

    let rival = attempt(&second.0);
    assert!(tables.try_begin(&rival).await.unwrap());
    assert!(!tables.try_chunk(&cut_off, &entries(&first.1)[100..]).await.unwrap(), "another has begun");
    assert!(!tables.try_end(&cut_off).await.unwrap());
    assert_eq!(tables.turn_page(&whole.row, &second.0, &second.1).await.unwrap(), Written::Applied);
    assert_eq!(bytes(&world, page).await, vec![vec![9; 4]; 119], "nothing of the first is among it");
    assert!(!tables.try_chunk(&rival, &entries(&second.1)[..1]).await.unwrap(), "the page has moved on");
    assert!(!tables.try_chunk(&cut_off, &entries(&first.1)[..1]).await.unwrap());
    assert_eq!(bytes(&world, page).await, vec![vec![9; 4]; 119]);
}

#[tokio::test]
async fn an_attempt_ends_where_somebody_writes_on_the_page() {
    let Some(world) = world().await else { return };
    let (tables, page) = (world.tables(), page(&world).await);
    let old = tables.whole_page(page).await.unwrap().unwrap();
    let (after, next_one) = next(&old, 8);
    let cut_off = attempt(&after);
    assert!(tables.try_begin(&cut_off).await.unwrap());
    assert!(tables.try_chunk(&cut_off, &entries(&next_one)[..100]).await.unwrap());
    let changes = [Change::Destroy(5), Change::Add(120, vec![1; 4])];
    assert_eq!(tables.write_page(page, old.row.version, &changes).await.unwrap(), Written::Applied);
    assert!(!tables.try_chunk(&cut_off, &entries(&next_one)[100..]).await.unwrap());
    assert!(!tables.try_end(&cut_off).await.unwrap());

    let now = tables.whole_page(page).await.unwrap().unwrap();
    let (after, next_one) = next(&now, 9);
    assert_eq!(tables.turn_page(&now.row, &after, &next_one).await.unwrap(), Written::Applied);
    assert_eq!(bytes(&world, page).await, vec![vec![9; 4]; 119]);
    let fifth = tables.entry(Place { page, slot: 5 }).await.unwrap().unwrap();
    assert!(fifth.body == EntryBody::Destroyed, "the bytes of the first attempt did not bring it back");
}

#[tokio::test]
async fn an_unanswered_turn_is_found_as_what_it_was() {
    let Some(world) = world().await else { return };
    let (tables, page) = (world.tables(), page(&world).await);
    let whole = tables.whole_page(page).await.unwrap().unwrap();
    let (after, next_one) = next(&whole, 9);
    let lost = attempt(&after);
    let is_open = async || matches!(tables.find_kept(&lost).await.unwrap(), Found::Open);
    assert!(!is_open().await, "it has not begun");
    assert!(tables.try_begin(&lost).await.unwrap());
    assert!(is_open().await);
    for some in entries(&next_one).chunks(MAX_CHANGES) {
        assert!(tables.try_chunk(&lost, some).await.unwrap());
        assert!(tables.try_chunk(&lost, some).await.unwrap(), "written twice it is the same");
    }
    assert!(is_open().await);
    assert!(tables.try_end(&lost).await.unwrap());
    assert!(!tables.try_end(&lost).await.unwrap());
    let found = tables.find_kept(&lost).await.unwrap();
    assert!(matches!(found, Found::Outcome(Written::Applied)));
    assert_eq!(bytes(&world, page).await, vec![vec![9; 4]; 119]);
}
