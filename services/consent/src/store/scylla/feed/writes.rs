//! What an event is written as, and in which order it leaves.

use std::collections::{BTreeMap, HashMap};

use cql::outbox::Pending;
use cql::outbox::pending::PendingValue;
use cql::{Batch, Cql, Error, Space, Statement};
use kernel::{Envelope, TraceParent, topics};
use scylla::SerializeRow;
use scylla::value::MaybeUnset;

use super::{Feed, PAGE, chunk, reach_key};
use crate::event::{EventKind, StoredEvent};
use crate::store::scylla::event_row::{EventRow, event_columns, event_values};
use crate::store::scylla::failure::{bad, column};

/// Rows of one batch.
const ROWS: usize = 50;

/// An event that is to be added, with what leaves beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store::scylla) struct Staged {
    pub(super) event: StoredEvent,
    /// Its place among the subject's events.
    pub(super) number: u64,
    pub(super) trace: Option<TraceParent>,
    /// The act's audit entry, at its last event.
    pub(super) entry: Option<Envelope>,
}

#[derive(SerializeRow)]
struct StagedRow {
    batch_id: Vec<u8>,
    #[scylla(flatten)]
    event: EventRow,
    trace: String,
    entry_id: Vec<u8>,
    entry: MaybeUnset<PendingValue>,
}

#[derive(SerializeRow)]
struct ChunkRow {
    chunk: i64,
    #[scylla(flatten)]
    event: EventRow,
}

#[derive(SerializeRow)]
struct PageRow {
    page: i64,
    #[scylla(flatten)]
    event: EventRow,
}

#[derive(SerializeRow)]
struct ReachRow {
    reach: Vec<u8>,
    #[scylla(flatten)]
    event: EventRow,
}

/// What `staged_outgoing` answers with: version, trace, the entry's id, the entry.
pub(super) type OutgoingColumns = (i64, String, Vec<u8>, Option<PendingValue>);

pub(super) struct Writes {
    stage: Statement,
    unstage: Statement,
    by_chunk: Statement,
    by_subject: Statement,
    by_reach: Statement,
    by_id: Statement,
    call_notice: Statement,
    subject: Statement,
}

impl Writes {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await;
        Ok(Self {
            stage: prepare(concat!(
                "INSERT INTO {ks}.consent_staged_event (batch_id, ",
                event_columns!(),
                ", trace, entry_id, entry) VALUES (?, ",
                event_values!(),
                ", ?, ?, ?)"
            ))
            .await?,
            unstage: prepare("DELETE FROM {ks}.consent_staged_event WHERE batch_id = ?").await?,
            by_chunk: prepare(concat!(
                "INSERT INTO {ks}.consent_event (chunk, ",
                event_columns!(),
                ") VALUES (?, ",
                event_values!(),
                ")"
            ))
            .await?,
            by_subject: prepare(concat!(
                "INSERT INTO {ks}.consent_subject_event (page, ",
                event_columns!(),
                ") VALUES (?, ",
                event_values!(),
                ")"
            ))
            .await?,
            by_reach: prepare(concat!(
                "INSERT INTO {ks}.consent_reach_event (reach, ",
                event_columns!(),
                ") VALUES (?, ",
                event_values!(),
                ")"
            ))
            .await?,
            by_id: prepare("INSERT INTO {ks}.consent_event_id (id, tenant, version) VALUES (?, ?, ?)").await?,
            call_notice: prepare(
                "INSERT INTO {ks}.consent_call_notice (tenant, recording, occurred_at, version, notice, notice_hash)
                VALUES (?, ?, ?, ?, ?, ?)",
            )
            .await?,
            // The version is the cells' timestamp as well: a late write of an older one changes nothing.
            subject: prepare(
                "UPDATE {ks}.consent_subject USING TIMESTAMP ? SET latest = ?, events = ?
                WHERE tenant = ? AND subject = ?",
            )
            .await?,
        })
    }

    pub(super) fn stage(&self, batch: &[u8], rows: &[Staged]) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        for some in rows.chunks(ROWS) {
            let mut one = Batch::unlogged();
            for row in some {
                one.add(&self.stage, staged_row(batch, row)?)?;
            }
            batches.push(one);
        }
        Ok(batches)
    }

    pub(super) async fn unstage(&self, cql: &Cql, batch: &[u8]) -> Result<(), Error> {
        cql.write(&self.unstage, (batch,)).await
    }

    /// The events in each of their tables.
    pub(super) fn events(&self, rows: &[Staged]) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        let mut chunks: BTreeMap<u64, Vec<EventRow>> = BTreeMap::new();
        for Staged { event: stored, number, .. } in rows {
            let event = EventRow::new(stored, *number);
            chunks.entry(chunk(stored.version)).or_default().push(event.clone());
            let page = PageRow { page: column(number / PAGE), event: event.clone() };
            batches.push(one(&self.by_subject, page)?);
            let reach = reach_key(stored.event.reach.recording());
            batches.push(one(&self.by_reach, ReachRow { reach, event: event.clone() })?);
            if stored.event.kind == EventKind::NoticePresented
                && !event.said_in.is_empty()
                && !event.notice.is_empty()
            {
                let EventRow { tenant, said_in, occurred_at, version, notice, notice_hash, .. } = event;
                let values = (tenant, said_in, occurred_at, version, notice, notice_hash);
                batches.push(one(&self.call_notice, values)?);
            }
        }
        for (chunk, events) in chunks {
            for some in events.chunks(ROWS) {
                let mut batch = Batch::unlogged();
                for event in some {
                    batch.add(&self.by_chunk, ChunkRow { chunk: column(chunk), event: event.clone() })?;
                }
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    /// What leads to them.
    pub(super) fn parents(&self, rows: &[Staged]) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        for Staged { event: StoredEvent { tenant, version, event }, number, .. } in rows {
            let (tenant, version) = (tenant.to_string(), column(*version));
            let (id, subject) = (event.id.to_bytes().to_vec(), event.subject.to_bytes().to_vec());
            batches.push(one(&self.by_id, (id, tenant.clone(), version))?);
            let values = (version, version, column(number + 1), tenant, subject);
            batches.push(one(&self.subject, values)?);
        }
        Ok(batches)
    }
}

