//! What holds in every embedded store: when a version may go, how a lock may change, what a range means.

use std::ops::Range;

use kernel::Timestamp;

use crate::error::Error;
use crate::key::Key;
use crate::store::{Head, LegalHold, MAX_OBJECT, PutOptions};

pub(crate) fn check_put(key: &Key, length: usize, options: &PutOptions, now: Timestamp) -> Result<(), Error> {
    if length > MAX_OBJECT {
        return Err(Error::TooLarge { what: "size of an object", found: length, limit: MAX_OBJECT });
    }
    match options.retain_until {
        Some(until) if until <= now => Err(Error::RetentionPassed { key: key.clone(), until }),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn check_deletion(head: &Head, now: Timestamp) -> Result<(), Error> {
    if head.legal_hold == LegalHold::On {
        return Err(Error::Held { key: head.key.clone() });
    }
    match head.retain_until {
        Some(until) if until > now => Err(Error::Locked { key: head.key.clone(), until }),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn check_extension(head: &Head, until: Timestamp, now: Timestamp) -> Result<(), Error> {
    let key = || head.key.clone();
    match head.retain_until {
        Some(locked) if locked > until => Err(Error::WouldShorten { key: key(), until: locked }),
        Some(locked) if locked == until => Ok(()),
        Some(_) | None if until <= now => Err(Error::RetentionPassed { key: key(), until }),
        Some(_) | None => Ok(()),
    }
}

/// The part of a range that lies in an object of this length.
pub(crate) fn cut(key: &Key, length: u64, range: Range<u64>) -> Result<Range<u64>, Error> {
    if range.is_empty() || range.start >= length {
        return Err(Error::RangeOutside { key: key.clone(), length });
    }
    Ok(range.start..range.end.min(length))
}
