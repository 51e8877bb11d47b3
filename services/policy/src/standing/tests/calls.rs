//! Calls as they go: events in the order of their positions.

use super::*;

#[test]
fn a_duty_runs_from_the_start_and_consent_from_its_moment() {
    let mut call = standing(&["duty", "quality"]);
    let changes =
        run(&mut call, vec![(0, CallEventKind::Started), (12, given("quality")), (35, CallEventKind::Ended)]);
    assert_eq!((spans(&call, "duty"), spans(&call, "quality")), (vec![(0, 35)], vec![(12, 35)]));
    let told: Vec<_> = changes.iter().map(|c| (c.purpose.as_str(), c.kind, c.cause, c.evidence)).collect();
    let evidence = Some(EventId::from_bytes([9; 16]));
    assert_eq!(
        told,
        [
            ("duty", ChangeKind::Began, Cause::CallStarted, None),
            ("quality", ChangeKind::Began, Cause::ConsentGiven, evidence),
            ("duty", ChangeKind::Ended, Cause::CallEnded, None),
            ("quality", ChangeKind::Ended, Cause::CallEnded, None),
        ]
    );
    assert!(call.now().is_empty() && call.why_not().is_empty());
}

#[test]
fn a_withdrawal_stops_its_purpose_and_leaves_nothing_usable() {
    let mut call = standing(&["quality", "training", "duty"]);
    run(
        &mut call,
        vec![
            (0, CallEventKind::Started),
            (9, given("quality")),
            (9, given("training")),
            (17, withdrawn("quality")),
            (27, CallEventKind::Ended),
        ],
    );
    assert_eq!((spans(&call, "quality"), spans(&call, "training")), (vec![(9, 17)], vec![(9, 27)]));
    assert_eq!(call.timeline().usable(&purpose("quality")), IntervalSet::EMPTY);
    assert_eq!(spans(&call, "duty"), [(0, 27)]);
}

#[test]
fn a_contract_has_its_marks_and_marks_may_touch() {
    let mut call = standing(&["deal", "tail", "clip"]);
    let (begin, end) =
        (CallEventKind::MarkBegin { label: order() }, CallEventKind::MarkEnd { label: order() });
    let other = CallEventKind::MarkBegin { label: MarkLabel::new("other").unwrap() };
    run(
        &mut call,
        vec![
            (0, CallEventKind::Started),
            (5, other),
            (10, begin.clone()),
            (15, given("clip")),
            (20, end.clone()),
            (20, begin),
            (30, end),
            (40, CallEventKind::Ended),
        ],
    );
    assert_eq!(spans(&call, "deal"), [(10, 20), (21, 30)], "the second mark begins at the next microsecond");
    assert_eq!(spans(&call, "tail"), [(10, 40)]);
    assert_eq!(spans(&call, "clip"), [(15, 20), (21, 30)]);
}

#[test]
fn a_silent_consent_service_closes_consent_purposes_until_it_is_heard() {
    let mut call = standing(&["duty", "quality"]);
    run(
        &mut call,
        vec![
            (0, CallEventKind::Started),
            (5, given("quality")),
            (10, CallEventKind::ConsentLost),
            (20, CallEventKind::ConsentRegained),
        ],
    );
    assert_eq!(spans(&call, "quality"), [(5, 10), (20, OPEN)]);
    assert_eq!(call.timeline().usable(&purpose("quality")), call.timeline().set(&purpose("quality")));
    run(
        &mut call,
        vec![
            (30, CallEventKind::ConsentLost),
            (35, withdrawn("quality")),
            (40, CallEventKind::ConsentRegained),
        ],
    );
    assert_eq!(spans(&call, "quality"), [(5, 10), (20, 30)]);
    assert_eq!(
        call.timeline().usable(&purpose("quality")),
        IntervalSet::EMPTY,
        "also what the silence ended"
    );
    assert_eq!(spans(&call, "duty"), [(0, OPEN)]);
}

