//! The scenarios of the field, as far as they lie here.

use std::collections::BTreeSet;

use journal::Kind;
use kernel::{RecordingId, SubjectId};
use policy::retention::DataKind;

use crate::erasure::{KeptBy, Scope, State, Step, Target};
use crate::hold::{Hold, HoldKind, Selector};
use crate::kept::TermState;
use crate::saga::testing::{
    Bench, EPOCH, both, code, duty_rule, hold, later, name, names, policy_rule, tenant, term,
};
use crate::store::Store;
use seal::receipt::{ErasureState, Outcome};

/// Something that becomes of a store, or is mended.
type Touch = fn(&Bench, RecordingId, RecordingId);

/// 41: G MiFID recording, year 2. W erasure. T deferred until the duty ends, other purposes gone now, the answer names rule
/// and date; when it ends it is erased with no new request.
#[tokio::test]
async fn s41_what_a_duty_keeps_goes_when_the_duty_ends_and_the_rest_at_once() {
    let bench = Bench::new().await;
    bench.control().await;
    let ends = later(3 * 365);
    let mut terms = both("duty", ends, &duty_rule());
    terms.extend(both("quality", later(90), &policy_rule()));
    let recording = bench.keep(terms, &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.erased.clone()), (Step::Done, names(&["quality"])));
    let kept = &item.kept[0];
    assert_eq!(kept.by, KeptBy::Rule(code("regime:mifid2-16-7")));
    assert_eq!((kept.purpose.clone(), kept.until), (Some(name("duty")), Some(ends)));
    assert_eq!(bench.mesh.purposes(recording), names(&["duty"]));
    let receipt = bench.receipt(erasure.id).await;
    assert_eq!(receipt.state, ErasureState::Partial);
    assert_eq!(receipt.recordings[0].kept[0].until, Some(ends));
    bench.clock.set(ends);
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
    assert!(bench.states(recording).await.iter().all(|(_, state)| *state == TermState::Ended));
    // The receipt is what it was.
    assert_eq!(bench.receipt(erasure.id).await, receipt);
}

/// 43: G hold on 1 of 40 recordings. T 39 erased, 1 deferred; receipt PARTIAL.
#[tokio::test]
async fn s43_one_of_forty_is_held_and_the_receipt_says_so() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let mut recordings = Vec::new();
    for _ in 0..40 {
        recordings.push(bench.keep(both("quality", later(90), &policy_rule()), &[subject]).await);
    }
    let placed = hold(Selector::Recordings([recordings[7]].into()));
    bench.place(&bench.erasing(), &placed).await;
    let erasure = bench.order(Target::Subject(subject), Scope::Everything).await;
    bench.run().await;
    let found = bench.erasure(erasure.id).await;
    assert_eq!((found.state, found.items), (State::Partial, 40));
    let receipt = bench.receipt(erasure.id).await;
    let with = |outcome| receipt.recordings.iter().filter(|row| row.outcome == outcome).count();
    assert_eq!((with(Outcome::Erased), with(Outcome::Deferred), with(Outcome::Refused)), (39, 1, 0));
    for recording in &recordings {
        assert_eq!(bench.mesh.opens(*recording).is_empty(), *recording != recordings[7]);
    }
}

