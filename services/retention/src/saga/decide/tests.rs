use kernel::{HoldId, RecordingId, RegimeName, SubjectId, TenantId};
use policy::PolicyHash;
use policy::period::Period;
use policy::retention::{RanFrom, Rule, Stamp};
use proptest::prelude::*;

use super::*;
use crate::hold::{HoldKind, HoldState, Selector};
use crate::kept::RecordingKey;

const NOW: Timestamp = Timestamp(1_000);
const MINUTE: Duration = Duration::from_secs(60);

fn decide(kept: &Kept, cause: Cause, scope: &Scope, holds: &[Hold], now: Timestamp) -> Decision {
    super::decide(kept, cause, scope, holds, MINUTE * 2, now)
}

fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

fn name(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

fn names(texts: &[&str]) -> BTreeSet<PurposeName> {
    texts.iter().map(|text| name(text)).collect()
}

fn policy_rule() -> Rule {
    Rule::Policy {
        hash: PolicyHash([1; 32]),
        period: "P90D".parse::<Period>().unwrap(),
        anchor: RanFrom::Start,
    }
}

fn regime_rule() -> Rule {
    Rule::Regime { name: RegimeName::new("mifid2-16-7").unwrap() }
}

fn term(purpose: &str, kind: DataKind, ends: i64, rule: Rule, state: TermState) -> Term {
    Term { stamp: Stamp { purpose: name(purpose), kind, ends: Timestamp(ends), rule }, state }
}

fn both(purpose: &str, ends: i64, rule: &Rule) -> [Term; 2] {
    [DataKind::Audio, DataKind::Metadata]
        .map(|kind| term(purpose, kind, ends, rule.clone(), TermState::Running))
}

fn kept(terms: impl IntoIterator<Item = Term>) -> Kept {
    Kept {
        key: RecordingKey { tenant: tenant(), id: RecordingId::from_bytes([1; 16]) },
        version: 3,
        started_at: Timestamp(0),
        ended_at: Timestamp(1),
        policy: PolicyHash([7; 32]),
        parties: vec![SubjectId::from_bytes([4; 16])],
        terms: terms.into_iter().collect(),
    }
}

fn hold(selector: Selector) -> Hold {
    Hold {
        tenant: tenant(),
        id: HoldId::from_bytes([5; 16]),
        version: 1,
        kind: HoldKind::Subject,
        selector,
        purposes: BTreeSet::new(),
        reason: Code::new("case-7").unwrap(),
        placed_by: "anna".to_owned(),
        placed_at: Timestamp(1),
        review_at: Timestamp(2),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    }
}

fn covering() -> Hold {
    hold(Selector::Recordings([RecordingId::from_bytes([1; 16])].into()))
}

fn stretch() -> Scope {
    let interval = Interval::new(Position(10), Position(20)).unwrap();
    Scope::Stretch { interval, legs: BTreeSet::new() }
}

/// What goes, what is kept back and by what, and whether anything goes.
fn check(kept: &Kept, cause: Cause, scope: &Scope, goes: &[&str], back: &[&str], outcome: Outcome) {
    let decision = decide(kept, cause, scope, &[], NOW);
    assert_eq!(decision.erase, names(goes), "{cause:?} {scope:?}");
    let by: Vec<_> =
        decision.kept.iter().filter_map(|row| row.purpose.as_ref()).map(ToString::to_string).collect();
    assert_eq!(by, back, "{cause:?} {scope:?}");
    assert_eq!(decision.outcome, outcome, "{cause:?} {scope:?}");
}

#[test]
fn an_order_takes_what_no_duty_keeps_and_says_until_when_the_rest_is() {
    let mixed =
        kept(both("quality", 5_000, &policy_rule()).into_iter().chain(both("mifid2", 9_000, &regime_rule())));
    let duty = kept(both("mifid2", 9_000, &regime_rule()));
    let purposes = |texts: &[&str]| Scope::Purposes(names(texts));
    check(&mixed, Cause::Order, &Scope::Everything, &["quality"], &["mifid2"], Outcome::Goes);
    check(&mixed, Cause::Order, &purposes(&["quality"]), &["quality"], &[], Outcome::Goes);
    check(&mixed, Cause::Order, &purposes(&["mifid2"]), &[], &["mifid2"], Outcome::Refused);
    check(&duty, Cause::Order, &Scope::Everything, &[], &["mifid2"], Outcome::Refused);
    check(&duty, Cause::Order, &stretch(), &[], &[], Outcome::Goes);
    check(&mixed, Cause::BasisLost, &purposes(&["quality"]), &["quality"], &[], Outcome::Goes);
    check(&mixed, Cause::BasisLost, &purposes(&["mifid2"]), &[], &["mifid2"], Outcome::Refused);
    check(
        &mixed,
        Cause::BasisLost,
        &purposes(&["quality", "mifid2"]),
        &["quality"],
        &["mifid2"],
        Outcome::Goes,
    );
    let decision = decide(&duty, Cause::Order, &Scope::Everything, &[], NOW);
    let by = KeptBy::Rule(Code::new("regime:mifid2-16-7").unwrap());
    assert_eq!(
        decision.kept,
        [KeptBack { purpose: Some(name("mifid2")), by, until: Some(Timestamp(9_000)) }]
    );
}

#[test]
fn a_duty_that_is_over_keeps_nothing_back() {
    let duty = kept(both("mifid2", NOW.0, &regime_rule()));
    check(&duty, Cause::Order, &Scope::Everything, &["mifid2"], &[], Outcome::Goes);
    check(&duty, Cause::BasisLost, &Scope::Purposes(names(&["mifid2"])), &["mifid2"], &[], Outcome::Goes);
}

#[test]
fn an_authority_s_order_keeps_back_as_the_duty_does() {
    let reference = Code::new("consob-12").unwrap();
    let regime = RegimeName::new("mifid2-16-7").unwrap();
    let rule = Rule::Order { reference, regime, until: Timestamp(20_000) };
    let longer = kept(both("mifid2", 20_000, &rule));
    check(&longer, Cause::Order, &Scope::Everything, &[], &["mifid2"], Outcome::Refused);
}

#[test]
fn under_a_duty_a_short_stretch_goes_and_a_long_one_does_not() {
    const SECOND: u64 = 1_000_000;
    let hour = |terms: Vec<Term>| Kept { ended_at: Timestamp(0).plus(MINUTE * 60), ..kept(terms) };
    let duty = |ends| both("mifid2", ends, &regime_rule()).to_vec();
    let free = both("quality", i64::MAX, &policy_rule()).to_vec();
    let mixed = |ends| [duty(ends), free.clone()].concat();
    let ended = duty(9_000).into_iter().map(|term| Term { state: TermState::Ended, ..term }).collect();
    let of = |start, end| Scope::Stretch {
        interval: Interval::new(Position(start), Position(end)).unwrap(),
        legs: BTreeSet::new(),
    };
    let two_minutes = 120 * SECOND;
    for (row, scope, is_kept) in [
        (hour(duty(9_000)), of(0, two_minutes), false),
        (hour(duty(9_000)), of(5, two_minutes + 5), false),
        (hour(duty(9_000)), of(0, two_minutes + 1), true),
        (hour(duty(9_000)), of(0, u64::MAX), true),
        (hour(mixed(9_000)), of(0, u64::MAX), true),
        // Only what lies on the recording counts.
        (hour(duty(9_000)), of(3_600 * SECOND - two_minutes, u64::MAX), false),
        (hour(duty(9_000)), of(3_600 * SECOND - two_minutes - 1, u64::MAX), true),
        (hour(duty(9_000)), of(3_600 * SECOND, u64::MAX), false),
        (kept(duty(9_000)), of(0, u64::MAX), false),
        // No duty runs.
        (hour(duty(NOW.0)), of(0, u64::MAX), false),
        (hour(ended), of(0, u64::MAX), false),
        (hour(free.clone()), of(0, u64::MAX), false),
    ] {
        for cause in [Cause::Order, Cause::BasisLost] {
            let decision = decide(&row, cause, &scope, &[], NOW);
            assert!(decision.erase.is_empty());
            if is_kept {
                let by = KeptBy::Rule(Code::new("regime:mifid2-16-7").unwrap());
                let back = KeptBack { purpose: None, by, until: Some(Timestamp(9_000)) };
                assert_eq!((decision.kept, decision.outcome), (vec![back], Outcome::Refused), "{scope:?}");
            } else {
                assert_eq!((decision.kept, decision.outcome), (vec![], Outcome::Goes), "{scope:?}");
            }
        }
    }
}

#[test]
fn a_hold_keeps_everything_back_a_stretch_too() {
    let mixed =
        kept(both("quality", 5, &policy_rule()).into_iter().chain(both("mifid2", 9_000, &regime_rule())));
    for cause in [Cause::PeriodOver, Cause::BasisLost, Cause::Order] {
        for scope in [Scope::Everything, Scope::Purposes(names(&["quality"])), stretch()] {
            let decision = decide(&mixed, cause, &scope, &[covering()], NOW);
            assert_eq!((decision.outcome, decision.erase), (Outcome::Deferred, BTreeSet::new()));
            let by_hold = |row: &KeptBack| row.by == KeptBy::Hold(HoldId::from_bytes([5; 16]));
            assert!(!decision.kept.is_empty() && decision.kept.iter().all(by_hold), "{cause:?} {scope:?}");
        }
    }
    let elsewhere = hold(Selector::Recordings([RecordingId::from_bytes([2; 16])].into()));
    let decision = decide(&mixed, Cause::PeriodOver, &Scope::Everything, &[elsewhere], NOW);
    assert_eq!(decision.erase, names(&["quality"]));
}

#[test]
fn a_sweep_takes_what_is_over_and_still_is_when_it_is_decided() {
    let mixed = kept(both("quality", NOW.0, &policy_rule()).into_iter().chain(both(
        "training",
        9_000,
        &policy_rule(),
    )));
    let planned = Scope::Purposes(names(&["quality", "training"]));
    check(&mixed, Cause::PeriodOver, &planned, &["quality"], &["training"], Outcome::Goes);
    check(
        &mixed,
        Cause::PeriodOver,
        &Scope::Purposes(names(&["training"])),
        &[],
        &["training"],
        Outcome::Refused,
    );
    assert_eq!(due(&mixed, NOW), Some((Scope::Purposes(names(&["quality"])), names(&["quality"]))));
    assert_eq!(due(&mixed, Timestamp(NOW.0 - 1)), None);
}

#[test]
fn where_audio_ends_before_metadata_it_goes_alone_and_the_rest_later() {
    let audio = term("quality", DataKind::Audio, 500, policy_rule(), TermState::Running);
    let metadata = term("quality", DataKind::Metadata, 5_000, policy_rule(), TermState::Running);
    let row = kept([audio, metadata]);
    let (scope, purposes) = due(&row, NOW).unwrap();
    assert_eq!(purposes, names(&["quality"]));
    let part = Part::of(Cause::PeriodOver, &scope);
    assert_eq!(part, Part::Audio);
    check(&row, Cause::PeriodOver, &scope, &["quality"], &[], Outcome::Goes);
    let ending = with_ending(&row, &purposes, part).unwrap();
    let states = |row: &Kept| row.terms.iter().map(|term| term.state).collect::<Vec<_>>();
    assert_eq!(states(&ending), [TermState::Ending, TermState::Running]);
    assert_eq!(ending.version, row.version + 1);
    let ended = with_ended(&ending, &purposes, part).unwrap();
    assert_eq!(states(&ended), [TermState::Ended, TermState::Running]);
    assert_eq!(with_ended(&ended, &purposes, part), None);
    assert_eq!(due(&ended, NOW), None);
    let (scope, purposes) = due(&ended, Timestamp(5_000)).unwrap();
    assert_eq!((scope, purposes), (Scope::Purposes(names(&["quality"])), names(&["quality"])));
}

#[test]
fn where_metadata_ends_first_its_leg_goes_alone() {
    let audio = term("quality", DataKind::Audio, 5_000, policy_rule(), TermState::Running);
    let metadata = term("quality", DataKind::Metadata, 500, policy_rule(), TermState::Running);
    let (scope, _) = due(&kept([audio, metadata]), NOW).unwrap();
    assert_eq!(Part::of(Cause::PeriodOver, &scope), Part::Metadata);
}

#[test]
fn what_is_erased_already_is_neither_erased_again_nor_kept_back() {
    let gone = both("mifid2", 9_000, &regime_rule()).map(|term| Term { state: TermState::Ended, ..term });
    check(&kept(gone), Cause::Order, &Scope::Everything, &[], &[], Outcome::Goes);
    let ending = both("quality", 500, &policy_rule()).map(|term| Term { state: TermState::Ending, ..term });
    let planned = Scope::Purposes(names(&["quality"]));
    check(&kept(ending), Cause::PeriodOver, &planned, &[], &[], Outcome::Goes);
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![Just(policy_rule()), Just(regime_rule())]
}

fn states() -> impl Strategy<Value = TermState> {
    prop_oneof![
        4 => Just(TermState::Running),
        1 => Just(TermState::Ending),
        1 => Just(TermState::Ended),
    ]
}

fn rows() -> impl Strategy<Value = Kept> {
    let purposes = ["duty", "quality", "training", "verbal"];
    let one = (rules(), 0_i64..2_000, 0_i64..2_000, states(), states());
    prop::collection::vec(one, 0..4).prop_map(move |drawn| {
        kept(drawn.into_iter().zip(purposes).flat_map(|((rule, audio, metadata, one, other), purpose)| {
            [
                term(purpose, DataKind::Audio, audio, rule.clone(), one),
                term(purpose, DataKind::Metadata, metadata, rule, other),
            ]
        }))
    })
}

fn scopes() -> impl Strategy<Value = Scope> {
    let subset = prop::sample::subsequence(vec!["duty", "quality", "training", "verbal"], 1..4);
    prop_oneof![
        Just(Scope::Everything),
        subset.prop_map(|texts| Scope::Purposes(names(&texts))),
        Just(stretch())
    ]
}

fn causes() -> impl Strategy<Value = Cause> {
    prop_oneof![Just(Cause::PeriodOver), Just(Cause::BasisLost), Just(Cause::Order)]
}

fn is_on_duty(row: &Kept, purpose: &PurposeName, now: Timestamp) -> bool {
    let duty = |term: &Term| term.stamp.rule.regime().is_some() && term.stamp.ends > now;
    let terms = row.terms.iter().filter(|term| term.stamp.purpose == *purpose);
    terms.filter(|term| term.state != TermState::Ended).any(duty)
}

proptest! {
    #[test]
    fn nothing_goes_under_a_hold_and_without_one_nothing_less(
        row in rows(), cause in causes(), scope in scopes(), now in 0_i64..2_000,
    ) {
        let now = Timestamp(now);
        let under = decide(&row, cause, &scope, &[covering()], now);
        prop_assert_eq!(under.outcome, Outcome::Deferred);
        prop_assert!(under.erase.is_empty() && !under.kept.is_empty());
        let free = decide(&row, cause, &scope, &[], now);
        prop_assert!(free.outcome != Outcome::Deferred && free.erase.is_superset(&under.erase));
        let restricted = Hold { kind: HoldKind::Restriction, ..covering() };
        prop_assert_eq!(decide(&row, cause, &scope, &[restricted], now), free, "a restriction keeps nothing");
    }

    #[test]
    fn nothing_that_a_duty_covers_goes_whole(row in rows(), cause in causes(), scope in scopes(), now in 0_i64..2_000) {
        let now = Timestamp(now);
        let decision = decide(&row, cause, &scope, &[], now);
        if Part::of(cause, &scope) == Part::Whole {
            for purpose in &decision.erase {
                // A sweep looks at what runs, and what another erasure takes already is no matter of its.
                let running: Vec<_> = row.terms.iter().filter(|term| term.state == TermState::Running).cloned().collect();
                let row = Kept { terms: running, ..row.clone() };
                prop_assert!(!is_on_duty(&row, purpose, now), "{purpose}");
            }
        }
        let back: BTreeSet<_> = decision.kept.iter().filter_map(|row| row.purpose.clone()).collect();
        prop_assert!(back.is_disjoint(&decision.erase));
    }

    #[test]
    fn what_is_over_stays_over(row in rows(), scope in scopes(), now in 0_i64..2_000, later in 0_i64..2_000) {
        let at = |now| decide(&row, Cause::PeriodOver, &scope, &[], Timestamp(now)).erase;
        prop_assert!(at(now.saturating_add(later)).is_superset(&at(now)));
    }

    #[test]
    fn what_is_due_is_decided_to_go(row in rows(), now in 0_i64..2_000) {
        let now = Timestamp(now);
        if let Some((scope, purposes)) = due(&row, now) {
            let decision = decide(&row, Cause::PeriodOver, &scope, &[], now);
            prop_assert_eq!(decision.outcome, Outcome::Goes);
            prop_assert_eq!(&decision.erase, &purposes);
            let part = Part::of(Cause::PeriodOver, &scope);
            prop_assert!(with_ending(&row, &purposes, part).is_some());
        } else {
            let is_over = |term: &Term| term.state == TermState::Running && term.stamp.ends <= now;
            prop_assert!(!row.terms.iter().any(is_over));
        }
    }
}
