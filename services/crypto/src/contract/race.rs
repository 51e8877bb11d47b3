//! What two processes may do to each other at the same moment; each through a handle of its own.

use futures::future::join_all;
use kernel::{EventId, KeyEpoch, PageId, RecordingId};
use seal::Hash;

use super::{alfa, epoch_row, fresh_page, mark, purpose, section, section_row, stored};
use crate::marks::Mark;
use crate::store::{
    Adoption, Change, EntryBody, EntryKey, EpochRow, KeyStore, Locator, LocatorState, PageState, Place,
    RecordingRow, RecordingState, Written,
};

/// How often each race is run: whoever begins first does not always come first.
const ROUNDS: u64 = 5;

/// Whose keys stay is what both are told.
pub async fn of_two_that_begin_an_epoch_one_does(store: &dyn KeyStore, other: &dyn KeyStore) {
    for epoch in 1..=ROUNDS {
        let rows = [b'a', b'b'].map(|kek| EpochRow { kek: vec![kek; 40], ..epoch_row(alfa(), epoch) });
        let (one, two) = tokio::join!(store.begin_epoch(&rows[0]), other.begin_epoch(&rows[1]));
        let (one, two) = (one.expect("answered"), two.expect("answered"));
        let winner = winner(one, two);
        let standing = store.latest_epoch(&alfa()).await.expect("read");
        assert_eq!(standing.as_ref(), Some(&rows[winner]));
        assert_eq!(other.epoch(&alfa(), KeyEpoch(epoch)).await.expect("read"), standing);
    }
}

/// Whoever was first knows it, and so does the other.
pub async fn of_two_keys_for_one_section_one_stays(store: &dyn KeyStore, other: &dyn KeyStore) {
    for _ in 0..ROUNDS {
        let recording = RecordingId::new();
        let rows = [1, 2].map(|fingerprint| section_row(recording, fingerprint));
        let (one, two) = tokio::join!(store.adopt(&rows[0]), other.adopt(&rows[1]));
        let outcomes = [one.expect("answered"), two.expect("answered")];
        let winner = outcomes.iter().position(|outcome| *outcome == Adoption::New).expect("one is new");
        assert_eq!(outcomes[1 - winner], Adoption::Before(Box::new(rows[winner].clone())));
        assert_eq!(store.sections(&alfa(), recording).await.expect("read"), rows[winner..=winner]);
    }
}

/// Both began at the same version, under different timelines.
pub async fn of_two_that_seal_a_recording_one_is_overtaken(store: &dyn KeyStore, other: &dyn KeyStore) {
    let recording = RecordingId::new();
    for version in 1..=ROUNDS {
        let rows = [1, 2].map(|timeline| RecordingRow {
            tenant: alfa(),
            recording,
            version,
            state: RecordingState::Sealing,
            policy_hash: Hash([9; 32]),
            timeline_hash: Hash([timeline; 32]),
            span_table_hash: Hash([9; 32]),
        });
        let (one, two) = tokio::join!(store.save_recording(&rows[0]), other.save_recording(&rows[1]));
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let standing = other.recording(&alfa(), recording).await.expect("read");
        assert_eq!(standing.as_ref(), Some(&rows[winner]));
    }
}

/// Each sealed its own, under a key that may have gone: one is kept.
pub async fn of_two_reasons_both_are_told_the_one_that_stays(store: &dyn KeyStore, other: &dyn KeyStore) {
    for _ in 0..ROUNDS {
        let (event, tenant) = (EventId::new(), alfa());
        let (one, two) = tokio::join!(
            store.keep_reason(&tenant, event, b"one"),
            other.keep_reason(&tenant, event, b"two"),
        );
        let (one, two) = (one.expect("answered"), two.expect("answered"));
        assert_eq!(one, two);
        assert_eq!(store.reason(&tenant, event).await.expect("read"), Some(one));
    }
}

/// Each claims half of what the other does: nobody is told a place that another was told, too.
pub async fn claims_that_cross_agree_on_every_place(store: &dyn KeyStore, other: &dyn KeyStore) {
    for _ in 0..ROUNDS {
        let (recording, tenant) = (RecordingId::new(), alfa());
        let key = |number| EntryKey { section: section(recording, number), purpose: purpose("quality") };
        let claims = |page: u8, sections: std::ops::Range<u32>| -> Vec<_> {
            let place = |slot| Place { page: PageId::from_bytes([page; 16]), slot };
            sections.map(|number| (key(number), place(number as u16))).collect()
        };
        let (mine, theirs) = (claims(1, 0..12), claims(2, 4..16));
        let (one, two) = tokio::join!(store.claim(&tenant, &mine), other.claim(&tenant, &theirs));
        let standing = store.locators(&tenant, recording).await.expect("read");
        assert_eq!(standing.len(), 16);
        let told: Vec<Locator> = one.expect("answered").into_iter().chain(two.expect("answered")).collect();
        assert_eq!(told.len(), 24);
        assert!(told.iter().all(|locator| standing.contains(locator)), "{told:?}");
    }
}

/// None of the loser's write is there.
pub async fn of_two_writes_on_one_version_one_is_applied(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = fresh_page(store).await;
    for round in 0..ROUNDS {
        let changes = [0, 1].map(|writer| {
            let slot = |n: u64| u16::try_from(4 * round + 2 * writer + n).expect("a slot");
            [0, 1].map(|n| Change::Add(slot(n), vec![writer as u8; 10]))
        });
        let version = 1 + round;
        let (one, two) = tokio::join!(
            store.write_page(page, version, &changes[0]),
            other.write_page(page, version, &changes[1]),
        );
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let entries = other.entries(page).await.expect("read");
        assert_eq!(entries.len() as u64, 2 * (round + 1));
        let last = entries.iter().rev().take(2);
        assert!(last.into_iter().all(|row| row.body == EntryBody::Sealed(vec![winner as u8; 10])));
        let row = stored(store, page).await;
        assert_eq!((row.version, row.added), (version + 1, entries.len() as u64));
    }
}

