//! An entry's life: placed once, opened where it lies, removed for good.

use std::collections::BTreeSet;
use std::ops::Range;

use kernel::{ErrorCode, KeyEpoch, ServiceError};
use seal::{LegKey, SpanSet};

use super::*;
use crate::store::{Change, PageState};
use crate::testing::{Bench, WEEK, derives, other_tenant, purpose, section, spans, tenant};

macro_rules! on_sqlite {
    ($($case:ident,)+) => {
        mod on_sqlite { $(
            #[tokio::test]
            async fn $case() {
                super::$case(crate::testing::Bench::new().await).await;
            }
        )+ }
    };
}

// Those that other stores run, too.
on_sqlite! {
    instances_that_place_at_once_leave_one_entry_each,
    a_claim_that_a_crash_left_empty_is_finished_by_the_next,
    what_was_removed_is_gone_and_not_placed_again,
    a_claimant_that_comes_after_the_removal_writes_nothing,
    a_page_closes_at_1_024_entries_and_at_the_end_of_its_epoch,
    a_large_cover_has_a_page_of_its_own_and_many_fill_no_page_over_its_bytes,
}

fn entry(recording: RecordingId, leg: u16, name: &str, key: &LegKey, range: Range<u32>) -> Entry {
    Entry { section: section(recording, leg), purpose: purpose(name), cover: key.cover(&spans(range)) }
}

async fn only(bench: &Bench, recording: RecordingId) -> Locator {
    let mut locators = bench.service.pages.locators(&tenant(), recording).await.unwrap();
    assert_eq!(locators.len(), 1);
    locators.remove(0)
}

#[tokio::test]
async fn a_placed_entry_opens_what_was_placed_also_after_a_restart() {
    let bench = Bench::new().await;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let placed = entry(recording, 0, "quality", &key, 3..40);
    assert_eq!(bench.service.pages.place(&tenant(), &[placed]).await.unwrap(), [Placed::Written]);
    for service in [&bench.service, &bench.another()] {
        let locator = only(&bench, recording).await;
        let opened = service.pages.open(&tenant(), &locator).await.unwrap().unwrap();
        assert!(derives(&opened.cover, &key, 3..40));
    }
}

#[tokio::test]
async fn the_first_of_two_stands() {
    let bench = Bench::new().await;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let first = entry(recording, 0, "quality", &key, 0..10);
    let second = entry(recording, 0, "quality", &key, 0..99);
    bench.service.pages.place(&tenant(), &[first]).await.unwrap();
    assert_eq!(bench.another().pages.place(&tenant(), &[second]).await.unwrap(), [Placed::Stood]);
    assert_eq!(bench.opens(section(recording, 0)).await["quality"], spans(0..10));
}

pub(crate) async fn instances_that_place_at_once_leave_one_entry_each(bench: Bench) {
    let services: Vec<_> = (0..4).map(|_| bench.another()).collect();
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let entries: Vec<_> = (0..20).map(|leg| entry(recording, leg, "quality", &key, 0..10)).collect();
    let tenant = tenant();
    let (a, b, c, d) = tokio::join!(
        services[0].pages.place(&tenant, &entries),
        services[1].pages.place(&tenant, &entries),
        services[2].pages.place(&tenant, &entries),
        services[3].pages.place(&tenant, &entries),
    );
    let outcomes: Vec<_> = [a, b, c, d].into_iter().map(Result::unwrap).collect();
    for index in 0..entries.len() {
        let written = outcomes.iter().filter(|own| own[index] == Placed::Written).count();
        assert_eq!(written, 1, "entry {index}");
    }
    let sections: BTreeSet<_> = bench.entries_in_hand().await.iter().map(|entry| entry.section).collect();
    assert_eq!(sections.len(), 20);
    assert_eq!(bench.entries_in_hand().await.len(), 20);
}

