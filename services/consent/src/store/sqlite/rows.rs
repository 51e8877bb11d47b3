//! Statements, and from columns to rows; a value that cannot be is refused, never guessed.

use std::collections::BTreeMap;

use ::sqlite::rusqlite::{Connection, OptionalExtension, Params, Row, params};
use ::sqlite::{Error, Tx};
use kernel::{EventId, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;
use proto::consent::v1::ConsentScope;

use crate::event::{EventKind, NewEvent, NoticeRef, StoredEvent};
use crate::store::{NoticeRow, PartyRow, PolicyRow, RecordingRow, columns};

/// Every row of a query.
pub(super) fn all<T>(
    connection: &Connection,
    query: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn policies_in_force(c: &Connection) -> Result<Vec<PolicyRow>, Error> {
    let find = "SELECT tenant, hash FROM policy_term WHERE hash IS NOT NULL AND number IN
        (SELECT max(number) FROM policy_term GROUP BY tenant) ORDER BY tenant";
    let in_force = all(c, find, [], |row| {
        let bad = |what| Error::Row { table: "policy_term", what };
        Ok((tenant(row, bad)?, PolicyHash(row.get("hash")?)))
    })?;
    let read = in_force.into_iter().map(|(tenant, hash)| {
        let missing = Error::Row { table: "policy_term", what: "a policy" };
        policy(c, &tenant, hash)?.ok_or(missing)
    });
    read.collect()
}

pub(super) fn policy(
    c: &Connection,
    tenant: &TenantId,
    hash: PolicyHash,
) -> Result<Option<PolicyRow>, Error> {
    let key = params![tenant.as_str(), hash.as_bytes()];
    let find = "SELECT document FROM policy WHERE tenant = ? AND hash = ?";
    let document = c.prepare_cached(find)?.query_row(key, |row| row.get(0)).optional()?;
    let Some(document) = document else { return Ok(None) };
    let find = "SELECT file, text FROM policy_text WHERE tenant = ? AND hash = ?";
    let texts: BTreeMap<_, _> =
        all(c, find, key, |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
    let find = "SELECT max(since) FROM policy_term WHERE tenant = ? AND hash = ?";
    let since: Option<i64> = c.prepare_cached(find)?.query_row(key, |row| row.get(0))?;
    let since = since.ok_or(Error::Row { table: "policy", what: "a policy without a term" })?;
    Ok(Some(PolicyRow { tenant: tenant.clone(), hash, document, texts, since: Timestamp(since) }))
}

pub(super) fn policies(c: &Connection, tenant: &TenantId) -> Result<Vec<PolicyRow>, Error> {
    let find = "SELECT hash FROM policy WHERE tenant = ? ORDER BY hash";
    let hashes = all(c, find, [tenant.as_str()], |row| Ok(PolicyHash(row.get(0)?)))?;
    Ok(hashes
        .into_iter()
        .map(|hash| policy(c, tenant, hash))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

pub(super) fn insert_policy(tx: &Tx<'_>, row: &PolicyRow) -> Result<(), Error> {
    let insert = "INSERT INTO policy VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    tx.prepare_cached(insert)?.execute(params![row.tenant.as_str(), row.hash.as_bytes(), row.document])?;
    let mut insert =
        tx.prepare_cached("INSERT INTO policy_text VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")?;
    for (file, text) in &row.texts {
        insert.execute(params![row.tenant.as_str(), row.hash.as_bytes(), file, text])?;
    }
    Ok(())
}

pub(super) fn insert_term(
    tx: &Tx<'_>,
    tenant: &TenantId,
    hash: Option<PolicyHash>,
    since: Timestamp,
) -> Result<(), Error> {
    // What is in force already stays in force since then.
    let insert = "INSERT INTO policy_term (tenant, hash, since) SELECT ?1, ?2, ?3 WHERE ?2 IS NOT
        (SELECT hash FROM policy_term WHERE tenant = ?1 ORDER BY number DESC LIMIT 1)";
    let hash = hash.map(|hash| hash.as_bytes().to_vec());
    tx.prepare_cached(insert)?.execute(params![tenant.as_str(), hash, since.0])?;
    Ok(())
}

pub(super) fn insert_notice(tx: &Tx<'_>, tenant: &TenantId, row: &NoticeRow) -> Result<(), Error> {
    let NoticeRow { notice, language, text } = row;
    let insert = "INSERT INTO notice VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let values = params![tenant.as_str(), notice.name.as_str(), notice.text_hash, language, text];
    tx.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

pub(super) fn insert_subject(
    tx: &Tx<'_>,
    tenant: &TenantId,
    subject: SubjectId,
    since: Timestamp,
) -> Result<(), Error> {
    let insert = "INSERT INTO subject VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    tx.prepare_cached(insert)?.execute(params![tenant.as_str(), subject.to_bytes(), since.0])?;
    Ok(())
}

pub(super) fn insert_recording(tx: &Tx<'_>, row: &RecordingRow) -> Result<(), Error> {
    let (tenant, recording) = (row.tenant.as_str(), row.recording.to_bytes());
    let insert = "INSERT INTO recording VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET policy = excluded.policy WHERE policy IS NULL";
    let policy = row.policy.map(|hash| hash.as_bytes().to_vec());
    let values = params![tenant, recording, policy, row.started_at.0, row.authorised_at.0];
    tx.prepare_cached(insert)?.execute(values)?;
    for purpose in &row.purposes {
        let insert = "INSERT INTO recording_purpose VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        tx.prepare_cached(insert)?.execute(params![tenant, recording, purpose.as_str()])?;
    }
    for PartyRow { place, party, subject } in &row.parties {
        insert_subject(tx, &row.tenant, *subject, row.authorised_at)?;
        let insert = "INSERT INTO recording_party VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let values = params![tenant, recording, place, party.number(), subject.to_bytes()];
        tx.prepare_cached(insert)?.execute(values)?;
    }
    Ok(())
}

pub(super) fn recording(
    c: &Connection,
    tenant: &TenantId,
    recording: RecordingId,
) -> Result<Option<RecordingRow>, Error> {
    let bad = |what| Error::Row { table: "recording", what };
    let key = params![tenant.as_str(), recording.to_bytes()];
    let find = "SELECT policy, started_at, authorised_at FROM recording WHERE tenant = ? AND recording = ?";
    let found = c.prepare_cached(find)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let found: Option<(Option<[u8; 32]>, i64, i64)> = found.optional()?;
    let Some((policy, started_at, authorised_at)) = found else { return Ok(None) };
    let find = "SELECT purpose FROM recording_purpose WHERE tenant = ? AND recording = ?";
    let purposes = all(c, find, key, |row| columns::purpose(row.get(0)?).map_err(bad))?;
    let find = "SELECT place, party, subject FROM recording_party WHERE tenant = ? AND recording = ?
        ORDER BY place, party, subject";
    let parties = all(c, find, key, |row| {
        Ok(PartyRow {
            place: row.get(0)?,
            party: columns::party(row.get(1)?).map_err(bad)?,
            subject: SubjectId::from_bytes(row.get(2)?),
        })
    })?;
    Ok(Some(RecordingRow {
        tenant: tenant.clone(),
        recording,
        policy: policy.map(PolicyHash),
        started_at: Timestamp(started_at),
        authorised_at: Timestamp(authorised_at),
        purposes: purposes.into_iter().collect(),
        parties,
    }))
}

pub(super) fn latest(c: &Connection, tenant: &TenantId, subject: SubjectId) -> Result<u64, Error> {
    let find = "SELECT coalesce(max(version), 0) FROM event WHERE tenant = ? AND subject = ?";
    let values = params![tenant.as_str(), subject.to_bytes()];
    Ok(c.prepare_cached(find)?.query_row(values, |row| row.get(0))?)
}

pub(super) fn version(c: &Connection) -> Result<u64, Error> {
    let find = "SELECT coalesce(max(version), 0) FROM event";
    Ok(c.prepare_cached(find)?.query_row([], |row| row.get(0))?)
}

pub(super) fn history(
    c: &Connection,
    tenant: &TenantId,
    subject: SubjectId,
    reaching: Option<RecordingId>,
) -> Result<Vec<StoredEvent>, Error> {
    let subject = subject.to_bytes();
    match reaching {
        None => {
            let find = "SELECT * FROM event WHERE tenant = ? AND subject = ? ORDER BY version";
            all(c, find, params![tenant.as_str(), subject], |row| stored(c, row))
        }
        Some(recording) => {
            let find = "SELECT * FROM event WHERE tenant = ? AND subject = ? AND (scope = ? OR said_in = ?)
                ORDER BY version";
            let account = ConsentScope::Account as i32;
            let values = params![tenant.as_str(), subject, account, recording.to_bytes()];
            all(c, find, values, |row| stored(c, row))
        }
    }
}

pub(super) fn event(c: &Connection, tenant: &TenantId, id: EventId) -> Result<Option<StoredEvent>, Error> {
    let find = "SELECT * FROM event WHERE tenant = ? AND id = ?";
    Ok(all(c, find, params![tenant.as_str(), id.to_bytes()], |row| stored(c, row))?.pop())
}

pub(super) fn id_is_taken(c: &Connection, id: EventId) -> Result<bool, Error> {
    let find = "SELECT EXISTS (SELECT 1 FROM event WHERE id = ?)";
    Ok(c.prepare_cached(find)?.query_row([id.to_bytes()], |row| row.get(0))?)
}

pub(super) fn changes(c: &Connection, after: u64, limit: u32) -> Result<Vec<StoredEvent>, Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let find = "SELECT * FROM event WHERE version > ? ORDER BY version LIMIT ?";
    all(c, find, params![after, limit], |row| stored(c, row))
}

pub(super) fn last_notice(
    c: &Connection,
    tenant: &TenantId,
    recording: RecordingId,
) -> Result<Option<NoticeRef>, Error> {
    let find = "SELECT notice, notice_hash FROM event WHERE tenant = ? AND said_in = ? AND kind = ?
        AND notice IS NOT NULL ORDER BY occurred_at DESC, version DESC LIMIT 1";
    let presented = EventKind::NoticePresented as i32;
    let values = params![tenant.as_str(), recording.to_bytes(), presented];
    Ok(all(c, find, values, notice)?.pop().flatten())
}

pub(super) fn insert_event(tx: &Tx<'_>, stored: &StoredEvent) -> Result<(), Error> {
    let StoredEvent { tenant, version, event } = stored;
    let insert = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let position = event.position.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
    tx.prepare_cached(insert)?.execute(params![
        version,
        tenant.as_str(),
        event.id.to_bytes(),
        event.subject.to_bytes(),
        event.kind as i32,
        event.reach.wire() as i32,
        event.said_in.map(RecordingId::to_bytes),
        event.notice.as_ref().map(|notice| notice.name.as_str()),
        event.notice.as_ref().map(|notice| notice.text_hash),
        position,
        event.occurred_at.0,
        event.recorded_at.0,
        event.expression as i32,
        event.policy.map(|hash| hash.as_bytes().to_vec()),
        event.fingerprint,
    ])?;
    let mut insert = tx.prepare_cached("INSERT INTO event_purpose VALUES (?, ?)")?;
    for purpose in &event.purposes {
        insert.execute(params![version, purpose.as_str()])?;
    }
    Ok(())
}

pub(super) fn journal_position(c: &Connection) -> Result<u64, Error> {
    let find = "SELECT coalesce(max(position), 0) FROM journal_position";
    Ok(c.prepare_cached(find)?.query_row([], |row| row.get(0))?)
}

pub(super) fn set_journal_position(tx: &Tx<'_>, position: u64) -> Result<(), Error> {
    let insert = "INSERT INTO journal_position VALUES (1, ?)
        ON CONFLICT DO UPDATE SET position = max(position, excluded.position)";
    tx.prepare_cached(insert)?.execute([position])?;
    Ok(())
}

fn stored(c: &Connection, row: &Row<'_>) -> Result<StoredEvent, Error> {
    let bad = |what| Error::Row { table: "event", what };
    let version: u64 = row.get("version")?;
    let find = "SELECT purpose FROM event_purpose WHERE version = ?";
    let purposes = all(c, find, [version], |row| columns::purpose(row.get(0)?).map_err(bad))?;
    let said_in = row.get::<_, Option<[u8; 16]>>("said_in")?.map(RecordingId::from_bytes);
    let event = NewEvent {
        id: EventId::from_bytes(row.get("id")?),
        subject: SubjectId::from_bytes(row.get("subject")?),
        kind: columns::kind(row.get("kind")?).map_err(bad)?,
        purposes: purposes.into_iter().collect(),
        reach: columns::reach(row.get("scope")?, said_in).map_err(bad)?,
        said_in,
        notice: notice(row)?,
        position: row.get("position")?,
        occurred_at: Timestamp(row.get("occurred_at")?),
        recorded_at: Timestamp(row.get("recorded_at")?),
        expression: columns::expression(row.get("expression")?).map_err(bad)?,
        policy: row.get::<_, Option<[u8; 32]>>("policy")?.map(PolicyHash),
        fingerprint: row.get("fingerprint")?,
    };
    Ok(StoredEvent { tenant: tenant(row, bad)?, version, event })
}

fn notice(row: &Row<'_>) -> Result<Option<NoticeRef>, Error> {
    let bad = |what| Error::Row { table: "event", what };
    columns::notice(row.get("notice")?, row.get("notice_hash")?).map_err(bad)
}

fn tenant(row: &Row<'_>, bad: impl Fn(&'static str) -> Error) -> Result<TenantId, Error> {
    columns::tenant(row.get("tenant")?).map_err(bad)
}
