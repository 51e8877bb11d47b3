//! Whose law and whose clock: the European Economic Area, Switzerland and the United Kingdom.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Under whose financial and privacy law a country is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Area {
    /// EU members and Iceland, Liechtenstein, Norway.
    Eea,
    /// The United Kingdom.
    Uk,
    /// Switzerland.
    Switzerland,
}

/// A country, by its ISO 3166-1 code, with the time zone that its periods run in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Jurisdiction(&'static str);

/// A code that is not in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a jurisdiction must be the two-letter code of an EEA state, CH or GB, such as IT")]
pub struct UnknownJurisdiction;

/// Code and zone of the seat of government.
const TABLE: &[(&str, &str)] = &[
    ("AT", "Europe/Vienna"),
    ("BE", "Europe/Brussels"),
    ("BG", "Europe/Sofia"),
    ("CH", "Europe/Zurich"),
    ("CY", "Asia/Nicosia"),
    ("CZ", "Europe/Prague"),
    ("DE", "Europe/Berlin"),
    ("DK", "Europe/Copenhagen"),
    ("EE", "Europe/Tallinn"),
    ("ES", "Europe/Madrid"),
    ("FI", "Europe/Helsinki"),
    ("FR", "Europe/Paris"),
    ("GB", "Europe/London"),
    ("GR", "Europe/Athens"),
    ("HR", "Europe/Zagreb"),
    ("HU", "Europe/Budapest"),
    ("IE", "Europe/Dublin"),
    ("IS", "Atlantic/Reykjavik"),
    ("IT", "Europe/Rome"),
    ("LI", "Europe/Vaduz"),
    ("LT", "Europe/Vilnius"),
    ("LU", "Europe/Luxembourg"),
    ("LV", "Europe/Riga"),
    ("MT", "Europe/Malta"),
    ("NL", "Europe/Amsterdam"),
    ("NO", "Europe/Oslo"),
    ("PL", "Europe/Warsaw"),
    ("PT", "Europe/Lisbon"),
    ("RO", "Europe/Bucharest"),
    ("SE", "Europe/Stockholm"),
    ("SI", "Europe/Ljubljana"),
    ("SK", "Europe/Bratislava"),
];

impl Jurisdiction {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(code, _)| Self(code))
    }

    /// Its code.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whose law.
    pub fn area(self) -> Area {
        match self.0 {
            "GB" => Area::Uk,
            "CH" => Area::Switzerland,
            _ => Area::Eea,
        }
    }

    /// The zone's name in the IANA database.
    pub fn zone_name(self) -> &'static str {
        TABLE.iter().find(|(code, _)| *code == self.0).map_or("UTC", |(_, zone)| zone)
    }

    /// The zone that its periods run in, from the database compiled into this program.
    pub fn time_zone(self) -> TimeZone {
        let zones = TimeZoneDatabase::bundled();
        zones.get(self.zone_name()).expect("a test finds every zone of the table in the compiled database")
    }
}

impl FromStr for Jurisdiction {
    type Err = UnknownJurisdiction;

    fn from_str(text: &str) -> Result<Self, UnknownJurisdiction> {
        Self::all().find(|known| known.0 == text).ok_or(UnknownJurisdiction)
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jurisdiction_has_its_zone_in_the_compiled_database() {
        for jurisdiction in Jurisdiction::all() {
            assert_eq!(jurisdiction.time_zone().iana_name(), Some(jurisdiction.zone_name()));
            assert_eq!(jurisdiction.as_str().parse(), Ok(jurisdiction));
        }
    }

    #[test]
    fn an_unknown_code_is_refused() {
        for code in ["", "it", "XX", "UK", "US"] {
            assert_eq!(code.parse::<Jurisdiction>(), Err(UnknownJurisdiction));
        }
    }
}
