//! Facts into rows. Each statement leaves an existing row as it is: a fact seen again changes nothing.

use ::sqlite::rusqlite::{OptionalExtension, params};
use ::sqlite::{Tx, outbox};
use kernel::topics::RECORDINGS;
use kernel::{ErasureId, Position, SessionEpoch, Timestamp};
use objects::Key;
use proto::common::v1::Grant;
use seal::Hash;

use super::row::Found;
use crate::fact::{
    Anchors, Closed, Dropped, Fact, Gone, LegClosed, MarkEdge, Note, Opened, PauseEdge, RecordingKey,
    SectionBegan, StoredObject, What,
};
use crate::store::row::{self, bits, regimes_text};
use crate::store::{ErasureRow, Error, Settlement, State};

/// Adds one fact.
pub(super) fn fact(tx: &Tx<'_>, fact: &Fact) -> Result<(), Error> {
    let row = Rows { tx, key: &fact.recording, event: fact.event.to_bytes() };
    row.ensure_recording(fact)?;
    match &fact.what {
        What::Heard => Ok(()),
        What::Opened(opened) => row.opened(opened),
        What::SectionBegan(began) => row.section_began(began),
        What::Anchored(anchors) => row.anchored(anchors),
        What::Stored(object) => row.stored(object),
        What::Basis(change) => row.basis(change),
        What::Pause(edge) => row.pause(edge),
        What::Mark(edge) => row.mark(edge),
        What::Note(note) => row.note(note),
        What::Dropped(dropped) => row.dropped(dropped),
        What::LegClosed(closed) => row.leg_closed(closed),
        What::Closed(closed) => row.closed(closed, fact.at.0),
        What::NotRecorded(refused) => {
            row.grants(&refused.grants)?;
            row.run(
                "UPDATE recording SET refusal = ?3 WHERE tenant = ?1 AND id = ?2 AND refusal = ''",
                params![row.tenant(), row.id(), refused.reason],
            )
        }
    }
}

/// Says that a recording is being sealed.
pub(super) fn sealing(tx: &Tx<'_>, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error> {
    let mut update = tx.prepare_cached(
        "UPDATE recording SET state = 2,
             cause = CASE cause WHEN '' THEN ?3 ELSE cause END,
             end_at = coalesce(end_at, ?4)
         WHERE tenant = ?1 AND id = ?2 AND state = 1",
    )?;
    update.execute(params![key.tenant.as_str(), key.id.to_bytes(), cause, bits(end.0)])?;
    Ok(())
}

/// Writes a document, its recording's new state and the event.
pub(super) fn settle(tx: &Tx<'_>, settlement: &Settlement) -> Result<(), Error> {
    let (key, document) = (&settlement.recording, &settlement.document);
    let (tenant, id) = (key.tenant.as_str(), key.id.to_bytes());
    let existing: Option<Vec<u8>> = tx
        .prepare_cached("SELECT sha256 FROM document WHERE tenant = ? AND recording = ? AND version = ?")?
        .query_row(params![tenant, id, document.version], |row| row.get(0))
        .optional()?;
    match existing {
        Some(sha256) if sha256 == document.sha256.0 => return Ok(()),
        Some(_) => return Err(Error::Conflict { what: "a document", recording: key.id }),
        None => {}
    }
    tx.prepare_cached(
        "INSERT INTO document (tenant, recording, version, kind, name, sha256, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        tenant,
        id,
        document.version,
        document.kind.number(),
        document.name.as_str(),
        document.sha256.0,
        document.at.0
    ])?;
    let mut named = tx.prepare_cached(
        "UPDATE object SET document = ?4 WHERE tenant = ?1 AND recording = ?2 AND name = ?3 AND document IS NULL",
    )?;
    for name in &settlement.objects {
        named.execute(params![tenant, id, name.as_str(), document.version])?;
    }
    lose(tx, key, &settlement.gone)?;
    let mut erased = tx.prepare_cached("INSERT INTO erased VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for row in &settlement.erased {
        erased.execute(params![
            tenant,
            id,
            row.document,
            row.leg.0,
            row.section.0,
            row.spans.encode(),
            row.reason.as_str(),
            row.at.0,
            row.erasure.to_bytes()
        ])?;
    }
    if let Some(row) = &settlement.stated {
        tx.prepare_cached("INSERT INTO stated VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
            tenant,
            id,
            row.document,
            row.filed.as_str(),
            row.request.to_bytes(),
            row.at.0
        ])?;
    }
    let changed = tx
        .prepare_cached(
            "UPDATE recording SET state = ?3, complete = ?4, unnamed = EXISTS (
                 SELECT 1 FROM object WHERE tenant = ?1 AND recording = ?2 AND document IS NULL)
             WHERE tenant = ?1 AND id = ?2",
        )?
        .execute(params![tenant, id, settlement.state.number(), settlement.complete])?;
    if changed == 0 {
        return Err(Error::Unknown(key.id));
    }
    outbox::push(tx, &RECORDINGS, &settlement.event)?;
    Ok(())
}

