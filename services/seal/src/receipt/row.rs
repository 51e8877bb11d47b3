//! One recording of a receipt: what became of it, and when each store is done with it.

use std::collections::BTreeSet;

use kernel::{Interval, LegNo, Position, PurposeName, RecordingId, Timestamp};

use super::{DOCUMENT, PlainCode};
use crate::cbor::{DecodeError, Fields, Reader, Writer};
use crate::error::Error;

/// Most purposes that were erased, and most that are kept back, of one recording.
const MAX_PURPOSES: usize = 256;
/// Most legs that a stretch names.
const MAX_LEGS: usize = 1_024;

/// What became of one recording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// What was decided to go can be opened by nobody; some may be kept all the same.
    Erased = 1,
    /// A hold keeps all of it.
    Deferred = 2,
    /// A duty keeps all of it.
    Refused = 3,
}

/// A stretch of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// From when to when.
    pub interval: Interval,
    /// Of which legs; of every leg where empty.
    pub legs: BTreeSet<LegNo>,
}

/// Something that is kept though it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptBack {
    /// Which purpose; none where a stretch is.
    pub purpose: Option<PurposeName>,
    /// By what: `hold:<id>`, `regime:mifid2-16-7`.
    pub by: PlainCode,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// One recording of an erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceiptRow {
    /// Which.
    pub recording: RecordingId,
    /// What became of it.
    pub outcome: Outcome,
    /// Purposes that were erased, in order; with a stretch only of what lies in it. Every purpose where there are none.
    pub erased: Vec<PurposeName>,
    /// The stretch, where not the whole recording was meant.
    pub stretch: Option<Stretch>,
    /// What is kept though it was asked for.
    pub kept: Vec<KeptBack>,
    /// How many spans nobody can open since.
    pub spans: u64,
    /// When no entry was left.
    pub entries_at: Option<Timestamp>,
    /// Before when it is not final: until then the keys of that time may still be somewhere.
    pub not_before: Option<Timestamp>,
    /// When the last object of which nothing opens was gone.
    pub objects_at: Option<Timestamp>,
    /// Until when a lock keeps such an object.
    pub locked_until: Option<Timestamp>,
    /// When the event log held nothing of it any more.
    pub log_at: Option<Timestamp>,
    /// When the probe found nothing of it and something of another recording; none where the tenant had no other.
    pub controlled_at: Option<Timestamp>,
}

impl ReceiptRow {
    /// The same with nothing but outcome and number of spans.
    pub(super) fn abridged(&self) -> Self {
        Self {
            recording: self.recording,
            outcome: self.outcome,
            erased: Vec::new(),
            stretch: None,
            kept: Vec::new(),
            spans: self.spans,
            entries_at: None,
            not_before: None,
            objects_at: None,
            locked_until: None,
            log_at: None,
            controlled_at: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        Error::bounded("number of purposes", self.erased.len().max(self.kept.len()), MAX_PURPOSES)?;
        if !self.erased.is_sorted_by(|a, b| a < b) {
            return Err(Error::invalid(DOCUMENT, "has purposes out of order or twice"));
        }
        Error::bounded(
            "number of legs",
            self.stretch.as_ref().map_or(0, |stretch| stretch.legs.len()),
            MAX_LEGS,
        )
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let times = self.times();
        let optional = usize::from(self.stretch.is_some()) + times.iter().flatten().count();
        w.map(5 + optional).key(1).bytes(&self.recording.to_bytes()).key(2).uint(self.outcome as u64);
        w.key(3).array(self.erased.len());
        for purpose in &self.erased {
            w.text(purpose.as_str());
        }
        if let Some(Stretch { interval, legs }) = &self.stretch {
            w.key(4).array(3).uint(interval.start().0).uint(interval.end().0).array(legs.len());
            for leg in legs {
                w.uint(leg.0);
            }
        }
        w.key(5).array(self.kept.len());
        for kept in &self.kept {
            kept.write(w);
        }
        w.key(6).uint(self.spans);
        for (key, at) in (7..).zip(times) {
            if let Some(at) = at {
                w.key(key).int(at.0);
            }
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "recording")?;
        let recording = RecordingId::from_bytes(r.fixed()?);
        r.field(&mut f, 2, "outcome")?;
        let outcome = Outcome::read(r)?;
        r.field(&mut f, 3, "erased")?;
        let erased = r.list(MAX_PURPOSES, Reader::name)?;
        let stretch = if r.optional(&mut f, 4, "stretch")? { Some(Stretch::read(r)?) } else { None };
        r.field(&mut f, 5, "kept")?;
        let kept = r.list(MAX_PURPOSES, KeptBack::read)?;
        r.field(&mut f, 6, "spans")?;
        let spans = r.uint()?;
        let row = Self {
            recording,
            outcome,
            erased,
            stretch,
            kept,
            spans,
            entries_at: time(r, &mut f, 7, "entries at")?,
            not_before: time(r, &mut f, 8, "not before")?,
            objects_at: time(r, &mut f, 9, "objects at")?,
            locked_until: time(r, &mut f, 10, "locked until")?,
            log_at: time(r, &mut f, 11, "log at")?,
            controlled_at: time(r, &mut f, 12, "controlled at")?,
        };
        r.end(&f)?;
        Ok(row)
    }

    /// In the order of their keys, from 7 on.
    fn times(&self) -> [Option<Timestamp>; 6] {
        [
            self.entries_at,
            self.not_before,
            self.objects_at,
            self.locked_until,
            self.log_at,
            self.controlled_at,
        ]
    }
}

impl Outcome {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.uint()? {
            1 => Ok(Self::Erased),
            2 => Ok(Self::Deferred),
            3 => Ok(Self::Refused),
            _ => Err(r.wrong("is not a known outcome")),
        }
    }
}

impl Stretch {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(3)?;
        let (start, end) = (Position(r.uint()?), Position(r.uint()?));
        let interval = Interval::new(start, end).ok_or_else(|| r.wrong("is empty"))?;
        let legs: Vec<LegNo> = r.list(MAX_LEGS, |r| Ok(LegNo(r.narrow()?)))?;
        if !legs.is_sorted_by(|a, b| a < b) {
            return Err(r.wrong("has legs out of order or twice"));
        }
        Ok(Self { interval, legs: legs.into_iter().collect() })
    }
}

impl KeptBack {
    fn write(&self, w: &mut Writer) {
        w.map(1 + usize::from(self.purpose.is_some()) + usize::from(self.until.is_some()));
        w.key(1).text(self.by.as_str());
        if let Some(purpose) = &self.purpose {
            w.key(2).text(purpose.as_str());
        }
        if let Some(until) = self.until {
            w.key(3).int(until.0);
        }
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "kept by")?;
        let by = r.name()?;
        let purpose = if r.optional(&mut f, 2, "kept purpose")? { Some(r.name()?) } else { None };
        let until = time(r, &mut f, 3, "kept until")?;
        r.end(&f)?;
        Ok(Self { purpose, by, until })
    }
}

fn time(
    r: &mut Reader<'_>,
    f: &mut Fields,
    key: u64,
    name: &'static str,
) -> Result<Option<Timestamp>, DecodeError> {
    if r.optional(f, key, name)? { Ok(Some(Timestamp(r.int()?))) } else { Ok(None) }
}
