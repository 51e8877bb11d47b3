//! Canaries tell whether removed is gone.

use kernel::KeyEpoch;

use super::*;
use crate::store::EpochState;
use crate::store::sqlite::SqliteKeyStore;
use crate::testing::{Bench, WEEK, other_tenant, tenant};
use crate::turn::Look;

async fn found(bench: &Bench) -> Vec<CanaryStatus> {
    bench.service.turn.report(&tenant(), Look::Canaries).await.unwrap().canaries
}

/// As found where all is well: the removed one opens no more.
fn gone(epoch: u64) -> CanaryStatus {
    CanaryStatus {
        epoch: KeyEpoch(epoch),
        removed_opens: false,
        neighbour_opens: true,
        neighbour_unknown: false,
        ok: true,
    }
}

/// While its epoch lives it may.
fn living(epoch: u64) -> CanaryStatus {
    CanaryStatus { removed_opens: true, ..gone(epoch) }
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    bench.service.turn.step(&tenant()).await.unwrap();
    bench
}

#[tokio::test]
async fn a_removed_canary_opens_until_its_epoch_ends_and_its_neighbour_always() {
    let bench = bench().await;
    assert_eq!(found(&bench).await, [living(1)]);
    bench.service.turn.begin(&tenant()).await.unwrap();
    assert_eq!(found(&bench).await, [gone(1), living(2)]);
    bench.service.turn.begin(&tenant()).await.unwrap();
    assert_eq!(found(&bench).await, [gone(1), gone(2), living(3)]);
    assert!(bench.service.turn.report(&other_tenant(), Look::Canaries).await.unwrap().canaries.is_empty());
}

#[tokio::test]
async fn both_lie_on_one_page_and_are_placed_once_by_however_many() {
    let bench = bench().await;
    for service in [&bench.service, &bench.another(), &bench.another()] {
        service.turn.step(&tenant()).await.unwrap();
    }
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!((pages[0].purpose.as_str(), pages[0].added, pages[0].removed), (CANARY, 2, 1));
    let case = bench.outside.canaries.get(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    assert_eq!((case.page, case.key_epoch), (pages[0].page, KeyEpoch(1)));
}

#[tokio::test]
async fn whoever_looks_first_finds_them() {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    assert_eq!(found(&bench).await, [living(1)]);
}

#[tokio::test]
async fn one_that_was_kept_and_not_yet_removed_is_removed_by_the_next() {
    let bench = bench().await;
    bench.service.epochs.begin_next(&tenant()).await.unwrap();
    // As if the process had ended after it kept the second epoch's.
    let both = [REMOVED, NEIGHBOUR].map(|leg| canary(&tenant(), KeyEpoch(2), leg).unwrap());
    bench.service.pages.place(&tenant(), &both).await.unwrap();
    let key = entry_key(&tenant(), KeyEpoch(2), REMOVED);
    let locators = bench.service.pages.locators(&tenant(), key.section.recording).await.unwrap();
    let locator = locators.iter().find(|locator| locator.key == key).unwrap();
    let row = bench.store.page(locator.place.page).await.unwrap().unwrap();
    let entry = bench.store.entry(locator.place).await.unwrap().unwrap();
    let EntryBody::Sealed(sealed) = entry.body else { panic!("not sealed") };
    let PageRow { page, generation, epoch: key_epoch, key, .. } = row;
    let case = CanaryCase { page, generation, slot: entry.slot, key_epoch, key, sealed };
    bench.outside.canaries.put(&tenant(), KeyEpoch(2), &case).await.unwrap();
    let next = bench.another();
    next.turn.step(&tenant()).await.unwrap();
    assert!(bench.service.pages.open(&tenant(), locator).await.unwrap().is_none());
    // Asked of the process that made the turn: the other one has the old keys open until their time in memory is over.
    let report = next.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.canaries, [gone(1), living(2)]);
}

