//! The page's words, in both languages, and what codes mean in them. None of it comes from data, so that none
//! needs to be escaped.

use crate::plan::Language;

/// The words.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) to_listen: &'static str,
    pub(super) for_somebody: &'static str,
    pub(super) request: &'static str,
    pub(super) made: &'static str,
    pub(super) times: &'static str,
    pub(super) elsewhere: &'static str,
    pub(super) calls: &'static str,
    pub(super) no_calls: &'static str,
    pub(super) length: &'static str,
    pub(super) you_were: &'static str,
    pub(super) they_were: &'static str,
    pub(super) with: &'static str,
    pub(super) nobody: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) stated: &'static str,
    pub(super) why_kept: &'static str,
    pub(super) basis_gone: &'static str,
    pub(super) until: &'static str,
    pub(super) you: &'static str,
    pub(super) person: &'static str,
    pub(super) withheld: &'static str,
    pub(super) not_given: &'static str,
    pub(super) somebody_elses: &'static str,
    pub(super) silent: &'static str,
    pub(super) notices: &'static str,
    pub(super) text_unknown: &'static str,
    pub(super) consent: &'static str,
    pub(super) no_consent: &'static str,
    pub(super) when: &'static str,
    pub(super) what: &'static str,
    pub(super) purpose: &'static str,
    pub(super) notice: &'static str,
    pub(super) how: &'static str,
    pub(super) consultations: &'static str,
    pub(super) no_consultations: &'static str,
    pub(super) roles_only: &'static str,
    pub(super) call: &'static str,
    pub(super) who: &'static str,
    pub(super) what_for: &'static str,
    pub(super) requests: &'static str,
    pub(super) received: &'static str,
    pub(super) asked: &'static str,
    pub(super) came_to: &'static str,
    pub(super) still_open: &'static str,
    pub(super) processing: &'static str,
    pub(super) facts: [&'static str; 6],
    pub(super) recipients: &'static str,
    pub(super) no_recipients: &'static str,
    pub(super) recipients_noted: &'static str,
    pub(super) recipient: &'static str,
    pub(super) told_since: &'static str,
    pub(super) copies: &'static str,
    pub(super) copied_to: &'static str,
    pub(super) rights: &'static str,
    pub(super) your_rights: &'static str,
    pub(super) authority_elsewhere: &'static str,
}

/// In this language.
pub(super) fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Italian => &ITALIAN,
    }
}

static ENGLISH: Words = Words {
    title: "Your recorded calls",
    intro: "This is the copy of what is kept of your calls that you asked for",
    to_listen: "You can listen to it here; nothing is loaded from the network.",
    for_somebody: "You asked for somebody else: where this page says “you”, it means that person.",
    request: "Request",
    made: "Made on",
    times: "All times are those of that place.",
    elsewhere: "Whatever else was withheld, the letter that comes with this copy says, and why. README.txt \
                says how to check that nothing was changed; data.json has the same facts for programs.",
    calls: "Your calls",
    no_calls: "This copy has no call.",
    length: "Length",
    you_were: "You were",
    they_were: "They were",
    with: "With",
    nobody: "nobody else",
    incomplete: "Some of this call was lost on its way and is not there.",
    stated: "The sound is as it was recorded. What was stated about this call belongs with it; the controller \
             has it on file as:",
    why_kept: "Why it is kept",
    basis_gone: "Not any more",
    until: "until",
    you: "You",
    person: "The person concerned",
    withheld: "Not in this copy:",
    not_given: "it could not be given",
    somebody_elses: "it is another person's part of the call",
    silent: "It is silent here:",
    notices: "What you were told",
    text_unknown: "Its words are not known here.",
    consent: "Your consent",
    no_consent: "No consent is recorded.",
    when: "When",
    what: "What",
    purpose: "Purpose",
    notice: "Notice",
    how: "How",
    consultations: "Who listened",
    no_consultations: "Nobody has listened to these calls.",
    roles_only: "Who they were is not told here, so that their rights are kept, too.",
    call: "Call of",
    who: "By",
    what_for: "What for",
    requests: "Your other requests",
    received: "Received on",
    asked: "What was asked",
    came_to: "What it came to",
    still_open: "it is still open",
    processing: "Where it comes from, and what is done with it",
    facts: [
        "The controller is the company that you called, or for which you spoke in these calls.",
        "The data comes from the calls themselves, in which you and others spoke.",
        "These kinds of data are kept: sound recordings, facts about calls, consent, the log of who opened \
         them, and requests such as this one.",
        "This service takes no automated decision about you.",
        "This service transfers nothing to a third country.",
        "The identifiers by which you are known, such as a telephone or a customer number, are kept sealed \
         and are not printed here; ask the controller for them.",
    ],
    recipients: "To whom it was given",
    no_recipients: "It is not noted here that it was given to anybody outside of the controller. Whether \
                    the controller has given it to others, the controller tells you.",
    recipients_noted: "It is noted here that these, outside of the controller, were given something of your \
                       calls. Whoever gave it is to tell them what became of it since.",
    recipient: "Recipient",
    told_since: "What became of it since, and whether they know",
    copies: "Copies that you have already",
    copied_to: "Given to",
    rights: "Your rights",
    your_rights: "You may ask that what is wrong is corrected, that it is erased, that its use is \
                  restricted, and that you get it in a form that machines read; you may object to its use, \
                  and take back a consent at any time. You may complain to the supervisory authority and \
                  go to a court:",
    authority_elsewhere: "the data protection authority of your country (edpb.europa.eu lists them).",
};

