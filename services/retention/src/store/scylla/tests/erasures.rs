//! Erasures and their items, where a crash or a change left pointers.

use kernel::ErasureId;

use super::*;
use crate::contract::{added, at_step, begun, changed_to, in_state, moved, some_item};
use crate::erasure::{Item, State, Step};
use crate::kept::RecordingKey;
use crate::store::scylla::items::ItemKey;
use crate::store::scylla::lists::List;

impl World {
    async fn running(&self, limit: u32) -> Vec<Item> {
        self.store.running_items(&alfa(), None, limit).await.unwrap()
    }

    /// How many rows the three tables of lists have.
    async fn listed(&self) -> [usize; 3] {
        [
            self.count("retention_list_day").await,
            self.count("retention_list_erasure").await,
            self.count("retention_listed").await,
        ]
    }
}

#[tokio::test]
async fn a_pointer_that_a_change_left_is_passed_over_and_goes_in_time() {
    let Some(world) = world().await else { return };
    let item = some_item(ErasureId::new());
    added(&world.store, &item).await;
    changed_to(&world.store, &at_step(&item, Step::Refused)).await;
    assert_eq!(world.running(10).await, []);
    assert_eq!(world.listed().await, [1, 1, 1], "it is too young to be known as left");
    world.margin_passes();
    for left in [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]] {
        assert_eq!(world.running(10).await, []);
        assert_eq!(world.listed().await, left, "what is empty is not looked into again");
    }
}

#[tokio::test]
async fn an_item_takes_its_old_pointer_away_and_a_later_change_puts_it_back() {
    let Some(world) = world().await else { return };
    let item = some_item(ErasureId::new());
    let deferred = at_step(&item, Step::Deferred);
    let again = at_step(&deferred, Step::Registered);
    added(&world.store, &item).await;
    world.margin_passes();
    changed_to(&world.store, &deferred).await;
    assert_eq!(world.listed().await, [2, 2, 1], "in the list of what is deferred alone");
    for _ in 0..3 {
        assert_eq!(world.running(10).await, []);
    }
    changed_to(&world.store, &again).await;
    assert_eq!(world.running(10).await, [again]);
}

#[tokio::test]
async fn a_page_of_pointers_that_were_left_goes_on_to_the_next() {
    let Some(world) = world().await else { return };
    let mut items: Vec<_> = [0, 0, 1, 2, 2].map(|day| some_item(crate::contract::id_of(day, 1))).into();
    items.sort_by_key(|item| (item.erasure, item.recording));
    let last = items.pop().unwrap();
    for item in &items {
        added(&world.store, item).await;
        changed_to(&world.store, &at_step(item, Step::Refused)).await;
    }
    added(&world.store, &last).await;
    for limit in [1, 2, 10] {
        assert_eq!(world.running(limit).await, std::slice::from_ref(&last), "{limit} at once");
    }
    let place = Some((items[0].erasure, items[0].recording));
    assert_eq!(world.store.running_items(&alfa(), place, 1).await.unwrap(), [last]);
}

#[tokio::test]
async fn pointers_without_an_item_wait_for_it() {
    let Some(world) = world().await else { return };
    let item = some_item(ErasureId::new());
    let (tenant, erasure, recording) = (alfa(), item.erasure, item.recording);
    let key = ItemKey { tenant: &tenant, erasure, recording };
    world.store.0.point_listed(key, List::Running).await.unwrap();
    let values = (tenant.to_string(), erasure.to_bytes(), recording.to_bytes());
    let text = "INSERT INTO {ks}.retention_item_of (tenant, erasure, recording) VALUES (?, ?, ?)";
    world.write(text, values.clone()).await;
    let text = "INSERT INTO {ks}.retention_erasure_of (tenant, erasure, recording) VALUES (?, ?, ?)";
    world.write(text, values).await;
    let of = RecordingKey { tenant: alfa(), id: recording };
    world.margin_passes();
    for _ in 0..2 {
        assert_eq!(world.running(10).await, []);
        assert_eq!(world.listed().await, [1, 1, 1]);
        assert_eq!(world.store.items(&alfa(), erasure, None, 10).await.unwrap(), []);
        assert_eq!(world.store.erasures_of(&of).await.unwrap(), []);
    }
    added(&world.store, &item).await;
    assert_eq!(world.running(10).await, std::slice::from_ref(&item));
    assert_eq!(world.store.items(&alfa(), erasure, None, 10).await.unwrap(), [item]);
    assert_eq!(world.store.erasures_of(&of).await.unwrap(), [erasure]);
}

