//! What was decided and why, in Italian.

use policy::request::Ground;
use policy::rights::{Outcome, Reason, RuleId};

use crate::letter::phrases::{Kept, Missing, Progress};

pub(super) fn outcome(outcome: Outcome, progress: Progress) -> &'static str {
    match outcome {
        Outcome::GrantFull => progress.pick(
            "Trova questi dati, completi, nel pacchetto preparato per Lei.",
            "Riceverà questi dati, completi, in un pacchetto preparato per Lei.",
        ),
        Outcome::GrantRedacted => progress.pick(
            "Trova questi dati nel pacchetto preparato per Lei, privi di alcune parti: il pacchetto indica \
             che cosa è stato omesso.",
            "Riceverà questi dati in un pacchetto preparato per Lei, privi di alcune parti: il pacchetto \
             indicherà che cosa è stato omesso.",
        ),
        Outcome::Correct => progress.pick("Abbiamo rettificato questi dati.", "Rettificheremo questi dati."),
        Outcome::Annotate => progress.pick(
            "Abbiamo lasciato questi dati come furono registrati e vi abbiamo allegato la Sua dichiarazione.",
            "Lasceremo questi dati come furono registrati e vi allegheremo la Sua dichiarazione.",
        ),
        Outcome::Erase => progress.pick(
            "Abbiamo cancellato questi dati: nessuno può più leggerli.",
            "Cancelleremo questi dati, in modo che nessuno possa più leggerli.",
        ),
        Outcome::EraseByExpiry => {
            "Questi dati sono cancellati alla scadenza dei backup che li contengono; fino ad allora \
             nessuno li usa."
        }
        Outcome::DeferRestrict => {
            "Non possiamo ancora cancellare questi dati. Per ora ci limitiamo a conservarli, senza farne \
             altro uso."
        }
        Outcome::Restrict => progress.pick(
            "Ora ci limitiamo a conservare questi dati, senza farne altro uso.",
            "Ci limiteremo a conservare questi dati, senza farne altro uso.",
        ),
        Outcome::StopPurpose => progress.pick(
            "Abbiamo smesso di trattare i Suoi dati per questa finalità.",
            "Smetteremo di trattare i Suoi dati per questa finalità.",
        ),
        Outcome::RetainMinimal => {
            "Non cancelliamo questi dati, ma li conserviamo così come sono, come prova."
        }
        Outcome::Refuse => progress.pick(
            "Per questi dati non abbiamo fatto quanto ci ha chiesto.",
            "Per questi dati non intendiamo fare quanto ci ha chiesto.",
        ),
        Outcome::NotApplicable => "Questo diritto non si estende a questi dati.",
        Outcome::PendingSubject => "Per procedere ci occorre una Sua scelta.",
        Outcome::PendingBalance => {
            "Il nostro responsabile della protezione dei dati sta ancora valutando che cosa fare. Le \
             faremo sapere l'esito, senza che debba chiederlo di nuovo."
        }
        Outcome::EraseRedacting => progress.pick(
            "Abbiamo fatto una copia senza la parte che La riguarda e cancellato l'originale.",
            "Faremo una copia senza la parte che La riguarda e poi cancelleremo l'originale.",
        ),
    }
}

pub(super) fn missing(missing: Missing, progress: Progress) -> &'static str {
    match missing {
        Missing::Package => progress.pick(
            "Non trova questi dati nel pacchetto preparato per Lei, perché la voce è di un'altra persona: \
             il pacchetto li indica come omessi.",
            "Non troverà questi dati nel pacchetto preparato per Lei, perché la voce è di un'altra persona: \
             il pacchetto li indicherà come omessi.",
        ),
        Missing::Portable => progress.pick(
            "Questi dati non sono nella parte del pacchetto che può portare altrove, perché la voce è di \
             un'altra persona.",
            "Questi dati non saranno nella parte del pacchetto che potrà portare altrove, perché la voce è \
             di un'altra persona.",
        ),
    }
}

/// Of a log, what is told and what is not.
pub(super) const LOG_WITHOUT_NAMES: &str = "Le indichiamo quando i Suoi dati sono stati consultati, per \
                                            quale finalità e con quale ruolo, ma non i nomi dei nostri addetti.";

/// That consent ends by a withdrawal only.
pub(super) const CONSENT_STANDS: &str = "Con ciò non è revocato alcun consenso: se desidera revocarne uno per \
                                         il futuro, ce lo faccia sapere (art. 7, par. 3).";

/// Why somebody else's voice cannot be carried elsewhere.
pub(super) const NOT_PROVIDED: &str = "Si può portare altrove soltanto ciò che ha fornito Lei (art. 20, par. \
                                       1 e 4).";

pub(super) fn proves(kept: Kept) -> &'static str {
    match kept {
        Kept::Consent => {
            "Vi risulta che cosa Le è stato chiesto e che cosa ha risposto, e con ciò dimostriamo il Suo \
             consenso (art. 7, par. 1)."
        }
        Kept::Log => {
            "Vi risulta chi ha consultato i Suoi dati e quando; al posto del Suo nome vi è soltanto un \
             codice identificativo."
        }
        Kept::Requests => {
            "Vi risulta che cosa ci ha chiesto e che cosa ne è stato fatto; al posto del Suo nome vi è \
             soltanto un codice identificativo."
        }
    }
}