#[tokio::test]
async fn a_backend_that_has_a_destroyed_epochs_key_is_told() {
    let bench = bench().await;
    bench.service.turn.begin(&tenant()).await.unwrap();
    bench.backend.create(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    let told = CanaryStatus { removed_opens: true, ok: false, ..gone(1) };
    assert_eq!(found(&bench).await, [told, living(2)]);
    let report = bench.service.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.warnings[0], "of the canaries of epoch 1 the removed one still opens");
}

#[tokio::test]
async fn a_neighbour_that_does_not_open_is_told() {
    let bench = bench().await;
    let key = entry_key(&tenant(), KeyEpoch(1), NEIGHBOUR);
    let locators = bench.service.pages.locators(&tenant(), key.section.recording).await.unwrap();
    let locator = locators.iter().find(|locator| locator.key == key).unwrap();
    bench.service.pages.remove(&tenant(), locator).await.unwrap();
    assert_eq!(found(&bench).await, [CanaryStatus { neighbour_opens: false, ok: false, ..living(1) }]);
    let report = bench.service.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.warnings[0], "of the canaries of epoch 1 the standing one does not open");
}

/// A crypto on key tables that were copied as they are now, once the bench's own have gone on.
async fn put_back(bench: &Bench) -> crate::service::Service {
    let copy = bench.kept::<tempfile::TempDir>().path().join("copy.db");
    ::sqlite::backup::copy(&copy.with_file_name("crypto.db"), &copy).unwrap();
    assert_eq!(found(bench).await, [living(1)], "placed after the copy");
    let old = SqliteKeyStore::open(&copy).await.unwrap();
    bench.another_with(|ports| ports.store = Arc::new(old))
}

#[tokio::test]
async fn key_tables_that_are_older_than_the_canary_get_a_pair_of_their_own() {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    let restored = put_back(&bench).await;
    let lost = bench.outside.canaries.get(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    let report = restored.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.canaries, [living(1)]);
    assert!(report.warnings.iter().all(|warning| !warning.contains("canar")), "{:?}", report.warnings);
    let own = bench.outside.canaries.get(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    assert_ne!(own.page, lost.page);
    restored.turn.begin(&tenant()).await.unwrap();
    let report = restored.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.canaries, [gone(1), living(2)]);
}

#[tokio::test]
async fn key_tables_that_are_older_than_a_canary_of_an_epoch_that_is_over_are_told_until_the_next_is_in_use()
{
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    let restored = put_back(&bench).await;
    bench.clock.advance(WEEK);
    let report = restored.turn.report(&tenant(), Look::Canaries).await.unwrap();
    let unknown = CanaryStatus { neighbour_opens: false, neighbour_unknown: true, ..living(1) };
    assert_eq!(report.canaries, [unknown]);
    assert!(report.warnings[0].starts_with("the key tables are older than"), "{:?}", report.warnings);
    restored.turn.begin(&tenant()).await.unwrap();
    let report = restored.turn.report(&tenant(), Look::Canaries).await.unwrap();
    assert_eq!(report.canaries, [gone(1), living(2)], "what was removed before is proved gone, too");
}

#[tokio::test]
async fn an_epoch_that_is_over_gets_none_and_is_followed_by_none_for_it() {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    bench.clock.advance(WEEK);
    assert!(found(&bench).await.is_empty());
    bench.service.turn.step(&tenant()).await.unwrap();
    let epochs = bench.store.epochs(&tenant()).await.unwrap();
    assert_eq!((epochs.len(), epochs[0].state), (1, EpochState::Active));
    assert!(found(&bench).await.is_empty());
}

#[test]
fn canaries_of_different_tenants_and_epochs_lie_apart() {
    let mut ids: Vec<_> = [tenant(), other_tenant()]
        .iter()
        .flat_map(|tenant| {
            [1, 2, 256].map(|epoch| entry_key(tenant, KeyEpoch(epoch), REMOVED).section.recording)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}
