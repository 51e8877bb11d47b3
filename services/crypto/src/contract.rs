//! What every adapter of the key tables must do; each function runs against a fresh store of its own.

pub mod race;
pub mod turning;

use kernel::{
    ErasureId, ErrorCode, EventId, InstanceId, KeyEpoch, LegNo, PageId, PurposeName, RecordingId, SectionNo,
    ServiceError, SessionEpoch, TenantId, Timestamp,
};
use seal::{Hash, SectionAddress, SectionKind, SpanSet};

use crate::marks::Mark;
use crate::store::{
    Adoption, Change, EntryBody, EntryKey, EpochRow, EpochState, Holder, KeyStore, LocatorState, MAX_CHANGES,
    PageRow, PageState, Place, RecordingRow, RecordingState, SectionRow, Written,
};

/// Instantiates the suite: `contract_suite!(expression)`, the expression giving two handles on a fresh store, as two
/// processes would have them, and whatever must outlive them; nothing where there is no engine to test on.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            an_epoch_begins_once_and_closes_the_one_before,
            an_instance_is_noted_as_holder_once,
            a_holder_that_leaves_is_forgotten_in_that_epoch_alone,
            a_section_is_adopted_once,
            a_recording_changes_only_from_the_version_it_was_read_at,
            a_place_is_claimed_once,
            claims_of_several_recordings_are_answered_in_order,
            a_removed_locator_is_not_claimed_again,
            pages_are_found_by_epoch_in_order,
            a_page_is_written_only_at_its_version,
            a_page_is_written_whole_or_not_at_all,
            a_page_takes_no_more_than_its_changes_of_different_slots,
            a_page_counts_what_is_added_and_removed,
            a_destroyed_slot_keeps_nothing_and_takes_nothing,
            a_closed_page_stays_readable,
            a_mark_is_kept_once_and_for_ever,
            the_newest_mark_of_a_tenant_tells_when_it_last_erased,
            a_reason_is_kept_once,
            tenants_see_nothing_of_each_other,
        }
        $crate::contract_suite! { turning $fresh;
            an_epochs_life_goes_from_the_state_it_is_in,
            a_destroyed_epoch_keeps_no_key,
            tenants_are_told_once_they_have_an_epoch,
            a_clean_page_comes_under_another_epoch_as_it_is,
            a_dirty_page_is_not_taken_along_as_it_is,
            what_is_left_of_a_page_lies_under_its_next_generation,
            a_page_has_its_turn_only_at_its_version,
            a_page_of_one_generation_is_whole,
        }
        $crate::contract_suite! { race $fresh;
            of_two_that_begin_an_epoch_one_does,
            of_two_keys_for_one_section_one_stays,
            of_two_that_seal_a_recording_one_is_overtaken,
            of_two_reasons_both_are_told_the_one_that_stays,
            claims_that_cross_agree_on_every_place,
            of_two_writes_on_one_version_one_is_applied,
            writers_that_cross_lose_no_entry_and_no_count,
            a_removal_and_a_late_claimant_do_not_cross,
            a_page_closes_under_its_writers,
            of_two_marks_of_one_erasure_one_stays,
            a_mark_and_a_claim_see_each_other,
        }
        $crate::contract_suite! { crossing $fresh;
            of_two_that_take_an_epoch_further_one_does,
            of_two_turns_of_a_page_one_is_applied,
            a_turn_and_its_writers_lose_nothing,
            a_reader_sees_one_generation_or_the_other,
        }
    };
    (turning $fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, _, _kept)) = $fresh.await else { return };
            $crate::contract::turning::$case(&store).await;
        }
    )+ };
    (crossing $fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, other, _kept)) = $fresh.await else { return };
            $crate::contract::turning::$case(&store, &other).await;
        }
    )+ };
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, _, _kept)) = $fresh.await else { return };
            $crate::contract::$case(&store).await;
        }
    )+ };
    (race $fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, other, _kept)) = $fresh.await else { return };
            $crate::contract::race::$case(&store, &other).await;
        }
    )+ };
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a slug")
}

fn alfa() -> TenantId {
    tenant("banca-alfa")
}

fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).expect("a slug")
}

fn section(recording: RecordingId, section: u32) -> SectionAddress {
    SectionAddress { recording, leg: LegNo(0), section: SectionNo(section) }
}

