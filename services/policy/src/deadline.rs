//! Until when a request of a data subject must be answered: one month from its receipt, once two months more, and
//! what stops that clock.
//!
//! Two laws are known, by the jurisdiction of the controller ([`Law`]).
//!
//! - The GDPR, Art. 12(3), counted by Regulation (EEC, Euratom) No 1182/71 Art. 3: the day of receipt is not
//!   counted; the month ends with the end of the same date, or of the month's last day where it has no such date; a
//!   Saturday, Sunday or public holiday of the controller's state is followed to the next working day. No law stops
//!   the clock. The EDPB has it that time may be suspended while somebody's identity was really in doubt and asked
//!   for without delay (Guidelines 01/2022, section 5.3), and so have supervisory authorities: then both days are
//!   told, and the earlier one is warned of ([`Due`]). What the Guidelines say of a clarification is not followed:
//!   it does not stop the clock.
//! - The UK GDPR, Art. 12A (Data (Use and Access) Act 2025, s. 76, in force since 5 February 2026): the same dates,
//!   as the Information Commissioner counts them ("from the day you receive the request until the corresponding
//!   calendar date in the next month"; on a weekend or public holiday until the next working day). It stops by
//!   statute while identity or a clarification that was asked for is awaited. Where the Act would give more than
//!   the days that were waited, the waited days count, and never more than the Act gives: see [`Clock::due`].
//!
//! The rules of the Regulation that make a period end later are kept to the letter, and every doubt is settled for
//! the earlier date, since an answer that comes too early is none that comes too late.
//!
//! Everything is pure: what was done at which moment is passed in, and a clock says what follows. Moments are
//! microseconds in UTC; dates are those of the jurisdiction's zone
//! ([`time_zone`](crate::jurisdiction::Jurisdiction::time_zone)).
//!
//! Holidays are data with a version ([`Calendar`]): a clock keeps the version that it was started with, and a newer
//! one counts for clocks that start later. What is a holiday in a region only counts where that [`Region`] is told.
//!
//! Read [`Clock`] first, then [`Due`], [`Pause`] and [`Warning`]; [`Calendar`] has the holidays.

mod acts;
mod calendar;
mod clock;
mod due;
mod error;
mod pause;
mod standing;

pub use self::acts::MAX_PAUSES;
pub use self::calendar::{
    Calendar, CalendarId, CalendarStamp, Calendars, FIRST_EASTER, FIRST_YEAR, LAST_EASTER, LAST_YEAR,
    NoEaster, Region, UnknownRegion, easter_sunday,
};
pub use self::clock::{Clock, Extension, INTERNAL_TARGET, Law, Reason};
pub use self::due::{Due, DueDay};
pub use self::error::DeadlineError;
pub use self::pause::{ASK_WITHIN, Ground, Pause};
pub use self::standing::{DUE_SOON, State, Warning, WarningKind, merge};

#[cfg(test)]
mod tests;
