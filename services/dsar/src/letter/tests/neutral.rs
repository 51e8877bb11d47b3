use super::*;

/// One call of which a copy is given, and one on which a restriction by law is weighed.
fn weighed() -> Acts {
    let open = consented(13, Right::Access);
    let these = BTreeSet::from([open.key().unwrap()]);
    let found = Found { gate: Some(Gate::Article23), ..Found::default() };
    let acts = Acts::of(received(&[Right::Access])).verified();
    let acts = acts.planned(vec![consented(12, Right::Access), open]);
    let acts = acts.decided(these, found, Some(code("case-7"))).all_decided();
    acts.approved().done_but(BTreeSet::new())
}

#[test]
fn what_may_not_be_tipped_off_about_reads_like_what_is_not_decided() {
    let acts = weighed();
    for language in Language::ALL {
        let text = acts.letter(language);
        assert!(!text.contains("13 January") && !text.contains("13 gennaio"), "{text}");
        for told in ["A1", "Art. 23", "art. 23", "case-7"] {
            assert!(!text.contains(told), "{told}: {text}");
        }
    }
    let text = acts.letter(Language::English);
    assert!(text.contains("We are still examining part of your request."), "{text}");
    assert!(text.contains("## If you do not agree"), "{text}");
}

#[test]
fn a_hold_does_not_say_what_it_is_for() {
    let acts = Acts::of(received(&[Right::Erase])).fulfilled(vec![held(11, Right::Erase)]);
    for language in Language::ALL {
        let text = acts.letter(language);
        let hold = HoldId::from_bytes([9; 16]).to_string();
        for told in [hold.as_str(), "A17Legal", "hold:", "1 April", "1º aprile"] {
            assert!(!text.contains(told), "{told}: {text}");
        }
    }
    assert!(acts.letter(Language::English).contains("A hold forbids us to erase it at present"));
}

#[test]
fn nobody_who_decided_is_named() {
    let acts = weighed();
    let text = acts.letter(Language::English);
    assert!(["anna", "bruno", "worker"].iter().all(|name| !text.contains(name)), "{text}");
}

#[test]
fn identity_that_failed_leaves_a_withdrawal_as_it_is() {
    let withdrawal = PlanItem {
        artefact: Artefact::Consent,
        question: Question { category: Category::ConsentEvidence, ..consented(1, Right::Withdraw).question },
        began: None,
        ..consented(1, Right::Withdraw)
    };
    let acts = Acts::of(received(&[Right::Access, Right::Withdraw]));
    let acts = acts.then("anna", Act::Acknowledged { hold: None }).then("anna", Act::IdentityFailed);
    let acts = acts.planned(vec![withdrawal]).all_decided().approved().done_but(BTreeSet::new());
    let text = acts.letter(Language::English);
    assert!(
        text.contains("**Purpose “quality”.** We have stopped using your data for this purpose."),
        "{text}"
    );
    assert!(text.contains("## Showing who you are"), "{text}");
    assert!(!text.contains("## Access and copy"), "{text}");
}

#[test]
fn what_another_person_s_request_keeps_is_not_told_as_a_hold_by_law() {
    let other = leg(11, Right::Erase, "quality", BasisState::ConsentLive, HoldState::OtherDsar);
    let acts = Acts::of(received(&[Right::Erase])).fulfilled(vec![other]);
    let (english, italian) = (acts.letter(Language::English), acts.letter(Language::Italian));
    assert!(english.contains("kept until that person's request about it is settled"), "{english}");
    assert!(italian.contains("Sono anche dati di un'altra persona"), "{italian}");
    assert!(!english.contains("17(3)") && !italian.contains("art. 17, par. 3"), "{italian}");
}
