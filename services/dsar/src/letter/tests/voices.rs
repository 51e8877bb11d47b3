//! A call has two voices, and a copy need not have both.

use kernel::{Interval, Position};

use super::*;

/// The title of the other voice of such a call.
const OTHER: &str =
    "**Sound recordings of your calls, the other voice (purpose “quality”, based on consent).**";

/// The person's own leg of a call and somebody else's, as the person appears in it.
fn both(right: Right, presence: Presence) -> Vec<PlanItem> {
    let own = consented(12, right);
    vec![own.clone(), of_another(own, presence)]
}

/// A copy of a call, once this was found of both legs.
fn copied(presence: Presence, found: Found) -> Acts {
    let acts = Acts::of(received(&[Right::Access])).verified().planned(both(Right::Access, presence));
    acts.decided(BTreeSet::new(), found, None).approved().done_but(BTreeSet::new())
}

#[test]
fn a_paragraph_of_a_copy_says_whose_voice_it_is_about() {
    let acts = copied(Presence::Dialog, Found::default());
    let english = acts.letter(Language::English);
    for whose in ["your voice", "the other voice"] {
        let title =
            format!("**Sound recordings of your calls, {whose} (purpose “quality”, based on consent).**");
        assert!(english.contains(&format!("{title} You have this data in full")), "{whose}: {english}");
    }
    let italian = acts.letter(Language::Italian);
    for whose in ["la Sua voce", "l'altra voce"] {
        let title = format!(
            "**Registrazioni audio delle Sue telefonate, {whose} (finalità «quality», in base a un \
             consenso).**"
        );
        assert!(italian.contains(&format!("{title} Trova questi dati, completi")), "{whose}: {italian}");
    }
}

#[test]
fn a_voice_that_is_withheld_is_told_as_left_out_and_not_as_given_in_part() {
    let acts = copied(Presence::Third, Found::default());
    let english = acts.letter(Language::English);
    let told = format!(
        "{OTHER} This voice is not in the package made for you, as it is another person's; the package names \
         it as left out. It also concerns other people, whose rights a copy must not impair (Art. 15(4)).\n"
    );
    assert!(english.contains(&told), "{english}");
    assert!(!english.contains("without some parts"), "{english}");
    let italian = acts.letter(Language::Italian);
    let told = "Non trova questi dati nel pacchetto preparato per Lei, perché la voce è di un'altra persona: \
                il pacchetto li indica come omessi. Riguardano anche altre persone, i cui diritti non devono \
                essere lesi da una copia (art. 15, par. 4).\n";
    assert!(italian.contains(told) && !italian.contains("privi di alcune parti"), "{italian}");
}

#[test]
fn a_voice_that_is_to_be_withheld_is_told_so_before_the_copy_is_made() {
    let acts = Acts::of(received(&[Right::Access])).verified();
    let acts = acts.planned(both(Right::Access, Presence::Third)).all_decided().approved();
    let english = acts.letter(Language::English);
    assert!(english.contains("This voice will not be in the package made for you"), "{english}");
    let italian = acts.letter(Language::Italian);
    assert!(italian.contains("Non troverà questi dati nel pacchetto preparato per Lei"), "{italian}");
}

#[test]
fn a_voice_is_withheld_where_a_copy_of_it_would_put_somebody_at_risk() {
    let found = Found { gate: Some(Gate::Risk), ..Found::default() };
    let english = copied(Presence::Dialog, found).letter(Language::English);
    assert!(english.contains(&format!("{OTHER} This voice is not in the package made for you")), "{english}");
    assert!(english.contains("it as left out. A copy in full could put somebody else at risk"), "{english}");
    assert!(english.contains("You have this data in full"), "their own voice is whole: {english}");
}

#[test]
fn a_voice_that_is_silent_where_others_are_heard_is_given_without_some_parts() {
    let heard = Interval::new(Position(20_000), Position(50_000));
    let found = Found { others_heard: heard.into_iter().collect(), ..Found::default() };
    let english = copied(Presence::Dialog, found).letter(Language::English);
    assert_eq!(english.matches("without some parts").count(), 2, "both are heard: {english}");
    assert!(!english.contains("This voice is not"), "{english}");
}

#[test]
fn what_is_said_of_a_log_is_not_said_of_sound() {
    let acts = copied(Presence::Third, Found::default());
    let (english, italian) = (acts.letter(Language::English), acts.letter(Language::Italian));
    assert!(english.contains("rule A3") && !english.contains("names of our staff"), "{english}");
    assert!(italian.contains("regola A3") && !italian.contains("nostri addetti"), "{italian}");
}

#[test]
fn only_the_person_s_own_voice_can_be_carried_elsewhere() {
    let acts = Acts::of(received(&[Right::Port])).fulfilled(both(Right::Port, Presence::Dialog));
    let english = acts.letter(Language::English);
    let told = format!(
        "{OTHER} This voice is not in the package made for you, as it is another person's; the package names \
         it as left out. Only what you provided yourself can be carried elsewhere (Art. 20(1) and (4)).\n"
    );
    assert!(english.contains(&told), "{english}");
    assert!(english.contains("You provided it, and nobody else is in it"), "{english}");
    let italian = acts.letter(Language::Italian);
    assert!(italian.contains("Si può portare altrove soltanto ciò che ha fornito Lei"), "{italian}");
}

#[test]
fn a_voice_that_is_in_the_copy_is_not_told_as_missing_from_all_of_the_package() {
    let items = [both(Right::Access, Presence::Dialog), both(Right::Port, Presence::Dialog)].concat();
    let acts = Acts::of(received(&[Right::Access, Right::Port])).fulfilled(items);
    let english = acts.letter(Language::English);
    assert!(english.contains(&format!("{OTHER} You have this data in full")), "{english}");
    let told = format!("{OTHER} This voice is not in the part of the package that you can carry elsewhere");
    assert!(english.contains(&told) && !english.contains("as left out"), "{english}");
    let italian = acts.letter(Language::Italian);
    assert!(
        italian.contains("Questi dati non sono nella parte del pacchetto che può portare altrove"),
        "{italian}"
    );
}

#[test]
fn voices_that_are_erased_together_are_one_paragraph() {
    let acts = Acts::of(received(&[Right::Erase])).fulfilled(both(Right::Erase, Presence::Dialog));
    let english = acts.letter(Language::English);
    assert_eq!(english.matches("**Sound recordings of your calls (purpose").count(), 1, "{english}");
    assert!(!english.contains("voice"), "{english}");
}