#[tokio::test]
async fn a_settled_erasure_leaves_the_list_of_those_that_are_not() {
    let Some(world) = world().await else { return };
    let first = some_erasure();
    let done = in_state(&first, State::Done);
    begun(&world.store, &first).await;
    moved(&world.store, &done).await;
    assert_eq!(world.store.unsettled_erasures(&alfa()).await.unwrap(), []);
    assert_eq!(world.count("retention_unsettled").await, 1, "it is too young to be known as left");
    world.margin_passes();
    assert_eq!(world.store.unsettled_erasures(&alfa()).await.unwrap(), []);
    assert_eq!(world.count("retention_unsettled").await, 0);
    let again = in_state(&done, State::Running);
    moved(&world.store, &again).await;
    assert_eq!(world.store.unsettled_erasures(&alfa()).await.unwrap(), [first.id]);
    assert_eq!(world.store.erasures(&alfa(), None, 10).await.unwrap(), [again]);
}

#[tokio::test]
async fn an_erasure_that_a_crash_left_in_the_lists_alone_is_none_until_it_begins() {
    let Some(world) = world().await else { return };
    let erasure = some_erasure();
    let (tenant, id) = (alfa().to_string(), erasure.id.to_bytes());
    let text = "INSERT INTO {ks}.retention_unsettled (tenant, id) VALUES (?, ?)";
    world.write(text, (tenant.clone(), id)).await;
    let text = "INSERT INTO {ks}.retention_erasure_day (tenant, day) VALUES (?, ?)";
    world.write(text, (tenant.clone(), day(id))).await;
    let text = "INSERT INTO {ks}.retention_erasure_of_day (tenant, day, id) VALUES (?, ?, ?)";
    world.write(text, (tenant, day(id), id)).await;
    world.margin_passes();
    assert_eq!(world.store.unsettled_erasures(&alfa()).await.unwrap(), []);
    assert_eq!(world.store.erasures(&alfa(), None, 10).await.unwrap(), []);
    begun(&world.store, &erasure).await;
    assert_eq!(world.store.unsettled_erasures(&alfa()).await.unwrap(), [erasure.id]);
    assert_eq!(world.store.erasures(&alfa(), None, 10).await.unwrap(), [erasure]);
}

#[tokio::test]
async fn a_count_below_nothing_is_none() {
    let Some(world) = world().await else { return };
    let counted = recording(vec![running("quality", moment(1, 0))]);
    world
        .write("UPDATE {ks}.retention_total SET running = running - 1 WHERE tenant = ?", ("banca-alfa",))
        .await;
    assert_eq!(world.store.count_kept(&alfa()).await.unwrap(), 0);
    world.stamp(&counted).await;
    world.stamp(&recording(counted.terms)).await;
    assert_eq!(world.store.count_kept(&alfa()).await.unwrap(), 1, "it stays off by what was not counted");
}

#[tokio::test]
async fn what_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    let (erasure, item) = (some_erasure(), some_item(ErasureId::new()));
    let tenant = alfa().to_string();
    world
        .write(
            "INSERT INTO {ks}.retention_erasure (tenant, id, version, cause, target, scope, reason, ordered_by,
                ordered_at, state, items, receipt)
             VALUES (?, ?, 1, 1, '\"due\"', '{\"purposes\":[]}', 'case-7', 'anna', 1, 1, 0, 0x)",
            (tenant.clone(), erasure.id.to_bytes()),
        )
        .await;
    world
        .write(
            "INSERT INTO {ks}.retention_item (tenant, erasure, recording, version, scope, step, in_list, erased, kept,
                report)
             VALUES (?, ?, ?, 1, '\"everything\"', 1, 2, '[]', '[]', '{\"spans\":0}')",
            (tenant.clone(), item.erasure.to_bytes(), item.recording.to_bytes()),
        )
        .await;
    world
        .write(
            "INSERT INTO {ks}.retention_sweep_asked (tenant, plan) VALUES (?, 'plan-1')",
            (tenant.clone(),),
        )
        .await;
    world
        .write("INSERT INTO {ks}.retention_applied_policy (tenant, policy) VALUES (?, 0x00)", (tenant,))
        .await;
    world.write("INSERT INTO {ks}.retention_journal (name, position) VALUES ('all', -1)", ()).await;
    let told = [
        world.store.erasure(&alfa(), erasure.id).await.map(drop).unwrap_err(),
        world.store.item(&alfa(), item.erasure, item.recording).await.map(drop).unwrap_err(),
        world.store.sweep_asked(&alfa()).await.map(drop).unwrap_err(),
        world.store.applied_policy(&alfa()).await.map(drop).unwrap_err(),
        world.store.journal_position().await.map(drop).unwrap_err(),
    ];
    assert_eq!(told.map(|error| error.code()), [ErrorCode::DataLoss; 5]);
}
