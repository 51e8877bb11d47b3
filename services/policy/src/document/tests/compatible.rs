use super::*;

/// A policy whose purpose `quality` rests on a legitimate interest and has these words beside.
fn with_compatible(compatible: &str, other: &str) -> Result<TenantPolicy, PolicyError> {
    let quality =
        format!("quality: {{ basis: legitimate_interest, retention: P90D, compatible: {compatible} }}");
    let notice = "notices:\n  n: { language: it, text: Parole., purposes: [quality, training] }\n";
    parse_plain(&format!(
        "tenant: t\njurisdiction: IT\npurposes:\n  {quality}\n  training: {other}\n{notice}"
    ))
}

const INTEREST: &str = "{ basis: legitimate_interest, retention: P1Y }";
const CONSENT: &str = "{ basis: consent, retention: P1Y }";

#[test]
fn a_purpose_names_others_with_the_codes_of_their_assessments() {
    let purpose = quality(with_compatible("{ training: dpia-2026-07 }", INTEREST));
    let training = PurposeName::new("training").unwrap();
    assert_eq!(purpose.compatible, BTreeMap::from([(training, Code::new("dpia-2026-07").unwrap())]));
    for none in ["{}", "~"] {
        assert!(quality(with_compatible(none, INTEREST)).compatible.is_empty());
    }
}

#[rstest]
#[case(
    "{ sale: dpia-1 }",
    INTEREST,
    "4:73: purpose quality calls sale compatible, which the policy does not have"
)]
#[case("{ quality: dpia-1 }", INTEREST, "4:73: purpose quality calls quality compatible, which is itself")]
#[case(
    "{ training: dpia-1 }",
    CONSENT,
    "4:73: purpose quality calls training compatible, which rests on consent"
)]
#[case(
    "{ training: because it helps }",
    INTEREST,
    "4:83: assessment `because it helps`: a code must have 1 to 64 letters, digits and - . _ / : and begin with \
     a letter or digit"
)]
#[case("{ training: }", INTEREST, "4:81: a single value is expected, not nothing")]
#[case(
    "{ Training: dpia-1 }",
    INTEREST,
    "4:73: `Training`: purpose may only have the characters a-z, 0-9 and -"
)]
#[case("[training]", INTEREST, "4:71: compatible must be a mapping, not a list")]
fn a_fault_in_what_is_compatible_is_named_at_its_place(
    #[case] compatible: &str,
    #[case] other: &str,
    #[case] expected: &str,
) {
    assert_eq!(problems(with_compatible(compatible, other)), [expected]);
}

#[test]
fn consent_to_one_purpose_is_compatible_with_no_other() {
    let consent = "{ basis: consent, retention: P90D, compatible: { training: dpia-1 } }";
    let text = format!(
        "tenant: t\njurisdiction: IT\npurposes:\n  quality: {consent}\n  training: {INTEREST}\n{NOTICE}"
    );
    assert_eq!(
        problems(parse_plain(&text)),
        ["4:59: purpose quality rests on consent, and calls other purposes compatible"]
    );
    assert!(parse_plain(&text.replace("{ training: dpia-1 }", "{}")).is_ok());
}

#[test]
fn naming_a_purpose_that_has_a_fault_is_no_second_fault() {
    let faults = problems(with_compatible("{ training: dpia-1 }", "{ basis: wish, retention: P1Y }"));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("5:22: basis `wish`"), "{faults:?}");
}