/// Remembers an erasure, and answers how it is remembered.
pub(super) fn erasing(
    tx: &Tx<'_>,
    key: &RecordingKey,
    erasure: ErasureId,
    log_end: u64,
    gone: &[Gone],
) -> Result<ErasureRow, Error> {
    let (tenant, id) = (key.tenant.as_str(), key.id.to_bytes());
    let known: Option<i64> = tx
        .prepare_cached("SELECT state FROM recording WHERE tenant = ? AND id = ?")?
        .query_row(params![tenant, id], |row| row.get(0))
        .optional()?;
    known.ok_or(Error::Unknown(key.id))?;
    lose(tx, key, gone)?;
    tx.prepare_cached("INSERT OR IGNORE INTO erasure VALUES (?, ?, ?, ?, 0)")?.execute(params![
        tenant,
        id,
        erasure.to_bytes(),
        bits(log_end)
    ])?;
    let mut select =
        tx.prepare_cached("SELECT * FROM erasure WHERE tenant = ? AND recording = ? AND erasure = ?")?;
    let mut rows = select.query(params![tenant, id, erasure.to_bytes()])?;
    let found = rows.next()?.ok_or(Error::Row { table: "erasure", what: "a row that was written" })?;
    row::erasure(&Found::of("erasure", found))
}

/// Raises how far an erasure has looked.
pub(super) fn looked(tx: &Tx<'_>, key: &RecordingKey, erasure: ErasureId, through: u32) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE erasure SET through = max(through, ?4) WHERE tenant = ?1 AND recording = ?2 AND erasure = ?3",
    )?
    .execute(params![key.tenant.as_str(), key.id.to_bytes(), erasure.to_bytes(), through])?;
    Ok(())
}

/// Says that objects are gone.
pub(super) fn mark_deleted(
    tx: &Tx<'_>,
    key: &RecordingKey,
    names: &[Key],
    at: Timestamp,
) -> Result<(), Error> {
    let mut mark = tx.prepare_cached(
        "UPDATE object SET deleted_at = coalesce(deleted_at, ?4)
         WHERE tenant = ?1 AND recording = ?2 AND name = ?3",
    )?;
    for name in names {
        mark.execute(params![key.tenant.as_str(), key.id.to_bytes(), name.as_str(), at.0])?;
    }
    Ok(())
}

/// The first word on a purpose stays.
fn lose(tx: &Tx<'_>, key: &RecordingKey, gone: &[Gone]) -> Result<(), Error> {
    let mut lost = tx.prepare_cached("INSERT OR IGNORE INTO gone VALUES (?, ?, ?, ?)")?;
    for gone in gone {
        lost.execute(params![key.tenant.as_str(), key.id.to_bytes(), gone.purpose.as_str(), gone.reason])?;
    }
    Ok(())
}

/// The rows of one recording, under one event.
struct Rows<'t> {
    tx: &'t Tx<'t>,
    key: &'t RecordingKey,
    event: [u8; 16],
}

