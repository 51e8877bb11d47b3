//! Records in their partitions. An offset is given by the row of its stream, in the transaction that inserts.

use bytes::Bytes;
use kernel::Timestamp;
use kernel::topics::{Retention, Topic};
use sqlite::Tx;
use sqlite::rusqlite::{Connection, Row, params};

use super::codec;
use super::schema::OFFSET_BITS;
use crate::budget::Budget;
use crate::error::Error;
use crate::log::{Batch, Ends, Placed, ReadLimit, TopicPartition};
use crate::record::{Record, Stored, partition_of};

pub(super) type StreamId = i64;

/// A partition and its number in the file.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) at: TopicPartition,
}

/// Rows that one step of a deletion takes.
const DELETED_AT_ONCE: u64 = 1_000;
/// Rows that retention takes of a partition at each append or pass.
const EXPIRED_AT_ONCE: u64 = 64;

impl Stream {
    fn row(self, offset: u64) -> Result<i64, Error> {
        let offset = i64::try_from(offset).ok().filter(|offset| *offset < 1 << OFFSET_BITS);
        offset.map(|offset| self.id << OFFSET_BITS | offset).ok_or_else(|| self.damaged("an offset"))
    }

    fn damaged(self, what: &str) -> Error {
        Error::Damaged(format!("{} holds {what} that cannot be", self.at))
    }
}

/// The topic's partitions, made where they are missing.
pub(super) fn ensure(tx: &Tx<'_>, topic: &Topic) -> Result<Vec<Stream>, Error> {
    let count = "SELECT count(*) FROM stream WHERE topic = ?";
    let stored: u32 = tx.prepare_cached(count)?.query_row([topic.name], |row| row.get(0))?;
    if stored != 0 && stored != topic.partitions {
        return Err(Error::PartitionsChanged {
            topic: topic.name.to_owned(),
            stored,
            asked: topic.partitions,
        });
    }
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO stream (topic, partition) VALUES (?, ?)")?;
    let mut select = tx.prepare_cached("SELECT id FROM stream WHERE topic = ? AND partition = ?")?;
    let mut streams = Vec::new();
    for partition in 0..topic.partitions {
        insert.execute(params![topic.name, partition])?;
        let id = select.query_row(params![topic.name, partition], |row| row.get(0))?;
        streams.push(Stream { id, at: TopicPartition::of(topic, partition) });
    }
    Ok(streams)
}

/// Inserts records, each at the high end of its partition.
pub(super) fn append(
    tx: &Tx<'_>,
    streams: &[Stream],
    retention: Retention,
    records: &[Record],
    now: Timestamp,
) -> Result<Vec<Placed>, Error> {
    let partitions = u32::try_from(streams.len()).unwrap_or(u32::MAX);
    let mut heads: Vec<Option<Ends>> = vec![None; streams.len()];
    let mut insert =
        tx.prepare_cached("INSERT INTO record (id, at, key, headers, value) VALUES (?, ?, ?, ?, ?)")?;
    let mut placed = Vec::with_capacity(records.len());
    for record in records {
        let partition = partition_of(&record.key, partitions);
        let stream = streams[partition as usize];
        let head = &mut heads[partition as usize];
        let ends = head.map_or_else(|| ends(tx, stream), Ok)?;
        let row = stream.row(ends.high)?;
        insert.execute(params![row, now.0, record.key, codec::encode(&record.headers), &record.value[..]])?;
        placed.push(Placed { partition, offset: ends.high });
        *head = Some(Ends { high: ends.high + 1, ..ends });
    }
    let mut update = tx.prepare_cached("UPDATE stream SET high = ? WHERE id = ?")?;
    for (stream, ends) in streams.iter().zip(heads).filter_map(|(stream, head)| Some((stream, head?))) {
        update.execute(params![ends.high, stream.id])?;
        expire(tx, *stream, retention, now)?;
    }
    Ok(placed)
}

