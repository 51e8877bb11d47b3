use std::collections::BTreeSet;

use journal::Kind;
use kernel::{Interval, Position, RecordingId, SubjectId};

use super::*;
use crate::erasure::{Cause, Failure, Scope, Step, Target};
use crate::kept::TermState;
use crate::saga::testing::{Bench, both, code, duty_rule, later, name, names, ordered, policy_rule, tenant};

fn word(error: &Error) -> &'static str {
    match error {
        Error::Refused { word, .. } => word,
        other => panic!("{other:?}"),
    }
}

fn field(error: &Error) -> &'static str {
    match error {
        Error::Invalid { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_order_again_has_no_second_effect_and_another_under_its_id_is_refused() {
    let bench = Bench::new().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let order = ordered(Target::Recording(recording), Scope::Everything);
    let erasing = bench.erasing();
    let first = erasing.order(&tenant(), order.clone()).await.unwrap();
    assert_eq!((first.state, first.items, first.cause), (State::Running, 1, Cause::Order));
    bench.run().await;
    let again = erasing.order(&tenant(), order.clone()).await.unwrap();
    assert_eq!((again.id, again.state), (first.id, State::Done));
    for other in [
        Ordered { scope: Scope::Purposes(names(&["quality"])), ..order.clone() },
        Ordered { reason: code("pci-3-3-1"), ..order.clone() },
        Ordered { target: Target::Recording(RecordingId::new()), ..order.clone() },
    ] {
        assert_eq!(word(&erasing.order(&tenant(), other).await.unwrap_err()), "other-erasure");
    }
    assert_eq!(bench.only().await.id, first.id);
}

#[tokio::test]
async fn an_order_is_journalled_before_it_is_answered_once_for_each_recording() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let mut recordings = Vec::new();
    for _ in 0..3 {
        recordings.push(bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await);
    }
    let order = ordered(Target::Subject(subject), Scope::Everything);
    let erasing = bench.erasing();
    let first = erasing.order(&tenant(), order.clone()).await.unwrap();
    assert_eq!(bench.journalled().await, [Kind::ErasureIntended; 3]);
    let again = erasing.order(&tenant(), order).await.unwrap();
    assert_eq!((again.id, bench.journalled().await.len()), (first.id, 3), "a repetition is the same act");
    bench.run().await;
    let intended = bench.journalled().await.into_iter().filter(|kind| *kind == Kind::ErasureIntended);
    assert_eq!(intended.count(), 3, "the saga says the same");
}

#[tokio::test]
async fn an_order_that_got_no_further_than_the_store_is_journalled_when_it_comes_again() {
    let bench = Bench::new().await;
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let order = ordered(Target::Recording(recording), Scope::Everything);
    let erasing = bench.erasing();
    let erasure = Erasure {
        tenant: tenant(),
        id: order.id,
        version: 1,
        cause: Cause::Order,
        target: order.target.clone(),
        scope: order.scope.clone(),
        reason: order.reason.clone(),
        ordered_by: order.by.clone(),
        ordered_at: erasing.now(),
        state: State::Gathering,
        items: 0,
        settled_at: None,
        receipt: Vec::new(),
    };
    assert_eq!(erasing.begin(&erasure).await.unwrap(), Written::Applied);
    erasing.gather(&erasure).await.unwrap();
    assert_eq!(bench.journalled().await, []);
    erasing.order(&tenant(), order).await.unwrap();
    assert_eq!(bench.journalled().await, [Kind::ErasureIntended]);
}

#[tokio::test]
async fn an_item_that_failed_before_it_was_announced_is_announced_by_the_saga() {
    let bench = Bench::new().await;
    // A tenant of whom nothing is kept has nothing to go through.
    bench.keep(both("quality", later(40), &policy_rule()), &[]).await;
    let recording = RecordingId::new();
    bench.mesh.sealed(recording, &["quality"]);
    let erasing = bench.erasing();
    let begun = Erasure {
        tenant: tenant(),
        id: kernel::ErasureId::new(),
        version: 1,
        cause: Cause::Order,
        target: Target::Recording(recording),
        scope: Scope::Everything,
        reason: code("art-17-1-d"),
        ordered_by: "anna".to_owned(),
        ordered_at: erasing.now(),
        state: State::Gathering,
        items: 0,
        settled_at: None,
        receipt: Vec::new(),
    };
    assert_eq!(erasing.begin(&begun).await.unwrap(), Written::Applied);
    erasing.gather(&begun).await.unwrap();
    // Its first try met a journal that was away.
    let mut item = bench.item(begun.id, recording).await;
    (item.version, item.failure) = (2, Some(Failure { code: code("journal"), tries: 1 }));
    assert_eq!(bench.store.change_item(&item).await.unwrap(), Written::Applied);
    bench.run().await;
    assert_eq!(bench.journalled().await, [Kind::ErasureIntended]);
    // It waits for its stamp now, and is not announced each time that is looked at.
    bench.run().await;
    assert_eq!(bench.journalled().await, [Kind::ErasureIntended]);
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_by_its_field_and_leaves_nothing() {
    let bench = Bench::new().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    let interval = |from, to| Interval::new(Position(from), Position(to)).unwrap();
    let stretch = |from, to| Scope::Stretch { interval: interval(from, to), legs: BTreeSet::new() };
    let erasing = bench.erasing();
    let of = |target: Target, scope: Scope| ordered(target, scope);
    for (what, order) in [
        ("purposes", of(Target::Recording(recording), Scope::Purposes(names(&["training"])))),
        ("purposes", of(Target::Subject(subject), Scope::Purposes(names(&["quality", "training"])))),
        ("purposes", of(Target::Recording(recording), Scope::Purposes(BTreeSet::new()))),
        ("stretch", of(Target::Subject(subject), stretch(0, 5))),
        ("stretch", of(Target::Recording(recording), stretch(3_600_000_000, 3_700_000_000))),
        ("what", of(Target::Due, Scope::Everything)),
        (
            "reason",
            Ordered { reason: code("CASE:7/2"), ..of(Target::Recording(recording), Scope::Everything) },
        ),
    ] {
        assert_eq!(field(&erasing.order(&tenant(), order).await.unwrap_err()), what);
    }
    let unknown =
        of(Target::Recording(recording), Scope::Purposes(names(&["quality", "training", "upsell"])));
    assert_eq!(
        erasing.order(&tenant(), unknown).await.unwrap_err().to_string(),
        "purposes must all be ones that something is kept for, and nothing is for training"
    );
    let nobody = of(Target::Subject(SubjectId::new()), Scope::Everything);
    assert_eq!(word(&erasing.order(&tenant(), nobody).await.unwrap_err()), "nothing-kept");
    let unknown = of(Target::Recording(RecordingId::new()), Scope::Everything);
    assert!(matches!(erasing.order(&tenant(), unknown).await, Err(Error::Unknown { what: "recording", .. })));
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_a_person_only_recordings_with_the_purpose_are_taken() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let with = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    let without = bench.keep(both("training", later(40), &policy_rule()), &[subject]).await;
    let erasure = bench.order(Target::Subject(subject), Scope::Purposes(names(&["quality"]))).await;
    assert_eq!(erasure.items, 1);
    bench.run().await;
    assert!(bench.mesh.opens(with).is_empty());
    assert_eq!(bench.mesh.purposes(without), names(&["training"]));
}

#[tokio::test]
async fn a_basis_that_was_lost_before_the_stamp_is_found_after_it_once() {
    let bench = Bench::new().await;
    bench.control().await;
    let mut terms = both("quality", later(40), &policy_rule());
    terms.extend(both("training", later(40), &policy_rule()));
    terms.extend(both("duty", later(400), &duty_rule()));
    let recording = bench.keep(terms, &[]).await;
    bench.erasing().basis_after_stamp(&bench.kept(recording).await, &BTreeSet::new()).await.unwrap();
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
    bench.mesh.lose(recording, "quality");
    bench.mesh.lose(recording, "duty");
    let stamped = bench.kept(recording).await;
    for _ in 0..2 {
        bench.erasing().basis_after_stamp(&stamped, &BTreeSet::new()).await.unwrap();
    }
    let erasure = bench.only().await;
    assert_eq!((erasure.cause, erasure.items), (Cause::BasisLost, 1));
    assert_eq!(erasure.reason, code("art-17-1-b"));
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.erased), (Step::Done, [name("quality")].into()));
    assert_eq!(bench.mesh.purposes(recording), names(&["duty", "training"]));
    let ended = bench.states(recording).await.into_iter().filter(|(_, state)| *state == TermState::Ended);
    assert_eq!(ended.count(), 1);
}

#[tokio::test]
async fn nothing_is_ready_before_the_store_has_caught_up_with_the_journal() {
    let bench = Bench::new().await;
    let erasing = bench.erasing();
    assert!(erasing.caught_up().unwrap_err().contains("has not caught up"));
    erasing.catch_up_once().await.unwrap();
    assert_eq!(erasing.caught_up(), Ok(()));
}

#[test]
fn an_id_that_follows_from_another_is_the_same_each_time_and_sorts_with_it() {
    let (one, two) = (kernel::EventId::new().to_bytes(), kernel::EventId::new().to_bytes());
    assert_eq!(derived(one, b"basis-lost"), derived(one, b"basis-lost"));
    assert_ne!(derived(one, b"basis-lost"), derived(one, b"basis-after-stamp"));
    assert_ne!(derived(one, b"basis-lost"), derived(two, b"basis-lost"));
    assert_eq!(derived(one, b"basis-lost").to_bytes()[..6], one[..6]);
}
