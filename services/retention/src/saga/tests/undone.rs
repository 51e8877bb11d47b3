//! Key tables that were put back from an older copy.

use kernel::{RecordingId, Timestamp};

use crate::erasure::{Erasure, Item, Report, Scope, State, Step, Target};
use crate::saga::testing::{Bench, Dying, NOW, SECOND, both, later, names, policy_rule};

/// A recording that was erased at the bench's time.
async fn erased(bench: &Bench) -> (RecordingId, Erasure) {
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    let erasure = bench.erasure(erasure.id).await;
    assert_eq!(erasure.state, State::Done);
    (recording, erasure)
}

async fn rows(bench: &Bench, recording: RecordingId, erasure: &Erasure) -> (Erasure, Item) {
    (bench.erasure(erasure.id).await, bench.item(erasure.id, recording).await)
}

/// So many seconds before the tests begin.
fn seconds_before(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 - i64::try_from(seconds * SECOND).unwrap())
}

#[tokio::test]
async fn an_erasure_that_key_tables_do_not_know_of_is_done_again_and_an_older_one_is_not() {
    let bench = Bench::new().await;
    bench.control().await;
    let (old, of_old) = erased(&bench).await;
    bench.clock.set(later(1));
    let (young, of_young) = erased(&bench).await;
    let first = bench.receipt(of_young.id).await;
    let untouched = rows(&bench, old, &of_old).await;
    // A copy of the first day takes the place of the key tables.
    bench.mesh.know(Some(NOW));
    bench.mesh.sealed(young, &["quality"]);
    bench.clock.set(later(2));
    bench.erasing().catch_up_once().await.unwrap();
    let (erasure, item) = rows(&bench, young, &of_young).await;
    assert_eq!((erasure.state, item.step, item.report), (State::Running, Step::Decided, Report::default()));
    bench.run().await;
    let (erasure, item) = rows(&bench, young, &of_young).await;
    assert_eq!((erasure.state, item.step), (State::Done, Step::Done));
    assert!(bench.mesh.opens(young).is_empty());
    assert_eq!(item.report.entries_at, Some(later(2)));
    let again = bench.receipt(of_young.id).await;
    assert_eq!(
        (first.recordings[0].entries_at, again.recordings[0].entries_at),
        (Some(later(1)), Some(later(2)))
    );
    assert_eq!(rows(&bench, old, &of_old).await, untouched);
}

#[tokio::test]
async fn a_start_with_the_key_tables_that_were_there_touches_nothing() {
    let bench = Bench::new().await;
    bench.control().await;
    let (recording, erasure) = erased(&bench).await;
    let before = rows(&bench, recording, &erasure).await;
    // The report's time is taken a moment after the removal.
    for known in [NOW, seconds_before(2), seconds_before(600)] {
        bench.mesh.know(Some(known));
        bench.erasing().catch_up_once().await.unwrap();
        assert_eq!(rows(&bench, recording, &erasure).await, before);
    }
}

#[tokio::test]
async fn a_copy_from_just_before_an_erasure_is_found_by_the_probe() {
    let bench = Bench::new().await;
    bench.control().await;
    let (recording, erasure) = erased(&bench).await;
    bench.mesh.know(Some(seconds_before(2)));
    bench.mesh.sealed(recording, &["quality"]);
    bench.erasing().catch_up_once().await.unwrap();
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Decided);
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    assert!(bench.mesh.opens(recording).is_empty());
}

#[tokio::test]
async fn where_key_tables_know_of_no_erasure_all_are_done_again_and_what_is_kept_stays_kept() {
    let bench = Bench::new().await;
    bench.control().await;
    let (recording, erasure) = erased(&bench).await;
    let mut terms = both("quality", later(40), &policy_rule());
    terms.extend(both("duty", later(400), &crate::saga::testing::duty_rule()));
    let partly = bench.keep(terms, &[]).await;
    let partial = bench.order(Target::Recording(partly), Scope::Everything).await;
    bench.run().await;
    let kept = bench.item(partial.id, partly).await.kept;
    bench.mesh.know(None);
    bench.mesh.sealed(recording, &["quality"]);
    bench.mesh.sealed(partly, &["quality", "duty"]);
    bench.erasing().catch_up_once().await.unwrap();
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
    assert_eq!(bench.mesh.purposes(partly), names(&["duty"]));
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    assert_eq!(bench.erasure(partial.id).await.state, State::Partial);
    assert_eq!(bench.item(partial.id, partly).await.kept, kept);
}

#[tokio::test]
async fn wherever_a_start_dies_the_next_one_finds_the_rest() {
    for polls in 1.. {
        let bench = Bench::new().await;
        bench.control().await;
        let mut all = Vec::new();
        for _ in 0..2 {
            all.push(erased(&bench).await);
        }
        bench.mesh.know(Some(seconds_before(3_600)));
        for (recording, _) in &all {
            bench.mesh.sealed(*recording, &["quality"]);
        }
        let erasing = bench.erasing();
        let ended = Dying::after(polls, erasing.catch_up_once()).await;
        drop(erasing);
        bench.erasing().catch_up_once().await.unwrap();
        bench.run().await;
        for (recording, erasure) in &all {
            assert!(bench.mesh.opens(*recording).is_empty(), "after {polls} polls");
            assert_eq!(bench.erasure(erasure.id).await.state, State::Done, "after {polls} polls");
        }
        if ended.is_some() {
            break;
        }
    }
}
