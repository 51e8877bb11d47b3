//! From types to columns and back; a value that cannot be is refused, never guessed.

mod erasures;
mod holds;

use std::collections::HashMap;

use cql::outbox::Pending;
use kernel::{
    ErasureId, HoldId, InvalidId, PurposeName, RecordingId, RegimeName, SubjectId, TenantId, Timestamp,
};
use policy::PolicyHash;
use policy::code::Code;
use policy::retention::{DataKind, ExtensionOrder, OrderScope, Rule, Stamp};
use scylla::DeserializeRow;
use scylla::serialize::row::SerializeRow;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{Error, version};
use crate::kept::{Kept, RecordingKey, Term, TermState};
use crate::store::Order;

pub(super) use erasures::*;
pub(super) use holds::*;

#[derive(DeserializeRow)]
pub(super) struct KeptColumns {
    tenant: String,
    recording: Vec<u8>,
    version: i64,
    started_at: i64,
    ended_at: i64,
    policy: Vec<u8>,
    parties: Option<Vec<Vec<u8>>>,
    terms: String,
}

/// One term in the column of them.
#[derive(Serialize, Deserialize)]
struct TermColumn {
    purpose: PurposeName,
    kind: i32,
    ends: Timestamp,
    rule: Rule,
    state: i64,
}

#[derive(DeserializeRow)]
pub(super) struct OrderColumns {
    tenant: String,
    reference: String,
    regime: String,
    until_at: i64,
    scope_from: i64,
    scope_until: i64,
    scope_parties: Option<Vec<Vec<u8>>>,
    placed_by: String,
    placed_at: i64,
}

/// Values of `stamp`.
pub(super) fn stamped(
    kept: &Kept,
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        kept.key.tenant.to_string(),
        kept.key.id.to_bytes(),
        version(kept.version)?,
        act,
        kept.started_at.0,
        kept.ended_at.0,
        kept.policy.as_bytes().to_vec(),
        subject_columns(&kept.parties),
        term_columns(&kept.terms)?,
        kept.due().map(|at| at.0),
        HashMap::from([event.to_value()?]),
    ))
}

/// Values of `change`.
pub(super) fn changed(
    kept: &Kept,
    act: Uuid,
    event: &Pending,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    Ok((
        version(kept.version)?,
        act,
        kept.ended_at.0,
        term_columns(&kept.terms)?,
        kept.due().map(|at| at.0),
        id,
        value,
        kept.key.tenant.to_string(),
        kept.key.id.to_bytes(),
        before,
    ))
}

/// Values of `order`.
pub(super) fn ordered(
    order: &Order,
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let Order { tenant, order, placed_by, placed_at } = order;
    Ok((
        tenant.to_string(),
        order.reference.to_string(),
        1_i64,
        act,
        order.regime.to_string(),
        order.until.0,
        order.scope.from().0,
        order.scope.until().0,
        order.scope.parties().map(subject_columns),
        placed_by.clone(),
        placed_at.0,
        HashMap::from([event.to_value()?]),
    ))
}

pub(super) fn kept(columns: KeptColumns) -> Result<Kept, Error> {
    let table = Table("retention_kept");
    let key = RecordingKey {
        tenant: table.tenant(columns.tenant)?,
        id: table.id(RecordingId::from_slice(&columns.recording))?,
    };
    let terms: Vec<TermColumn> = serde_json::from_str(&columns.terms).map_err(|_| table.bad("terms"))?;
    Ok(Kept {
        key,
        version: table.version(columns.version)?,
        started_at: Timestamp(columns.started_at),
        ended_at: Timestamp(columns.ended_at),
        policy: PolicyHash::from_slice(&columns.policy).map_err(|_| table.bad("a policy hash"))?,
        parties: table.subjects(columns.parties.unwrap_or_default())?,
        terms: terms.into_iter().map(|column| term(table, column)).collect::<Result<_, _>>()?,
    })
}

