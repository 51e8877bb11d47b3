//! What is due: hints, by the hour of their date. The row decides.
//!
//! A hint lies in the hour of its own date, in one of [`PARTS`] partitions. Which hours have hints is a list, written
//! with every hint and before it, so that old hours need no rule of their own: a recording that is stamped with a date
//! long past, or shortened to one, puts its hour back. Hours follow each other, and within one the parts are merged,
//! so that a page goes on exactly after the one before it.
//!
//! A hint is told where its recording is due at just that time. One whose recording is due at another time is left from
//! a change: it is removed. One without a recording is left from a stamp that a crash cut off, and stays, since the
//! stamp comes again. An hour without hints leaves the list, unless it was put there since [`super::MARGIN`] before the
//! look: whoever writes a hint has put its hour there just before.
//!
//! A page costs [`PARTS`] reads, of at most as many hints as are wanted, for each hour in which something is due, and
//! a read of a row for each hint. In memory are at most [`PARTS`] times [`crate::store::MAX_LISTED`] hints.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{RecordingId, TenantId, Timestamp};

use super::error::Error;
use super::guarded::RowKey;
use super::{AT_ONCE, Inner, LAST_ID, before, rows};
use crate::kept::{Due, Kept, RecordingKey};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// Partitions of one hour: an order gives many recordings one date.
const PARTS: u8 = 16;
/// Hours that are read at once.
const HOURS: usize = 500;

/// Where a hint lies in its hour.
type Place = (i64, Vec<u8>);

/// The hints of one hour that are asked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    tenant: &'a TenantId,
    hour: i64,
    by: Timestamp,
}

impl Inner {
    /// Writes a recording's place among what is due, if it is ever due.
    pub(super) async fn point_due(&self, kept: &Kept) -> Result<(), Error> {
        let Some(at) = kept.due() else { return Ok(()) };
        let (tenant, id) = (kept.key.tenant.as_str(), kept.key.id);
        self.cql.write(&self.statements.point_due_hour, (tenant, hour(at.0))).await?;
        let values = (tenant, hour(at.0), part(id), at.0, id.to_bytes());
        Ok(self.cql.write(&self.statements.point_due, values).await?)
    }

    /// Takes a place away that the row was seen not to need, by a look at that time.
    pub(super) async fn drop_due(
        &self,
        key: &RecordingKey,
        at: i64,
        looked_at: Timestamp,
    ) -> Result<(), Error> {
        let RecordingKey { tenant, id } = key;
        let values = (before(looked_at), tenant.as_str(), hour(at), part(*id), at, id.to_bytes());
        Ok(self.cql.write(&self.statements.drop_due, values).await?)
    }

    pub(super) async fn due(
        &self,
        tenant: &TenantId,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        let (mut first, last) = (after.map_or(i64::MIN, |after| hour(after.at.0)), hour(by.0));
        let mut found = Vec::new();
        while first <= last && found.len() < limit {
            let values = (tenant.as_str(), first, last);
            let hours: Vec<(i64,)> = self.cql.rows(&self.statements.due_hours, values, HOURS).await?;
            for (hour,) in &hours {
                let wanted = Wanted { tenant, hour: *hour, by };
                self.due_in(wanted, after, limit, &mut found).await?;
                if found.len() >= limit {
                    return Ok(found);
                }
            }
            match hours.last() {
                Some((hour,)) if hours.len() == HOURS => first = hour.saturating_add(1),
                Some(_) | None => break,
            }
        }
        Ok(found)
    }

    /// All of it, from the beginning of time.
    pub(super) async fn all_due(
        &self,
        tenant: &TenantId,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        self.due(tenant, Timestamp(i64::MAX), after, limit).await
    }

