//! Rows into domain types.

use std::collections::BTreeMap;

use ::sqlite::rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params};
use kernel::{
    Basis, EventId, FrameNo, InstanceId, KeyEpoch, LegNo, MarkLabel, Position, PurposeName, RecordingId,
    RegimeName, SectionNo, SessionEpoch, SpanNo, SubjectId, TenantId, Timestamp,
};
use objects::Key;
use policy::{BasisChange, Cause, ChangeKind};
use proto::common::v1::Grant;
use seal::{Hash, SectionKind, SpanSet};

use super::row::Columns;
use crate::fact::{
    Anchor, Anchors, ClosedSection, DropReason, Dropped, Edge, Gone, Leg, MarkEdge, Note, Party, PauseEdge,
    RecordingKey, SectionBegan, SectionKey, Span, StoredObject,
};
use crate::store::{By, Document, DocumentKind, Error, History, LegRow, Query, Recording, SectionRow, State};

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
        parties: of.all("party", "number", party)?,
        legs: of.legs()?,
        grants: of.all("call_grant", "number", grant)?,
        sections: of.sections()?,
        anchors: of.anchors()?,
        spans: of.all("span", "leg, section, span", span)?,
        objects: of.all("object", "name", object)?,
        changes: of.all("basis_change", "event", change)?,
        pauses: of.all("pause_edge", "event", pause)?,
        marks: of.all("mark_edge", "event", mark)?,
        notes: of.all("note", "event", note)?,
        dropped: of.all("dropped", "event", dropped)?,
        gone: of.all("gone", "purpose", gone)?,
        documents: of.all("document", "version", document)?,
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

