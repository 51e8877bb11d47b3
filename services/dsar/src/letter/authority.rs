//! Supervisory authorities, by the controller's country.

use policy::jurisdiction::Jurisdiction;

/// Which authority hears complaints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Authority {
    /// This one, by the name that it has itself.
    Named(&'static str),
    /// That of the German Land in which the controller is.
    OfTheLand,
    /// That of a country that is not in the table.
    OfTheCountry,
}

/// By country; where a country has several official languages, in those.
const TABLE: &[(&str, &str)] = &[
    ("AT", "Österreichische Datenschutzbehörde"),
    ("BE", "Gegevensbeschermingsautoriteit / Autorité de protection des données"),
    ("BG", "Комисия за защита на личните данни (Commission for Personal Data Protection)"),
    ("CY", "Office of the Commissioner for Personal Data Protection"),
    ("CZ", "Úřad pro ochranu osobních údajů"),
    ("DK", "Datatilsynet"),
    ("EE", "Andmekaitse Inspektsioon"),
    ("ES", "Agencia Española de Protección de Datos"),
    ("FI", "Tietosuojavaltuutetun toimisto / Dataombudsmannens byrå"),
    ("FR", "Commission nationale de l'informatique et des libertés (CNIL)"),
    ("GB", "Information Commissioner's Office"),
    ("GR", "Αρχή Προστασίας Δεδομένων Προσωπικού Χαρακτήρα (Hellenic Data Protection Authority)"),
    ("HR", "Agencija za zaštitu osobnih podataka"),
    ("HU", "Nemzeti Adatvédelmi és Információszabadság Hatóság"),
    ("IE", "Data Protection Commission"),
    ("IS", "Persónuvernd"),
    ("IT", "Garante per la protezione dei dati personali"),
    ("LI", "Datenschutzstelle"),
    ("LT", "Valstybinė duomenų apsaugos inspekcija"),
    ("LU", "Commission nationale pour la protection des données"),
    ("LV", "Datu valsts inspekcija"),
    ("MT", "Office of the Information and Data Protection Commissioner"),
    ("NL", "Autoriteit Persoonsgegevens"),
    ("NO", "Datatilsynet"),
    ("PL", "Prezes Urzędu Ochrony Danych Osobowych"),
    ("PT", "Comissão Nacional de Proteção de Dados"),
    ("RO", "Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal"),
    ("SE", "Integritetsskyddsmyndigheten"),
    ("SI", "Informacijski pooblaščenec"),
    ("SK", "Úrad na ochranu osobných údajov Slovenskej republiky"),
];

/// The authority of a country.
pub(super) fn of(jurisdiction: Jurisdiction) -> Authority {
    if jurisdiction.as_str() == "DE" {
        return Authority::OfTheLand;
    }
    let named = TABLE.iter().find(|(code, _)| *code == jurisdiction.as_str());
    named.map_or(Authority::OfTheCountry, |(_, name)| Authority::Named(name))
}

#[cfg(test)]
mod tests {
    use policy::jurisdiction::Area;

    use super::*;

    #[test]
    fn every_country_whose_law_is_known_has_its_authority() {
        for jurisdiction in Jurisdiction::all() {
            let known = of(jurisdiction) != Authority::OfTheCountry;
            assert_eq!(known, jurisdiction.area() != Area::Switzerland, "{jurisdiction}");
        }
    }
}