/// The parties of a recording, alone.
pub(super) fn parties(column: Option<Vec<Vec<u8>>>) -> Result<Vec<SubjectId>, Error> {
    Table("retention_kept").subjects(column.unwrap_or_default())
}

pub(super) fn order(columns: OrderColumns) -> Result<Order, Error> {
    let table = Table("retention_order");
    let parties = columns.scope_parties.map(|column| table.subjects(column)).transpose()?;
    let parties = parties.map(|subjects| subjects.into_iter().collect());
    let (from, until) = (Timestamp(columns.scope_from), Timestamp(columns.scope_until));
    Ok(Order {
        tenant: table.tenant(columns.tenant)?,
        order: ExtensionOrder {
            reference: table.code(columns.reference)?,
            regime: RegimeName::new(columns.regime).map_err(|_| table.bad("a regime"))?,
            until: Timestamp(columns.until_at),
            scope: OrderScope::new(from, until, parties).map_err(|_| table.bad("a scope"))?,
        },
        placed_by: columns.placed_by,
        placed_at: Timestamp(columns.placed_at),
    })
}

/// An id that a pointer names.
pub(super) fn recording_id(table: &'static str, bytes: &[u8]) -> Result<RecordingId, Error> {
    Table(table).id(RecordingId::from_slice(bytes))
}

/// The same for a hold.
pub(super) fn hold_id(table: &'static str, bytes: &[u8]) -> Result<HoldId, Error> {
    Table(table).id(HoldId::from_slice(bytes))
}

/// The same for an erasure.
pub(super) fn erasure_id(table: &'static str, bytes: &[u8]) -> Result<ErasureId, Error> {
    Table(table).id(ErasureId::from_slice(bytes))
}

/// The same for a tenant.
pub(super) fn tenant(table: &'static str, text: String) -> Result<TenantId, Error> {
    Table(table).tenant(text)
}

fn subject_columns<'a>(subjects: impl IntoIterator<Item = &'a SubjectId>) -> Vec<Vec<u8>> {
    subjects.into_iter().map(|subject| subject.to_bytes().to_vec()).collect()
}

fn term_columns(terms: &[Term]) -> Result<String, Error> {
    let column = |term: &Term| {
        let Stamp { purpose, kind, ends, rule } = term.stamp.clone();
        TermColumn { purpose, kind: kind.number(), ends, rule, state: term.state.number() }
    };
    Ok(serde_json::to_string(&terms.iter().map(column).collect::<Vec<_>>())?)
}

fn term(table: Table, column: TermColumn) -> Result<Term, Error> {
    let TermColumn { purpose, kind, ends, rule, state } = column;
    let kind = DataKind::from_number(kind).ok_or(table.bad("a kind of data"))?;
    let state = TermState::from_number(state).ok_or(table.bad("a term's state"))?;
    Ok(Term { stamp: Stamp { purpose, kind, ends, rule }, state })
}

/// Whose row it is that cannot be.
#[derive(Clone, Copy)]
pub(super) struct Table(pub(super) &'static str);

impl Table {
    pub(super) fn bad(self, what: &'static str) -> Error {
        cql::Error::Row { table: self.0, what }.into()
    }

    fn tenant(self, text: String) -> Result<TenantId, Error> {
        TenantId::new(text).map_err(|_| self.bad("a tenant"))
    }

    fn code(self, text: String) -> Result<Code, Error> {
        Code::new(text).map_err(|_| self.bad("a code"))
    }

    fn id<T>(self, read: Result<T, InvalidId>) -> Result<T, Error> {
        read.map_err(|_| self.bad("an id"))
    }

    fn version(self, column: i64) -> Result<u64, Error> {
        u64::try_from(column).map_err(|_| self.bad("a version"))
    }

    fn subjects(self, column: Vec<Vec<u8>>) -> Result<Vec<SubjectId>, Error> {
        column.iter().map(|bytes| self.id(SubjectId::from_slice(bytes))).collect()
    }
}
