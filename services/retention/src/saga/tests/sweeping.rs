//! Sweeps: what is due and no more, and never too much without a second person.

use kernel::RecordingId;

use crate::config::Config;
use crate::erasure::{Cause, State};
use crate::error::Error;
use crate::saga::testing::{Bench, both, duty_rule, later, policy_rule, tenant};
use crate::store::Store;

/// So many that end in ten days, among as many that do not.
async fn bench(due: usize, kept: usize) -> (Bench, Vec<RecordingId>) {
    let mut bench = Bench::new().await;
    bench.config = Config { few: 2, share: 10, ..bench.config };
    let mut recordings = Vec::new();
    for _ in 0..due {
        recordings.push(bench.keep(both("quality", later(10), &policy_rule()), &[]).await);
    }
    for _ in 0..kept {
        bench.keep(both("duty", later(400), &duty_rule()), &[]).await;
    }
    (bench, recordings)
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::Refused { word, .. } => word,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_due_goes_by_itself_and_nothing_else() {
    let (bench, recordings) = bench(2, 3).await;
    bench.erasing().sweep_all().await.unwrap();
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
    bench.clock.set(later(10));
    assert_eq!(bench.erasing().sweep_all().await.unwrap(), 0);
    // A second sweep before the first is done takes nothing twice.
    bench.erasing().sweep_all().await.unwrap();
    let erasure = bench.only().await;
    assert_eq!((erasure.cause, erasure.items, erasure.state), (Cause::PeriodOver, 2, State::Running));
    assert_eq!(erasure.ordered_by, "retention");
    bench.run().await;
    assert_eq!(bench.only().await.state, State::Done);
    for recording in recordings {
        assert!(bench.mesh.opens(recording).is_empty());
    }
    bench.erasing().sweep_all().await.unwrap();
    bench.only().await;
    assert_eq!(bench.store.count_kept(&tenant()).await.unwrap(), 3);
}

#[tokio::test]
async fn more_than_the_bound_waits_for_a_second_person_who_agrees_to_the_same() {
    let (bench, recordings) = bench(5, 5).await;
    bench.clock.set(later(10));
    let erasing = bench.erasing();
    assert_eq!(erasing.sweep_all().await.unwrap(), 1);
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
    let (plan, asked_by) = erasing.plan(&tenant()).await.unwrap();
    assert_eq!((plan.recordings, plan.kept, plan.over_bound, asked_by), (5, 10, true, None));
    let other = "0".repeat(32);
    let stale = erasing.sweep(&tenant(), Some(&other), "anna").await.unwrap_err();
    assert_eq!(word(&stale), "stale-plan");
    let asked = erasing.sweep(&tenant(), Some(&plan.name), "anna").await.unwrap();
    assert_eq!((asked.erasure, asked.asked_by.as_deref()), (None, Some("anna")));
    let again = erasing.sweep(&tenant(), Some(&plan.name), "anna").await.unwrap_err();
    assert_eq!(word(&again), "asked-by-same");
    // Whoever agrees says to what.
    let unnamed = erasing.sweep(&tenant(), None, "bruno").await.unwrap();
    assert_eq!((unnamed.erasure, unnamed.asked_by.as_deref()), (None, Some("anna")));
    let agreed = bench.erasing().sweep(&tenant(), Some(&plan.name), "bruno").await.unwrap();
    let erasure = bench.erasure(agreed.erasure.unwrap()).await;
    assert_eq!((erasure.items, erasure.ordered_by.as_str()), (5, "bruno"));
    assert_eq!(bench.store.sweep_asked(&tenant()).await.unwrap(), None);
    bench.run().await;
    for recording in recordings {
        assert!(bench.mesh.opens(recording).is_empty());
    }
}

#[tokio::test]
async fn what_becomes_due_meanwhile_changes_no_plan_and_what_is_held_does() {
    let (bench, recordings) = bench(5, 5).await;
    let late = bench.keep(both("quality", later(11), &policy_rule()), &[]).await;
    bench.clock.set(later(10));
    let erasing = bench.erasing();
    let asked = erasing.sweep(&tenant(), None, "anna").await.unwrap();
    bench.clock.set(later(12));
    let (plan, asked_by) = erasing.plan(&tenant()).await.unwrap();
    assert_eq!((&plan.name, asked_by.as_deref()), (&asked.plan.name, Some("anna")));
    let placed = crate::saga::testing::hold(crate::hold::Selector::Recordings([recordings[0]].into()));
    bench.place(&erasing, &placed).await;
    let stale = erasing.sweep(&tenant(), Some(&asked.plan.name), "bruno").await.unwrap_err();
    assert_eq!(word(&stale), "stale-plan");
    let (plan, asked_by) = erasing.plan(&tenant()).await.unwrap();
    assert_eq!((plan.recordings, plan.held, asked_by), (5, 1, None));
    assert!(!bench.mesh.opens(late).is_empty());
}

#[tokio::test]
async fn a_sweep_that_died_while_it_was_announced_is_finished_without_it() {
    let (bench, _) = bench(2, 3).await;
    bench.clock.set(later(10));
    for polls in 1..6 {
        let erasing = bench.erasing();
        crate::saga::testing::Dying::after(polls, erasing.sweep_all()).await;
    }
    // What another process may still be adding is left alone for a while.
    bench.clock.advance(std::time::Duration::from_secs(3_600));
    bench.run().await;
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    for erasure in bench.store.erasures(&tenant(), None, 100).await.unwrap() {
        assert_eq!(erasure.state, State::Done, "{}", erasure.id);
    }
    assert_eq!(bench.store.due(&tenant(), later(11), None, 10).await.unwrap(), []);
}
