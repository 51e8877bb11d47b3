//! Items, and the holds that meet them.

use futures::future::join;
use kernel::{ErasureId, RecordingId};

use super::{ROUNDS, winner};
use crate::contract::alfa;
use crate::contract::holds::{hold, placed};
use crate::contract::items::{added, at_step, changed_to, found, some_item};
use crate::erasure::{Item, Step};
use crate::hold::Selector;
use crate::store::{Store, Written};

/// Items that one writer adds one after the other.
const ITEMS: usize = 8;

/// Both say the same of it but for one thing, which is the winner's.
pub async fn of_two_that_add_an_item_one_does<S: Store>(store: &S, other: &S) {
    let erasure = ErasureId::new();
    for _ in 0..ROUNDS {
        let first = some_item(erasure);
        let items = [Item { step: Step::Refused, ..first.clone() }, first];
        let (one, two) = join(store.add_item(&items[0]), other.add_item(&items[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        assert_eq!(found(store, &items[0]).await.as_ref(), Some(&items[winner]));
        let running = other.running_items(&alfa(), None, 100).await.expect("read");
        assert_eq!(running.contains(&items[1]), winner == 1);
    }
}

/// It is decided, or it is deferred: never both.
pub async fn of_two_changes_of_an_item_one_is_applied<S: Store>(store: &S, other: &S) {
    let erasure = ErasureId::new();
    for _ in 0..ROUNDS {
        let first = some_item(erasure);
        added(store, &first).await;
        let items = [at_step(&first, Step::Decided), at_step(&first, Step::Deferred)];
        let (one, two) = join(store.change_item(&items[0]), other.change_item(&items[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        assert_eq!(found(other, &first).await.as_ref(), Some(&items[winner]));
        let running = other.running_items(&alfa(), None, 100).await.expect("read");
        let deferred = store.deferred_items(&alfa(), None, 100).await.expect("read");
        assert_eq!([running.contains(&items[0]), deferred.contains(&items[1])], [winner == 0, winner == 1]);
    }
}

/// Each goes from step to step until it is over, while the other lists what runs.
pub async fn an_item_that_was_added_is_found_whoever_lists<S: Store>(store: &S, other: &S) {
    let adds = async || {
        for number in 0..ITEMS {
            let item = some_item(ErasureId::new());
            added(store, &item).await;
            let running = other.running_items(&alfa(), None, 100).await.expect("read");
            assert!(running.contains(&item), "it was added before it was asked");
            if number % 2 == 0 {
                changed_to(store, &at_step(&item, Step::Deferred)).await;
                let deferred = other.deferred_items(&alfa(), None, 100).await.expect("read");
                assert!(deferred.iter().any(|listed| listed.recording == item.recording));
                changed_to(store, &Item { version: 3, ..item.clone() }).await;
                let running = other.running_items(&alfa(), None, 100).await.expect("read");
                assert!(running.iter().any(|listed| listed.recording == item.recording), "it came back");
            }
        }
    };
    let lists = async || {
        for _ in 0..2 * ITEMS {
            let running = other.running_items(&alfa(), None, 100).await.expect("read");
            assert!(running.iter().all(|item| item.step.is_running()));
            other.deferred_items(&alfa(), None, 100).await.expect("read");
        }
    };
    join(adds(), lists()).await;
    let running = other.running_items(&alfa(), None, 100).await.expect("read");
    assert_eq!(running.len(), ITEMS);
    assert_eq!(store.deferred_items(&alfa(), None, 100).await.expect("read"), []);
}

/// What the one who erases saw.
#[derive(Debug)]
struct Erased {
    saw_hold: bool,
    is_decided: bool,
}

/// What the one who holds saw.
#[derive(Debug)]
struct Held {
    saw_item: bool,
    is_deferred: bool,
}

/// One adds its item and then reads the holds, one places its hold and then lists the items: whoever comes second sees
/// the first. An item that the hold covers is decided only where the hold was told of it.
pub async fn a_hold_and_an_erasure_do_not_cross<S: Store>(store: &S, other: &S) {
    for round in 0..2 * ROUNDS {
        let recording = RecordingId::new();
        let item = Item { recording, ..some_item(ErasureId::new()) };
        let (one, two) = if round % 2 == 0 {
            join(erase(store, &item), keep(other, recording)).await
        } else {
            let (two, one) = join(keep(other, recording), erase(store, &item)).await;
            (one, two)
        };
        let seen = format!("round {round}: {one:?}, {two:?}");
        assert!(one.saw_hold || two.saw_item, "{seen}");
        assert!(!(one.is_decided && two.is_deferred), "{seen}");
        let last = found(other, &item).await.expect("there");
        assert_eq!(last.step == Step::Decided, one.is_decided, "{seen}");
        assert_eq!(last.step == Step::Deferred, one.saw_hold || two.is_deferred, "{seen}");
        if one.is_decided {
            assert!(two.saw_item, "who holds tells that it came too late: {seen}");
        }
    }
}

/// Adds an item, and decides on it where no hold is in its way.
async fn erase<S: Store>(store: &S, item: &Item) -> Erased {
    added(store, item).await;
    let standing = store.standing(&alfa()).await.expect("read");
    let covers = |selector: &Selector| match selector {
        Selector::Recordings(ids) => ids.contains(&item.recording),
        Selector::Subjects(_) | Selector::Query { .. } => false,
    };
    let saw_hold = standing.iter().any(|hold| covers(&hold.selector));
    let step = if saw_hold { Step::Deferred } else { Step::Decided };
    let written = store.change_item(&at_step(item, step)).await.expect("answered");
    Erased { saw_hold, is_decided: !saw_hold && written == Written::Applied }
}

/// Places a hold, and defers what of its recording is not decided.
async fn keep<S: Store>(store: &S, recording: RecordingId) -> Held {
    placed(store, &hold(Selector::Recordings([recording].into()))).await;
    let running = store.running_items(&alfa(), None, 100).await.expect("read");
    let Some(item) = running.into_iter().find(|item| item.recording == recording) else {
        return Held { saw_item: false, is_deferred: false };
    };
    let is_deferred = item.step == Step::Registered
        && store.change_item(&at_step(&item, Step::Deferred)).await.expect("answered") == Written::Applied;
    Held { saw_item: true, is_deferred }
}

/// The higher one stays, whoever notes it last.
pub async fn of_two_places_in_the_journal_the_higher_stays<S: Store>(store: &S, other: &S) {
    for round in 1..=u64::try_from(ROUNDS).expect("above zero") {
        let (low, high) = (10 * round, 10 * round + 1);
        let (one, two) = join(store.set_journal_position(high), other.set_journal_position(low)).await;
        one.expect("noted");
        two.expect("noted");
        for store in [store, other] {
            assert_eq!(store.journal_position().await.expect("read"), high);
        }
    }
}
