//! What changes the tables, each inside one transaction.

use ::sqlite::rusqlite::params;
use ::sqlite::{Error, Tx};
use merkle::TreeHead;

use super::read;
use crate::store::{Batch, Begun, Claim, Committed, Head, LogId, NewRow, Part, RootRow};
use crate::succession::Succession;

pub(super) fn begin(tx: &Tx<'_>, begun: &Begun) -> Result<Begun, Error> {
    let after = begun.after.as_ref().map(Succession::encode);
    let generation = begun.era.generation;
    tx.prepare_cached("INSERT INTO history VALUES (?, ?, ?) ON CONFLICT (generation) DO NOTHING")?
        .execute(params![generation.number(), begun.era.incarnation.to_bytes(), after])?;
    let standing = read::incarnations(tx)?.into_iter().find(|own| own.era.generation == generation);
    standing.ok_or(Error::Row { table: "history", what: "no row after an insert" })
}

pub(super) fn claim(tx: &Tx<'_>, log: LogId) -> Result<Claim, Error> {
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
        row.part.number(),
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
            row.part.number(),
            row.index,
            entry,
        ])?;
    }
    Ok(())
}

pub(super) fn commit(tx: &Tx<'_>, batch: &Batch) -> Result<Committed, Error> {
    let log = LogId::Part(batch.part);
    if !advance(tx, log, batch.fence, batch.on, batch.tree, batch.next_offset)? {
        return Ok(Committed::Fenced);
    }
    let made = tx
        .prepare_cached(
            "UPDATE entry SET committed = 1 WHERE part = ? AND fence = ? AND idx >= ? AND idx < ?",
        )?
        .execute(params![batch.part.number(), batch.fence, batch.on, batch.tree.size])?;
    if made as u64 != batch.tree.size - batch.on {
        return Err(Error::Row { table: "entry", what: "another number of staged rows than the commit" });
    }
    for producer in &batch.producers {
        tx.prepare_cached("INSERT OR REPLACE INTO producer VALUES (?, ?, ?, ?)")?.execute(params![
            batch.part.number(),
            producer.id.to_bytes(),
            producer.last,
            producer.state.number(),
        ])?;
    }
    Ok(Committed::Done)
}

pub(super) fn commit_root(tx: &Tx<'_>, leaf: &RootRow) -> Result<Committed, Error> {
    if !advance(tx, LogId::Root(leaf.generation), leaf.fence, leaf.index, leaf.tree, 0)? {
        return Ok(Committed::Fenced);
    }
    tx.prepare_cached("INSERT INTO root_row VALUES (?, ?, ?)")?.execute(params![
        leaf.generation.number(),
        leaf.index,
        leaf.data
    ])?;
    Ok(Committed::Done)
}

pub(super) fn rewind(tx: &Tx<'_>, part: Part, fence: u64, next_offset: u64) -> Result<Committed, Error> {
    let moved = tx
        .prepare_cached("UPDATE head SET next_offset = ? WHERE log = ? AND fence = ?")?
        .execute(params![next_offset, LogId::Part(part).number(), fence])?;
    Ok(if moved == 1 { Committed::Done } else { Committed::Fenced })
}

/// The one conditional update that commits.
fn advance(
    tx: &Tx<'_>,
    log: LogId,
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

pub(super) fn mark_published(tx: &Tx<'_>, log: LogId, tree: TreeHead) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE head SET published = ?1, published_root = ?2 WHERE log = ?3 AND published < ?1 AND size >= ?1",
    )?
    .execute(params![tree.size, tree.root.as_bytes(), log.number()])?;
    Ok(())
}

pub(super) fn mark_stored(tx: &Tx<'_>, part: Part, below: u64) -> Result<(), Error> {
    tx.prepare_cached("UPDATE head SET stored = ?1 WHERE log = ?2 AND stored < ?1 AND size >= ?1")?
        .execute(params![below, LogId::Part(part).number()])?;
    Ok(())
}
