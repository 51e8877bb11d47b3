//! The largest of everything, as the journal takes it.

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, MAX_ACTS};
use kernel::ManualClock;
use objects::{MemoryObjects, Prefix};

use super::*;
use crate::hold::{MAX_NAMED, MAX_PURPOSES};

fn long_code() -> PolicyCode {
    PolicyCode::new("X".repeat(PolicyCode::MAX_LEN)).unwrap()
}

fn long_names(count: usize) -> BTreeSet<PurposeName> {
    (0..count).map(|number| PurposeName::new(format!("{number:x>63}")).unwrap()).collect()
}

fn many_kept(count: usize) -> Vec<KeptBack> {
    let kept = |purpose| KeptBack { purpose: Some(purpose), by: KeptBy::Hold(HoldId::new()), until: None };
    long_names(count).into_iter().map(kept).collect()
}

/// Every act that there is, each as large as it can be.
fn largest() -> Vec<Vec<Act>> {
    let subjects: BTreeSet<_> = (0..MAX_NAMED).map(|_| SubjectId::new()).collect();
    let recordings: BTreeSet<_> = (0..MAX_NAMED).map(|_| RecordingId::new()).collect();
    let (from, until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let query = Selector::Query { from, until, subjects: subjects.clone() };
    let holds = [query, Selector::Recordings(recordings), Selector::Subjects(subjects.clone())];
    let holds = (1..).zip(holds).map(|(number, selector)| Hold {
        id: HoldId::from_bytes([number; 16]),
        reason: long_code(),
        placed_by: "anna".repeat(18),
        placed_at: from,
        review_at: from,
        ..some_hold(selector)
    });
    let mut holds: Vec<_> = holds.collect();
    holds.push(Hold {
        id: HoldId::from_bytes([9; 16]),
        kind: HoldKind::Restriction,
        purposes: long_names(MAX_PURPOSES),
        ..holds[0].clone()
    });
    let released = Hold {
        version: u64::MAX,
        state: HoldState::Released,
        released_by: vec!["anna".repeat(18), "carla@banca-alfa.it".to_owned()],
        released_at: Some(from),
        ..holds[0].clone()
    };
    let order = Order {
        tenant: TenantId::new("x".repeat(63)).unwrap(),
        order: ExtensionOrder {
            reference: long_code(),
            regime: RegimeName::new("x".repeat(63)).unwrap(),
            until: from,
            scope: OrderScope::new(from, until, Some(subjects)).unwrap(),
        },
        placed_by: "anna".repeat(18),
        placed_at: from,
    };
    let interval = Interval::new(Position(0), Position(u64::MAX)).unwrap();
    let stretch = Scope::Stretch { interval, legs: (0..300).map(LegNo).collect() };
    let mut acts: Vec<_> = holds.iter().map(hold_placed).collect();
    acts.extend([vec![hold_released(&released)], order_placed(&order)]);
    for scope in [Scope::Everything, Scope::Purposes(long_names(256)), stretch] {
        let (erasure, item) = some_item(scope);
        let erasure = Erasure { scope: Scope::Everything, reason: long_code(), ordered_at: from, ..erasure };
        let item = Item { version: u64::MAX, erased: long_names(256), kept: many_kept(256), ..item };
        acts.push(erasure_intended(&erasure, &item));
        acts.push(vec![erasure_done(&erasure, &item, from)]);
        acts.push(vec![erasure_refused(&erasure, &item, from)]);
    }
    acts
}

#[tokio::test]
async fn the_journal_takes_the_largest_of_all_acts_and_gives_them_back() {
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let objects = Arc::new(MemoryObjects::new(clock.clone()));
    let prefix = Prefix::new("journal/").unwrap();
    let journal = Journal::open(objects, prefix, clock, Duration::from_secs(1)).await.unwrap();
    let mut number = 0;
    for acts in largest() {
        assert!(acts.len() <= MAX_ACTS + 7, "{} acts of one thing", acts.len());
        read_all(&acts);
        // As who appends them does.
        for acts in acts.chunks(MAX_ACTS) {
            let last = journal.append(acts.to_vec()).await.unwrap();
            assert_eq!(last, number + acts.len() as u64);
            let found = journal.read(number, acts.len()).await.unwrap();
            assert!(found.into_iter().map(|record| record.act).eq(acts.iter().cloned()));
            number = last;
        }
    }
}

#[test]
fn more_than_a_record_takes_of_what_went_is_told_as_such() {
    let names = long_names(40);
    let (erasure, item) = some_item(Scope::Purposes(names.clone()));
    let erased_as = |item: &Item| match read(&erasure_done(&erasure, item, Timestamp(1))) {
        Ok(Said::Done { erased, .. }) => erased,
        other => panic!("{other:?}"),
    };
    let all = Item { erased: names.clone(), ..item.clone() };
    assert_eq!(erased_as(&all), Erased::Scope);
    let most = Item { erased: names.into_iter().skip(1).collect(), ..item.clone() };
    assert_eq!(erased_as(&most), Erased::Unlisted);
    let few = Item { erased: long_names(3), ..item.clone() };
    assert_eq!(erased_as(&few), Erased::Purposes(long_names(3)));
    assert_eq!(erased_as(&item), Erased::Purposes(BTreeSet::new()));
}

#[test]
fn of_too_many_that_keep_something_the_first_are_named() {
    let (erasure, item) = some_item(Scope::Everything);
    let item = Item { kept: many_kept(40), step: Step::Deferred, ..item };
    let act = erasure_refused(&erasure, &item, Timestamp(1));
    let Ok(Said::Refused { settled, .. }) = read(&act) else { panic!("{act:?}") };
    assert!(settled.kept.len() >= 9, "{}", settled.kept.len());
    let left_out = format!("kept-more:{}", 40 - settled.kept.len());
    assert_eq!(act.codes.last().map(Code::as_str), Some(&left_out[..]));
}
