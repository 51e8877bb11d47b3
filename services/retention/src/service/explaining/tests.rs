use std::time::Duration;

use kernel::{ErrorCode, ServiceError, SubjectId};
use policy::retention::DataKind;

use super::*;
use crate::hold::{HoldKind, Selector};
use crate::stamping::apply_later_policy;
use crate::store::Store;
use crate::testing::{
    Bench, DAY, SHORTER, extension, new_hold, parsed, purpose, purposes, six_years, tenant,
};

/// The rules looked at for the audio of a purpose: verdicts, in order.
fn verdicts(explained: &Explained, name: &str) -> Vec<&'static str> {
    let own = explained.terms.iter().find(|explained| {
        let stamp = &explained.term.stamp;
        stamp.purpose == purpose(name) && stamp.kind == DataKind::Audio
    });
    own.unwrap().considered.iter().map(|rule| rule.verdict).collect()
}

/// Of each term exactly one rule wins: the one that set its end.
fn one_wins(explained: &Explained) {
    for ExplainedTerm { term, considered } in &explained.terms {
        let winners: Vec<_> = considered.iter().filter(|rule| rule.verdict == WINS).collect();
        assert_eq!(winners.len(), 1, "{term:?}: {considered:?}");
        assert_eq!((&winners[0].rule, winners[0].ends), (&term.stamp.rule, term.stamp.ends));
    }
}

#[tokio::test]
async fn each_term_says_which_rule_wins_and_why_the_others_do_not() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    let plain = bench.service.explain(&tenant(), id).await.unwrap();
    one_wins(&plain);
    assert_eq!(plain.terms.len(), 6);
    for name in ["duty", "quality", "sale"] {
        assert_eq!(verdicts(&plain, name), ["wins"]);
    }
    bench.service.extend(&tenant(), "cosimo", extension("CONSOB/1", six_years())).await.unwrap();
    bench.policies.come(SHORTER);
    let another = bench.another();
    let pending = another.explain(&tenant(), id).await.unwrap();
    one_wins(&pending);
    assert_eq!(verdicts(&pending, "quality"), ["wins", "not-yet"], "the row has not followed yet");
    let book = bench.policies.book();
    apply_later_policy(bench.store.as_ref(), &book, &bench.clock, bench.mesh.as_ref(), &tenant())
        .await
        .unwrap();
    let moved = another.explain(&tenant(), id).await.unwrap();
    one_wins(&moved);
    assert_eq!(verdicts(&moved, "quality"), ["outdone", "wins"]);
    assert_eq!(verdicts(&moved, "duty"), ["outdone", "under-regime", "wins"]);
    assert_eq!(verdicts(&moved, "sale"), ["outdone", "wins"]);
    let metadata = moved.terms.iter().find(|explained| {
        explained.term.stamp.purpose == purpose("sale") && explained.term.stamp.kind == DataKind::Metadata
    });
    let words: Vec<_> = metadata.unwrap().considered.iter().map(|rule| rule.verdict).collect();
    assert_eq!(words, ["wins", "would-lengthen"]);
}

#[tokio::test]
async fn a_mark_is_told_from_the_end_that_runs_from_it() {
    let bench = Bench::new().await;
    let id = bench.recording_of(&["sale"], &[]).await;
    let explained = bench.service.explain(&tenant(), id).await.unwrap();
    for term in &explained.terms {
        assert_eq!(term.considered.len(), 1, "what it was stamped with is what is worked out: {term:?}");
        assert!(term.considered[0].rule.to_string().contains("from the end of the mark"));
    }
}

