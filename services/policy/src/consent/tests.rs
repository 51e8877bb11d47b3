use std::collections::BTreeSet;

use kernel::RecordingId;
use proptest::prelude::*;

use super::*;

fn purpose(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn event(kind: ConsentKind, occurred_at: Timestamp) -> ConsentEvent {
    ConsentEvent {
        id: EventId::new(),
        subject: SubjectId::from_bytes([7; 16]),
        purposes: BTreeSet::from([purpose("quality")]),
        scope: Scope::Account,
        kind,
        occurred_at,
    }
}

fn given(valid_until: Option<Timestamp>) -> ConsentKind {
    ConsentKind::Given { expression: Expression::VoiceYes, valid_until }
}

fn asked_and_given(from: i64, valid_until: Option<Timestamp>) -> [ConsentEvent; 2] {
    [event(ConsentKind::Asked, Timestamp(from)), event(given(valid_until), Timestamp(from + 1))]
}

#[test]
fn the_table_is_the_domains_table() {
    use ConsentState as S;
    let kinds = |kind: &ConsentKind| -> [(S, S); 10] {
        S::ALL
            .iter()
            .map(|from| (*from, transition(*from, kind).unwrap_or(*from)))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    };
    let all_to = |to: S| S::ALL.iter().map(|from| (*from, to)).collect::<Vec<_>>();
    let only = |changes: &[(S, S)]| {
        let to = |from: &S| changes.iter().find(|(f, _)| f == from).map_or(*from, |(_, to)| *to);
        S::ALL.iter().map(|from| (*from, to(from))).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&ConsentKind::NoticePresented).to_vec(), only(&[(S::None, S::Notified)]));
    let asked: Vec<_> = all_to(S::Requested).into_iter().filter(|(from, _)| *from != S::Given).collect();
    assert_eq!(kinds(&ConsentKind::Asked).to_vec(), only(&asked));
    assert_eq!(kinds(&given(None)).to_vec(), only(&[(S::Requested, S::Given)]));
    assert_eq!(kinds(&ConsentKind::Refused).to_vec(), all_to(S::Refused));
    assert_eq!(kinds(&ConsentKind::Silence).to_vec(), only(&[(S::Requested, S::Deferred)]));
    assert_eq!(kinds(&ConsentKind::HungUp).to_vec(), only(&[(S::Requested, S::Deferred)]));
    assert_eq!(kinds(&ConsentKind::Withdrawn).to_vec(), all_to(S::Withdrawn));
    assert_eq!(
        kinds(&ConsentKind::Expired).to_vec(),
        only(&[(S::Requested, S::Expired), (S::Given, S::Expired)])
    );
    assert_eq!(kinds(&ConsentKind::Revoked).to_vec(), all_to(S::Revoked));
    assert_eq!(kinds(&ConsentKind::Invalidated).to_vec(), all_to(S::Invalidated));
    let major = [(S::None, S::Requested), (S::Notified, S::Requested)];
    assert_eq!(kinds(&ConsentKind::NoticeMajor).to_vec(), only(&major));
    assert_eq!(kinds(&ConsentKind::NoticeMinor).to_vec(), only(&[]));
}

#[test]
fn scenario_7_a_refusal_does_not_run_out_into_an_older_grant() {
    let events = [
        event(ConsentKind::Asked, at("2026-01-01T09:00:00Z")),
        event(given(Some(at("2027-01-01T09:00:00Z"))), at("2026-01-01T09:00:01Z")),
        // The form said "ask me again in six months"; a restriction has no such end.
        event(ConsentKind::Refused, at("2026-01-02T09:00:00Z")),
    ];
    let consent = fold_one(&events, at("2026-08-02T09:00:00Z"));
    assert_eq!(consent.state, ConsentState::Refused);
}

#[test]
fn scenario_8_given_again_counts_from_now_and_shows_both_epochs() {
    let [asked, first] = asked_and_given(10, None);
    let withdrawn = event(ConsentKind::Withdrawn, Timestamp(20));
    let unasked = event(given(None), Timestamp(25));
    let [asked_again, second] = asked_and_given(30, None);
    let all = [asked, first.clone(), withdrawn.clone(), unasked, asked_again, second.clone()];
    assert_eq!(fold_one(&all[..4], Timestamp(99)).state, ConsentState::Withdrawn, "a yes needs its question");
    let consent = fold_one(&all, Timestamp(99));
    assert_eq!((consent.state, consent.since), (ConsentState::Given, Some(Timestamp(31))));
    assert_eq!(consent.evidence(), Some(second.id));
    let ended = Some((Timestamp(20), Some(withdrawn.id)));
    let epoch = |given_by, from, ended| ConsentEpoch { given_by, from, ended, annulled: false };
    assert_eq!(
        consent.epochs,
        [epoch(first.id, Timestamp(11), ended), epoch(second.id, Timestamp(31), None)]
    );
}