impl Rows<'_> {
    fn tenant(&self) -> &str {
        self.key.tenant.as_str()
    }
    fn id(&self) -> [u8; 16] {
        self.key.id.to_bytes()
    }
    fn run(&self, statement: &str, values: impl ::sqlite::rusqlite::Params) -> Result<(), Error> {
        self.tx.prepare_cached(statement)?.execute(values)?;
        Ok(())
    }

    fn ensure_recording(&self, fact: &Fact) -> Result<(), Error> {
        let at = fact.at.0;
        self.run(
            "INSERT OR IGNORE INTO recording VALUES (?, ?, ?, ?, 0, NULL, 0, '', ?, ?, NULL, '', NULL, '', NULL, 0)",
            params![self.tenant(), self.id(), fact.partition, State::Open.number(), Hash::default().0, at],
        )?;
        if matches!(fact.what, What::Stored(_)) {
            // Archive's own act, not a sign of life of the call.
            return Ok(());
        }
        self.run(
            "UPDATE recording SET last_event_at = max(last_event_at, ?3) WHERE tenant = ?1 AND id = ?2",
            params![self.tenant(), self.id(), at],
        )
    }

    fn opened(&self, opened: &Opened) -> Result<(), Error> {
        let started = opened.started_at.0;
        self.raise_epoch(opened.session_epoch)?;
        self.run(
            "UPDATE recording SET started_at = ?3, direction = ?4, language = ?5, policy_hash = ?6
             WHERE tenant = ?1 AND id = ?2 AND started_at IS NULL",
            params![
                self.tenant(),
                self.id(),
                started,
                opened.direction,
                opened.language,
                opened.policy_hash.0
            ],
        )?;
        for (number, party) in opened.parties.iter().enumerate() {
            self.run(
                "INSERT OR IGNORE INTO party VALUES (?, ?, ?, ?, ?, ?)",
                params![self.tenant(), self.id(), number, party.subject.to_bytes(), party.role, started],
            )?;
        }
        for leg in &opened.legs {
            self.run(
                "INSERT OR IGNORE INTO leg VALUES (?, ?, ?, ?, ?, ?)",
                params![self.tenant(), self.id(), leg.leg.0, leg.codec, leg.clock_rate, leg.party],
            )?;
        }
        for mac in &opened.correlations {
            self.run(
                "INSERT OR IGNORE INTO correlation VALUES (?, ?, ?, ?)",
                params![self.tenant(), mac.0, started, self.id()],
            )?;
        }
        self.grants(&opened.grants)
    }

    fn session_epoch(&self) -> Result<SessionEpoch, Error> {
        let stored: i64 = self
            .tx
            .prepare_cached("SELECT session_epoch FROM recording WHERE tenant = ? AND id = ?")?
            .query_row(params![self.tenant(), self.id()], |row| row.get(0))?;
        Ok(SessionEpoch(stored.cast_unsigned()))
    }

    fn raise_epoch(&self, epoch: SessionEpoch) -> Result<(), Error> {
        if epoch <= self.session_epoch()? {
            return Ok(());
        }
        self.run(
            "UPDATE recording SET session_epoch = ?3 WHERE tenant = ?1 AND id = ?2",
            params![self.tenant(), self.id(), bits(epoch.0)],
        )
    }

    fn grants(&self, grants: &[Grant]) -> Result<(), Error> {
        for (number, grant) in grants.iter().enumerate() {
            self.run(
                "INSERT OR IGNORE INTO call_grant VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.tenant(),
                    self.id(),
                    number,
                    grant.purpose,
                    grant.outcome,
                    grant.basis,
                    grant.regime,
                    grant.mark,
                    grant.reason,
                    grant.evidence,
                    grant.until_mark
                ],
            )?;
        }
        Ok(())
    }

    fn section_began(&self, began: &SectionBegan) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO section VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                began.leg.0,
                began.section.0,
                began.kind.number(),
                bits(began.session_epoch.0),
                bits(began.key_epoch.0),
                began.writer.to_bytes()
            ],
        )
    }

    fn anchored(&self, anchors: &Anchors) -> Result<(), Error> {
        for anchor in &anchors.anchors {
            self.run(
                "INSERT OR IGNORE INTO anchor VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.tenant(),
                    self.id(),
                    anchors.leg.0,
                    anchors.section.0,
                    bits(anchor.frame.0),
                    bits(anchor.rtp_timestamp),
                    bits(anchor.position.0),
                    anchor.ssrc
                ],
            )?;
        }
        Ok(())
    }

    fn stored(&self, object: &StoredObject) -> Result<(), Error> {
        let added = self
            .tx
            .prepare_cached("INSERT OR IGNORE INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)")?
            .execute(params![
                self.tenant(),
                self.id(),
                object.name.as_str(),
                object.sha256.0,
                bits(object.length),
                object.lock_until.map(|at| at.0),
                regimes_text(&object.regimes),
                object.leg.0,
                object.section.0
            ])?;
        if added == 0 {
            return Ok(());
        }
        for span in &object.spans {
            self.span(span)?;
        }
        self.run(
            "UPDATE recording SET unnamed = 1 WHERE tenant = ?1 AND id = ?2 AND state >= 3",
            params![self.tenant(), self.id()],
        )
    }

    fn span(&self, span: &crate::fact::Span) -> Result<(), Error> {
        let added = self
            .tx
            .prepare_cached("INSERT OR IGNORE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                self.tenant(),
                self.id(),
                span.leg.0,
                span.section.0,
                span.span.0,
                bits(span.first_frame.0),
                bits(span.last_frame.0),
                bits(span.start.0),
                bits(span.end.0),
                span.ct_root.0,
                bits(span.offset),
                span.length
            ])?;
        if added == 0 {
            // Two objects with one span would make its bytes ambiguous.
            return Err(Error::Conflict { what: "a span", recording: self.key.id });
        }
        Ok(())
    }

    fn basis(&self, change: &policy::BasisChange) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO basis_change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                self.event,
                change.event.to_bytes(),
                bits(change.position.0),
                change.purpose.as_str(),
                change.basis.number(),
                change.kind.number(),
                change.cause.number(),
                change.evidence.map(|id| id.to_bytes()),
                change.derived_error_us.map(bits)
            ],
        )
    }

    fn pause(&self, edge: &PauseEdge) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO pause_edge VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                self.event,
                edge.event.to_bytes(),
                bits(edge.position.0),
                edge.begins,
                edge.derived_error.map(bits)
            ],
        )
    }

    fn mark(&self, edge: &MarkEdge) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO mark_edge VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                self.event,
                edge.event.to_bytes(),
                bits(edge.position.0),
                edge.label.as_str(),
                edge.edge as i64
            ],
        )
    }

    fn note(&self, note: &Note) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO note VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                self.event,
                note.event.to_bytes(),
                bits(note.position.0),
                note.kind,
                note.code
            ],
        )
    }

    fn dropped(&self, dropped: &Dropped) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO dropped VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.tenant(),
                self.id(),
                self.event,
                dropped.leg.0,
                bits(dropped.first.0),
                bits(dropped.last.0),
                dropped.reason.number(),
                bits(dropped.start.0),
                bits(dropped.end.0)
            ],
        )
    }

    /// Of two ends of one leg the one with more frames is the later: frames are never taken back.
    fn leg_closed(&self, closed: &LegClosed) -> Result<(), Error> {
        let known: Option<i64> = self
            .tx
            .prepare_cached("SELECT frames FROM leg_end WHERE tenant = ? AND recording = ? AND leg = ?")?
            .query_row(params![self.tenant(), self.id(), closed.leg.0], |row| row.get(0))
            .optional()?;
        if known.is_none_or(|known| known.cast_unsigned() < closed.frames) {
            self.run(
                "INSERT OR REPLACE INTO leg_end VALUES (?, ?, ?, ?)",
                params![self.tenant(), self.id(), closed.leg.0, bits(closed.frames)],
            )?;
        }
        let Some(section) = &closed.section else { return Ok(()) };
        self.run(
            "INSERT OR IGNORE INTO section_end VALUES (?, ?, ?, ?, ?, ?)",
            params![self.tenant(), self.id(), closed.leg.0, section.section.0, section.spans, section.root.0],
        )
    }

    fn closed(&self, closed: &Closed, at: i64) -> Result<(), Error> {
        if closed.session_epoch < self.session_epoch()? {
            return Ok(());
        }
        self.run(
            "UPDATE recording SET closed_at = ?3, cause = ?4, end_at = ?5
             WHERE tenant = ?1 AND id = ?2 AND state = 1 AND closed_at IS NULL",
            params![self.tenant(), self.id(), at, closed.cause, bits(closed.end.0)],
        )
    }
}