static ITALIAN: Words = Words {
    title: "Le Sue chiamate registrate",
    intro: "Questa è la copia, da Lei richiesta, di quanto è conservato delle Sue chiamate",
    to_listen: "Può ascoltarla qui; nulla viene caricato dalla rete.",
    for_somebody: "Lei ha chiesto per conto di un'altra persona: dove questa pagina dice «Lei» o «Suo», si \
                   intende quella persona.",
    request: "Richiesta",
    made: "Fatta il",
    times: "Tutti gli orari sono quelli di quel luogo.",
    elsewhere: "Quanto altro non è stato dato, e perché, lo dice la lettera che accompagna questa copia. \
                README.txt spiega come verificare che nulla sia stato cambiato; data.json contiene gli \
                stessi fatti per i programmi.",
    calls: "Le Sue chiamate",
    no_calls: "Questa copia non contiene chiamate.",
    length: "Durata",
    you_were: "Lei era",
    they_were: "Era",
    with: "Con",
    nobody: "nessun altro",
    incomplete: "Una parte di questa chiamata è andata persa durante la trasmissione e manca.",
    stated: "L'audio è come fu registrato. Quanto è stato dichiarato su questa chiamata ne fa parte; è agli atti \
             del titolare come:",
    why_kept: "Perché è conservata",
    basis_gone: "Non più",
    until: "fino al",
    you: "Lei",
    person: "La persona interessata",
    withheld: "Non in questa copia:",
    not_given: "non è stato possibile darla",
    somebody_elses: "è la parte di un'altra persona",
    silent: "Qui c'è silenzio:",
    notices: "Che cosa Le è stato comunicato",
    text_unknown: "Il testo non è noto qui.",
    consent: "Il Suo consenso",
    no_consent: "Non è registrato alcun consenso.",
    when: "Quando",
    what: "Che cosa",
    purpose: "Finalità",
    notice: "Informativa",
    how: "Come",
    consultations: "Chi ha ascoltato",
    no_consultations: "Nessuno ha ascoltato queste chiamate.",
    roles_only: "Chi fossero non è detto qui, a tutela anche dei loro diritti.",
    call: "Chiamata del",
    who: "Da",
    what_for: "A che scopo",
    requests: "Le Sue altre richieste",
    received: "Ricevuta il",
    asked: "Che cosa è stato chiesto",
    came_to: "Esito",
    still_open: "è ancora aperta",
    processing: "Da dove proviene e che cosa se ne fa",
    facts: [
        "Il titolare è la società che ha chiamato, o per la quale ha parlato in queste chiamate.",
        "I dati provengono dalle chiamate stesse, in cui ha parlato Lei e hanno parlato altri.",
        "Sono conservate queste categorie di dati: registrazioni audio, dati sulle chiamate, consensi, il \
         registro di chi li ha consultati, e richieste come questa.",
        "Questo servizio non prende alcuna decisione automatizzata che La riguardi.",
        "Questo servizio non trasferisce nulla verso Paesi terzi.",
        "Gli identificativi con cui è noto, come un numero di telefono o di cliente, sono conservati \
         sigillati e non sono riportati qui; li chieda al titolare.",
    ],
    recipients: "A chi è stato dato",
    no_recipients: "Non è annotato qui che sia stato dato a qualcuno al di fuori del titolare. Se il titolare \
                    lo ha dato ad altri, lo comunica il titolare.",
    recipients_noted: "È annotato qui che ai seguenti destinatari, al di fuori del titolare, è stato dato \
                       qualcosa delle Sue chiamate. Chi lo ha dato deve comunicare loro che cosa ne è stato.",
    recipient: "Destinatario",
    told_since: "Che cosa ne è stato, e se ne sono a conoscenza",
    copies: "Copie che Lei ha già",
    copied_to: "Data a",
    rights: "I Suoi diritti",
    your_rights: "Può chiedere la rettifica di ciò che è inesatto, la cancellazione, la limitazione del \
                  trattamento e i dati in un formato leggibile da macchine; può opporsi al trattamento e \
                  revocare un consenso in ogni momento. Può proporre reclamo all'autorità di controllo e \
                  rivolgersi a un giudice:",
    authority_elsewhere: "l'autorità di protezione dei dati del Suo paese (elenco su edpb.europa.eu).",
};

