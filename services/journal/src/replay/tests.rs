use std::collections::BTreeSet;
use std::sync::Mutex;

use kernel::EventId;

use super::*;
use crate::record::{About, Act};
use crate::testing::{Place, act, acts};

/// A role's store in memory, with what a backup has of it.
#[derive(Clone, Default)]
struct Backup {
    position: u64,
    done: BTreeSet<EventId>,
    order: Vec<u64>,
}

/// A store that takes everything but roots, and fails when it is told to.
#[derive(Default)]
struct Store {
    state: Mutex<Backup>,
    /// Savings that fail from here on.
    failing_saves: Mutex<u32>,
    /// The record that cannot be applied.
    unapplied: Option<u64>,
}

impl Store {
    fn restored(backup: &Backup) -> Self {
        Self { state: Mutex::new(backup.clone()), ..Self::default() }
    }
    fn backup(&self) -> Backup {
        self.state.lock().unwrap().clone()
    }
}

fn fault(act: &'static str) -> StoreError {
    let source = objects::Error::Unavailable { attempt: "write", source: "the test's own fault".into() };
    StoreError::new(act, source)
}

#[async_trait]
impl Applied for Store {
    async fn position(&self) -> Result<u64, StoreError> {
        Ok(self.state.lock().unwrap().position)
    }
    async fn apply(&self, record: &Record) -> Result<Outcome, StoreError> {
        if self.unapplied == Some(record.number) {
            return Err(fault("apply a record"));
        }
        if record.act.kind == Kind::LedgerRoot {
            return Ok(Outcome::NotOurs);
        }
        let mut state = self.state.lock().unwrap();
        if !state.done.insert(record.act.id) {
            return Ok(Outcome::Known);
        }
        state.order.push(record.number);
        Ok(Outcome::Applied)
    }
    async fn save(&self, position: u64) -> Result<(), StoreError> {
        let mut failing = self.failing_saves.lock().unwrap();
        if *failing > 0 {
            *failing -= 1;
            return Err(fault("save a position"));
        }
        self.state.lock().unwrap().position = position;
        Ok(())
    }
}

fn erasures(count: u64) -> BTreeMap<Kind, u64> {
    BTreeMap::from([(Kind::ErasureIntended, count)])
}

#[tokio::test]
async fn a_restored_store_applies_what_it_misses_in_order() {
    let journal = Place::memory().journal().await;
    journal.append(acts(1..4)).await.unwrap();
    let store = Store::default();
    let report = catch_up(&journal, &store).await.unwrap();
    assert_eq!(report, Report { from: 0, to: 3, applied: erasures(3), known: BTreeMap::new() });
    let backup = store.backup();

    let root = About::Root { incarnation: uuid::Uuid::nil(), size: 1, root: [0; 32] };
    let withdrawn = Act { kind: Kind::ConsentWithdrawn, ..act(4) };
    let rooted = Act { kind: Kind::LedgerRoot, about: root, ..act(5) };
    journal.append(vec![withdrawn, rooted, act(6)]).await.unwrap();
    let restored = Store::restored(&backup);
    let report = catch_up(&journal, &restored).await.unwrap();
    let applied = BTreeMap::from([(Kind::ConsentWithdrawn, 1), (Kind::ErasureIntended, 1)]);
    assert_eq!(report, Report { from: 3, to: 6, applied, known: BTreeMap::new() });
    assert_eq!(restored.backup().order, [1, 2, 3, 4, 6]);

    let again = catch_up(&journal, &restored).await.unwrap();
    assert_eq!(again, Report { from: 6, to: 6, applied: BTreeMap::new(), known: BTreeMap::new() });
}

#[tokio::test]
async fn after_a_crash_between_applying_and_saving_nothing_is_done_twice() {
    let journal = Place::memory().journal().await;
    journal.append(acts(1..6)).await.unwrap();
    let store = Store { failing_saves: Mutex::new(1), ..Store::default() };
    let crashed = catch_up(&journal, &store).await.unwrap_err();
    assert!(matches!(crashed, CatchUpError::Save { position: 5, .. }), "{crashed}");
    assert_eq!((crashed.code(), crashed.retry()), (ErrorCode::Unavailable, Retry::Backoff));
    let report = catch_up(&journal, &store).await.unwrap();
    assert_eq!(report, Report { from: 0, to: 5, applied: BTreeMap::new(), known: erasures(5) });
    assert_eq!(store.backup().order, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_record_that_is_not_applied_is_not_passed() {
    let journal = Place::memory().journal().await;
    journal.append(acts(1..6)).await.unwrap();
    let store = Store { unapplied: Some(3), ..Store::default() };
    let failed = catch_up(&journal, &store).await.unwrap_err();
    assert!(matches!(failed, CatchUpError::Apply { number: 3, .. }), "{failed}");
    let backup = store.backup();
    assert_eq!((backup.position, &backup.order[..]), (0, &[1, 2][..]));
    let report = catch_up(&journal, &Store::restored(&backup)).await.unwrap();
    assert_eq!(report, Report { from: 0, to: 5, applied: erasures(3), known: erasures(2) });
}

#[tokio::test]
async fn many_records_are_applied_a_batch_at_a_time() {
    let journal = Place::memory().journal().await;
    let batch = BATCH as u64;
    for from in (1..=2 * batch).step_by(64) {
        journal.append(acts(from..from + 64)).await.unwrap();
    }
    let store = Store { unapplied: Some(batch + 9), ..Store::default() };
    catch_up(&journal, &store).await.unwrap_err();
    let backup = store.backup();
    assert_eq!(backup.position, batch);
    let report = catch_up(&journal, &Store::restored(&backup)).await.unwrap();
    assert_eq!((report.from, report.to), (batch, 2 * batch));
    assert_eq!((report.applied, report.known), (erasures(batch - 8), erasures(8)));
}

#[tokio::test]
async fn a_store_that_does_not_fit_the_journal_is_refused() {
    let place = Place::memory();
    let journal = place.journal().await;
    journal.append(acts(1..5)).await.unwrap();
    let ahead = Store::restored(&Backup { position: 5, ..Backup::default() });
    let refused = catch_up(&journal, &ahead).await.unwrap_err();
    assert!(matches!(refused, CatchUpError::Journal(Error::Ahead { position: 5, tail: 4 })), "{refused}");

    place.pass_the_horizon().await;
    place.delete(1).await;
    place.delete(2).await;
    let old = Store::restored(&Backup { position: 1, ..Backup::default() });
    let refused = catch_up(&journal, &old).await.unwrap_err();
    assert!(matches!(refused, CatchUpError::Journal(Error::TooOld { position: 1, floor: 3 })), "{refused}");
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
    assert_eq!(old.backup().order, Vec::<u64>::new());

    let report = catch_up(&journal, &Store::restored(&Backup { position: 2, ..Backup::default() })).await;
    assert_eq!(report.unwrap().applied, erasures(2));
}
