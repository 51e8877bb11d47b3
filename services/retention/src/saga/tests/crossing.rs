//! Holds and erasures at the same moment.

use std::collections::BTreeSet;

use journal::Kind;
use kernel::Timestamp;

use crate::erasure::{Scope, State, Step, Target};
use crate::hold::{Hold, HoldKind, Selector};
use crate::saga::testing::{Bench, both, hold, later, names, policy_rule, tenant};
use crate::store::Store;

#[tokio::test]
async fn a_hold_and_an_erasure_cannot_cross() {
    let bench = Bench::new().await;
    bench.control().await;
    let (mut stopped, mut too_late) = (0, 0);
    for seed in 1..=200_u64 {
        let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
        let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
        bench.mesh.dawdle(seed);
        let placed = hold(Selector::Recordings([recording].into()));
        let (erasing, saga) = (bench.erasing(), bench.saga());
        let placing = async {
            // Reads take about as long here as in the saga, so that the hold comes at every moment of it.
            for _ in 0..seed % 24 {
                bench.store.journal_position().await.unwrap();
            }
            bench.place(&erasing, &placed).await
        };
        let (crossed, advanced) = tokio::join!(placing, saga.advance());
        advanced.unwrap();
        let said = (crossed.erased_before.contains(&recording), crossed.stopped.contains(&recording));
        bench.run().await;
        let item = bench.item(erasure.id, recording).await;
        match item.step {
            Step::Deferred => {
                assert!(!bench.mesh.has_removed(recording), "seed {seed}: it is held and gone");
                assert_eq!(said, (false, true), "seed {seed}");
                stopped += 1;
            }
            Step::Done => {
                assert!(bench.mesh.purposes(recording).is_empty(), "seed {seed}");
                assert_eq!(said, (true, false), "seed {seed}: it is gone, and the hold must say so");
                too_late += 1;
            }
            step => panic!("seed {seed}: {step:?}"),
        }
        bench.mesh.dawdle(0);
    }
    assert!(stopped > 0, "no hold came first");
    assert!(too_late > 0, "no hold came too late");
}

#[tokio::test]
async fn a_hold_on_what_is_gone_says_so() {
    let bench = Bench::new().await;
    bench.control().await;
    let (anna, bruno) = (kernel::SubjectId::new(), kernel::SubjectId::new());
    let hers = bench.keep(both("quality", later(40), &policy_rule()), &[anna]).await;
    let other = bench.keep(both("quality", later(40), &policy_rule()), &[anna]).await;
    let his = bench.keep(both("quality", later(40), &policy_rule()), &[bruno]).await;
    bench.order(Target::Recording(hers), Scope::Everything).await;
    bench.run().await;
    bench.clock.set(later(1));
    let since = |selector| Hold { placed_at: later(1), ..hold(selector) };
    let query = |subjects| Selector::Query { from: Timestamp(0), until: later(2), subjects };
    for (selector, gone) in [
        (Selector::Recordings([hers, other].into()), vec![hers]),
        (Selector::Recordings([other].into()), vec![]),
        (Selector::Subjects([anna, bruno].into()), vec![hers]),
        (Selector::Subjects([bruno].into()), vec![]),
        (query([anna].into()), vec![hers]),
        // Nothing finds by its time alone what was gone long before.
        (query(BTreeSet::new()), vec![]),
    ] {
        let crossed = bench.place(&bench.erasing(), &since(selector.clone())).await;
        assert_eq!((crossed.erased_before, crossed.stopped), (gone, vec![]), "{selector:?}");
    }
    assert_eq!(bench.mesh.purposes(his).len(), 1);
}

#[tokio::test]
async fn what_was_done_between_a_hold_and_its_look_is_said_to_be_gone() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = kernel::SubjectId::new();
    let mut terms = both("quality", later(40), &policy_rule());
    terms.extend(both("training", later(40), &policy_rule()));
    let recording = bench.keep(terms, &[subject]).await;
    bench.order(Target::Recording(recording), Scope::Purposes(names(&["quality"]))).await;
    bench.run().await;
    // Placed at the moment at which the erasure was settled, and looking only now.
    for selector in [
        Selector::Recordings([recording].into()),
        Selector::Subjects([subject].into()),
        Selector::Query { from: Timestamp(0), until: later(2), subjects: BTreeSet::new() },
    ] {
        let crossed = bench.place(&bench.erasing(), &hold(selector.clone())).await;
        assert_eq!(crossed.erased_before, [recording], "{selector:?}");
    }
}

#[tokio::test]
async fn what_a_hold_stopped_is_told_again_when_it_is_placed_again() {
    let bench = Bench::new().await;
    bench.control().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    let placed = hold(Selector::Recordings([recording].into()));
    let erasing = bench.erasing();
    let first = bench.place(&erasing, &placed).await;
    assert_eq!((first.stopped.as_slice(), first.erased_before.len()), (&[recording][..], 0));
    assert_eq!(bench.erasing().stopped_by(&placed).await.unwrap(), first);
    let refused = bench.journalled().await.into_iter().filter(|kind| *kind == Kind::ErasureRefused).count();
    assert_eq!(refused, 1);
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Refused);
}