#[tokio::test]
async fn what_holds_it_and_what_touched_it_is_told() {
    let bench = Bench::new().await;
    let anna = SubjectId::new();
    let id = bench.recording_of(&["quality"], &[anna]).await;
    let hers = new_hold(HoldKind::Subject, Selector::Subjects([anna].into()));
    let other = new_hold(HoldKind::Litigation, Selector::Subjects([SubjectId::new()].into()));
    let restriction = new_hold(HoldKind::Restriction, Selector::Subjects([anna].into()));
    for hold in [&hers, &other, &restriction] {
        bench.service.place(&tenant(), "paola", hold.clone()).await.unwrap();
    }
    let explained = bench.service.explain(&tenant(), id).await.unwrap();
    let holds: BTreeSet<_> = explained.holds.iter().map(|hold| hold.id).collect();
    assert_eq!((holds, explained.erasures), (BTreeSet::from([hers.id, restriction.id]), Vec::new()));
}

#[tokio::test]
async fn a_recording_that_is_not_known_cannot_be_explained() {
    let bench = Bench::new().await;
    let id = RecordingId::new();
    let error = bench.service.explain(&tenant(), id).await.unwrap_err();
    let told = (error.to_string(), error.code());
    assert_eq!(told, (format!("there is no recording {id}"), ErrorCode::NotFound));
}

#[tokio::test]
async fn a_policy_that_is_gone_explains_nothing_more_and_hides_nothing() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    bench.policies.come(SHORTER);
    let book = bench.policies.book();
    apply_later_policy(bench.store.as_ref(), &book, &bench.clock, bench.mesh.as_ref(), &tenant())
        .await
        .unwrap();
    bench.policies.come(crate::testing::POLICY);
    let explained = bench.another().explain(&tenant(), id).await.unwrap();
    one_wins(&explained);
    let quality = bench.kept(id).await;
    let rule = &quality.term(&purpose("quality"), DataKind::Audio).unwrap().stamp.rule;
    assert!(matches!(rule, Rule::LaterPolicy { hash, .. } if *hash == parsed(SHORTER).hash()));
    assert_eq!(verdicts(&explained, "quality"), ["outdone", "wins"]);
}

#[tokio::test]
async fn what_is_due_comes_by_date_with_its_purposes_and_holds() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.recording().await);
    }
    ids.sort_unstable();
    let ends = bench.audio_ends(ids[0], "quality").await;
    let hold = new_hold(HoldKind::Litigation, Selector::Recordings([ids[1]].into()));
    let restriction = new_hold(HoldKind::Restriction, Selector::Recordings(ids.iter().copied().collect()));
    for hold in [&hold, &restriction] {
        bench.service.place(&tenant(), "anna", hold.clone()).await.unwrap();
    }
    let none = bench.service.due(&tenant(), Timestamp(ends.0 - 1), None, 10).await.unwrap();
    assert_eq!(none, DuePage { recordings: Vec::new(), next: None });
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = bench.service.due(&tenant(), ends, after.as_ref(), 2).await.unwrap();
        found.extend(page.recordings);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found.iter().map(|due| due.due.id).collect::<Vec<_>>(), ids);
    for due in &found {
        assert_eq!((due.due.at, &due.purposes), (ends, &purposes(&["quality"])));
        let expected: &[HoldId] = if due.due.id == ids[1] { &[hold.id] } else { &[] };
        assert_eq!(due.held_by, expected);
    }
    let far = bench.service.due(&tenant(), ends.plus(DAY * 4_000), None, 1).await.unwrap();
    assert_eq!(far.recordings[0].purposes, purposes(&["duty", "quality", "sale"]));
}

#[tokio::test]
async fn what_is_over_is_not_due_again() {
    let bench = Bench::new().await;
    let id = bench.recording_of(&["quality", "duty"], &[]).await;
    let ends = bench.audio_ends(id, "quality").await;
    bench.bring(id, "quality", TermState::Ending).await;
    let page = bench.service.due(&tenant(), ends.plus(Duration::from_secs(1)), None, 10).await.unwrap();
    assert_eq!(page.recordings, []);
    assert!(bench.store.kept(&crate::testing::key(id)).await.unwrap().unwrap().due() > Some(ends));
}
