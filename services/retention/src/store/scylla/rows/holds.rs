//! Holds.

use std::collections::{BTreeSet, HashMap};

use cql::outbox::Pending;
use kernel::{HoldId, RecordingId, SubjectId, Timestamp};
use scylla::DeserializeRow;
use scylla::serialize::row::SerializeRow;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::error::{Error, version};
use super::Table;
use crate::hold::{Hold, HoldKind, HoldState, Selector};

#[derive(DeserializeRow)]
pub(in super::super) struct HoldColumns {
    tenant: String,
    id: Vec<u8>,
    version: i64,
    kind: i64,
    selector: String,
    reason: String,
    placed_by: String,
    placed_at: i64,
    review_at: i64,
    state: i64,
    released_by: Option<Vec<String>>,
    released_at: Option<i64>,
}

/// A selector in its column.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SelectorColumn {
    Recordings(BTreeSet<RecordingId>),
    Subjects(BTreeSet<SubjectId>),
    Query { from: Timestamp, until: Timestamp, subjects: BTreeSet<SubjectId> },
}

/// Values of `place`.
pub(in super::super) fn placed(
    hold: &Hold,
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        hold.tenant.to_string(),
        hold.id.to_bytes(),
        version(hold.version)?,
        act,
        hold.kind.number(),
        selector_column(&hold.selector)?,
        hold.reason.to_string(),
        hold.placed_by.clone(),
        hold.placed_at.0,
        hold.review_at.0,
        hold.state.number(),
        hold.released_by.clone(),
        hold.released_at.map(|at| at.0),
        HashMap::from([event.to_value()?]),
    ))
}

/// Values of `change_hold`.
pub(in super::super) fn changed_hold(
    hold: &Hold,
    act: Uuid,
    event: &Pending,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    Ok((
        version(hold.version)?,
        act,
        hold.kind.number(),
        selector_column(&hold.selector)?,
        hold.reason.to_string(),
        hold.placed_by.clone(),
        hold.placed_at.0,
        hold.review_at.0,
        hold.state.number(),
        hold.released_by.clone(),
        hold.released_at.map(|at| at.0),
        id,
        value,
        hold.tenant.to_string(),
        hold.id.to_bytes(),
        before,
    ))
}

pub(in super::super) fn hold(columns: HoldColumns) -> Result<Hold, Error> {
    let table = Table("retention_hold");
    let selector: SelectorColumn =
        serde_json::from_str(&columns.selector).map_err(|_| table.bad("a selector"))?;
    Ok(Hold {
        tenant: table.tenant(columns.tenant)?,
        id: table.id(HoldId::from_slice(&columns.id))?,
        version: table.version(columns.version)?,
        kind: HoldKind::from_number(columns.kind).ok_or(table.bad("a kind"))?,
        selector: read_selector(selector),
        reason: table.code(columns.reason)?,
        placed_by: columns.placed_by,
        placed_at: Timestamp(columns.placed_at),
        review_at: Timestamp(columns.review_at),
        state: HoldState::from_number(columns.state).ok_or(table.bad("a state"))?,
        released_by: columns.released_by.unwrap_or_default(),
        released_at: columns.released_at.map(Timestamp),
    })
}

fn selector_column(selector: &Selector) -> Result<String, Error> {
    let column = match selector.clone() {
        Selector::Recordings(ids) => SelectorColumn::Recordings(ids),
        Selector::Subjects(subjects) => SelectorColumn::Subjects(subjects),
        Selector::Query { from, until, subjects } => SelectorColumn::Query { from, until, subjects },
    };
    Ok(serde_json::to_string(&column)?)
}

fn read_selector(column: SelectorColumn) -> Selector {
    match column {
        SelectorColumn::Recordings(ids) => Selector::Recordings(ids),
        SelectorColumn::Subjects(subjects) => Selector::Subjects(subjects),
        SelectorColumn::Query { from, until, subjects } => Selector::Query { from, until, subjects },
    }
}
