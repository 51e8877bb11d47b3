//! Parts of a country that have public holidays of their own.

use std::fmt;
use std::str::FromStr;

use crate::jurisdiction::Jurisdiction;

/// A part of a country, by its ISO 3166-2 code, such as `DE-BY` or `GB-SCT`. Only parts with holidays of their own
/// have a code here; for the others the country alone is told.
///
/// One code is not ISO's: `DE-BY-KATH` is those municipalities of Bavaria in which the Assumption is a holiday, since
/// most of their people are Catholic (Bavarian FTG Art. 1(1) no. 2); `DE-BY` is the rest of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Region(&'static str);

/// A code that is not in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a region must be the code of a part of a country with holidays of its own, such as DE-BY or GB-SCT")]
pub struct UnknownRegion;

const TABLE: &[&str] = &[
    // The German Länder.
    "DE-BB",
    "DE-BE",
    "DE-BW",
    "DE-BY",
    "DE-BY-KATH",
    "DE-HB",
    "DE-HE",
    "DE-HH",
    "DE-MV",
    "DE-NI",
    "DE-NW",
    "DE-RP",
    "DE-SH",
    "DE-SL",
    "DE-SN",
    "DE-ST",
    "DE-TH",
    // Alsace and Moselle.
    "FR-57",
    "FR-67",
    "FR-68",
    // The United Kingdom: England and Wales, each of them, Northern Ireland, Scotland.
    "GB-EAW",
    "GB-ENG",
    "GB-NIR",
    "GB-SCT",
    "GB-WLS",
];

impl Region {
    /// What a controller in the United Kingdom is taken to be in where nothing else is told.
    pub(super) const ENGLAND_AND_WALES: Self = Self("GB-EAW");

    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|code| Self(code))
    }

    /// Its code.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether it is a part of this country.
    pub fn is_in(self, jurisdiction: Jurisdiction) -> bool {
        self.0.split('-').next() == Some(jurisdiction.as_str())
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        Self::all().find(|known| known.0 == text).ok_or(UnknownRegion)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
