//! Items: a row each. The lists of those that run, are deferred and are owed are indexes over the rows themselves.

use ::sqlite::rusqlite::{Connection, params};
use ::sqlite::{Error, Tx};
use kernel::{ErasureId, RecordingId, TenantId};

use super::row::{Found, all};
use super::write::{json, run};
use crate::erasure::{Item, Step};
use crate::kept::RecordingKey;
use crate::store::{MAX_LISTED, Written, columns};

/// An item's first row.
pub(super) fn add(tx: &Tx<'_>, item: &Item) -> Result<Written, Error> {
    let insert = "INSERT INTO erasure_item VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT DO NOTHING";
    write(tx, insert, item)
}

/// The row after a change.
pub(super) fn change(tx: &Tx<'_>, item: &Item) -> Result<Written, Error> {
    let update =
        "UPDATE erasure_item SET version = ?4, scope = ?5, step = ?6, owed = ?7, erased = ?8, kept = ?9,
            report = ?10, failure = ?11
        WHERE tenant = ?1 AND erasure = ?2 AND recording = ?3 AND version = ?4 - 1";
    write(tx, update, item)
}

fn write(tx: &Tx<'_>, statement: &str, item: &Item) -> Result<Written, Error> {
    let written = run(
        tx,
        statement,
        params![
            item.tenant.as_str(),
            item.erasure.to_bytes(),
            item.recording.to_bytes(),
            item.version,
            json(columns::scope(&item.scope))?,
            item.step.number(),
            item.is_owed(),
            json(columns::purposes(&item.erased))?,
            json(columns::kept(&item.kept))?,
            json(columns::report(&item.report))?,
            item.failure.as_ref().map(|failure| json(columns::failure(failure))).transpose()?,
        ],
    )?;
    if written == 0 { Ok(Written::Conflict) } else { Ok(Written::Applied) }
}

/// An item.
pub(super) fn one(
    c: &Connection,
    tenant: &TenantId,
    erasure: ErasureId,
    recording: RecordingId,
) -> Result<Option<Item>, Error> {
    let find = "SELECT * FROM erasure_item WHERE tenant = ? AND erasure = ? AND recording = ?";
    let values = params![tenant.as_str(), erasure.to_bytes(), recording.to_bytes()];
    Ok(all(c, "erasure_item", find, values, |row| read(tenant, row))?.pop())
}

/// The items of an erasure.
pub(super) fn of_erasure(
    c: &Connection,
    tenant: &TenantId,
    erasure: ErasureId,
    after: Option<RecordingId>,
    limit: u32,
) -> Result<Vec<Item>, Error> {
    let find = "SELECT * FROM erasure_item WHERE tenant = ? AND erasure = ? AND recording > ?
        ORDER BY recording LIMIT ?";
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), erasure.to_bytes(), after, limit.min(MAX_LISTED)];
    all(c, "erasure_item", find, values, |row| read(tenant, row))
}

/// The items that one of the lists has: [`RUNNING`], [`DEFERRED`], [`OWED`].
pub(super) fn listed(
    c: &Connection,
    list: &str,
    tenant: &TenantId,
    after: Option<(ErasureId, RecordingId)>,
    limit: u32,
) -> Result<Vec<Item>, Error> {
    let (erasure, recording) = after.map_or_else(Default::default, |(erasure, recording)| {
        (erasure.to_bytes().to_vec(), recording.to_bytes().to_vec())
    });
    let values = params![tenant.as_str(), erasure, recording, limit.min(MAX_LISTED)];
    all(c, "erasure_item", list, values, |row| read(tenant, row))
}

pub(super) const RUNNING: &str = "SELECT * FROM erasure_item INDEXED BY item_running
    WHERE tenant = ?1 AND step IN (1, 2, 3, 4) AND (erasure, recording) > (?2, ?3)
    ORDER BY erasure, recording LIMIT ?4";
pub(super) const DEFERRED: &str = "SELECT * FROM erasure_item INDEXED BY item_deferred
    WHERE tenant = ?1 AND step = 6 AND (erasure, recording) > (?2, ?3)
    ORDER BY erasure, recording LIMIT ?4";
pub(super) const OWED: &str = "SELECT * FROM erasure_item INDEXED BY item_owed
    WHERE tenant = ?1 AND owed = 1 AND (erasure, recording) > (?2, ?3)
    ORDER BY erasure, recording LIMIT ?4";

/// The erasures that have a recording among their items.
pub(super) fn erasures_of(c: &Connection, key: &RecordingKey) -> Result<Vec<ErasureId>, Error> {
    let values = params![key.tenant.as_str(), key.id.to_bytes(), MAX_LISTED];
    all(c, "erasure_item", ERASURES_OF, values, |row| row.bytes("erasure", ErasureId::from_slice))
}

pub(super) const ERASURES_OF: &str = "SELECT erasure FROM erasure_item INDEXED BY item_by_recording
    WHERE tenant = ?1 AND recording = ?2 ORDER BY erasure LIMIT ?3";

fn read(tenant: &TenantId, row: &Found<'_>) -> Result<Item, Error> {
    let failure: Option<String> = row.get("failure")?;
    let failure = failure.map(|text| columns::read_failure(&text)).transpose();
    let item = Item {
        tenant: tenant.clone(),
        erasure: row.bytes("erasure", ErasureId::from_slice)?,
        recording: row.bytes("recording", RecordingId::from_slice)?,
        version: row.get("version")?,
        scope: row.text("scope", |text| columns::read_scope(&text))?,
        step: row.coded("step", Step::from_number)?,
        erased: row.text("erased", |text| columns::read_purposes(&text))?,
        kept: row.text("kept", |text| columns::read_kept(&text))?,
        report: row.text("report", |text| columns::read_report(&text))?,
        failure: failure.map_err(|_| row.bad("failure"))?,
    };
    // By this column it is found as long as a store has to finish with it.
    if item.is_owed() == row.get::<bool>("owed")? { Ok(item) } else { Err(row.bad("owed")) }
}
