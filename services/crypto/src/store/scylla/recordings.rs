//! Sections, and what is remembered of recordings.

use futures::FutureExt;
use kernel::{RecordingId, TenantId};

use super::Tables;
use super::decision::{Act, Found, decide, new_act};
use super::error::{Error, number};
use super::rows;
use crate::store::{Adoption, RecordingRow, SectionRow, Written};

/// Sections of one recording.
const MAX_SECTIONS: usize = 20_000;

impl Tables {
    pub(super) async fn adopt(&self, row: &SectionRow) -> Result<Adoption, Error> {
        let act = new_act();
        let (tenant, recording, leg, section) = section_key(row);
        let values = (
            tenant,
            recording,
            leg,
            section,
            i64::from(row.kind.number()),
            row.reserved.as_str(),
            number(row.key_epoch.0, "an epoch's number")?,
            row.writer.to_bytes(),
            number(row.session_epoch.0, "a session epoch")?,
            row.fingerprint.as_bytes().as_slice(),
            row.adopted_at.0,
            act,
        );
        let attempt = || self.cql.apply(&self.statements.adopt, values).boxed();
        decide(Adoption::New, attempt, || self.find_section(row, act).boxed()).await
    }

    async fn find_section(&self, row: &SectionRow, act: Act) -> Result<Found<Adoption>, Error> {
        let found: Option<rows::Section> =
            self.cql.serial_row(&self.statements.section, section_key(row)).await?;
        Ok(match found {
            None => Found::Open,
            Some(found) if found.act == act => Found::Outcome(Adoption::New),
            Some(found) => Found::Outcome(Adoption::Before(Box::new(rows::section(found)?))),
        })
    }

    pub(super) async fn sections(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<SectionRow>, Error> {
        let values = (tenant.as_str(), recording.to_bytes());
        let found =
            self.all(&self.statements.sections, values, "sections of a recording", MAX_SECTIONS).await?;
        found.into_iter().map(rows::section).collect()
    }

    pub(super) async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, Error> {
        let values = (tenant.as_str(), recording.to_bytes());
        let found = self.cql.row(&self.statements.recording, values).await?;
        found.map(rows::recording).transpose()
    }

    pub(super) async fn save_recording(&self, row: &RecordingRow) -> Result<Written, Error> {
        let version = number(row.version, "a recording's version")?;
        let act = new_act();
        let attempt = || self.try_recording(row, version, act).boxed();
        decide(Written::Applied, attempt, || self.find_recording(row, act).boxed()).await
    }

    async fn find_recording(&self, row: &RecordingRow, act: Act) -> Result<Found<Written>, Error> {
        let values = (row.tenant.as_str(), row.recording.to_bytes());
        let found: Option<rows::Recording> = self.cql.serial_row(&self.statements.recording, values).await?;
        let own = found.as_ref().is_some_and(|found| found.act == act);
        let stands = found.map(rows::recording).transpose()?.map_or(0, |found| found.version);
        Ok(if own {
            Found::Outcome(Written::Applied)
        } else if stands.checked_add(1) == Some(row.version) {
            Found::Open
        } else {
            Found::Outcome(Written::Conflict)
        })
    }

    async fn try_recording(&self, row: &RecordingRow, version: i64, act: Act) -> Result<bool, cql::Error> {
        let tenant = row.tenant.as_str();
        let recording = row.recording.to_bytes();
        let state = row.state.number();
        let [policy, timeline, spans] = [&row.policy_hash, &row.timeline_hash, &row.span_table_hash]
            .map(|hash| hash.as_bytes().as_slice());
        if version == 1 {
            let values = (tenant, recording, version, state, policy, timeline, spans, act);
            self.cql.apply(&self.statements.begin_recording, values).await
        } else {
            let values = (version, state, policy, timeline, spans, act, tenant, recording, version - 1);
            self.cql.apply(&self.statements.save_recording, values).await
        }
    }
}

fn section_key(row: &SectionRow) -> (&str, [u8; 16], i32, i64) {
    let at = row.section;
    (row.tenant.as_str(), at.recording.to_bytes(), i32::from(at.leg.0), i64::from(at.section.0))
}
