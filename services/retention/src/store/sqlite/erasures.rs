//! Erasures: a row each, with the event of its change.

use ::sqlite::rusqlite::{Connection, params};
use ::sqlite::{Error, Tx};
use kernel::{Envelope, ErasureId, TenantId};
use policy::code::Code;

use super::row::{Found, all};
use super::write::{json, run, tell};
use crate::erasure::{Cause, Erasure, State};
use crate::store::{MAX_LISTED, Written, columns};

/// Above the bytes of every erasure's id.
const LAST_ID: [u8; 17] = [0xff; 17];

/// An erasure's first row.
pub(super) fn begin(tx: &Tx<'_>, erasure: &Erasure, event: &Envelope) -> Result<Written, Error> {
    let added = run(
        tx,
        "INSERT INTO erasure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![
            erasure.tenant.as_str(),
            erasure.id.to_bytes(),
            erasure.version,
            erasure.cause.number(),
            json(columns::target(&erasure.target))?,
            json(columns::scope(&erasure.scope))?,
            erasure.reason.as_str(),
            erasure.ordered_by,
            erasure.ordered_at.0,
            erasure.state.number(),
            erasure.items,
            erasure.settled_at.map(|at| at.0),
            erasure.receipt,
        ],
    )?;
    if added == 0 { Ok(Written::Conflict) } else { tell(tx, event) }
}

/// The row after a change; what was ordered stays.
pub(super) fn change(tx: &Tx<'_>, erasure: &Erasure, event: &Envelope) -> Result<Written, Error> {
    let changed = run(
        tx,
        "UPDATE erasure SET version = ?3, state = ?4, items = ?5, settled_at = ?6, receipt = ?7
         WHERE tenant = ?1 AND id = ?2 AND version = ?3 - 1",
        params![
            erasure.tenant.as_str(),
            erasure.id.to_bytes(),
            erasure.version,
            erasure.state.number(),
            erasure.items,
            erasure.settled_at.map(|at| at.0),
            erasure.receipt,
        ],
    )?;
    if changed == 0 { Ok(Written::Conflict) } else { tell(tx, event) }
}

/// An erasure.
pub(super) fn one(c: &Connection, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>, Error> {
    let find = "SELECT * FROM erasure WHERE tenant = ? AND id = ?";
    let found = all(c, "erasure", find, params![tenant.as_str(), id.to_bytes()], |row| read(tenant, row));
    Ok(found?.pop())
}

/// The newest first.
pub(super) fn newest(
    c: &Connection,
    tenant: &TenantId,
    before: Option<ErasureId>,
    limit: u32,
) -> Result<Vec<Erasure>, Error> {
    let find = "SELECT * FROM erasure WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?";
    let before = before.map_or_else(|| LAST_ID.to_vec(), |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), before, limit.min(MAX_LISTED)];
    all(c, "erasure", find, values, |row| read(tenant, row))
}

/// Those that gather or run.
pub(super) fn unsettled(c: &Connection, tenant: &TenantId) -> Result<Vec<ErasureId>, Error> {
    let values = params![tenant.as_str(), MAX_LISTED];
    all(c, "erasure", UNSETTLED, values, |row| row.bytes("id", ErasureId::from_slice))
}

pub(super) const UNSETTLED: &str = "SELECT id FROM erasure INDEXED BY erasure_unsettled
    WHERE tenant = ?1 AND state IN (1, 2) ORDER BY id LIMIT ?2";

fn read(tenant: &TenantId, row: &Found<'_>) -> Result<Erasure, Error> {
    Ok(Erasure {
        tenant: tenant.clone(),
        id: row.bytes("id", ErasureId::from_slice)?,
        version: row.get("version")?,
        cause: row.coded("cause", Cause::from_number)?,
        target: row.text("target", |text| columns::read_target(&text))?,
        scope: row.text("scope", |text| columns::read_scope(&text))?,
        reason: row.text("reason", Code::new)?,
        ordered_by: row.get("ordered_by")?,
        ordered_at: row.at("ordered_at")?,
        state: row.coded("state", State::from_number)?,
        items: row.get("items")?,
        settled_at: row.maybe_at("settled_at")?,
        receipt: row.get("receipt")?,
    })
}
