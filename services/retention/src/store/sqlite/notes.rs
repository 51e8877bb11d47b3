//! What is one value of a tenant, or of the store: how many recordings, which policy was applied, which sweep waits, how
//! far the journal is read.

use ::sqlite::rusqlite::{Connection, params};
use ::sqlite::{Error, Tx};
use kernel::TenantId;
use policy::PolicyHash;

use super::row::{Found, all};
use super::write::run;
use crate::store::SweepAsked;

/// One more recording of a tenant has a running term; in the transaction that makes it so.
pub(super) fn count_one_more(tx: &Tx<'_>, tenant: &TenantId) -> Result<(), Error> {
    let count =
        "INSERT INTO tenant_total VALUES (?, 1) ON CONFLICT (tenant) DO UPDATE SET running = running + 1";
    run(tx, count, [tenant.as_str()]).map(drop)
}

/// One has none any more.
pub(super) fn count_one_less(tx: &Tx<'_>, tenant: &TenantId) -> Result<(), Error> {
    let count = "UPDATE tenant_total SET running = running - 1 WHERE tenant = ?";
    run(tx, count, [tenant.as_str()]).map(drop)
}

pub(super) fn count_kept(c: &Connection, tenant: &TenantId) -> Result<u64, Error> {
    let find = "SELECT running FROM tenant_total WHERE tenant = ?";
    let found: Vec<u64> = all(c, "tenant_total", find, [tenant.as_str()], |row| row.get("running"))?;
    Ok(found.first().copied().unwrap_or(0))
}

pub(super) fn applied_policy(c: &Connection, tenant: &TenantId) -> Result<Option<PolicyHash>, Error> {
    let find = "SELECT policy FROM applied_policy WHERE tenant = ?";
    let read = |row: &Found<'_>| row.bytes("policy", PolicyHash::from_slice);
    Ok(all(c, "applied_policy", find, [tenant.as_str()], read)?.pop())
}

pub(super) fn set_applied_policy(tx: &Tx<'_>, tenant: &TenantId, policy: PolicyHash) -> Result<(), Error> {
    let note = "INSERT OR REPLACE INTO applied_policy VALUES (?, ?)";
    run(tx, note, params![tenant.as_str(), policy.as_bytes()]).map(drop)
}

pub(super) fn sweep_asked(c: &Connection, tenant: &TenantId) -> Result<Option<SweepAsked>, Error> {
    let find = "SELECT * FROM sweep_asked WHERE tenant = ?";
    let found = all(c, "sweep_asked", find, [tenant.as_str()], |row| {
        Ok(SweepAsked {
            tenant: tenant.clone(),
            plan: row.get("plan")?,
            by: row.get("asked_by")?,
            at: row.at("asked_at")?,
        })
    });
    Ok(found?.pop())
}

pub(super) fn set_sweep_asked(
    tx: &Tx<'_>,
    tenant: &TenantId,
    asked: Option<&SweepAsked>,
) -> Result<(), Error> {
    let Some(SweepAsked { tenant: _, plan, by, at }) = asked else {
        return run(tx, "DELETE FROM sweep_asked WHERE tenant = ?", [tenant.as_str()]).map(drop);
    };
    let note = "INSERT OR REPLACE INTO sweep_asked VALUES (?, ?, ?, ?)";
    run(tx, note, params![tenant.as_str(), plan, by, at.0]).map(drop)
}

pub(super) fn journal_position(c: &Connection) -> Result<u64, Error> {
    let find = "SELECT position FROM journal_position";
    let found: Vec<u64> = all(c, "journal_position", find, [], |row| row.get("position"))?;
    Ok(found.first().copied().unwrap_or(0))
}

/// The higher one stays.
pub(super) fn set_journal_position(tx: &Tx<'_>, position: u64) -> Result<(), Error> {
    let note = "INSERT INTO journal_position VALUES (1, ?1)
        ON CONFLICT (one) DO UPDATE SET position = max(position, ?1)";
    run(tx, note, [position]).map(drop)
}
