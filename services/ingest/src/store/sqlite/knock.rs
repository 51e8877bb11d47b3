//! Word for owners that somebody else changed a session's row.

use kernel::{EventId, InstanceId, RecordingId, TenantId, Timestamp};
use rusqlite::{Connection, params};
use sqlite::Tx;

use super::Failure;
use crate::error::Error;
use crate::store::{KNOCK_KEPT, Knock, SessionKey};

/// Knocks at the session's owner; what nobody has heard for long is dropped with it.
pub(super) fn leave(tx: &Tx<'_>, key: &SessionKey, at: Timestamp) -> Result<(), Failure> {
    let kept = i64::try_from(KNOCK_KEPT.as_micros()).unwrap_or(i64::MAX);
    tx.execute("DELETE FROM session_knock WHERE at < ?", [at.0.saturating_sub(kept)])?;
    let (tenant, recording) = (key.tenant.as_str(), key.recording.to_bytes());
    tx.execute(
        "INSERT INTO session_knock (owner, id, tenant, recording, at)
         SELECT owner, ?, tenant, recording, ? FROM session WHERE tenant = ? AND recording = ?",
        params![EventId::new().to_bytes(), at.0, tenant, recording],
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, owner: InstanceId, limit: u32) -> Result<Vec<Knock>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT id, tenant, recording FROM session_knock WHERE owner = ? ORDER BY id LIMIT ?",
    )?;
    let mut rows = select.query(params![owner.to_bytes(), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, recording): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(2)?);
        let bad = |what| sqlite::Error::Row { table: "session_knock", what };
        let recording = RecordingId::from_slice(&recording).map_err(|_| bad("a recording id"))?;
        let damaged = |what| Error::Damaged { recording, what };
        let tenant = TenantId::new(row.get::<_, String>(1)?).map_err(|_| damaged("a tenant"))?;
        let id = EventId::from_slice(&id).map_err(|_| damaged("a knock's id"))?;
        found.push(Knock { id, key: SessionKey { tenant, recording } });
    }
    Ok(found)
}

pub(super) fn drop_heard(tx: &Tx<'_>, owner: InstanceId, ids: &[EventId]) -> Result<(), Failure> {
    for id in ids {
        tx.execute(
            "DELETE FROM session_knock WHERE owner = ? AND id = ?",
            params![owner.to_bytes(), id.to_bytes()],
        )?;
    }
    Ok(())
}
