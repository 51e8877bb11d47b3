//! What a writer learns whose answer did not come, and who decided on what was old.

use kernel::{InstanceId, KeyEpoch, PurposeName, TenantId};

use super::*;
use crate::store::scylla::tests::{World, world};
use crate::store::{EntryBody, PageState};

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
    world.tables().open_page(&row).await.unwrap();
    row.page
}

fn add(slot: u16) -> [Change; 1] {
    [Change::Add(slot, vec![slot as u8; 10])]
}

async fn decided<'c>(world: &World, page: PageId, version: u64, changes: &'c [Change]) -> PageWrite<'c> {
    world.tables().decide_write(page, version, changes).await.unwrap().unwrap()
}

async fn apply(world: &World, write: &PageWrite<'_>) -> bool {
    world.tables().try_write(write).await.unwrap()
}

/// `Open` where it may be tried again.
async fn found(world: &World, write: &PageWrite<'_>) -> Option<Written> {
    match world.tables().find_write(write).await.unwrap() {
        Found::Outcome(written) => Some(written),
        Found::Open => None,
    }
}

#[tokio::test]
async fn an_unanswered_write_is_found_as_what_it_was() {
    let Some(world) = world().await else { return };
    let page = page(&world).await;
    let (first, second) = (add(0), add(1));
    let lost = decided(&world, page, 1, &first).await;
    assert_eq!(found(&world, &lost).await, None, "it was not applied: tried again");
    assert!(apply(&world, &lost).await);
    assert_eq!(found(&world, &lost).await, Some(Written::Applied));
    assert!(!apply(&world, &lost).await, "a second try of it changes nothing");
    assert_eq!(found(&world, &lost).await, Some(Written::Applied));

    let next = decided(&world, page, 2, &second).await;
    assert!(apply(&world, &next).await);
    assert_eq!(found(&world, &lost).await, Some(Written::Applied), "its slot still tells");
    let overwrite = [Change::Destroy(0)];
    let removal = decided(&world, page, 3, &overwrite).await;
    assert!(apply(&world, &removal).await);
    assert_eq!(found(&world, &lost).await, Some(Written::Conflict), "nothing of it stands");
    assert_eq!(found(&world, &removal).await, Some(Written::Applied));
}

#[tokio::test]
async fn an_unanswered_write_that_another_forestalled_is_a_conflict() {
    let Some(world) = world().await else { return };
    let page = page(&world).await;
    let (mine, theirs) = (add(0), add(1));
    let lost = decided(&world, page, 1, &mine).await;
    let other = decided(&world, page, 1, &theirs).await;
    assert!(apply(&world, &other).await);
    assert_eq!(found(&world, &lost).await, Some(Written::Conflict));
    assert!(!apply(&world, &lost).await);
    assert!(world.tables().entry(Place { page, slot: 0 }).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_decided_on_an_old_slot_is_not_applied_at_the_right_version() {
    let Some(world) = world().await else { return };
    let page = page(&world).await;
    let (first, replacement) = (add(0), [Change::Replace(0, vec![9; 4])]);
    assert_eq!(world.tables().write_page(page, 1, &first).await.unwrap(), Written::Applied);
    // As if a read had shown version 2 and the slot still empty.
    let elsewhere = add(1);
    let mut blind = decided(&world, page, 2, &elsewhere).await;
    blind.changes = vec![(&first[0], None)];
    assert!(!apply(&world, &blind).await);
    assert_eq!(found(&world, &blind).await, Some(Written::Conflict));
    // And an entry that another has replaced since.
    let mut old = decided(&world, page, 2, &replacement).await;
    old.changes[0].1 = Some(vec![0; 16]);
    assert!(!apply(&world, &old).await);
    let entry = world.tables().entry(Place { page, slot: 0 }).await.unwrap().unwrap();
    assert!(entry.body == EntryBody::Sealed(vec![0; 10]));
}