impl Feed {
    /// Hands the events and entries to the outbox, in their order. Whoever settles a batch twice hands them out
    /// twice, by the same ids.
    pub(super) async fn leave(&self, rows: &[Staged]) -> Result<(), Error> {
        for some in rows.chunks(ROWS) {
            let (mut batch, mut tickets) = (Batch::unlogged(), Vec::new());
            for row in some {
                let envelope = row.event.to_envelope(row.trace.clone());
                tickets.push(self.outbox.put(&mut batch, &topics::CONSENT, envelope).await?);
                if let Some(entry) = &row.entry {
                    tickets.push(self.outbox.put(&mut batch, &topics::AUDIT, entry.clone()).await?);
                }
            }
            self.cql.batch(batch).await?;
            tickets.into_iter().for_each(|ticket| self.outbox.pushed(ticket));
        }
        self.bell.ring();
        Ok(())
    }
}

/// Rows of a batch, from what `staged` and `staged_outgoing` answer with.
pub(super) fn read_staged(
    events: Vec<EventRow>,
    outgoing: Vec<OutgoingColumns>,
) -> Result<Vec<Staged>, Error> {
    const TABLE: &str = "consent_staged_event";
    let bad = bad(TABLE);
    if events.len() != outgoing.len() {
        // Taken away between the two reads: whoever settled it has done so.
        return Ok(Vec::new());
    }
    let mut outgoing: HashMap<_, _> = outgoing.into_iter().map(|row| (row.0, row)).collect();
    let read = events.into_iter().map(|row| {
        let (_, trace, entry_id, entry) = outgoing.remove(&row.version).ok_or(bad("a row half there"))?;
        let trace = match trace.is_empty() {
            true => None,
            false => Some(TraceParent::parse(&trace).ok_or(bad("a trace"))?),
        };
        let entry = entry.map(|entry| Pending::from_value(&entry_id, entry)).transpose()?;
        let number = row.place(TABLE)?;
        Ok(Staged { event: row.read(TABLE)?, number, trace, entry: entry.map(|entry| entry.envelope) })
    });
    read.collect()
}

fn staged_row(batch: &[u8], row: &Staged) -> Result<StagedRow, Error> {
    let Staged { event, number, trace, entry } = row;
    let entry = entry.as_ref().map(|entry| Pending { topic: topics::AUDIT, envelope: entry.clone() });
    let (entry_id, entry) = match entry {
        Some(entry) => {
            let (id, value) = entry.to_value()?;
            (id, MaybeUnset::Set(value))
        }
        None => (Vec::new(), MaybeUnset::Unset),
    };
    Ok(StagedRow {
        batch_id: batch.to_vec(),
        event: EventRow::new(event, *number),
        trace: trace.as_ref().map(|trace| trace.as_str().to_owned()).unwrap_or_default(),
        entry_id,
        entry,
    })
}

fn one(
    statement: &Statement,
    values: impl scylla::serialize::row::SerializeRow + Send + Sync + 'static,
) -> Result<Batch, Error> {
    let mut batch = Batch::unlogged();
    batch.add(statement, values)?;
    Ok(batch)
}

#[cfg(test)]
impl Feed {
    /// As a process does that was away for long: events that are settled, and more after them.
    pub(in crate::store::scylla) async fn settle_again(&self, events: &[StoredEvent]) {
        use crate::store::scylla::sequence::Ordered;
        let rows = (0..).zip(events).map(|(number, event)| Staged {
            event: event.clone(),
            number,
            trace: None,
            entry: None,
        });
        self.write(&rows.collect::<Vec<_>>()).await.unwrap();
    }
}
