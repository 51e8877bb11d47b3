//! Requests that are answered as one, and what turned out to be somebody else's.

use super::*;
use crate::act::MergedPart;

fn other() -> RequestId {
    RequestId::from_bytes([0xab; 16])
}

/// Another request of the same person, to be answered with this one.
fn part(received_at: &str) -> Act {
    Act::Merged(MergedPart {
        request: other(),
        rights: [Right::Erase].into(),
        received_at: at(received_at),
        jurisdiction: "IT".parse().unwrap(),
        region: None,
        calendar: Calendars::NEWEST,
        extended: None,
    })
}

/// Two calls were to be erased, of which one turned out to be somebody else's.
fn of_somebody_else() -> Acts {
    let (own, theirs) = (consented(12, Right::Erase), consented(13, Right::Erase));
    let keys = [&own, &theirs].map(|item| item.key().unwrap());
    let acts = Acts::of(received(&[Right::Erase])).verified().planned(vec![own, theirs]);
    let acts = acts.all_decided().approved().then("worker", Act::NotTheirs([keys[1].clone()].into()));
    let acts = acts.then("worker", Act::ItemsDone { items: [keys[0].clone()].into(), filed: None });
    acts.then("worker", Act::ExecutionClosed).then("worker", Act::ProbesPassed)
}

#[test]
fn what_turned_out_to_be_somebody_else_s_is_counted_and_nothing_is_told_of_it() {
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        "Reference: fefefefe-fefe-fefe-fefe-fefefefefefe",
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to erase your data (Art. 17)",
        "The articles named in this letter are those of the General Data Protection Regulation (GDPR), \
         unless it says otherwise.",
        "In short: what you asked is done, for all the data that it concerns.",
        "While we were working on your request, one call turned out not to be yours. This letter says \
         nothing about that.",
        "## Erasure (Art. 17)",
        "**Sound recordings of your calls (purpose “quality”, based on consent).** We have erased this \
         data; nobody can read it any more. There is no ground left to keep it (Art. 17(1)). No consent is \
         withdrawn by this: if you want to withdraw one for the future, please tell us (Art. 7(3)).",
        "This is about one call:",
        "- 12 January 2026, 09:05",
        "If anything in this letter is not clear, please write to us and give the reference above. We will \
         gladly explain it.",
        "## For your records",
        "- Erasure (Art. 17): Sound recordings of your calls (purpose “quality”, based on consent); rule \
         E10, version 1",
    ]);
    assert_eq!(of_somebody_else().letter(Language::English), expected);
    let italian = of_somebody_else().letter(Language::Italian);
    let counted = "Mentre ci occupavamo della Sua richiesta, una telefonata è risultata non essere Sua. \
                   Questa lettera non ne dice nulla.\n";
    assert!(italian.contains(counted) && !italian.contains("13 gennaio"), "{italian}");
}

#[test]
fn what_was_kept_of_somebody_else_makes_no_answer_partial() {
    let own = consented(12, Right::Erase);
    let items = [by_duty(13, Right::Erase), by_duty(14, Right::Erase)];
    let strange = items.iter().map(|item| item.key().unwrap()).collect();
    let done = [own.key().unwrap()].into();
    let planned = [vec![own], items.to_vec()].concat();
    let acts = Acts::of(received(&[Right::Erase])).verified().planned(planned).all_decided().approved();
    let acts = acts.then("worker", Act::NotTheirs(strange));
    let acts = acts.then("worker", Act::ItemsDone { items: done, filed: None });
    let text = acts.then("worker", Act::ExecutionClosed).then("worker", Act::ProbesPassed);
    let text = text.letter(Language::English);
    assert!(text.contains("2 calls turned out not to be yours"), "{text}");
    assert!(text.contains("what you asked is done") && !text.contains("2031"), "{text}");
}

#[test]
fn requests_that_are_answered_as_one_are_named_and_due_with_the_first() {
    let acts = Acts::of(received(&[Right::Access])).verified().then("anna", part("2026-02-20T10:00:00Z"));
    let text = acts.letter(Language::English);
    let named = "This letter is also about your request of 20 February 2026 (reference \
                 abababab-abab-abab-abab-abababababab).";
    assert!(text.contains(named) && text.contains("to erase your data (Art. 17)"), "{text}");
    assert!(text.contains("by the end of 20 March 2026 at the latest"), "{text}");
    let text = acts.letter(Language::Italian);
    assert!(text.contains("la Sua richiesta del 20 febbraio 2026 (riferimento abab"), "{text}");
    assert!(text.contains("entro il 20 marzo 2026"), "{text}");

    let unmerged = Act::Unmerged { other: other(), to_assess: BTreeSet::new() };
    let text = acts.then("anna", unmerged).letter(Language::English);
    assert!(!text.contains("abab") && !text.contains("erase") && text.contains("2 April 2026"), "{text}");
}

#[test]
fn who_is_answered_by_another_letter_is_told_by_which() {
    let acts = Acts::of(received(&[Right::Erase])).verified().then("anna", Act::MergedInto(other()));
    let answered = Act::AnsweredWith { into: other(), ending: Ending::Fulfilled };
    for acts in [acts.clone(), acts.then("worker", answered)] {
        let text = acts.letter(Language::English);
        let which = "see our letter with the reference abababab-abab-abab-abab-abababababab.";
        assert!(text.contains(which) && !text.contains("still examining"), "{text}");
        assert!(acts.letter(Language::Italian).contains("con il riferimento abab"));
    }
}
