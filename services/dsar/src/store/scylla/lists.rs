//! Lists of requests. A pointer is told where the head bears it out. One without a request is left from a
//! beginning that a crash cut off: it is passed over, and stays, since the request may still begin.

use cql::Statement;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{RequestId, SubjectId, TenantId};

use super::error::Error;
use super::pointers::{BUCKETS, day};
use super::{AT_ONCE, Inner, LAST_ID, rows};
use crate::act::RequestKey;
use crate::store::{Head, MAX_LISTED};

/// Days that are read at once.
const DAYS: usize = 500;
const MAX_TENANTS: usize = 100_000;

impl Inner {
    /// By days, the newest first.
    pub(super) async fn newest(
        &self,
        tenant: &TenantId,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<Head>, Error> {
        let mut last = before.map_or(i64::MAX, day);
        let mut found = Vec::new();
        while found.len() < limit {
            let days: Vec<(i64,)> =
                self.cql.rows(&self.statements.days, (tenant.as_str(), last), DAYS).await?;
            for (day,) in &days {
                self.newest_of_day(tenant, *day, before, limit, &mut found).await?;
                if found.len() >= limit {
                    return Ok(found);
                }
            }
            match days.last() {
                Some((day,)) if days.len() == DAYS => last = day.saturating_sub(1),
                Some(_) | None => break,
            }
        }
        Ok(found)
    }

    /// Adds what began on one day, before a request, until there are as many as are wanted.
    async fn newest_of_day(
        &self,
        tenant: &TenantId,
        day: i64,
        before: Option<RequestId>,
        limit: usize,
        found: &mut Vec<Head>,
    ) -> Result<(), Error> {
        let mut cursor = before.map_or_else(|| LAST_ID.to_vec(), |before| before.to_bytes().to_vec());
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), day, cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.by_day, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { return Ok(()) };
            cursor = last;
            let is_last = ids.len() < room;
            found.extend(self.heads(tenant, rows::request_ids("dsar_by_day", &ids)?).await?);
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// In order of their ids, over all partitions of what is open.
    pub(super) async fn open_requests(
        &self,
        tenant: &TenantId,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<Head>, Error> {
        let (mut after, mut found) = (after, Vec::new());
        while found.len() < limit {
            let room = limit - found.len();
            let ids = self.open_ids(tenant, after, room).await?;
            let is_last = ids.len() < room;
            after = ids.last().copied().or(after);
            for head in self.heads(tenant, ids).await? {
                if head.is_open() {
                    found.push(head);
                } else {
                    // Where that fails the next look does it.
                    self.drop_open(&head.key).await.ok();
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The next pointers to what is open.
    async fn open_ids(
        &self,
        tenant: &TenantId,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestId>, Error> {
        let after = after.map_or_else(Vec::new, |after| after.to_bytes().to_vec());
        let mut found = Vec::new();
        for bucket in 0..BUCKETS {
            let values = (tenant.as_str(), bucket, after.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.open, values, limit).await?;
            found.extend(rows::request_ids("dsar_open", &ids)?);
        }
        found.sort_unstable();
        found.truncate(limit);
        Ok(found)
    }

    /// In order of their ids. One whose head has another person came second, and never began.
    pub(super) async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Head>, Error> {
        let (limit, mut cursor, mut found) = (MAX_LISTED as usize, Vec::new(), Vec::new());
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), subject.to_bytes(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.of_subject, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            cursor = last;
            let is_last = ids.len() < room;
            let heads = self.heads(tenant, rows::request_ids("dsar_of_subject", &ids)?).await?;
            found.extend(heads.into_iter().filter(|head| head.subject == subject));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        self.tenants_by("dsar_tenant", &self.statements.tenants).await
    }

    /// The tenants of a table that has them all in one partition.
    pub(super) async fn tenants_by(
        &self,
        table: &'static str,
        find: &Statement,
    ) -> Result<Vec<TenantId>, Error> {
        let found: Vec<(String,)> = self.cql.rows(find, (), MAX_TENANTS + 1).await?;
        if found.len() > MAX_TENANTS {
            return Err(Error::TooMany { what: "tenants", limit: MAX_TENANTS });
        }
        found.into_iter().map(|(tenant,)| rows::tenant(table, tenant)).collect()
    }

    /// The heads of those that there are, in the same order.
    async fn heads(&self, tenant: &TenantId, ids: Vec<RequestId>) -> Result<Vec<Head>, Error> {
        let reads: Vec<_> = ids.into_iter().map(|id| self.head_of(tenant, id).boxed()).collect();
        let found: Vec<Option<Head>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn head_of(&self, tenant: &TenantId, id: RequestId) -> Result<Option<Head>, Error> {
        self.head(&RequestKey { tenant: tenant.clone(), id }).await
    }
}
