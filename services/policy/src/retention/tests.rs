mod explanation;
mod order;
mod properties;
mod vectors;

use rstest::rstest;

use super::*;
use crate::regime;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn name(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

/// A policy with these purposes, one a line.
fn policy_in(jurisdiction: &str, purposes: &[&str]) -> TenantPolicy {
    let lines: String = purposes.iter().map(|purpose| format!("  {purpose}\n")).collect();
    let text = format!("tenant: t\njurisdiction: {jurisdiction}\npurposes:\n{lines}");
    crate::parse(&text, &|_| None).unwrap()
}

fn policy(purposes: &[&str]) -> TenantPolicy {
    policy_in("IT", purposes)
}

const DUTY: &str = "duty: { basis: legal_obligation, regime: mifid2-16-7 }";

/// A call of half an hour in Rome whose one mark, `sale`, ended ten minutes before it did.
fn facts() -> Facts {
    let sale = MarkLabel::new("sale").unwrap();
    Facts {
        started_at: at("2026-03-02T09:00:00+01:00"),
        ended_at: at("2026-03-02T09:30:00+01:00"),
        marks_ended_at: BTreeMap::from([(sale, at("2026-03-02T09:20:00+01:00"))]),
    }
}

/// The stamp of the audio of one purpose.
fn audio(policy: &TenantPolicy, purpose: &str) -> Stamp {
    stamp(policy, &name(purpose), &facts()).into_iter().find(|stamp| stamp.kind == DataKind::Audio).unwrap()
}

#[test]
fn each_kind_has_a_stamp_that_says_who_set_it() {
    let policy =
        policy(&["sale: { basis: contract, retention: { audio: P90D, metadata: P1Y }, anchor: mark }"]);
    let stamps = stamp(&policy, &name("sale"), &facts());
    let rule = |period: &str| Rule::Policy {
        hash: policy.hash(),
        period: period.parse().unwrap(),
        anchor: RanFrom::Mark,
    };
    let expected = [
        (DataKind::Audio, at("2026-05-31T09:20:00+02:00"), rule("P90D")),
        (DataKind::Metadata, at("2027-03-02T09:20:00+01:00"), rule("P1Y")),
    ];
    let purpose = name("sale");
    let expected = expected.map(|(kind, ends, rule)| Stamp { purpose: purpose.clone(), kind, ends, rule });
    assert_eq!(stamps, expected);
}

#[test]
fn a_regime_stamps_what_it_locks() {
    let policy = policy(&[DUTY]);
    let regime = RegimeName::new("mifid2-16-7").unwrap();
    let locked = regime::lock_until(&policy, [&regime], facts().started_at).unwrap();
    for stamp in stamp(&policy, &name("duty"), &facts()) {
        assert_eq!(Some(stamp.ends), locked, "{}", stamp.kind);
        assert_eq!(stamp.rule, Rule::Regime { name: regime.clone() });
    }
}

#[test]
fn a_purpose_that_the_policy_does_not_have_has_no_stamp() {
    assert_eq!(stamp(&policy(&[DUTY]), &name("sale"), &facts()), []);
}

#[test]
fn without_a_closed_mark_the_period_runs_from_the_end_and_says_so() {
    let policy = policy(&["deal: { basis: contract, retention: P1Y, anchor: mark }"]);
    let stamp = audio(&policy, "deal");
    assert_eq!(stamp.ends, at("2027-03-02T09:30:00+01:00"));
    let Rule::Policy { anchor, .. } = &stamp.rule else { panic!("a policy set it: {stamp:?}") };
    assert_eq!(*anchor, RanFrom::EndWithoutMark);
    assert!(
        stamp
            .rule
            .to_string()
            .starts_with("1 year from the end of the call, no mark being closed, by policy")
    );
}

const SALE: &str = "sale: { basis: contract, retention: P1Y }";

#[rstest]
#[case::shorter("sale: { basis: contract, retention: P6M }", "2026-09-02T09:00:00+02:00")]
#[case::longer("sale: { basis: contract, retention: P2Y }", "2027-03-02T09:00:00+01:00")]
#[case::as_long("sale: { basis: contract, retention: P12M }", "2027-03-02T09:00:00+01:00")]
#[case::as_long_from_a_later_moment(
    "sale: { basis: contract, retention: P1Y, anchor: end }",
    "2027-03-02T09:00:00+01:00"
)]
#[case::shorter_from_a_later_moment(
    "sale: { basis: contract, retention: P6M, anchor: mark }",
    "2026-09-02T09:20:00+02:00"
)]
#[case::shorter_for_the_audio(
    "sale: { basis: contract, retention: { audio: P6M, metadata: P5Y } }",
    "2026-09-02T09:00:00+02:00"
)]
#[case::on_another_basis("sale: { basis: legitimate_interest, retention: P6M }", "2026-09-02T09:00:00+02:00")]
#[case::a_duty_now("sale: { basis: legal_obligation, regime: mifid2-16-7 }", "2027-03-02T09:00:00+01:00")]
#[case::gone(DUTY, "2027-03-02T09:00:00+01:00")]
fn a_later_policy_shortens_and_never_lengthens(#[case] later: &str, #[case] ends: &str) {
    let (stamped, later) = (audio(&policy(&[SALE]), "sale"), policy(&[later]));
    let now = with_later_policy(&stamped, &later, &facts());
    assert_eq!(now.ends, at(ends));
    if now.ends == stamped.ends {
        assert_eq!(now, stamped, "the rule that stands is the first");
    } else {
        assert!(matches!(now.rule, Rule::LaterPolicy { hash, .. } if hash == later.hash()), "{now:?}");
    }
}

#[test]
fn a_later_policy_does_not_touch_what_a_regime_set() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    for later in [
        "duty: { basis: legitimate_interest, retention: P1D }",
        "duty: { basis: legitimate_interest, retention: P50Y }",
    ] {
        assert_eq!(with_later_policy(&stamped, &policy(&[later]), &facts()), stamped);
    }
}

#[test]
fn a_later_policy_goes_by_its_own_jurisdictions_calendar() {
    let facts = Facts { started_at: at("2028-02-28T23:30:00Z"), ..facts() };
    let stamped =
        stamp(&policy_in("IT", &["sale: { basis: contract, retention: P5Y }"]), &name("sale"), &facts);
    let later = policy_in("GB", &["sale: { basis: contract, retention: P1Y }"]);
    assert_eq!(stamped[0].ends, at("2033-02-28T23:00:00Z"));
    assert_eq!(with_later_policy(&stamped[0], &later, &facts).ends, at("2029-02-28T23:30:00Z"));
}

#[test]
fn two_later_policies_that_say_the_same_end_leave_one_stamp_in_any_order() {
    let stamped = audio(&policy(&[SALE]), "sale");
    let half = policy(&["sale: { basis: contract, retention: P6M }"]);
    let same = policy(&["sale: { basis: contract, retention: P6M, roles: [supervisor] }"]);
    let apply =
        |first, second| with_later_policy(&with_later_policy(&stamped, first, &facts()), second, &facts());
    assert_eq!(apply(&half, &same), apply(&same, &half));
}

#[test]
fn a_stamp_round_trips_as_json() {
    let policy = policy(&[DUTY, SALE]);
    for purpose in ["duty", "sale"] {
        let stamp = audio(&policy, purpose);
        let json = serde_json::to_string(&stamp).unwrap();
        assert_eq!(serde_json::from_str::<Stamp>(&json).unwrap(), stamp, "{json}");
    }
}
