//! The writes that hang on a condition: each is one transaction, decided inside it.

use ::sqlite::rusqlite::{Connection, OptionalExtension, params};
use ::sqlite::{Error, Tx};
use kernel::{EventId, PageId, TenantId};

use super::rows;
use crate::marks::Mark;
use crate::store::{
    Adoption, Change, EntryKey, EntryRow, Locator, LocatorState, MAX_MARKS, PageRow, Place, RecordingRow,
    SectionRow, Written, mark,
};

/// Why a page was left as it was.
pub(super) enum Refusal {
    /// It has moved on.
    Conflict,
    /// SQLite says no.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<::sqlite::rusqlite::Error> for Refusal {
    fn from(error: ::sqlite::rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn adopt(tx: &Tx<'_>, row: &SectionRow) -> Result<Adoption, Error> {
    let address = row.section;
    let insert = "INSERT INTO section VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let inserted = tx.prepare_cached(insert)?.execute(params![
        row.tenant.as_str(),
        address.recording.to_bytes(),
        address.leg.0,
        address.section.0,
        row.kind.number(),
        row.reserved.as_str(),
        row.key_epoch.0,
        row.writer.to_bytes(),
        row.session_epoch.0,
        row.fingerprint.as_bytes(),
        row.adopted_at.0,
    ])?;
    if inserted == 1 {
        return Ok(Adoption::New);
    }
    let find = "SELECT * FROM section WHERE tenant = ? AND recording = ? AND leg = ? AND section = ?";
    let values = params![row.tenant.as_str(), address.recording.to_bytes(), address.leg.0, address.section.0];
    let before = tx.prepare_cached(find)?.query_row(values, |row| Ok(rows::section(row)))??;
    Ok(Adoption::Before(Box::new(before)))
}

pub(super) fn save_recording(tx: &Tx<'_>, row: &RecordingRow) -> Result<Written, Error> {
    let written = if row.version == 1 {
        tx.prepare_cached("INSERT INTO recording VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![
                row.tenant.as_str(),
                row.recording.to_bytes(),
                row.state.number(),
                row.policy_hash.as_bytes(),
                row.timeline_hash.as_bytes(),
                row.span_table_hash.as_bytes(),
            ])?
    } else {
        tx.prepare_cached(
            "UPDATE recording SET version = version + 1, state = ?, policy_hash = ?, timeline_hash = ?,
                 span_table_hash = ?
             WHERE tenant = ? AND recording = ? AND version = ? - 1",
        )?
        .execute(params![
            row.state.number(),
            row.policy_hash.as_bytes(),
            row.timeline_hash.as_bytes(),
            row.span_table_hash.as_bytes(),
            row.tenant.as_str(),
            row.recording.to_bytes(),
            row.version,
        ])?
    };
    Ok(if written == 1 { Written::Applied } else { Written::Conflict })
}

pub(super) fn claim(tx: &Tx<'_>, tenant: &TenantId, key: &EntryKey, place: Place) -> Result<Locator, Error> {
    let section = key.section;
    let insert = "INSERT INTO locator VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    tx.prepare_cached(insert)?.execute(params![
        tenant.as_str(),
        section.recording.to_bytes(),
        section.leg.0,
        section.section.0,
        key.purpose.as_str(),
        place.page.to_bytes(),
        place.slot,
        LocatorState::Claimed.number(),
    ])?;
    let find = "SELECT * FROM locator
        WHERE tenant = ? AND recording = ? AND leg = ? AND section = ? AND purpose = ?";
    let values = params![
        tenant.as_str(),
        section.recording.to_bytes(),
        section.leg.0,
        section.section.0,
        key.purpose.as_str(),
    ];
    tx.prepare_cached(find)?.query_row(values, |row| Ok(rows::locator(row)))?
}