pub(crate) async fn a_claim_that_a_crash_left_empty_is_finished_by_the_next(bench: Bench) {
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let own = entry(recording, 0, "quality", &key, 0..10);
    let promised = bench.service.pages.filling.reserve(&tenant(), &own).await.unwrap();
    bench.store.claim(&tenant(), &[(key_of(&own), promised)]).await.unwrap();
    assert!(bench.service.pages.open(&tenant(), &only(&bench, recording).await).await.unwrap().is_none());

    let another = bench.another();
    assert_eq!(another.pages.place(&tenant(), &[own]).await.unwrap(), [Placed::Written]);
    let locator = only(&bench, recording).await;
    assert_eq!(locator.place, promised);
    assert!(another.pages.open(&tenant(), &locator).await.unwrap().is_some());
}

pub(crate) async fn what_was_removed_is_gone_and_not_placed_again(bench: Bench) {
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let own = entry(recording, 0, "quality", &key, 0..10);
    let neighbour = entry(RecordingId::new(), 0, "quality", &key, 0..10);
    pages.place(&tenant(), &[own.clone(), neighbour]).await.unwrap();
    let locator = only(&bench, recording).await;
    pages.remove(&tenant(), &locator).await.unwrap();
    pages.remove(&tenant(), &locator).await.unwrap();
    assert!(pages.open(&tenant(), &locator).await.unwrap().is_none(), "also by an old locator");
    assert_eq!(pages.place(&tenant(), &[own]).await.unwrap(), [Placed::Removed]);
    assert_eq!(bench.entries_in_hand().await.len(), 1, "its neighbour lives");
    let page = bench.store.page(locator.place.page).await.unwrap().unwrap();
    assert_eq!((page.added, page.removed, page.dirty), (2, 1, true));
}

pub(crate) async fn a_claimant_that_comes_after_the_removal_writes_nothing(bench: Bench) {
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let own = entry(recording, 0, "quality", &key, 0..10);
    let place = pages.filling.reserve(&tenant(), &own).await.unwrap();
    bench.store.claim(&tenant(), &[(key_of(&own), place)]).await.unwrap();
    pages.remove(&tenant(), &only(&bench, recording).await).await.unwrap();
    let late = pages.write(&tenant(), place.page, &[(place.slot, &own)]).await.unwrap();
    assert_eq!(late, [Placed::Removed]);
    assert!(bench.entries_in_hand().await.is_empty());
}

#[tokio::test]
async fn a_narrowed_entry_opens_no_more_than_what_is_left() {
    let bench = Bench::new().await;
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let own = entry(recording, 0, "quality", &key, 0..10);
    pages.place(&tenant(), std::slice::from_ref(&own)).await.unwrap();
    let locator = only(&bench, recording).await;
    let narrowed = Entry { cover: own.cover.restrict(&spans(2..5)), ..own.clone() };
    assert!(pages.replace(&tenant(), &locator, &own, &narrowed).await.unwrap());
    assert_eq!(bench.opens(section(recording, 0)).await["quality"], spans(2..5));
    pages.remove(&tenant(), &locator).await.unwrap();
    assert!(!pages.replace(&tenant(), &locator, &narrowed, &own).await.unwrap());
}

#[tokio::test]
async fn what_another_instance_took_away_is_not_given_back() {
    let bench = Bench::new().await;
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let own = entry(recording, 0, "quality", &key, 0..10);
    pages.place(&tenant(), std::slice::from_ref(&own)).await.unwrap();
    let locator = only(&bench, recording).await;
    let to = |range| Entry { cover: key.cover(&spans(range)), ..own.clone() };
    assert!(bench.another().pages.replace(&tenant(), &locator, &own, &to(2..5)).await.unwrap());
    let late = pages.replace(&tenant(), &locator, &own, &to(0..12)).await.unwrap_err();
    assert!(matches!(late, Error::Contended(_)), "{late}");
    assert!(pages.replace(&tenant(), &locator, &own, &to(2..5)).await.unwrap(), "as another did");
    assert_eq!(bench.opens(section(recording, 0)).await["quality"], spans(2..5));
}

