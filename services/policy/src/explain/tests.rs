use std::path::Path;

use super::*;

const TENANTS: [&str; 3] = ["banca-alfa", "telco-beta", "shop-gamma"];

fn sample(tenant: &str) -> TenantPolicy {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/policies").join(tenant);
    let text = std::fs::read_to_string(folder.join("policy.yaml")).unwrap();
    crate::parse(&text, &|path| std::fs::read_to_string(folder.join(path)).ok()).unwrap()
}

#[test]
fn the_sample_policies_are_sound() {
    for tenant in TENANTS {
        let policy = sample(tenant);
        assert_eq!(policy.tenant.as_str(), tenant);
        for name in policy.purposes.keys() {
            assert!(policy.notices_for(name).next().is_some(), "{tenant} tells nobody of {name}");
        }
    }
}

#[test]
fn the_bank_tells_how_long_a_copy_is_to_be_had() {
    // Delegated Regulation (EU) 2017/565 Art. 76(8): five years, and up to seven on the authority's request.
    let policy = sample("banca-alfa");
    let notice = &policy.notices.values().next().unwrap().text;
    assert!(notice.contains("cinque anni") && notice.contains("sette anni"));
}

#[test]
fn a_policy_is_told_in_sentences() {
    let lines = explain(&sample("banca-alfa"));
    let expected = [
        "mifid2-transaction",
        "  basis     legal obligation (GDPR Art. 6(1)(c)): Directive 2014/65/EU Art. 16(7); Delegated Regulation \
         (EU) 2017/565 Art. 76(8), (10), (11)",
        "  recorded  from the start to the end of the call",
        "  heard by  compliance, auditor for replay, review",
        "  kept      5 years, up to 7 years by order of the authority (mifid2-16-7)",
        "  told by   notice-it-3 (it)",
        "",
        "quality",
        "  basis     consent of customer (GDPR Art. 6(1)(a))",
        "  recorded  from the moment of consent until the end, refusal or withdrawal",
        "  heard by  supervisor for replay, review",
        "  kept      90 days",
        "  told by   notice-it-3 (it)",
    ];
    assert_eq!(lines[3..16], expected);
    assert!(lines.contains(&"  rights    privacy-officer".to_owned()));
    let lines = explain(&sample("shop-gamma"));
    assert!(lines.contains(&"  recorded  while `verbal-contract` is marked".to_owned()), "{lines:?}");
}

#[test]
fn how_long_is_told_by_kind_and_anchor() {
    let cases = [
        ("retention: P90D", "90 days"),
        ("retention: P90D, anchor: end", "90 days from the end of the call"),
        ("retention: P2Y, anchor: mark", "2 years from the end of the mark"),
        ("retention: { audio: P90D, metadata: P1Y }", "audio 90 days, metadata 1 year"),
        (
            "retention: { audio: P90D, metadata: P1Y }, anchor: mark",
            "audio 90 days, metadata 1 year, both from the end of the mark",
        ),
    ];
    for (terms, expected) in cases {
        let purposes = format!("purposes:\n  sale: {{ basis: contract, {terms} }}\n");
        let policy = crate::parse(&format!("tenant: t\njurisdiction: IT\n{purposes}"), &|_| None).unwrap();
        let told = format!("  kept      {expected}");
        assert!(explain(&policy).contains(&told), "{terms}: {:?}", explain(&policy));
    }
}

#[test]
fn an_empty_policy_says_that_nothing_is_recorded() {
    let policy = crate::parse("tenant: t\njurisdiction: IT\n", &|_| None).unwrap();
    assert_eq!(explain(&policy).last().unwrap(), "No purpose: nothing is recorded.");
}
