//! Calls, the people in them, and their sealed values.

use cql::outbox::Outbox;
use cql::{Batch, Cql, Error, Space, Statement};
use kernel::{Envelope, RecordingId, SectionNo, SubjectId, TenantId, Timestamp, topics};
use policy::PolicyHash;
use scylla::value::MaybeUnset;

use super::event_row::hash;
use super::failure::bad;
use crate::store::{PartyRow, RecordingRow, SealedValues, columns};

/// Sections of one subject.
const MAX_SECTIONS: usize = 100_000;

pub(super) struct Calls {
    cql: Cql,
    find: Statement,
    stamp: Statement,
    stamp_policy: Statement,
    grow: Statement,
    subject: Statement,
    insert_subject: Statement,
    values: Statement,
    value: Statement,
    insert_values: Statement,
}

/// A call's columns: what is stamped by conditional writes, then what grows.
type Columns = (
    Option<Vec<u8>>,
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<Vec<String>>,
    Option<Vec<(i64, i32, Vec<u8>)>>,
);

impl Calls {
    pub(super) async fn open(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await;
        Ok(Self {
            cql: cql.clone(),
            find: prepare(
                "SELECT policy, started_at, authorised_at, remembered, purposes, parties
                FROM {ks}.consent_recording WHERE tenant = ? AND recording = ?",
            )
            .await?,
            // A call goes by one policy: of two processes that have different ones in force, one stamps it.
            stamp: prepare(
                "INSERT INTO {ks}.consent_recording (tenant, recording, policy, started_at, authorised_at)
                VALUES (?, ?, ?, ?, ?) IF NOT EXISTS",
            )
            .await?,
            stamp_policy: prepare(
                "UPDATE {ks}.consent_recording SET policy = ? WHERE tenant = ? AND recording = ?
                IF policy = null",
            )
            .await?,
            // Sets only grow: in whichever order, and however often.
            grow: prepare(
                "UPDATE {ks}.consent_recording SET remembered = true, purposes = purposes + ?,
                parties = parties + ? WHERE tenant = ? AND recording = ?",
            )
            .await?,
            subject: prepare("SELECT since FROM {ks}.consent_subject WHERE tenant = ? AND subject = ?")
                .await?,
            insert_subject: prepare(
                "INSERT INTO {ks}.consent_subject (tenant, subject, since) VALUES (?, ?, ?)",
            )
            .await?,
            values: prepare(
                "SELECT section, container, sealed_at FROM {ks}.consent_subject_values
                WHERE tenant = ? AND subject = ?",
            )
            .await?,
            value: prepare(
                "SELECT section FROM {ks}.consent_subject_values
                WHERE tenant = ? AND subject = ? AND section = ?",
            )
            .await?,
            insert_values: prepare(
                "INSERT INTO {ks}.consent_subject_values (tenant, subject, section, container, sealed_at)
                VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
        })
    }

    /// Stamps the call, which alone tells nobody of it; then, in one logged batch, everybody in it and the entry.
    pub(super) async fn remember(
        &self,
        row: &RecordingRow,
        outbox: &Outbox,
        entry: Option<Envelope>,
    ) -> Result<(), Error> {
        let (tenant, recording) = (row.tenant.to_string(), row.recording.to_bytes().to_vec());
        self.stamp(row, &tenant, &recording).await?;
        let mut batch = Batch::logged();
        let purposes: Vec<_> = row.purposes.iter().map(ToString::to_string).collect();
        let parties: Vec<_> = row.parties.iter().map(party_columns).collect();
        batch.add(&self.grow, (purposes, parties, tenant.clone(), recording))?;
        for PartyRow { subject, .. } in &row.parties {
            if !self.has_subject(&row.tenant, *subject).await? {
                let values = (tenant.clone(), subject.to_bytes().to_vec(), row.authorised_at.0);
                batch.add(&self.insert_subject, values)?;
            }
        }
        let ticket = match entry {
            Some(entry) => Some(outbox.put(&mut batch, &topics::AUDIT, entry).await?),
            None => None,
        };
        self.cql.batch(batch).await?;
        if let Some(ticket) = ticket {
            outbox.pushed(ticket);
        }
        Ok(())
    }

    pub(super) async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, Error> {
        let bad = bad("consent_recording");
        let key = (tenant.as_str(), &recording.to_bytes()[..]);
        let found: Option<Columns> = self.cql.row(&self.find, key).await?;
        let Some((policy, started_at, authorised_at, Some(true), purposes, parties)) = found else {
            return Ok(None);
        };
        let policy = hash(&policy.unwrap_or_default()).map_err(bad)?.map(PolicyHash);
        let purposes = purposes.unwrap_or_default().into_iter().map(columns::purpose);
        let mut parties = parties.unwrap_or_default();
        parties.sort();
        let parties = parties.into_iter().map(|columns| party(columns).map_err(bad));
        Ok(Some(RecordingRow {
            tenant: tenant.clone(),
            recording,
            policy,
            started_at: Timestamp(started_at.ok_or(bad("no start"))?),
            authorised_at: Timestamp(authorised_at.ok_or(bad("no time"))?),
            purposes: purposes.collect::<Result<_, _>>().map_err(bad)?,
            parties: parties.collect::<Result<_, _>>()?,
        }))
    }

    pub(super) async fn add_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        since: Timestamp,
    ) -> Result<(), Error> {
        if self.has_subject(tenant, subject).await? {
            return Ok(());
        }
        let values = (tenant.as_str(), &subject.to_bytes()[..], since.0);
        self.cql.write(&self.insert_subject, values).await
    }