/// 44: G passes, a hold placed after some. T later ones stop; receipt PARTIAL; on release the same erasure resumes.
#[tokio::test]
async fn s44_a_hold_stops_what_is_not_decided_and_the_same_erasure_goes_on_after_it() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let mut recordings: Vec<RecordingId> = Vec::new();
    for _ in 0..10 {
        recordings.push(bench.keep(both("quality", later(90), &policy_rule()), &[subject]).await);
    }
    // Three are decided, of which one is being erased, before the hold comes.
    let erasure = bench.order(Target::Subject(subject), Scope::Everything).await;
    recordings.sort_unstable();
    for recording in &recordings[..3] {
        let mut item = bench.item(erasure.id, *recording).await;
        (item.version, item.step, item.erased) = (2, Step::Decided, names(&["quality"]));
        bench.store.change_item(&item).await.unwrap();
    }
    let placed = hold(Selector::Subjects([subject].into()));
    let erasing = bench.erasing();
    let crossed = bench.place(&erasing, &placed).await;
    let set = |ids: &[RecordingId]| ids.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(&crossed.erased_before), set(&recordings[..3]));
    assert_eq!(set(&crossed.stopped), set(&recordings[3..]));
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Partial);
    let receipt = bench.receipt(erasure.id).await;
    let held = &receipt.recordings[5].kept[0];
    assert_eq!(held.by.as_str(), format!("hold:{}", placed.id));
    for (number, recording) in recordings.iter().enumerate() {
        assert_eq!(bench.mesh.opens(*recording).is_empty(), number < 3);
    }
    let released = bench.release(&placed).await;
    erasing.released(&released).await.unwrap();
    assert_eq!(bench.erasure(erasure.id).await.state, State::Running);
    bench.run().await;
    let found = bench.only().await;
    assert_eq!((found.id, found.state), (erasure.id, State::Done));
    assert_eq!(found.ordered_at, erasure.ordered_at);
    let now = bench.receipt(erasure.id).await;
    assert!(now.recordings.iter().all(|row| row.outcome == Outcome::Erased), "{now:?}");
    let done = bench.journalled().await.into_iter().filter(|kind| *kind == Kind::ErasureDone).count();
    assert_eq!(done, 10);
}

/// 50: G a store away, a key that is missing, nothing found where something was planned. T failed and alarmed, never
/// complete.
#[tokio::test]
async fn s50_what_fails_is_an_alarm_and_never_complete() {
    let bench = Bench::new().await;
    let control = bench.control().await;
    let recording = bench.keep(both("quality", later(90), &policy_rule()), &[]).await;
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    let cases: [(&str, Touch, Touch); 4] = [
        ("remove", |bench, _, _| bench.mesh.go("remove"), |bench, _, _| bench.mesh.come_back("remove")),
        ("clear", |bench, _, _| bench.mesh.go("clear"), |bench, _, _| bench.mesh.come_back("clear")),
        (
            "still opens",
            |bench, recording, _| bench.mesh.sealed(recording, &["quality"]),
            |bench, recording, _| bench.mesh.sealed(recording, &[]),
        ),
        (
            "nothing opens",
            |bench, _, control| bench.mesh.sealed(control, &[]),
            |bench, _, control| bench.mesh.sealed(control, &["quality"]),
        ),
    ];
    // What opens again does so between removal and probe: the item is brought there first.
    for (case, break_it, mend_it) in cases {
        if case == "still opens" {
            bench.mesh.go("open");
            bench.run().await;
            bench.mesh.come_back("open");
        }
        break_it(&bench, recording, control);
        for _ in 0..3 {
            bench.run().await;
        }
        let saga = bench.saga();
        saga.advance().await.unwrap();
        assert_eq!(saga.stuck(), 1, "{case}");
        let found = bench.erasure(erasure.id).await;
        assert!(found.state == State::Running && found.receipt.is_empty(), "{case}");
        assert!(!bench.journalled().await.contains(&Kind::ErasureDone), "{case}");
        mend_it(&bench, recording, control);
    }
    bench.run().await;
    assert_eq!(bench.erasure(erasure.id).await.state, State::Done);
}

/// 56: G 18(1)(c) hold and retention expiry. T not erased.
#[tokio::test]
async fn s56_what_its_person_needs_is_not_swept() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(10), &policy_rule()), &[subject]).await;
    let placed = hold(Selector::Subjects([subject].into()));
    bench.place(&bench.erasing(), &placed).await;
    bench.clock.set(later(11));
    let (plan, _) = bench.erasing().plan(&tenant()).await.unwrap();
    assert_eq!((plan.recordings, plan.held), (0, 1));
    assert_eq!(plan.first[0].held_by, [placed.id]);
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
    assert_eq!(bench.mesh.purposes(recording), names(&["quality"]));
    bench.release(&placed).await;
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
}

