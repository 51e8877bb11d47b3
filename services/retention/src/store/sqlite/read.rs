//! From the tables to domain types.

use std::collections::BTreeSet;

use ::sqlite::Error;
use ::sqlite::rusqlite::{Connection, params};
use kernel::{HoldId, InvalidId, PurposeName, RecordingId, RegimeName, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;
use policy::code::Code;
use policy::retention::{DataKind, ExtensionOrder, OrderScope, Stamp};

use super::row::{Found, all};
use super::schema::selector;
use crate::hold::{Hold, HoldKind, HoldState, Selector};
use crate::kept::{Due, Kept, RecordingKey, Term, TermState};
use crate::store::{MAX_LISTED, Order, columns};

/// A recording.
pub(super) fn kept(c: &Connection, key: &RecordingKey) -> Result<Option<Kept>, Error> {
    let of = params![key.tenant.as_str(), key.id.to_bytes()];
    let find = "SELECT * FROM kept WHERE tenant = ? AND recording = ?";
    let found = all(c, "kept", find, of, |row| {
        let kept = Kept {
            key: key.clone(),
            version: row.get("version")?,
            started_at: row.at("started_at")?,
            ended_at: row.at("ended_at")?,
            policy: row.bytes("policy", PolicyHash::from_slice)?,
            parties: parties(c, key)?,
            terms: terms(c, key)?,
        };
        // By this column it is found when its time comes.
        if kept.due() == row.maybe_at("due_at")? { Ok(kept) } else { Err(row.bad("due_at")) }
    });
    Ok(found?.pop())
}

fn parties(c: &Connection, key: &RecordingKey) -> Result<Vec<SubjectId>, Error> {
    let find = "SELECT subject FROM kept_party WHERE tenant = ? AND recording = ? ORDER BY place";
    let of = params![key.tenant.as_str(), key.id.to_bytes()];
    all(c, "kept_party", find, of, |row| row.bytes("subject", SubjectId::from_slice))
}

fn terms(c: &Connection, key: &RecordingKey) -> Result<Vec<Term>, Error> {
    let find = "SELECT * FROM kept_term WHERE tenant = ? AND recording = ? ORDER BY purpose, kind";
    let of = params![key.tenant.as_str(), key.id.to_bytes()];
    all(c, "kept_term", find, of, |row| {
        let kind = |number| i32::try_from(number).ok().and_then(DataKind::from_number);
        let stamp = Stamp {
            purpose: row.text("purpose", PurposeName::new)?,
            kind: row.coded("kind", kind)?,
            ends: row.at("ends")?,
            rule: row.text("rule", |json| serde_json::from_str(&json))?,
        };
        Ok(Term { stamp, state: row.coded("state", TermState::from_number)? })
    })
}

/// What is due, by the index alone.
pub(super) fn due(
    c: &Connection,
    tenant: &TenantId,
    by: Timestamp,
    after: Option<&Due>,
    limit: u32,
) -> Result<Vec<Due>, Error> {
    let (at, id) = after.map_or((i64::MIN, Vec::new()), |after| (after.at.0, after.id.to_bytes().to_vec()));
    let values = params![tenant.as_str(), by.0, at, id, limit.min(MAX_LISTED)];
    all(c, "kept", DUE, values, |row| {
        Ok(Due { at: row.at("due_at")?, id: row.bytes("recording", RecordingId::from_slice)? })
    })
}

pub(super) const DUE: &str = "SELECT due_at, recording FROM kept
    WHERE tenant = ?1 AND due_at <= ?2 AND (due_at, recording) > (?3, ?4)
    ORDER BY due_at, recording LIMIT ?5";

/// Whose recordings a person is on.
pub(super) fn of_subject(
    c: &Connection,
    tenant: &TenantId,
    subject: SubjectId,
    after: Option<RecordingId>,
    limit: u32,
) -> Result<Vec<RecordingId>, Error> {
    let find = "SELECT recording FROM kept_party WHERE tenant = ? AND subject = ? AND recording > ?
        ORDER BY recording LIMIT ?";
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), subject.to_bytes(), after, limit.min(MAX_LISTED)];
    all(c, "kept_party", find, values, |row| row.bytes("recording", RecordingId::from_slice))
}

/// Each tenant by a step in the primary key: a DISTINCT would walk over every recording.
pub(super) fn tenants(c: &Connection) -> Result<Vec<TenantId>, Error> {
    let find = "SELECT tenant FROM kept WHERE tenant > ? ORDER BY tenant LIMIT 1";
    let mut found: Vec<TenantId> = Vec::new();
    loop {
        let after = found.last().map_or("", TenantId::as_str);
        let next = all(c, "kept", find, [after], |row| row.text("tenant", TenantId::new))?;
        let Some(next) = next.into_iter().next() else { return Ok(found) };
        found.push(next);
    }
}

