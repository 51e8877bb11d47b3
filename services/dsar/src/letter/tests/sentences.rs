use std::time::Duration;

use policy::request::Ground;
use policy::rights::{Outcome, RULES, Reason, RuleId};

use super::*;
use crate::letter::phrases::{About, Progress};

/// Whether a text has a word that only programs know.
pub(super) fn names_code(text: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric());
    let rule = words.any(|word| RuleId::ALL.iter().any(|rule| rule.as_str() == word));
    let reason = Reason::ALL.iter().any(|reason| text.contains(reason.as_str()));
    // Outcomes of one word are words of the language, too.
    let mut outcomes = Outcome::ALL.iter().map(|outcome| outcome.as_str()).filter(|word| word.contains('-'));
    rule || reason || outcomes.any(|word| text.contains(word))
}

#[test]
fn every_rule_has_a_sentence_of_its_own_in_each_language() {
    let mut said = BTreeSet::new();
    for rule in RULES {
        for language in Language::ALL {
            let sentence = phrases(language).rule(rule.id());
            assert!(sentence.ends_with('.') && !names_code(sentence), "{}: {sentence}", rule.id());
            assert!(said.insert(sentence), "{}: {sentence}", rule.id());
        }
    }
}

#[test]
fn every_outcome_and_reason_has_a_sentence_in_each_language() {
    let mut said = BTreeSet::new();
    for language in Language::ALL {
        let say = phrases(language);
        for &outcome in Outcome::ALL {
            let (done, planned) = (Progress::Done, Progress::Planned);
            for sentence in [say.outcome(outcome, done), say.outcome(outcome, planned)] {
                assert!(sentence.ends_with('.') && !names_code(sentence), "{outcome}: {sentence}");
            }
            assert!(said.insert(say.outcome(outcome, done)), "{outcome}");
        }
        for &reason in Reason::ALL {
            assert!(said.insert(say.reason(reason)), "{reason}");
        }
    }
}

#[test]
fn every_ground_of_a_restriction_has_a_sentence_in_each_language() {
    let mut said = BTreeSet::new();
    for language in Language::ALL {
        let say = phrases(language);
        let grounds = Ground::ALL.iter().map(|ground| say.ground(*ground));
        for sentence in grounds.chain([say.told_first(), say.lifted(), say.waived()]) {
            assert!(sentence.ends_with('.') && !names_code(sentence), "{sentence}");
            assert!(said.insert(sentence), "{sentence}");
        }
    }
}

#[test]
fn every_regime_is_cited_in_each_language() {
    for regime in policy::regime::ALL {
        let name = kernel::RegimeName::new(regime.name).unwrap();
        assert!(
            Language::ALL.into_iter().all(|language| phrases(language).regime(&name).is_some()),
            "{name}"
        );
    }
}

#[test]
fn every_category_and_basis_has_words_in_each_language() {
    for language in Language::ALL {
        let mut said = BTreeSet::new();
        for &category in Category::ALL {
            let about = About { category: Some(category), purpose: None, basis: None, voice: None };
            assert!(said.insert(phrases(language).about(&about)), "{category}");
        }
        for &basis in BasisState::ALL {
            let category = Some(Category::AudioLeg);
            let about = About { category, purpose: None, basis: Some(basis), voice: None };
            assert!(said.insert(phrases(language).about(&about)), "{basis}");
        }
    }
}

#[test]
fn italian_drops_the_vowel_before_eight_and_eleven() {
    let title = |text: &str| phrases(Language::Italian).title(text.parse().unwrap());
    assert_eq!(title("2026-05-01"), "La Sua richiesta del 1º maggio 2026");
    assert_eq!(title("2026-12-08"), "La Sua richiesta dell'8 dicembre 2026");
    assert_eq!(title("2026-08-11"), "La Sua richiesta dell'11 agosto 2026");
    assert_eq!(title("2026-01-18"), "La Sua richiesta del 18 gennaio 2026");
}

#[test]
fn many_calls_are_counted_and_some_are_listed() {
    let letter = |calls: u8| {
        let items = (1..=calls).map(|day| consented(day, Right::Access)).collect();
        Acts::of(received(&[Right::Access])).fulfilled(items).letter(Language::English)
    };
    let (few, many) = (letter(20), letter(21));
    assert!(few.contains("- 1 January 2026, 09:05\n") && few.contains("- 20 January 2026, 09:05\n"), "{few}");
    let counted =
        "This is about 21 calls, the first of them on 1 January 2026 and the last on 21 January 2026.";
    assert!(many.contains(counted) && !many.contains("09:05"), "{many}");
}

