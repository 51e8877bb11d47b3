//! Why a clock cannot be started, moved or stopped.

use jiff::civil::Date;
use kernel::{ErrorCode, ServiceError, Timestamp};

use super::acts::MAX_PAUSES;
use super::calendar::{CalendarStamp, FIRST_YEAR, LAST_YEAR, Region};
use super::pause::Ground;
use crate::jurisdiction::Jurisdiction;

/// What a clock refuses, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeadlineError {
    /// Neither the GDPR nor the UK GDPR applies there.
    #[error("no rule is known by which a request falls due in {jurisdiction}")]
    NoLaw {
        /// Where.
        jurisdiction: Jurisdiction,
    },
    /// The region is not a part of the country.
    #[error("region {region} is no part of {jurisdiction}")]
    RegionElsewhere {
        /// The region.
        region: Region,
        /// The country.
        jurisdiction: Jurisdiction,
    },
    /// A newer program made the clock. No other version may be put in its place, since it could say another date.
    #[error("calendar {stamp} is not known to this version, which has versions 1 to {newest}")]
    UnknownCalendar {
        /// The calendar.
        stamp: CalendarStamp,
        /// The newest version that is known.
        newest: u16,
    },
    /// Nothing is known of the holidays of that year.
    #[error("{date} is outside the calendars, which have {first} to {last}", first = FIRST_YEAR, last = LAST_YEAR)]
    OutOfRange {
        /// The date, of receipt or of the day on which the request would fall due.
        date: Date,
    },
    /// A period is extended once.
    #[error("the period was extended already, to {due}, and is extended once only")]
    AlreadyExtended {
        /// The day on which the request falls due.
        due: Date,
    },
    /// The month is over.
    #[error("the period ended with {due} and cannot be extended at {now}")]
    ExtendedTooLate {
        /// The day on which the request fell due.
        due: Date,
        /// When it was to be extended.
        now: Timestamp,
    },
    /// The person was not told of the extension and its reasons.
    #[error("the period that ends with {due} is extended only once its notice is delivered")]
    NoticeNotDelivered {
        /// The day on which the request falls due.
        due: Date,
    },
    /// The delivery of the notice lies before the request or in the future.
    #[error("a notice delivered at {delivered_at} is not between receipt at {received_at} and {now}")]
    NoticeOutOfTime {
        /// When the notice is said to have been delivered.
        delivered_at: Timestamp,
        /// When the request was received.
        received_at: Timestamp,
        /// When the period was to be extended.
        now: Timestamp,
    },
    /// The same answer is awaited already.
    #[error("the clock is paused for {ground} since {since}")]
    AlreadyPaused {
        /// What for.
        ground: Ground,
        /// Since when.
        since: Timestamp,
    },
    /// No such answer is awaited.
    #[error("the clock is not paused for {ground}")]
    NotPaused {
        /// What for.
        ground: Ground,
    },
    /// What is overdue does not stop any more.
    #[error("the period ended with {due} and cannot be paused at {at}")]
    PausedTooLate {
        /// The day on which the request fell due.
        due: Date,
        /// When it was to be paused.
        at: Timestamp,
    },
    /// More pauses than any request has.
    #[error("a clock has at most {max} pauses", max = MAX_PAUSES)]
    TooManyPauses,
    /// Something ends before it begins.
    #[error("{at} lies before {after}, which comes first")]
    OutOfOrder {
        /// The moment that was told.
        at: Timestamp,
        /// What it has to follow: the receipt, the end of the pause before it, or the beginning of its own.
        after: Timestamp,
    },
}

impl ServiceError for DeadlineError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::RegionElsewhere { .. }
            | Self::OutOfRange { .. }
            | Self::NoticeOutOfTime { .. }
            | Self::OutOfOrder { .. } => ErrorCode::InvalidArgument,
            Self::NoLaw { .. }
            | Self::UnknownCalendar { .. }
            | Self::AlreadyExtended { .. }
            | Self::ExtendedTooLate { .. }
            | Self::NoticeNotDelivered { .. }
            | Self::AlreadyPaused { .. }
            | Self::NotPaused { .. }
            | Self::PausedTooLate { .. } => ErrorCode::FailedPrecondition,
            Self::TooManyPauses => ErrorCode::ResourceExhausted,
        }
    }
}
