//! Both stores in SQLite: facts and ciphertext in one file in the data directory, the identifier index
//! ([`identifiers`]) in one in the keys directory. Read `schema` first.

pub mod identifiers;

mod links;
mod outgoing;
mod rows;
mod schema;

use std::path::Path;
use std::sync::Arc;

use ::sqlite::outbox;
use ::sqlite::rusqlite::{OptionalExtension, params};
use ::sqlite::{Db, Error, Options, Tx};
use async_trait::async_trait;
use kernel::{
    Clock, Envelope, EventId, NoticeName, RecordingId, ServiceError, SubjectId, TenantId, Timestamp, topics,
};
use platform::outbox::Bell;
use policy::PolicyHash;

use super::{
    Addition, Appended, History, NoticeRow, PolicyChange, PolicyRow, RecordingRow, SealedValues, Stepped,
    Store, StoreError,
};
use crate::event::{NoticeRef, StoredEvent};
use crate::links::LinkStep;
use outgoing::push_entry;
pub use schema::COMPONENT;

/// Consent's file, with its outbox. Its publisher is the wiring's to start.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    clock: Arc<dyn Clock>,
    bell: Bell,
}

impl SqliteStore {
    /// Opens the file, or makes it. The bell rings with everything that is to be published.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, bell: Bell) -> Result<Self, StoreError> {
        let opened = Db::open(path, Options::default(), &[COMPONENT, outbox::COMPONENT]).await;
        Ok(Self { db: opened.map_err(failed("open the file"))?, clock, bell })
    }
}