#[test]
fn ends_that_differ_stand_beside_their_calls() {
    let items = vec![by_duty(12, Right::Erase), by_duty(14, Right::Erase)];
    let text = Acts::of(received(&[Right::Erase])).fulfilled(items).letter(Language::English);
    let kept = "It is kept until a day between 12 January 2031 and 14 January 2031, depending on the call \
                (MiFID II Art. 16(7)); it is then erased by itself";
    assert!(text.contains(kept), "{text}");
    assert!(text.contains("- 14 January 2026, 09:05 (until 14 January 2031)\n"), "{text}");
}

#[test]
fn what_was_done_by_hand_says_so_and_not_where_it_is_filed() {
    let metadata = PlanItem {
        artefact: Artefact::Metadata(RecordingId::from_bytes([12; 16])),
        question: Question { category: Category::CallMetadata, ..consented(12, Right::Rectify).question },
        ..consented(12, Right::Rectify)
    };
    let acts = Acts::of(received(&[Right::Rectify])).verified().planned(vec![metadata]).all_decided();
    let items = acts.items.keys().cloned().collect();
    let acts = acts.approved().then("anna", Act::ItemsDone { items, filed: Some(code("crm-77")) });
    let text = acts.letter(Language::English);
    assert!(text.contains("We have corrected this data.") && text.contains("by hand"), "{text}");
    assert!(!text.contains("crm-77"), "{text}");
}

#[test]
fn a_statement_that_was_attached_is_told_and_not_where_it_is_filed() {
    let acts = Acts::of(received(&[Right::Rectify])).verified().planned(vec![consented(12, Right::Rectify)]);
    let acts = acts.all_decided().approved();
    let items = acts.items.keys().cloned().collect();
    let acts = acts.then("anna", Act::ItemsDone { items, filed: Some(code("crm-77")) });
    let told = [
        (Language::English, "attached your statement to it."),
        (Language::Italian, "vi abbiamo allegato la Sua dichiarazione."),
    ];
    for (language, attached) in told {
        let text = acts.letter(language);
        assert!(text.contains(attached) && !text.contains("crm-77"), "{text}");
    }
}

#[test]
fn an_open_request_says_what_is_planned_and_when_it_is_due() {
    let acts = Acts::of(received(&[Right::Erase])).verified().planned(vec![consented(12, Right::Erase)]);
    let text = acts.all_decided().approved().letter(Language::English);
    assert!(text.contains("it is not our answer yet") && text.contains("2 April 2026"), "{text}");
    assert!(text.contains("We will erase this data"), "{text}");
}

#[test]
fn nothing_that_is_kept_is_told_so() {
    let text = Acts::of(received(&[Right::Access])).verified().planned(Vec::new()).all_decided();
    let text = text.approved().then("worker", Act::ExecutionClosed).then("worker", Act::ProbesPassed);
    assert!(text.letter(Language::English).contains("found nothing that this concerns"));
}

