//! Calendar periods, and the moment at which one ends.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::tz::TimeZone;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A period in calendar units: `P5Y`, `P6M`, `P90D`, `P2W`, `P1Y6M`. Years count twelve months, weeks seven
/// days; months and days are kept apart, because their ratio is not fixed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    months: u32,
    days: u32,
}

/// A text that is no period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a period must be ISO 8601 in whole years, months, weeks or days, such as P90D or P2Y, up to 100 years"
)]
pub struct InvalidPeriod;

const MAX_MONTHS: u32 = 1_200;
const MAX_DAYS: u32 = 36_525;

impl Period {
    /// A number of years, at most 100.
    pub const fn years(years: u8) -> Self {
        let months = years as u32 * 12;
        Self { months: if months > MAX_MONTHS { MAX_MONTHS } else { months }, days: 0 }
    }

    /// The moment at which the period that began at `start` ends, in `zone`'s calendar: same time of day,
    /// that many months and days on. Where the month is too short for the date (29 February plus five years)
    /// it ends with that month, as Regulation 1182/71 Art. 3(2)(c) has it; where the clock jumps, at the
    /// later reading. So it is never shorter than the law's period. Where a clock skips or repeats an hour, the
    /// later of two moments less than two hours apart may end first.
    pub fn after(self, start: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = zone.to_datetime(start.to_jiff());
        let months = i64::from(self.months).months();
        let moved = local.saturating_add(months);
        let moved = if moved.day() == local.day() {
            moved
        } else {
            moved.date().saturating_add(1.day()).to_datetime(jiff::civil::Time::midnight())
        };
        let end = moved.saturating_add(i64::from(self.days).days());
        match zone.to_ambiguous_timestamp(end).later() {
            Ok(end) => Timestamp::from(end),
            // Only past the end of jiff's calendar.
            Err(_) => Timestamp::from(jiff::Timestamp::MAX),
        }
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let mut rest = text.strip_prefix('P').ok_or(InvalidPeriod)?;
        let (mut months, mut days) = (0u32, 0u32);
        // Each unit at most once, largest first.
        for unit in ['Y', 'M', 'W', 'D'] {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 || !rest[digits..].starts_with(unit) {
                continue;
            }
            let number: u32 = rest[..digits].parse().map_err(|_| InvalidPeriod)?;
            let (in_months, in_days) = match unit {
                'Y' => (number.checked_mul(12), Some(0)),
                'M' => (Some(number), Some(0)),
                'W' => (Some(0), number.checked_mul(7)),
                _ => (Some(0), Some(number)),
            };
            months = in_months.and_then(|m| months.checked_add(m)).ok_or(InvalidPeriod)?;
            days = in_days.and_then(|d| days.checked_add(d)).ok_or(InvalidPeriod)?;
            rest = &rest[digits + 1..];
        }
        let empty = months == 0 && days == 0;
        if !rest.is_empty() || empty || months > MAX_MONTHS || days > MAX_DAYS {
            return Err(InvalidPeriod);
        }
        Ok(Self { months, days })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        for (number, unit) in [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')] {
            if number != 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Period {
    /// In a person's words: `5 years`, `90 days`, `1 year and 6 months`.
    pub fn in_words(self) -> String {
        let units = [(self.months / 12, "year"), (self.months % 12, "month"), (self.days, "day")];
        let parts = units.iter().filter(|(number, _)| *number != 0).map(|(number, unit)| {
            let plural = if *number == 1 { "" } else { "s" };
            format!("{number} {unit}{plural}")
        });
        parts.collect::<Vec<_>>().join(" and ")
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;
    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::jurisdiction::Jurisdiction;

    #[rstest]
    #[case("P90D", "P90D", "90 days")]
    #[case("P2Y", "P2Y", "2 years")]
    #[case("P18M", "P1Y6M", "1 year and 6 months")]
    #[case("P2W1D", "P15D", "15 days")]
    fn a_period_has_one_normal_form(#[case] text: &str, #[case] normal: &str, #[case] words: &str) {
        let period: Period = text.parse().unwrap();
        assert_eq!((period.to_string().as_str(), period.in_words().as_str()), (normal, words));
    }

    #[rstest]
    fn what_is_no_period_is_refused(
        #[values(
            "",
            "P",
            "90D",
            "P0D",
            "PT1H",
            "P1.5Y",
            "P-1Y",
            "P1D1Y",
            "P1Y1Y",
            "P101Y",
            "P99999999999D",
            "p1y",
            "P1Yé"
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<Period>(), Err(InvalidPeriod));
    }

    #[rstest]
    // An ordinary day: the same moment five years on, by the local clock.
    #[case("P5Y", "2026-03-02T09:14:05+01:00", "2031-03-02T09:14:05+01:00")]
    // A leap day that the fifth year does not have: to the end of its February.
    #[case("P5Y", "2028-02-29T10:00:00+01:00", "2033-03-01T00:00:00+01:00")]
    // ... and that the fourth has.
    #[case("P4Y", "2028-02-29T10:00:00+01:00", "2032-02-29T10:00:00+01:00")]
    // Winter to summer time: the local time of day is kept, not the number of hours.
    #[case("P6M", "2026-01-15T12:00:00+01:00", "2026-07-15T12:00:00+02:00")]
    #[case("P1M", "2026-01-31T12:00:00+01:00", "2026-03-01T00:00:00+01:00")]
    // A local time that is skipped (29 March 2026, 02:30) or repeated (25 October 2026): the later reading.
    #[case("P1D", "2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00")]
    #[case("P1D", "2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+01:00")]
    // Just after midnight in Rome is still the day before in UTC: 29 February by the local calendar.
    #[case("P1Y", "2028-02-28T23:30:00Z", "2029-03-01T00:00:00+01:00")]
    fn a_period_ends_by_the_local_calendar(#[case] period: &str, #[case] start: &str, #[case] end: &str) {
        let zone = "IT".parse::<Jurisdiction>().unwrap().time_zone();
        let ended = period.parse::<Period>().unwrap().after(Timestamp::parse(start).unwrap(), &zone);
        assert_eq!(ended, Timestamp::parse(end).unwrap());
    }
}