/// What another person's request keeps.
pub(super) const FOR_ANOTHER: &str = "Sono anche dati di un'altra persona, e restano conservati finché la \
                                      richiesta di quella persona che li riguarda non sia stata evasa. Poi \
                                      saranno cancellati automaticamente, senza che debba chiederlo di \
                                      nuovo.";

/// That nothing else is done with it again unasked.
pub(super) const TOLD_FIRST: &str = "Prima di farne di nuovo altro uso La avviseremo (art. 18, par. 3).";

/// That it was restricted for a while.
pub(super) const LIFTED: &str = "Per un certo tempo ci siamo limitati a conservare questi dati, senza farne \
                                 altro uso. Prima che la limitazione avesse termine Gliene abbiamo dato \
                                 avviso (art. 18, par. 3).";

/// That it is not kept for a claim any more.
pub(super) const WAIVED: &str = "Ci ha detto che non Le servono più per far valere un Suo diritto in giudizio \
                                 (art. 18, par. 1, lett. c).";

pub(super) fn ground(ground: Ground) -> &'static str {
    match ground {
        Ground::Accuracy => {
            "Lei contesta che siano esatti, e lo stiamo verificando (art. 18, par. 1, lett. a)."
        }
        Ground::Unlawful => {
            "Non avrebbero dovuto essere trattati, e ci ha chiesto di non cancellarli (art. 18, par. 1, \
             lett. b)."
        }
        Ground::Claims => {
            "Le servono per far valere un Suo diritto in giudizio. Li conserviamo per Lei finché Le \
             occorrono, anche oltre il loro termine (art. 18, par. 1, lett. c)."
        }
        Ground::Objection => {
            "Vi è una Sua opposizione, e si sta valutando se possiamo proseguire (art. 18, par. 1, lett. d)."
        }
    }
}

pub(super) fn log(progress: Progress) -> &'static str {
    progress.pick(
        "Trova questi dati nel pacchetto preparato per Lei, completi salvo i nomi degli addetti.",
        "Riceverà questi dati in un pacchetto preparato per Lei, completi salvo i nomi degli addetti.",
    )
}