/// Six writers, three at each handle, each with entries of its own.
pub async fn writers_that_cross_lose_no_entry_and_no_count(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let writers = (0..6).map(|writer| {
        let own = if writer % 2 == 0 { store } else { other };
        async move {
            for entry in 0..3 {
                let change = Change::Add(3 * writer + entry, vec![1; 10 + usize::from(writer)]);
                until_applied(own, page, change).await;
            }
        }
    });
    join_all(writers).await;
    let row = stored(other, page).await;
    assert_eq!((row.added, row.removed, row.version), (18, 0, 19));
    let entries = store.entries(page).await.expect("read");
    assert_eq!(entries.iter().map(|row| row.slot).collect::<Vec<_>>(), (0..18).collect::<Vec<_>>());
    assert_eq!(row.bytes, 3 * (0..6).map(|writer| 10 + writer).sum::<u64>());
}

/// One of them was first; in the end nothing is there.
pub async fn a_removal_and_a_late_claimant_do_not_cross(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let mut version = 1;
    for slot in 0..ROUNDS as u16 {
        let (add, destroy) = ([Change::Add(slot, vec![1; 10])], [Change::Destroy(slot)]);
        let (claimant, removal) =
            tokio::join!(store.write_page(page, version, &add), other.write_page(page, version, &destroy));
        let (claimant, removal) = (claimant.expect("answered"), removal.expect("answered"));
        if winner(claimant, removal) == 0 {
            assert_eq!(
                other.write_page(page, version + 1, &destroy).await.expect("answered"),
                Written::Applied
            );
            version += 1;
        }
        version += 1;
        let late = store.write_page(page, version, &add).await.expect("answered");
        assert_eq!(late, Written::Conflict);
        let entry = store.entry(Place { page, slot }).await.expect("read").expect("a row");
        assert!(entry.body == EntryBody::Destroyed);
    }
    let row = stored(store, page).await;
    assert_eq!((row.version, row.bytes, row.added), (version, 0, row.removed));
}

/// Its owner writes on while another closes it: both come to their end, and every write counts.
pub async fn a_page_closes_under_its_writers(store: &dyn KeyStore, other: &dyn KeyStore) {
    let page = fresh_page(store).await;
    let writer = async {
        for slot in 0..6 {
            until_applied(store, page, Change::Add(slot, vec![1; 10])).await;
        }
    };
    let (closed, ()) = tokio::join!(other.close_page(page), writer);
    closed.expect("closed");
    let row = stored(store, page).await;
    assert_eq!((row.state, row.version, row.added, row.bytes), (PageState::Closed, 8, 6, 60));
    let key = EntryKey { section: section(RecordingId::new(), 0), purpose: purpose("quality") };
    let claimed = other.claim(&alfa(), &[(key, Place { page, slot: 6 })]).await.expect("claimed");
    assert_eq!(claimed[0].state, LocatorState::Claimed);
}

/// A repetition that overtakes its own first try: what one said stands whole, and both are answered.
pub async fn of_two_marks_of_one_erasure_one_stays(store: &dyn KeyStore, other: &dyn KeyStore) {
    for _ in 0..ROUNDS {
        let recording = RecordingId::new();
        let first = mark(recording, &["quality"]);
        let marks = [first.clone(), Mark { erasure: first.erasure, ..mark(recording, &["training"]) }];
        let (one, two) = tokio::join!(store.add_mark(&marks[0]), other.add_mark(&marks[1]));
        one.expect("answered");
        two.expect("answered");
        let standing = store.marks(&alfa(), recording).await.expect("read");
        assert!(standing == marks[..1] || standing == marks[1..], "{standing:?}");
        assert_eq!(other.marks(&alfa(), recording).await.expect("read"), standing);
    }
}

/// An erasure marks and lists the locators then, a sealing claims and reads the marks then: that neither sees the
/// other would leave an entry that was erased.
pub async fn a_mark_and_a_claim_see_each_other(store: &dyn KeyStore, other: &dyn KeyStore) {
    for _ in 0..4 * ROUNDS {
        let (recording, tenant) = (RecordingId::new(), alfa());
        let key = EntryKey { section: section(recording, 0), purpose: purpose("quality") };
        let place = Place { page: PageId::new(), slot: 0 };
        let erasing = async {
            store.add_mark(&mark(recording, &[])).await.expect("marked");
            store.locators(&tenant, recording).await.expect("read")
        };
        let sealing = async {
            other.claim(&tenant, &[(key, place)]).await.expect("claimed");
            other.marks(&tenant, recording).await.expect("read")
        };
        let (locators, marks) = tokio::join!(erasing, sealing);
        assert!(!locators.is_empty() || !marks.is_empty(), "neither saw the other");
    }
}

/// Which of two was applied: exactly one.
pub(super) fn winner(one: Written, two: Written) -> usize {
    match (one, two) {
        (Written::Applied, Written::Conflict) => 0,
        (Written::Conflict, Written::Applied) => 1,
        both => panic!("{both:?}"),
    }
}

/// As a writer does: reads the version, writes on it, and looks again where another was first.
pub(super) async fn until_applied(store: &dyn KeyStore, page: PageId, change: Change) {
    for _ in 0..200 {
        let version = stored(store, page).await.version;
        match store.write_page(page, version, std::slice::from_ref(&change)).await.expect("answered") {
            Written::Applied => return,
            Written::Conflict => tokio::task::yield_now().await,
        }
    }
    panic!("others were first 200 times");
}