#[test]
fn scenario_9_a_major_notice_asks_only_for_what_is_new() {
    let both = BTreeSet::from([purpose("quality"), purpose("analysis")]);
    let [asked, yes] = asked_and_given(10, None);
    let major = ConsentEvent { purposes: both, ..event(ConsentKind::NoticeMajor, Timestamp(20)) };
    let minor = event(ConsentKind::NoticeMinor, Timestamp(30));
    let folded = fold(&[asked, yes, major, minor], Timestamp(99));
    let states: Vec<_> = folded.iter().map(|((_, p, _), c)| (p.as_str(), c.state)).collect();
    assert_eq!(states, [("analysis", ConsentState::Requested), ("quality", ConsentState::Given)]);
}

#[test]
fn scenario_10_a_withdrawal_known_before_the_older_grant_stands() {
    let [asked, yes] = asked_and_given(10_000_010, None);
    let withdrawn = event(ConsentKind::Withdrawn, Timestamp(10_000_050));
    for order in [[&withdrawn, &asked, &yes], [&yes, &withdrawn, &asked], [&asked, &yes, &withdrawn]] {
        assert_eq!(fold_one(order, Timestamp(i64::MAX)).state, ConsentState::Withdrawn);
    }
}

#[test]
fn at_one_instant_no_prevails() {
    let asked = event(ConsentKind::Asked, Timestamp(10));
    let yes = event(given(None), Timestamp(10));
    let no = [
        (ConsentKind::Silence, ConsentState::Deferred),
        (ConsentKind::HungUp, ConsentState::Deferred),
        (ConsentKind::Refused, ConsentState::Refused),
        (ConsentKind::Withdrawn, ConsentState::Withdrawn),
        (ConsentKind::Expired, ConsentState::Expired),
        (ConsentKind::Revoked, ConsentState::Revoked),
        (ConsentKind::Invalidated, ConsentState::Invalidated),
    ];
    for (kind, state) in no {
        let no = event(kind, Timestamp(10));
        assert_eq!(fold_one([&no, &asked, &yes], Timestamp(99)).state, state);
        assert!(stood(&[no, asked.clone(), yes.clone()]).iter().all(|stood| !stood), "{state}");
    }
}

#[test]
fn a_grant_runs_out_at_its_time_and_a_renewal_moves_it() {
    let [asked, yes] = asked_and_given(10, Some(Timestamp(50)));
    let events = [asked, yes];
    assert_eq!(fold_one(&events, Timestamp(49)).state, ConsentState::Given);
    let consent = fold_one(&events, Timestamp(50));
    assert_eq!((consent.state, consent.since), (ConsentState::Expired, Some(Timestamp(50))));
    assert_eq!(consent.epochs[0].ended, Some((Timestamp(50), None)));
    let renewed = event(given(Some(Timestamp(90))), Timestamp(40));
    let consent = fold_one(events.iter().chain([&renewed]), Timestamp(60));
    assert_eq!((consent.state, consent.epochs.len()), (ConsentState::Given, 1));
    let late = event(given(None), Timestamp(55));
    let consent = fold_one(events.iter().chain([&late]), Timestamp(60));
    assert_eq!(
        consent.state,
        ConsentState::Expired,
        "a renewal after the end is a new consent and needs asking"
    );
    let asked = event(ConsentKind::Asked, Timestamp(45));
    let consent = fold_one(events.iter().chain([&asked, &late]), Timestamp(60));
    assert_eq!(consent.since, Some(Timestamp(55)), "asked while it stood, answered after it ran out");
}

#[test]
fn an_invalidated_consent_never_was() {
    let [asked, first] = asked_and_given(10, None);
    let withdrawn = event(ConsentKind::Withdrawn, Timestamp(20));
    let invalidated = event(ConsentKind::Invalidated, Timestamp(40));
    let consent = fold_one([&asked, &first, &withdrawn, &invalidated], Timestamp(99));
    assert_eq!(consent.state, ConsentState::Invalidated);
    assert!(consent.epochs.iter().all(|epoch| epoch.annulled));
}

fn in_scope(scope: Scope, events: &[(i64, ConsentKind)]) -> Consent {
    let events: Vec<_> = events
        .iter()
        .map(|(at, kind)| ConsentEvent { scope: scope.clone(), ..event(kind.clone(), Timestamp(*at)) })
        .collect();
    fold_one(&events, Timestamp(1000))
}

#[test]
fn a_narrower_grant_counts_only_if_later_than_a_wider_no() {
    let call = |from| {
        in_scope(Scope::Call(RecordingId::new()), &[(from, ConsentKind::Asked), (from + 1, given(None))])
    };
    let account = in_scope(Scope::Account, &[(50, ConsentKind::Withdrawn)]);
    let state = |call: &Consent| {
        let scopes = SubjectConsent { call: Some(call), account: Some(&account), campaign: None };
        in_call(scopes).map(|consent| consent.state)
    };
    assert_eq!(state(&call(10)), Some(ConsentState::Withdrawn));
    assert_eq!(state(&call(49)), Some(ConsentState::Withdrawn), "at one instant no prevails");
    assert_eq!(state(&call(60)), Some(ConsentState::Given));
}

