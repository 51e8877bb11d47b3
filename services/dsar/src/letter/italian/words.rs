//! What things are called in Italian.

use kernel::RegimeName;
use policy::request::{Channel, Ending, Need};
use policy::rights::{BasisState, Category, Right};

use crate::letter::authority::Authority;
use crate::letter::phrases::{Barrier, Voice};

pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "durante una telefonata con noi",
        Channel::Phone => "per telefono",
        Channel::Letter => "per lettera",
        Channel::Email => "per e-mail",
        Channel::Web => "tramite il nostro sito",
        Channel::App => "tramite la nostra app",
        Channel::InPerson => "di persona",
        Channel::Other => "per la via che ha scelto",
    }
}

pub(super) fn asked(right: Right) -> &'static str {
    match right {
        Right::Access => "comunicarLe quali Suoi dati conserviamo e fornirgliene una copia (art. 15)",
        Right::Rectify => "rettificare ciò che nei Suoi dati è inesatto (art. 16)",
        Right::Erase => "cancellare i Suoi dati (art. 17)",
        Right::Restrict => "conservare i Suoi dati senza farne alcun altro uso (art. 18)",
        Right::Port => {
            "consegnarLe i dati che ci ha fornito in un formato leggibile da una macchina (art. 20)"
        }
        Right::Object => "non trattare più i Suoi dati, poiché si oppone al trattamento (art. 21, par. 1)",
        Right::ObjectMarketing => "non usare più i Suoi dati per il marketing diretto (art. 21, par. 2)",
        Right::Withdraw => "prendere atto che revoca il Suo consenso (art. 7, par. 3)",
    }
}

pub(super) fn heading(right: Right) -> &'static str {
    match right {
        Right::Access => "Accesso e copia (art. 15)",
        Right::Rectify => "Rettifica (art. 16)",
        Right::Erase => "Cancellazione (art. 17)",
        Right::Restrict => "Limitazione (art. 18)",
        Right::Port => "Portabilità dei dati (art. 20)",
        Right::Object => "Opposizione (art. 21, par. 1)",
        Right::ObjectMarketing => "Opposizione al marketing diretto (art. 21, par. 2)",
        Right::Withdraw => "Revoca del consenso (art. 7, par. 3)",
    }
}

/// A kind of data, and whose voice is meant where that matters.
pub(super) fn title(kind: Category, voice: Option<Voice>) -> String {
    match voice {
        Some(voice) => format!("{}, {}", category(kind), whose(voice)),
        None => category(kind).to_owned(),
    }
}

fn whose(voice: Voice) -> &'static str {
    match voice {
        Voice::Own => "la Sua voce",
        Voice::Other => "l'altra voce",
    }
}

fn category(category: Category) -> &'static str {
    match category {
        Category::AudioLeg => "Registrazioni audio delle Sue telefonate",
        Category::AudioMix => "Registrazioni audio in cui le voci sono mescolate",
        Category::Transcript => "Trascrizioni delle Sue telefonate",
        Category::CallMetadata => "Informazioni sulle Sue telefonate, come data, ora e durata",
        Category::Signalling => "Messaggi tecnici che hanno avviato e concluso le Sue telefonate",
        Category::Dtmf => "Tasti premuti durante le Sue telefonate",
        Category::Screen => "Registrazioni dello schermo dei nostri operatori",
        Category::AgentNote => "Annotazioni dei nostri operatori",
        Category::Derived => "Punteggi, riassunti e altri risultati ricavati dalle Sue telefonate",
        Category::Voiceprint => "Impronta vocale",
        Category::SearchIndex => "Voci di un indice di ricerca",
        Category::Embedding => {
            "Valori numerici calcolati dalle Sue telefonate per cercarvi in base al significato"
        }
        Category::ConsentEvidence => "Prova del Suo consenso",
        Category::AccessLog => "Registro di chi ha consultato i Suoi dati",
        Category::DsarFile => "Fascicoli delle Sue richieste",
        Category::BackupCopy => "Copie nei nostri backup",
    }
}

