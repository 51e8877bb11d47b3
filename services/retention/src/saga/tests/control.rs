//! What must open for nothing to be taken for erased only because nothing opens at all.

use kernel::RecordingId;
use policy::retention::DataKind;

use crate::erasure::{Scope, State, Step, Target};
use crate::events;
use crate::kept::TermState;
use crate::saga::testing::{Bench, NOW, both, later, name, names, policy_rule, tenant};
use crate::store::{Store, Written};

/// Writes this state into the terms of a purpose.
async fn bring(bench: &Bench, id: RecordingId, purpose: &str, kinds: &[DataKind], state: TermState) {
    let mut kept = bench.kept(id).await;
    kept.version += 1;
    for term in &mut kept.terms {
        if term.stamp.purpose == name(purpose) && kinds.contains(&term.stamp.kind) {
            term.state = state;
        }
    }
    let written = bench.store.change(&kept, &events::stamped(&kept, NOW)).await.unwrap();
    assert_eq!(written, Written::Applied);
}

/// Recordings of which a part is being erased, and one that is due after all of them and is to go.
async fn partly_erased(bench: &Bench, count: usize) -> (Vec<RecordingId>, RecordingId) {
    let mut others = Vec::new();
    for _ in 0..count {
        let mut terms = both("quality", later(30), &policy_rule());
        terms.extend(both("training", later(30), &policy_rule()));
        let id = bench.keep(terms, &[]).await;
        bring(bench, id, "quality", DataKind::ALL, TermState::Ending).await;
        others.push(id);
    }
    (others, bench.keep(both("quality", later(40), &policy_rule()), &[]).await)
}

#[tokio::test]
async fn where_all_the_first_are_being_erased_in_part_what_is_left_of_them_must_open() {
    let bench = Bench::new().await;
    let (_, recording) = partly_erased(&bench, 101).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    // The key tables are lost.
    bench.mesh.forget_everything();
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.failure.unwrap().code.as_str()), (Step::KeysRemoved, "control-silent"));
}

#[tokio::test]
async fn what_opens_only_for_what_is_being_erased_is_no_control() {
    let bench = Bench::new().await;
    let (others, recording) = partly_erased(&bench, 3).await;
    for other in others {
        bench.mesh.sealed(other, &["quality"]);
    }
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.failure.unwrap().code.as_str()), (Step::KeysRemoved, "control-silent"));
}

#[tokio::test]
async fn of_two_that_are_erased_in_part_at_once_each_is_the_other_s_control() {
    let bench = Bench::new().await;
    let subject = kernel::SubjectId::new();
    let mut both_of = Vec::new();
    for _ in 0..2 {
        let mut terms = both("quality", later(30), &policy_rule());
        terms.extend(both("training", later(30), &policy_rule()));
        both_of.push(bench.keep(terms, &[subject]).await);
    }
    let erasure = bench.order(Target::Subject(subject), Scope::Purposes(names(&["quality"]))).await;
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    for recording in both_of {
        assert!(bench.item(erasure.id, recording).await.report.probed_at.is_some());
        assert_eq!(bench.mesh.purposes(recording), names(&["training"]));
    }
    assert!(bench.store.running_items(&tenant(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_recording_of_which_only_metadata_is_kept_must_open_for_that() {
    let bench = Bench::new().await;
    let other = bench.control().await;
    bring(&bench, other, "quality", &[DataKind::Audio], TermState::Ending).await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
    assert!(bench.item(erasure.id, recording).await.report.probed_at.is_some());
}

#[tokio::test]
async fn the_one_that_opens_is_found_behind_many_that_say_nothing() {
    let bench = Bench::new().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    for _ in 0..19 {
        let silent = bench.keep(both("quality", later(30), &policy_rule()), &[]).await;
        bench.mesh.sealed(silent, &[]);
    }
    bench.control().await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
}
