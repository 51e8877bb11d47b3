//! Whatever fails and wherever a process dies: whoever comes next finishes it, with one outcome.

use journal::Kind;
use kernel::RecordingId;

use crate::erasure::{Erasure, Scope, State, Step, Target};
use crate::kept::TermState;
use crate::saga::testing::{Bench, Dying, Fault, both, duty_rule, later, name, names, policy_rule};

/// An erasure of one recording that is partly under a duty.
async fn begun(bench: &Bench) -> (RecordingId, Erasure) {
    bench.control().await;
    let mut terms = both("duty", later(400), &duty_rule());
    terms.extend(both("quality", later(40), &policy_rule()));
    let recording = bench.keep(terms, &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    (recording, erasure)
}

/// Lets machine time pass, while no store is waited for.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

async fn check_done(bench: &Bench, recording: RecordingId, erasure: &Erasure, case: &str) {
    let found = bench.erasure(erasure.id).await;
    assert_eq!(found.state, State::Partial, "{case}");
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, &item.erased, &item.failure), (Step::Done, &names(&["quality"]), &None), "{case}");
    assert_eq!(item.report.epoch, Some(crate::saga::testing::EPOCH), "{case}");
    assert!(item.report.entries_at.is_some() && item.report.probed_at.is_some(), "{case}");
    assert_eq!(bench.mesh.purposes(recording), names(&["duty"]), "{case}");
    let states = [("duty".to_owned(), TermState::Running), ("quality".to_owned(), TermState::Ended)];
    assert_eq!(bench.states(recording).await, states, "{case}");
    assert_eq!(bench.receipt(erasure.id).await.recordings.len(), 1, "{case}");
    let acts = bench.journalled().await;
    assert_eq!(acts.first(), Some(&Kind::ErasureIntended), "{case}");
    assert_eq!(acts.iter().filter(|kind| **kind == Kind::ErasureDone).count(), 1, "{case}: {acts:?}");
    assert_eq!(acts.last(), Some(&Kind::ErasureDone), "{case}: {acts:?}");
}

