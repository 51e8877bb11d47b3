//! One public holiday as a rule: on which day of a year it falls, in which years, where, and what takes its place
//! on a weekend.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::easter::easter_sunday;
use super::region::Region;
use super::{FIRST_YEAR, LAST_YEAR};

/// One holiday of one calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// What it is called in English.
    pub(super) name: &'static str,
    on: On,
    substitute: Substitute,
    first: i16,
    last: i16,
    /// Only in years that this divides.
    every: i16,
    /// Where it is one; in the whole country where no region is named.
    regions: &'static [&'static str],
}

/// On which day of a year.
#[derive(Clone, Copy, Debug)]
enum On {
    /// The same month and day each year.
    Date(i8, i8),
    /// So many days after Easter Sunday; before it where negative.
    Easter(i8),
    /// A month's first (1), second (2) ... or last (-1) such weekday.
    Nth(i8, Weekday, i8),
    /// The first such weekday on or after a month and day.
    Following(i8, i8, Weekday),
    /// 1 February where that is a Friday, otherwise February's first Monday.
    Brigid,
}

/// What the law puts in the place of a holiday that falls on a weekend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Substitute {
    /// Nothing: it is lost.
    Nothing,
    /// The Monday after.
    Monday,
    /// The second day after: Monday for Saturday, Tuesday for Sunday. So it is with two holidays in a row, where the
    /// Monday after a Sunday is taken by the other one.
    SecondDay,
}

impl Rule {
    /// A holiday of the whole country in every year, without a substitute.
    const fn new(on: On, name: &'static str) -> Self {
        Self {
            name,
            on,
            substitute: Substitute::Nothing,
            first: FIRST_YEAR,
            last: LAST_YEAR,
            every: 1,
            regions: &[],
        }
    }

    pub(super) const fn date(month: i8, day: i8, name: &'static str) -> Self {
        Self::new(On::Date(month, day), name)
    }

    pub(super) const fn easter(days: i8, name: &'static str) -> Self {
        Self::new(On::Easter(days), name)
    }

    pub(super) const fn nth(month: i8, weekday: Weekday, nth: i8, name: &'static str) -> Self {
        Self::new(On::Nth(month, weekday, nth), name)
    }

    pub(super) const fn following(month: i8, day: i8, weekday: Weekday, name: &'static str) -> Self {
        Self::new(On::Following(month, day, weekday), name)
    }

    pub(super) const fn brigid(name: &'static str) -> Self {
        Self::new(On::Brigid, name)
    }

    /// From this year on.
    pub(super) const fn since(self, year: i16) -> Self {
        Self { first: year, ..self }
    }

    /// Up to this year.
    pub(super) const fn until(self, year: i16) -> Self {
        Self { last: year, ..self }
    }

    /// In this year alone.
    pub(super) const fn only(self, year: i16) -> Self {
        Self { first: year, last: year, ..self }
    }

    /// Only in years that `years` divides, which is not zero.
    pub(super) const fn every(self, years: i16) -> Self {
        Self { every: years, ..self }
    }

    /// In these regions alone.
    pub(super) const fn within(self, regions: &'static [&'static str]) -> Self {
        Self { regions, ..self }
    }

    /// With a substitute where it falls on a weekend.
    pub(super) const fn substituted(self, substitute: Substitute) -> Self {
        Self { substitute, ..self }
    }

    /// Whether it, or its substitute, falls on this date in this region. No substitute is in another year.
    pub(super) fn is_on(&self, date: Date, region: Option<Region>) -> bool {
        let named = |region: Region| self.regions.contains(&region.as_str());
        if !self.regions.is_empty() && !region.is_some_and(named) {
            return false;
        }
        let year = date.year();
        if !(self.first..=self.last).contains(&year) || year.checked_rem(self.every) != Some(0) {
            return false;
        }
        let day = self.day(year);
        day == Some(date) || day.and_then(|day| self.in_place_of(day)) == Some(date)
    }

    /// The day on which it falls. None only outside the years that Easter is computed for.
    fn day(&self, year: i16) -> Option<Date> {
        match self.on {
            On::Date(month, day) => Date::new(year, month, day).ok(),
            On::Easter(days) => Some(later(easter_sunday(year).ok()?, days)),
            On::Nth(month, weekday, nth) => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            On::Following(month, day, weekday) => Some(first(Date::new(year, month, day).ok()?, weekday)),
            On::Brigid => {
                let february = Date::new(year, 2, 1).ok()?;
                let friday = february.weekday() == Weekday::Friday;
                Some(if friday { february } else { first(february, Weekday::Monday) })
            }
        }
    }

    /// What takes the place of the day on which it falls.
    fn in_place_of(&self, day: Date) -> Option<Date> {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self.substitute {
            Substitute::Nothing => None,
            Substitute::Monday => weekend.then(|| first(day, Weekday::Monday)),
            Substitute::SecondDay => weekend.then(|| later(day, 2)),
        }
    }
}

/// The first such weekday on or after a date.
fn first(from: Date, weekday: Weekday) -> Date {
    later(from, from.weekday().until(weekday))
}

fn later(date: Date, days: i8) -> Date {
    date.saturating_add(i64::from(days).days())
}