    pub(super) async fn has_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<bool, Error> {
        let key = (tenant.as_str(), &subject.to_bytes()[..]);
        let found: Option<(Option<i64>,)> = self.cql.row(&self.subject, key).await?;
        // A row that counts events alone does not make somebody known.
        Ok(found.is_some_and(|(since,)| since.is_some()))
    }

    /// A section has one writer, who claimed its number: nobody comes between the look and the write.
    pub(super) async fn keep_values(&self, values: &SealedValues) -> Result<(), Error> {
        let SealedValues { tenant, subject, section, container, sealed_at } = values;
        let (tenant, subject, section) = (tenant.as_str(), subject.to_bytes(), i64::from(section.0));
        let found: Option<(i64,)> = self.cql.row(&self.value, (tenant, &subject[..], section)).await?;
        if found.is_some() {
            return Ok(());
        }
        let values = (tenant, &subject[..], section, container, sealed_at.0);
        self.cql.write(&self.insert_values, values).await
    }

    pub(super) async fn values(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
    ) -> Result<Vec<SealedValues>, Error> {
        let bad = bad("consent_subject_values");
        let key = (tenant.as_str(), &subject.to_bytes()[..]);
        let rows: Vec<(i64, Vec<u8>, i64)> = self.cql.rows(&self.values, key, MAX_SECTIONS).await?;
        let read = rows.into_iter().map(|(section, container, sealed_at)| {
            let section = SectionNo(u32::try_from(section).map_err(|_| bad("a section"))?);
            let sealed_at = Timestamp(sealed_at);
            Ok(SealedValues { tenant: tenant.clone(), subject, section, container, sealed_at })
        });
        read.collect()
    }

    /// Stamps what a call begins with, once.
    async fn stamp(&self, row: &RecordingRow, tenant: &str, recording: &[u8]) -> Result<(), Error> {
        let key = (tenant, recording);
        let policy = row.policy.map(|hash| hash.as_bytes().to_vec());
        let found: Option<Columns> = self.cql.row(&self.find, key).await?;
        if found.as_ref().is_none_or(|(_, started_at, ..)| started_at.is_none()) {
            let new = MaybeUnset::from_option(policy.clone());
            let values = (tenant, recording, new, row.started_at.0, row.authorised_at.0);
            if self
                .is_stamped(self.cql.apply(&self.stamp, values).await, key, |(_, at, ..)| at.is_some())
                .await?
            {
                return Ok(());
            }
        }
        let has_policy = found.is_some_and(|(policy, ..)| policy.is_some());
        let Some(policy) = policy.filter(|_| !has_policy) else { return Ok(()) };
        let values = (policy, tenant, recording);
        let stamped = self.cql.apply(&self.stamp_policy, values).await;
        self.is_stamped(stamped, key, |(policy, ..)| policy.is_some()).await.map(drop)
    }

    /// Whether a stamp was ours. Where that is uncertain the row tells whether there is one at all, which is what
    /// matters: then it is not taken for ours.
    async fn is_stamped(
        &self,
        stamped: Result<bool, Error>,
        key: (&str, &[u8]),
        is_there: impl Fn(&Columns) -> bool,
    ) -> Result<bool, Error> {
        match stamped {
            Err(error) if error.is_uncertain() => {
                let found: Option<Columns> = self.cql.serial_row(&self.find, key).await?;
                if found.as_ref().is_some_and(is_there) { Ok(false) } else { Err(error) }
            }
            stamped => stamped,
        }
    }
}

fn party_columns(row: &PartyRow) -> (i64, i32, Vec<u8>) {
    (i64::from(row.place), row.party.number(), row.subject.to_bytes().to_vec())
}

fn party((place, number, subject): (i64, i32, Vec<u8>)) -> Result<PartyRow, columns::What> {
    Ok(PartyRow {
        place: u32::try_from(place).map_err(|_| "a place")?,
        party: columns::party(number)?,
        subject: SubjectId::from_slice(&subject).map_err(|_| "a subject")?,
    })
}
