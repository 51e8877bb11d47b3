//! Recordings' rows. What leads to one comes first: its tenant, its parties, its place among what is due.
//!
//! How many of a tenant's have a running term is a counter beside them, which no conditional write can hold: it is told
//! after the row was written. It stays off by each recording whose writer died in between or did not hear of its write in
//! time, and may have counted one more often where a node did not answer and another was asked.

use cql::Statement;
use kernel::{Envelope, TenantId, chain};
use scylla::value::Counter;
use tracing::warn;

use super::decision::Write;
use super::error::Error;
use super::guarded::RowKey;
use super::rows::{self, KeptColumns};
use super::{Inner, LATE};
use crate::kept::{Kept, RecordingKey};
use crate::store::Written;

impl Inner {
    pub(super) async fn stamp(&self, kept: &Kept, event: &Envelope) -> Result<Written, Error> {
        // Whoever comes second leaves no pointers.
        if self.stands(&RowKey::Kept(kept.key.clone())).await?.is_some() {
            return Ok(Written::Conflict);
        }
        self.list(kept).await?;
        let written = self.write_due(Write::Stamp(kept), kept, event).await?;
        if written == Written::Applied && kept.due().is_some() {
            self.count(&self.statements.count_one_more, &kept.key.tenant).await;
        }
        Ok(written)
    }

    /// A place among what is due is used by the version that it was written for and those after it, up to the one
    /// that is due at another time. That one removes it, as of before it was decided on: the row is read here first,
    /// so that a version still later, which may be due there again, has written the place anew since.
    pub(super) async fn change(&self, kept: &Kept, event: &Envelope) -> Result<Written, Error> {
        let (write, looked_at) = (Write::Change(kept), self.clock.now());
        let before = write.before()?;
        let stands = self.stands(&write.row()).await?.filter(|stands| stands.version == before);
        let Some(stands) = stands else { return Ok(Written::Conflict) };
        if stands.due_at == kept.due().map(|at| at.0) {
            return self.decide(write, event).await;
        }
        let written = self.write_due(write, kept, event).await?;
        if written == Written::Conflict {
            return Ok(written);
        }
        if let Some(left) = stands.due_at {
            // Where that fails it is a hint that the next look removes.
            self.drop_due(&kept.key, left, looked_at).await.ok();
        }
        match (stands.due_at, kept.due()) {
            (None, Some(_)) => self.count(&self.statements.count_one_more, &kept.key.tenant).await,
            (Some(_), None) => self.count(&self.statements.count_one_less, &kept.key.tenant).await,
            (Some(_), Some(_)) | (None, None) => {}
        }
        Ok(written)
    }

    pub(super) async fn count_kept(&self, tenant: &TenantId) -> Result<u64, Error> {
        let found: Option<(Counter,)> = self.cql.row(&self.statements.count, (tenant.as_str(),)).await?;
        // Below nothing where one was never counted and then taken away.
        Ok(found.map_or(0, |(Counter(count),)| u64::try_from(count).unwrap_or(0)))
    }

    pub(super) async fn kept(&self, key: &RecordingKey) -> Result<Option<Kept>, Error> {
        let values = (key.tenant.as_str(), key.id.to_bytes());
        let found: Option<KeptColumns> = self.cql.row(&self.statements.kept, values).await?;
        found.map(rows::kept).transpose()
    }

    /// Writes a row that is due at another time than before, and its place.
    async fn write_due(&self, write: Write<'_>, kept: &Kept, event: &Envelope) -> Result<Written, Error> {
        let began = self.clock.now();
        self.point_due(kept).await?;
        let written = self.decide(write, event).await?;
        if written == Written::Applied && self.clock.now().since(began) >= LATE {
            self.point_due(kept).await?;
        }
        Ok(written)
    }

    /// Where that fails the row is written all the same, and the count is off.
    async fn count(&self, statement: &Statement, tenant: &TenantId) {
        if let Err(error) = self.cql.write(statement, (tenant.as_str(),)).await {
            warn!(%tenant, error = chain(&error), "a recording's term was not counted");
        }
    }
}