/// `false` where the recording has as many other marks as it may have.
pub(super) fn add_mark(tx: &Tx<'_>, mark: &Mark, spans: &[u8]) -> Result<bool, Error> {
    let (tenant, recording) = (mark.tenant.as_str(), mark.recording.to_bytes());
    let erasure = mark.erasure.to_bytes();
    let count = "SELECT count(*) FROM mark WHERE tenant = ? AND recording = ? AND erasure <> ?";
    let others: usize =
        tx.prepare_cached(count)?.query_row(params![tenant, recording, erasure], |row| row.get(0))?;
    if others >= MAX_MARKS {
        return Ok(false);
    }
    let purposes = mark::purposes_text(&mark.purposes);
    tx.prepare_cached("INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![tenant, recording, erasure, purposes, spans, mark.at.0])?;
    Ok(true)
}

pub(super) fn open_page(tx: &Tx<'_>, row: &PageRow) -> Result<(), Error> {
    let insert = "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    tx.prepare_cached(insert)?.execute(params![
        row.page.to_bytes(),
        row.tenant.as_str(),
        row.purpose.as_str(),
        row.epoch.0,
        row.generation,
        row.version,
        row.owner.to_bytes(),
        row.state.number(),
        row.key,
        row.dirty,
        row.added,
        row.removed,
        row.bytes,
    ])?;
    Ok(())
}

pub(super) fn page(connection: &Connection, page: PageId) -> Result<Option<PageRow>, Error> {
    let mut find = connection.prepare_cached("SELECT * FROM page WHERE page = ?")?;
    find.query_row([page.to_bytes()], |row| Ok(rows::page(row))).optional()?.transpose()
}

pub(super) fn entry(connection: &Connection, place: Place) -> Result<Option<EntryRow>, Error> {
    let mut find = connection.prepare_cached(
        "SELECT entry.slot, entry.generation, entry.sealed
         FROM page JOIN entry ON entry.page = page.page AND entry.generation = page.generation
         WHERE page.page = ? AND entry.slot = ?",
    )?;
    let values = params![place.page.to_bytes(), place.slot];
    find.query_row(values, |row| Ok(rows::entry(row))).optional()?.transpose()
}

/// Every slot of the page's generation.
pub(super) fn entries(connection: &Connection, page: PageId) -> Result<Vec<EntryRow>, Error> {
    let find = "SELECT entry.slot, entry.generation, entry.sealed
        FROM page JOIN entry ON entry.page = page.page AND entry.generation = page.generation
        WHERE page.page = ? ORDER BY entry.slot";
    rows::all(connection, find, [page.to_bytes()], rows::entry)
}

pub(super) fn reason(
    connection: &Connection,
    tenant: &TenantId,
    event: EventId,
) -> Result<Option<Vec<u8>>, Error> {
    let mut find = connection.prepare_cached("SELECT sealed FROM reason WHERE tenant = ? AND event = ?")?;
    Ok(find.query_row(params![tenant.as_str(), event.to_bytes()], |row| row.get(0)).optional()?)
}

pub(super) fn write_page(tx: &Tx<'_>, id: PageId, version: u64, changes: &[Change]) -> Result<(), Refusal> {
    let mut row = page(tx, id)?.filter(|row| row.version == version).ok_or(Refusal::Conflict)?;
    for change in changes {
        apply(tx, &mut row, change)?;
    }
    let update = "UPDATE page SET version = ? + 1, dirty = ?, added = ?, removed = ?, bytes = ?
        WHERE page = ? AND version = ?";
    let values = params![version, row.dirty, row.added, row.removed, row.bytes, id.to_bytes(), version];
    tx.prepare_cached(update)?.execute(values)?;
    Ok(())
}

fn apply(tx: &Tx<'_>, row: &mut PageRow, change: &Change) -> Result<(), Refusal> {
    let slot = change.slot();
    let before = entry(tx, Place { page: row.page, slot })?.map(|entry| entry.body);
    if !change.fits(before.as_ref()) {
        return Err(Refusal::Conflict);
    }
    let put = "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed";
    tx.prepare_cached(put)?.execute(params![row.page.to_bytes(), row.generation, slot, change.sealed()])?;
    row.count(change, before.as_ref());
    Ok(())
}
