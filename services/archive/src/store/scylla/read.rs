//! The way back: the own row first, and of the rest what counts by it.

use std::collections::BTreeSet;

use cql::Statement;
use futures::future::{BoxFuture, FutureExt};
use futures::{StreamExt, TryStreamExt, stream, try_join};
use kernel::{LegNo, SectionNo, Timestamp};

use super::own::Own;
use super::row::{Found, Values};
use super::{AT_ONCE, Inner, columns};
use crate::fact::{Gone, RecordingKey, Span, StoredObject};
use crate::store::row::{self, Columns};
use crate::store::{Document, ErasedRow, Error, History, Recording, StatementRow};

/// Rows of one kind that a recording may have.
const ROWS_MAX: usize = 1 << 17;
/// Spans of one partition of their table: hours of a leg, at a span each second.
pub(super) const CHUNK: usize = 10_000;

/// An object's row.
#[derive(Debug)]
pub(super) struct ObjectRow {
    /// Named by whichever document, settled or not.
    pub(super) object: StoredObject,
    first_span: u32,
    last_span: u32,
}

/// A partition of the spans' table.
pub(super) type Chunk = (LegNo, SectionNo, i64);

impl ObjectRow {
    /// Where its spans lie.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> + use<> {
        let (leg, section) = (self.object.leg, self.object.section);
        (chunk(self.first_span)..=chunk(self.last_span)).map(move |chunk| (leg, section, chunk))
    }
}

/// Which chunk of its section a span lies in.
pub(super) fn chunk(span: u32) -> i64 {
    i64::from(span) / CHUNK as i64
}

impl Inner {
    /// A recording's own row.
    pub(super) async fn recording(&self, key: &RecordingKey) -> Result<Option<Recording>, Error> {
        let (own, life) = try_join!(self.own(key), self.life(key))?;
        Ok(own.map(|own| alive(own.recording, life)))
    }

    /// The own row with the last sign of life.
    pub(super) async fn with_life(&self, own: Own) -> Result<Recording, Error> {
        let life = self.life(&own.recording.key).await?;
        Ok(alive(own.recording, life))
    }

    async fn life(&self, key: &RecordingKey) -> Result<Option<Timestamp>, Error> {
        let found: Option<(i64,)> = self.cql.row(&self.statements.life, columns(key)).await?;
        Ok(found.map(|(at,)| Timestamp(at)))
    }

    /// Everything of a recording. What is learnt while this reads may be in it, or not.
    pub(super) async fn history(&self, key: &RecordingKey) -> Result<Option<History>, Error> {
        let Some(own) = self.own(key).await? else { return Ok(None) };
        let with = &self.statements;
        let (life, parties, legs, leg_ends, grants, sections, section_ends, anchors) = try_join!(
            self.life(key),
            self.all("archive_party", &with.parties, key, row::party),
            self.all("archive_leg", &with.legs, key, row::leg),
            self.all("archive_leg_end", &with.leg_ends, key, row::leg_end),
            self.all("archive_grant", &with.grants, key, row::grant),
            self.all("archive_section", &with.sections, key, row::section),
            self.all("archive_section_end", &with.section_ends, key, row::section_end),
            self.all("archive_anchor", &with.anchors, key, row::anchor),
        )?;
        let (sound, changes, pauses, marks, notes, dropped, gone, erased, statements, documents) = try_join!(
            self.sound(&own).boxed(),
            self.all("archive_basis_change", &with.changes, key, row::change),
            self.all("archive_pause_edge", &with.pauses, key, row::pause),
            self.all("archive_mark_edge", &with.marks, key, row::mark),
            self.all("archive_note", &with.notes, key, row::note),
            self.all("archive_dropped", &with.dropped, key, row::dropped),
            self.gone(&own).boxed(),
            self.erased(&own).boxed(),
            self.stated(&own).boxed(),
            self.documents(&own).boxed(),
        )?;
        let (objects, spans) = sound;
        Ok(Some(History {
            recording: alive(own.recording, life),
            parties,
            legs: row::legs(legs, leg_ends),
            grants,
            sections: row::sections(sections, section_ends),
            anchors: row::anchors(anchors),
            spans,
            objects,
            changes,
            pauses,
            marks,
            notes,
            dropped,
            gone,
            erased,
            statements,
            documents,
        }))
    }

    /// Objects and the spans in them: an object's spans are all there before its row is.
    async fn sound(&self, own: &Own) -> Result<(Vec<StoredObject>, Vec<Span>), Error> {
        let key = &own.recording.key;
        let rows = self.object_rows(key).await?;
        let spans = self.spans_in(key, &rows).await?;
        Ok((rows.into_iter().map(|row| counted(row, own)).collect(), spans))
    }