#[test]
fn an_extension_and_the_law_of_the_united_kingdom_are_named() {
    let british = Received { jurisdiction: "GB".parse().unwrap(), ..received(&[Right::Erase]) };
    let told = at("2026-03-03T09:00:00Z");
    let reason = policy::deadline::Reason::Complexity;
    let acts = Acts::of(british).then("anna", Act::Extended { reason, notice_delivered_at: told });
    let text = acts.letter(Language::English);
    for part in
        ["UK GDPR", "Art. 12A", "two months more", "3 March 2026", "Information Commissioner's Office"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_representative_learns_which_authority_is_needed() {
    let asked = Received { asker: Asker::Representative, ..received(&[Right::Access]) };
    let acts = Acts::of(asked).then("anna", Act::Acknowledged { hold: None });
    let text = acts.then("anna", Act::Proved(Proof::Session)).letter(Language::English);
    assert!(text.contains("asking for somebody else") && text.contains("a mandate"), "{text}");
    assert!(!text.contains("by logging in"), "what was shown is not asked again: {text}");
}

#[test]
fn a_letter_is_the_same_until_the_file_changes() {
    let acts = Acts::of(received(&[Right::Erase])).fulfilled(vec![by_duty(12, Right::Erase)]);
    let shown = write(&acts.file(), &key(), at("2026-03-03T10:00:00Z"), Language::Italian);
    let later = at("2026-03-03T10:00:00Z").plus(Duration::from_secs(86_400 * 400));
    assert_eq!(write(&acts.file(), &key(), later, Language::Italian), shown);
    assert_eq!(shown.hash, Hash::of(shown.text.as_bytes()));
    let delivered = acts.then("anna", Act::Delivered { letter: shown.hash });
    assert_eq!(write(&delivered.file(), &key(), later, Language::Italian), shown);
}

#[test]
fn a_log_without_names_of_staff_is_a_complete_copy() {
    let log = PlanItem {
        artefact: Artefact::AccessLog,
        purpose: None,
        question: Question { category: Category::AccessLog, ..consented(1, Right::Access).question },
        began: None,
        ..consented(1, Right::Access)
    };
    let acts = Acts::of(received(&[Right::Access])).fulfilled(vec![consented(12, Right::Access), log]);
    let text = acts.letter(Language::English);
    assert!(
        text.contains("In short: what you asked is done, complete but for the names of staff."),
        "{text}"
    );
    assert!(!text.contains("What is missing") && !text.contains("without some parts"), "{text}");
    let role = "in which role, but not the names of our staff.";
    assert!(text.contains(role), "{text}");
    let italian = acts.letter(Language::Italian);
    assert!(italian.contains("completo salvo i nomi degli addetti"), "{italian}");
    assert!(italian.contains("con quale ruolo, ma non i nomi dei nostri addetti."), "{italian}");
}

#[test]
fn calls_of_one_minute_are_told_apart_by_their_seconds() {
    let later = PlanItem { began: Some(at("2026-01-12T09:05:07+01:00")), ..consented(13, Right::Access) };
    let acts = Acts::of(received(&[Right::Access])).fulfilled(vec![consented(12, Right::Access), later]);
    let text = acts.letter(Language::English);
    assert!(text.contains("- 12 January 2026, 09:05:00\n- 12 January 2026, 09:05:07"), "{text}");
}

#[test]
fn what_is_lifted_before_the_answer_is_told_in_it_and_what_is_lifted_later_is_not() {
    let restricted = Acts::of(received(&[Right::Restrict])).fulfilled(vec![consented(12, Right::Restrict)]);
    let restricted = restricted.then("worker", Act::Restricted([HoldId::from_bytes([9; 16])].into()));
    let lifted = Act::Lifted { notice_delivered_at: at("2026-03-03T09:00:00Z") };
    let answer = restricted.letter(Language::English);
    assert!(answer.contains("We now only store this data") && answer.contains("(Art. 18(3))"), "{answer}");

    let before = restricted.clone().then("anna", lifted.clone());
    let text = before.letter(Language::English);
    assert!(text.contains("For a time we only stored this data"), "{text}");
    assert!(!text.contains("We now only store") && !text.contains("we will tell you"), "{text}");
    assert!(before.letter(Language::Italian).contains("Gliene abbiamo dato avviso"));

    let letter = Hash::of(answer.as_bytes());
    let after = restricted.then("anna", Act::Delivered { letter }).then("anna", lifted);
    assert_eq!(after.letter(Language::English), answer, "what was delivered is what it says");
}

#[test]
fn what_is_not_needed_for_a_claim_any_more_is_told_as_what_they_said_and_else_they_are_asked() {
    let needed = leg(12, Right::Erase, "quality", BasisState::ConsentLive, HoldState::Subject18c);
    let acts = Acts::of(received(&[Right::Erase])).verified().planned(vec![needed]);
    let found = Found { own_hold_waived: true, ..Found::default() };
    let waived = acts.clone().decided(BTreeSet::new(), found, None).approved().done_but(BTreeSet::new());
    let text = waived.letter(Language::English);
    assert!(text.contains("We have erased this data"), "{text}");
    assert!(text.contains("You told us that you no longer need it for a legal claim"), "{text}");
    assert!(waived.letter(Language::Italian).contains("non Le servono più"));

    let left = acts.decided(BTreeSet::new(), Found::default(), Some(code("asked-7")));
    let text = left.approved().done_but(BTreeSet::new()).letter(Language::English);
    assert!(text.contains("We need your choice before we can go on."), "{text}");
    assert!(text.contains("until then we keep it for you"), "{text}");
}
