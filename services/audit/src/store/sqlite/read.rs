//! What reads the tables, each on one snapshot; a value that cannot be is refused, never guessed.

use std::collections::BTreeSet;

use ::sqlite::Error;
use ::sqlite::rusqlite::types::Value;
use ::sqlite::rusqlite::{self, Connection, Params, params, params_from_iter};
use kernel::{EventId, InstanceId, TenantId, Timestamp};
use merkle::{Hash, TreeHead, leaf_hash};

use crate::leaf::{self, Sealed};
use crate::name::Incarnation;
use crate::store::{Begun, Era, Filter, Generation, Head, LogId, Order, Part, Producer, ProducerState, Row};
use crate::succession::Succession;

pub(super) fn incarnations(c: &Connection) -> Result<Vec<Begun>, Error> {
    let bad = |what| Error::Row { table: "history", what };
    all(c, "SELECT generation, id, after FROM history ORDER BY generation", [], |row| {
        let generation = Generation::from_number(row.get("generation")?).ok_or(bad("a generation"))?;
        let era = Era { generation, incarnation: Incarnation::from_bytes(row.get("id")?) };
        let after: Option<Vec<u8>> = row.get("after")?;
        let after =
            after.map(|bytes| Succession::decode(&bytes).ok_or(bad("what it follows"))).transpose()?;
        Ok(Begun { era, after })
    })
}

pub(super) fn heads(c: &Connection) -> Result<Vec<(LogId, Head)>, Error> {
    all(c, "SELECT * FROM head ORDER BY log", [], |row| {
        let log = LogId::from_number(row.get("log")?);
        Ok((log.ok_or(Error::Row { table: "head", what: "a log" })?, head(row)?))
    })
}

pub(super) fn head(row: &rusqlite::Row<'_>) -> Result<Head, rusqlite::Error> {
    let root = |column| Ok::<_, rusqlite::Error>(Hash::from(row.get::<_, [u8; 32]>(column)?));
    Ok(Head {
        tree: TreeHead { size: row.get("size")?, root: root("root")? },
        next_offset: row.get("next_offset")?,
        published: TreeHead { size: row.get("published")?, root: root("published_root")? },
        stored: row.get("stored")?,
    })
}

