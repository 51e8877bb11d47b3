//! From the tables to domain types.

use ::sqlite::Error;
use ::sqlite::rusqlite::{Connection, params};
use kernel::{RequestId, SubjectId, TenantId};
use policy::request::{Ending, PlanName, State};

use super::row::{Found, all};
use crate::act::{Record, RequestKey};
use crate::plan::PlanItem;
use crate::store::{Head, MAX_LISTED, columns};
use crate::wire;

/// Above the bytes of every request's id.
const LAST_ID: [u8; 17] = [0xff; 17];

/// A request's head.
pub(super) fn head(c: &Connection, key: &RequestKey) -> Result<Option<Head>, Error> {
    let find = "SELECT * FROM request_head WHERE tenant = ? AND request = ?";
    let values = params![key.tenant.as_str(), key.id.to_bytes()];
    Ok(all(c, "request_head", find, values, |row| read_head(&key.tenant, row))?.pop())
}

/// The acts of a request; one that is missing, or that the head does not have, is refused.
pub(super) fn records(c: &Connection, key: &RequestKey) -> Result<Vec<Record>, Error> {
    let find = "SELECT version, act FROM request_act WHERE tenant = ? AND request = ? ORDER BY version";
    let values = params![key.tenant.as_str(), key.id.to_bytes()];
    let records = all(c, "request_act", find, values, |row| {
        let version = row.get("version")?;
        row.bytes("act", |bytes| columns::read_act(key, version, bytes))
    })?;
    let last = head(c, key)?.map_or(0, |head| head.version);
    let is_whole = columns::in_order(1, records.iter().map(|record| record.version));
    let bad = Error::Row { table: "request_act", what: "version" };
    if is_whole && records.len() as u64 == last { Ok(records) } else { Err(bad) }
}

/// The items of a plan; a page that is missing between others is refused.
pub(super) fn items(c: &Connection, key: &RequestKey, plan: &PlanName) -> Result<Vec<PlanItem>, Error> {
    let find = "SELECT number, items FROM plan_page WHERE tenant = ? AND request = ? AND plan = ?
        ORDER BY number";
    let values = params![key.tenant.as_str(), key.id.to_bytes(), plan.as_str()];
    let pages: Vec<(u64, Vec<PlanItem>)> =
        all(c, "plan_page", find, values, |row| Ok((row.get("number")?, row.bytes("items", wire::items)?)))?;
    if !columns::in_order(0, pages.iter().map(|(number, _)| *number)) {
        return Err(Error::Row { table: "plan_page", what: "number" });
    }
    Ok(pages.into_iter().flat_map(|(_, items)| items).collect())
}

/// The newest first.
pub(super) fn newest(
    c: &Connection,
    tenant: &TenantId,
    before: Option<RequestId>,
    limit: u32,
) -> Result<Vec<Head>, Error> {
    let find = "SELECT * FROM request_head WHERE tenant = ? AND request < ? ORDER BY request DESC LIMIT ?";
    let before = before.map_or_else(|| LAST_ID.to_vec(), |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), before, limit.min(MAX_LISTED)];
    all(c, "request_head", find, values, |row| read_head(tenant, row))
}

/// Those that are not closed.
pub(super) fn open(
    c: &Connection,
    tenant: &TenantId,
    after: Option<RequestId>,
    limit: u32,
) -> Result<Vec<Head>, Error> {
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), after, limit.min(MAX_LISTED)];
    all(c, "request_head", OPEN, values, |row| read_head(tenant, row))
}

pub(super) const OPEN: &str = "SELECT * FROM request_head INDEXED BY head_open
    WHERE tenant = ?1 AND state < 10 AND request > ?2 ORDER BY request LIMIT ?3";

/// Those about a person.
pub(super) fn of_subject(c: &Connection, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Head>, Error> {
    let values = params![tenant.as_str(), subject.to_bytes(), MAX_LISTED];
    all(c, "request_head", OF_SUBJECT, values, |row| read_head(tenant, row))
}

pub(super) const OF_SUBJECT: &str = "SELECT * FROM request_head INDEXED BY head_of_subject
    WHERE tenant = ?1 AND subject = ?2 ORDER BY request LIMIT ?3";

/// Those that have a request.
pub(super) fn tenants(c: &Connection) -> Result<Vec<TenantId>, Error> {
    let find = "SELECT tenant FROM request_head WHERE tenant > ? ORDER BY tenant LIMIT 1";
    tenants_by(c, "request_head", find)
}

/// Each tenant of a table by a step in its primary key: a DISTINCT would walk over every row.
pub(super) fn tenants_by(
    c: &Connection,
    table: &'static str,
    find: &'static str,
) -> Result<Vec<TenantId>, Error> {
    let mut found: Vec<TenantId> = Vec::new();
    loop {
        let after = found.last().map_or("", TenantId::as_str);
        let next = all(c, table, find, [after], |row| row.text("tenant", TenantId::new))?;
        let Some(next) = next.into_iter().next() else { return Ok(found) };
        found.push(next);
    }
}

fn read_head(tenant: &TenantId, row: &Found<'_>) -> Result<Head, Error> {
    Ok(Head {
        key: RequestKey { tenant: tenant.clone(), id: row.bytes("request", RequestId::from_slice)? },
        version: row.get("version")?,
        subject: row.bytes("subject", SubjectId::from_slice)?,
        received_at: row.at("received_at")?,
        due: row.at("due")?,
        state: row.coded("state", State::from_number)?,
        ending: row.maybe_coded("ending", Ending::from_number)?,
    })
}
