//! Stretches of machine time, and how far the cursor may go. Pure.

use std::time::Duration;

use kernel::Timestamp;

/// Ten seconds of machine time, counted from 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Bucket(pub(super) i64);

/// Microseconds of a bucket.
const LENGTH: i64 = 10_000_000;
const PER_HOUR: i64 = 3_600_000_000 / LENGTH;

/// How near to now the cursor comes. A row is written to the bucket of when its ticket was drawn; until here that
/// write is over: a request takes at most 15 s, as long goes by before it is sent, and clocks differ by 30 s.
pub(super) const SLACK: Duration = Duration::from_secs(60);
/// How long another process's event may lie before it is taken for left behind. Less than [`SLACK`] by more than
/// a bucket, so that whatever the cursor could pass has been looked at.
pub(super) const GRACE: Duration = Duration::from_secs(30);
/// How far behind the cursor a sweep looks now and then: for writes that the cluster itself brings to their end
/// late (a batch that another node repeats, a replica that was away).
pub(super) const LOOK_BACK: Duration = Duration::from_secs(3_600);

impl Bucket {
    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.0.div_euclid(LENGTH))
    }

    pub(super) fn hour(self) -> i64 {
        self.0.div_euclid(PER_HOUR)
    }

    pub(super) fn first_of(hour: i64) -> Self {
        Self(hour.saturating_mul(PER_HOUR))
    }

    /// The bucket in which the moment so long before the beginning of this one lies.
    pub(super) fn before(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(by / LENGTH))
    }
}

/// The moment so long before another.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp(at.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

/// The first bucket that may still be written to; those below are closed.
pub(super) fn horizon(now: Timestamp) -> Bucket {
    Bucket::of(earlier(now, SLACK))
}

/// What a sweep saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    /// The lowest bucket that holds something unpublished.
    pub(super) unpublished: Option<Bucket>,
    /// Where it stopped early; all below was looked at.
    pub(super) stopped: Option<Bucket>,
}

/// Where the cursor stands after a sweep: never back, never past something unpublished or not looked at, never
/// into what may still be written to.
pub(super) fn advance(cursor: Bucket, now: Timestamp, seen: Seen) -> Bucket {
    let limits = [Some(horizon(now)), seen.unpublished, seen.stopped];
    let reached = limits.into_iter().flatten().min().unwrap_or(cursor);
    cursor.max(reached)
}

#[cfg(test)]
mod tests;
