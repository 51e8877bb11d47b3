//! Public holidays, as data with a version, and the working days between them.
//!
//! A holiday is here where a law of the state makes it one ("designated as such in the Member State", Regulation
//! (EEC, Euratom) No 1182/71 Art. 2(1)). What only a region has counts where that region is told, and is a working
//! day otherwise: then a period ends a day too early and never too late. Days that always fall on a Sunday are left
//! out.
//!
//! A version that was released is never changed, since clocks carry its number. A holiday that is made, moved or
//! found missing is a new version, for the clocks that start later.

mod at;
mod be;
mod de;
mod easter;
mod es;
mod fr;
mod gb;
mod ie;
mod it;
mod nl;
mod region;
mod rule;

use std::fmt;

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

pub use self::easter::{FIRST_EASTER, LAST_EASTER, NoEaster, easter_sunday};
pub use self::region::{Region, UnknownRegion};
use self::rule::Rule;
use super::error::DeadlineError;
use crate::jurisdiction::Jurisdiction;
use crate::words::words;

/// The first year that the calendars know. The GDPR applies since 25 May 2018.
pub const FIRST_YEAR: i16 = 2017;
/// The last year that the calendars know.
pub const LAST_YEAR: i16 = 2199;

words! {
    /// Whose holidays a calendar has.
    CalendarId {
        /// Italy's.
        Italy = 1 "it",
        /// Germany's.
        Germany = 2 "de",
        /// France's.
        France = 3 "fr",
        /// Ireland's.
        Ireland = 4 "ie",
        /// The United Kingdom's.
        UnitedKingdom = 5 "gb",
        /// The Netherlands'.
        Netherlands = 6 "nl",
        /// Austria's.
        Austria = 7 "at",
        /// Spain's.
        Spain = 8 "es",
        /// Belgium's.
        Belgium = 9 "be",
        /// Nobody's: Saturdays and Sundays alone, for a country whose holidays are not written down yet.
        Weekends = 10 "weekends",
    }
}

/// The calendar that a clock goes by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct CalendarStamp {
    /// Whose.
    pub id: CalendarId,
    /// Which version of it, from 1.
    pub version: u16,
}

/// The public holidays of one country, in one version, for [`FIRST_YEAR`] to [`LAST_YEAR`].
pub struct Calendar {
    stamp: CalendarStamp,
    /// Whose days count where no region is told.
    default_region: Option<Region>,
    rules: &'static [Rule],
}

/// Every calendar of this program, in every version.
#[derive(Clone, Copy, Debug)]
pub struct Calendars;

static ALL: &[Calendar] = &[
    Calendar::first(CalendarId::Italy, it::V1),
    Calendar::first(CalendarId::Germany, de::V1),
    Calendar::first(CalendarId::France, fr::V1),
    Calendar::first(CalendarId::Ireland, ie::V1),
    Calendar {
        default_region: Some(Region::ENGLAND_AND_WALES),
        ..Calendar::first(CalendarId::UnitedKingdom, gb::V1)
    },
    Calendar::first(CalendarId::Netherlands, nl::V1),
    Calendar::first(CalendarId::Austria, at::V1),
    Calendar::first(CalendarId::Spain, es::V1),
    Calendar::first(CalendarId::Belgium, be::V1),
    Calendar::first(CalendarId::Weekends, &[]),
];

impl Calendars {
    /// The newest version, which new clocks go by. Every calendar has every version up to it.
    pub const NEWEST: u16 = 1;

    /// The calendar of a country in one version; [`CalendarId::Weekends`] where its holidays are not written down.
    pub fn get(jurisdiction: Jurisdiction, version: u16) -> Result<&'static Calendar, DeadlineError> {
        Self::stamped(CalendarStamp { id: CalendarId::of(jurisdiction), version })
    }

    /// The calendar that a clock was stamped with; an error where this program does not have that version.
    pub fn stamped(stamp: CalendarStamp) -> Result<&'static Calendar, DeadlineError> {
        let known = ALL.iter().find(|calendar| calendar.stamp == stamp);
        known.ok_or(DeadlineError::UnknownCalendar { stamp, newest: Self::NEWEST })
    }
}

impl CalendarId {
    /// Whose holidays count in a country.
    pub fn of(jurisdiction: Jurisdiction) -> Self {
        match jurisdiction.as_str() {
            "AT" => Self::Austria,
            "BE" => Self::Belgium,
            "DE" => Self::Germany,
            "ES" => Self::Spain,
            "FR" => Self::France,
            "GB" => Self::UnitedKingdom,
            "IE" => Self::Ireland,
            "IT" => Self::Italy,
            "NL" => Self::Netherlands,
            _ => Self::Weekends,
        }
    }
}

impl Calendar {
    const fn first(id: CalendarId, rules: &'static [Rule]) -> Self {
        Self { stamp: CalendarStamp { id, version: 1 }, default_region: None, rules }
    }

    /// Which calendar this is.
    pub fn stamp(&self) -> CalendarStamp {
        self.stamp
    }

    /// What is celebrated on a date: the English name of the holiday, or none; an error for a date outside
    /// [`FIRST_YEAR`] to [`LAST_YEAR`], of which nothing is known.
    pub fn holiday(&self, date: Date, region: Option<Region>) -> Result<Option<&'static str>, DeadlineError> {
        if !covers(date) {
            return Err(DeadlineError::OutOfRange { date });
        }
        Ok(self.find(date, region))
    }

    /// Whether a date is no Saturday, Sunday or public holiday. Outside [`FIRST_YEAR`] to [`LAST_YEAR`] no holiday is
    /// known, and weekends alone are not worked.
    pub fn is_working_day(&self, date: Date, region: Option<Region>) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        !weekend && self.find(date, region).is_none()
    }

    /// The date itself where it is a working day, otherwise the next one (Regulation 1182/71 Art. 3(4)).
    pub fn working_day_from(&self, date: Date, region: Option<Region>) -> Date {
        let mut day = date;
        while !self.is_working_day(day, region) {
            // None only at the end of jiff's calendar.
            let Ok(next) = day.tomorrow() else { return day };
            day = next;
        }
        day
    }

    /// The working day so many working days after a date, which does not count itself.
    pub fn working_days_after(&self, date: Date, days: u8, region: Option<Region>) -> Date {
        let mut day = date;
        for _ in 0..days {
            let Ok(next) = day.tomorrow() else { return day };
            day = self.working_day_from(next, region);
        }
        day
    }

    /// The working day so many working days before a date, which does not count itself.
    pub fn working_days_before(&self, date: Date, days: u8, region: Option<Region>) -> Date {
        let (mut day, mut left) = (date, days);
        while left > 0 {
            let Ok(before) = day.yesterday() else { return day };
            day = before;
            if self.is_working_day(day, region) {
                left -= 1;
            }
        }
        day
    }

    fn find(&self, date: Date, region: Option<Region>) -> Option<&'static str> {
        let region = region.or(self.default_region);
        self.rules.iter().find(|rule| rule.is_on(date, region)).map(|rule| rule.name)
    }
}

/// Whether the calendars know a date's year.
pub(super) fn covers(date: Date) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&date.year())
}

/// Two calendars are the same where their stamps are: what a version says never changes.
impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.stamp == other.stamp
    }
}

impl Eq for Calendar {}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stamp)
    }
}

impl fmt::Display for CalendarStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.id, self.version)
    }
}
