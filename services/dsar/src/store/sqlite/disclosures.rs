//! Disclosures: each one row, written with its event in one transaction. What lists go by stands in columns beside its
//! bytes, and a row in which they say other things is refused.

use ::sqlite::rusqlite::{Connection, params};
use ::sqlite::{Error, Tx, outbox};
use async_trait::async_trait;
use kernel::topics::DISCLOSURES;
use kernel::{DisclosureId, Envelope, RecordingId, TenantId};

use super::row::{Found, all};
use super::write::run;
use super::{SqliteStore, failed, read};
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::store::{Disclosures, MAX_LISTED, StoreError, Written, columns};

const TABLE: &str = "disclosure";

#[async_trait]
impl Disclosures for SqliteStore {
    async fn put(&self, disclosure: &Disclosure, event: &Envelope) -> Result<Written, StoreError> {
        let stored = columns::disclosure(disclosure).map_err(failed("keep a disclosure"))?;
        let (disclosure, event) = (disclosure.clone(), event.clone());
        let written = self.db.write(move |tx| put(tx, &disclosure, &stored, &event)).await;
        Ok(self.rung(written.map_err(failed("keep a disclosure"))?))
    }

    async fn get(&self, key: &DisclosureKey) -> Result<Option<Disclosure>, StoreError> {
        let key = key.clone();
        self.db.read(move |c| get(c, &key)).await.map_err(failed("read a disclosure"))
    }

    async fn of_recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| of_recording(c, &tenant, recording, after, limit)).await;
        read.map_err(failed("read the disclosures of a recording"))
    }

    async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| unanswered(c, &tenant, after, limit)).await;
        read.map_err(failed("read the unanswered notices"))
    }

    async fn disclosing(&self) -> Result<Vec<TenantId>, StoreError> {
        self.db.read(disclosing).await.map_err(failed("read the tenants with disclosures"))
    }
}

/// A conflict is found before anything is written; an error undoes all. What lists go by follows from the disclosure.
fn put(tx: &Tx<'_>, disclosure: &Disclosure, stored: &[u8], event: &Envelope) -> Result<Written, Error> {
    let statement = match disclosure.version {
        1 => "INSERT INTO disclosure VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        _ => {
            "UPDATE disclosure SET version = ?3, recording = ?4, unanswered = ?5, stored = ?6
             WHERE tenant = ?1 AND disclosure = ?2 AND version = ?3 - 1"
        }
    };
    let values = params![
        disclosure.key.tenant.as_str(),
        disclosure.key.id.to_bytes(),
        disclosure.version,
        disclosure.recording.to_bytes(),
        disclosure.is_open(),
        stored,
    ];
    if run(tx, statement, values)? == 0 {
        return Ok(Written::Conflict);
    }
    outbox::push(tx, &DISCLOSURES, event)?;
    Ok(Written::Applied)
}

fn get(c: &Connection, key: &DisclosureKey) -> Result<Option<Disclosure>, Error> {
    let find = "SELECT * FROM disclosure WHERE tenant = ? AND disclosure = ?";
    let values = params![key.tenant.as_str(), key.id.to_bytes()];
    Ok(all(c, TABLE, find, values, |row| read_row(&key.tenant, row))?.pop())
}

fn of_recording(
    c: &Connection,
    tenant: &TenantId,
    recording: RecordingId,
    after: Option<DisclosureId>,
    limit: u32,
) -> Result<Vec<Disclosure>, Error> {
    let values = params![tenant.as_str(), recording.to_bytes(), above(after), limit.min(MAX_LISTED)];
    all(c, TABLE, OF_RECORDING, values, |row| read_row(tenant, row))
}

pub(super) const OF_RECORDING: &str = "SELECT * FROM disclosure INDEXED BY disclosure_of_recording
    WHERE tenant = ?1 AND recording = ?2 AND disclosure > ?3 ORDER BY disclosure LIMIT ?4";

fn unanswered(
    c: &Connection,
    tenant: &TenantId,
    after: Option<DisclosureId>,
    limit: u32,
) -> Result<Vec<Disclosure>, Error> {
    let values = params![tenant.as_str(), above(after), limit.min(MAX_LISTED)];
    all(c, TABLE, UNANSWERED, values, |row| read_row(tenant, row))
}

pub(super) const UNANSWERED: &str = "SELECT * FROM disclosure INDEXED BY disclosure_unanswered
    WHERE tenant = ?1 AND unanswered = 1 AND disclosure > ?2 ORDER BY disclosure LIMIT ?3";

fn disclosing(c: &Connection) -> Result<Vec<TenantId>, Error> {
    let find = "SELECT tenant FROM disclosure WHERE tenant > ? ORDER BY tenant LIMIT 1";
    read::tenants_by(c, TABLE, find)
}

/// Below the bytes of every id where it is after none.
fn above(after: Option<DisclosureId>) -> Vec<u8> {
    after.map_or_else(Vec::new, |id| id.to_bytes().to_vec())
}

fn read_row(tenant: &TenantId, row: &Found<'_>) -> Result<Disclosure, Error> {
    let key =
        DisclosureKey { tenant: tenant.clone(), id: row.bytes("disclosure", DisclosureId::from_slice)? };
    let version = row.get("version")?;
    let disclosure = row.bytes("stored", |bytes| columns::read_disclosure(&key, version, bytes))?;
    if row.bytes("recording", RecordingId::from_slice)? != disclosure.recording {
        return Err(row.bad("recording"));
    }
    if row.get::<bool>("unanswered")? != disclosure.is_open() {
        return Err(row.bad("unanswered"));
    }
    Ok(disclosure)
}
