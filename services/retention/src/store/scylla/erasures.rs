//! Erasures. Two lists lead to them: all of them by the day on which they began, and those that are not settled.
//!
//! An erasure is listed before its row says so, and told where the row bears the list out. One that is listed without a
//! row stays listed: it may still begin.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{Envelope, ErasureId, TenantId, Timestamp};

use super::decision::Write;
use super::error::Error;
use super::rows::{self, ErasureColumns};
use super::{AT_ONCE, Inner, LAST_ID, LATE, before, day};
use crate::erasure::{Erasure, State};
use crate::store::{MAX_LISTED, Written};

/// Days that are read at once.
const DAYS: usize = 500;

impl Inner {
    pub(super) async fn begin_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, Error> {
        let write = Write::BeginErasure(erasure);
        if self.stands(&write.row()).await?.is_some() {
            return Ok(Written::Conflict);
        }
        let (with, tenant, id) = (&self.statements, erasure.tenant.as_str(), erasure.id.to_bytes());
        // A day that nothing leads to would hide what is in it.
        self.cql.write(&with.point_erasure_day, (tenant, day(id))).await?;
        self.cql.write(&with.point_erasure, (tenant, day(id), id)).await?;
        self.write_erasure(write, erasure, event).await
    }

    pub(super) async fn change_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, Error> {
        let (write, looked_at) = (Write::ChangeErasure(erasure), self.clock.now());
        let before = write.before()?;
        if self.stands(&write.row()).await?.is_none_or(|stands| stands.version != before) {
            return Ok(Written::Conflict);
        }
        let written = self.write_erasure(write, erasure, event).await?;
        if written == Written::Applied && !is_unsettled(erasure.state) {
            // Where that fails the next look at the list does it.
            self.drop_unsettled(&erasure.tenant, erasure.id, looked_at).await.ok();
        }
        Ok(written)
    }

    pub(super) async fn erasure(&self, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>, Error> {
        let values = (tenant.as_str(), id.to_bytes());
        let found: Option<ErasureColumns> = self.cql.row(&self.statements.erasure, values).await?;
        found.map(rows::erasure).transpose()
    }

    /// By days, the newest first.
    pub(super) async fn erasures(
        &self,
        tenant: &TenantId,
        before: Option<ErasureId>,
        limit: usize,
    ) -> Result<Vec<Erasure>, Error> {
        let mut last = before.map_or(i64::MAX, |before| day(before.to_bytes()));
        let mut found = Vec::new();
        while found.len() < limit {
            let values = (tenant.as_str(), last);
            let days: Vec<(i64,)> = self.cql.rows(&self.statements.erasure_days, values, DAYS).await?;
            for (day,) in &days {
                self.erasures_of_day(tenant, *day, before, limit, &mut found).await?;
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

    /// Adds what began on one day, before an erasure, until there are as many as are wanted.
    async fn erasures_of_day(
        &self,
        tenant: &TenantId,
        day: i64,
        before: Option<ErasureId>,
        limit: usize,
        found: &mut Vec<Erasure>,
    ) -> Result<(), Error> {
        let mut cursor = before.map_or_else(|| LAST_ID.to_vec(), |before| before.to_bytes().to_vec());
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), day, cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.erasures_of_day, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { return Ok(()) };
            let is_last = ids.len() < room;
            cursor = last;
            let ids = ids.iter().map(|(id,)| rows::erasure_id("retention_erasure_of_day", id));
            let ids: Vec<ErasureId> = ids.collect::<Result<_, _>>()?;
            let reads: Vec<_> = ids.into_iter().map(|id| self.erasure(tenant, id).boxed()).collect();
            let read: Vec<Option<Erasure>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            found.extend(read.into_iter().flatten());
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn unsettled_erasures(&self, tenant: &TenantId) -> Result<Vec<ErasureId>, Error> {
        let (limit, mut cursor, mut found) = (MAX_LISTED as usize, Vec::new(), Vec::new());
        while found.len() < limit {
            let (looked_at, room) = (self.clock.now(), limit - found.len());
            let values = (tenant.as_str(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.unsettled, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            let is_last = ids.len() < room;
            cursor = last;
            let ids = ids.iter().map(|(id,)| rows::erasure_id("retention_unsettled", id));
            let ids: Vec<ErasureId> = ids.collect::<Result<_, _>>()?;
            let looks: Vec<_> =
                ids.into_iter().map(|id| self.look_unsettled(tenant, id, looked_at).boxed()).collect();
            let told: Vec<Option<ErasureId>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            found.extend(told.into_iter().flatten());
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The erasure, if its row bears out that it is not settled.
    async fn look_unsettled(
        &self,
        tenant: &TenantId,
        id: ErasureId,
        looked_at: Timestamp,
    ) -> Result<Option<ErasureId>, Error> {
        let (state, values) = (&self.statements.erasure_state, (tenant.as_str(), id.to_bytes()));
        let found: Option<(i64,)> = self.cql.row(state, values).await?;
        let Some((number,)) = found else { return Ok(None) };
        if is_unsettled(rows::state(number)?) {
            return Ok(Some(id));
        }
        // A change that is still under way, or whose answer was lost, comes to its end by this.
        let found: Option<(i64,)> = self.cql.serial_row(state, values).await?;
        if let Some((number,)) = found
            && is_unsettled(rows::state(number)?)
        {
            return Ok(Some(id));
        }
        self.drop_unsettled(tenant, id, looked_at).await?;
        Ok(None)
    }

    /// Writes a row, and leads to it before where it is not settled.
    async fn write_erasure(
        &self,
        write: Write<'_>,
        erasure: &Erasure,
        event: &Envelope,
    ) -> Result<Written, Error> {
        if !is_unsettled(erasure.state) {
            return self.decide(write, event).await;
        }
        let began = self.clock.now();
        self.point_unsettled(erasure).await?;
        let written = self.decide(write, event).await?;
        if written == Written::Applied && self.clock.now().since(began) >= LATE {
            self.point_unsettled(erasure).await?;
        }
        Ok(written)
    }

    async fn point_unsettled(&self, erasure: &Erasure) -> Result<(), Error> {
        let values = (erasure.tenant.as_str(), erasure.id.to_bytes());
        Ok(self.cql.write(&self.statements.point_unsettled, values).await?)
    }

    async fn drop_unsettled(
        &self,
        tenant: &TenantId,
        id: ErasureId,
        looked_at: Timestamp,
    ) -> Result<(), Error> {
        let values = (before(looked_at), tenant.as_str(), id.to_bytes());
        Ok(self.cql.write(&self.statements.drop_unsettled, values).await?)
    }
}

fn is_unsettled(state: State) -> bool {
    match state {
        State::Gathering | State::Running => true,
        State::Done | State::Partial | State::Refused => false,
    }
}
