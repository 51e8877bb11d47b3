//! Objects and the spans in them. The spans are claimed first and the object's row comes last: spans whose object
//! has no row are not there yet, so that an object is seen with all of its spans or not at all.

use std::collections::{BTreeMap, HashMap};

use cql::Batch;
use kernel::SpanNo;
use seal::{Hash, SpanSet};

use super::own::Own;
use super::read::chunk;
use super::{Inner, columns, contended};
use crate::fact::{Fact, RecordingKey, SectionKey, Span, StoredObject, What};
use crate::store::Error;
use crate::store::row::{bits, regimes_text};

/// Spans that are claimed by one conditional write.
const CLAIMED: usize = 100;
/// Attempts at a claim whose answers were lost, or that others cut short.
const TRIES: u32 = 3;

/// What an object is called in the tables, and where some of its spans lie.
type ChunkColumns = (String, Vec<u8>, i32, i64, i64);

impl Inner {
    /// Refuses facts that put a span into a second object, before anything of them is written.
    pub(super) async fn refuse_second_places(&self, facts: &[Fact]) -> Result<(), Error> {
        let mut here = HashMap::new();
        for fact in facts {
            let What::Stored(object) = &fact.what else { continue };
            let key = &fact.recording;
            let conflict = Error::Conflict { what: "a span", recording: key.id };
            for span in &object.spans {
                let place = (key, object.leg, object.section, span.span);
                if here.insert(place, &object.name).is_some_and(|name| *name != object.name) {
                    return Err(conflict);
                }
            }
            for (chunk, spans) in by_chunk(&object.spans) {
                let places = self.places(key, object, chunk, &spans, Reading::Plain).await?;
                if spans.iter().any(|span| places.is_elsewhere(span, object)) {
                    return Err(conflict);
                }
            }
        }
        Ok(())
    }

    /// Claims an object's spans for it, then writes its row. The first row of a name stays.
    pub(super) async fn stored(&self, key: &RecordingKey, object: &StoredObject) -> Result<(), Error> {
        self.claim_all(key, object).await?;
        if self.document_of(key, object.name.as_str()).await?.is_some() {
            return Ok(());
        }
        let (tenant, id) = columns(key);
        let numbers = object.spans.iter().map(|span| i64::from(span.span.0));
        let values = (
            tenant,
            id,
            object.name.as_str().to_owned(),
            object.sha256.0.to_vec(),
            bits(object.length),
            object.lock_until.map(|at| at.0),
            regimes_text(&object.regimes),
            i32::from(object.leg.0),
            i64::from(object.section.0),
            numbers.clone().min().unwrap_or(0),
            numbers.max().unwrap_or(0),
        );
        Ok(self.cql.write(&self.statements.add_object, values).await?)
    }

    /// Whether an object is named by a document that counts.
    pub(super) async fn is_named(&self, own: &Own, object: &StoredObject) -> Result<bool, Error> {
        let document = self.document_of(&own.recording.key, object.name.as_str()).await?;
        Ok(document.flatten().is_some_and(|by| by <= i64::from(own.settled)))
    }

    /// The document of an object, if it has one; outside `None` where there is no such object.
    async fn document_of(&self, key: &RecordingKey, name: &str) -> Result<Option<Option<i64>>, Error> {
        let (tenant, id) = columns(key);
        let found: Option<(Option<i32>,)> = self.cql.row(&self.statements.object, (tenant, id, name)).await?;
        Ok(found.map(|(document,)| document.map(i64::from)))
    }

    /// Takes an object's spans for it, so that no other object may have them.
    pub(super) async fn claim_all(&self, key: &RecordingKey, object: &StoredObject) -> Result<(), Error> {
        for (chunk, spans) in by_chunk(&object.spans) {
            for some in spans.chunks(CLAIMED) {
                self.claim(key, object, chunk, some).await?;
            }
        }
        Ok(())
    }

    async fn claim(
        &self,
        key: &RecordingKey,
        object: &StoredObject,
        chunk: i64,
        spans: &[&Span],
    ) -> Result<(), Error> {
        let mut missing = spans.to_vec();
        let mut lost = None;
        for _ in 0..TRIES {
            lost = match self.cql.apply_batch(self.claims(key, object, chunk, &missing)?).await {
                Ok(true) => return Ok(()),
                Ok(false) => None,
                Err(error) if error.is_uncertain() => Some(error),
                Err(error) => return Err(error.into()),
            };
            // They are there already, this object's or another's: all of them, as each claim is one write.
            let places = self.places(key, object, chunk, spans, Reading::Serial).await?;
            if spans.iter().any(|span| places.is_elsewhere(span, object)) {
                return Err(Error::Conflict { what: "a span", recording: key.id });
            }
            missing.retain(|span| !places.has(span));
            if missing.is_empty() {
                return Ok(());
            }
        }
        Err(lost.map_or_else(|| contended("spans", key), Error::from))
    }