    /// Spans that lie in these objects, in order of leg, section and span.
    pub(super) async fn spans_in(&self, key: &RecordingKey, rows: &[ObjectRow]) -> Result<Vec<Span>, Error> {
        let names: BTreeSet<&str> = rows.iter().map(|row| row.object.name.as_str()).collect();
        let chunks: BTreeSet<Chunk> = rows.iter().flat_map(ObjectRow::chunks).collect();
        let reads: Vec<_> = chunks.into_iter().map(|chunk| self.chunk(key, chunk).boxed()).collect();
        let found: Vec<Vec<(Span, String)>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let visible = |(span, object): (Span, String)| names.contains(object.as_str()).then_some(span);
        Ok(found.into_iter().flatten().filter_map(visible).collect())
    }

    /// The spans of a chunk in order, each with its object's name.
    async fn chunk(&self, key: &RecordingKey, chunk: Chunk) -> Result<Vec<(Span, String)>, Error> {
        let ((tenant, id), (leg, section, chunk)) = (columns(key), chunk);
        let values = (tenant, id, i32::from(leg.0), i64::from(section.0), chunk);
        let rows: Vec<Values> = self.cql.rows(&self.statements.spans, values, CHUNK).await?;
        let read = |values| {
            let found: &dyn Columns = &Found::of("archive_span", values);
            Ok((row::span(found)?, found.text("object")?))
        };
        rows.into_iter().map(read).collect()
    }

    /// The rows of a recording's objects, in order of name.
    pub(super) async fn object_rows(&self, key: &RecordingKey) -> Result<Vec<ObjectRow>, Error> {
        let read = |found: &dyn Columns| {
            let (first_span, last_span) = (found.number("first_span")?, found.number("last_span")?);
            Ok(ObjectRow { object: row::object(found)?, first_span, last_span })
        };
        self.all("archive_object", &self.statements.objects, key, read).await
    }

    /// A recording's objects, with those documents that count.
    pub(super) async fn objects(&self, own: &Own) -> Result<Vec<StoredObject>, Error> {
        let rows = self.object_rows(&own.recording.key).await?;
        Ok(rows.into_iter().map(|row| counted(row, own)).collect())
    }

    /// Purposes that are gone by the documents that count, or by an erasure, which is 0.
    pub(super) async fn gone(&self, own: &Own) -> Result<Vec<Gone>, Error> {
        let read = |found: &dyn Columns| Ok((found.number("document")?, row::gone(found)?));
        let rows: Vec<(u32, Gone)> =
            self.all("archive_gone", &self.statements.gone, &own.recording.key, read).await?;
        Ok(rows.into_iter().filter(|(by, _)| *by <= own.settled).map(|(_, gone)| gone).collect())
    }

    /// What is erased by the documents that count.
    async fn erased(&self, own: &Own) -> Result<Vec<ErasedRow>, Error> {
        let key = &own.recording.key;
        let all = self.all("archive_erased", &self.statements.erased, key, row::erased).await?;
        Ok(all.into_iter().filter(|row| row.document <= own.settled).collect())
    }

    /// What was stated by the documents that count.
    async fn stated(&self, own: &Own) -> Result<Vec<StatementRow>, Error> {
        let key = &own.recording.key;
        let all = self.all("archive_stated", &self.statements.stated, key, row::stated).await?;
        Ok(all.into_iter().filter(|row| row.document <= own.settled).collect())
    }

    async fn documents(&self, own: &Own) -> Result<Vec<Document>, Error> {
        let key = &own.recording.key;
        let all = self.all("archive_document", &self.statements.documents, key, row::document).await?;
        Ok(all.into_iter().filter(|document| document.version <= own.settled).collect())
    }

    /// The numbers in a column of a recording's rows.
    pub(super) async fn numbers(
        &self,
        table: &'static str,
        column: &'static str,
        statement: &Statement,
        key: &RecordingKey,
    ) -> Result<BTreeSet<i32>, Error> {
        let all = self.all(table, statement, key, |found: &dyn Columns| found.number(column)).await?;
        Ok(all.into_iter().collect())
    }

    /// A recording's rows in one table.
    fn all<'a, T: Send + 'a>(
        &'a self,
        table: &'static str,
        statement: &'a Statement,
        key: &RecordingKey,
        read: impl Fn(&dyn Columns) -> Result<T, Error> + Send + 'a,
    ) -> BoxFuture<'a, Result<Vec<T>, Error>> {
        let key = columns(key);
        let rows = async move {
            let rows: Vec<Values> = self.cql.rows(statement, key, ROWS_MAX + 1).await?;
            if rows.len() > ROWS_MAX {
                let (found, limit) = (rows.len(), ROWS_MAX);
                return Err(
                    cql::Error::TooLarge { what: "the number of a recording's rows", found, limit }.into()
                );
            }
            rows.into_iter().map(|values| read(&Found::of(table, values))).collect()
        };
        rows.boxed()
    }
}

/// A document's number above the last that counts is of one that is only being settled.
fn counted(row: ObjectRow, own: &Own) -> StoredObject {
    let mut object = row.object;
    object.document = object.document.filter(|by| *by <= own.settled);
    object
}

fn alive(mut recording: Recording, life: Option<Timestamp>) -> Recording {
    recording.last_event_at = life.map_or(recording.last_event_at, |at| at.max(recording.last_event_at));
    recording
}