fn epoch_row(tenant: TenantId, epoch: u64) -> EpochRow {
    EpochRow {
        tenant,
        epoch: KeyEpoch(epoch),
        from: Timestamp(100 * epoch as i64),
        until: Timestamp(100 * epoch as i64 + 100),
        state: EpochState::Active,
        kek: b"wrapped kek".to_vec(),
        hpke_secret: b"wrapped secret".to_vec(),
        hpke_public: [epoch as u8; 32],
        destroyed_at: None,
    }
}

fn section_row(recording: RecordingId, fingerprint: u8) -> SectionRow {
    SectionRow {
        tenant: alfa(),
        section: section(recording, 3),
        kind: SectionKind::Audio,
        reserved: purpose(seal::page::SEALING),
        key_epoch: KeyEpoch(1),
        writer: InstanceId::new(),
        session_epoch: SessionEpoch(7),
        fingerprint: Hash([fingerprint; 32]),
        adopted_at: Timestamp(5),
    }
}

fn page_row(page: PageId, epoch: u64) -> PageRow {
    PageRow {
        page,
        tenant: alfa(),
        purpose: purpose("quality"),
        epoch: KeyEpoch(epoch),
        generation: 1,
        version: 1,
        owner: InstanceId::new(),
        state: PageState::Open,
        key: b"wrapped page key".to_vec(),
        dirty: false,
        added: 0,
        removed: 0,
        bytes: 0,
    }
}

async fn fresh_page(store: &dyn KeyStore) -> PageId {
    let row = page_row(PageId::new(), 1);
    store.open_page(&row).await.expect("opened");
    assert_eq!(store.page(row.page).await.expect("read"), Some(row.clone()));
    row.page
}

async fn stored(store: &dyn KeyStore, page: PageId) -> PageRow {
    store.page(page).await.expect("read").expect("there")
}

/// Epochs come one after the other, and each has one row whoever begins it.
pub async fn an_epoch_begins_once_and_closes_the_one_before(store: &dyn KeyStore) {
    assert_eq!(store.latest_epoch(&alfa()).await.expect("read"), None);
    let (first, second) = (epoch_row(alfa(), 1), epoch_row(alfa(), 2));
    assert_eq!(store.begin_epoch(&first).await.expect("written"), Written::Applied);
    let rival = EpochRow { kek: b"another".to_vec(), ..first.clone() };
    assert_eq!(store.begin_epoch(&rival).await.expect("written"), Written::Conflict);
    assert_eq!(store.latest_epoch(&alfa()).await.expect("read"), Some(first.clone()));
    assert_eq!(store.begin_epoch(&second).await.expect("written"), Written::Applied);
    assert_eq!(store.latest_epoch(&alfa()).await.expect("read"), Some(second.clone()));
    let closing = EpochRow { state: EpochState::Closing, ..first };
    assert_eq!(store.epoch(&alfa(), KeyEpoch(1)).await.expect("read"), Some(closing.clone()));
    assert_eq!(store.epochs(&alfa()).await.expect("read"), [closing, second]);
    assert_eq!(store.epoch(&alfa(), KeyEpoch(3)).await.expect("read"), None);
}

/// The first time counts.
pub async fn an_instance_is_noted_as_holder_once(store: &dyn KeyStore) {
    let first = Holder { instance: InstanceId::new(), since: Timestamp(1) };
    let second = Holder { instance: InstanceId::new(), since: Timestamp(2) };
    let later = Holder { since: Timestamp(9), ..first.clone() };
    for holder in [&first, &second, &later] {
        store.add_holder(&alfa(), KeyEpoch(1), holder).await.expect("noted");
    }
    assert_eq!(store.holders(&alfa(), KeyEpoch(1)).await.expect("read"), [first, second]);
    assert_eq!(store.holders(&alfa(), KeyEpoch(2)).await.expect("read"), []);
}

