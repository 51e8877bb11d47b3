use policy::request::Ground;

use super::*;

const REFERENCE: &str = "Reference: fefefefe-fefe-fefe-fefe-fefefefefefe";

const LAW: &str = "The articles named in this letter are those of the General Data Protection Regulation \
                   (GDPR), unless it says otherwise.";

const CLOSING: &str = "If anything in this letter is not clear, please write to us and give the reference \
                       above. We will gladly explain it.";

const COMPLAINT: &str = "You have the right to complain to the supervisory authority: Garante per la \
                         protezione dei dati personali. You may also turn to the authority of the state in \
                         which you live or work, or in which you think that the law was broken (Art. 77).";

const COURT: &str = "You also have the right to go to court, whether or not you complain (Art. 79).";

const PROOF: &str = "You can show who you are, at any time, in one of these ways: by logging in to your \
                     account with us; by a code that we send to the number or address that you use with \
                     us, together with an answer about a call that only somebody in it can know; or by \
                     speaking to one of our staff. We need neither a copy of an identity document nor your \
                     voice as a proof.";

#[test]
fn a_copy_of_two_calls_is_told_in_one_paragraph() {
    let items = vec![consented(12, Right::Access), consented(13, Right::Access)];
    let acts = Acts::of(received(&[Right::Access])).fulfilled(items);
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        REFERENCE,
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to tell you which data we keep of you, and to give you a copy of it (Art. 15)",
        LAW,
        "In short: what you asked is done, for all the data that it concerns.",
        "## Access and copy (Art. 15)",
        "**Sound recordings of your calls, your voice (purpose “quality”, based on consent).** You have this \
         data in full, in the package made for you. You have the right to a copy of what is kept of you \
         (Art. 15(3)).",
        "This is about 2 calls:",
        "- 12 January 2026, 09:05\n- 13 January 2026, 09:05",
        "The package has a page, index.html, that opens without a network. For each call it tells for \
         which purposes your data is used and on what basis, to whom the recording service has given it and \
         who has opened it, how long it is kept and why, and where it comes from (the calls \
         themselves, in which you and others spoke); it \
         also lists the rights that you have (Art. 15(1)). The file data.json tells the same for other \
         programs.",
        CLOSING,
        "## For your records",
        "- Access and copy (Art. 15): Sound recordings of your calls, your voice (purpose “quality”, based \
         on consent); rule A5, version 1",
    ]);
    assert_eq!(acts.letter(Language::English), expected);
}

