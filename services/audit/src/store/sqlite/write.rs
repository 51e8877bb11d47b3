//! What changes the tables, each inside one transaction.

use ::sqlite::rusqlite::params;
use ::sqlite::{Error, Tx};
use merkle::TreeHead;

use super::read;
use crate::name::{Incarnation, LogName};
use crate::store::{Batch, Claim, Committed, Head, NewRow, RootRow};

pub(super) fn begin(tx: &Tx<'_>, incarnation: Incarnation) -> Result<Incarnation, Error> {
    tx.prepare_cached("INSERT INTO incarnation VALUES (1, ?) ON CONFLICT DO NOTHING")?
        .execute([incarnation.to_bytes()])?;
    let standing = read::incarnation(tx)?;
    standing.ok_or(Error::Row { table: "incarnation", what: "no row after an insert" })
}

pub(super) fn claim(tx: &Tx<'_>, log: LogName) -> Result<Claim, Error> {
    let Head { tree, next_offset, published, stored } = Head::EMPTY;
    tx.prepare_cached("INSERT INTO head VALUES (?, 0, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")?.execute(
        params![
            log.number(),
            tree.size,
            tree.root.as_bytes(),
            next_offset,
            published.size,
            published.root.as_bytes(),
            stored
        ],
    )?;
    tx.prepare_cached("UPDATE head SET fence = fence + 1 WHERE log = ?")?.execute([log.number()])?;
    // What earlier claimants staged can no longer be committed.
    tx.prepare_cached("DELETE FROM entry WHERE part = ? AND committed = 0")?.execute([log.number()])?;
    tx.prepare_cached("SELECT * FROM head WHERE log = ?")?
        .query_row([log.number()], |row| Ok(Claim { fence: row.get("fence")?, head: read::head(row)? }))
        .map_err(Error::from)
}

pub(super) fn stage(tx: &Tx<'_>, batch: &Batch) -> Result<(), Error> {
    for new in &batch.rows {
        stage_row(tx, batch.fence, new)?;
    }
    Ok(())
}

fn stage_row(tx: &Tx<'_>, fence: u64, NewRow { row, terms }: &NewRow) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO entry (part, idx, fence, committed, tenant, at, event, commitment, sealed)
         VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        row.partition,
        row.index,
        fence,
        row.tenant.as_str(),
        row.at.0,
        row.sealed.event.to_bytes(),
        row.sealed.commitment,
        row.sealed.bytes,
    ])?;
    let entry = tx.last_insert_rowid();
    for term in terms {
        tx.prepare_cached("INSERT INTO term VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
            row.tenant.as_str(),
            term.0,
            row.at.0,
            row.partition,
            row.index,
            entry,
        ])?;
    }
    Ok(())
}

pub(super) fn commit(tx: &Tx<'_>, batch: &Batch) -> Result<Committed, Error> {
    let log = LogName::Partition(batch.partition);
    if !advance(tx, log, batch.fence, batch.on, batch.tree, batch.next_offset)? {
        return Ok(Committed::Fenced);
    }
    let made = tx
        .prepare_cached(
            "UPDATE entry SET committed = 1 WHERE part = ? AND fence = ? AND idx >= ? AND idx < ?",
        )?
        .execute(params![batch.partition, batch.fence, batch.on, batch.tree.size])?;
    if made as u64 != batch.tree.size - batch.on {
        return Err(Error::Row { table: "entry", what: "another number of staged rows than the commit" });
    }
    for producer in &batch.producers {
        tx.prepare_cached("INSERT OR REPLACE INTO producer VALUES (?, ?, ?, ?)")?.execute(params![
            batch.partition,
            producer.id.to_bytes(),
            producer.last,
            producer.state.number(),
        ])?;
    }
    Ok(Committed::Done)
}

pub(super) fn commit_root(tx: &Tx<'_>, leaf: &RootRow) -> Result<Committed, Error> {
    if !advance(tx, LogName::Root, leaf.fence, leaf.index, leaf.tree, 0)? {
        return Ok(Committed::Fenced);
    }
    tx.prepare_cached("INSERT INTO root_leaf VALUES (?, ?)")?.execute(params![leaf.index, leaf.data])?;
    Ok(Committed::Done)
}

/// The one conditional update that commits.
fn advance(
    tx: &Tx<'_>,
    log: LogName,
    fence: u64,
    on: u64,
    tree: TreeHead,
    next_offset: u64,
) -> Result<bool, Error> {
    let moved = tx
        .prepare_cached(
            "UPDATE head SET size = ?, root = ?, next_offset = ?
             WHERE log = ? AND fence = ? AND size = ? AND next_offset <= ?",
        )?
        .execute(params![
            tree.size,
            tree.root.as_bytes(),
            next_offset,
            log.number(),
            fence,
            on,
            next_offset
        ])?;
    Ok(moved == 1)
}

pub(super) fn mark_published(tx: &Tx<'_>, log: LogName, tree: TreeHead) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE head SET published = ?1, published_root = ?2 WHERE log = ?3 AND published < ?1 AND size >= ?1",
    )?
    .execute(params![tree.size, tree.root.as_bytes(), log.number()])?;
    Ok(())
}

pub(super) fn mark_stored(tx: &Tx<'_>, partition: u32, below: u64) -> Result<(), Error> {
    tx.prepare_cached("UPDATE head SET stored = ?1 WHERE log = ?2 AND stored < ?1 AND size >= ?1")?
        .execute(params![below, LogName::Partition(partition).number()])?;
    Ok(())
}