/// A hold.
pub(super) fn hold(c: &Connection, tenant: &TenantId, id: HoldId) -> Result<Option<Hold>, Error> {
    let find = "SELECT * FROM hold WHERE tenant = ? AND id = ?";
    let found =
        all(c, "hold", find, params![tenant.as_str(), id.to_bytes()], |row| read_hold(c, tenant, row));
    Ok(found?.pop())
}

/// Holds that stand.
pub(super) fn standing(c: &Connection, tenant: &TenantId) -> Result<Vec<Hold>, Error> {
    let find = "SELECT * FROM hold INDEXED BY hold_standing WHERE tenant = ? AND state IN (1, 2) ORDER BY id";
    all(c, "hold", find, params![tenant.as_str()], |row| read_hold(c, tenant, row))
}

/// Holds that do not any more.
pub(super) fn released(
    c: &Connection,
    tenant: &TenantId,
    after: Option<HoldId>,
    limit: u32,
) -> Result<Vec<Hold>, Error> {
    let find = "SELECT * FROM hold INDEXED BY hold_released WHERE tenant = ? AND state = 3 AND id > ?
        ORDER BY id LIMIT ?";
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    let values = params![tenant.as_str(), after, limit.min(MAX_LISTED)];
    all(c, "hold", find, values, |row| read_hold(c, tenant, row))
}

fn read_hold(c: &Connection, tenant: &TenantId, row: &Found<'_>) -> Result<Hold, Error> {
    let id = row.bytes("id", HoldId::from_slice)?;
    let of = params![tenant.as_str(), id.to_bytes()];
    let asked = "SELECT asked_by FROM hold_release WHERE tenant = ? AND hold = ? ORDER BY place";
    Ok(Hold {
        tenant: tenant.clone(),
        id,
        version: row.get("version")?,
        kind: row.coded("kind", HoldKind::from_number)?,
        selector: read_selector(c, tenant, id, row)?,
        purposes: row.text("purposes", |text| columns::read_purposes(&text))?,
        reason: row.text("reason", Code::new)?,
        placed_by: row.get("placed_by")?,
        placed_at: row.at("placed_at")?,
        review_at: row.at("review_at")?,
        state: row.coded("state", HoldState::from_number)?,
        released_by: all(c, "hold_release", asked, of, |row| row.get("asked_by"))?,
        released_at: row.maybe_at("released_at")?,
    })
}

fn read_selector(
    c: &Connection,
    tenant: &TenantId,
    hold: HoldId,
    row: &Found<'_>,
) -> Result<Selector, Error> {
    match row.get::<i64>("selector")? {
        selector::RECORDINGS => Ok(Selector::Recordings(named(c, tenant, hold, RecordingId::from_slice)?)),
        selector::SUBJECTS => Ok(Selector::Subjects(named(c, tenant, hold, SubjectId::from_slice)?)),
        selector::QUERY => Ok(Selector::Query {
            from: row.at("from_at")?,
            until: row.at("until_at")?,
            subjects: named(c, tenant, hold, SubjectId::from_slice)?,
        }),
        _ => Err(row.bad("selector")),
    }
}

fn named<T: Ord>(
    c: &Connection,
    tenant: &TenantId,
    hold: HoldId,
    parse: impl Fn(&[u8]) -> Result<T, InvalidId>,
) -> Result<BTreeSet<T>, Error> {
    let find = "SELECT named FROM hold_named WHERE tenant = ? AND hold = ?";
    let of = params![tenant.as_str(), hold.to_bytes()];
    Ok(all(c, "hold_named", find, of, |row| row.bytes("named", &parse))?.into_iter().collect())
}

/// A tenant's orders.
pub(super) fn orders(c: &Connection, tenant: &TenantId) -> Result<Vec<Order>, Error> {
    let find = "SELECT * FROM extension_order WHERE tenant = ? ORDER BY reference";
    all(c, "extension_order", find, params![tenant.as_str()], |row| {
        let reference = row.text("reference", Code::new)?;
        let scope = scope(c, tenant, &reference, row)?;
        let (regime, until) = (row.text("regime", RegimeName::new)?, row.at("until_at")?);
        Ok(Order {
            tenant: tenant.clone(),
            order: ExtensionOrder { reference, regime, until, scope },
            placed_by: row.get("placed_by")?,
            placed_at: row.at("placed_at")?,
        })
    })
}

/// One that names parties and has none is refused: it would reach everybody.
fn scope(c: &Connection, tenant: &TenantId, reference: &Code, row: &Found<'_>) -> Result<OrderScope, Error> {
    let find = "SELECT subject FROM order_party WHERE tenant = ? AND reference = ?";
    let of = params![tenant.as_str(), reference.as_str()];
    let named = all(c, "order_party", find, of, |row| row.bytes("subject", SubjectId::from_slice))?;
    let names_parties: bool = row.get("names_parties")?;
    if names_parties == named.is_empty() {
        return Err(row.bad("names_parties"));
    }
    let parties = names_parties.then(|| named.into_iter().collect());
    let scope = OrderScope::new(row.at("scope_from")?, row.at("scope_until")?, parties);
    scope.map_err(|_| row.bad("scope_until"))
}
