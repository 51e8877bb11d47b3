//! What two processes may do to each other at the same moment; each through a handle of its own.

mod disclosures;

pub use disclosures::*;

use futures::future::join;
use kernel::SubjectId;
use platform::OutboxStore;
use policy::request::State;

use super::sample::{Step, alfa};
use super::{appended, head, ids, records, told, written};
use crate::act::{Act, RequestKey};
use crate::store::{Store, Written};

/// How often each race is run: whoever begins first does not always come first.
const ROUNDS: usize = 20;
/// Acts of each writer.
const ACTS: u64 = 8;

/// Which of two was applied; the other must not have been.
fn winner(one: Written, other: Written) -> usize {
    match (one, other) {
        (Written::Applied, Written::Conflict) => 0,
        (Written::Conflict, Written::Applied) => 1,
        both => panic!("one of two is applied, not {both:?}"),
    }
}

/// Its head, its person and its event are the winner's.
pub async fn of_two_that_begin_a_request_one_does<S: Store + OutboxStore>(store: &S, other: &S) {
    let mut applied = Vec::new();
    for _ in 0..ROUNDS {
        let first = Step::first();
        let steps = [Step::of(first.head.key.clone(), SubjectId::new()), first];
        let (one, two) = join(written(store, &steps[0]), written(other, &steps[1])).await;
        let winner = winner(one, two);
        let standing = &steps[winner];
        for handle in [store, other] {
            assert_eq!(head(handle, &standing.head.key).await.as_ref(), Some(&standing.head));
            let acts = records(handle, &standing.head.key).await;
            assert_eq!(acts, std::slice::from_ref(&standing.record));
        }
        for (number, step) in steps.iter().enumerate() {
            let about = store.of_subject(&alfa(), step.head.subject).await.expect("read");
            assert_eq!(about.len(), usize::from(number == winner));
        }
        applied.push(standing.event());
    }
    assert_eq!(store.open(&alfa(), None, 100).await.expect("read").len(), ROUNDS);
    assert_eq!(told(store).await, ids(&applied));
}

/// And the other one has left nothing.
pub async fn of_two_acts_on_one_version_one_is_there<S: Store + OutboxStore>(store: &S, other: &S) {
    let mut step = Step::first();
    appended(store, &step).await;
    let (mut expected, mut applied) = (vec![step.record.clone()], vec![step.event()]);
    for _ in 0..ROUNDS {
        let steps =
            [step.then(Act::Doubted, State::AwaitingSubject), step.then(Act::Answered, State::Identifying)];
        let (one, two) = join(written(store, &steps[0]), written(other, &steps[1])).await;
        step = steps[winner(one, two)].clone();
        expected.push(step.record.clone());
        applied.push(step.event());
        for handle in [store, other] {
            assert_eq!(head(handle, &step.head.key).await.as_ref(), Some(&step.head));
        }
    }
    assert_eq!(records(other, &step.head.key).await, expected);
    assert_eq!(told(store).await, ids(&applied));
}

/// Each reads, decides and writes until its act is in.
pub async fn writers_that_cross_lose_no_act_and_no_event<S: Store + OutboxStore>(store: &S, other: &S) {
    let first = Step::first();
    appended(store, &first).await;
    let writes = async |store: &S, key: &RequestKey| {
        let mut left = ACTS;
        while left > 0 {
            let head = head(store, key).await.expect("there");
            let record = records(store, key).await.pop().expect("there");
            if head.version != record.version {
                continue;
            }
            let last = Step { head, record };
            if written(store, &last.then(Act::Doubted, State::AwaitingSubject)).await == Written::Applied {
                left -= 1;
            }
        }
    };
    join(writes(store, &first.head.key), writes(other, &first.head.key)).await;
    let last = head(store, &first.head.key).await.expect("there");
    assert_eq!(last.version, 1 + 2 * ACTS);
    let acts = records(other, &first.head.key).await;
    assert!(acts.iter().map(|record| record.version).eq(1..=last.version));
    let told = told(store).await;
    assert!(acts.iter().all(|record| told.contains(&record.id)));
    assert_eq!(told.len(), acts.len());
}

/// Whatever process began it, and whichever closed it.
pub async fn a_request_is_open_for_every_process_once_it_began<S: Store>(store: &S, other: &S) {
    for _ in 0..ROUNDS {
        let first = Step::first();
        appended(store, &first).await;
        assert_eq!(other.open(&alfa(), None, 10).await.expect("read"), std::slice::from_ref(&first.head));
        appended(other, &first.closed()).await;
        assert_eq!(store.open(&alfa(), None, 10).await.expect("read"), []);
    }
}
