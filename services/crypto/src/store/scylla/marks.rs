//! Marks: written once, for ever. A recording's are one partition; when a tenant's newest was made stands beside them.

use futures::FutureExt;
use kernel::{RecordingId, TenantId, Timestamp};

use super::Tables;
use super::decision::{Found, decide};
use super::error::Error;
use super::rows;
use crate::marks::Mark;
use crate::store::MAX_MARKS;
use crate::store::mark::{self, MAX_READ};

/// What is bounded.
const MARKS: &str = "marks of a recording";

/// Tenant, recording, erasure.
type MarkKey<'m> = (&'m str, [u8; 16], [u8; 16]);

impl Tables {
    /// Answers once a quorum has it: every reader's quorum meets that one.
    pub(super) async fn add_mark(&self, mark: &Mark, spans: &[u8]) -> Result<(), Error> {
        let key = (mark.tenant.as_str(), mark.recording.to_bytes(), mark.erasure.to_bytes());
        self.leave_room(key).await?;
        let purposes = mark::purposes_text(&mark.purposes);
        let values = (key.0, key.1, key.2, purposes.as_str(), spans, mark.at.0);
        let attempt = || self.cql.apply(&self.statements.add_mark, values).boxed();
        decide((), attempt, || self.find_mark(key).boxed()).await?;
        // The mark that stands counts. Where this is cut off, whoever erases again makes it good.
        let standing: Option<(i64,)> = self.cql.row(&self.statements.mark_time, key).await?;
        self.note_erasure(key.0, standing.map_or(mark.at.0, |(at,)| at)).await
    }

    /// Raises the time of the tenant's last erasure, where it is earlier.
    async fn note_erasure(&self, tenant: &str, at: i64) -> Result<(), Error> {
        let noted: Option<(i64,)> = self.cql.row(&self.statements.last_erasure, (tenant,)).await?;
        if noted.is_some_and(|(noted,)| noted >= at) {
            return Ok(());
        }
        let attempt = || self.try_erasure(tenant, at).boxed();
        decide((), attempt, || self.find_erasure(tenant, at).boxed()).await
    }

    async fn try_erasure(&self, tenant: &str, at: i64) -> Result<bool, cql::Error> {
        if self.cql.apply(&self.statements.first_erasure, (tenant, at)).await? {
            return Ok(true);
        }
        self.cql.apply(&self.statements.later_erasure, (at, tenant, at)).await
    }

    async fn find_erasure(&self, tenant: &str, at: i64) -> Result<Found<()>, Error> {
        let noted: Option<(i64,)> = self.cql.serial_row(&self.statements.last_erasure, (tenant,)).await?;
        Ok(if noted.is_some_and(|(noted,)| noted >= at) { Found::Outcome(()) } else { Found::Open })
    }

    pub(super) async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, Error> {
        let noted: Option<(i64,)> = self.cql.row(&self.statements.last_erasure, (tenant.as_str(),)).await?;
        Ok(noted.map(|(at,)| Timestamp(at)))
    }

    /// Refuses one mark too many. Writers that meet here may pass the bound together; what is read has room for them.
    async fn leave_room(&self, (tenant, recording, erasure): MarkKey<'_>) -> Result<(), Error> {
        let values = (tenant, recording);
        let found: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.mark_ids, values, MAX_READ).await?;
        let others = found.iter().filter(|(other,)| *other != erasure).count();
        if others < MAX_MARKS { Ok(()) } else { Err(Error::TooMany { what: MARKS, limit: MAX_MARKS }) }
    }

    async fn find_mark(&self, key: MarkKey<'_>) -> Result<Found<()>, Error> {
        let found: Option<(Vec<u8>,)> = self.cql.serial_row(&self.statements.mark_id, key).await?;
        Ok(if found.is_some() { Found::Outcome(()) } else { Found::Open })
    }

    pub(super) async fn marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Mark>, Error> {
        let values = (tenant.as_str(), recording.to_bytes());
        let found = self.all(&self.statements.marks, values, MARKS, MAX_READ).await?;
        found.into_iter().map(rows::mark).collect()
    }
}