pub(super) fn basis(basis: BasisState) -> &'static str {
    match basis {
        BasisState::ConsentLive => "in base a un consenso",
        BasisState::ConsentGone => "in base a un consenso non più valido",
        BasisState::Explicit9a => "in base a un consenso esplicito",
        BasisState::ContractRunning => "in base a un contratto in corso",
        BasisState::ContractEnded => "in base a un contratto concluso",
        BasisState::DutyRunning => "in base a un obbligo di legge",
        BasisState::DutyEnded => "in base a un obbligo di legge cessato",
        BasisState::VitalInterest => "in base a un interesse vitale",
        BasisState::PublicTask => "in base a un compito di interesse pubblico",
        BasisState::LegitimateInterest => "in base a un legittimo interesse",
        BasisState::None => "senza una base registrata",
    }
}

pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Fulfilled => "In breve: abbiamo fatto quanto ci ha chiesto, per tutti i dati interessati.",
        Ending::Partial => {
            "In breve: abbiamo fatto una parte di quanto ci ha chiesto. Qui sotto spieghiamo che cosa \
             manca e perché."
        }
        Ending::Refused => {
            "In breve: non abbiamo potuto fare quanto ci ha chiesto. Qui sotto ne spieghiamo i motivi."
        }
        Ending::Unverified => {
            "In breve: non ci è stato dimostrato che Lei è la persona interessata, o che può agire per suo \
             conto. Perciò non abbiamo potuto fare quanto ci ha chiesto."
        }
        Ending::Withdrawn => {
            "Lei ha ritirato la richiesta. La chiudiamo e non faremo altro in base ad essa. Può \
             presentarne una nuova in qualsiasi momento."
        }
    }
}

/// The sources of the regimes that `policy` knows.
pub(super) fn regime(regime: &RegimeName) -> Option<&'static str> {
    match regime.as_str() {
        "mifid2-16-7" => Some("MiFID II, art. 16, par. 7"),
        "uk-sysc-10a" => Some("FCA Handbook, SYSC 10A.1.15"),
        _ => None,
    }
}

pub(super) fn authority(authority: Authority) -> &'static str {
    match authority {
        Authority::Named(name) => name,
        Authority::OfTheLand => "l'autorità per la protezione dei dati del Land tedesco in cui abbiamo sede",
        Authority::OfTheCountry => "l'autorità per la protezione dei dati del Paese in cui abbiamo sede",
    }
}

pub(super) fn barred(barrier: Barrier) -> &'static str {
    match barrier {
        Barrier::Awaited => {
            "Prima di cercare qualsiasi dato dobbiamo sapere che abbiamo a che fare con la persona giusta: \
             i dati non devono finire in mano a estranei né andare perduti per la persona a cui \
             appartengono. Questo riguarda:"
        }
        Barrier::Failed => {
            "Non ci è stato dimostrato che Lei è la persona a cui i dati si riferiscono (art. 12, par. 2 e \
             6). Per tutelare quella persona non abbiamo cercato nulla e non abbiamo fatto nulla in base \
             ai diritti elencati qui sotto; ciò non dice nulla sul fatto che vi siano o no dati \
             conservati."
        }
        Barrier::Authority => {
            "Non ci è stato dimostrato che Lei può chiedere quanto segue per conto della persona \
             interessata. Perciò non abbiamo cercato nulla e non abbiamo fatto nulla in base a questi \
             diritti."
        }
    }
}

pub(super) fn proof(need: Need) -> &'static str {
    match need {
        Need::Nothing => "Per questo non deve dimostrarci nulla.",
        Need::Control => {
            "Può dimostrare chi è, in qualsiasi momento, in uno di questi modi: accedendo al Suo account \
             presso di noi, con un codice che inviamo al numero o all'indirizzo che usa con noi, oppure \
             parlando con un nostro addetto. Non ci servono né la copia di un documento d'identità né la \
             Sua voce come prova."
        }
        Need::Person => {
            "Può dimostrare chi è, in qualsiasi momento, in uno di questi modi: accedendo al Suo account \
             presso di noi; con un codice che inviamo al numero o all'indirizzo che usa con noi, insieme \
             alla risposta a una domanda su una telefonata che solo chi vi ha partecipato può conoscere; \
             oppure parlando con un nostro addetto. Non ci servono né la copia di un documento d'identità \
             né la Sua voce come prova."
        }
    }
}
