//! Events: added in one order over all processes, and found by version, subject, call and id.

mod decision;
mod writes;

use std::collections::HashMap;

use async_trait::async_trait;
use cql::outbox::Outbox;
use cql::{Batch, Cql, Error, Space, Statement};
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{Envelope, EventId, RecordingId, SubjectId, TenantId};
use platform::outbox::Bell;

use super::event_row::{EventRow, event_columns, hash};
use super::failure::{Failure, bad, column};
use super::queue::Worker;
use super::sequence::{Decided, Ordered, Sequence};
use crate::event::{NoticeRef, StoredEvent};
use crate::store::{Addition, Appended, History, columns};
use decision::{Told, View};
pub(super) use writes::Staged;

/// The one sequence of all tenants' events: its numbers are the versions.
pub(super) const EVENTS: &str = "events";
/// Versions of one partition.
const CHUNK: u64 = 1_000;
/// Events of a subject in one partition.
const PAGE: u64 = 1_000;
/// Requests of one act that run at once.
const AT_ONCE: usize = 32;
/// Rows that are read of one partition; no partition comes near it. More is refused rather than left out, as a
/// history that lacks its newest event would be taken for the whole.
const MAX_ROWS: usize = 100_000;
/// Events of one act.
const MAX_EVENTS: usize = 500;
/// Bytes of an outgoing event or entry, so that those of a batch are one write.
const MAX_OUTGOING: usize = 64 << 10;

/// Where the events of one call are among those of a subject, or those that reach every call.
fn reach_key(recording: Option<RecordingId>) -> Vec<u8> {
    recording.map_or_else(|| vec![0], |recording| recording.to_bytes().to_vec())
}

/// The tables of events.
pub(super) struct Feed {
    cql: Cql,
    outbox: Outbox,
    bell: Bell,
    reads: Reads,
    writes: writes::Writes,
}

struct Reads {
    by_chunk: Statement,
    by_version: Statement,
    by_subject: Statement,
    by_reach: Statement,
    by_id: Statement,
    subject: Statement,
    call_notice: Statement,
    staged: Statement,
    staged_outgoing: Statement,
}

