//! What still needs something, by pointers: written before the own row says so, taken away after it says otherwise.
//!
//! Pointers of an audio partition lie in buckets of the machine time when the recording was first seen, and a
//! bucket's own pointer comes before the first in it. A pointer that leads to nothing is harmless, one that is
//! missing would leave a recording unsealed for ever. So pointers are taken away as of [`MARGIN`] before the own
//! row was looked at: one that was written since, for a change that is still under way, stays. That holds as long
//! as a change comes to its end within a minute of its pointer, by clocks that differ by half of it at most.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};
use kernel::{Clock, Timestamp};

use super::own::Own;
use super::{AT_ONCE, Inner, KeyColumns, columns, recording_key};
use crate::fact::RecordingKey;
use crate::store::{Error, Recording};

/// Microseconds of a bucket: ten minutes.
const BUCKET: i64 = 600_000_000;
/// How long before the look a pointer must have been written to be taken away.
const MARGIN: Duration = Duration::from_secs(60);
/// After how long an empty bucket's own pointer goes.
const OLD: Duration = Duration::from_secs(3_600);
/// Buckets of one audio partition that hold something: those of a year, if each had a recording that cannot be
/// settled.
const BUCKETS_MAX: usize = 1 << 16;
/// Pointers of one bucket that are read at once.
const PAGE_MAX: usize = 1_000;

/// The bucket of a recording that is first seen now.
pub(super) fn bucket_now(clock: &dyn Clock) -> i64 {
    clock.now().0.div_euclid(BUCKET)
}

/// Whether everything in a bucket is older than that.
fn is_past(bucket: i64, now: Timestamp, by: Duration) -> bool {
    Timestamp((bucket + 1).saturating_mul(BUCKET)).plus(by) <= now
}

/// As of when pointers are taken away that were looked at then.
fn before(looked_at: Timestamp) -> i64 {
    looked_at.0 - MARGIN.as_micros() as i64
}

/// Pointers in order of key, each with the buckets that it lies in.
struct Page {
    pointers: BTreeMap<KeyColumns, Vec<i64>>,
    /// The last key up to which they are all of them; `None` where nothing comes after.
    up_to: Option<KeyColumns>,
    /// Buckets in which nothing was found.
    empty: Vec<i64>,
}

impl Inner {
    /// Writes the way to a recording that needs something.
    pub(super) async fn point_unsettled(&self, own: &Own) -> Result<(), Error> {
        let partition = number(own.recording.partition);
        let (tenant, id) = columns(&own.recording.key);
        let with = &self.statements;
        self.cql.write(&with.point_unsettled_bucket, (partition, own.bucket)).await?;
        Ok(self.cql.write(&with.point_unsettled, (partition, own.bucket, tenant, id)).await?)
    }

    /// Takes a pointer away that nobody needs, by a look at its recording at that time.
    pub(super) async fn drop_pointer(
        &self,
        partition: u32,
        bucket: i64,
        key: &RecordingKey,
        looked_at: Timestamp,
    ) -> Result<(), Error> {
        let (tenant, id) = columns(key);
        let values = (before(looked_at), number(partition), bucket, tenant, id);
        Ok(self.cql.write(&self.statements.drop_unsettled, values).await?)
    }