pub(super) fn known(c: &Connection, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, Error> {
    let mut find = c.prepare_cached("SELECT DISTINCT part FROM entry WHERE event = ? AND committed = 1")?;
    let mut found = BTreeSet::new();
    for event in events {
        let mut rows = find.query([event.to_bytes()])?;
        while let Some(row) = rows.next()? {
            let own = number(row)?;
            if own.partition() == part.partition() && own <= part {
                found.insert(*event);
            }
        }
    }
    Ok(found)
}

fn number(row: &rusqlite::Row<'_>) -> Result<Part, Error> {
    Part::from_number(row.get("part")?).ok_or(Error::Row { table: "entry", what: "a log" })
}

pub(super) fn producers(c: &Connection, part: Part) -> Result<Vec<Producer>, Error> {
    all(c, "SELECT id, last, state FROM producer WHERE part = ? ORDER BY id", [part.number()], |row| {
        let state = ProducerState::from_number(row.get("state")?);
        Ok(Producer {
            id: InstanceId::from_bytes(row.get("id")?),
            last: row.get("last")?,
            state: state.ok_or(Error::Row { table: "producer", what: "a state" })?,
        })
    })
}

pub(super) fn rows(c: &Connection, part: Part, from: u64, limit: u32) -> Result<Vec<Row>, Error> {
    let find = "SELECT * FROM entry WHERE part = ? AND idx >= ? AND committed = 1 ORDER BY idx LIMIT ?";
    all(c, find, params![part.number(), from, limit], row)
}

pub(super) fn hashes(c: &Connection, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, Error> {
    match log {
        LogId::Part(part) => all(
            c,
            "SELECT commitment FROM entry WHERE part = ? AND idx >= ? AND committed = 1 ORDER BY idx LIMIT ?",
            params![part.number(), from, limit],
            |row| Ok(leaf::hash(&row.get(0)?)),
        ),
        LogId::Root(of) => Ok(root_rows(c, of, from, limit)?.iter().map(|data| leaf_hash(data)).collect()),
    }
}

pub(super) fn root_rows(
    c: &Connection,
    of: Generation,
    from: u64,
    limit: u32,
) -> Result<Vec<Vec<u8>>, Error> {
    let find = "SELECT data FROM root_row WHERE generation = ? AND idx >= ? ORDER BY idx LIMIT ?";
    all(c, find, params![of.number(), from, limit], |row| Ok(row.get(0)?))
}

pub(super) fn entry(c: &Connection, tenant: &TenantId, event: EventId) -> Result<Option<Row>, Error> {
    let find = "SELECT * FROM entry WHERE event = ? AND tenant = ? AND committed = 1 LIMIT 1";
    Ok(all(c, find, params![event.to_bytes(), tenant.as_str()], row)?.pop())
}

/// With a term the search walks that term's rows in order of time, otherwise the tenant's; further terms
/// are looked up per row found.
pub(super) fn find(c: &Connection, filter: &Filter) -> Result<Vec<Row>, Error> {
    let mut values: Vec<Value> = Vec::new();
    let mut query = match filter.terms.first() {
        Some(first) => {
            values.extend([text(&filter.tenant), Value::Blob(first.0.to_vec())]);
            "SELECT entry.* FROM term AS way JOIN entry ON entry.number = way.entry
             WHERE way.tenant = ? AND way.term = ? AND entry.committed = 1"
        }
        None => {
            values.push(text(&filter.tenant));
            "SELECT way.* FROM entry AS way WHERE way.tenant = ? AND way.committed = 1"
        }
    }
    .to_owned();
    query.push_str(" AND way.at >= ? AND way.at < ?");
    values.extend([Value::Integer(filter.from.0), Value::Integer(filter.to.0)]);
    for further in filter.terms.iter().skip(1) {
        query.push_str(
            " AND EXISTS (SELECT 1 FROM term AS other WHERE other.tenant = ? AND other.term = ?
              AND other.at = way.at AND other.part = way.part AND other.idx = way.idx AND other.entry = way.entry)",
        );
        values.extend([text(&filter.tenant), Value::Blob(further.0.to_vec())]);
    }
    let (beyond, order) = match filter.order {
        Order::OldestFirst => (">", "way.at, way.part, way.idx"),
        Order::NewestFirst => ("<", "way.at DESC, way.part DESC, way.idx DESC"),
    };
    if let Some(after) = filter.after {
        query.push_str(&format!(" AND (way.at, way.part, way.idx) {beyond} (?, ?, ?)"));
        let index = i64::try_from(after.index).unwrap_or(i64::MAX);
        values.extend([after.at.0, i64::from(after.part.number()), index].map(Value::Integer));
    }
    query.push_str(&format!(" ORDER BY {order} LIMIT ?"));
    values.push(Value::Integer(i64::from(filter.limit)));
    all(c, &query, params_from_iter(values), row)
}

fn text(tenant: &TenantId) -> Value {
    Value::Text(tenant.to_string())
}

fn row(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    let tenant: String = row.get("tenant")?;
    Ok(Row {
        part: number(row)?,
        index: row.get("idx")?,
        tenant: TenantId::new(tenant).map_err(|_| Error::Row { table: "entry", what: "a tenant" })?,
        at: Timestamp(row.get("at")?),
        sealed: Sealed {
            event: EventId::from_bytes(row.get("event")?),
            commitment: row.get("commitment")?,
            bytes: row.get("sealed")?,
        },
    })
}

/// Every row of a query.
fn all<T>(
    c: &Connection,
    query: &str,
    values: impl Params,
    read: impl Fn(&rusqlite::Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = c.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
