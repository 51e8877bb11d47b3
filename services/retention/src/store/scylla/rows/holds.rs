//! Holds.

use std::collections::{BTreeSet, HashMap};

use cql::outbox::Pending;
use kernel::{HoldId, PurposeName, RecordingId, SubjectId, Timestamp};
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

/// The column of what a hold is over: the selector, and the purposes of a restriction, which other holds have
/// not.
#[derive(Serialize, Deserialize)]
struct OverColumn {
    #[serde(flatten)]
    selector: SelectorColumn,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    purposes: BTreeSet<PurposeName>,
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
        over_column(hold)?,
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
        over_column(hold)?,
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
    let over: OverColumn = serde_json::from_str(&columns.selector).map_err(|_| table.bad("a selector"))?;
    Ok(Hold {
        tenant: table.tenant(columns.tenant)?,
        id: table.id(HoldId::from_slice(&columns.id))?,
        version: table.version(columns.version)?,
        kind: HoldKind::from_number(columns.kind).ok_or(table.bad("a kind"))?,
        selector: read_selector(over.selector),
        purposes: over.purposes,
        reason: table.code(columns.reason)?,
        placed_by: columns.placed_by,
        placed_at: Timestamp(columns.placed_at),
        review_at: Timestamp(columns.review_at),
        state: HoldState::from_number(columns.state).ok_or(table.bad("a state"))?,
        released_by: columns.released_by.unwrap_or_default(),
        released_at: columns.released_at.map(Timestamp),
    })
}

fn over_column(hold: &Hold) -> Result<String, Error> {
    let selector = match hold.selector.clone() {
        Selector::Recordings(ids) => SelectorColumn::Recordings(ids),
        Selector::Subjects(subjects) => SelectorColumn::Subjects(subjects),
        Selector::Query { from, until, subjects } => SelectorColumn::Query { from, until, subjects },
    };
    Ok(serde_json::to_string(&OverColumn { selector, purposes: hold.purposes.clone() })?)
}

fn read_selector(column: SelectorColumn) -> Selector {
    match column {
        SelectorColumn::Recordings(ids) => Selector::Recordings(ids),
        SelectorColumn::Subjects(subjects) => Selector::Subjects(subjects),
        SelectorColumn::Query { from, until, subjects } => Selector::Query { from, until, subjects },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::some_hold;

    fn columns(selector: String) -> HoldColumns {
        HoldColumns {
            tenant: "banca-alfa".to_owned(),
            id: vec![7; 16],
            version: 1,
            kind: HoldKind::Restriction.number(),
            selector,
            reason: "case-7".to_owned(),
            placed_by: "anna".to_owned(),
            placed_at: 1,
            review_at: 2,
            state: HoldState::Placed.number(),
            released_by: None,
            released_at: None,
        }
    }

    #[test]
    fn what_a_hold_is_over_is_one_text_with_and_without_purposes() {
        let (id, subject) = (RecordingId::from_bytes([1; 16]), SubjectId::from_bytes([2; 16]));
        let purposes: BTreeSet<_> = [PurposeName::new("quality").unwrap()].into();
        let query = Selector::Query { from: Timestamp(-1), until: Timestamp(5), subjects: [subject].into() };
        for (selector, text) in [
            (Selector::Recordings([id].into()), format!(r#""recordings":["{id}"]"#)),
            (Selector::Subjects([subject].into()), format!(r#""subjects":["{subject}"]"#)),
            (query, format!(r#""query":{{"from":-1,"until":5,"subjects":["{subject}"]}}"#)),
        ] {
            let plain = Hold { selector, ..some_hold() };
            // As rows have it that were written before there were restrictions.
            assert_eq!(over_column(&plain).unwrap(), format!("{{{text}}}"));
            let restriction = Hold { purposes: purposes.clone(), ..plain.clone() };
            assert_eq!(over_column(&restriction).unwrap(), format!(r#"{{{text},"purposes":["quality"]}}"#));
            for placed in [plain, restriction] {
                let back = hold(columns(over_column(&placed).unwrap())).unwrap();
                assert_eq!((back.selector, back.purposes), (placed.selector, placed.purposes));
            }
        }
        for text in ["", "{}", r#"{"purposes":["quality"]}"#, r#"{"subjects":[],"purposes":["No Slug"]}"#] {
            assert!(hold(columns(text.to_owned())).is_err(), "{text}");
        }
    }
}