#[tokio::test]
async fn another_hold_keeps_what_one_lets_go() {
    let bench = Bench::new().await;
    bench.control().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    let holds = [0, 1].map(|_| hold(Selector::Recordings([recording].into())));
    let erasing = bench.erasing();
    for placed in &holds {
        bench.place(&erasing, placed).await;
    }
    let released = bench.release(&holds[0]).await;
    erasing.released(&released).await.unwrap();
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Deferred);
    // Whoever was to let it go died: it is found now and then.
    bench.release(&holds[1]).await;
    bench.erasing().resume_deferred(&tenant()).await.unwrap();
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
}

#[tokio::test]
async fn what_a_hold_deferred_goes_on_only_while_the_recording_is_of_who_asked() {
    for turns_out_to_be_another in [false, true] {
        let bench = Bench::new().await;
        bench.control().await;
        let (one, other) = (kernel::SubjectId::new(), kernel::SubjectId::new());
        bench.mesh.merge(one, other);
        let recording = bench.keep(both("quality", later(40), &policy_rule()), &[other]).await;
        let target = Target::RecordingOf { recording, subject: one };
        let placed = hold(Selector::Recordings([recording].into()));
        bench.place(&bench.erasing(), &placed).await;
        let erasure = bench.order(target, Scope::Everything).await;
        bench.run().await;
        assert_eq!(bench.item(erasure.id, recording).await.step, Step::Deferred);
        if turns_out_to_be_another {
            bench.mesh.part(one, other);
        }
        let released = bench.release(&placed).await;
        // Nobody says whose it is: nothing goes, and the hold is released all the same.
        bench.mesh.go("person");
        bench.erasing().released(&released).await.unwrap();
        bench.run().await;
        assert_eq!(bench.item(erasure.id, recording).await.step, Step::Deferred);
        bench.mesh.come_back("person");
        bench.erasing().resume_deferred(&tenant()).await.unwrap();
        bench.run().await;

        let (item, row) = (bench.item(erasure.id, recording).await, bench.receipt(erasure.id).await);
        let kinds = bench.journalled().await;
        if turns_out_to_be_another {
            assert_eq!(item.step, Step::Refused);
            assert_eq!(bench.mesh.purposes(recording), names(&["quality"]));
            assert_eq!(row.recordings[0].kept[0].by.as_str(), "not-theirs");
            let ends = [Kind::ErasureIntended, Kind::ErasureRefused, Kind::ErasureRefused];
            assert_eq!(kinds, ends, "a restored store does not take it up again");
        } else {
            assert_eq!(item.step, Step::Done);
            assert!(bench.mesh.purposes(recording).is_empty());
            assert!(row.recordings[0].kept.is_empty());
            assert_eq!(kinds.last(), Some(&Kind::ErasureDone));
        }
    }
}

#[tokio::test]
async fn a_restriction_holds_up_no_erasure_of_a_recording_with_a_row_or_without() {
    for has_row in [true, false] {
        let bench = Bench::new().await;
        bench.control().await;
        let recording = if has_row {
            bench.keep(both("quality", later(40), &policy_rule()), &[]).await
        } else {
            let recording = kernel::RecordingId::new();
            bench.mesh.sealed(recording, &["quality"]);
            recording
        };
        let over = || Selector::Recordings([recording].into());
        let restriction = Hold { kind: HoldKind::Restriction, ..hold(over()) };
        let (erasing, held) = (bench.erasing(), hold(over()));
        let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
        let crossed = bench.place(&erasing, &restriction).await;
        assert_eq!((crossed.stopped, crossed.erased_before), (vec![], vec![]));
        assert_eq!(bench.item(erasure.id, recording).await.step, Step::Registered);
        assert_eq!(bench.place(&erasing, &held).await.stopped, [recording]);
        assert_eq!(bench.item(erasure.id, recording).await.step, Step::Deferred);
        // The restriction still stands when the hold does not.
        let released = bench.release(&held).await;
        erasing.released(&released).await.unwrap();
        assert_eq!(bench.item(erasure.id, recording).await.step, Step::Registered);
        if has_row {
            bench.run().await;
            assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
            let late = Hold { kind: HoldKind::Restriction, ..hold(over()) };
            assert_eq!(bench.place(&erasing, &late).await.erased_before, []);
        }
    }
}

#[tokio::test]
async fn a_recording_that_is_not_stamped_yet_is_erased_once_it_is_and_held_if_it_must_be() {
    let bench = Bench::new().await;
    bench.control().await;
    let (subject, recording) = (kernel::SubjectId::new(), kernel::RecordingId::new());
    bench.mesh.sealed(recording, &["quality"]);
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    for _ in 0..5 {
        bench.run().await;
    }
    let item = bench.item(erasure.id, recording).await;
    let failure = item.failure.clone().unwrap();
    assert_eq!((item.step, failure.code.as_str(), failure.tries), (Step::Registered, "not-stamped", 1));
    let placed = hold(Selector::Subjects([subject].into()));
    assert_eq!(bench.place(&bench.erasing(), &placed).await.stopped, []);
    bench.stamp(recording, both("quality", later(40), &policy_rule()), &[subject]).await;
    bench.run().await;
    assert_eq!(bench.item(erasure.id, recording).await.step, Step::Deferred);
    let released = bench.release(&placed).await;
    bench.erasing().released(&released).await.unwrap();
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    assert!(bench.store.deferred_items(&tenant(), None, 10).await.unwrap().is_empty());
}