#[test]
fn an_erasure_is_told_by_what_became_of_each_part() {
    let late = consented(8, Right::Erase);
    let deferred = BTreeSet::from([late.key().unwrap()]);
    let items = vec![consented(12, Right::Erase), by_duty(12, Right::Erase), held(11, Right::Erase), late];
    let acts = Acts::of(received(&[Right::Erase])).verified().planned(items);
    let acts = acts.all_decided().approved().done_but(deferred);
    let expected = blocks(&[
        "# La Sua richiesta del 2 marzo 2026",
        "Riferimento: fefefefe-fefe-fefe-fefe-fefefefefefe",
        "Abbiamo ricevuto la Sua richiesta il 2 marzo 2026 per e-mail. Ci ha chiesto di:",
        "- cancellare i Suoi dati (art. 17)",
        "Gli articoli citati in questa lettera sono quelli del Regolamento generale sulla protezione dei \
         dati (GDPR), salvo diversa indicazione.",
        "In breve: abbiamo fatto una parte di quanto ci ha chiesto. Qui sotto spieghiamo che cosa manca e \
         perché.",
        "## Cancellazione (art. 17)",
        "**Registrazioni audio delle Sue telefonate (finalità «mifid2 transaction», in base a un obbligo \
         di legge).** Non possiamo ancora cancellare questi dati. Per ora ci limitiamo a conservarli, \
         senza farne altro uso. La legge ci obbliga a conservarli per un periodo determinato (art. 17, \
         par. 3, lett. b). Li conserviamo fino al 12 gennaio 2031 (MiFID II, art. 16, par. 7); poi saranno \
         cancellati automaticamente, senza che debba chiederlo di nuovo.",
        "Si tratta di una telefonata:",
        "- 12 gennaio 2026, ore 09:05",
        "**Registrazioni audio delle Sue telefonate (finalità «quality», in base a un consenso).** Non \
         possiamo ancora cancellare questi dati. Per ora ci limitiamo a conservarli, senza farne altro \
         uso. Al momento un vincolo ci vieta di cancellarli (art. 17, par. 3). Quando il vincolo cesserà \
         saranno cancellati automaticamente, senza che debba chiederlo di nuovo.",
        "Si tratta di 2 telefonate:",
        "- 8 gennaio 2026, ore 09:05\n- 11 gennaio 2026, ore 09:05",
        "**Registrazioni audio delle Sue telefonate (finalità «quality», in base a un consenso).** \
         Abbiamo cancellato questi dati: nessuno può più leggerli. Non resta alcun motivo per conservarli \
         (art. 17, par. 1). Con ciò non è revocato alcun consenso: se desidera revocarne uno per il futuro, \
         ce lo faccia sapere (art. 7, par. 3).",
        "Si tratta di una telefonata:",
        "- 12 gennaio 2026, ore 09:05",
        "## Se non è d'accordo",
        "Ha il diritto di proporre reclamo all'autorità di controllo: Garante per la protezione dei dati \
         personali. Può rivolgersi anche all'autorità dello Stato in cui vive o lavora, o in cui ritiene \
         che sia avvenuta la violazione (art. 77).",
        "Ha inoltre il diritto di ricorrere al giudice, che proponga reclamo o no (art. 79).",
        "Se qualcosa in questa lettera non è chiaro, ci scriva indicando il riferimento riportato sopra: \
         saremo lieti di spiegarglielo.",
        "## Per la Sua documentazione",
        "- Cancellazione (art. 17): Registrazioni audio delle Sue telefonate (finalità «mifid2 \
         transaction», in base a un obbligo di legge); regola E5, versione 1, A17LegallyRequired\n- \
         Cancellazione (art. 17): Registrazioni audio delle Sue telefonate (finalità «quality», in base a \
         un consenso); regola E3, versione 1\n- Cancellazione (art. 17): Registrazioni audio delle Sue \
         telefonate (finalità «quality», in base a un consenso); regola E10, versione 1",
    ]);
    assert_eq!(acts.letter(Language::Italian), expected);
}

/// One call that the person contests, and one that they need for a claim.
fn restricted() -> Acts {
    let (contested, needed) = (consented(13, Right::Restrict), consented(12, Right::Restrict));
    let on = |item: &PlanItem, acts: Acts, ground: Ground| {
        let found = Found { ground: Some(ground), ..Found::default() };
        acts.decided([item.key().unwrap()].into(), found, None)
    };
    let acts = Acts::of(received(&[Right::Restrict])).verified();
    let acts = acts.planned(vec![contested.clone(), needed.clone()]);
    let acts = on(&needed, on(&contested, acts, Ground::Accuracy), Ground::Claims);
    acts.approved().done_but(BTreeSet::new())
}

#[test]
fn a_restriction_is_told_by_its_ground_and_that_it_ends_after_a_word_only() {
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        REFERENCE,
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to store your data and do nothing else with it (Art. 18)",
        LAW,
        "In short: what you asked is done, for all the data that it concerns.",
        "## Restriction (Art. 18)",
        "**Sound recordings of your calls (purpose “quality”, based on consent).** We now only store this \
         data and do nothing else with it. You contest that it is accurate, and we are checking that (Art. \
         18(1)(a)). Before we use it in any other way again, we will tell you (Art. 18(3)).",
        "This is about one call:",
        "- 13 January 2026, 09:05",
        "**Sound recordings of your calls (purpose “quality”, based on consent).** We now only store this \
         data and do nothing else with it. You need it for a legal claim of your own. We keep it for you as \
         long as you do, even where its time would be over (Art. 18(1)(c)). Before we use it in any other \
         way again, we will tell you (Art. 18(3)).",
        "This is about one call:",
        "- 12 January 2026, 09:05",
        CLOSING,
        "## For your records",
        "- Restriction (Art. 18): Sound recordings of your calls (purpose “quality”, based on consent); \
         rule R2, version 1\n- Restriction (Art. 18): Sound recordings of your calls (purpose “quality”, \
         based on consent); rule R2, version 1",
    ]);
    assert_eq!(restricted().letter(Language::English), expected);
}