    /// Adds what of one hour is due after a place, until there are as many as are wanted.
    async fn due_in(
        &self,
        wanted: Wanted<'_>,
        after: Option<&Due>,
        limit: usize,
        found: &mut Vec<Due>,
    ) -> Result<(), Error> {
        let mut cursor = after.map_or((i64::MIN, Vec::new()), place);
        let is_whole = cursor.0 < wanted.start() && wanted.hour < hour(wanted.by.0);
        let mut is_first = true;
        while found.len() < limit {
            let (looked_at, room) = (self.clock.now(), limit - found.len());
            let hints = self.hints(wanted, &cursor, room).await?;
            let Some(last) = hints.last() else {
                if is_first && is_whole {
                    self.drop_hour(wanted, looked_at).await?;
                }
                return Ok(());
            };
            let is_last = hints.len() < room;
            (cursor, is_first) = (place(last), false);
            let looks: Vec<_> =
                hints.into_iter().map(|hint| self.look(wanted.tenant, hint, looked_at).boxed()).collect();
            let told: Vec<Option<Due>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            found.extend(told.into_iter().flatten());
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next hints of an hour, of all its parts together: the first ones of all are among the first ones of each.
    async fn hints(&self, wanted: Wanted<'_>, after: &Place, limit: usize) -> Result<Vec<Due>, Error> {
        let reads: Vec<_> =
            (0..PARTS).map(|part| self.hints_of(wanted, part, after, limit).boxed()).collect();
        let parts: Vec<Vec<Place>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let mut places: Vec<Place> = parts.into_iter().flatten().collect();
        places.sort_unstable();
        places.truncate(limit);
        places.into_iter().map(hint).collect()
    }

    async fn hints_of(
        &self,
        wanted: Wanted<'_>,
        part: u8,
        after: &Place,
        limit: usize,
    ) -> Result<Vec<Place>, Error> {
        let (tenant, part) = (wanted.tenant.as_str(), i32::from(part));
        let (at, id) = after;
        let values = (tenant, wanted.hour, part, *at, id, wanted.by.0, LAST_ID);
        Ok(self.cql.rows(&self.statements.due, values, limit).await?)
    }

    /// The hint, if its recording bears it out.
    async fn look(&self, tenant: &TenantId, hint: Due, looked_at: Timestamp) -> Result<Option<Due>, Error> {
        let key = RecordingKey { tenant: tenant.clone(), id: hint.id };
        let values = (tenant.as_str(), hint.id.to_bytes());
        let found: Option<(Option<i64>,)> = self.cql.row(&self.statements.due_at, values).await?;
        match found {
            None => return Ok(None),
            Some((due_at,)) if due_at == Some(hint.at.0) => return Ok(Some(hint)),
            Some(_) => {}
        }
        // A change that is still under way, or whose answer was lost, comes to its end by this.
        let stands = self.stands(&RowKey::Kept(key.clone())).await?;
        if stands.is_some_and(|stands| stands.due_at == Some(hint.at.0)) {
            return Ok(Some(hint));
        }
        self.drop_due(&key, hint.at.0, looked_at).await?;
        Ok(None)
    }

    async fn drop_hour(&self, empty: Wanted<'_>, looked_at: Timestamp) -> Result<(), Error> {
        let values = (before(looked_at), empty.tenant.as_str(), empty.hour);
        Ok(self.cql.write(&self.statements.drop_due_hour, values).await?)
    }
}

impl Wanted<'_> {
    /// The first moment of the hour.
    fn start(&self) -> i64 {
        self.hour.saturating_mul(HOUR)
    }
}

fn hint((at, id): Place) -> Result<Due, Error> {
    Ok(Due { at: Timestamp(at), id: rows::recording_id("retention_due", &id)? })
}

fn place(due: &Due) -> Place {
    (due.at.0, due.id.to_bytes().to_vec())
}

fn hour(at: i64) -> i64 {
    at.div_euclid(HOUR)
}

/// By the last bits, which no part of the time in an id is.
fn part(id: RecordingId) -> i32 {
    i32::from(id.to_bytes()[15] % PARTS)
}