#[tokio::test]
async fn what_is_restricted_is_swept_at_its_end() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(10), &policy_rule()), &[subject]).await;
    let restriction = Hold { kind: HoldKind::Restriction, ..hold(Selector::Subjects([subject].into())) };
    bench.place(&bench.erasing(), &restriction).await;
    bench.clock.set(later(11));
    let (plan, _) = bench.erasing().plan(&tenant()).await.unwrap();
    assert_eq!((plan.recordings, plan.held), (1, 0));
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
}

#[tokio::test]
async fn audio_goes_at_its_end_and_metadata_at_its_own() {
    let bench = Bench::new().await;
    bench.control().await;
    let terms = vec![
        term("quality", DataKind::Audio, later(10), &policy_rule()),
        term("quality", DataKind::Metadata, later(100), &policy_rule()),
    ];
    let recording = bench.keep(terms, &[]).await;
    bench.clock.set(later(10));
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    let metadata = (name("quality"), crate::saga::decide::METADATA_LEG);
    assert_eq!(bench.mesh.opens(recording), BTreeSet::from([metadata]));
    let states = |kept: crate::kept::Kept| kept.terms.iter().map(|term| term.state).collect::<Vec<_>>();
    assert_eq!(states(bench.kept(recording).await), [TermState::Ended, TermState::Running]);
    assert_eq!(bench.only().await.state, State::Done);
    bench.erasing().sweep_all().await.unwrap();
    bench.only().await;
    bench.clock.set(later(100));
    bench.erasing().sweep_all().await.unwrap();
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
    assert_eq!(states(bench.kept(recording).await), [TermState::Ended, TermState::Ended]);
}

#[tokio::test]
async fn what_stores_owe_is_asked_for_when_its_date_has_come() {
    let bench = Bench::new().await;
    bench.control().await;
    let recording = bench.keep(both("quality", later(90), &policy_rule()), &[]).await;
    bench.mesh.lock_until(Some(later(365)));
    let erasure = bench.order(Target::Recording(recording), Scope::Everything).await;
    bench.run().await;
    let report = async || bench.item(erasure.id, recording).await.report;
    let at_first = report().await;
    assert_eq!((at_first.log_at, at_first.final_at, at_first.objects_at), (None, None, None));
    assert_eq!((at_first.locked_until, at_first.epoch), (Some(later(365)), Some(EPOCH)));
    bench.mesh.pass_log();
    bench.mesh.destroy(EPOCH);
    bench.clock.set(later(7));
    bench.erasing().look_after(&tenant()).await.unwrap();
    let later_on = report().await;
    assert_eq!((later_on.log_at, later_on.final_at), (Some(later(7)), Some(later(7))));
    assert_eq!(later_on.objects_at, None);
    bench.mesh.lock_until(None);
    bench.clock.set(later(365));
    bench.erasing().look_after(&tenant()).await.unwrap();
    assert_eq!(report().await.objects_at, Some(later(365)));
    assert!(bench.store.owed_items(&tenant(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_orders_a_call_away_in_one_stretch_while_a_duty_keeps_it() {
    let mut bench = Bench::new().await;
    bench.config.stretch = platform::config::Period::secs(10);
    bench.control().await;
    let ends = later(400);
    let recording = bench.keep(both("duty", ends, &duty_rule()), &[]).await;
    let interval = kernel::Interval::new(kernel::Position(0), kernel::Position(u64::MAX)).unwrap();
    let scope = Scope::Stretch { interval, legs: BTreeSet::new() };
    let erasure = bench.order(Target::Recording(recording), scope).await;
    bench.run().await;
    let item = bench.item(erasure.id, recording).await;
    assert_eq!((item.step, item.kept.len()), (Step::Refused, 1));
    let kept = &item.kept[0];
    assert_eq!((kept.purpose.as_ref(), kept.until), (None, Some(ends)));
    assert_eq!(kept.by, KeptBy::Rule(code("regime:mifid2-16-7")));
    assert_eq!(bench.erasure(erasure.id).await.state, State::Refused);
    assert!(!bench.mesh.has_removed(recording));
    let receipt = bench.receipt(erasure.id).await;
    assert_eq!((receipt.state, receipt.recordings[0].kept.len()), (ErasureState::Refused, 1));
}
