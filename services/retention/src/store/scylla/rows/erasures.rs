//! Erasures and their items.

use std::collections::HashMap;

use cql::outbox::Pending;
use kernel::{ErasureId, RecordingId, Timestamp};
use scylla::DeserializeRow;
use scylla::serialize::row::SerializeRow;
use uuid::Uuid;

use super::super::error::{Error, version};
use super::super::lists::List;
use super::Table;
use crate::erasure::{Cause, Erasure, Item, State, Step};
use crate::store::columns;

#[derive(DeserializeRow)]
pub(in super::super) struct ErasureColumns {
    tenant: String,
    id: Vec<u8>,
    version: i64,
    cause: i64,
    target: String,
    scope: String,
    reason: String,
    ordered_by: String,
    ordered_at: i64,
    state: i64,
    items: i64,
    settled_at: Option<i64>,
    receipt: Vec<u8>,
}

#[derive(DeserializeRow)]
pub(in super::super) struct ItemColumns {
    tenant: String,
    erasure: Vec<u8>,
    recording: Vec<u8>,
    version: i64,
    scope: String,
    step: i64,
    in_list: Option<i64>,
    erased: String,
    kept: String,
    report: String,
    failure: Option<String>,
}

/// Values of `begin_erasure`.
pub(in super::super) fn begun(
    erasure: &Erasure,
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        erasure.tenant.to_string(),
        erasure.id.to_bytes(),
        version(erasure.version)?,
        act,
        erasure.cause.number(),
        columns::target(&erasure.target)?,
        columns::scope(&erasure.scope)?,
        erasure.reason.to_string(),
        erasure.ordered_by.clone(),
        erasure.ordered_at.0,
        erasure.state.number(),
        i64::from(erasure.items),
        erasure.settled_at.map(|at| at.0),
        erasure.receipt.clone(),
        HashMap::from([event.to_value()?]),
    ))
}

/// Values of `change_erasure`.
pub(in super::super) fn changed_erasure(
    erasure: &Erasure,
    act: Uuid,
    event: &Pending,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    Ok((
        version(erasure.version)?,
        act,
        erasure.state.number(),
        i64::from(erasure.items),
        erasure.settled_at.map(|at| at.0),
        erasure.receipt.clone(),
        id,
        value,
        erasure.tenant.to_string(),
        erasure.id.to_bytes(),
        before,
    ))
}

/// Values of `add_item`.
pub(in super::super) fn added(
    item: &Item,
    act: Uuid,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        item.tenant.to_string(),
        item.erasure.to_bytes(),
        item.recording.to_bytes(),
        version(item.version)?,
        act,
        columns::scope(&item.scope)?,
        item.step.number(),
        List::of(item).map(List::number),
        columns::purposes(&item.erased)?,
        columns::kept(&item.kept)?,
        columns::report(&item.report)?,
        item.failure.as_ref().map(columns::failure).transpose()?,
    ))
}

/// Values of `change_item`.
pub(in super::super) fn changed_item(
    item: &Item,
    act: Uuid,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        version(item.version)?,
        act,
        columns::scope(&item.scope)?,
        item.step.number(),
        List::of(item).map(List::number),
        columns::purposes(&item.erased)?,
        columns::kept(&item.kept)?,
        columns::report(&item.report)?,
        item.failure.as_ref().map(columns::failure).transpose()?,
        item.tenant.to_string(),
        item.erasure.to_bytes(),
        item.recording.to_bytes(),
        before,
    ))
}

pub(in super::super) fn erasure(row: ErasureColumns) -> Result<Erasure, Error> {
    let table = Table("retention_erasure");
    Ok(Erasure {
        tenant: table.tenant(row.tenant)?,
        id: table.id(ErasureId::from_slice(&row.id))?,
        version: table.version(row.version)?,
        cause: Cause::from_number(row.cause).ok_or(table.bad("a cause"))?,
        target: columns::read_target(&row.target).map_err(|_| table.bad("a target"))?,
        scope: columns::read_scope(&row.scope).map_err(|_| table.bad("a scope"))?,
        reason: table.code(row.reason)?,
        ordered_by: row.ordered_by,
        ordered_at: Timestamp(row.ordered_at),
        state: state(row.state)?,
        items: u32::try_from(row.items).map_err(|_| table.bad("a number of items"))?,
        settled_at: row.settled_at.map(Timestamp),
        receipt: row.receipt,
    })
}

/// The state of an erasure, alone.
pub(in super::super) fn state(column: i64) -> Result<State, Error> {
    State::from_number(column).ok_or(Table("retention_erasure").bad("a state"))
}

pub(in super::super) fn item(row: ItemColumns) -> Result<Item, Error> {
    let table = Table("retention_item");
    let failure = row.failure.map(|text| columns::read_failure(&text)).transpose();
    let item = Item {
        tenant: table.tenant(row.tenant)?,
        erasure: table.id(ErasureId::from_slice(&row.erasure))?,
        recording: table.id(RecordingId::from_slice(&row.recording))?,
        version: table.version(row.version)?,
        scope: columns::read_scope(&row.scope).map_err(|_| table.bad("a scope"))?,
        step: Step::from_number(row.step).ok_or(table.bad("a step"))?,
        erased: columns::read_purposes(&row.erased).map_err(|_| table.bad("purposes"))?,
        kept: columns::read_kept(&row.kept).map_err(|_| table.bad("what is kept back"))?,
        report: columns::read_report(&row.report).map_err(|_| table.bad("a report"))?,
        failure: failure.map_err(|_| table.bad("a failure"))?,
    };
    // By this column it is known which list leads to it.
    if List::of(&item).map(List::number) == row.in_list { Ok(item) } else { Err(table.bad("a list")) }
}
