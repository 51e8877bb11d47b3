use std::collections::BTreeSet;

use kernel::{ServiceError, SubjectId};

use super::*;
use crate::jurisdiction::Jurisdiction;

pub(super) fn italy() -> Jurisdiction {
    "IT".parse().unwrap()
}

/// An order about every recording of 2026.
pub(super) fn order(reference: &str, until: &str) -> ExtensionOrder {
    ExtensionOrder {
        reference: Code::new(reference).unwrap(),
        regime: RegimeName::new("mifid2-16-7").unwrap(),
        until: at(until),
        scope: OrderScope::new(at("2026-01-01T00:00:00+01:00"), at("2027-01-01T00:00:00+01:00"), None)
            .unwrap(),
    }
}

fn apply(stamp: &Stamp, order: &ExtensionOrder) -> Result<Stamp, OrderError> {
    with_order(stamp, order, italy(), &facts())
}

#[test]
fn an_order_lengthens_what_its_regime_set() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let ordered = order("consob-1", "2032-06-01T00:00:00+02:00");
    let longer = apply(&stamped, &ordered).unwrap();
    assert_eq!(longer.ends, ordered.until);
    let Rule::Order { reference, regime, until } = &longer.rule else {
        panic!("an order set it: {longer:?}")
    };
    assert_eq!((reference, regime, until), (&ordered.reference, &ordered.regime, &ordered.until));
    assert_eq!(longer.rule.to_string(), "order consob-1 under mifid2-16-7");
}

#[test]
fn a_second_order_lengthens_further_and_a_policy_still_does_not_shorten() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let first = apply(&stamped, &order("consob-1", "2032-06-01T00:00:00+02:00")).unwrap();
    let second = apply(&first, &order("consob-2", "2033-03-01T00:00:00+01:00")).unwrap();
    assert_eq!(second.ends, at("2033-03-01T00:00:00+01:00"));
    let later = policy(&["duty: { basis: legitimate_interest, retention: P1D }"]);
    assert_eq!(with_later_policy(&second, &later, &facts()), second);
}

#[test]
fn an_order_never_shortens() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    for until in ["2027-01-01T00:00:00Z", "2031-03-02T08:00:00Z"] {
        assert_eq!(apply(&stamped, &order("consob-1", until)).unwrap(), stamped);
    }
}

#[test]
fn an_order_beyond_the_regimes_limit_is_refused_with_the_latest_date() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let latest = at("2033-03-02T09:00:00+01:00");
    assert_eq!(apply(&stamped, &order("consob-1", "2033-03-02T09:00:00+01:00")).unwrap().ends, latest);
    let error = apply(&stamped, &order("consob-1", "2033-03-02T09:00:00.000001+01:00")).unwrap_err();
    assert!(matches!(&error, OrderError::TooLate { latest: allowed, .. } if *allowed == latest), "{error:?}");
    assert_eq!(error.code(), kernel::ErrorCode::InvalidArgument);
    assert_eq!(
        error.to_string(),
        "order consob-1 asks for 2033-03-02T08:00:00.000001Z; 2033-03-02T08:00:00Z is the latest that mifid2-16-7 \
         allows"
    );
}

#[test]
fn the_limit_counts_from_each_recordings_own_start() {
    let jan = Facts { started_at: at("2026-01-05T10:00:00+01:00"), ..facts() };
    let stamped = stamp(&policy(&[DUTY]), &name("duty"), &jan);
    let ordered = order("consob-1", "2033-01-31T00:00:00+01:00");
    assert!(matches!(with_order(&stamped[0], &ordered, italy(), &jan), Err(OrderError::TooLate { .. })));
    assert!(apply(&audio(&policy(&[DUTY]), "duty"), &ordered).is_ok());
}

#[test]
fn an_order_is_checked_when_placed_against_the_first_recording_that_it_may_reach() {
    assert_eq!(order("consob-1", "2033-01-01T00:00:00+01:00").check(italy()), Ok(()));
    let error = order("consob-1", "2033-01-01T00:00:01+01:00").check(italy()).unwrap_err();
    assert!(matches!(error, OrderError::TooLate { latest, .. } if latest == at("2033-01-01T00:00:00+01:00")));
}

#[test]
fn an_order_moves_only_ends_that_its_regime_set() {
    let ordered = order("consob-1", "2032-06-01T00:00:00+02:00");
    let other = |stamp: &Stamp| matches!(apply(stamp, &ordered), Err(OrderError::OtherRegime { .. }));
    assert!(other(&audio(&policy(&[SALE]), "sale")), "a policy set it");
    let london = policy_in("GB", &["duty: { basis: legal_obligation, regime: uk-sysc-10a }"]);
    assert!(other(&audio(&london, "duty")), "another regime did");
}

#[test]
fn an_order_under_a_regime_that_is_not_known_is_an_error() {
    let future = RegimeName::new("lex-futura").unwrap();
    let rule = Rule::Regime { name: future.clone() };
    let stamped = Stamp { rule, ..audio(&policy(&[DUTY]), "duty") };
    let ordered = ExtensionOrder { regime: future.clone(), ..order("consob-1", "2032-06-01T00:00:00Z") };
    assert_eq!(
        apply(&stamped, &ordered),
        Err(OrderError::UnknownRegime(crate::regime::UnknownRegime(future)))
    );
}

#[rstest]
#[case::first_moment("2026-01-01T00:00:00+01:00", true)]
#[case::last_moment("2026-12-31T23:59:59.999999+01:00", true)]
#[case::just_before("2025-12-31T23:59:59.999999+01:00", false)]
#[case::the_end_is_not_in_it("2027-01-01T00:00:00+01:00", false)]
fn an_order_reaches_the_recordings_that_began_in_its_time(#[case] started_at: &str, #[case] reached: bool) {
    let ordered = order("consob-1", "2032-06-01T00:00:00+02:00");
    let facts = Facts { started_at: at(started_at), ..facts() };
    assert_eq!(ordered.scope.covers(facts.started_at, &BTreeSet::new()), reached);
    let stamped = stamp(&policy(&[DUTY]), &name("duty"), &facts);
    let out =
        matches!(with_order(&stamped[0], &ordered, italy(), &facts), Err(OrderError::OutOfScope { .. }));
    assert_eq!(out, !reached);
}

#[test]
fn an_order_about_parties_reaches_the_calls_that_one_of_them_was_in() {
    let [trader, colleague, customer] = [(); 3].map(|()| SubjectId::new());
    let named = BTreeSet::from([trader, colleague]);
    let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let scope = OrderScope::new(from, until, Some(named)).unwrap();
    let began = facts().started_at;
    assert!(scope.covers(began, &BTreeSet::from([customer, trader])));
    assert!(!scope.covers(began, &BTreeSet::from([customer])));
    assert!(!scope.covers(began, &BTreeSet::new()), "nobody is known to have been in it");
    assert!(!scope.covers(until, &BTreeSet::from([trader])));
}

#[test]
fn a_scope_that_reaches_nothing_is_refused() {
    let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    assert_eq!(OrderScope::new(from, from, None), Err(InvalidScope));
    assert_eq!(OrderScope::new(until, from, None), Err(InvalidScope));
    assert_eq!(OrderScope::new(from, until, Some(BTreeSet::new())), Err(InvalidScope));
}

#[test]
fn two_orders_until_one_date_leave_one_stamp_in_any_order() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let [one, two] = ["consob-1", "consob-2"].map(|name| order(name, "2032-06-01T00:00:00+02:00"));
    let both = |first, second| apply(&apply(&stamped, first).unwrap(), second).unwrap();
    assert_eq!(both(&one, &two), both(&two, &one));
}
