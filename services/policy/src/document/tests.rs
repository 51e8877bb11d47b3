mod compatible;
mod retention;

use rstest::rstest;

use super::*;
use crate::period::Period;

const NOTICE: &str = "notices:\n  n: { language: it, text: Parole., purposes: [quality] }\n";

fn parse_plain(text: &str) -> Result<TenantPolicy, PolicyError> {
    parse(text, &|path| (path == "notices/n.txt").then(|| "Parole.\n".to_owned()))
}

fn with_purpose(purpose: &str) -> Result<TenantPolicy, PolicyError> {
    parse_plain(&format!("tenant: t\njurisdiction: IT\npurposes:\n  quality: {purpose}\n{NOTICE}"))
}

fn problems(result: Result<TenantPolicy, PolicyError>) -> Vec<String> {
    result.unwrap_err().problems.iter().map(Problem::to_string).collect()
}

fn quality(result: Result<TenantPolicy, PolicyError>) -> Purpose {
    result.unwrap().purposes[&PurposeName::new("quality").unwrap()].clone()
}

fn label(text: &str) -> MarkLabel {
    MarkLabel::new(text).unwrap()
}

#[test]
fn the_designs_example_is_a_policy() {
    let text = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance, auditor] }
  quality:            { basis: consent, retention: P90D, uses: [replay, review], roles: [supervisor] }
  verbal-contract:    { basis: contract, from: mark verbal-contract, until: mark, retention: P2Y }
notices:
  notice-it-3: { language: it, text_file: notices/n.txt, purposes: [mifid2-transaction, quality] }
";
    let policy = parse_plain(text).unwrap();
    let windows: Vec<_> = policy
        .purposes
        .values()
        .map(|p| (p.basis, p.from.to_string(), p.until, p.retention.audio.to_string()))
        .collect();
    assert_eq!(
        windows,
        [
            (Basis::LegalObligation, "start".to_owned(), Until::End, "P5Y".to_owned()),
            (Basis::Consent, "consent".to_owned(), Until::End, "P90D".to_owned()),
            (Basis::Contract, "mark verbal-contract".to_owned(), Until::Mark, "P2Y".to_owned()),
        ]
    );
    assert!(policy.accepts_mark(&label("verbal-contract")) && !policy.accepts_mark(&label("order")));
    assert_eq!(policy.notices[&NoticeName::new("notice-it-3").unwrap()].text, "Parole.");
    assert_eq!(policy.span, Duration::from_secs(1));
    assert_eq!(policy.hold_back, Duration::ZERO);
}

#[test]
fn a_policy_without_purposes_is_legal() {
    for purposes in ["", "purposes:\n", "purposes: {}\n"] {
        assert!(
            parse_plain(&format!("tenant: t\njurisdiction: IT\n{purposes}")).unwrap().purposes.is_empty()
        );
    }
}

#[rstest]
#[case("ledger", "1:9: tenant `ledger`: tenant must not be a name that the object store keeps for itself")]
#[case(
    "quarantine",
    "1:9: tenant `quarantine`: tenant must not be a name that the object store keeps for itself"
)]
#[case("verbale-deployment", "1:9: tenant verbale-deployment is the deployment's own name")]
fn a_tenant_takes_no_name_of_the_deployments(#[case] tenant: &str, #[case] expected: &str) {
    assert_eq!(problems(parse_plain(&format!("tenant: {tenant}\njurisdiction: IT\n"))), [expected]);
}

#[rstest]
fn no_purpose_takes_a_name_that_crypto_keeps(#[values("sealing", "subject", "reason", "canary")] name: &str) {
    let policy = |purpose: &str| format!("tenant: t\njurisdiction: IT\npurposes:\n  {name}: {purpose}\n");
    let reserved = format!("4:3: purpose {name} is reserved by crypto");
    assert_eq!(problems(parse_plain(&policy("{ basis: contract, retention: P2Y }"))), [reserved.as_str()]);
    let both = problems(parse_plain(&policy("{ basis: contract }")));
    assert_eq!((both.len(), &both[0]), (2, &reserved), "its other faults are named too: {both:?}");
}