/// A page of recordings, newest first.
pub(super) fn list(connection: &Connection, query: &Query) -> Result<Vec<Recording>, Error> {
    let (from, to) = (query.from.0, query.to.0);
    let (at, id) = query.after.map_or((i64::MAX, [0xff; 16]), |(at, id)| (at.0, id.to_bytes()));
    let (tenant, limit) = (query.tenant.as_str(), small(query.limit));
    match query.by {
        By::Time => collect(
            &mut connection.prepare_cached(
                "SELECT * FROM recording WHERE tenant = ?1 AND started_at >= ?2 AND started_at < ?3
                 AND (started_at, id) < (?4, ?5) ORDER BY started_at DESC, id DESC LIMIT ?6",
            )?,
            params![tenant, from, to, at, id, limit],
            recording_row,
        ),
        By::Subject(subject) => collect(
            &mut connection.prepare_cached(
                "SELECT recording.* FROM (SELECT DISTINCT recording AS found, started_at AS started FROM party
                     WHERE tenant = ?1 AND subject = ?7 AND started_at >= ?2 AND started_at < ?3
                     AND (started_at, recording) < (?4, ?5) ORDER BY started_at DESC, recording DESC LIMIT ?6)
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
                     AND (started_at, recording) < (?4, ?5) ORDER BY started_at DESC, recording DESC LIMIT ?6)
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
        read: impl Fn(&Columns<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let statement = format!("SELECT * FROM {table} WHERE tenant = ? AND recording = ? ORDER BY {order}");
        let mut select = self.connection.prepare_cached(&statement)?;
        let values = params![self.key.tenant.as_str(), self.key.id.to_bytes()];
        collect(&mut select, values, |row| read(&Columns::of(table, row)))
    }

    fn legs(&self) -> Result<Vec<LegRow>, Error> {
        let ends = self.all("leg_end", "leg", |row| Ok((row.number::<u16>("leg")?, row.u64("frames")?)))?;
        let ends: BTreeMap<_, _> = ends.into_iter().collect();
        self.all("leg", "leg", |row| {
            let leg = row.number("leg")?;
            Ok(LegRow {
                leg: Leg {
                    leg: LegNo(leg),
                    codec: row.text("codec")?,
                    clock_rate: row.number("clock_rate")?,
                    party: row.number("party")?,
                },
                frames: ends.get(&leg).copied(),
            })
        })
    }

    fn sections(&self) -> Result<Vec<SectionRow>, Error> {
        let ends = self.all("section_end", "leg, section", |row| {
            let section = SectionNo(row.number("section")?);
            let closed = ClosedSection { section, spans: row.number("spans")?, root: row.hash("root")? };
            Ok(((LegNo(row.number("leg")?), section), closed))
        })?;
        let ends: BTreeMap<_, _> = ends.into_iter().collect();
        self.all("section", "leg, section", |row| {
            let (leg, section) = (LegNo(row.number("leg")?), SectionNo(row.number("section")?));
            Ok(SectionRow {
                began: SectionBegan {
                    leg,
                    section,
                    kind: row
                        .coded("kind", |number| SectionKind::from_number(u32::try_from(number).ok()?))?,
                    session_epoch: SessionEpoch(row.u64("session_epoch")?),
                    key_epoch: KeyEpoch(row.u64("key_epoch")?),
                    writer: row.id("writer", InstanceId::from_slice)?,
                },
                closed: ends.get(&(leg, section)).copied(),
            })
        })
    }

    fn anchors(&self) -> Result<Vec<Anchors>, Error> {
        let mut sections: BTreeMap<(LegNo, SectionNo), Vec<Anchor>> = BTreeMap::new();
        let rows = self.all("anchor", "leg, section", |row| {
            let anchor = Anchor {
                frame: FrameNo(row.u64("frame")?),
                rtp_timestamp: row.u64("rtp_timestamp")?,
                position: Position(row.u64("position")?),
                ssrc: row.number("ssrc")?,
            };
            Ok(((LegNo(row.number("leg")?), SectionNo(row.number("section")?)), anchor))
        })?;
        for (section, anchor) in rows {
            sections.entry(section).or_default().push(anchor);
        }
        let sorted = sections.into_iter().map(|((leg, section), mut anchors)| {
            anchors.sort_unstable();
            Anchors { leg, section, anchors }
        });
        Ok(sorted.collect())
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
    let row = Columns::of("recording", row);
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

fn party(row: &Columns<'_>) -> Result<Party, Error> {
    Ok(Party { subject: row.id("subject", SubjectId::from_slice)?, role: row.number("role")? })
}

fn grant(row: &Columns<'_>) -> Result<Grant, Error> {
    Ok(Grant {
        purpose: row.text("purpose")?,
        outcome: row.number("outcome")?,
        basis: row.number("basis")?,
        regime: row.text("regime")?,
        mark: row.text("mark")?,
        reason: row.text("reason")?,
        evidence: row.blob("evidence")?,
        until_mark: row.flag("until_mark")?,
    })
}

fn span(row: &Columns<'_>) -> Result<Span, Error> {
    Ok(Span {
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        span: SpanNo(row.number("span")?),
        first_frame: FrameNo(row.u64("first_frame")?),
        last_frame: FrameNo(row.u64("last_frame")?),
        start: Position(row.u64("start_at")?),
        end: Position(row.u64("end_at")?),
        ct_root: row.hash("ct_root")?,
        offset: row.u64("offset")?,
        length: row.number("length")?,
    })
}

fn object(row: &Columns<'_>) -> Result<StoredObject, Error> {
    let regimes = row.text("regimes")?;
    let regimes = regimes.split(',').filter(|name| !name.is_empty());
    Ok(StoredObject {
        name: row.parsed("name", row.text("name")?, Key::new)?,
        sha256: row.hash("sha256")?,
        length: row.u64("length")?,
        lock_until: row.maybe_int("lock_until")?.map(Timestamp),
        regimes: regimes
            .map(|name| row.parsed("regimes", name, RegimeName::new))
            .collect::<Result<_, _>>()?,
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        spans: Vec::new(),
        document: match row.maybe_int("document")? {
            None => None,
            Some(_) => Some(row.number("document")?),
        },
    })
}

fn change(row: &Columns<'_>) -> Result<BasisChange, Error> {
    let evidence = row.row_evidence()?;
    Ok(BasisChange {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        purpose: row.parsed("purpose", row.text("purpose")?, PurposeName::new)?,
        basis: row.coded("basis", Basis::from_number)?,
        kind: row.coded("kind", ChangeKind::from_number)?,
        cause: row.coded("cause", Cause::from_number)?,
        evidence,
        derived_error_us: row.maybe_u64("derived_error")?,
    })
}

fn pause(row: &Columns<'_>) -> Result<PauseEdge, Error> {
    Ok(PauseEdge {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        begins: row.maybe_text("reason")?,
        derived_error: row.maybe_u64("derived_error")?,
    })
}

fn mark(row: &Columns<'_>) -> Result<MarkEdge, Error> {
    Ok(MarkEdge {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        label: row.parsed("label", row.text("label")?, MarkLabel::new)?,
        edge: if row.flag("begins")? { Edge::Begins } else { Edge::Ends },
    })
}

fn note(row: &Columns<'_>) -> Result<Note, Error> {
    Ok(Note {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        kind: row.text("kind")?,
        code: row.text("code")?,
    })
}

fn dropped(row: &Columns<'_>) -> Result<Dropped, Error> {
    Ok(Dropped {
        leg: LegNo(row.number("leg")?),
        first: FrameNo(row.u64("first_frame")?),
        last: FrameNo(row.u64("last_frame")?),
        reason: row.coded("reason", DropReason::from_number)?,
        start: Position(row.u64("start_at")?),
        end: Position(row.u64("end_at")?),
    })
}

fn gone(row: &Columns<'_>) -> Result<Gone, Error> {
    Ok(Gone {
        purpose: row.parsed("purpose", row.text("purpose")?, PurposeName::new)?,
        reason: row.text("reason")?,
    })
}

fn document(row: &Columns<'_>) -> Result<Document, Error> {
    Ok(Document {
        version: row.number("version")?,
        kind: row.coded("kind", DocumentKind::from_number)?,
        name: row.parsed("name", row.text("name")?, Key::new)?,
        sha256: row.hash("sha256")?,
        at: Timestamp(row.int("at")?),
    })
}

impl Columns<'_> {
    fn row_evidence(&self) -> Result<Option<EventId>, Error> {
        let evidence: Option<Vec<u8>> = self.maybe_blob("evidence")?;
        evidence.map(|id| EventId::from_slice(&id).map_err(|_| self.bad("evidence"))).transpose()
    }
}
