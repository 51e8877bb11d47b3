//! Dates as servers keep them: a lock's end on a whole second, never before the moment asked for.

use aws_sdk_s3::primitives::DateTime;
use kernel::Timestamp;

use crate::error::Error;

const SECOND: i64 = 1_000_000;
/// The last second that has four digits for its year, which is all that the protocol can say.
const LAST: i64 = 253_402_300_799;

/// The whole second at or after this moment.
pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    match at.0.rem_euclid(SECOND) {
        0 => at,
        over => Timestamp(at.0.saturating_add(SECOND - over)),
    }
}

/// A lock's end for the server: the date that [`whole_second`] gives.
pub(super) fn lock_end(until: Timestamp) -> Result<DateTime, Error> {
    let seconds = whole_second(until).0.div_euclid(SECOND);
    if seconds > LAST {
        return Err(Error::TooLarge {
            what: "the lock's end in seconds since 1970",
            found: usize::try_from(seconds).unwrap_or(usize::MAX),
            limit: usize::try_from(LAST).unwrap_or(usize::MAX),
        });
    }
    Ok(DateTime::from_secs(seconds))
}

/// What a server says of a lock.
pub(super) fn from_server(at: &DateTime) -> Timestamp {
    let micros = i64::from(at.subsec_nanos() / 1_000);
    Timestamp(at.secs().saturating_mul(SECOND).saturating_add(micros))
}

/// When a version was put. Listings say it to the millisecond and heads to the second: all say the second.
pub(super) fn put_at(at: Option<&DateTime>) -> Timestamp {
    Timestamp(at.map_or(0, DateTime::secs).saturating_mul(SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_never_ends_before_the_moment_asked_for() {
        for (asked, seconds) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (-1, 0)] {
            assert_eq!(lock_end(Timestamp(asked)).unwrap(), DateTime::from_secs(seconds), "{asked}");
        }
    }

    #[test]
    fn a_year_of_five_digits_is_refused() {
        assert!(lock_end(Timestamp(LAST * SECOND)).is_ok());
        for beyond in [LAST * SECOND + 1, i64::MAX] {
            assert!(matches!(lock_end(Timestamp(beyond)), Err(Error::TooLarge { .. })));
        }
    }

    #[test]
    fn a_servers_date_is_read_to_the_microsecond() {
        let at = DateTime::from_secs_and_nanos(1, 500_000_999);
        assert_eq!(from_server(&at), Timestamp(1_500_000));
        assert_eq!(put_at(Some(&at)), Timestamp(1_000_000));
    }
}