#[test]
fn what_is_not_said_is_the_narrowest() {
    let purpose = quality(with_purpose("{ basis: contract, retention: P2Y }"));
    assert_eq!((purpose.from, purpose.until), (From::Mark(label("quality")), Until::Mark));
    assert_eq!(purpose.uses, BTreeSet::from([Use::Replay]));
    assert!(purpose.roles.is_empty() && purpose.consent_of.is_empty());
    let purpose = quality(with_purpose("{ basis: consent, retention: P2Y, from: mark }"));
    assert_eq!((purpose.from, purpose.until), (From::Mark(label("quality")), Until::Mark));
    assert_eq!(purpose.consent_of, BTreeSet::from([Party::Customer]));
    let purpose = quality(with_purpose("{ basis: contract, retention: P2Y, from: mark sale, until: end }"));
    assert_eq!((purpose.from, purpose.until), (From::Mark(label("sale")), Until::End));
}

#[rstest]
#[case("{ retention: P90D }", "4:3: purpose quality has no basis")]
#[case("", "4:3: purpose quality has no basis")]
#[case("[x]", "4:12: purpose quality must be a mapping, not a list")]
#[case(
    "{ basis: wish, retention: P90D }",
    "4:21: basis `wish`: must be one of consent, contract, \
    legal_obligation, vital_interest, public_task, legitimate_interest"
)]
#[case("{ basis: consent }", "4:21: purpose quality has no retention")]
#[case(
    "{ basis: consent, retention: 90 days }",
    "4:41: retention `90 days`: a period must be ISO 8601 in whole \
    years, months, weeks or days, such as P90D or P2Y, up to 100 years"
)]
#[case(
    "{ basis: consent, retention: P90D, keep: x }",
    "4:47: unknown key `keep` in purpose quality; known are \
    basis, regime, retention, anchor, uses, roles, consent_of, from, until, compatible"
)]
#[case(
    "{ basis: consent, retention: P90D, basis: contract }",
    "4:47: key `basis` is already given on line 4"
)]
#[case(
    "{ basis: legal_obligation }",
    "4:21: purpose quality rests on a legal obligation and names no regime"
)]
#[case(
    "{ basis: legal_obligation, regime: gdpr }",
    "4:47: purpose quality names an unknown regime; known are \
    mifid2-16-7, uk-sysc-10a"
)]
#[case(
    "{ basis: legal_obligation, regime: uk-sysc-10a }",
    "4:47: purpose quality names a regime that is not the \
    law of IT"
)]
#[case(
    "{ basis: legal_obligation, regime: mifid2-16-7, retention: P1Y }",
    "4:71: purpose quality may not set a \
    retention: mifid2-16-7 does"
)]
#[case(
    "{ basis: contract, regime: mifid2-16-7 }",
    "4:39: purpose quality has a regime, but its basis is contract"
)]
#[case(
    "{ basis: consent, retention: P90D, uses: [dance] }",
    "4:54: use `dance`: must be one of replay, review, \
    rights, legal_claim, authority, probe"
)]
#[case(
    "{ basis: consent, retention: P90D, uses: [rights] }",
    "4:54: rights belongs to claims, not to a purpose's \
    uses"
)]
#[case(
    "{ basis: consent, retention: P90D, roles: [boss] }",
    "4:55: role `boss`: must be one of sender, service, \
    supervisor, compliance, auditor, privacy-officer, operator, agent"
)]
#[case("{ basis: consent, retention: P90D, roles: [operator] }", "4:55: role operator hears nothing")]
#[case(
    "{ basis: consent, retention: P90D, roles: supervisor }",
    "4:54: a list of words is expected, not a single \
    value"
)]
#[case(
    "{ basis: consent, retention: P90D, from: start }",
    "4:53: purpose quality rests on consent and cannot run \
    from the start"
)]
#[case(
    "{ basis: contract, retention: P90D, from: consent }",
    "4:54: purpose quality waits for consent, but its \
    basis is contract"
)]
#[case(
    "{ basis: consent, retention: P90D, from: mark A }",
    "4:53: mark label may only have the characters a-z, \
    0-9 and -"
)]
#[case(
    "{ basis: consent, retention: P90D, from: noon }",
    "4:53: from must be start, consent or mark with a label"
)]
#[case(
    "{ basis: consent, retention: P90D, until: mark }",
    "4:54: purpose quality runs until a mark, but from \
    consent"
)]
#[case("{ basis: consent, retention: P90D, until: noon }", "4:54: until `noon`: must be one of end, mark")]
#[case(
    "{ basis: consent, retention: P90D, consent_of: [customer, agent] }",
    "4:59: purpose quality rests on an \
    employee's consent, which is presumed not free; choose another basis, or name the data protection officer's \
    decision as employee_consent"
)]
#[case(
    "{ basis: consent, retention: P90D, consent_of: [] }",
    "4:59: purpose quality asks for nobody's consent"
)]
#[case(
    "{ basis: contract, retention: P90D, consent_of: [customer] }",
    "4:60: purpose quality has consent_of, but \
    its basis is contract"
)]
fn a_fault_in_a_purpose_is_named_at_its_place(#[case] purpose: &str, #[case] expected: &str) {
    assert_eq!(problems(with_purpose(purpose)), [expected]);
}