impl Feed {
    pub(super) async fn open(cql: &Cql, outbox: Outbox, bell: Bell) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await;
        let reads = Reads {
            by_chunk: prepare(concat!(
                "SELECT ",
                event_columns!(),
                " FROM {ks}.consent_event WHERE chunk = ? AND version > ? AND version <= ?"
            ))
            .await?,
            by_version: prepare(concat!(
                "SELECT ",
                event_columns!(),
                " FROM {ks}.consent_event WHERE chunk = ? AND version = ?"
            ))
            .await?,
            by_subject: prepare(concat!(
                "SELECT ",
                event_columns!(),
                " FROM {ks}.consent_subject_event WHERE tenant = ? AND subject = ? AND page = ? AND version <= ?"
            ))
            .await?,
            by_reach: prepare(concat!(
                "SELECT ",
                event_columns!(),
                " FROM {ks}.consent_reach_event WHERE tenant = ? AND subject = ? AND reach = ? AND version <= ?"
            ))
            .await?,
            by_id: prepare("SELECT tenant, version FROM {ks}.consent_event_id WHERE id = ?").await?,
            subject: prepare(
                "SELECT latest, events FROM {ks}.consent_subject WHERE tenant = ? AND subject = ?",
            )
            .await?,
            call_notice: prepare(
                "SELECT notice, notice_hash FROM {ks}.consent_call_notice WHERE tenant = ? AND recording = ?
                LIMIT 1",
            )
            .await?,
            staged: prepare(concat!(
                "SELECT ",
                event_columns!(),
                " FROM {ks}.consent_staged_event WHERE batch_id = ?"
            ))
            .await?,
            staged_outgoing: prepare(
                "SELECT version, trace, entry_id, entry FROM {ks}.consent_staged_event WHERE batch_id = ?",
            )
            .await?,
        };
        let writes = writes::Writes::prepare(cql).await?;
        Ok(Self { cql: cql.clone(), outbox, bell, reads, writes })
    }

    /// A subject's events up to the last one that their row names: the row is written after its events, so that
    /// none of them is missing.
    pub(super) async fn history(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        reaching: Option<RecordingId>,
    ) -> Result<History, Error> {
        let Told { latest, events: count } = self.told(tenant, subject).await?;
        if count == 0 {
            return Ok(History::default());
        }
        let (tenant, subject, upto) = (tenant.as_str(), subject.to_bytes(), column(latest));
        let mut events = Vec::new();
        match reaching {
            None => {
                for page in 0..=(count - 1) / PAGE {
                    let key = (tenant, &subject[..], column(page), upto);
                    events.extend(self.all(&self.reads.by_subject, key, "consent_subject_event").await?);
                }
            }
            Some(recording) => {
                for reach in [None, Some(recording)] {
                    let key = (tenant, &subject[..], reach_key(reach), upto);
                    events.extend(self.all(&self.reads.by_reach, key, "consent_reach_event").await?);
                }
                events.sort_by_key(|stored| stored.version);
            }
        }
        Ok(History { events, latest })
    }

    /// An event, whoever's it is.
    pub(super) async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, Error> {
        let found: Option<(String, i64)> = self.cql.row(&self.reads.by_id, (&id.to_bytes()[..],)).await?;
        let Some((_, version)) = found else { return Ok(None) };
        let bad = bad("consent_event_id");
        let chunk = chunk(u64::try_from(version).map_err(|_| bad("a version"))?);
        let row: Option<EventRow> = self.cql.row(&self.reads.by_version, (column(chunk), version)).await?;
        row.ok_or(bad("an event that is missing"))?.read("consent_event").map(Some)
    }

    pub(super) async fn last_notice(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<NoticeRef>, Error> {
        let bad = bad("consent_call_notice");
        let key = (tenant.as_str(), &recording.to_bytes()[..]);
        let found: Option<(String, Vec<u8>)> = self.cql.row(&self.reads.call_notice, key).await?;
        let Some((name, text_hash)) = found else { return Ok(None) };
        columns::notice(Some(name), hash(&text_hash).map_err(bad)?).map_err(bad)
    }

    /// Events after a version up to another, at most `limit`.
    pub(super) async fn between(
        &self,
        after: u64,
        upto: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, Error> {
        let mut events = Vec::new();
        let mut next = chunk(after.saturating_add(1));
        while after < upto && events.len() < limit && next <= chunk(upto) {
            let range = (column(next), column(after), column(upto));
            let rows: Vec<EventRow> =
                self.cql.rows(&self.reads.by_chunk, range, limit - events.len()).await?;
            for row in rows {
                events.push(row.read("consent_event")?);
            }
            next += 1;
        }
        Ok(events)
    }

    /// What a subject's row tells of their events.
    async fn told(&self, tenant: &TenantId, subject: SubjectId) -> Result<Told, Error> {
        let key = (tenant.as_str(), &subject.to_bytes()[..]);
        let found: Option<(Option<i64>, Option<i64>)> = self.cql.row(&self.reads.subject, key).await?;
        let (latest, events) = found.unwrap_or_default();
        let number = |column: Option<i64>| {
            u64::try_from(column.unwrap_or(0)).map_err(|_| bad("consent_subject")("a number"))
        };
        Ok(Told { latest: number(latest)?, events: number(events)? })
    }

    async fn all(
        &self,
        statement: &Statement,
        key: impl scylla::serialize::row::SerializeRow + Send + Sync,
        table: &'static str,
    ) -> Result<Vec<StoredEvent>, Error> {
        let rows: Vec<EventRow> = self.cql.rows(statement, key, MAX_ROWS).await?;
        if rows.len() >= MAX_ROWS {
            let (found, limit) = (rows.len(), MAX_ROWS - 1);
            return Err(Error::TooLarge { what: "the number of a partition's events", found, limit });
        }
        rows.into_iter().map(|row| row.read(table)).collect()
    }

    /// What acts are decided on.
    async fn view(&self, acts: &[Addition]) -> Result<View, Error> {
        let events = || acts.iter().flat_map(|act| act.events.iter().map(move |event| (act, event)));
        let ids = events().map(|(_, event)| event.id).chain(acts.iter().map(|act| act.act));
        let ids: std::collections::BTreeSet<_> = ids.collect();
        let subjects: std::collections::BTreeSet<_> =
            events().map(|(act, event)| (act.tenant.clone(), event.subject)).collect();
        let known: Vec<_> = stream::iter(ids)
            .map(|id| async move { Ok::<_, Error>(self.event(id).await?.map(|event| (id, event))) })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let told: HashMap<_, _> = stream::iter(subjects)
            .map(|(tenant, subject)| async move {
                let told = self.told(&tenant, subject).await?;
                Ok::<_, Error>(((tenant, subject), told))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(View { known: known.into_iter().flatten().collect(), told })
    }

    /// Sends batches, each of one partition.
    async fn send(&self, batches: Vec<Batch>) -> Result<(), Error> {
        stream::iter(batches.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |batch| self.cql.batch(batch))
            .await
    }
}

/// The partition that has a version.
fn chunk(version: u64) -> u64 {
    version.saturating_sub(1) / CHUNK
}

/// Refuses what no batch holds, before it waits with others.
pub(super) fn check(addition: &Addition) -> Result<(), Error> {
    let found = addition.events.len();
    if found > MAX_EVENTS {
        let (what, limit) = ("the number of an act's events", MAX_EVENTS);
        return Err(Error::TooLarge { what, found, limit });
    }
    for event in &addition.events {
        // The version is known later; it takes ten bytes at most.
        let event = StoredEvent { tenant: addition.tenant.clone(), version: 0, event: event.clone() };
        fits(&event.to_envelope(None))?;
    }
    addition.entry.as_ref().map_or(Ok(()), fits)
}

/// Refuses before it is done what no outbox would take after it.
fn fits(envelope: &Envelope) -> Result<(), Error> {
    let Envelope { kind, aggregate, version, payload, .. } = envelope;
    let sizes = [
        ("the size of what an act sends", payload.len(), MAX_OUTGOING),
        ("the length of an aggregate's id", aggregate.len(), cql::outbox::MAX_AGGREGATE),
        ("the length of a kind", kind.len(), cql::outbox::MAX_KIND),
    ];
    for (what, found, limit) in sizes {
        if found > limit {
            return Err(Error::TooLarge { what, found, limit });
        }
    }
    match i64::try_from(*version) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::TooLarge { what: "a version", found: usize::MAX, limit: usize::MAX >> 1 }),
    }
}

#[async_trait]
impl Ordered for Feed {
    type Act = Addition;
    type Answer = Appended;
    type Row = Staged;

    async fn decide(
        &self,
        _name: &str,
        last: u64,
        acts: &[Addition],
    ) -> Result<Decided<Appended, Staged>, Error> {
        Ok(self.view(acts).await?.decide(last, acts))
    }

    async fn stage(&self, batch: &[u8], rows: &[Staged]) -> Result<(), Error> {
        self.send(self.writes.stage(batch, rows)?).await
    }

    async fn staged(&self, batch: &[u8]) -> Result<Vec<Staged>, Error> {
        let events = self.cql.rows(&self.reads.staged, (batch,), MAX_ROWS).await?;
        let outgoing = self.cql.rows(&self.reads.staged_outgoing, (batch,), MAX_ROWS).await?;
        writes::read_staged(events, outgoing)
    }

    async fn unstage(&self, batch: &[u8]) -> Result<(), Error> {
        self.writes.unstage(&self.cql, batch).await
    }

    /// Children before parents: an event is in all its tables before its subject's row counts it, its id leads
    /// to it or its topic has it.
    async fn write(&self, rows: &[Staged]) -> Result<(), Error> {
        self.send(self.writes.events(rows)?).await?;
        self.send(self.writes.parents(rows)?).await?;
        self.leave(rows).await
    }
}

#[async_trait]
impl Worker<Addition, Appended> for Sequence<Feed> {
    async fn work(&self, acts: Vec<Addition>) -> Vec<Result<Appended, Failure>> {
        self.commit_all(EVENTS, &acts).await
    }
}