/// What a code means; none for one that has no words of its own.
pub(super) fn of_code(language: Language, code: &str) -> Option<&'static str> {
    find(CODES, language, code)
}

/// What a code means to somebody whose act it was not, such as the agent of a call.
pub(super) fn of_customer(language: Language, code: &str) -> Option<&'static str> {
    find(OF_CUSTOMER, language, code).or_else(|| of_code(language, code))
}

/// What a right is called.
pub(super) fn of_right(language: Language, code: &str) -> Option<&'static str> {
    find(RIGHTS, language, code)
}

/// What recipients are told, how far that is, and who has a copy.
pub(super) fn of_notice(language: Language, code: &str) -> Option<&'static str> {
    find(NOTICES, language, code)
}

/// What a request came to.
pub(super) fn of_ending(language: Language, code: &str) -> Option<&'static str> {
    find(ENDINGS, language, code)
}

fn find(
    table: &[(&str, &'static str, &'static str)],
    language: Language,
    code: &str,
) -> Option<&'static str> {
    let &(_, english, italian) = table.iter().find(|(known, _, _)| *known == code)?;
    Some(match language {
        Language::English => english,
        Language::Italian => italian,
    })
}

/// Of a customer's acts, as told to others.
const OF_CUSTOMER: &[(&str, &str, &str)] = &[
    ("consent", "the customer's consent", "il consenso del cliente"),
    ("contract", "a contract with the customer", "un contratto con il cliente"),
    ("none", "nothing was said", "nulla è stato detto"),
    ("notified", "the customer was told", "al cliente è stata data l'informativa"),
    ("requested", "the customer was asked", "al cliente è stato chiesto"),
    ("refused", "the customer declined", "il cliente ha rifiutato"),
    ("deferred", "the customer did not answer", "il cliente non ha risposto"),
    ("withdrawn", "the customer took it back", "il cliente ha revocato"),
];

/// Rights in English and Italian.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("access", "access and a copy", "accesso e copia"),
    ("rectify", "correction", "rettifica"),
    ("erase", "erasure", "cancellazione"),
    ("restrict", "restriction", "limitazione"),
    ("port", "portability", "portabilità"),
    ("object", "objection", "opposizione"),
    ("object-marketing", "objection to marketing", "opposizione al marketing"),
    ("withdraw", "withdrawal of consent", "revoca del consenso"),
];

/// What requests come to, in English and Italian.
const ENDINGS: &[(&str, &str, &str)] = &[
    ("fulfilled", "it was done", "accolta"),
    ("partial", "it was done in part", "accolta in parte"),
    ("refused", "it was refused", "respinta"),
    ("unverified", "it was not shown who asked", "non è stato dimostrato chi la presentava"),
    ("withdrawn", "it was taken back", "ritirata"),
];

/// What recipients are told, how far that is, and who has a copy, in English and Italian.
const NOTICES: &[(&str, &str, &str)] = &[
    ("erased", "it was erased", "è stato cancellato"),
    ("restricted", "its use was restricted", "ne è stato limitato il trattamento"),
    ("corrected", "it was corrected", "è stato rettificato"),
    ("due", "they are being told", "la comunicazione è in corso"),
    ("failed", "they could not be told yet", "non è stato ancora possibile comunicarlo"),
    ("acknowledged", "they know", "ne sono a conoscenza"),
    ("impossible", "they cannot be told", "non è possibile comunicarlo"),
    ("data-subject", "you", "Lei"),
    ("representative", "whoever asked for you", "chi ha chiesto per Lei"),
];

