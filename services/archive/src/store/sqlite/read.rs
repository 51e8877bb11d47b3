//! From the tables to domain types.

use ::sqlite::rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params};
use kernel::{Position, RecordingId, SessionEpoch, SpanNo, TenantId, Timestamp};
use seal::{Hash, SpanSet};

use super::row::Found;
use crate::fact::{Anchors, RecordingKey, SectionKey};
use crate::store::row::{self, Columns};
use crate::store::{By, Error, History, LegRow, Query, Recording, SectionRow, State};

/// A recording's own row.
pub(super) fn recording(connection: &Connection, key: &RecordingKey) -> Result<Option<Recording>, Error> {
    let mut select = connection.prepare_cached("SELECT * FROM recording WHERE tenant = ? AND id = ?")?;
    let mut rows = select.query(params![key.tenant.as_str(), key.id.to_bytes()])?;
    rows.next()?.map(recording_row).transpose()
}

/// Everything of a recording.
pub(super) fn history(connection: &Connection, key: &RecordingKey) -> Result<Option<History>, Error> {
    let Some(recording) = recording(connection, key)? else { return Ok(None) };
    let of = Of { connection, key };
    Ok(Some(History {
        recording,
        parties: of.all("party", "number", row::party)?,
        legs: of.legs()?,
        grants: of.all("call_grant", "number", row::grant)?,
        sections: of.sections()?,
        anchors: of.anchors()?,
        spans: of.all("span", "leg, section, span", row::span)?,
        objects: of.all("object", "name", row::object)?,
        changes: of.all("basis_change", "event", row::change)?,
        pauses: of.all("pause_edge", "event", row::pause)?,
        marks: of.all("mark_edge", "event", row::mark)?,
        notes: of.all("note", "event", row::note)?,
        dropped: of.all("dropped", "event", row::dropped)?,
        gone: of.all("gone", "purpose", row::gone)?,
        erased: of.all("erased", "document, leg, section", row::erased)?,
        statements: of.all("stated", "document", row::stated)?,
        documents: of.all("document", "version", row::document)?,
    }))
}

/// Which spans of a section are stored.
pub(super) fn stored_spans(connection: &Connection, key: &SectionKey) -> Result<SpanSet, Error> {
    let mut select = connection.prepare_cached(
        "SELECT span FROM span WHERE tenant = ? AND recording = ? AND leg = ? AND section = ?",
    )?;
    let of = &key.recording;
    let values = params![of.tenant.as_str(), of.id.to_bytes(), key.leg.0, key.section.0];
    let spans: Vec<u32> = select.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?;
    SpanSet::from_spans(spans.into_iter().map(SpanNo)).map_err(|_| Error::Row { table: "span", what: "span" })
}

/// A stored span's root.
pub(super) fn span_root(
    connection: &Connection,
    key: &SectionKey,
    span: SpanNo,
) -> Result<Option<Hash>, Error> {
    let mut select = connection.prepare_cached(
        "SELECT ct_root FROM span WHERE tenant = ? AND recording = ? AND leg = ? AND section = ? AND span = ?",
    )?;
    let of = &key.recording;
    let values = params![of.tenant.as_str(), of.id.to_bytes(), key.leg.0, key.section.0, span.0];
    let found: Option<Vec<u8>> = select.query_row(values, |row| row.get(0)).optional()?;
    let read = |bytes: Vec<u8>| Hash::from_slice(&bytes).ok_or(Error::Row { table: "span", what: "ct_root" });
    found.map(read).transpose()
}

/// What still needs something.
pub(super) fn unsettled(
    connection: &Connection,
    partition: u32,
    after: Option<&RecordingKey>,
    limit: usize,
) -> Result<Vec<Recording>, Error> {
    let mut select = connection.prepare_cached(
        "SELECT * FROM recording WHERE (state IN (1, 2) OR unnamed = 1) AND partition = ?
         AND (tenant, id) > (?, ?) ORDER BY tenant, id LIMIT ?",
    )?;
    let tenant = after.map_or("", |key| key.tenant.as_str());
    let id = after.map_or([0; 16], |key| key.id.to_bytes());
    collect(&mut select, params![partition, tenant, id, small(limit)], recording_row)
}

