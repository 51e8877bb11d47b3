//! The same of disclosures.

use futures::future::{join, join3};
use kernel::RecordingId;
use platform::OutboxStore;

use super::super::disclosures::{given, got, put, unanswered};
use super::super::sample::alfa;
use super::super::sample::disclosures::{Given, to_vendor};
use super::super::{ids, told};
use super::{ROUNDS, winner};
use crate::store::Disclosures;

/// Its recording and its event are the winner's.
pub async fn of_two_that_begin_a_disclosure_one_does<S: Disclosures + OutboxStore>(store: &S, other: &S) {
    let mut applied = Vec::new();
    for _ in 0..ROUNDS {
        let first = Given::first();
        let rival = Given::of(to_vendor(first.disclosure.key.clone(), RecordingId::new()));
        let both = [first, rival];
        let (one, two) = join(put(store, &both[0]), put(other, &both[1])).await;
        let winner = winner(one, two);
        for handle in [store, other] {
            let standing = got(handle, &both[winner].disclosure.key).await;
            assert_eq!(standing.as_ref(), Some(&both[winner].disclosure));
        }
        for (number, given) in both.iter().enumerate() {
            let of = given.disclosure.recording;
            let found = store.of_recording(&alfa(), of, None, 10).await.expect("read");
            assert_eq!(found.len(), usize::from(number == winner));
        }
        applied.push(both[winner].event.clone());
    }
    assert_eq!(told(store).await, ids(&applied));
}

/// And the other one has left nothing, neither a notice nor a place among what is unanswered.
pub async fn of_two_changes_of_a_disclosure_on_one_version_one_is_there<S: Disclosures + OutboxStore>(
    store: &S,
    other: &S,
) {
    let mut step = Given::first();
    given(store, &step).await;
    let mut applied = vec![step.event.clone()];
    for _ in 0..ROUNDS {
        let due = step.due();
        given(store, &due).await;
        let both = [due.acknowledged(), due.told_again()];
        let (one, two) = join(put(store, &both[0]), put(other, &both[1])).await;
        step = both[winner(one, two)].clone();
        applied.extend([due.event, step.event.clone()]);
        for handle in [store, other] {
            assert_eq!(got(handle, &step.disclosure.key).await.as_ref(), Some(&step.disclosure));
            let expected = if step.disclosure.is_open() { vec![step.disclosure.clone()] } else { Vec::new() };
            assert_eq!(unanswered(handle, &alfa()).await, expected);
        }
        if step.disclosure.is_open() {
            step = step.acknowledged();
            given(other, &step).await;
            applied.push(step.event.clone());
        }
    }
    assert_eq!(told(store).await, ids(&applied));
}

/// Whatever process wrote it, and whichever answered.
pub async fn a_notice_is_unanswered_for_every_process_once_it_is_written<S: Disclosures>(
    store: &S,
    other: &S,
) {
    for _ in 0..ROUNDS {
        let first = Given::first();
        let due = first.due();
        given(store, &first).await;
        given(store, &due).await;
        assert_eq!(unanswered(other, &alfa()).await, std::slice::from_ref(&due.disclosure));
        given(other, &due.acknowledged()).await;
        assert_eq!(unanswered(store, &alfa()).await, []);
    }
}

/// Whoever sees it without an open notice, and takes it off the list, does not take off what comes at that moment.
pub async fn a_notice_that_comes_while_the_last_one_is_answered_is_found<S: Disclosures>(
    store: &S,
    other: &S,
) {
    let mut step = Given::first();
    given(store, &step).await;
    for _ in 0..ROUNDS {
        let due = step.due();
        given(store, &due).await;
        let answered = due.acknowledged();
        join(given(other, &answered), unanswered(store, &alfa())).await;
        let another = answered.due();
        join3(unanswered(other, &alfa()), given(store, &another), unanswered(other, &alfa())).await;
        for handle in [store, other] {
            assert_eq!(unanswered(handle, &alfa()).await, std::slice::from_ref(&another.disclosure));
        }
        step = another.acknowledged();
        given(store, &step).await;
    }
}
