use super::rule::is_total;
use super::*;

#[test]
fn the_table_has_every_rule_once_in_order() {
    let ids: Vec<_> = RULES.iter().map(Rule::id).collect();
    assert_eq!(ids, RuleId::ALL);
}

#[test]
fn every_rule_decides_something_that_comes_to_something_else_without_it() {
    let tables: BTreeMap<_, _> = RuleId::ALL.iter().map(|rule| (*rule, without(*rule))).collect();
    let (mut wins, mut matters) = (BTreeSet::new(), BTreeSet::new());
    for question in every_question() {
        let verdict = decide(&question);
        wins.insert(verdict.rule());
        let otherwise = decide_by(&tables[&verdict.rule()], &question);
        if otherwise.is_none_or(|otherwise| said(otherwise) != said(verdict)) {
            matters.insert(verdict.rule());
        }
    }
    let all: BTreeSet<_> = RuleId::ALL.iter().copied().collect();
    assert_eq!(wins, all);
    assert_eq!(matters, all);
}

#[test]
fn a_table_without_a_rights_last_rule_leaves_questions_open() {
    assert!(is_total(&RULES));
    let last =
        [RuleId::A5, RuleId::C3, RuleId::E10, RuleId::R2, RuleId::P4, RuleId::M1, RuleId::O4, RuleId::W2];
    let questions = every_question();
    for &rule in RuleId::ALL {
        let table = without(rule);
        assert_eq!(is_total(&table), !last.contains(&rule), "{rule}");
        if last.contains(&rule) {
            assert!(questions.iter().any(|question| decide_by(&table, question).is_none()), "{rule}");
        }
    }
}

#[rstest]
#[case(RuleId::G3, "G3 presence=absent -> not-applicable")]
#[case(RuleId::R1, "R1 right=restrict gate=no-ground -> refuse")]
#[case(
    RuleId::A3,
    "A3 right=access category=access-log or presence=third|mentioned -> grant-redacted because ThirdPartyRightsImpaired"
)]
#[case(
    RuleId::E3,
    "E3 right=erase hold=litigation|regulator|other-dsar -> defer-restrict because A17LegallyRequired, in litigation A17LegalClaims"
)]
#[case(RuleId::O2, "O2 right=object basis=public-task|legitimate-interest -> restrict+pending-balance")]
fn a_rule_is_printed_as_its_row(#[case] id: RuleId, #[case] row: &str) {
    let rule = RULES.into_iter().find(|rule| rule.id() == id).unwrap();
    assert_eq!(rule.to_string(), row);
}
