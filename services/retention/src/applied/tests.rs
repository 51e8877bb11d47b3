//! A store that missed everything, or a part of it, comes to be what the journal tells.

mod erasures;
mod holds;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::sqlite::Options;
use journal::{Act, Journal, catch_up};
use kernel::{ManualClock, TenantId, Timestamp};
use objects::{MemoryObjects, Prefix};

use super::*;
use crate::contract::moment;
use crate::store::sqlite::SqliteStore;

fn alfa() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

/// A store of its own, and what it lies in.
struct Stand {
    _directory: tempfile::TempDir,
    applied: RestoredStore,
    number: AtomicU64,
}

impl Stand {
    async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(moment(0, 0)));
        let file = directory.path().join("retention.db");
        let store = SqliteStore::open(&file, Options::default(), clock.clone()).await.unwrap();
        let applied = RestoredStore { store: Arc::new(store), clock };
        Self { _directory: directory, applied, number: AtomicU64::new(1) }
    }

    fn store(&self) -> &dyn Store {
        self.applied.store.as_ref()
    }

    /// Applies acts in their order; how each came out.
    async fn apply(&self, acts: &[Act]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for act in acts {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let record = Record { number, before: [0; 32], act: act.clone() };
            outcomes.push(self.applied.apply(&record).await.unwrap());
        }
        outcomes
    }
}

/// Whatever an order of acts is cut into, and however often it comes, a store is the same in the end.
async fn comes_to_the_same<T: PartialEq + std::fmt::Debug>(acts: &[Act], look: impl AsyncFn(&Stand) -> T) {
    let whole = Stand::empty().await;
    assert!(whole.apply(acts).await.iter().all(|outcome| *outcome == Outcome::Applied));
    let expected = look(&whole).await;
    assert!(whole.apply(acts).await.iter().all(|outcome| *outcome == Outcome::Known), "applied twice");
    assert_eq!(look(&whole).await, expected, "applied twice");
    for cut in 0..=acts.len() {
        let restored = Stand::empty().await;
        restored.apply(&acts[..cut]).await;
        restored.apply(acts).await;
        assert_eq!(look(&restored).await, expected, "{cut} of them before the others");
    }
}

#[tokio::test]
async fn what_is_another_role_s_is_left_and_the_position_is_kept() {
    let stand = Stand::empty().await;
    assert_eq!(stand.applied.position().await.unwrap(), 0);
    let hold = crate::contract::some_hold();
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let objects = Arc::new(MemoryObjects::new(clock.clone()));
    let prefix = Prefix::new("journal/").unwrap();
    let journal = Journal::open(objects, prefix, clock, Duration::from_secs(1)).await.unwrap();
    let placed = acts::hold_placed(&hold);
    let withdrawn =
        Act { kind: journal::Kind::ConsentWithdrawn, id: kernel::EventId::new(), ..placed[0].clone() };
    let epoch = Act {
        kind: journal::Kind::EpochDestroyed,
        id: kernel::EventId::new(),
        about: journal::About::Epoch(kernel::KeyEpoch(3)),
        ..placed[0].clone()
    };
    let all: Vec<_> = [withdrawn, epoch].into_iter().chain(placed).collect();
    assert_eq!(stand.apply(&all[..2]).await, [Outcome::NotOurs; 2]);
    journal.append(all).await.unwrap();
    let report = catch_up(&journal, &stand.applied).await.unwrap();
    assert_eq!((report.from, report.to), (0, 3));
    assert_eq!(report.applied.into_iter().collect::<Vec<_>>(), [(journal::Kind::HoldPlaced, 1)]);
    assert_eq!(stand.applied.position().await.unwrap(), 3);
    assert_eq!(stand.store().standing(&alfa()).await.unwrap(), [hold]);
}

#[tokio::test]
async fn an_act_that_cannot_be_read_is_not_passed() {
    let stand = Stand::empty().await;
    let mut act = acts::hold_placed(&crate::contract::some_hold()).remove(0);
    act.codes.pop();
    act.codes.push(journal::Code::new("recording:7").unwrap());
    let record = Record { number: 1, before: [0; 32], act };
    let error = stand.applied.apply(&record).await.unwrap_err();
    assert!(
        kernel::chain(&error).ends_with("recording has a value that cannot be"),
        "{}",
        kernel::chain(&error)
    );
    assert_eq!(stand.store().standing(&alfa()).await.unwrap(), []);
}