/// Leaving is by epoch, and may be said again.
pub async fn a_holder_that_leaves_is_forgotten_in_that_epoch_alone(store: &dyn KeyStore) {
    let holder = |since| Holder { instance: InstanceId::new(), since: Timestamp(since) };
    let (leaving, staying) = (holder(1), holder(2));
    for epoch in [1, 2] {
        for holder in [&leaving, &staying] {
            store.add_holder(&alfa(), KeyEpoch(epoch), holder).await.expect("noted");
        }
    }
    for _ in 0..2 {
        store.remove_holder(&alfa(), KeyEpoch(1), leaving.instance).await.expect("forgotten");
    }
    store.remove_holder(&alfa(), KeyEpoch(9), leaving.instance).await.expect("nothing to forget");
    let held = async |epoch| store.holders(&alfa(), KeyEpoch(epoch)).await.expect("read");
    assert_eq!(held(1).await, std::slice::from_ref(&staying));
    assert_eq!(held(2).await, [leaving.clone(), staying.clone()]);
    store.add_holder(&alfa(), KeyEpoch(1), &leaving).await.expect("noted again");
    assert_eq!(held(1).await, [leaving, staying]);
}

/// The first key for an address is the one that stays.
pub async fn a_section_is_adopted_once(store: &dyn KeyStore) {
    let recording = RecordingId::new();
    let row = section_row(recording, 1);
    assert_eq!(store.adopt(&row).await.expect("written"), Adoption::New);
    let rival = section_row(recording, 2);
    assert_eq!(store.adopt(&rival).await.expect("written"), Adoption::Before(Box::new(row.clone())));
    assert_eq!(store.sections(&alfa(), recording).await.expect("read"), [row]);
    assert_eq!(store.sections(&alfa(), RecordingId::new()).await.expect("read"), []);
}

/// Of two that decided on one version only one writes.
pub async fn a_recording_changes_only_from_the_version_it_was_read_at(store: &dyn KeyStore) {
    let recording = RecordingId::new();
    let first = RecordingRow {
        tenant: alfa(),
        recording,
        version: 1,
        state: RecordingState::Sealing,
        policy_hash: Hash([1; 32]),
        timeline_hash: Hash([2; 32]),
        span_table_hash: Hash([3; 32]),
    };
    let second = RecordingRow {
        version: 2,
        state: RecordingState::Sealed,
        policy_hash: Hash([4; 32]),
        timeline_hash: Hash([5; 32]),
        span_table_hash: Hash([6; 32]),
        ..first.clone()
    };
    assert_eq!(store.recording(&alfa(), recording).await.expect("read"), None);
    assert_eq!(store.save_recording(&second).await.expect("written"), Written::Conflict);
    assert_eq!(store.save_recording(&first).await.expect("written"), Written::Applied);
    assert_eq!(store.save_recording(&first).await.expect("written"), Written::Conflict);
    assert_eq!(store.save_recording(&second).await.expect("written"), Written::Applied);
    assert_eq!(store.save_recording(&second).await.expect("written"), Written::Conflict);
    assert_eq!(store.recording(&alfa(), recording).await.expect("read"), Some(second));
}

/// A later claim is told where the first one lies.
pub async fn a_place_is_claimed_once(store: &dyn KeyStore) {
    let recording = RecordingId::new();
    let key = |number| EntryKey { section: section(recording, number), purpose: purpose("quality") };
    let place = |slot| Place { page: PageId::from_bytes([7; 16]), slot };
    let first = store.claim(&alfa(), &[(key(1), place(0)), (key(2), place(1))]).await.expect("claimed");
    assert_eq!(first.iter().map(|l| l.place.slot).collect::<Vec<_>>(), [0, 1]);
    let second = store.claim(&alfa(), &[(key(2), place(8)), (key(3), place(9))]).await.expect("claimed");
    assert_eq!(second.iter().map(|l| l.place.slot).collect::<Vec<_>>(), [1, 9]);
    let all = store.locators(&alfa(), recording).await.expect("read");
    assert_eq!(
        all.iter().map(|l| (l.key.clone(), l.place.slot)).collect::<Vec<_>>(),
        [(key(1), 0), (key(2), 1), (key(3), 9)]
    );
    assert!(all.iter().all(|locator| locator.state == LocatorState::Claimed));
}

