use super::order::{italy, order};
use super::*;

fn told(explanation: &Explanation) -> Vec<(SetBy, Timestamp, Verdict)> {
    let told = explanation.considered.iter().map(|c| (c.set_by, c.ends, c.verdict.clone()));
    told.collect()
}

#[test]
fn every_policy_is_told_with_what_became_of_it() {
    let stamped = audio(&policy(&[SALE]), "sale");
    let later = ["P6M", "P2Y", "P1Y, roles: [auditor]", "P3M"]
        .map(|period| policy(&[&format!("sale: {{ basis: contract, retention: {period} }}")]));
    let without = policy(&[DUTY]);
    let later = [&later[0], &later[1], &without, &later[2], &later[3]];
    let explanation = explain(&stamped, &later, &[], italy(), &facts());
    let (first, last) = (at("2026-06-02T09:00:00+02:00"), at("2028-03-02T09:00:00+01:00"));
    assert_eq!(
        told(&explanation),
        [
            (SetBy::Tenant, stamped.ends, Verdict::Outdone),
            (SetBy::Tenant, at("2026-09-02T09:00:00+02:00"), Verdict::Outdone),
            (SetBy::Tenant, last, Verdict::WouldLengthen),
            (SetBy::Tenant, stamped.ends, Verdict::Outdone),
            (SetBy::Tenant, first, Verdict::Wins),
        ]
    );
    assert_eq!((explanation.earliest, explanation.latest, explanation.winner.ends), (first, last, first));
    let sources: Vec<_> = explanation.considered.iter().filter_map(|c| c.source).collect();
    assert_eq!(sources[..2], ["GDPR Art. 5(1)(e)", "GDPR Art. 5(1)(e), 13(2)(a)"]);
    let hash = later[4].hash().to_string();
    let short = &hash[..12];
    assert_eq!(
        explanation.to_string(),
        format!(
            "sale audio: until 2026-06-02T07:00:00Z, set by the tenant: 3 months from the start, by later policy {short}"
        )
    );
}

#[test]
fn under_a_regime_the_orders_count_and_the_policies_do_not() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let later = policy(&["duty: { basis: legitimate_interest, retention: P1D }"]);
    let [short, long, last, beyond] = [
        order("consob-1", "2030-01-01T00:00:00Z"),
        order("consob-2", "2032-01-01T00:00:00Z"),
        order("consob-3", "2033-01-01T00:00:00Z"),
        order("consob-4", "2036-01-01T00:00:00Z"),
    ];
    let past = OrderScope::new(Timestamp(0), Timestamp(1), None).unwrap();
    let other = RegimeName::new("uk-sysc-10a").unwrap();
    let elsewhere =
        [ExtensionOrder { scope: past, ..last.clone() }, ExtensionOrder { regime: other, ..last.clone() }];
    let orders = [&short, &last, &elsewhere[0], &long, &elsewhere[1], &beyond];
    let explanation = explain(&stamped, &[&later], &orders, italy(), &facts());
    let regime = RegimeName::new("mifid2-16-7").unwrap();
    let refused = OrderError::TooLate {
        reference: beyond.reference.clone(),
        regime,
        until: beyond.until,
        latest: at("2033-03-02T09:00:00+01:00"),
    };
    assert_eq!(
        told(&explanation),
        [
            (SetBy::Law, stamped.ends, Verdict::Outdone),
            (SetBy::Tenant, at("2026-03-03T09:00:00+01:00"), Verdict::UnderRegime),
            (SetBy::Authority, short.until, Verdict::WouldShorten),
            (SetBy::Authority, last.until, Verdict::Wins),
            (SetBy::Authority, long.until, Verdict::Outdone),
            (SetBy::Authority, beyond.until, Verdict::Refused(refused)),
        ]
    );
    assert_eq!(explanation.latest, last.until, "an order that is refused gives no date");
    assert!(explanation.considered[0].source.unwrap().contains("2014/65/EU Art. 16(7)"));
    assert_eq!(explanation.considered[3].source, explanation.considered[0].source);
    assert_eq!(
        explanation.to_string(),
        "duty audio: until 2033-01-01T00:00:00Z, set by the authority: order consob-3 under mifid2-16-7"
    );
}

#[test]
fn what_nothing_touched_is_explained_by_its_stamp_alone() {
    let stamped = audio(&policy(&[DUTY]), "duty");
    let explanation = explain(&stamped, &[], &[], italy(), &facts());
    assert_eq!(told(&explanation), [(SetBy::Law, stamped.ends, Verdict::Wins)]);
    assert_eq!((explanation.earliest, explanation.latest), (stamped.ends, stamped.ends));
}

#[test]
fn a_rule_that_is_given_twice_is_told_once() {
    let stamped = audio(&policy(&[SALE]), "sale");
    let later = policy(&["sale: { basis: contract, retention: P6M }"]);
    let explanation = explain(&stamped, &[&later, &later], &[], italy(), &facts());
    assert_eq!(explanation.considered.len(), 2);
    let again = explain(&explanation.winner, &[&later], &[], italy(), &facts());
    assert_eq!(again.winner, explanation.winner);
    assert_eq!(again.considered.len(), 1);
}

#[test]
fn the_limit_of_a_regime_that_is_not_known_is_not_guessed() {
    let future = RegimeName::new("lex-futura").unwrap();
    let stamped = Stamp { rule: Rule::Regime { name: future.clone() }, ..audio(&policy(&[DUTY]), "duty") };
    let ordered = ExtensionOrder { regime: future, ..order("consob-1", "2032-06-01T00:00:00Z") };
    let explanation = explain(&stamped, &[], &[&ordered], italy(), &facts());
    assert_eq!(explanation.winner, stamped);
    assert_eq!(explanation.considered[0].source, None);
    assert!(matches!(explanation.considered[1].verdict, Verdict::Refused(OrderError::UnknownRegime(_))));
}