/// A partition's ends.
pub(super) fn ends(connection: &Connection, stream: Stream) -> Result<Ends, Error> {
    let mut select = connection.prepare_cached("SELECT low, high FROM stream WHERE id = ?")?;
    let (low, high) = select.query_row([stream.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Ends { partition: stream.at.partition, low, high })
}

/// Reads without a group.
pub(super) fn read(
    connection: &Connection,
    stream: Stream,
    from: u64,
    limit: ReadLimit,
) -> Result<Vec<Stored>, Error> {
    let ends = ends(connection, stream)?;
    if from < ends.low {
        return Err(Error::Gone { at: stream.at, asked: from, low: ends.low });
    }
    refuse_beyond(stream, from, ends.high)?;
    records(connection, stream, from, &mut Budget::new(limit))
}

/// Reads on in several partitions, within one limit.
pub(super) fn fetch(
    connection: &Connection,
    from: &[(Stream, u64)],
    limit: ReadLimit,
) -> Result<Vec<Batch>, Error> {
    let mut budget = Budget::new(limit);
    let mut batches = Vec::new();
    for (stream, next) in from {
        let records = records(connection, *stream, *next, &mut budget)?;
        if !records.is_empty() {
            batches.push(Batch { at: stream.at, records });
        }
    }
    Ok(batches)
}

/// Takes one step of deleting what is below an offset; `None` when nothing is left to do.
pub(super) fn delete_some_before(tx: &Tx<'_>, stream: Stream, offset: u64) -> Result<Option<()>, Error> {
    let ends = ends(tx, stream)?;
    refuse_beyond(stream, offset, ends.high)?;
    if ends.low >= offset {
        return Ok(None);
    }
    delete_to(tx, stream, offset.min(ends.low + DELETED_AT_ONCE))?;
    Ok(Some(()))
}

/// Deletes some of what the topic's retention has passed.
pub(super) fn expire(tx: &Tx<'_>, stream: Stream, retention: Retention, now: Timestamp) -> Result<(), Error> {
    let Retention::For(kept) = retention else { return Ok(()) };
    let ends = ends(tx, stream)?;
    let mut select = tx.prepare_cached("SELECT at FROM record WHERE id = ?")?;
    let mut low = ends.low;
    while low < ends.high.min(ends.low + EXPIRED_AT_ONCE) {
        let at: i64 = select.query_row([stream.row(low)?], |row| row.get(0))?;
        if Timestamp(at).plus(kept) > now {
            break;
        }
        low += 1;
    }
    if low > ends.low { delete_to(tx, stream, low) } else { Ok(()) }
}

fn delete_to(tx: &Tx<'_>, stream: Stream, low: u64) -> Result<(), Error> {
    let rows = params![stream.row(0)?, stream.row(low)?];
    tx.prepare_cached("DELETE FROM record WHERE id >= ? AND id < ?")?.execute(rows)?;
    tx.prepare_cached("UPDATE stream SET low = ? WHERE id = ?")?.execute(params![low, stream.id])?;
    Ok(())
}

fn refuse_beyond(stream: Stream, asked: u64, high: u64) -> Result<(), Error> {
    if asked > high { Err(Error::BeyondEnd { at: stream.at, asked, high }) } else { Ok(()) }
}

fn records(
    connection: &Connection,
    stream: Stream,
    from: u64,
    budget: &mut Budget,
) -> Result<Vec<Stored>, Error> {
    let mut select = connection.prepare_cached(
        "SELECT id, at, key, headers, value FROM record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
    )?;
    let end = (stream.id + 1) << OFFSET_BITS;
    let mut rows = select.query(params![stream.row(from)?, end, budget.records()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let record = stored(stream, row)?;
        if !budget.takes(record.size()) {
            break;
        }
        found.push(record);
    }
    Ok(found)
}

fn stored(stream: Stream, row: &Row<'_>) -> Result<Stored, Error> {
    let id: i64 = row.get(0)?;
    let headers = row.get_ref(3)?.as_blob().map_err(|_| stream.damaged("headers"))?;
    let value: Vec<u8> = row.get(4)?;
    Ok(Stored {
        offset: u64::try_from(id & ((1 << OFFSET_BITS) - 1)).map_err(|_| stream.damaged("a row number"))?,
        timestamp: Timestamp(row.get(1)?),
        key: row.get(2)?,
        headers: codec::decode(headers).ok_or_else(|| stream.damaged("headers"))?,
        value: Bytes::from(value),
    })
}