#[test]
fn a_restriction_is_told_in_italian_too() {
    let expected = blocks(&[
        "# La Sua richiesta del 2 marzo 2026",
        "Riferimento: fefefefe-fefe-fefe-fefe-fefefefefefe",
        "Abbiamo ricevuto la Sua richiesta il 2 marzo 2026 per e-mail. Ci ha chiesto di:",
        "- conservare i Suoi dati senza farne alcun altro uso (art. 18)",
        "Gli articoli citati in questa lettera sono quelli del Regolamento generale sulla protezione dei \
         dati (GDPR), salvo diversa indicazione.",
        "In breve: abbiamo fatto quanto ci ha chiesto, per tutti i dati interessati.",
        "## Limitazione (art. 18)",
        "**Registrazioni audio delle Sue telefonate (finalità «quality», in base a un consenso).** Ora ci \
         limitiamo a conservare questi dati, senza farne altro uso. Lei contesta che siano esatti, e lo \
         stiamo verificando (art. 18, par. 1, lett. a). Prima di farne di nuovo altro uso La avviseremo \
         (art. 18, par. 3).",
        "Si tratta di una telefonata:",
        "- 13 gennaio 2026, ore 09:05",
        "**Registrazioni audio delle Sue telefonate (finalità «quality», in base a un consenso).** Ora ci \
         limitiamo a conservare questi dati, senza farne altro uso. Le servono per far valere un Suo diritto \
         in giudizio. Li conserviamo per Lei finché Le occorrono, anche oltre il loro termine (art. 18, par. \
         1, lett. c). Prima di farne di nuovo altro uso La avviseremo (art. 18, par. 3).",
        "Si tratta di una telefonata:",
        "- 12 gennaio 2026, ore 09:05",
        "Se qualcosa in questa lettera non è chiaro, ci scriva indicando il riferimento riportato sopra: \
         saremo lieti di spiegarglielo.",
        "## Per la Sua documentazione",
        "- Limitazione (art. 18): Registrazioni audio delle Sue telefonate (finalità «quality», in base a un \
         consenso); regola R2, versione 1\n- Limitazione (art. 18): Registrazioni audio delle Sue telefonate \
         (finalità «quality», in base a un consenso); regola R2, versione 1",
    ]);
    assert_eq!(restricted().letter(Language::Italian), expected);
}

#[test]
fn who_could_not_be_shown_learns_how_to_and_nothing_of_what_is_kept() {
    let acts = Acts::of(received(&[Right::Access, Right::Erase]));
    let acts = acts.then("anna", Act::Acknowledged { hold: None }).then("anna", Act::IdentityFailed);
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        REFERENCE,
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to tell you which data we keep of you, and to give you a copy of it (Art. 15)\n\
         - to erase your data (Art. 17)",
        LAW,
        "In short: it could not be shown to us that you are the person concerned, or may act for them. So \
         we could not do what you asked.",
        "## Showing who you are",
        "It could not be shown to us that you are the person whose data is concerned (Art. 12(2) and (6)). \
         To protect that person we have looked for nothing and done nothing under the rights below; this \
         says nothing about whether any data is kept.",
        "- Access and copy (Art. 15)\n- Erasure (Art. 17)",
        PROOF,
        "## If you do not agree",
        COMPLAINT,
        COURT,
        CLOSING,
    ]);
    assert_eq!(acts.letter(Language::English), expected);
}

#[test]
fn a_request_that_was_taken_back_is_confirmed_so() {
    let acts = Acts::of(received(&[Right::Erase])).then("anna", Act::TakenBack);
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        REFERENCE,
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to erase your data (Art. 17)",
        LAW,
        "You have taken your request back. We close it and do nothing more under it. You may ask again at \
         any time.",
        CLOSING,
    ]);
    assert_eq!(acts.letter(Language::English), expected);
}

#[test]
fn a_request_on_which_nothing_is_decided_is_acknowledged() {
    let acts = Acts::of(received(&[Right::Erase]));
    let expected = blocks(&[
        "# Your request of 2 March 2026",
        REFERENCE,
        "We received your request on 2 March 2026 by e-mail. You asked us:",
        "- to erase your data (Art. 17)",
        LAW,
        "Thank you. We are working on it, and will write to you again.",
        "You will have our answer by the end of 2 April 2026 at the latest (Art. 12(3)).",
        "## Showing who you are",
        "Before we look for anything, we need to know that we are dealing with the right person: data must \
         not reach a stranger, nor be lost to its owner. This concerns:",
        "- Erasure (Art. 17)",
        PROOF,
        "## If you do not agree",
        COMPLAINT,
        COURT,
        CLOSING,
    ]);
    assert_eq!(acts.letter(Language::English), expected);
}