#[test]
fn a_call_that_opened_without_consent_gets_it_when_consent_is_back() {
    let decision = decide_without_consent(&policy(), &facts(&["duty", "quality"]));
    let mut call = Standing::new(&decision.grants);
    run(&mut call, vec![(0, CallEventKind::Started)]);
    assert_eq!(call.why_not(), BTreeMap::from([(purpose("quality"), DenyReason::ConsentUnreachable)]));
    run(&mut call, vec![(8, CallEventKind::ConsentRegained), (12, given("quality"))]);
    assert_eq!(spans(&call, "quality"), [(12, OPEN)]);
}

#[test]
fn consent_that_stood_before_the_call_counts_from_its_start() {
    let evidence = Some(EventId::new());
    let known = PurposeConsent { state: crate::consent::ConsentState::Given, evidence };
    let consents = BTreeMap::from([(purpose("quality"), known)]);
    let mut call = Standing::new(&decide(&policy(), &facts(&["quality"]), &consents).grants);
    let changes = run(
        &mut call,
        vec![(0, CallEventKind::Started), (7, CallEventKind::ConsentRefused { purpose: purpose("quality") })],
    );
    assert_eq!(changes[0].evidence, evidence);
    assert_eq!(spans(&call, "quality"), [(0, 7)]);
    assert_eq!(call.timeline().usable(&purpose("quality")), IntervalSet::EMPTY);
}

#[test]
fn invalid_consent_never_was_and_new_consent_counts_from_now() {
    let mut call = standing(&["quality"]);
    let invalidated = CallEventKind::ConsentInvalidated { purpose: purpose("quality") };
    run(
        &mut call,
        vec![(0, CallEventKind::Started), (5, given("quality")), (20, invalidated), (30, given("quality"))],
    );
    assert_eq!(spans(&call, "quality"), [(30, OPEN)]);
}

#[test]
fn pause_and_resume_do_not_touch_bases() {
    let mut call = standing(&["duty"]);
    run(&mut call, vec![(0, CallEventKind::Started)]);
    assert!(run(&mut call, vec![(5, CallEventKind::Paused), (9, CallEventKind::Resumed)]).is_empty());
    assert_eq!(spans(&call, "duty"), [(0, OPEN)]);
}

#[test]
fn an_event_counts_once() {
    let mut call = standing(&["quality"]);
    run(&mut call, vec![(0, CallEventKind::Started)]);
    let yes = event(5, given("quality"));
    assert_eq!(call.apply(&yes).len(), 1);
    assert!(call.apply(&yes).is_empty());
}

#[test]
fn a_derived_position_goes_into_the_change_with_its_error() {
    let mut call = standing(&["quality"]);
    run(&mut call, vec![(0, CallEventKind::Started), (100, given("quality"))]);
    let no = CallEvent { derived_error_us: Some(30), ..event(500, withdrawn("quality")) };
    let changes = call.apply(&no);
    assert_eq!((changes[0].position, changes[0].effective_at()), (Position(500), Position(470)));
    assert_eq!(spans(&call, "quality"), [(100, 470)]);
}

#[test]
fn each_purpose_without_a_stretch_says_why() {
    let mut call = standing(&["quality", "training", "clip", "deal", "sale"]);
    assert_eq!(call.why_not()[&purpose("deal")], DenyReason::NeverStarted);
    let refused = CallEventKind::ConsentRefused { purpose: purpose("quality") };
    let changes = run(
        &mut call,
        vec![(0, CallEventKind::Started), (7, refused), (8, given("clip")), (15, CallEventKind::Ended)],
    );
    let why: Vec<_> = call.why_not().into_iter().map(|(p, why)| (p.to_string(), why)).collect();
    let expected = [
        ("clip", DenyReason::MarkNeverCame),
        ("deal", DenyReason::MarkNeverCame),
        ("quality", DenyReason::ConsentRefused),
        ("sale", DenyReason::PurposeNotInPolicy),
        ("training", DenyReason::ConsentNotGiven),
    ];
    assert_eq!(why, expected.map(|(p, why)| (p.to_owned(), why)));
    let logged: Vec<_> = changes.iter().map(|c| (c.position.0, c.kind, c.cause)).collect();
    assert_eq!(
        logged,
        [(7, ChangeKind::Ended, Cause::ConsentRefused)],
        "the refusal is in the log by itself"
    );
}
