//! What the turn asks of the key tables, alone and while others write.

use futures::future::join_all;
use kernel::{ErrorCode, KeyEpoch, PageId, ServiceError, Timestamp};

use super::race::{until_applied, winner};
use super::{alfa, epoch_row, fresh_page, page_row, stored, tenant};
use crate::store::{
    Change, EntryBody, EntryRow, EpochRow, EpochState, KeyStore, NextGeneration, PageRow, Place, WholePage,
    Written,
};

use EpochState::{Active, Closing, Destroyed, Drained};

/// How often each race is run.
const ROUNDS: u64 = 5;

async fn set(store: &dyn KeyStore, epoch: u64, from: EpochState, to: EpochState) -> Written {
    let at = Timestamp(7_000 + epoch as i64);
    store.set_epoch(&alfa(), KeyEpoch(epoch), from, to, at).await.expect("answered")
}

async fn epoch(store: &dyn KeyStore, number: u64) -> EpochRow {
    store.epoch(&alfa(), KeyEpoch(number)).await.expect("read").expect("there")
}

/// What every slot holds, sealed anew: each byte one more, as if under another key.
fn resealed(whole: &WholePage, to: u64) -> NextGeneration {
    let again = |slot: &EntryRow| match &slot.body {
        EntryBody::Sealed(sealed) => (slot.slot, Some(sealed.iter().map(|byte| byte + 1).collect())),
        EntryBody::Destroyed => (slot.slot, None),
    };
    NextGeneration::Resealed {
        epoch: KeyEpoch(to),
        generation: whole.row.generation + 1,
        key: format!("key {}", whole.row.generation + 1).into_bytes(),
        entries: whole.entries.iter().map(again).collect(),
    }
}

async fn whole(store: &dyn KeyStore, page: PageId) -> WholePage {
    store.whole_page(page).await.expect("read").expect("there")
}

async fn turn(store: &dyn KeyStore, page: PageId, version: u64, next: NextGeneration) -> Written {
    store.turn_page(page, version, next).await.expect("answered")
}

/// A page of 250 slots, of which the second was destroyed, the third before it was written, and the fourth narrowed.
async fn dirty_page(store: &dyn KeyStore) -> PageId {
    let page = fresh_page(store).await;
    let mut slots: Vec<u16> = (0..250).collect();
    slots.retain(|slot| *slot != 2);
    for some in slots.chunks(50) {
        let add: Vec<_> = some.iter().map(|slot| Change::Add(*slot, vec![1; 10])).collect();
        let version = stored(store, page).await.version;
        assert_eq!(store.write_page(page, version, &add).await.expect("written"), Written::Applied);
    }
    let less = [Change::Destroy(1), Change::Destroy(2), Change::Replace(3, vec![1; 5])];
    let version = stored(store, page).await.version;
    assert_eq!(store.write_page(page, version, &less).await.expect("written"), Written::Applied);
    page
}

/// Whoever decided on a state that is no more is told.
pub async fn an_epochs_life_goes_from_the_state_it_is_in(store: &dyn KeyStore) {
    assert_eq!(set(store, 1, Active, Closing).await, Written::Conflict, "there is none");
    store.begin_epoch(&epoch_row(alfa(), 1)).await.expect("written");
    assert_eq!(set(store, 1, Closing, Drained).await, Written::Conflict);
    store.begin_epoch(&epoch_row(alfa(), 2)).await.expect("written");
    assert_eq!(set(store, 1, Closing, Closing).await, Written::Applied, "it is so for sure");
    assert_eq!(set(store, 1, Closing, Drained).await, Written::Applied);
    assert_eq!(set(store, 1, Closing, Drained).await, Written::Conflict);
    assert_eq!(epoch(store, 1).await, EpochRow { state: Drained, ..epoch_row(alfa(), 1) });
    assert_eq!(epoch(store, 2).await, epoch_row(alfa(), 2), "its neighbour is as it was");
    store.begin_epoch(&epoch_row(alfa(), 3)).await.expect("written");
    assert_eq!(epoch(store, 1).await.state, Drained, "no later state is undone");
}