#[rstest]
#[case("jurisdiction: IT\n", "1:1: the policy has no tenant")]
#[case("tenant: t\n", "1:1: the policy has no jurisdiction")]
#[case(
    "tenant: Bad Name\njurisdiction: IT\n",
    "1:9: tenant `Bad Name`: tenant may only have the characters a-z, \
    0-9 and -"
)]
#[case(
    "tenant: t\njurisdiction: US\n",
    "2:15: jurisdiction `US`: a jurisdiction must be the two-letter code of an \
    EEA state, CH or GB, such as IT"
)]
#[case(
    "tenant: t\njurisdiction: IT\nspan: PT11S\n",
    "3:7: span must be an ISO 8601 duration from PT0.2S to PT10S"
)]
#[case(
    "tenant: t\njurisdiction: IT\nspan: 1\n",
    "3:7: span must be an ISO 8601 duration from PT0.2S to PT10S"
)]
#[case(
    "tenant: t\njurisdiction: IT\nhold_back: PT2M\n",
    "3:12: hold_back must be an ISO 8601 duration from PT0S \
    to PT60S"
)]
#[case(
    "tenant: t\njurisdiction: IT\nmarks: [A B]\n",
    "3:9: mark `A B`: mark label may only have the characters \
    a-z, 0-9 and -"
)]
#[case(
    "tenant: t\njurisdiction: IT\nclaims: { replay: [supervisor] }\n",
    "3:11: replay belongs to a purpose's \
    uses, not to claims"
)]
#[case("tenant: t\njurisdiction: IT\nclaims: { rights: [operator] }\n", "3:20: role operator hears nothing")]
#[case(
    "tenant: t\njurisdiction: IT\nemployee_consent: [x]\n",
    "3:19: a single value is expected, not a list"
)]
#[case(
    "tenant: t\njurisdiction: IT\npurposes:\n  'Big One': { basis: contract }\n",
    "4:3: `Big One`: purpose may \
    only have the characters a-z, 0-9 and -"
)]
#[case("- tenant\n", "1:1: the policy must be a mapping, not a list")]
#[case("tenant: [\n", "2:1: not YAML: while parsing a node, did not find expected node content")]
fn a_fault_in_the_frame_is_named_at_its_place(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(parse_plain(text)), [expected]);
}

