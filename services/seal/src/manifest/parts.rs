//! The other rows of a manifest: objects, bases, marks, superseded frames.

use kernel::{
    Basis, EventId, Interval, LegNo, MarkLabel, PurposeName, RegimeName, SectionNo, SpanNo, Timestamp,
};

use super::leg::{FrameRange, read_interval, write_interval};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::hash::Hash;
use crate::header::{read_regimes, write_regimes};

/// One object. Its name is the manifest's tenant and recording with these numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectRow {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// Its first span.
    pub first_span: SpanNo,
    /// SHA-256 of all its bytes.
    pub sha256: Hash,
    /// Root over its spans' ciphertext roots.
    pub root: Hash,
    /// Its length in bytes.
    pub length: u64,
    /// Until when it is locked; none without a regime.
    pub lock_until: Option<Timestamp>,
    /// Its lock class.
    pub regimes: Vec<RegimeName>,
}

/// From when to when a purpose had its basis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BasisInterval {
    /// The purpose.
    pub purpose: PurposeName,
    /// Its basis.
    pub basis: Basis,
    /// From when to when; the end is `Position::MAX` where nothing ended it.
    pub interval: Interval,
    /// What shows it.
    pub evidence: Option<Evidence>,
    /// Where a position was derived from a wall time: the error in microseconds that was allowed for.
    pub derived_error_us: Option<u64>,
}

/// The event that shows a basis, and the span that holds its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// The consent or call event.
    pub event: EventId,
    /// The span in which the words lie; none where they were not recorded.
    pub ct_root: Option<Hash>,
}

/// A marked stretch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// A label from the tenant's policy.
    pub label: MarkLabel,
    /// Where.
    pub interval: Interval,
}

/// Frames of a stored span that readers skip: a lower (session epoch, section, span) holds them already, and
/// the first copy wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Superseded {
    /// Of which leg.
    pub leg: LegNo,
    /// In which section.
    pub section: SectionNo,
    /// In which span.
    pub span: SpanNo,
    /// Which frames.
    pub frames: FrameRange,
}

impl ObjectRow {
    /// What objects of a recording are ordered by.
    pub(super) fn place(&self) -> (LegNo, SectionNo, SpanNo) {
        (self.leg, self.section, self.first_span)
    }
    pub(super) fn write(&self, w: &mut Writer) {
        w.map(7 + usize::from(self.lock_until.is_some()));
        w.key(1).uint(self.leg.0).key(2).uint(self.section.0).key(3).uint(self.first_span.0);
        w.key(4).bytes(&self.sha256.0).key(5).bytes(&self.root.0).key(6).uint(self.length);
        if let Some(until) = self.lock_until {
            w.key(7).int(until.0);
        }
        w.key(8);
        write_regimes(w, &self.regimes);
    }
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "object leg")?;
        let leg = LegNo(r.narrow()?);
        r.field(&mut f, 2, "object section")?;
        let section = SectionNo(r.narrow()?);
        r.field(&mut f, 3, "object span")?;
        let first_span = SpanNo(r.narrow()?);
        r.field(&mut f, 4, "object hash")?;
        let sha256 = Hash(r.fixed()?);
        r.field(&mut f, 5, "object root")?;
        let root = Hash(r.fixed()?);
        r.field(&mut f, 6, "object length")?;
        let length = r.uint()?;
        let lock_until = match r.optional(&mut f, 7, "object lock")? {
            true => Some(Timestamp(r.int()?)),
            false => None,
        };
        r.field(&mut f, 8, "object regimes")?;
        let regimes = read_regimes(r)?;
        r.end(&f)?;
        Ok(Self { leg, section, first_span, sha256, root, length, lock_until, regimes })
    }
}

impl BasisInterval {
    pub(super) fn write(&self, w: &mut Writer) {
        let optional = usize::from(self.evidence.is_some()) + usize::from(self.derived_error_us.is_some());
        w.map(4 + optional).key(1).text(self.purpose.as_str()).key(2).uint(self.basis as u64);
        w.key(3).uint(self.interval.start().0).key(4).uint(self.interval.end().0);
        if let Some(evidence) = &self.evidence {
            w.key(5).array(1 + usize::from(evidence.ct_root.is_some())).bytes(&evidence.event.to_bytes());
            if let Some(ct_root) = &evidence.ct_root {
                w.bytes(&ct_root.0);
            }
        }
        if let Some(error) = self.derived_error_us {
            w.key(6).uint(error);
        }
    }
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "purpose")?;
        let purpose = r.name()?;
        r.field(&mut f, 2, "basis")?;
        let basis = Basis::from_number(r.narrow()?).ok_or_else(|| r.wrong("is not a known basis"))?;
        r.field(&mut f, 3, "basis start")?;
        let start = kernel::Position(r.uint()?);
        r.field(&mut f, 4, "basis end")?;
        let end = kernel::Position(r.uint()?);
        let interval = Interval::new(start, end).ok_or_else(|| r.wrong("is not after its start"))?;
        let evidence = match r.optional(&mut f, 5, "evidence")? {
            true => Some(Evidence::read(r)?),
            false => None,
        };
        let derived_error_us = match r.optional(&mut f, 6, "derived error")? {
            true => Some(r.uint()?),
            false => None,
        };
        r.end(&f)?;
        Ok(Self { purpose, basis, interval, evidence, derived_error_us })
    }
}

impl Evidence {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array(2)?;
        if items == 0 {
            return Err(r.wrong("names no event"));
        }
        let event = EventId::from_bytes(r.fixed()?);
        let ct_root = if items == 2 { Some(Hash(r.fixed()?)) } else { None };
        Ok(Self { event, ct_root })
    }
}

impl Mark {
    pub(super) fn write(&self, w: &mut Writer) {
        write_interval(self.interval, w.array(3).text(self.label.as_str()));
    }
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(3)?;
        Ok(Self { label: r.name()?, interval: read_interval(r)? })
    }
}

impl Superseded {
    pub(super) fn write(&self, w: &mut Writer) {
        self.frames.write(w.array(5).uint(self.leg.0).uint(self.section.0).uint(self.span.0));
    }
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(5)?;
        let (leg, section) = (LegNo(r.narrow()?), SectionNo(r.narrow()?));
        Ok(Self { leg, section, span: SpanNo(r.narrow()?), frames: FrameRange::read(r)? })
    }
}