#[tokio::test]
async fn a_call_that_fails_is_made_again_by_whoever_comes_next() {
    for fault in [Fault::Before, Fault::After] {
        for call in 1.. {
            let bench = Bench::new().await;
            let (recording, erasure) = begun(&bench).await;
            bench.mesh.fail_at(call, fault);
            bench.run().await;
            let failed = !bench.mesh.has_fault();
            if failed {
                let item = bench.item(erasure.id, recording).await;
                let case = format!("{fault:?} call {call}: {item:?}");
                assert!(item.step.is_running() && item.failure.is_some(), "{case}");
                assert_ne!(bench.erasure(erasure.id).await.state, State::Done, "{case}");
                bench.run().await;
            }
            check_done(&bench, recording, &erasure, &format!("{fault:?} call {call}")).await;
            if !failed {
                assert!(call > 3, "removing, clearing and probing are calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn wherever_a_process_dies_another_one_ends_it_in_the_same_way() {
    for polls in 1.. {
        let bench = Bench::new().await;
        let (recording, erasure) = begun(&bench).await;
        let saga = bench.saga();
        let ended = Dying::after(polls, async { while saga.advance().await.unwrap() {} }).await;
        drop(saga);
        bench.run().await;
        check_done(&bench, recording, &erasure, &format!("after {polls} polls")).await;
        if ended.is_some() {
            assert!(polls > 10, "a store and a journal are awaited: {polls}");
            break;
        }
    }
}

#[tokio::test]
async fn wherever_who_orders_dies_every_recording_is_found() {
    let subject = kernel::SubjectId::new();
    for polls in 1.. {
        let bench = Bench::new().await;
        bench.control().await;
        for _ in 0..5 {
            bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
        }
        let ordered = crate::saga::testing::ordered(Target::Subject(subject), Scope::Everything);
        let erasing = bench.erasing();
        let alfa = crate::saga::testing::tenant();
        let order = erasing.order(&alfa, ordered.clone());
        let ended = Dying::after(polls, order).await;
        drop(erasing);
        if ended.is_none() {
            // Nothing was answered: whoever ordered it does so again, unless it was begun and goes on by itself.
            bench.run().await;
            bench.erasing().order(&crate::saga::testing::tenant(), ordered.clone()).await.unwrap();
        }
        bench.run().await;
        let found = bench.erasure(ordered.id).await;
        assert_eq!((found.state, found.items), (State::Done, 5), "after {polls} polls");
        if ended.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn two_processes_on_one_store_do_it_once() {
    let bench = Bench::new().await;
    let (recording, erasure) = begun(&bench).await;
    let (one, other) = (bench.saga(), bench.saga());
    let (first, second) = tokio::join!(one.advance(), other.advance());
    first.unwrap();
    second.unwrap();
    bench.run().await;
    let found = bench.erasure(erasure.id).await;
    assert_eq!(found.state, State::Partial);
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Done);
    assert_eq!(bench.mesh.purposes(recording), names(&["duty"]));
}

#[tokio::test]
async fn what_still_opens_is_never_called_done() {
    let bench = Bench::new().await;
    let (recording, erasure) = begun(&bench).await;
    bench.mesh.ignore(recording);
    for tries in 1..=3 {
        bench.run().await;
        let item = bench.item(erasure.id, recording).await;
        let failure = item.failure.unwrap();
        assert_eq!((item.step, failure.code.as_str()), (Step::ObjectsErased, "still-open"));
        assert_eq!(failure.tries, tries);
    }
    let saga = bench.saga();
    saga.advance().await.unwrap();
    assert_eq!(saga.stuck(), 1);
    let found = bench.erasure(erasure.id).await;
    assert!(found.state == State::Running && found.receipt.is_empty());
    assert!(!bench.journalled().await.contains(&Kind::ErasureDone));
    assert!(bench.states(recording).await.contains(&("quality".to_owned(), TermState::Ending)));
    bench.mesh.heed(recording);
}

#[tokio::test]
async fn where_nothing_opens_anywhere_no_object_is_deleted_and_nothing_is_proved() {
    let bench = Bench::new().await;
    let (recording, erasure) = begun(&bench).await;
    bench.mesh.forget_everything();
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.failure.unwrap().code.as_str()), (Step::KeysRemoved, "control-silent"));
    assert!(!bench.journalled().await.contains(&Kind::ErasureDone));
}

#[tokio::test]
async fn without_another_recording_there_is_no_control_and_the_receipt_says_so() {
    let bench = Bench::new().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    assert_eq!(bench.receipt(erasure.id).await.recordings[0].controlled_at, None);
}

#[tokio::test]
async fn a_store_that_is_away_holds_up_its_own_step_only() {
    let bench = Bench::new().await;
    let (recording, erasure) = begun(&bench).await;
    for (method, step) in
        [("remove", Step::Decided), ("open", Step::KeysRemoved), ("clear", Step::KeysRemoved)]
    {
        bench.mesh.go(method);
        bench.run().await;
        let item = bench.item(erasure.id, recording).await;
        assert_eq!((item.step, item.failure.unwrap().code.as_str()), (step, "crypto"), "{method}");
        bench.mesh.come_back(method);
    }
    bench.run().await;
    check_done(&bench, recording, &erasure, "all are back").await;
}

#[tokio::test]
async fn nothing_is_gone_before_the_last_lease_is() {
    let bench = Bench::new().await;
    let (recording, erasure) = begun(&bench).await;
    bench.mesh.lease(std::time::Duration::from_secs(40));
    let saga = bench.saga();
    saga.advance().await.unwrap();
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Decided);
    pass(39).await;
    saga.advance().await.unwrap();
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Decided);
    pass(2).await;
    saga.advance().await.unwrap();
    check_done(&bench, recording, &erasure, "the lease has run out").await;
}

#[tokio::test]
async fn a_stretch_goes_for_every_purpose_and_the_rest_stays() {
    let bench = Bench::new().await;
    bench.control().await;
    let recording = bench.keep(both("duty", later(400), &duty_rule()), &[]).await;
    let second = crate::saga::testing::SECOND;
    let interval =
        kernel::Interval::new(kernel::Position(10 * second), kernel::Position(12 * second + 1)).unwrap();
    let scope = Scope::Stretch { interval, legs: [kernel::LegNo(0)].into() };
    let erasure = bench.order(Target::Recording(recording), scope).await;
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    for (leg, span, opens) in [(0, 9, true), (0, 10, false), (0, 12, false), (0, 13, true), (1, 11, true)] {
        assert_eq!(bench.mesh.has_span(recording, leg, "duty", span), opens, "leg {leg} span {span}");
    }
    assert_eq!(bench.states(recording).await, [("duty".to_owned(), TermState::Running)]);
    let receipt = bench.receipt(erasure.id).await;
    assert_eq!(receipt.recordings[0].stretch.as_ref().unwrap().interval, interval);
    assert!(bench.mesh.purposes(recording).contains(&name("duty")));
}
