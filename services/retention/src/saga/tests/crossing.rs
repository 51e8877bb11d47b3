//! Holds and erasures at the same moment.

use journal::Kind;

use crate::erasure::{Scope, State, Step, Target};
use crate::hold::Selector;
use crate::saga::testing::{Bench, both, hold, later, policy_rule, tenant};
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
        // One that was all done when the hold came is neither.
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
                assert!(!said.1, "seed {seed}: it was said to be stopped and went on");
                too_late += usize::from(said.0);
            }
            step => panic!("seed {seed}: {step:?}"),
        }
        bench.mesh.dawdle(0);
    }
    assert!(stopped > 0, "no hold came first");
    assert!(too_late > 0, "no hold came too late");
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
