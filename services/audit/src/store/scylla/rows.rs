//! From columns to values, and back; a value that cannot be is refused, never guessed.

use cql::Error;
use kernel::{EventId, InstanceId, TenantId, Timestamp};
use merkle::{Hash, TreeHead};

use crate::leaf::Sealed;
use crate::store::{Head, Part, Producer, ProducerState, Row};

/// The head's columns: fence, size, root, next offset, published size and root, stored.
pub(super) type HeadRow =
    (Option<i64>, Option<i64>, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<Vec<u8>>, Option<i64>);
/// An entry's: index, tenant, time, event, commitment, sealed bytes.
pub(super) type EntryRow = (i64, String, i64, Vec<u8>, Vec<u8>, Vec<u8>);
/// A producer's: key, last number, state.
pub(super) type ProducerRow = (Vec<u8>, Option<i64>, Option<i8>);

/// Sizes, indexes and offsets stay below 2^63.
pub(super) fn to_column(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::Row { table: "ledger", what: "a number" })
}

pub(super) fn from_column(number: i64, table: &'static str) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::Row { table, what: "a number" })
}

pub(super) fn part(part: Part) -> Result<i32, Error> {
    i32::try_from(part.number()).map_err(|_| Error::Row { table: "ledger", what: "a partition's log" })
}

pub(super) fn part_of(column: i32) -> Result<Part, Error> {
    let part = u32::try_from(column).ok().and_then(Part::from_number);
    part.ok_or(Error::Row { table: "ledger", what: "a partition's log" })
}

/// A head with its fence; `None` where the log was never claimed.
pub(super) fn head(row: HeadRow) -> Result<Option<(i64, Head)>, Error> {
    let (Some(fence), size, root, next_offset, published, published_root, stored) = row else {
        return Ok(None);
    };
    let missing = Error::Row { table: "ledger_head", what: "a head that is not whole" };
    let number = |column: Option<i64>| from_column(column.ok_or(missing.clone())?, "ledger_head");
    let head = Head {
        tree: TreeHead { size: number(size)?, root: hash(root.as_deref())? },
        next_offset: number(next_offset)?,
        published: TreeHead { size: number(published)?, root: hash(published_root.as_deref())? },
        stored: number(stored)?,
    };
    Ok(Some((fence, head)))
}

fn hash(column: Option<&[u8]>) -> Result<Hash, Error> {
    let bad = Error::Row { table: "ledger_head", what: "a root" };
    Hash::try_from(column.unwrap_or_default()).map_err(|_| bad)
}

pub(super) fn entry(part: Part, row: EntryRow) -> Result<Row, Error> {
    let bad = |what| Error::Row { table: "ledger_entry", what };
    let (index, tenant, at, event, commitment, bytes) = row;
    Ok(Row {
        part,
        index: from_column(index, "ledger_entry")?,
        tenant: TenantId::new(tenant).map_err(|_| bad("a tenant"))?,
        at: Timestamp(at),
        sealed: Sealed {
            event: EventId::from_slice(&event).map_err(|_| bad("an event"))?,
            commitment: commitment.try_into().map_err(|_| bad("a commitment"))?,
            bytes,
        },
    })
}

pub(super) fn producer(row: ProducerRow) -> Result<Producer, Error> {
    let bad = |what| Error::Row { table: "ledger_head", what };
    let (id, last, state) = row;
    let state = state.and_then(|state| u8::try_from(state).ok()).and_then(ProducerState::from_number);
    Ok(Producer {
        id: InstanceId::from_slice(&id).map_err(|_| bad("a producer"))?,
        last: from_column(last.ok_or(bad("a producer's number"))?, "ledger_head")?,
        state: state.ok_or(bad("a producer's state"))?,
    })
}
