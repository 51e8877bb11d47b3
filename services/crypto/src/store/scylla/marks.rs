//! Marks: written once, for ever. A recording's are one partition.

use futures::FutureExt;
use kernel::{RecordingId, TenantId};

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
        decide((), attempt, || self.find_mark(key).boxed()).await
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