    fn claims(
        &self,
        key: &RecordingKey,
        object: &StoredObject,
        chunk: i64,
        spans: &[&Span],
    ) -> Result<Batch, Error> {
        let mut batch = Batch::unlogged();
        for span in spans {
            let (tenant, id, leg, section, chunk) = chunk_columns(key, object, chunk);
            let values = (
                tenant,
                id,
                leg,
                section,
                chunk,
                i64::from(span.span.0),
                object.name.as_str().to_owned(),
                bits(span.first_frame.0),
                bits(span.last_frame.0),
                bits(span.start.0),
                bits(span.end.0),
                span.ct_root.0.to_vec(),
                bits(span.offset),
                i64::from(span.length),
            );
            batch.add(&self.statements.add_span, values)?;
        }
        Ok(batch)
    }

    /// Who has these spans of a chunk.
    async fn places(
        &self,
        key: &RecordingKey,
        object: &StoredObject,
        chunk: i64,
        spans: &[&Span],
        reading: Reading,
    ) -> Result<Places, Error> {
        let (tenant, id, leg, section, chunk) = chunk_columns(key, object, chunk);
        let numbers = spans.iter().map(|span| i64::from(span.span.0));
        let (first, last) = (numbers.clone().min().unwrap_or(0), numbers.max().unwrap_or(-1));
        let values = (tenant, id, leg, section, chunk, first, last);
        let with = &self.statements.span_places;
        let rows: Vec<(i64, String)> = match reading {
            Reading::Plain => self.cql.rows(with, values, super::read::CHUNK).await?,
            Reading::Serial => self.cql.serial_rows(with, values, super::read::CHUNK).await?,
        };
        Ok(Places(rows.into_iter().collect()))
    }

    /// Which spans of a section are in objects.
    pub(super) async fn stored_spans(&self, key: &SectionKey) -> Result<SpanSet, Error> {
        let mut rows = self.object_rows(&key.recording).await?;
        rows.retain(|row| (row.object.leg, row.object.section) == (key.leg, key.section));
        let spans = self.spans_in(&key.recording, &rows).await?;
        SpanSet::from_spans(spans.iter().map(|span| span.span))
            .map_err(|_| Error::Row { table: "archive_span", what: "span" })
    }

    /// One stored span's ciphertext root.
    pub(super) async fn span_root(&self, key: &SectionKey, span: SpanNo) -> Result<Option<Hash>, Error> {
        let (tenant, id) = columns(&key.recording);
        let (leg, section) = (i32::from(key.leg.0), i64::from(key.section.0));
        let values = (tenant, id, leg, section, chunk(span.0), i64::from(span.0));
        let found: Option<(Vec<u8>, String)> = self.cql.row(&self.statements.span_root, values).await?;
        let Some((root, object)) = found else { return Ok(None) };
        if self.document_of(&key.recording, &object).await?.is_none() {
            return Ok(None);
        }
        Hash::from_slice(&root).map(Some).ok_or(Error::Row { table: "archive_span", what: "ct_root" })
    }
}

/// How spans' places are read.
#[derive(Clone, Copy)]
enum Reading {
    /// As every claim that was answered leaves them.
    Plain,
    /// With whatever is still under way.
    Serial,
}

/// Names of objects by the numbers of the spans in them.
struct Places(BTreeMap<i64, String>);

impl Places {
    fn has(&self, span: &Span) -> bool {
        self.0.contains_key(&i64::from(span.span.0))
    }

    fn is_elsewhere(&self, span: &Span, object: &StoredObject) -> bool {
        self.0.get(&i64::from(span.span.0)).is_some_and(|name| name != object.name.as_str())
    }
}

fn chunk_columns(key: &RecordingKey, object: &StoredObject, chunk: i64) -> ChunkColumns {
    let (tenant, id) = columns(key);
    (tenant, id, i32::from(object.leg.0), i64::from(object.section.0), chunk)
}

fn by_chunk(spans: &[Span]) -> BTreeMap<i64, Vec<&Span>> {
    let mut chunks: BTreeMap<i64, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        chunks.entry(chunk(span.span.0)).or_default().push(span);
    }
    chunks
}