/// Nor does a copy of the tables that is made later.
pub async fn a_destroyed_epoch_keeps_no_key(store: &dyn KeyStore) {
    for number in [1, 2] {
        store.begin_epoch(&epoch_row(alfa(), number)).await.expect("written");
    }
    set(store, 1, Closing, Drained).await;
    assert_eq!(set(store, 1, Drained, Destroyed).await, Written::Applied);
    let expected = EpochRow {
        state: Destroyed,
        kek: Vec::new(),
        hpke_secret: Vec::new(),
        destroyed_at: Some(Timestamp(7_001)),
        ..epoch_row(alfa(), 1)
    };
    assert_eq!(epoch(store, 1).await, expected);
    assert_eq!(set(store, 1, Drained, Destroyed).await, Written::Conflict, "once");
    assert_eq!(store.epochs(&alfa()).await.expect("read")[0], expected);
}

/// In order, and each of them once.
pub async fn tenants_are_told_once_they_have_an_epoch(store: &dyn KeyStore) {
    assert_eq!(store.tenants().await.expect("read"), []);
    for (name, number) in [("telco-beta", 1), ("banca-alfa", 1), ("banca-alfa", 2), ("gas-gamma", 1)] {
        store.begin_epoch(&epoch_row(tenant(name), number)).await.expect("written");
    }
    let expected = ["banca-alfa", "gas-gamma", "telco-beta"].map(tenant);
    assert_eq!(store.tenants().await.expect("read"), expected);
}

/// Its entries are not touched, whatever there are of them.
pub async fn a_clean_page_comes_under_another_epoch_as_it_is(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    store.write_page(page, 1, &[Change::Add(0, vec![1; 10])]).await.expect("written");
    let before = whole(store, page).await;
    let rewrapped = NextGeneration::Rewrapped { epoch: KeyEpoch(2), key: b"wrapped anew".to_vec() };
    assert_eq!(turn(store, page, 2, rewrapped).await, Written::Applied);
    let row = PageRow { epoch: KeyEpoch(2), key: b"wrapped anew".to_vec(), version: 3, ..before.row };
    assert_eq!(whole(store, page).await, WholePage { row: row.clone(), entries: before.entries });
    assert_eq!(store.pages(&alfa(), KeyEpoch(1), None, 10).await.expect("read"), []);
    assert_eq!(store.pages(&alfa(), KeyEpoch(2), None, 10).await.expect("read"), [row]);
    let written = store.write_page(page, 3, &[Change::Replace(0, vec![2; 4])]).await.expect("written");
    assert_eq!(written, Written::Applied);
}