pub(crate) async fn a_page_closes_at_1_024_entries_and_at_the_end_of_its_epoch(bench: Bench) {
    let key = LegKey::generate().unwrap();
    let (recording, cover) = (RecordingId::new(), key.cover(&spans(0..1)));
    let make =
        |leg| Entry { section: section(recording, leg), purpose: purpose("quality"), cover: cover.clone() };
    let entries: Vec<_> = (0..1_025).map(make).collect();
    bench.service.pages.place(&tenant(), &entries).await.unwrap();
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    let shape: Vec<_> = pages.iter().map(|page| (page.added, page.state)).collect();
    assert_eq!(shape, [(1_024, PageState::Closed), (1, PageState::Open)]);
    assert!(pages.iter().all(|page| page.bytes <= seal::page::MAX_BYTES as u64));

    bench.clock.advance(WEEK);
    bench.service.pages.place(&tenant(), &[make(2_000)]).await.unwrap();
    assert_eq!(bench.store.pages(&tenant(), KeyEpoch(2), None, 10).await.unwrap().len(), 1);
    let first = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    assert!(first.iter().all(|page| page.state == PageState::Closed));
}

pub(crate) async fn a_large_cover_has_a_page_of_its_own_and_many_fill_no_page_over_its_bytes(bench: Bench) {
    let key = LegKey::generate().unwrap();
    let every_second = |count: u32| SpanSet::from_ranges((0..count).map(|n| 2 * n..2 * n + 1)).unwrap();
    let large = |count: u32| Entry {
        section: section(RecordingId::new(), 0),
        purpose: purpose("quality"),
        cover: key.cover(&every_second(count)),
    };
    bench.service.pages.place(&tenant(), &[large(12_288)]).await.unwrap();
    let own = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    assert_eq!((own.len(), own[0].added, own[0].state), (1, 1, PageState::Closed));
    let middling: Vec<_> = (0..20).map(|_| large(1_500)).collect();
    bench.service.pages.place(&tenant(), &middling).await.unwrap();
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.added).sum::<u64>(), 21);
    assert!(pages.iter().all(|page| page.bytes <= seal::page::MAX_BYTES as u64), "{pages:?}");
}

#[tokio::test]
async fn purposes_never_share_a_page() {
    let bench = Bench::new().await;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let entries = ["quality", "training", "sealing"].map(|name| entry(recording, 0, name, &key, 0..10));
    bench.service.pages.place(&tenant(), &entries).await.unwrap();
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    let purposes: BTreeSet<_> = pages.iter().map(|page| page.purpose.clone()).collect();
    assert_eq!((pages.len(), purposes.len()), (3, 3));
}

#[tokio::test]
async fn bytes_moved_to_another_slot_or_tenant_open_nothing() {
    let bench = Bench::new().await;
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    let entries = [0, 1].map(|leg| entry(recording, leg, "quality", &key, 0..10));
    pages.place(&tenant(), &entries).await.unwrap();
    let locators = pages.locators(&tenant(), recording).await.unwrap();
    let [first, second] = &locators[..] else { panic!("{locators:?}") };
    let EntryBody::Sealed(stolen) = bench.store.entry(first.place).await.unwrap().unwrap().body else {
        panic!("not sealed")
    };
    let version = bench.store.page(second.place.page).await.unwrap().unwrap().version;
    let planted = [Change::Replace(second.place.slot, stolen)];
    bench.store.write_page(second.place.page, version, &planted).await.unwrap();
    let refused = pages.open(&tenant(), second).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::DataLoss);

    let foreign = pages.open(&other_tenant(), first).await.unwrap_err();
    assert!(matches!(foreign, Error::Misplaced(_)));
}

#[tokio::test]
async fn a_locator_bent_to_another_purposes_entry_opens_nothing() {
    let bench = Bench::new().await;
    let pages = &bench.service.pages;
    let (recording, key) = (RecordingId::new(), LegKey::generate().unwrap());
    pages.place(&tenant(), &[entry(recording, 0, "mifid2-transaction", &key, 0..10)]).await.unwrap();
    let mut bent = only(&bench, recording).await;
    bent.key.purpose = purpose("quality");
    assert!(matches!(pages.open(&tenant(), &bent).await, Err(Error::Misplaced(_))));
    let straight = pages.open(&tenant(), &only(&bench, recording).await).await.unwrap();
    assert!(straight.is_some());
}
