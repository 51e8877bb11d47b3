//! Recordings by when they began: all of a tenant, those of a subject, those of a correlation id.
//!
//! The rows are written before the own row says when the recording began, so that none is missing. One that the
//! own row does not bear out (a crash came between, or another opening was first) is passed over.

use std::ops::RangeInclusive;

use cql::Batch;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{SubjectId, Timestamp};
use seal::Hash;

use super::own::Own;
use super::{AT_ONCE, Inner, columns, recording_key};
use crate::fact::{Opened, RecordingKey};
use crate::store::{By, Error, Query, Recording, State};

/// Buckets that are read at once.
const BUCKETS: usize = 500;
/// Rows of one write.
const ROWS: usize = 100;

/// What recordings are found by, as the tables have it, and how much time one bucket of it covers.
struct Scope {
    bytes: Vec<u8>,
    bucket: i64,
}

impl Scope {
    /// Of a tenant with many calls at once: an hour holds some ten thousand.
    fn time() -> Self {
        Self { bytes: vec![0], bucket: 3_600_000_000 }
    }

    /// Of one person, or one correlation id: a year of 365.25 days.
    fn year(kind: u8, of: &[u8]) -> Self {
        Self { bytes: [&[kind], of].concat(), bucket: 31_557_600_000_000 }
    }

    fn subject(subject: SubjectId) -> Self {
        Self::year(1, &subject.to_bytes())
    }

    fn correlation(mac: &Hash) -> Self {
        Self::year(2, &mac.0)
    }

    fn of(by: &By) -> Self {
        match by {
            By::Time => Self::time(),
            By::Subject(subject) => Self::subject(*subject),
            By::Correlation(mac) => Self::correlation(mac),
        }
    }

    fn bucket(&self, at: Timestamp) -> i64 {
        at.0.div_euclid(self.bucket)
    }
}

/// When a recording began, and its id.
type Place = (i64, Vec<u8>);

/// The rest of a list: from here on, newest first.
struct Rest {
    scope: Scope,
    tenant: String,
    /// The first place that is wanted.
    from: Place,
    /// The first place that is too late.
    before: Place,
}

impl Rest {
    fn of(query: &Query) -> Self {
        let end = (query.to.0, Vec::new());
        let after = query.after.map(|(at, id)| (at.0, id.to_bytes().to_vec()));
        Self {
            scope: Scope::of(&query.by),
            tenant: query.tenant.as_str().to_owned(),
            from: (query.from.0, Vec::new()),
            before: after.map_or(end.clone(), |after| after.min(end)),
        }
    }

    fn buckets(&self) -> RangeInclusive<i64> {
        self.scope.bucket(Timestamp(self.from.0))..=self.scope.bucket(Timestamp(self.before.0))
    }
}

impl Inner {
    /// Lists a recording under its beginning, those who take part and its correlation ids.
    pub(super) async fn list_as(
        &self,
        key: &RecordingKey,
        started_at: Timestamp,
        opened: &Opened,
    ) -> Result<(), Error> {
        let subjects = opened.parties.iter().map(|party| Scope::subject(party.subject));
        let correlations = opened.correlations.iter().map(Scope::correlation);
        let scopes: Vec<_> = [Scope::time()].into_iter().chain(subjects).chain(correlations).collect();
        let (tenant, id) = columns(key);
        for scopes in scopes.chunks(ROWS) {
            let (mut buckets, mut rows) = (Batch::unlogged(), Batch::unlogged());
            for scope in scopes {
                let place = (tenant.clone(), scope.bytes.clone(), scope.bucket(started_at));
                let (tenant, bytes, bucket) = place.clone();
                buckets.add(&self.statements.list_bucket, place)?;
                rows.add(&self.statements.list, (tenant, bytes, bucket, started_at.0, id.clone()))?;
            }
            // A bucket that nothing leads to would hide what is in it.
            self.cql.batch(buckets).await?;
            self.cql.batch(rows).await?;
        }
        Ok(())
    }

    /// A page of recordings, newest first. Fewer than asked for are the last.
    pub(super) async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error> {
        let mut rest = Rest::of(query);
        let mut found = Vec::new();
        while found.len() < query.limit {
            let wanted = query.limit - found.len();
            let places = self.places_of(&rest, wanted).await?;
            let reads: Vec<_> = places.iter().map(|place| self.listed(query, place).boxed()).collect();
            let rows: Vec<Option<Recording>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            found.extend(rows.into_iter().flatten());
            let is_last = places.len() < wanted;
            match places.into_iter().next_back() {
                Some(last) if !is_last => rest.before = last,
                Some(_) | None => break,
            }
        }
        Ok(found)
    }

    /// The recording in a place, if it began there and is not erased.
    async fn listed(&self, query: &Query, (at, id): &Place) -> Result<Option<Recording>, Error> {
        let key = recording_key("archive_listed", query.tenant.as_str().to_owned(), id)?;
        let own = self.own(&key).await?;
        let is_listed = |own: &Own| {
            own.recording.started_at == Some(Timestamp(*at)) && own.recording.state != State::Erased
        };
        match own.filter(is_listed) {
            Some(own) => self.with_life(own).await.map(Some),
            None => Ok(None),
        }
    }

    /// The next places of a list, at most `limit`.
    async fn places_of(&self, rest: &Rest, limit: usize) -> Result<Vec<Place>, Error> {
        let mut places = Vec::new();
        let (first, mut last) = rest.buckets().into_inner();
        loop {
            let values = (rest.tenant.as_str(), &rest.scope.bytes, first, last);
            let with = &self.statements.listed_buckets;
            let buckets: Vec<(i64,)> = self.cql.rows(with, values, BUCKETS).await?;
            for (bucket,) in &buckets {
                let ((from, from_id), (before, before_id)) = (&rest.from, &rest.before);
                let scope = (rest.tenant.as_str(), &rest.scope.bytes, *bucket);
                let values = (scope.0, scope.1, scope.2, *from, from_id, *before, before_id);
                let wanted = limit - places.len();
                let rows: Vec<Place> = self.cql.rows(&self.statements.listed, values, wanted).await?;
                places.extend(rows);
                if places.len() == limit {
                    return Ok(places);
                }
            }
            match buckets.last() {
                Some((bucket,)) if buckets.len() == BUCKETS => last = bucket.saturating_sub(1),
                Some(_) | None => return Ok(places),
            }
        }
    }
}
