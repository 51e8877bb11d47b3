//! Who is on which recording, and which tenants there are.
//!
//! A person's recordings lie by the year in their ids, whose first six bytes are milliseconds: years follow each other
//! as the ids do, whatever a sender put there. One whose row does not have the person (a crash came between, or another
//! stamp was first) is passed over.

use cql::Batch;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{RecordingId, SubjectId, TenantId};

use super::error::Error;
use super::{AT_ONCE, Inner, millis, rows};
use crate::kept::Kept;

/// Milliseconds of a year of 365.25 days.
const YEAR: i64 = 31_557_600_000;
/// More years than an id's first six bytes tell.
const YEARS: usize = 10_000;
const MAX_TENANTS: usize = 100_000;

impl Inner {
    /// Lists a recording under its tenant and its parties.
    pub(super) async fn list(&self, kept: &Kept) -> Result<(), Error> {
        let with = &self.statements;
        let (tenant, id) = (kept.key.tenant.to_string(), kept.key.id);
        self.cql.write(&with.point_tenant, (tenant.as_str(),)).await?;
        let (mut years, mut places) = (Batch::unlogged(), Batch::unlogged());
        for party in &kept.parties {
            let (party, year) = (party.to_bytes(), year(id));
            years.add(&with.point_year, (tenant.clone(), party, year))?;
            places.add(&with.point_subject, (tenant.clone(), party, year, id.to_bytes()))?;
        }
        // A year that nothing leads to would hide what is in it.
        self.cql.batch(years).await?;
        Ok(self.cql.batch(places).await?)
    }

    pub(super) async fn of_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        after: Option<RecordingId>,
        limit: usize,
    ) -> Result<Vec<RecordingId>, Error> {
        let first = after.map_or(0, year);
        let values = (tenant.as_str(), subject.to_bytes(), first);
        let years: Vec<(i64,)> = self.cql.rows(&self.statements.years, values, YEARS).await?;
        let mut found = Vec::new();
        for (year,) in years {
            let mut cursor = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
            while found.len() < limit {
                let room = limit - found.len();
                let values = (tenant.as_str(), subject.to_bytes(), year, cursor.as_slice());
                let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.of_subject, values, room).await?;
                let Some((last,)) = ids.last().cloned() else { break };
                let is_last = ids.len() < room;
                cursor = last;
                found.extend(self.on(tenant, subject, ids).await?);
                if is_last {
                    break;
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let found: Vec<(String,)> = self.cql.rows(&self.statements.tenants, (), MAX_TENANTS + 1).await?;
        if found.len() > MAX_TENANTS {
            return Err(Error::TooMany { what: "tenants", limit: MAX_TENANTS });
        }
        found.into_iter().map(|(tenant,)| rows::tenant("retention_tenant", tenant)).collect()
    }

    /// Those of the recordings that the person is on.
    async fn on(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        ids: Vec<(Vec<u8>,)>,
    ) -> Result<Vec<RecordingId>, Error> {
        let ids = ids.iter().map(|(id,)| rows::recording_id("retention_of_subject", id));
        let ids: Vec<RecordingId> = ids.collect::<Result<_, _>>()?;
        let looks: Vec<_> = ids.into_iter().map(|id| self.is_on(tenant, subject, id).boxed()).collect();
        let found: Vec<Option<RecordingId>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn is_on(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        id: RecordingId,
    ) -> Result<Option<RecordingId>, Error> {
        let values = (tenant.as_str(), id.to_bytes());
        let found: Option<(Option<Vec<Vec<u8>>>,)> = self.cql.row(&self.statements.parties, values).await?;
        let parties = found.map(|(column,)| rows::parties(column)).transpose()?;
        Ok(parties.filter(|parties| parties.contains(&subject)).map(|_| id))
    }
}

/// The year in an id.
fn year(id: RecordingId) -> i64 {
    millis(id.to_bytes()) / YEAR
}