/// With the old key what was removed would live on. Nor does a generation come before its turn, or slots twice.
pub async fn a_dirty_page_is_not_taken_along_as_it_is(store: &dyn KeyStore) {
    let page = dirty_page(store).await;
    let before = whole(store, page).await;
    let (epoch, key) = (KeyEpoch(2), b"key".to_vec());
    let resealed = |generation, slots: &[u16]| {
        let entries = slots.iter().map(|slot| (*slot, None)).collect();
        NextGeneration::Resealed { epoch, generation, key: key.clone(), entries }
    };
    for wrong in [
        NextGeneration::Rewrapped { epoch, key: key.clone() },
        resealed(1, &[]),
        resealed(3, &[]),
        resealed(2, &[4, 4]),
        resealed(2, &[5, 4]),
    ] {
        let refused = store.turn_page(page, before.row.version, wrong).await.expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    assert_eq!(whole(store, page).await, before);
}

/// Counts and states are as they were, and no slot is missing.
pub async fn what_is_left_of_a_page_lies_under_its_next_generation(store: &dyn KeyStore) {
    let page = dirty_page(store).await;
    let before = whole(store, page).await;
    assert_eq!((before.row.added, before.row.removed, before.row.dirty), (249, 1, true));
    for to in [2, 3] {
        let now = whole(store, page).await;
        let next = resealed(&now, to);
        assert_eq!(turn(store, page, now.row.version, next).await, Written::Applied);
    }
    let after = whole(store, page).await;
    let expected = PageRow {
        epoch: KeyEpoch(3),
        generation: 3,
        version: before.row.version + 2,
        key: b"key 3".to_vec(),
        dirty: false,
        bytes: before.row.bytes,
        ..before.row.clone()
    };
    assert_eq!(after.row, expected);
    assert_eq!(stored(store, page).await, expected);
    let slots: Vec<_> = after.entries.iter().map(|entry| (entry.slot, entry.generation)).collect();
    assert_eq!(slots, (0..250).map(|slot| (slot, 3)).collect::<Vec<_>>());
    assert_eq!(store.entries(page).await.expect("read"), after.entries);
    for (slot, body) in [
        (0, EntryBody::Sealed(vec![3; 10])),
        (1, EntryBody::Destroyed),
        (2, EntryBody::Destroyed),
        (3, EntryBody::Sealed(vec![3; 5])),
        (249, EntryBody::Sealed(vec![3; 10])),
    ] {
        let found = store.entry(Place { page, slot }).await.expect("read").expect("there");
        assert!(found == EntryRow { slot, generation: 3, body }, "slot {slot}");
    }
    let some = store.slots(page, &[0, 249, 250]).await.expect("read");
    assert!(some.len() == 2 && some.iter().all(|slot| slot.generation == 3));
    // It lives on: what is free is taken, what is there is removed, what was destroyed stays so.
    let changes = [Change::Add(250, vec![9]), Change::Destroy(249)];
    let written = store.write_page(page, expected.version, &changes).await.expect("written");
    assert_eq!(written, Written::Applied);
    let late = store.write_page(page, expected.version + 1, &[Change::Add(1, vec![9])]).await;
    assert_eq!(late.expect("answered"), Written::Conflict);
}

/// A turn that was decided before somebody wrote would take it back.
pub async fn a_page_has_its_turn_only_at_its_version(store: &dyn KeyStore) {
    let page = dirty_page(store).await;
    let old = whole(store, page).await;
    store.write_page(page, old.row.version, &[Change::Destroy(7)]).await.expect("written");
    let before = whole(store, page).await;
    assert_eq!(turn(store, page, old.row.version, resealed(&old, 2)).await, Written::Conflict);
    assert_eq!(whole(store, page).await, before);
    assert_eq!(turn(store, PageId::new(), 1, resealed(&old, 2)).await, Written::Conflict, "there is none");
    let rewrapped = NextGeneration::Rewrapped { epoch: KeyEpoch(2), key: b"key".to_vec() };
    let clean = fresh_page(store).await;
    assert_eq!(turn(store, clean, 2, rewrapped).await, Written::Conflict);
    assert_eq!(turn(store, page, before.row.version, resealed(&before, 2)).await, Written::Applied);
    assert_eq!(turn(store, page, before.row.version, resealed(&before, 2)).await, Written::Conflict, "once");
    let seventh = store.entry(Place { page, slot: 7 }).await.expect("read").expect("there");
    assert!(seventh.body == EntryBody::Destroyed);
}

/// Also one that holds nothing, and none where there is no page.
pub async fn a_page_of_one_generation_is_whole(store: &dyn KeyStore) {
    assert_eq!(store.whole_page(PageId::new()).await.expect("read"), None);
    let row = page_row(PageId::new(), 1);
    store.open_page(&row).await.expect("opened");
    assert_eq!(whole(store, row.page).await, WholePage { row: row.clone(), entries: Vec::new() });
    let empty = resealed(&whole(store, row.page).await, 2);
    assert_eq!(turn(store, row.page, 1, empty).await, Written::Applied);
    let after = whole(store, row.page).await;
    assert_eq!((after.row.generation, after.entries.len(), after.row.bytes), (2, 0, 0));
    store.write_page(row.page, 2, &[Change::Add(4, vec![1; 10])]).await.expect("written");
    assert_eq!(whole(store, row.page).await.entries.len(), 1);
}

/// And both are told which.
pub async fn of_two_that_take_an_epoch_further_one_does(store: &dyn KeyStore, other: &dyn KeyStore) {
    for number in 1..=ROUNDS {
        store.begin_epoch(&epoch_row(alfa(), number)).await.expect("written");
        let (one, two) =
            tokio::join!(set(store, number, Active, Drained), set(other, number, Active, Drained));
        winner(one, two);
        let (one, two) =
            tokio::join!(set(store, number, Drained, Destroyed), set(other, number, Drained, Destroyed));
        winner(one, two);
        assert_eq!(epoch(store, number).await.state, Destroyed);
    }
}

/// What the other wrote of its generation is nowhere.
pub async fn of_two_turns_of_a_page_one_is_applied(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = dirty_page(store).await;
    for round in 0..ROUNDS {
        let before = whole(store, page).await;
        let nexts = [0_u8, 1].map(|own| {
            let entries = before.entries.iter().map(|slot| match slot.body {
                EntryBody::Sealed(_) => (slot.slot, Some(vec![own; 10])),
                EntryBody::Destroyed => (slot.slot, None),
            });
            NextGeneration::Resealed {
                epoch: KeyEpoch(2 + round),
                generation: before.row.generation + 1,
                key: vec![own; 40],
                entries: entries.collect(),
            }
        });
        let [one, two] = nexts;
        let version = before.row.version;
        let (one, two) = tokio::join!(turn(store, page, version, one), turn(other, page, version, two));
        let after = whole(other, page).await;
        // Each may have stood in the other's way: then nothing has happened, and they try again.
        if (one, two) == (Written::Conflict, Written::Conflict) {
            assert_eq!(after, before);
            continue;
        }
        let winner = winner(one, two) as u8;
        assert_eq!(after.row.key, vec![winner; 40]);
        assert_eq!(after.entries.len(), before.entries.len());
        let own = |slot: &EntryRow| {
            slot.body == EntryBody::Destroyed || slot.body == EntryBody::Sealed(vec![winner; 10])
        };
        assert!(after.entries.iter().all(own), "a mixture of both");
    }
}

/// Writers and turns look again until they are through; every entry is there in the end, as often sealed anew as there
/// were turns since, and what was destroyed is not.
pub async fn a_turn_and_its_writers_lose_nothing(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let writers = (0..4).map(|writer: u16| {
        let own = if writer.is_multiple_of(2) { store } else { other };
        async move {
            for entry in 0..4 {
                until_applied(own, page, Change::Add(4 * writer + entry, vec![1; 10])).await;
            }
            until_applied(own, page, Change::Destroy(4 * writer)).await;
        }
    });
    let turns = async {
        for to in 2..2 + ROUNDS {
            for tried in 0.. {
                assert!(tried < 500, "others were first all the time");
                let now = whole(other, page).await;
                if turn(other, page, now.row.version, resealed(&now, to)).await == Written::Applied {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::join!(join_all(writers), turns);
    let after = whole(store, page).await;
    assert_eq!((after.row.added, after.row.removed, after.row.bytes), (16, 4, 120));
    assert_eq!((after.row.generation, after.row.version), (1 + ROUNDS as u32, 21 + ROUNDS));
    assert_eq!(after.entries.len(), 16);
    for entry in &after.entries {
        match &entry.body {
            EntryBody::Destroyed => assert_eq!(entry.slot % 4, 0),
            EntryBody::Sealed(sealed) => {
                assert!(entry.slot % 4 != 0 && sealed.len() == 10, "slot {}", entry.slot);
                assert!(sealed.iter().all(|byte| (1..=1 + ROUNDS as u8).contains(byte)));
            }
        }
    }
}

/// Never nothing where something stands, while one generation follows the other.
pub async fn a_reader_sees_one_generation_or_the_other(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = dirty_page(store).await;
    let turns = async {
        for to in 2..2 + ROUNDS {
            let now = whole(store, page).await;
            assert_eq!(turn(store, page, now.row.version, resealed(&now, to)).await, Written::Applied);
        }
    };
    let reads = async {
        let mut last = 0;
        while last < 1 + ROUNDS as u32 {
            let entry = other.entry(Place { page, slot: 0 }).await.expect("read").expect("it stands");
            assert!(entry.generation >= last, "an old generation came back");
            last = entry.generation;
            let some = other.slots(page, &[0, 1, 3]).await.expect("read");
            assert_eq!(some.len(), 3);
            assert_eq!(other.entries(page).await.expect("read").len(), 250);
        }
    };
    tokio::join!(turns, reads);
}