/// Codes in English and Italian.
const CODES: &[(&str, &str, &str)] = &[
    ("agent", "the agent", "l'operatore"),
    ("customer", "the customer", "il cliente"),
    ("supervisor", "a supervisor", "un supervisore"),
    ("bystander", "a bystander", "un'altra persona presente"),
    ("unknown", "somebody not known", "persona non nota"),
    ("open", "It is still being recorded.", "È ancora in corso di registrazione."),
    ("sealing", "It is still being stored.", "È ancora in corso di archiviazione."),
    ("not-recorded", "It was not recorded.", "Non è stata registrata."),
    ("erased", "erased", "cancellato"),
    ("consent", "your consent", "il Suo consenso"),
    ("contract", "a contract with you", "un contratto con Lei"),
    ("legal_obligation", "a legal obligation", "un obbligo di legge"),
    ("vital_interest", "somebody's vital interest", "un interesse vitale"),
    ("public_task", "a public task", "un compito di interesse pubblico"),
    ("legitimate_interest", "a legitimate interest", "un legittimo interesse"),
    ("audio", "the sound", "l'audio"),
    ("metadata", "the facts about the call", "i dati sulla chiamata"),
    ("pause", "recording was paused", "registrazione in pausa"),
    ("no-basis", "not kept, as nothing allowed it", "non conservato: nulla lo consentiva"),
    ("sender", "not sent by the telephone system", "non inviato dal centralino"),
    ("stopped", "recording was stopped", "registrazione interrotta"),
    ("missing", "lost on its way", "perso durante la trasmissione"),
    (
        "others-heard",
        "other people are heard here; it was made silent (Art. 15(4))",
        "qui si sentono altre persone; il suono è stato tolto (art. 15, par. 4)",
    ),
    ("none", "nothing was said", "nulla è stato detto"),
    ("notified", "you were told", "Le è stata data l'informativa"),
    ("requested", "you were asked", "Le è stato chiesto"),
    ("notice-presented", "you were told", "Le è stata data l'informativa"),
    ("asked", "you were asked", "Le è stato chiesto"),
    ("given", "you agreed", "ha acconsentito"),
    ("refused", "you declined", "ha rifiutato"),
    ("deferred", "you did not answer", "non ha risposto"),
    ("withdrawn", "you took it back", "ha revocato"),
    ("expired", "it ran out", "è scaduto"),
    ("revoked", "the controller gave it up", "il titolare vi ha rinunciato"),
    ("invalidated", "it was not valid", "non era valido"),
    ("key", "by pressing a key", "premendo un tasto"),
    ("voice", "spoken", "a voce"),
    ("app", "in the app", "nell'app"),
    ("web", "on a web page", "su una pagina web"),
    ("written", "in writing", "per iscritto"),
    ("agent-attested", "said to the agent", "detto all'operatore"),
    ("listened", "listened to", "ascoltata"),
    ("opened", "opened", "aperta"),
    ("handed-out", "a copy was made for you", "copia fatta per Lei"),
    ("person", "a member of staff", "un addetto"),
    ("service", "a machine", "una macchina"),
    ("replay", "to listen again", "riascolto"),
    ("review", "to review quality", "controllo di qualità"),
    ("rights", "so that somebody could exercise a right", "perché qualcuno potesse esercitare un diritto"),
    ("legal_claim", "for a legal claim", "per un diritto in giudizio"),
    ("authority", "by an authority's order", "per ordine di un'autorità"),
    ("probe", "to check that it opens", "verifica tecnica"),
    ("period-over", "its period is over", "il termine di conservazione è scaduto"),
    ("nothing-opens", "nothing of it can be opened any more", "non è più leggibile"),
    ("restricted", "its use is restricted", "il trattamento è limitato"),
    ("A12IdentityFailure", "it could not be shown who asks", "l'identità non è stata dimostrata"),
    ("A12ManifestlyExcessive", "the request was excessive", "la richiesta era eccessiva"),
    ("A12ManifestlyUnfounded", "the request was unfounded", "la richiesta era infondata"),
    (
        "ThirdPartyRightsImpaired",
        "it would impair the rights of others (Art. 15(4))",
        "lederebbe i diritti altrui (art. 15, par. 4)",
    ),
];
