use super::*;

/// What a running duty keeps, told apart from the table: all but what was computed of the call or is about it.
fn is_covered(category: Category) -> bool {
    match category {
        Category::AudioLeg | Category::AudioMix | Category::Transcript | Category::CallMetadata => true,
        Category::Signalling | Category::Dtmf | Category::Screen | Category::AgentNote => true,
        Category::Derived | Category::Voiceprint | Category::SearchIndex | Category::Embedding => false,
        Category::ConsentEvidence | Category::AccessLog | Category::DsarFile | Category::BackupCopy => false,
    }
}

#[test]
fn nothing_is_erased_under_any_hold() {
    for question in every_question().iter().filter(|question| question.hold != HoldState::None) {
        let verdict = decide(question);
        assert!(!verdict.outcomes().any(Outcome::erases), "{question:?} came to {verdict:?}");
    }
}

#[test]
fn nothing_covered_is_erased_under_a_running_duty() {
    for question in every_question() {
        if question.basis == BasisState::DutyRunning && is_covered(question.category) {
            let verdict = decide(&question);
            assert!(!verdict.outcomes().any(Outcome::erases), "{question:?} came to {verdict:?}");
        }
    }
}

#[test]
fn access_is_neither_deferred_nor_refused_by_a_hold() {
    for question in every_question().iter().filter(|question| question.right == Right::Access) {
        let verdict = decide(question);
        let unheld = decide(&Question { hold: HoldState::None, ..*question });
        assert_eq!(verdict, unheld, "{question:?}");
        let may_be_refused = matches!(question.gate, Gate::IdentityFailed | Gate::Article12);
        assert!(may_be_refused || verdict.outcome() != Outcome::Refuse, "{question:?}");
        assert_ne!(verdict.outcome(), Outcome::DeferRestrict, "{question:?}");
    }
}

#[test]
fn withdrawal_and_objection_to_marketing_are_never_refused() {
    for question in every_question() {
        if matches!(question.right, Right::Withdraw | Right::ObjectMarketing) {
            let verdict = decide(&question);
            assert!(verdict.outcomes().all(|outcome| outcome != Outcome::Refuse), "{question:?}");
        }
    }
}

#[test]
fn what_erases_refuses_or_redacts_needs_a_second_person() {
    for &outcome in Outcome::ALL {
        let word = outcome.as_str();
        let expected = ["erase", "refuse", "redact"].iter().any(|stem| word.contains(*stem));
        assert_eq!(outcome.needs_second_person(), expected, "{outcome}");
    }
    for question in every_question() {
        let verdict = decide(&question);
        let expected = verdict.outcome().needs_second_person();
        assert_eq!(
            verdict.needs_second_person(),
            expected,
            "what is pending beside it needs none: {verdict:?}"
        );
    }
}

#[rstest]
#[case(Right::Access, "Art. 15")]
#[case(Right::Rectify, "Art. 16")]
#[case(Right::Erase, "Art. 17")]
#[case(Right::Restrict, "Art. 18")]
#[case(Right::Port, "Art. 20")]
#[case(Right::Object, "Art. 21(1)")]
#[case(Right::ObjectMarketing, "Art. 21(2)")]
#[case(Right::Withdraw, "Art. 7(3)")]
fn each_right_has_its_article(#[case] right: Right, #[case] article: &str) {
    assert_eq!(right.article(), article);
}
