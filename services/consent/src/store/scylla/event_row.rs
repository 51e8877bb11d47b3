//! An event as a row, and back. What is not there is empty.

use cql::Error;
use kernel::{EventId, RecordingId, SubjectId, Timestamp};
use policy::PolicyHash;
use scylla::{DeserializeRow, SerializeRow};

use super::failure::{bad, column};
use crate::event::{NewEvent, StoredEvent};
use crate::store::columns;

/// The columns of [`EventRow`], for statements.
macro_rules! event_columns {
    () => {
        "tenant, version, id, subject, number, kind, scope, said_in, notice, notice_hash, position, occurred_at,
        recorded_at, expression, policy, fingerprint, purposes"
    };
}
/// As many values.
macro_rules! event_values {
    () => {
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
    };
}
pub(super) use {event_columns, event_values};

/// An event's columns.
#[derive(Clone, PartialEq, Eq, Debug, SerializeRow, DeserializeRow)]
pub(super) struct EventRow {
    pub(super) tenant: String,
    pub(super) version: i64,
    pub(super) id: Vec<u8>,
    pub(super) subject: Vec<u8>,
    /// Its place among the subject's events, from 0.
    pub(super) number: i64,
    pub(super) kind: i32,
    pub(super) scope: i32,
    pub(super) said_in: Vec<u8>,
    pub(super) notice: String,
    pub(super) notice_hash: Vec<u8>,
    pub(super) position: i64,
    pub(super) occurred_at: i64,
    pub(super) recorded_at: i64,
    pub(super) expression: i32,
    pub(super) policy: Vec<u8>,
    pub(super) fingerprint: Vec<u8>,
    pub(super) purposes: Option<Vec<String>>,
}

impl EventRow {
    /// Of an event, and its place among the subject's.
    pub(super) fn new(stored: &StoredEvent, number: u64) -> Self {
        let StoredEvent { tenant, version, event } = stored;
        let notice = event.notice.as_ref();
        Self {
            tenant: tenant.to_string(),
            version: column(*version),
            id: event.id.to_bytes().to_vec(),
            subject: event.subject.to_bytes().to_vec(),
            number: column(number),
            kind: event.kind as i32,
            scope: event.reach.wire() as i32,
            said_in: event.said_in.map(|recording| recording.to_bytes().to_vec()).unwrap_or_default(),
            notice: notice.map(|notice| notice.name.to_string()).unwrap_or_default(),
            notice_hash: notice.map(|notice| notice.text_hash.to_vec()).unwrap_or_default(),
            position: event.position.map_or(NO_POSITION, column),
            occurred_at: event.occurred_at.0,
            recorded_at: event.recorded_at.0,
            expression: event.expression as i32,
            policy: event.policy.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            fingerprint: event.fingerprint.to_vec(),
            purposes: Some(event.purposes.iter().map(ToString::to_string).collect()),
        }
    }

    /// The event; `table` is where it was found.
    pub(super) fn read(self, table: &'static str) -> Result<StoredEvent, Error> {
        let bad = bad(table);
        let said_in = match self.said_in.is_empty() {
            true => None,
            false => Some(RecordingId::from_slice(&self.said_in).map_err(|_| bad("a recording"))?),
        };
        let notice = (!self.notice.is_empty()).then_some(self.notice);
        let purposes = self.purposes.unwrap_or_default().into_iter().map(columns::purpose);
        let event = NewEvent {
            id: EventId::from_slice(&self.id).map_err(|_| bad("an event id"))?,
            subject: SubjectId::from_slice(&self.subject).map_err(|_| bad("a subject"))?,
            kind: columns::kind(self.kind).map_err(bad)?,
            purposes: purposes.collect::<Result<_, _>>().map_err(bad)?,
            reach: columns::reach(self.scope, said_in).map_err(bad)?,
            said_in,
            notice: columns::notice(notice, hash(&self.notice_hash).map_err(bad)?).map_err(bad)?,
            position: position(self.position).map_err(bad)?,
            occurred_at: Timestamp(self.occurred_at),
            recorded_at: Timestamp(self.recorded_at),
            expression: columns::expression(self.expression).map_err(bad)?,
            policy: hash(&self.policy).map_err(bad)?.map(PolicyHash),
            fingerprint: hash(&self.fingerprint).map_err(bad)?.ok_or(bad("no fingerprint"))?,
        };
        let version = u64::try_from(self.version).map_err(|_| bad("a version"))?;
        Ok(StoredEvent { tenant: columns::tenant(self.tenant).map_err(bad)?, version, event })
    }

    /// The place among the subject's events.
    pub(super) fn place(&self, table: &'static str) -> Result<u64, Error> {
        u64::try_from(self.number).map_err(|_| bad(table)("an event's place"))
    }
}

const NO_POSITION: i64 = -1;

fn position(column: i64) -> Result<Option<u64>, columns::What> {
    match column {
        NO_POSITION => Ok(None),
        _ => u64::try_from(column).map(Some).map_err(|_| "a position"),
    }
}

/// A hash, or none where the column is empty.
pub(super) fn hash(column: &[u8]) -> Result<Option<[u8; 32]>, columns::What> {
    match column.is_empty() {
        true => Ok(None),
        false => column.try_into().map(Some).map_err(|_| "a hash"),
    }
}