#[test]
fn a_no_in_the_call_bars_the_wider_yes_for_this_call() {
    let account = in_scope(Scope::Account, &[(1, ConsentKind::Asked), (2, given(None))]);
    let state = |call: Option<&Consent>| {
        in_call(SubjectConsent { call, account: Some(&account), campaign: None }).map(|c| c.state)
    };
    assert_eq!(state(None), Some(ConsentState::Given));
    let refused = in_scope(Scope::Account, &[(9, ConsentKind::Refused)]);
    assert_eq!(state(Some(&refused)), Some(ConsentState::Refused));
    let notified = in_scope(Scope::Account, &[(9, ConsentKind::NoticePresented)]);
    assert_eq!(state(Some(&notified)), Some(ConsentState::Given));
    assert_eq!(in_call(SubjectConsent::default()), None);
}

#[test]
fn everybodys_consent_means_everybodys_and_somebodys() {
    use ConsentState::{Deferred, Given};
    assert!(effective([Given, Given]));
    assert!(!effective([Given, Deferred]));
    assert!(!effective([]));
}

#[test]
fn a_yes_without_duration_uses_its_question_up() {
    let asked = event(ConsentKind::Asked, Timestamp(0));
    let short = event(given(Some(Timestamp(5))), Timestamp(5));
    let expired = event(ConsentKind::Expired, Timestamp(5));
    let unasked = event(given(None), Timestamp(6));
    assert_eq!(fold_one([&asked, &short, &unasked], Timestamp(9)).state, ConsentState::Expired);
    assert_eq!(fold_one([&asked, &short, &expired, &unasked], Timestamp(9)).state, ConsentState::Expired);
}

#[test]
fn a_period_that_ended_before_the_yes_shortens_nothing_behind_it() {
    let [asked, first] = asked_and_given(1, None);
    let renewed = event(given(Some(Timestamp(0))), Timestamp(24));
    let consent = fold_one([&asked, &first, &renewed], Timestamp(40));
    assert_eq!(consent.epochs[0].ended, Some((Timestamp(24), None)));
}

fn any_kind() -> impl Strategy<Value = ConsentKind> {
    prop_oneof![
        1 => Just(ConsentKind::NoticePresented),
        3 => Just(ConsentKind::Asked),
        4 => proptest::option::of(0i64..40).prop_map(|until| given(until.map(Timestamp))),
        4 => any_restriction(),
        1 => Just(ConsentKind::NoticeMajor),
        1 => Just(ConsentKind::NoticeMinor),
    ]
}

fn any_restriction() -> impl Strategy<Value = ConsentKind> {
    prop_oneof![
        Just(ConsentKind::Refused),
        Just(ConsentKind::Silence),
        Just(ConsentKind::HungUp),
        Just(ConsentKind::Withdrawn),
        Just(ConsentKind::Expired),
        Just(ConsentKind::Revoked),
        Just(ConsentKind::Invalidated),
    ]
}

fn any_events() -> impl Strategy<Value = Vec<ConsentEvent>> {
    prop::collection::vec((any_kind(), 0i64..30), 0..10)
        .prop_map(|events| events.into_iter().map(|(kind, at)| event(kind, Timestamp(at))).collect())
}

/// Whether consent stood at each instant, as of the last.
fn stood(events: &[ConsentEvent]) -> Vec<bool> {
    let consent = fold_one(events, Timestamp(40));
    let stands = |at: Timestamp, epoch: &ConsentEpoch| {
        !epoch.annulled && epoch.from <= at && epoch.ended.is_none_or(|(end, _)| at < end)
    };
    (0..40).map(|at| consent.epochs.iter().any(|epoch| stands(Timestamp(at), epoch))).collect()
}

proptest! {
    #[test]
    fn order_of_arrival_and_repetition_change_nothing(
        (events, shuffled) in any_events().prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle())),
    ) {
        let twice: Vec<_> = shuffled.iter().chain(&shuffled).collect();
        prop_assert_eq!(fold_one(&events, Timestamp(40)), fold_one(twice, Timestamp(40)));
    }

    #[test]
    fn a_restrictive_event_never_widens(
        events in any_events(), kind in any_restriction(), at in 0i64..30,
    ) {
        let before = stood(&events);
        let more: Vec<_> = events.iter().cloned().chain([event(kind, Timestamp(at))]).collect();
        for (at, (before, after)) in before.into_iter().zip(stood(&more)).enumerate() {
            prop_assert!(before || !after, "widened at {}", at);
        }
    }
}
