//! From types to columns and back; a value that cannot be is refused, never guessed.

use std::collections::HashMap;

use cql::outbox::Pending;
use kernel::{DisclosureId, InvalidId, RequestId, SubjectId, TenantId, Timestamp};
use policy::request::{Ending, State};
use scylla::DeserializeRow;
use scylla::serialize::row::SerializeRow;
use uuid::Uuid;

use super::error::{Error, version};
use crate::act::RequestKey;
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::{Head, columns};

#[derive(DeserializeRow)]
pub(super) struct HeadColumns {
    tenant: String,
    request_id: Vec<u8>,
    head_version: i64,
    subject: Vec<u8>,
    received_at: i64,
    due: i64,
    state: i64,
    ending: Option<i64>,
}

/// Values of `begin`.
pub(super) fn begun(
    head: &Head,
    record: &[u8],
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    let version = version(head.version)?;
    Ok((
        version,
        act,
        head.subject.to_bytes(),
        head.received_at.0,
        head.due.0,
        i64::from(head.state.number()),
        head.ending.map(|ending| i64::from(ending.number())),
        id,
        value,
        record.to_vec(),
        head.key.tenant.to_string(),
        head.key.id.to_bytes(),
        version,
    ))
}

/// Values of `follow`; what a request is about, and when it was received, is as it began.
pub(super) fn followed(
    head: &Head,
    record: &[u8],
    act: Uuid,
    event: &Pending,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    let version = version(head.version)?;
    Ok((
        version,
        act,
        head.due.0,
        i64::from(head.state.number()),
        head.ending.map(|ending| i64::from(ending.number())),
        id,
        value,
        record.to_vec(),
        head.key.tenant.to_string(),
        head.key.id.to_bytes(),
        version,
        before,
    ))
}

/// Values of `begin_disclosure`.
pub(super) fn disclosed(
    disclosure: &Disclosure,
    stored: &[u8],
    act: Uuid,
    event: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    Ok((
        disclosure.key.tenant.to_string(),
        disclosure.key.id.to_bytes(),
        version(disclosure.version)?,
        act,
        stored.to_vec(),
        HashMap::from([event.to_value()?]),
    ))
}

/// Values of `change_disclosure`.
pub(super) fn changed(
    disclosure: &Disclosure,
    stored: &[u8],
    act: Uuid,
    event: &Pending,
    before: i64,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let (id, value) = event.to_value()?;
    Ok((
        version(disclosure.version)?,
        act,
        stored.to_vec(),
        id,
        value,
        disclosure.key.tenant.to_string(),
        disclosure.key.id.to_bytes(),
        before,
    ))
}

pub(super) fn head(columns: HeadColumns) -> Result<Head, Error> {
    let table = Table("dsar_request");
    let ending =
        columns.ending.map(|number| Ending::from_number(narrow(number)).ok_or(table.bad("an ending")));
    Ok(Head {
        key: RequestKey {
            tenant: table.tenant(columns.tenant)?,
            id: table.id(RequestId::from_slice(&columns.request_id))?,
        },
        version: table.version(columns.head_version)?,
        subject: table.id(SubjectId::from_slice(&columns.subject))?,
        received_at: Timestamp(columns.received_at),
        due: Timestamp(columns.due),
        state: State::from_number(narrow(columns.state)).ok_or(table.bad("a state"))?,
        ending: ending.transpose()?,
    })
}

/// A disclosure, by its version and its bytes.
pub(super) fn disclosure(key: &DisclosureKey, found: (i64, Vec<u8>)) -> Result<Disclosure, Error> {
    let (table, (version, bytes)) = (Table("dsar_disclosure"), found);
    columns::read_disclosure(key, table.version(version)?, &bytes).map_err(|_| table.bad("a disclosure"))
}

/// Disclosures that pointers lead to.
pub(super) fn disclosure_ids(table: &'static str, rows: &[(Vec<u8>,)]) -> Result<Vec<DisclosureId>, Error> {
    rows.iter().map(|(id,)| Table(table).id(DisclosureId::from_slice(id))).collect()
}

/// Requests that pointers lead to.
pub(super) fn request_ids(table: &'static str, rows: &[(Vec<u8>,)]) -> Result<Vec<RequestId>, Error> {
    rows.iter().map(|(id,)| Table(table).id(RequestId::from_slice(id))).collect()
}

/// A tenant that a pointer leads to.
pub(super) fn tenant(table: &'static str, text: String) -> Result<TenantId, Error> {
    Table(table).tenant(text)
}

/// The number of an enum; 0, which none has, where it is none.
fn narrow(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(0)
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

    fn id<T>(self, read: Result<T, InvalidId>) -> Result<T, Error> {
        read.map_err(|_| self.bad("an id"))
    }

    pub(super) fn version(self, column: i64) -> Result<u64, Error> {
        u64::try_from(column).map_err(|_| self.bad("a version"))
    }
}