pub(super) fn rule(rule: RuleId) -> &'static str {
    match rule {
        RuleId::G1 => {
            "Non ci è stato dimostrato che Lei è la persona a cui questi dati si riferiscono (art. 12, \
             par. 2 e 6)."
        }
        RuleId::G2 => {
            "Riteniamo la richiesta manifestamente infondata o eccessiva, e spetta a noi provarlo (art. \
             12, par. 5)."
        }
        RuleId::G3 => "Lei non vi compare: non sono dati che La riguardano.",
        RuleId::U1 => {
            "Non abbiamo trovato traccia della base su cui questi dati furono raccolti, ma al momento non \
             possiamo cancellarli (art. 17, par. 3)."
        }
        RuleId::U2 => {
            "Non abbiamo trovato traccia della base su cui questi dati furono raccolti: non devono quindi \
             essere conservati (art. 17, par. 1, lett. d). Stiamo trattando il caso come un incidente."
        }
        RuleId::A1 => "Stiamo ancora esaminando una parte della Sua richiesta.",
        RuleId::A2 => {
            "Sono gli stessi dati che riceve già altrove, perciò non Le vengono forniti due volte (art. \
             15, par. 3)."
        }
        RuleId::A3 => {
            "Riguardano anche altre persone, i cui diritti non devono essere lesi da una copia (art. 15, \
             par. 4)."
        }
        RuleId::A4 => "Una copia completa potrebbe esporre qualcun altro a un pericolo (art. 15, par. 4).",
        RuleId::A5 => "Ha diritto a una copia di quanto conserviamo su di Lei (art. 15, par. 3).",
        RuleId::C1 => {
            "Un backup non si corregge: scade, e ciò che ne venisse ripristinato sarebbe rettificato di \
             nuovo (art. 16)."
        }
        RuleId::C2 => {
            "Ciò che fu registrato mostra che cosa è stato detto, perciò non lo modifichiamo (art. 16). La \
             Sua dichiarazione lo accompagna ovunque sia usato, e non ne facciamo altro uso finché \
             verifichiamo quanto ha dichiarato (art. 18, par. 1, lett. a)."
        }
        RuleId::C3 => {
            "Ciò che è inesatto viene rettificato, e la versione precedente non è più usata (art. 16)."
        }
        RuleId::E1 => {
            "Da un backup non si può togliere un singolo elemento, perciò scompare insieme al backup (art. \
             17, par. 1). Ciò che ne venisse ripristinato prima sarebbe cancellato di nuovo, prima che \
             chiunque possa usarlo."
        }
        RuleId::E2 => {
            "Dobbiamo poter dimostrare di aver rispettato la legge, e non siamo tenuti a cancellare quanto \
             serve a tale scopo (art. 5, par. 2, e art. 17, par. 3)."
        }
        RuleId::E3 => {
            "Al momento un vincolo ci vieta di cancellarli (art. 17, par. 3). Quando il vincolo cesserà \
             saranno cancellati automaticamente, senza che debba chiederlo di nuovo."
        }
        RuleId::E4 => {
            "Ci aveva chiesto di conservarli per far valere un Suo diritto in giudizio (art. 18, par. 1, \
             lett. c). Ci dica se Le servono ancora o se dobbiamo cancellarli; fino ad allora li \
             conserviamo per Lei senza farne altro uso."
        }
        RuleId::E5 => {
            "La legge ci obbliga a conservarli per un periodo determinato (art. 17, par. 3, lett. b)."
        }
        RuleId::E6 => {
            "Sono ancora necessari per lo scopo per cui furono raccolti (art. 17, par. 1, lett. a)."
        }
        RuleId::E7 => {
            "Abbiamo valutato i Suoi interessi e i nostri: vi sono motivi legittimi cogenti per \
             conservarli (art. 17, par. 1, lett. c, e art. 21, par. 1). Può chiederci quali siano."
        }
        RuleId::E8 => {
            "Si fondano su un legittimo interesse o su un compito di interesse pubblico: la Sua richiesta \
             vale quindi anche come opposizione, che va prima valutata (art. 17, par. 1, lett. c, e art. \
             21, par. 1)."
        }
        RuleId::E9 => "Vi hanno parte anche altre persone, alle quali la loro parte resta (art. 17, par. 1).",
        RuleId::E10 => "Non resta alcun motivo per conservarli (art. 17, par. 1).",
        RuleId::R1 => {
            "Le abbiamo chiesto il motivo, e non era tra quelli previsti dalla legge (art. 18, par. 1). Se \
             ne ha un altro ce lo indichi, e lo esamineremo."
        }
        RuleId::R2 => {
            "Ha indicato un motivo previsto dalla legge (art. 18, par. 1). Prima che la limitazione abbia \
             termine La avviseremo (art. 18, par. 3)."
        }
        RuleId::P1 => {
            "Non si fondano né sul Suo consenso né su un contratto con Lei, e solo tali dati si possono \
             portare altrove (art. 20, par. 1). Può invece averne una copia in base all'art. 15: ci faccia \
             sapere se la desidera."
        }
        RuleId::P2 => {
            "Non sono dati che ci ha fornito Lei (art. 20, par. 1). Può invece avere una copia di quanto \
             conserviamo su di Lei in base all'art. 15: ci faccia sapere se la desidera."
        }
        RuleId::P3 => {
            "Ce li ha forniti Lei, e non riguardano nessun altro (art. 20, par. 1). Altri programmi \
             possono leggerli."
        }
        RuleId::P4 => {
            "Ce li ha forniti Lei; ciò che appartiene ad altri non vi è compreso (art. 20, par. 4). Altri \
             programmi possono leggerli."
        }
        RuleId::M1 => {
            "L'opposizione al marketing diretto vale sempre, senza alcuna valutazione (art. 21, par. 2 e 3)."
        }
        RuleId::O1 => {
            "Abbiamo valutato la Sua opposizione: vi sono motivi legittimi cogenti per proseguire (art. \
             21, par. 1). Può chiederci quali siano."
        }
        RuleId::O2 => {
            "Finché la Sua opposizione è in valutazione non ne facciamo altro (art. 18, par. 1, lett. d, e \
             art. 21, par. 1)."
        }
        RuleId::O3 => {
            "Si fondano su un consenso; se è il Suo, la Sua opposizione vale come revoca (art. 7, par. 3)."
        }
        RuleId::O4 => {
            "Non si fondano né su un legittimo interesse né su un compito di interesse pubblico, e solo a \
             questi ci si può opporre (art. 21, par. 1). Altri diritti possono andare oltre: ce lo chieda."
        }
        RuleId::W1 => {
            "Può revocare il consenso in qualsiasi momento; quanto è stato fatto prima resta lecito (art. \
             7, par. 3). Ciò che si fonda solo sul consenso viene cancellato, senza che debba chiederlo."
        }
        RuleId::W2 => {
            "Non si fondano sul Suo consenso, perciò non c'è nulla da revocare (art. 7, par. 3). Può \
             invece opporsi in base all'art. 21: ci faccia sapere se lo desidera."
        }
    }
}

pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::A12IdentityFailure => "Non è stato dimostrato chi la presenta.",
        Reason::A12ManifestlyExcessive => "In questo caso è eccessiva.",
        Reason::A12ManifestlyUnfounded => "In questo caso è infondata.",
        Reason::A17UnlawfulProcessing => "Erano conservati senza una base giuridica.",
        Reason::A17LegalClaims => "Sono necessari per far valere o difendere diritti in giudizio.",
        Reason::A17LegallyRequired => "La legge impone di conservarli.",
        Reason::ThirdPartyRightsImpaired => "Sarebbero lesi i diritti di altre persone.",
        Reason::LegitimateInterestOverride => "Motivi legittimi cogenti prevalgono sui Suoi interessi.",
    }
}