/// Places of one call may lie in many partitions; a key that is named twice has one place.
pub async fn claims_of_several_recordings_are_answered_in_order(store: &dyn KeyStore) {
    let [one, two] = [RecordingId::new(), RecordingId::new()];
    let key =
        |recording, number| EntryKey { section: section(recording, number), purpose: purpose("quality") };
    let place = |slot| Place { page: PageId::from_bytes([7; 16]), slot };
    let asked = [(two, 1), (one, 1), (two, 0), (one, 1)];
    let claims: Vec<_> = asked.iter().zip(0..).map(|(&(r, s), slot)| (key(r, s), place(slot))).collect();
    let claimed = store.claim(&alfa(), &claims).await.expect("claimed");
    assert!(claimed.iter().zip(&claims).all(|(locator, (key, _))| locator.key == *key));
    assert_eq!(claimed.iter().map(|l| l.place.slot).collect::<Vec<_>>(), [0, 1, 2, 1]);
    assert_eq!(store.claim(&alfa(), &[]).await.expect("answered"), []);
    let many: Vec<_> = (0..600).map(|n| (key(one, n), place(n as u16 + 10))).collect();
    let claimed = store.claim(&alfa(), &many).await.expect("claimed");
    assert_eq!(claimed.iter().map(|l| l.place.slot).collect::<Vec<_>>()[..3], [10, 1, 12]);
    assert_eq!(store.locators(&alfa(), one).await.expect("read"), claimed);
}

/// What was removed is not placed anew by a writer that comes late.
pub async fn a_removed_locator_is_not_claimed_again(store: &dyn KeyStore) {
    let recording = RecordingId::new();
    let key = EntryKey { section: section(recording, 1), purpose: purpose("quality") };
    let place = Place { page: PageId::new(), slot: 4 };
    store.claim(&alfa(), &[(key.clone(), place)]).await.expect("claimed");
    store.retire(&alfa(), &key).await.expect("retired");
    store.retire(&alfa(), &key).await.expect("retired again");
    let elsewhere = Place { page: PageId::new(), slot: 0 };
    let claimed = store.claim(&alfa(), &[(key, elsewhere)]).await.expect("answered");
    assert_eq!((claimed[0].state, claimed[0].place), (LocatorState::Removed, place));
}

/// What the turn walks over.
pub async fn pages_are_found_by_epoch_in_order(store: &dyn KeyStore) {
    let mut ids: Vec<_> = (0..5).map(|_| PageId::new()).collect();
    for id in &ids {
        store.open_page(&page_row(*id, 1)).await.expect("opened");
    }
    store.open_page(&page_row(PageId::new(), 2)).await.expect("opened");
    ids.sort();
    let mut found = Vec::new();
    loop {
        let after = found.last().copied();
        let next = store.pages(&alfa(), KeyEpoch(1), after, 2).await.expect("read");
        if next.is_empty() {
            break;
        }
        found.extend(next.into_iter().map(|row| row.page));
    }
    assert_eq!(found, ids);
    let closed = PageRow { state: PageState::Closed, dirty: true, ..page_row(PageId::new(), 3) };
    store.open_page(&closed).await.expect("opened");
    assert_eq!(store.pages(&alfa(), KeyEpoch(3), None, 2).await.expect("read"), [closed]);
    assert_eq!(store.pages(&alfa(), KeyEpoch(4), None, 2).await.expect("read"), []);
}

/// Of two that decided on one version only one writes.
pub async fn a_page_is_written_only_at_its_version(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let add = |slot| [Change::Add(slot, vec![1; 10])];
    assert_eq!(store.write_page(page, 1, &add(0)).await.expect("written"), Written::Applied);
    assert_eq!(store.write_page(page, 1, &add(1)).await.expect("written"), Written::Conflict);
    assert_eq!(store.write_page(page, 2, &add(1)).await.expect("written"), Written::Applied);
    assert_eq!(stored(store, page).await.version, 3);
    let absent = store.write_page(PageId::new(), 1, &add(0)).await.expect("written");
    assert_eq!(absent, Written::Conflict);
}

/// One slot in the wrong state undoes the whole batch.
pub async fn a_page_is_written_whole_or_not_at_all(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let sealed = || vec![1; 10];
    let written = store.write_page(page, 1, &[Change::Add(5, sealed())]).await.expect("written");
    assert_eq!(written, Written::Applied);
    for wrong in [Change::Add(5, sealed()), Change::Replace(6, sealed())] {
        let batch = [Change::Add(0, sealed()), wrong];
        assert_eq!(store.write_page(page, 2, &batch).await.expect("written"), Written::Conflict);
    }
    assert_eq!(store.entry(Place { page, slot: 0 }).await.expect("read"), None);
    assert_eq!(store.entries(page).await.expect("read").len(), 1);
    assert_eq!(stored(store, page).await.version, 2);
}