/// A page of recordings, newest first. Erased ones are left out before they count for the page.
pub(super) fn list(connection: &Connection, query: &Query) -> Result<Vec<Recording>, Error> {
    let (from, to) = (query.from.0, query.to.0);
    let (at, id) = query.after.map_or((i64::MAX, [0xff; 16]), |(at, id)| (at.0, id.to_bytes()));
    let (tenant, limit) = (query.tenant.as_str(), small(query.limit));
    match query.by {
        By::Time => collect(
            &mut connection.prepare_cached(
                "SELECT * FROM recording WHERE tenant = ?1 AND started_at >= ?2 AND started_at < ?3
                 AND (started_at, id) < (?4, ?5) AND state <> 6 ORDER BY started_at DESC, id DESC LIMIT ?6",
            )?,
            params![tenant, from, to, at, id, limit],
            recording_row,
        ),
        By::Subject(subject) => collect(
            &mut connection.prepare_cached(
                "SELECT recording.* FROM (SELECT DISTINCT recording AS found, started_at AS started FROM party
                     WHERE tenant = ?1 AND subject = ?7 AND started_at >= ?2 AND started_at < ?3
                     AND (started_at, recording) < (?4, ?5) AND NOT EXISTS (SELECT 1 FROM recording AS own
                         WHERE own.tenant = ?1 AND own.id = party.recording AND own.state = 6)
                     ORDER BY started_at DESC, recording DESC LIMIT ?6)
                 JOIN recording ON recording.tenant = ?1 AND recording.id = found
                 ORDER BY started DESC, found DESC",
            )?,
            params![tenant, from, to, at, id, limit, subject.to_bytes()],
            recording_row,
        ),
        By::Correlation(mac) => collect(
            &mut connection.prepare_cached(
                "SELECT recording.* FROM (SELECT recording AS found, started_at AS started FROM correlation
                     WHERE tenant = ?1 AND mac = ?7 AND started_at >= ?2 AND started_at < ?3
                     AND (started_at, recording) < (?4, ?5) AND NOT EXISTS (SELECT 1 FROM recording AS own
                         WHERE own.tenant = ?1 AND own.id = correlation.recording AND own.state = 6)
                     ORDER BY started_at DESC, recording DESC LIMIT ?6)
                 JOIN recording ON recording.tenant = ?1 AND recording.id = found
                 ORDER BY started DESC, found DESC",
            )?,
            params![tenant, from, to, at, id, limit, mac.0],
            recording_row,
        ),
    }
}

struct Of<'c> {
    connection: &'c Connection,
    key: &'c RecordingKey,
}

impl Of<'_> {
    fn all<T>(
        &self,
        table: &'static str,
        order: &str,
        read: impl Fn(&dyn Columns) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let statement = format!("SELECT * FROM {table} WHERE tenant = ? AND recording = ? ORDER BY {order}");
        let mut select = self.connection.prepare_cached(&statement)?;
        let values = params![self.key.tenant.as_str(), self.key.id.to_bytes()];
        collect(&mut select, values, |row| read(&Found::of(table, row)))
    }

    fn legs(&self) -> Result<Vec<LegRow>, Error> {
        Ok(row::legs(self.all("leg", "leg", row::leg)?, self.all("leg_end", "leg", row::leg_end)?))
    }

    fn sections(&self) -> Result<Vec<SectionRow>, Error> {
        let began = self.all("section", "leg, section", row::section)?;
        Ok(row::sections(began, self.all("section_end", "leg, section", row::section_end)?))
    }

    fn anchors(&self) -> Result<Vec<Anchors>, Error> {
        Ok(row::anchors(self.all("anchor", "leg, section", row::anchor)?))
    }
}

fn collect<T>(
    select: &mut ::sqlite::rusqlite::CachedStatement<'_>,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut rows = select.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn small(limit: usize) -> impl ToSql {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn recording_row(row: &Row<'_>) -> Result<Recording, Error> {
    let row: &dyn Columns = &Found::of("recording", row);
    Ok(Recording {
        key: RecordingKey {
            tenant: row.parsed("tenant", row.text("tenant")?, TenantId::new)?,
            id: row.id("id", RecordingId::from_slice)?,
        },
        partition: row.number("partition")?,
        state: row.coded("state", State::from_number)?,
        session_epoch: SessionEpoch(row.u64("session_epoch")?),
        started_at: row.maybe_int("started_at")?.map(Timestamp),
        direction: row.number("direction")?,
        language: row.text("language")?,
        policy_hash: row.hash("policy_hash")?,
        last_event_at: Timestamp(row.int("last_event_at")?),
        closed_at: row.maybe_int("closed_at")?.map(Timestamp),
        cause: row.text("cause")?,
        end: row.maybe_u64("end_at")?.map(Position),
        refusal: row.text("refusal")?,
        complete: row.maybe_int("complete")?.map(|flag| flag != 0),
        has_unnamed: row.flag("unnamed")?,
    })
}
