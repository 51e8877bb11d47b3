//! The table that a role's events leave through: written with the rows that they tell of, published after.
//!
//! A role lists [`COMPONENT`] when it opens its file, calls [`push`] in the transaction that changes its rows,
//! and publishes what [`unpublished`] finds, in order: first as the transaction's caller, then in a sweep for
//! what a crash left. [`mark`] follows the log's answer; nothing unpublished is ever pruned.

use kernel::topics::{self, Topic};
use kernel::{Envelope, EventId, TenantId, Timestamp, TraceParent};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::migration::Component;
use crate::writer::Tx;

/// The outbox's tables.
pub const COMPONENT: Component = Component {
    name: "outbox",
    steps: &["CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        event_id BLOB NOT NULL UNIQUE CHECK (length(event_id) = 16),
        kind TEXT NOT NULL,
        tenant TEXT NOT NULL,
        aggregate TEXT NOT NULL,
        version INTEGER NOT NULL,
        at INTEGER NOT NULL,
        trace TEXT,
        payload BLOB NOT NULL,
        published_at INTEGER
    ) STRICT;
    CREATE INDEX outbox_unpublished ON outbox (number) WHERE published_at IS NULL;
    CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;"],
};

/// Bytes of an event's payload: what a record of the log holds beside the envelope's headers.
pub const MAX_PAYLOAD: usize = (1 << 20) - (16 << 10);
/// Bytes of an aggregate's id, which is the record's key.
pub const MAX_AGGREGATE: usize = 1 << 10;
/// Bytes of an event's kind.
pub const MAX_KIND: usize = 128;

/// A row's number: events leave in this order. Begin a sweep with [`OutboxNo::START`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OutboxNo(i64);

impl OutboxNo {
    /// Before every row.
    pub const START: Self = Self(0);
}

/// An event that waits to be published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its row.
    pub number: OutboxNo,
    /// Where it goes.
    pub topic: Topic,
    /// What goes there.
    pub envelope: Envelope,
}

/// Puts an event into the outbox, in the transaction that changes the rows that it tells of. The same event
/// id again is a duplicate ([`Error::is_duplicate`]).
pub fn push(tx: &Tx<'_>, topic: &Topic, envelope: &Envelope) -> Result<OutboxNo, Error> {
    at_most("size of an event's payload", envelope.payload.len(), MAX_PAYLOAD)?;
    at_most("length of an event's aggregate", envelope.aggregate.len(), MAX_AGGREGATE)?;
    at_most("length of an event's kind", envelope.kind.len(), MAX_KIND)?;
    tx.prepare_cached(
        "INSERT INTO outbox (topic, event_id, kind, tenant, aggregate, version, at, trace, payload)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        topic.name,
        envelope.id.to_bytes(),
        envelope.kind,
        envelope.tenant.as_str(),
        envelope.aggregate,
        envelope.version,
        envelope.at.0,
        envelope.trace.as_ref().map(TraceParent::as_str),
        envelope.payload,
    ])?;
    Ok(OutboxNo(tx.last_insert_rowid()))
}

/// What is not yet marked, in order, from after a row on.
pub fn unpublished(connection: &Connection, after: OutboxNo, limit: u32) -> Result<Vec<Pending>, Error> {
    let mut rows = connection.prepare_cached(
        "SELECT number, topic, event_id, kind, tenant, aggregate, version, at, trace, payload
         FROM outbox WHERE published_at IS NULL AND number > ? ORDER BY number LIMIT ?",
    )?;
    let mut rows = rows.query(params![after.0, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(pending(row)?);
    }
    Ok(found)
}

/// Says that the log holds these; at which domain time decides when [`prune`] may take them.
pub fn mark(tx: &Tx<'_>, numbers: &[OutboxNo], at: Timestamp) -> Result<(), Error> {
    let mut update = tx.prepare_cached("UPDATE outbox SET published_at = ? WHERE number = ?")?;
    for number in numbers {
        update.execute(params![at.0, number.0])?;
    }
    Ok(())
}

/// When the event that has waited longest happened; the age is an alarm's measure.
pub fn oldest_unpublished(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let oldest = "SELECT at FROM outbox WHERE published_at IS NULL ORDER BY number LIMIT 1";
    Ok(connection.prepare_cached(oldest)?.query_row([], |row| row.get(0)).optional()?.map(Timestamp))
}

/// Deletes at most `limit` events marked before this moment; returns how many.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: u32) -> Result<usize, Error> {
    let delete = "DELETE FROM outbox WHERE number IN
        (SELECT number FROM outbox WHERE published_at < ? ORDER BY published_at LIMIT ?)";
    Ok(tx.prepare_cached(delete)?.execute(params![before.0, limit])?)
}

fn pending(row: &Row<'_>) -> Result<Pending, Error> {
    let bad = |what| Error::Row { table: "outbox", what };
    let topic: String = row.get(1)?;
    let id: Vec<u8> = row.get(2)?;
    let tenant: String = row.get(4)?;
    let trace: Option<String> = row.get(8)?;
    let envelope = Envelope {
        id: EventId::from_slice(&id).map_err(|_| bad("an event id"))?,
        kind: row.get(3)?,
        tenant: TenantId::new(tenant).map_err(|_| bad("a tenant"))?,
        aggregate: row.get(5)?,
        version: row.get(6)?,
        at: Timestamp(row.get(7)?),
        trace: trace.map(|text| TraceParent::parse(&text).ok_or(bad("a trace"))).transpose()?,
        payload: row.get(9)?,
    };
    let topic = topics::ALL.iter().find(|own| own.name == topic).ok_or(bad("a topic"))?;
    Ok(Pending { number: OutboxNo(row.get(0)?), topic: *topic, envelope })
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit { Err(Error::TooLarge { what, found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