/// A write is bounded, and never says two things of one slot.
pub async fn a_page_takes_no_more_than_its_changes_of_different_slots(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let all: Vec<_> = (0..=MAX_CHANGES as u16).map(|slot| Change::Add(slot, vec![1; 10])).collect();
    for refused in [&all[..], &[Change::Add(0, vec![1]), Change::Destroy(0)]] {
        let refused = store.write_page(page, 1, refused).await.expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    let written = store.write_page(page, 1, &all[1..]).await.expect("written");
    assert_eq!(written, Written::Applied);
    let slots: Vec<_> = (0..MAX_CHANGES as u16).collect();
    let mut found = store.slots(page, &slots).await.expect("read");
    found.sort_by_key(|row| row.slot);
    assert_eq!(found.iter().map(|row| row.slot).collect::<Vec<_>>(), slots[1..]);
    assert_eq!(store.entries(page).await.expect("read").len(), MAX_CHANGES);
}

/// The turn checks its counts against these.
pub async fn a_page_counts_what_is_added_and_removed(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let counts = |row: &PageRow| (row.added, row.removed, row.bytes, row.dirty);
    let add = [Change::Add(0, vec![1; 10]), Change::Add(1, vec![2; 20]), Change::Add(2, vec![3; 30])];
    store.write_page(page, 1, &add).await.expect("written");
    assert_eq!(counts(&stored(store, page).await), (3, 0, 60, false));
    store.write_page(page, 2, &[Change::Replace(1, vec![4; 5])]).await.expect("written");
    assert_eq!(counts(&stored(store, page).await), (3, 0, 45, true));
    store.write_page(page, 3, &[Change::Destroy(0), Change::Destroy(9)]).await.expect("written");
    assert_eq!(counts(&stored(store, page).await), (3, 1, 35, true));
}

/// Never an absent row, never a second life.
pub async fn a_destroyed_slot_keeps_nothing_and_takes_nothing(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    store.write_page(page, 1, &[Change::Add(0, vec![1; 10])]).await.expect("written");
    store.write_page(page, 2, &[Change::Destroy(0), Change::Destroy(1)]).await.expect("written");
    for slot in [0, 1] {
        let row = store.entry(Place { page, slot }).await.expect("read").expect("a row");
        assert!(row.body == EntryBody::Destroyed, "slot {slot}");
        for change in
            [Change::Add(slot, vec![2; 10]), Change::Replace(slot, vec![2; 10]), Change::Destroy(slot)]
        {
            assert_eq!(store.write_page(page, 3, &[change]).await.expect("answered"), Written::Conflict);
        }
    }
}

/// Closing counts as a write: who decided before it must look again.
pub async fn a_closed_page_stays_readable(store: &dyn KeyStore) {
    let page = fresh_page(store).await;
    store.write_page(page, 1, &[Change::Add(0, vec![1; 10])]).await.expect("written");
    store.close_page(page).await.expect("closed");
    let row = stored(store, page).await;
    assert_eq!((row.state, row.version), (PageState::Closed, 3));
    store.close_page(page).await.expect("closed again");
    store.close_page(PageId::new()).await.expect("nothing to close");
    assert_eq!(stored(store, page).await.version, 3);
    let late = store.write_page(page, 2, &[Change::Add(1, vec![1; 10])]).await.expect("answered");
    assert_eq!(late, Written::Conflict);
    assert_eq!(store.entries(page).await.expect("read").len(), 1);
    let removed = store.write_page(page, 3, &[Change::Destroy(0)]).await.expect("written");
    assert_eq!(removed, Written::Applied);
}

fn mark(recording: RecordingId, purposes: &[&str]) -> Mark {
    Mark {
        tenant: alfa(),
        recording,
        erasure: ErasureId::new(),
        purposes: purposes.iter().map(|name| purpose(name)).collect(),
        spans: None,
        at: Timestamp(7),
    }
}

/// A repetition changes nothing, whatever it says; each mark comes back as it was written.
pub async fn a_mark_is_kept_once_and_for_ever(store: &dyn KeyStore) {
    let recording = RecordingId::new();
    assert_eq!(store.marks(&alfa(), recording).await.expect("read"), []);
    let set = |range| SpanSet::from_range(range).expect("in the tree");
    let spans =
        [((LegNo(0), SectionNo(3)), set(2..9)), ((LegNo(65_535), SectionNo(u32::MAX)), SpanSet::all())];
    let mut marks = [
        mark(recording, &[]),
        mark(recording, &["quality", "sealing"]),
        Mark { spans: Some(spans.into()), ..mark(recording, &["quality"]) },
        Mark { spans: Some([].into()), ..mark(recording, &[]) },
    ];
    for mark in &marks {
        store.add_mark(mark).await.expect("marked");
    }
    store.add_mark(&mark(RecordingId::new(), &[])).await.expect("marked");
    for known in &marks {
        let other = Mark { erasure: known.erasure, at: Timestamp(9), ..mark(recording, &["training"]) };
        store.add_mark(&other).await.expect("answered");
    }
    marks.sort_by_key(|mark| mark.erasure);
    assert_eq!(store.marks(&alfa(), recording).await.expect("read"), marks);
    assert_eq!(store.marks(&tenant("telco-beta"), recording).await.expect("read"), []);

    let scattered = SpanSet::from_ranges((0..20_000).map(|n| 2 * n..2 * n + 1)).expect("in the tree");
    let spans = [((LegNo(0), SectionNo(0)), scattered)];
    let unreadable = Mark { spans: Some(spans.into()), ..mark(recording, &[]) };
    let refused = store.add_mark(&unreadable).await.expect_err("refused");
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(store.marks(&alfa(), recording).await.expect("read"), marks);
}

/// Whatever order they come in; one that was there already is no newer for coming again.
pub async fn the_newest_mark_of_a_tenant_tells_when_it_last_erased(store: &dyn KeyStore) {
    let last = async || store.last_erasure(&alfa()).await.expect("read");
    let add = async |mark: &Mark| store.add_mark(mark).await.expect("marked");
    let [one, two] = [RecordingId::new(), RecordingId::new()];
    assert_eq!(last().await, None);
    let first = Mark { at: Timestamp(50), ..mark(one, &[]) };
    add(&first).await;
    assert_eq!(last().await, Some(Timestamp(50)));
    add(&Mark { at: Timestamp(20), ..mark(two, &[]) }).await;
    add(&Mark { at: Timestamp(90), ..first }).await;
    assert_eq!(last().await, Some(Timestamp(50)));
    add(&Mark { at: Timestamp(70), ..mark(two, &["quality"]) }).await;
    assert_eq!(last().await, Some(Timestamp(70)));
    assert_eq!(store.last_erasure(&tenant("telco-beta")).await.expect("read"), None);
}

/// The first one stays.
pub async fn a_reason_is_kept_once(store: &dyn KeyStore) {
    let event = EventId::new();
    assert_eq!(store.reason(&alfa(), event).await.expect("read"), None);
    assert_eq!(store.keep_reason(&alfa(), event, b"first").await.expect("kept"), b"first");
    assert_eq!(store.keep_reason(&alfa(), event, b"second").await.expect("kept"), b"first");
    assert_eq!(store.reason(&alfa(), event).await.expect("read").as_deref(), Some(&b"first"[..]));
}

/// The same ids under another tenant are other things.
pub async fn tenants_see_nothing_of_each_other(store: &dyn KeyStore) {
    let beta = tenant("telco-beta");
    let recording = RecordingId::new();
    store.begin_epoch(&epoch_row(alfa(), 1)).await.expect("written");
    store.adopt(&section_row(recording, 1)).await.expect("written");
    let key = EntryKey { section: section(recording, 3), purpose: purpose("quality") };
    let place = |slot| Place { page: PageId::from_bytes([1; 16]), slot };
    store.claim(&alfa(), &[(key.clone(), place(0))]).await.expect("claimed");
    assert_eq!(store.latest_epoch(&beta).await.expect("read"), None);
    assert_eq!(store.sections(&beta, recording).await.expect("read"), []);
    assert_eq!(store.locators(&beta, recording).await.expect("read"), []);
    store.retire(&beta, &key).await.expect("nothing to retire");
    let own = store.locators(&alfa(), recording).await.expect("read");
    assert_eq!(own[0].state, LocatorState::Claimed);
}
