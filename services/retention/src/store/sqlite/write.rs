//! Rows and the events that tell of them, each in the transaction of its caller. A conflict is found before anything is
//! written; an error undoes all.

use ::sqlite::rusqlite::{Error as Statement, OptionalExtension, Params, params};
use ::sqlite::{Error, Tx, outbox};
use kernel::topics::RETENTION;
use kernel::{Envelope, ErrorCode, RecordingId, ServiceError, SubjectId, Timestamp};

use super::notes;
use super::schema::selector;
use crate::hold::{Hold, Selector};
use crate::kept::Kept;
use crate::store::{MAX_HOLDS, MAX_ORDERS, Order, Written, columns};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The tenant has as many as it may.
    #[error("the tenant has {limit} {what} already")]
    Full { what: &'static str, limit: usize },
    /// The engine refused.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl ServiceError for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Full { .. } => ErrorCode::ResourceExhausted,
            Self::Failed(error) => error.code(),
        }
    }
}

/// A recording's first row.
pub(super) fn stamp(tx: &Tx<'_>, kept: &Kept, event: &Envelope) -> Result<Written, Error> {
    let (tenant, id) = (kept.key.tenant.as_str(), kept.key.id.to_bytes());
    let added = run(
        tx,
        "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![
            tenant,
            id,
            kept.version,
            kept.started_at.0,
            kept.ended_at.0,
            kept.policy.as_bytes(),
            kept.due().map(|at| at.0),
        ],
    )?;
    if added == 0 {
        return Ok(Written::Conflict);
    }
    for (place, subject) in kept.parties.iter().enumerate() {
        let values = params![tenant, id, place, subject.to_bytes()];
        run(tx, "INSERT INTO kept_party VALUES (?, ?, ?, ?)", values)?;
    }
    insert_terms(tx, kept)?;
    if kept.due().is_some() {
        notes::count_one_more(tx, &kept.key.tenant)?;
    }
    tell(tx, event)
}

/// The row after a change; where it is found when due follows by the index.
pub(super) fn change(tx: &Tx<'_>, kept: &Kept, event: &Envelope) -> Result<Written, Error> {
    let (tenant, id) = (kept.key.tenant.as_str(), kept.key.id.to_bytes());
    let was_due =
        "SELECT due_at IS NOT NULL FROM kept WHERE tenant = ?1 AND recording = ?2 AND version = ?3 - 1";
    let was_due = tx
        .prepare_cached(was_due)?
        .query_row(params![tenant, id, kept.version], |row| row.get(0))
        .optional()?;
    let Some(was_due) = was_due else { return Ok(Written::Conflict) };
    run(
        tx,
        "UPDATE kept SET version = ?3, ended_at = ?4, due_at = ?5 WHERE tenant = ?1 AND recording = ?2",
        params![tenant, id, kept.version, kept.ended_at.0, kept.due().map(|at| at.0)],
    )?;
    match (was_due, kept.due().is_some()) {
        (false, true) => notes::count_one_more(tx, &kept.key.tenant)?,
        (true, false) => notes::count_one_less(tx, &kept.key.tenant)?,
        (true, true) | (false, false) => {}
    }
    run(tx, "DELETE FROM kept_term WHERE tenant = ? AND recording = ?", params![tenant, id])?;
    insert_terms(tx, kept)?;
    tell(tx, event)
}

fn insert_terms(tx: &Tx<'_>, kept: &Kept) -> Result<(), Error> {
    for term in &kept.terms {
        let rule = json(serde_json::to_string(&term.stamp.rule))?;
        run(
            tx,
            "INSERT INTO kept_term VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                kept.key.tenant.as_str(),
                kept.key.id.to_bytes(),
                term.stamp.purpose.as_str(),
                term.stamp.kind.number(),
                term.stamp.ends.0,
                rule,
                term.state.number(),
            ],
        )?;
    }
    Ok(())
}

/// A hold's first row.
pub(super) fn place(tx: &Tx<'_>, hold: &Hold, event: &Envelope) -> Result<Written, Refusal> {
    let insert = "INSERT INTO hold VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        ON CONFLICT DO NOTHING";
    if write_hold(tx, insert, hold)? == 0 {
        return Ok(Written::Conflict);
    }
    let standing = "SELECT count(*) FROM hold INDEXED BY hold_standing WHERE tenant = ? AND state IN (1, 2)";
    at_most(tx, "standing holds", standing, hold.tenant.as_str(), MAX_HOLDS)?;
    insert_lists(tx, hold)?;
    Ok(tell(tx, event)?)
}

