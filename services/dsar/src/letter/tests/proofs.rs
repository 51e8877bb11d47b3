//! What an erasure leaves: the proofs, as they are, and consent.

use super::*;

/// What is kept as a proof and was to be erased.
fn proof(artefact: Artefact) -> PlanItem {
    let item = consented(1, Right::Erase);
    let (category, basis) = (artefact.category(), BasisState::DutyRunning);
    let question = Question { category, basis, ..item.question };
    PlanItem { artefact, purpose: None, question, began: None, ..item }
}

fn proofs() -> Acts {
    let request = Artefact::Request(RequestId::from_bytes([0xab; 16]));
    let items = [Artefact::Consent, Artefact::AccessLog, request].map(proof).to_vec();
    Acts::of(received(&[Right::Erase])).fulfilled(items)
}

#[test]
fn a_proof_is_told_as_kept_as_it_is_and_by_what_it_proves() {
    let text = proofs().letter(Language::English);
    let why = "We do not erase this data, but keep it as it is, as a proof. We have to be able to show that \
               we kept to the law, and need not erase what is needed for that (Art. 5(2) and 17(3)).";
    let told = [
        (
            "Proof of your consent",
            "It is the record of what you were asked and what you answered, by which we show your consent \
             (Art. 7(1)).",
        ),
        (
            "Log of who opened your data",
            "It shows who opened your data and when; in place of your name it has only an identifier.",
        ),
        (
            "Files of your requests",
            "It shows what you asked us and what was done about it; in place of your name it has only an \
             identifier.",
        ),
    ];
    for (title, proves) in told {
        assert!(text.contains(&format!("\n\n**{title}.** {why} {proves}\n\n")), "{title}: {text}");
    }
    assert!(!text.contains("erased"), "nothing of it is: {text}");
}

#[test]
fn a_proof_is_told_in_italian_too() {
    let text = proofs().letter(Language::Italian);
    let why = "Non cancelliamo questi dati, ma li conserviamo così come sono, come prova. Dobbiamo poter \
               dimostrare di aver rispettato la legge, e non siamo tenuti a cancellare quanto serve a tale \
               scopo (art. 5, par. 2, e art. 17, par. 3).";
    let told = [
        (
            "Prova del Suo consenso",
            "Vi risulta che cosa Le è stato chiesto e che cosa ha risposto, e con ciò dimostriamo il Suo \
             consenso (art. 7, par. 1).",
        ),
        (
            "Registro di chi ha consultato i Suoi dati",
            "Vi risulta chi ha consultato i Suoi dati e quando; al posto del Suo nome vi è soltanto un \
             codice identificativo.",
        ),
        (
            "Fascicoli delle Sue richieste",
            "Vi risulta che cosa ci ha chiesto e che cosa ne è stato fatto; al posto del Suo nome vi è \
             soltanto un codice identificativo.",
        ),
    ];
    for (title, proves) in told {
        assert!(text.contains(&format!("\n\n**{title}.** {why} {proves}\n\n")), "{title}: {text}");
    }
    assert!(!text.contains("cancellato"), "nulla lo è: {text}");
}

/// How a letter says that consent stands, in each language.
const STANDS: [(Language, &str); 2] = [
    (Language::English, "No consent is withdrawn by this"),
    (Language::Italian, "Con ciò non è revocato alcun consenso"),
];

#[test]
fn an_erasure_withdraws_no_consent_and_says_so_where_one_stands() {
    let letter = |basis: BasisState, language: Language| {
        let item = leg(12, Right::Erase, "quality", basis, HoldState::None);
        Acts::of(received(&[Right::Erase])).fulfilled(vec![item]).letter(language)
    };
    for (language, stands) in STANDS {
        for basis in [BasisState::ConsentLive, BasisState::Explicit9a] {
            let text = letter(basis, language);
            assert!(text.contains(stands) && !text.contains("as withdrawn"), "{basis}: {text}");
        }
        for basis in [BasisState::ConsentGone, BasisState::ContractEnded, BasisState::DutyEnded] {
            let text = letter(basis, language);
            assert!(text.contains("E10") && !text.contains(stands), "{basis}: {text}");
        }
    }
}

#[test]
fn who_withdraws_consent_in_the_same_request_is_not_told_how_to() {
    let withdrawal = PlanItem {
        artefact: Artefact::Consent,
        question: Question { category: Category::ConsentEvidence, ..consented(1, Right::Withdraw).question },
        began: None,
        ..consented(1, Right::Withdraw)
    };
    let items = vec![consented(12, Right::Erase), withdrawal];
    let acts = Acts::of(received(&[Right::Erase, Right::Withdraw])).fulfilled(items);
    for (language, stands) in STANDS {
        let text = acts.letter(language);
        assert!(text.contains("E10") && !text.contains(stands), "{text}");
    }
}
