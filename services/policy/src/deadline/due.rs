//! The day on which a request falls due, and the arithmetic of dates.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use kernel::Timestamp;

/// A local day, all of which there is still time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DueDay {
    /// The date, in the jurisdiction's time zone.
    pub date: Date,
    /// The first moment after that day: the local midnight at its end, or what the clocks show instead where they
    /// change at midnight. At this moment it is too late.
    pub ends: Timestamp,
}

/// The days on which a request falls due.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Due {
    /// What the law says for certain; what is warned of, and after which the request is overdue.
    pub strict: DueDay,
    /// The day with the time in which identity was in doubt. Under the GDPR it rests on what supervisory authorities
    /// have accepted, and is never before the strict day; under the UK GDPR it is the strict day.
    pub effective: DueDay,
}

impl DueDay {
    /// A local day in a time zone.
    pub(super) fn of(date: Date, zone: &TimeZone) -> Self {
        let ends = date.tomorrow().map_or(Timestamp::from(jiff::Timestamp::MAX), |next| begins(next, zone));
        Self { date, ends }
    }
}

/// The first moment of a local day. Where the clocks leap over midnight it is that leap; where they show midnight
/// twice, the first.
pub(super) fn begins(date: Date, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible() {
        Ok(first) => Timestamp::from(first),
        // Only at the end of jiff's calendar.
        Err(_) => Timestamp::from(jiff::Timestamp::MAX),
    }
}

/// The local date of a moment.
pub(super) fn local_date(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at.to_jiff()).date()
}

/// The same date so many months on; the last day of that month where it has no such date (Regulation 1182/71
/// Art. 3(2)(c)).
pub(super) fn months_later(date: Date, months: i8) -> Date {
    date.saturating_add(i64::from(months).months())
}

/// The date so many days on, or before where negative; the end of jiff's calendar where it lies beyond.
pub(super) fn days_later(date: Date, days: i64) -> Date {
    Span::new().try_days(days).map_or(Date::MAX, |span| date.saturating_add(span))
}