#[rstest]
#[case("{ text: x, purposes: [quality] }", "6:3: notice n has no language")]
#[case(
    "{ language: Italian, text: x, purposes: [quality] }",
    "6:18: language must be a BCP 47 tag such as it or \
    en-GB"
)]
#[case("{ language: it, purposes: [quality] }", "6:3: notice n has neither text nor text_file")]
#[case(
    "{ language: it, text: x, text_file: y, purposes: [quality] }",
    "6:42: notice n has both text and text_file"
)]
#[case(
    "{ language: it, text_file: notices/other.txt, purposes: [quality] }",
    "6:33: text_file notices/other.txt \
    cannot be read"
)]
#[case(
    "{ language: it, text_file: ../n.txt, purposes: [quality] }",
    "6:33: text_file must be a relative path that \
    stays below the policy"
)]
#[case(
    "{ language: it, text_file: /n.txt, purposes: [quality] }",
    "6:33: text_file must be a relative path that \
    stays below the policy"
)]
#[case(
    "{ language: it, text: ' ', purposes: [quality] }",
    "6:28: notice n's text must have 1 to 65536 bytes"
)]
#[case(
    "{ language: it, text: x, purposes: [quality, profit] }",
    "6:51: notice names purpose profit, which the \
    policy does not have"
)]
#[case("{ language: it, text: x }", "6:3: notice n has no purposes")]
fn a_fault_in_a_notice_is_named_at_its_place(#[case] notice: &str, #[case] expected: &str) {
    let purpose = "{ basis: legitimate_interest, retention: P90D }";
    let text =
        format!("tenant: t\njurisdiction: IT\npurposes:\n  quality: {purpose}\nnotices:\n  n: {notice}\n");
    assert_eq!(problems(parse_plain(&text)), [expected]);
}

#[test]
fn consent_without_a_notice_is_no_consent() {
    let text = "tenant: t\njurisdiction: IT\npurposes:\n  quality: { basis: consent, retention: P90D }\n";
    assert_eq!(
        problems(parse_plain(text)),
        ["4:3: no notice tells of purpose quality, which rests on consent"]
    );
}

#[test]
fn agents_consent_counts_only_with_the_officers_decision() {
    let purpose = "quality: { basis: consent, retention: P90D, consent_of: [agent] }";
    let text =
        format!("tenant: t\njurisdiction: IT\nemployee_consent: dpo-7\npurposes:\n  {purpose}\n{NOTICE}");
    assert_eq!(quality(parse_plain(&text)).consent_of, BTreeSet::from([Party::Agent]));
    let refused = text.replace("employee_consent: dpo-7\n", "");
    assert!(problems(parse_plain(&refused))[0].contains("presumed not free"));
}

#[test]
fn one_run_names_every_fault_in_the_order_of_lines() {
    let text =
        "tenat: t\njurisdiction: IT\npurposes:\n  a: { basis: x }\n  b: { basis: contract, retention: 1 }\n";
    let places: Vec<_> = parse_plain(text).unwrap_err().problems.iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(places, [(1, 1), (1, 1), (4, 15), (5, 36)]);
}

#[test]
fn an_error_does_not_repeat_a_notices_text() {
    let secret = "+390612345678";
    let notice = format!("notices:\n  n: {{ language: it, text: [{secret}], purposes: [quality] }}\n");
    let error = parse_plain(&format!("tenant: t\njurisdiction: IT\n{notice}")).unwrap_err();
    assert!(!error.to_string().contains(secret), "{error}");
}

proptest::proptest! {
    #[test]
    fn a_damaged_policy_is_refused_or_read_but_never_panics(at in 0usize..400, byte in 0u8..128) {
        let mut bytes = format!(
            "tenant: t\njurisdiction: IT\nspan: PT1S\nclaims: {{ rights: [auditor] }}\npurposes:\n  quality: \
             {{ basis: consent, retention: {{ audio: P90D, metadata: P1Y }}, anchor: mark, from: mark x, \
             consent_of: [customer] }}\n{NOTICE}"
        ).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = parse_plain(&String::from_utf8(bytes).unwrap());
    }
}