/// Says what was attempted.
fn failed(act: &'static str) -> impl Fn(Error) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}

#[async_trait]
impl Store for SqliteStore {
    async fn policies_in_force(&self) -> Result<Vec<PolicyRow>, StoreError> {
        self.db.read(rows::policies_in_force).await.map_err(failed("read the policies in force"))
    }

    async fn policy(&self, tenant: &TenantId, hash: PolicyHash) -> Result<Option<PolicyRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| rows::policy(c, &tenant, hash)).await;
        read.map_err(failed("read a policy"))
    }

    async fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| rows::policies(c, &tenant)).await;
        read.map_err(failed("read a tenant's policies"))
    }

    async fn change_policies(&self, change: &PolicyChange) -> Result<(), StoreError> {
        let change = change.clone();
        let written = self.db.write(move |tx| {
            for row in &change.begins {
                rows::insert_policy(tx, row)?;
                rows::insert_term(tx, &row.tenant, Some(row.hash), row.since)?;
            }
            for (tenant, notice) in &change.notices {
                rows::insert_notice(tx, tenant, notice)?;
            }
            for (tenant, since) in &change.ends {
                rows::insert_term(tx, tenant, None, *since)?;
            }
            Ok(())
        });
        written.await.map_err(failed("take policies in"))
    }

    async fn notice(
        &self,
        tenant: &TenantId,
        name: &NoticeName,
        text_hash: [u8; 32],
    ) -> Result<Option<NoticeRow>, StoreError> {
        let (tenant, name) = (tenant.clone(), name.clone());
        let read = self.db.read(move |c| {
            let find = "SELECT language, text FROM notice WHERE tenant = ? AND name = ? AND text_hash = ?";
            let mut find = c.prepare_cached(find)?;
            let found = find.query_row(params![tenant.as_str(), name.as_str(), text_hash], |row| {
                let notice = NoticeRef { name: name.clone(), text_hash };
                Ok(NoticeRow { notice, language: row.get(0)?, text: row.get(1)? })
            });
            Ok(found.optional()?)
        });
        read.await.map_err(failed("read a notice"))
    }

    async fn add_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let written = self.db.write(move |tx| rows::insert_subject(tx, &tenant, subject, since));
        written.await.map_err(failed("remember a subject"))
    }

    async fn has_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT EXISTS (SELECT 1 FROM subject WHERE tenant = ? AND subject = ?)";
            let values = params![tenant.as_str(), subject.to_bytes()];
            Ok(c.prepare_cached(find)?.query_row(values, |row| row.get(0))?)
        });
        read.await.map_err(failed("look for a subject"))
    }

    async fn keep_values(&self, values: &SealedValues) -> Result<(), StoreError> {
        let values = values.clone();
        let written = self.db.write(move |tx| {
            let insert = "INSERT INTO subject_values VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            tx.prepare_cached(insert)?.execute(params![
                values.tenant.as_str(),
                values.subject.to_bytes(),
                values.section.0,
                values.container,
                values.sealed_at.0,
            ])?;
            Ok(())
        });
        written.await.map_err(failed("keep sealed values"))
    }

    async fn values(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<SealedValues>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let find = "SELECT section, container, sealed_at FROM subject_values
                WHERE tenant = ? AND subject = ? ORDER BY section";
            rows::all(c, find, params![tenant.as_str(), subject.to_bytes()], |row| {
                Ok(SealedValues {
                    tenant: tenant.clone(),
                    subject,
                    section: kernel::SectionNo(row.get(0)?),
                    container: row.get(1)?,
                    sealed_at: Timestamp(row.get(2)?),
                })
            })
        });
        read.await.map_err(failed("read sealed values"))
    }

    async fn link_steps(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<LinkStep>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| links::steps(c, &tenant, subject)).await;
        read.map_err(failed("read a subject's links"))
    }

    async fn add_link_step(&self, tenant: &TenantId, step: &LinkStep) -> Result<Stepped, StoreError> {
        let (tenant, step) = (tenant.clone(), step.clone());
        let written = self.db.write(move |tx| links::add(tx, &tenant, &step)).await;
        written.map_err(failed("add a link's step"))
    }

    async fn remember(&self, row: &RecordingRow, entry: Option<Envelope>) -> Result<(), StoreError> {
        let row = row.clone();
        let written = self.db.write(move |tx| {
            rows::insert_recording(tx, &row)?;
            push_entry(tx, entry.as_ref())
        });
        written.await.map_err(failed("remember a call"))?;
        self.bell.ring();
        Ok(())
    }

    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| rows::recording(c, &tenant, recording)).await;
        read.map_err(failed("read a call"))
    }

    async fn history(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        reaching: Option<RecordingId>,
    ) -> Result<History, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| {
            let latest = rows::latest(c, &tenant, subject)?;
            Ok(History { events: rows::history(c, &tenant, subject, reaching)?, latest })
        });
        read.await.map_err(failed("read a subject's events"))
    }

    async fn event(&self, tenant: &TenantId, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        let tenant = tenant.clone();
        self.db.read(move |c| rows::event(c, &tenant, id)).await.map_err(failed("read an event"))
    }

    async fn last_notice(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<NoticeRef>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| rows::last_notice(c, &tenant, recording)).await;
        read.map_err(failed("read the last notice of a call"))
    }

    async fn append(&self, addition: &Addition) -> Result<Appended, StoreError> {
        let addition = addition.clone();
        let appended = self.db.write(move |tx| append(tx, addition)).await;
        let appended = appended.map_err(failed("add consent events"))?;
        self.bell.ring();
        Ok(appended)
    }

    async fn version(&self) -> Result<u64, StoreError> {
        self.db.read(rows::version).await.map_err(failed("read the last version"))
    }

    async fn changes(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.db.read(move |c| rows::changes(c, after, limit)).await.map_err(failed("read changes"))
    }

    async fn journal_position(&self) -> Result<u64, StoreError> {
        self.db.read(rows::journal_position).await.map_err(failed("read the position in the journal"))
    }

    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError> {
        let written = self.db.write(move |tx| rows::set_journal_position(tx, position));
        written.await.map_err(failed("keep the position in the journal"))
    }
}

fn append(tx: &Tx<'_>, addition: Addition) -> Result<Appended, Error> {
    let Addition { tenant, act, events, after, entry, trace } = addition;
    let Some(first) = events.first() else { return Ok(Appended::Now(Vec::new())) };
    if let Some(before) = rows::event(tx, &tenant, act)? {
        push_entry(tx, entry.as_ref())?;
        return Ok(Appended::Before(Box::new(before)));
    }
    if rows::latest(tx, &tenant, first.subject)? != after {
        return Ok(Appended::Overtaken);
    }
    for event in &events {
        if rows::id_is_taken(tx, event.id)? {
            return Ok(Appended::IdTaken);
        }
    }
    let mut stored = Vec::with_capacity(events.len());
    for (version, event) in (rows::version(tx)? + 1..).zip(events) {
        let event = StoredEvent { tenant: tenant.clone(), version, event };
        rows::insert_event(tx, &event)?;
        outbox::push(tx, &topics::CONSENT, &event.to_envelope(trace.clone()))?;
        stored.push(event);
    }
    push_entry(tx, entry.as_ref())?;
    Ok(Appended::Now(stored))
}

#[cfg(test)]
mod tests;