    /// Recordings of a partition that need something, in order of key.
    pub(super) async fn unsettled(
        &self,
        partition: u32,
        after: Option<&RecordingKey>,
        limit: usize,
    ) -> Result<Vec<Recording>, Error> {
        let looked_at = self.clock.now();
        let buckets = self.buckets(partition).await?;
        let mut cursor = after.map(columns).unwrap_or_default();
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self.pointers(partition, &buckets, &cursor, limit.min(PAGE_MAX)).await?;
            if cursor == KeyColumns::default() {
                self.drop_buckets(partition, &page.empty, looked_at).await?;
            }
            let looks: Vec<_> = page
                .pointers
                .into_iter()
                .map(|(pointer, buckets)| self.look(partition, pointer, buckets, looked_at).boxed())
                .collect();
            let mut looks = stream::iter(looks).buffered(AT_ONCE);
            while let Some(row) = looks.try_next().await? {
                found.extend(row);
                if found.len() == limit {
                    return Ok(found);
                }
            }
            drop(looks);
            match page.up_to {
                Some(last) => cursor = last,
                None => break,
            }
        }
        Ok(found)
    }

    async fn buckets(&self, partition: u32) -> Result<Vec<i64>, Error> {
        let with = &self.statements.unsettled_buckets;
        let rows: Vec<(i64,)> = self.cql.rows(with, (number(partition),), BUCKETS_MAX + 1).await?;
        if rows.len() > BUCKETS_MAX {
            let (found, limit) = (rows.len(), BUCKETS_MAX);
            let what = "the number of buckets with unsettled recordings";
            return Err(cql::Error::TooLarge { what, found, limit }.into());
        }
        Ok(rows.into_iter().map(|(bucket,)| bucket).collect())
    }

    /// The next pointers after a key, of all buckets together.
    async fn pointers(
        &self,
        partition: u32,
        buckets: &[i64],
        after: &KeyColumns,
        limit: usize,
    ) -> Result<Page, Error> {
        let read = |bucket: i64| {
            let values = (number(partition), bucket, after.0.clone(), after.1.clone());
            let rows = self.cql.rows(&self.statements.unsettled, values, limit);
            rows.map_ok(move |keys: Vec<KeyColumns>| (bucket, keys)).boxed()
        };
        let reads: Vec<_> = buckets.iter().map(|bucket| read(*bucket)).collect();
        let found: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let full = found.iter().filter(|(_, keys)| keys.len() == limit);
        let up_to = full.filter_map(|(_, keys)| keys.last()).min().cloned();
        let empty = found.iter().filter(|(_, keys)| keys.is_empty()).map(|(bucket, _)| *bucket).collect();
        let mut pointers: BTreeMap<KeyColumns, Vec<i64>> = BTreeMap::new();
        for (bucket, keys) in found {
            for key in keys {
                if up_to.as_ref().is_none_or(|last| key <= *last) {
                    pointers.entry(key).or_default().push(bucket);
                }
            }
        }
        Ok(Page { pointers, up_to, empty })
    }

    /// The recording that a pointer leads to, if it needs something. Otherwise the pointer goes, unless its bucket
    /// is so young that it most likely would stay.
    async fn look(
        &self,
        partition: u32,
        (tenant, id): KeyColumns,
        buckets: Vec<i64>,
        looked_at: Timestamp,
    ) -> Result<Option<Recording>, Error> {
        let key = &recording_key("archive_unsettled", tenant, &id)?;
        if let Some(own) = self.own(key).await?.filter(Own::is_unsettled) {
            return self.with_life(own).await.map(Some);
        }
        let past: Vec<_> = buckets.into_iter().filter(|bucket| is_past(*bucket, looked_at, MARGIN)).collect();
        if past.is_empty() {
            return Ok(None);
        }
        // A change whose answer was lost, and its writer with it, comes to its end by this.
        if let Some(own) = self.serial_own(key).await?.filter(Own::is_unsettled) {
            return self.with_life(own).await.map(Some);
        }
        for bucket in past {
            self.drop_pointer(partition, bucket, key, looked_at).await?;
        }
        Ok(None)
    }

    async fn drop_buckets(&self, partition: u32, empty: &[i64], looked_at: Timestamp) -> Result<(), Error> {
        for bucket in empty.iter().filter(|bucket| is_past(**bucket, looked_at, OLD)) {
            let values = (before(looked_at), number(partition), *bucket);
            self.cql.write(&self.statements.drop_unsettled_bucket, values).await?;
        }
        Ok(())
    }
}

/// An audio partition's number in its column; there are few.
fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
