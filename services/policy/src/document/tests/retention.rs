use super::*;

fn kept(purpose: &str) -> Retention {
    quality(with_purpose(purpose)).retention
}

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

#[test]
fn one_period_is_for_both_kinds_and_runs_from_the_start() {
    let year = Retention { audio: period("P1Y"), metadata: period("P1Y"), anchor: Anchor::Start };
    for retention in ["P1Y", "P12M", "{ audio: P1Y, metadata: P12M }", "P1Y, anchor: start"] {
        let purpose = format!("{{ basis: contract, retention: {retention} }}");
        assert_eq!(kept(&purpose), year, "{retention}");
    }
}

#[test]
fn each_kind_may_have_its_own_period() {
    let retention = kept("{ basis: contract, retention: { metadata: P1Y, audio: P90D } }");
    assert_eq!((retention.audio, retention.metadata), (period("P90D"), period("P1Y")));
    let block = "\n    basis: contract\n    retention:\n      audio: P90D\n      metadata: P1Y";
    assert_eq!(kept(block), retention);
}

#[rstest]
#[case("{ basis: contract, retention: P2Y, anchor: mark }", Anchor::Mark)]
#[case("{ basis: contract, retention: P2Y, from: mark sale, until: end, anchor: mark }", Anchor::Mark)]
#[case("{ basis: consent, retention: P2Y, from: mark, anchor: mark }", Anchor::Mark)]
#[case("{ basis: consent, retention: P2Y, anchor: end }", Anchor::End)]
#[case("{ basis: legitimate_interest, retention: P2Y, anchor: end }", Anchor::End)]
fn a_period_runs_from_its_anchor(#[case] purpose: &str, #[case] expected: Anchor) {
    assert_eq!(kept(purpose).anchor, expected);
}

#[rstest]
#[case(
    "{ basis: contract, retention: { audio: P90D } }",
    "4:42: retention of purpose quality has no metadata"
)]
#[case(
    "{ basis: contract, retention: { metadata: P90D } }",
    "4:42: retention of purpose quality has no audio"
)]
#[case(
    "{ basis: contract, retention: { audio: P90D, metadata: P1Y, video: P1D } }",
    "4:72: unknown key `video` in retention of purpose quality; known are audio, metadata"
)]
#[case(
    "{ basis: contract, retention: { audio: P90D, metadata: 1 year } }",
    "4:67: metadata `1 year`: a period must be ISO 8601 in whole years, months, weeks or days, such as P90D or P2Y, \
     up to 100 years"
)]
#[case(
    "{ basis: contract, retention: { audio: P90D, metadata: P1Y, audio: P1D } }",
    "4:72: key `audio` is already given on line 4"
)]
#[case(
    "{ basis: contract, retention: { audio: [P90D], metadata: P1Y } }",
    "4:51: a single value is expected, not a list"
)]
#[case("{ basis: contract, retention: [P90D] }", "4:42: a single value is expected, not a list")]
#[case("{ basis: contract, retention: }", "4:40: a single value is expected, not nothing")]
#[case(
    "{ basis: contract, retention: P2Y, anchor: noon }",
    "4:55: anchor `noon`: must be one of start, end, mark"
)]
#[case(
    "{ basis: consent, retention: P2Y, anchor: mark }",
    "4:54: purpose quality is kept from the end of a mark, but recorded from consent"
)]
#[case(
    "{ basis: contract, from: start, retention: P2Y, anchor: mark }",
    "4:68: purpose quality is kept from the end of a mark, but recorded from start"
)]
#[case(
    "{ basis: legal_obligation, regime: mifid2-16-7, anchor: end }",
    "4:68: purpose quality may not set an anchor: mifid2-16-7 does"
)]
#[case(
    "{ basis: legal_obligation, regime: mifid2-16-7, retention: { audio: P5Y, metadata: P5Y } }",
    "4:71: purpose quality may not set a retention: mifid2-16-7 does"
)]
fn a_fault_in_retention_is_named_at_its_place(#[case] purpose: &str, #[case] expected: &str) {
    assert_eq!(problems(with_purpose(purpose)), [expected]);
}

#[test]
fn one_run_names_every_fault_in_retention() {
    let faults = problems(with_purpose("{ basis: contract, retention: {}, anchor: noon }"));
    let places: Vec<_> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(places, ["4:42:", "4:42:", "4:54:"], "{faults:?}");
    let duty =
        "{ basis: legal_obligation, regime: mifid2-16-7, retention: P1Y, anchor: start, from: consent }";
    let faults = problems(with_purpose(duty));
    assert_eq!(faults.len(), 3, "{faults:?}");
}
