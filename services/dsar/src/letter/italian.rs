//! Italian, in the form of courtesy.

mod rules;
mod words;

use jiff::civil::Date;
use kernel::RegimeName;
use policy::deadline::{self, Extension, Law};
use policy::request::{Channel, Ending, Ground, Need, Remedy};
use policy::rights::{Outcome, Reason, Right, RuleId};

use super::authority::Authority;
use super::phrases::{About, Barrier, Days, Kept, Missing, Phrases, Progress, month};

/// The language.
pub(super) struct Italian;

const MONTHS: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];

impl Phrases for Italian {
    fn title(&self, received: Date) -> String {
        format!("La Sua richiesta {}", after("del ", "dell'", received))
    }

    fn reference(&self, id: &str) -> String {
        format!("Riferimento: {id}")
    }

    fn received(&self, on: Date, channel: Channel) -> String {
        let (on, channel) = (after("il ", "l'", on), words::channel(channel));
        format!("Abbiamo ricevuto la Sua richiesta {on} {channel}.")
    }

    fn asked_for(&self) -> &'static str {
        "Ci ha chiesto di:"
    }

    fn asked(&self, right: Right) -> &'static str {
        words::asked(right)
    }

    fn law(&self, law: Law) -> &'static str {
        match law {
            Law::Gdpr => {
                "Gli articoli citati in questa lettera sono quelli del Regolamento generale sulla \
                 protezione dei dati (GDPR), salvo diversa indicazione."
            }
            Law::UkGdpr => {
                "Gli articoli citati in questa lettera sono quelli dello UK GDPR, salvo diversa indicazione."
            }
        }
    }

    fn on_behalf(&self) -> &'static str {
        "Lei si rivolge a noi per conto di un'altra persona: dove questa lettera parla dei «Suoi dati», si \
         intendono i dati di quella persona."
    }

    fn answers_too(&self, received: Date, reference: &str) -> String {
        let received = after("del ", "dell'", received);
        format!("Questa lettera riguarda anche la Sua richiesta {received} (riferimento {reference}).")
    }

    fn answered_with(&self, reference: &str) -> String {
        format!(
            "Rispondiamo a questa richiesta insieme a un'altra che ci ha rivolto: veda la nostra lettera con \
             il riferimento {reference}."
        )
    }

    fn not_yours(&self, calls: usize) -> String {
        let found = match calls {
            1 => "una telefonata è risultata non essere Sua".to_owned(),
            calls => format!("{calls} telefonate sono risultate non essere Sue"),
        };
        format!("Mentre ci occupavamo della Sua richiesta, {found}. Questa lettera non ne dice nulla.")
    }

    fn closing(&self) -> &'static str {
        "Se qualcosa in questa lettera non è chiaro, ci scriva indicando il riferimento riportato sopra: \
         saremo lieti di spiegarglielo."
    }

    fn working(&self) -> &'static str {
        "La ringraziamo. Ce ne stiamo occupando e Le scriveremo di nuovo."
    }

    fn due(&self, on: Date, law: Law) -> String {
        let article = match law {
            Law::Gdpr => "art. 12, par. 3",
            Law::UkGdpr => "art. 12A",
        };
        format!("Riceverà la nostra risposta al più tardi entro {} ({article}).", after("il ", "l'", on))
    }

    fn extended(&self, extension: &Extension, told: Date) -> String {
        let because = match extension.reason {
            deadline::Reason::Complexity => "la richiesta è complessa",
            deadline::Reason::Number => "le Sue richieste sono numerose",
        };
        let told = after("il ", "l'", told);
        format!("Il termine comprende due mesi in più, perché {because}, come Le abbiamo comunicato {told}.")
    }

    fn nothing_needed(&self) -> &'static str {
        "Per ora non deve fare nulla."
    }

    fn interim(&self) -> &'static str {
        "Stiamo ancora lavorando alla Sua richiesta. Questa lettera descrive la situazione attuale: non è \
         ancora la nostra risposta, e fino ad allora quanto vi si legge può cambiare."
    }

    fn ending(&self, ending: Ending) -> &'static str {
        words::ending(ending)
    }

    fn but_names(&self) -> &'static str {
        "In breve: abbiamo fatto quanto ci ha chiesto, in modo completo salvo i nomi degli addetti."
    }

    fn heading(&self, right: Right) -> &'static str {
        words::heading(right)
    }

    fn nothing_found(&self) -> &'static str {
        "Abbiamo cercato ovunque conserviamo dati sulle telefonate e non abbiamo trovato nulla che rientri \
         in questo diritto."
    }

    fn examined(&self) -> &'static str {
        "Stiamo ancora esaminando una parte della Sua richiesta. Le faremo sapere l'esito, senza che debba \
         chiederlo di nuovo."
    }

    fn about(&self, about: &About) -> String {
        let purpose = about.purpose_in_words().map(|purpose| format!("finalità «{purpose}»"));
        let basis = about.basis.map(|basis| words::basis(basis).to_owned());
        let details = [purpose, basis].into_iter().flatten().collect::<Vec<_>>().join(", ");
        match about.category.map(|category| words::title(category, about.voice)) {
            Some(category) if details.is_empty() => category,
            Some(category) => format!("{category} ({details})"),
            None => details.replacen("finalità", "Finalità", 1),
        }
    }

    fn outcome(&self, outcome: Outcome, progress: Progress) -> &'static str {
        rules::outcome(outcome, progress)
    }

    fn log(&self, progress: Progress) -> &'static str {
        rules::log(progress)
    }

    fn missing(&self, missing: Missing, progress: Progress) -> &'static str {
        rules::missing(missing, progress)
    }

    fn rule(&self, rule: RuleId) -> &'static str {
        rules::rule(rule)
    }

    fn log_without_names(&self) -> &'static str {
        rules::LOG_WITHOUT_NAMES
    }

    fn proves(&self, kept: Kept) -> &'static str {
        rules::proves(kept)
    }

    fn consent_stands(&self) -> &'static str {
        rules::CONSENT_STANDS
    }

    fn not_provided(&self) -> &'static str {
        rules::NOT_PROVIDED
    }

    fn for_another(&self) -> &'static str {
        rules::FOR_ANOTHER
    }

    fn ground(&self, ground: Ground) -> &'static str {
        rules::ground(ground)
    }

    fn told_first(&self) -> &'static str {
        rules::TOLD_FIRST
    }

    fn lifted(&self) -> &'static str {
        rules::LIFTED
    }

    fn waived(&self) -> &'static str {
        rules::WAIVED
    }

    fn reason(&self, reason: Reason) -> &'static str {
        rules::reason(reason)
    }

    fn regime(&self, regime: &RegimeName) -> Option<&'static str> {
        words::regime(regime)
    }

    fn erased_after(&self, days: Option<Days>, source: Option<&str>) -> String {
        let source = source.map(|source| format!(" ({source})")).unwrap_or_default();
        match days {
            Some(days) => {
                let until = until(days);
                format!(
                    "Li conserviamo {until}{source}; poi saranno cancellati automaticamente, senza che debba \
                     chiederlo di nuovo."
                )
            }
            None => format!(
                "Trascorso quel periodo{source} saranno cancellati automaticamente, senza che debba \
                 chiederlo di nuovo."
            ),
        }
    }

    fn kept_until(&self, days: Days) -> String {
        format!("Li conserviamo {}.", until(days))
    }

    fn by_hand(&self) -> &'static str {
        "Se ne è occupato personalmente un nostro addetto, e ne resta traccia agli atti."
    }

    fn calls(&self, count: usize) -> String {
        match count {
            1 => "Si tratta di una telefonata:".to_owned(),
            count => format!("Si tratta di {count} telefonate:"),
        }
    }

    fn call(&self, on: Date, at: &str, until: Option<Date>) -> String {
        let on = day(on);
        match until {
            Some(until) => {
                format!("{on}, ore {at} (fino {})", after("al ", "all'", until))
            }
            None => format!("{on}, ore {at}"),
        }
    }

    fn many_calls(&self, count: usize, first: Date, last: Date) -> String {
        let (first, last) = (after("del ", "dell'", first), after("del ", "dell'", last));
        format!("Si tratta di {count} telefonate: la prima è {first}, l'ultima {last}.")
    }

    fn package(&self) -> &'static str {
        "Il pacchetto contiene una pagina, index.html, che si apre anche senza rete. Per ogni telefonata \
         indica per quali finalità e su quale base trattiamo i Suoi dati, a chi il servizio di \
         registrazione li ha dati e chi li ha consultati, per quanto tempo li conserviamo \
         e perché, e da dove provengono (dalle telefonate \
         stesse, in cui ha parlato Lei e hanno parlato altri); riporta inoltre i diritti che Le spettano \
         (art. 15, par. 1). Il file data.json contiene le stesse informazioni per altri programmi."
    }

    fn identity(&self) -> &'static str {
        "Verifica dell'identità"
    }

    fn barred(&self, barrier: Barrier) -> &'static str {
        words::barred(barrier)
    }

    fn proof(&self, need: Need) -> &'static str {
        words::proof(need)
    }

    fn mandate(&self) -> &'static str {
        "Poiché si rivolge a noi per conto di un'altra persona, ci occorre anche un documento che La \
         autorizzi a farlo: una procura o il provvedimento che La nomina tutore, da cui risulti quanto \
         chiede."
    }

    fn remedies(&self) -> &'static str {
        "Se non è d'accordo"
    }

    fn remedy(&self, remedy: Remedy, authority: Authority, law: Law) -> String {
        match (remedy, law) {
            (Remedy::Complaint, Law::Gdpr) => format!(
                "Ha il diritto di proporre reclamo all'autorità di controllo: {}. Può rivolgersi anche \
                 all'autorità dello Stato in cui vive o lavora, o in cui ritiene che sia avvenuta la \
                 violazione (art. 77).",
                words::authority(authority)
            ),
            (Remedy::Complaint, Law::UkGdpr) => format!(
                "Ha il diritto di proporre reclamo all'autorità di controllo: {} (sezione 165 del Data \
                 Protection Act 2018). Se il reclamo non viene trattato in tempo, può chiedere a un \
                 tribunale di disporlo (sezione 166).",
                words::authority(authority)
            ),
            (Remedy::Court, Law::Gdpr) => {
                "Ha inoltre il diritto di ricorrere al giudice, che proponga reclamo o no (art. 79)."
                    .to_owned()
            }
            (Remedy::Court, Law::UkGdpr) => {
                "Ha inoltre il diritto di ricorrere al giudice, che proponga reclamo o \
                                             no (sezione 167 del Data Protection Act 2018)."
                    .to_owned()
            }
        }
    }

    fn records(&self) -> &'static str {
        "Per la Sua documentazione"
    }

    fn record(&self, rule: RuleId, ruleset: u32, reason: Option<Reason>) -> String {
        match reason {
            Some(reason) => format!("regola {rule}, versione {ruleset}, {reason}"),
            None => format!("regola {rule}, versione {ruleset}"),
        }
    }
}

fn day(date: Date) -> String {
    let number = match date.day() {
        1 => "1º".to_owned(),
        number => number.to_string(),
    };
    format!("{number} {} {}", month(&MONTHS, date), date.year())
}

/// A day after a word that loses its vowel before `otto` and `undici`: `del 2 marzo`, but `dell'8 marzo`.
fn after(word: &str, elided: &str, date: Date) -> String {
    match date.day() {
        8 | 11 => format!("{elided}{}", day(date)),
        _ => format!("{word}{}", day(date)),
    }
}

fn until(days: Days) -> String {
    match days.first == days.last {
        true => format!("fino {}", after("al ", "all'", days.first)),
        false => {
            let (first, last) = (after("il ", "l'", days.first), after("il ", "l'", days.last));
            format!("fino a un giorno compreso tra {first} e {last}, secondo la telefonata")
        }
    }
}