/// A hold's row after a change.
pub(super) fn change_hold(tx: &Tx<'_>, hold: &Hold, event: &Envelope) -> Result<Written, Error> {
    let update = "UPDATE hold SET version = ?3, kind = ?4, selector = ?5, from_at = ?6, until_at = ?7,
            reason = ?8, placed_by = ?9, placed_at = ?10, review_at = ?11, state = ?12, released_at = ?13,
            purposes = ?14
        WHERE tenant = ?1 AND id = ?2 AND version = ?3 - 1";
    if write_hold(tx, update, hold)? == 0 {
        return Ok(Written::Conflict);
    }
    let of = params![hold.tenant.as_str(), hold.id.to_bytes()];
    run(tx, "DELETE FROM hold_named WHERE tenant = ? AND hold = ?", of)?;
    run(tx, "DELETE FROM hold_release WHERE tenant = ? AND hold = ?", of)?;
    insert_lists(tx, hold)?;
    tell(tx, event)
}

fn write_hold(tx: &Tx<'_>, statement: &str, hold: &Hold) -> Result<usize, Error> {
    let (number, from, until) = match &hold.selector {
        Selector::Recordings(_) => (selector::RECORDINGS, None, None),
        Selector::Subjects(_) => (selector::SUBJECTS, None, None),
        Selector::Query { from, until, subjects: _ } => (selector::QUERY, Some(from.0), Some(until.0)),
    };
    run(
        tx,
        statement,
        params![
            hold.tenant.as_str(),
            hold.id.to_bytes(),
            hold.version,
            hold.kind.number(),
            number,
            from,
            until,
            hold.reason.as_str(),
            hold.placed_by,
            hold.placed_at.0,
            hold.review_at.0,
            hold.state.number(),
            hold.released_at.map(|Timestamp(at)| at),
            json(columns::purposes(&hold.purposes))?,
        ],
    )
}

/// Whom or what it names, and who asked for its release.
fn insert_lists(tx: &Tx<'_>, hold: &Hold) -> Result<(), Error> {
    let (tenant, id) = (hold.tenant.as_str(), hold.id.to_bytes());
    let named: Vec<[u8; 16]> = match &hold.selector {
        Selector::Recordings(recordings) => recordings.iter().copied().map(RecordingId::to_bytes).collect(),
        Selector::Subjects(subjects) | Selector::Query { subjects, .. } => {
            subjects.iter().copied().map(SubjectId::to_bytes).collect()
        }
    };
    for named in named {
        run(tx, "INSERT INTO hold_named VALUES (?, ?, ?)", params![tenant, id, named])?;
    }
    for (place, asked_by) in hold.released_by.iter().enumerate() {
        run(tx, "INSERT INTO hold_release VALUES (?, ?, ?, ?)", params![tenant, id, place, asked_by])?;
    }
    Ok(())
}

/// An order.
pub(super) fn order(tx: &Tx<'_>, placed: &Order, event: &Envelope) -> Result<Written, Refusal> {
    let (tenant, order) = (placed.tenant.as_str(), &placed.order);
    let parties = order.scope.parties();
    let added = run(
        tx,
        "INSERT INTO extension_order VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![
            tenant,
            order.reference.as_str(),
            order.regime.as_str(),
            order.until.0,
            order.scope.from().0,
            order.scope.until().0,
            parties.is_some(),
            placed.placed_by,
            placed.placed_at.0,
        ],
    )?;
    if added == 0 {
        return Ok(Written::Conflict);
    }
    let orders = "SELECT count(*) FROM extension_order WHERE tenant = ?";
    at_most(tx, "orders", orders, tenant, MAX_ORDERS)?;
    for subject in parties.into_iter().flatten() {
        let values = params![tenant, order.reference.as_str(), subject.to_bytes()];
        run(tx, "INSERT INTO order_party VALUES (?, ?, ?)", values)?;
    }
    Ok(tell(tx, event)?)
}

/// Refuses what is one too many, which is among those counted.
fn at_most(tx: &Tx<'_>, what: &'static str, count: &str, tenant: &str, limit: usize) -> Result<(), Refusal> {
    let counted = |row: &::sqlite::rusqlite::Row<'_>| row.get(0);
    let count: usize = tx
        .prepare_cached(count)
        .and_then(|mut count| count.query_row([tenant], counted))
        .map_err(Error::from)?;
    if count > limit { Err(Refusal::Full { what, limit }) } else { Ok(()) }
}

/// A text that could not be made of a value: a fault of ours.
pub(super) fn json(text: Result<String, serde_json::Error>) -> Result<String, Error> {
    text.map_err(|error| Statement::ToSqlConversionFailure(Box::new(error)).into())
}

pub(super) fn tell(tx: &Tx<'_>, event: &Envelope) -> Result<Written, Error> {
    outbox::push(tx, &RETENTION, event)?;
    Ok(Written::Applied)
}

pub(super) fn run(tx: &Tx<'_>, statement: &str, values: impl Params) -> Result<usize, Error> {
    Ok(tx.prepare_cached(statement)?.execute(values)?)
}
