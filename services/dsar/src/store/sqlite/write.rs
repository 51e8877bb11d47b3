//! An act with the head after it and its event, in the transaction of its caller; and pages of plans. A
//! conflict is found before anything is written; an error undoes all.

use ::sqlite::rusqlite::{Params, params};
use ::sqlite::{Error, Tx, outbox};
use kernel::Envelope;
use kernel::topics::DSAR;
use policy::request::{Ending, PlanName};

use crate::act::RequestKey;
use crate::store::{Head, Written};

/// The head after an act, the act and its event. About whom a request is, and when it was received, is as it
/// began.
pub(super) fn append(tx: &Tx<'_>, head: &Head, act: &[u8], event: &Envelope) -> Result<Written, Error> {
    let written = if head.version == 1 { begin(tx, head)? } else { follow(tx, head)? };
    if written == 0 {
        return Ok(Written::Conflict);
    }
    let (tenant, request) = (head.key.tenant.as_str(), head.key.id.to_bytes());
    let insert = "INSERT INTO request_act VALUES (?, ?, ?, ?)";
    run(tx, insert, params![tenant, request, head.version, act])?;
    outbox::push(tx, &DSAR, event)?;
    Ok(Written::Applied)
}

fn begin(tx: &Tx<'_>, head: &Head) -> Result<usize, Error> {
    run(
        tx,
        "INSERT INTO request_head VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![
            head.key.tenant.as_str(),
            head.key.id.to_bytes(),
            head.version,
            head.subject.to_bytes(),
            head.received_at.0,
            head.due.0,
            head.state.number(),
            head.ending.map(Ending::number),
        ],
    )
}

fn follow(tx: &Tx<'_>, head: &Head) -> Result<usize, Error> {
    run(
        tx,
        "UPDATE request_head SET version = ?3, due = ?4, state = ?5, ending = ?6
         WHERE tenant = ?1 AND request = ?2 AND version = ?3 - 1",
        params![
            head.key.tenant.as_str(),
            head.key.id.to_bytes(),
            head.version,
            head.due.0,
            head.state.number(),
            head.ending.map(Ending::number),
        ],
    )
}

/// A page, unless it is there: a plan's name follows from what is in it.
pub(super) fn page(
    tx: &Tx<'_>,
    key: &RequestKey,
    plan: &PlanName,
    number: u32,
    items: &[u8],
) -> Result<(), Error> {
    let insert = "INSERT INTO plan_page VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let (tenant, request) = (key.tenant.as_str(), key.id.to_bytes());
    run(tx, insert, params![tenant, request, plan.as_str(), number, items]).map(drop)
}

pub(super) fn run(tx: &Tx<'_>, statement: &str, values: impl Params) -> Result<usize, Error> {
    Ok(tx.prepare_cached(statement)?.execute(values)?)
}
