//! A leg in the manifest: how to place its frames, what its sections hold, what is missing and why.

use kernel::{FrameNo, InstanceId, Interval, LegNo, Position, SectionNo, Timestamp};

use super::{DropReason, MAX_ROWS, PartyRole, write_list};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::Hash;
use crate::header::{Codec, SectionKind};

/// One party's channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    /// Its number.
    pub leg: LegNo,
    /// What its sections hold.
    pub kind: SectionKind,
    /// Whose voice it carries.
    pub party: PartyRole,
    /// How its frames are coded.
    pub codec: Codec,
    /// RTP clock rate in Hz; 0 for documents.
    pub rate: u32,
    /// Where its RTP timestamps lie on the timeline.
    pub anchors: Vec<Anchor>,
    /// Number of its last frame; none if it never had one.
    pub last_frame: Option<FrameNo>,
    /// Its sections, by number.
    pub sections: Vec<SectionRow>,
    /// Frames that are missing without a reason.
    pub gaps: Vec<FrameRange>,
    /// When it was paused.
    pub pauses: Vec<Interval>,
    /// Frames that were not stored, and why.
    pub dropped: Vec<Dropped>,
}

/// A point where RTP time, the sender's clock and the timeline are known together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// Extended RTP timestamp.
    pub rtp_timestamp: u64,
    /// Capture time by the sender's clock.
    pub captured_at: Timestamp,
    /// Where that is on the timeline.
    pub position: Position,
}

/// What one writer sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SectionRow {
    /// Its number.
    pub section: SectionNo,
    /// Who sealed it.
    pub writer: InstanceId,
    /// How many spans are stored.
    pub span_count: u32,
    /// Root over their ciphertext roots, in order.
    pub span_root: Hash,
}

/// Frames from the first to the last, both in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FrameRange {
    /// The first.
    pub first: FrameNo,
    /// The last.
    pub last: FrameNo,
}

/// Frames that were received or announced and not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Which.
    pub frames: FrameRange,
    /// Why.
    pub reason: DropReason,
}

impl Leg {
    pub(super) fn write(&self, w: &mut Writer) {
        w.map(10 + usize::from(self.last_frame.is_some()));
        w.key(1).uint(self.leg.0).key(2).uint(self.kind.number()).key(3).uint(self.party.number()).key(4);
        self.codec.write(w);
        w.key(5).uint(self.rate);
        write_list(w, 6, &self.anchors, Anchor::write);
        if let Some(last) = self.last_frame {
            w.key(7).uint(last.0);
        }
        write_list(w, 8, &self.sections, SectionRow::write);
        write_list(w, 9, &self.gaps, |gap, w| gap.write(w.array(2)));
        write_list(w, 10, &self.pauses, |pause, w| write_interval(*pause, w.array(2)));
        write_list(w, 11, &self.dropped, Dropped::write);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "leg number")?;
        let leg = LegNo(r.narrow()?);
        r.field(&mut f, 2, "leg kind")?;
        let kind = SectionKind::read(r)?;
        r.field(&mut f, 3, "party")?;
        let party = PartyRole::read(r)?;
        r.field(&mut f, 4, "codec")?;
        let codec = Codec::read(r)?;
        r.field(&mut f, 5, "rate")?;
        let rate = r.narrow()?;
        r.field(&mut f, 6, "anchors")?;
        let anchors = r.list(MAX_ROWS, Anchor::read)?;
        let last_frame = match r.optional(&mut f, 7, "last frame")? {
            true => Some(FrameNo(r.uint()?)),
            false => None,
        };
        r.field(&mut f, 8, "sections")?;
        let sections = r.list(MAX_ROWS, SectionRow::read)?;
        r.field(&mut f, 9, "gaps")?;
        let gaps = r.list(MAX_ROWS, |r| {
            r.tuple(2)?;
            FrameRange::read(r)
        })?;
        r.field(&mut f, 10, "pauses")?;
        let pauses = r.list(MAX_ROWS, |r| {
            r.tuple(2)?;
            read_interval(r)
        })?;
        r.field(&mut f, 11, "dropped")?;
        let dropped = r.list(MAX_ROWS, Dropped::read)?;
        r.end(&f)?;
        Ok(Self { leg, kind, party, codec, rate, anchors, last_frame, sections, gaps, pauses, dropped })
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |problem| Err(Error::invalid("manifest leg", problem));
        let rows =
            [self.anchors.len(), self.sections.len(), self.gaps.len(), self.pauses.len(), self.dropped.len()];
        Error::bounded("number of rows", rows.into_iter().max().unwrap_or(0), MAX_ROWS)?;
        if !self.sections.is_sorted_by(|a, b| a.section < b.section) {
            return refuse("has sections out of order or twice");
        }
        if !self.gaps.is_sorted_by(|a, b| a.last < b.first) {
            return refuse("has gaps out of order or twice");
        }
        if !self.dropped.is_sorted_by(|a, b| a.frames.last < b.frames.first) {
            return refuse("has dropped frames out of order or twice");
        }
        if !self.pauses.is_sorted_by(|a, b| a.end() <= b.start()) {
            return refuse("has pauses out of order or twice");
        }
        Ok(())
    }
}

impl Anchor {
    fn write(&self, w: &mut Writer) {
        w.array(3).uint(self.rtp_timestamp).int(self.captured_at.0).uint(self.position.0);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(3)?;
        let (rtp_timestamp, captured_at) = (r.uint()?, Timestamp(r.int()?));
        Ok(Self { rtp_timestamp, captured_at, position: Position(r.uint()?) })
    }
}

impl SectionRow {
    fn write(&self, w: &mut Writer) {
        w.array(4).uint(self.section.0).bytes(&self.writer.to_bytes());
        w.uint(self.span_count).bytes(&self.span_root.0);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(4)?;
        let (section, writer) = (SectionNo(r.narrow()?), InstanceId::from_bytes(r.fixed()?));
        Ok(Self { section, writer, span_count: r.narrow()?, span_root: Hash(r.fixed()?) })
    }
}

impl FrameRange {
    /// From the first to the last; none where they run backwards.
    pub fn new(first: FrameNo, last: FrameNo) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }
    /// Two numbers, in an array that is already begun.
    pub(super) fn write(&self, w: &mut Writer) {
        w.uint(self.first.0).uint(self.last.0);
    }
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (first, last) = (FrameNo(r.uint()?), FrameNo(r.uint()?));
        Self::new(first, last).ok_or_else(|| r.wrong("runs backwards"))
    }
}

impl Dropped {
    fn write(&self, w: &mut Writer) {
        self.frames.write(w.array(3));
        w.uint(self.reason.number());
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(3)?;
        Ok(Self { frames: FrameRange::read(r)?, reason: DropReason::read(r)? })
    }
}

/// Start and end, in an array that is already begun.
pub(super) fn write_interval(interval: Interval, w: &mut Writer) {
    w.uint(interval.start().0).uint(interval.end().0);
}

pub(super) fn read_interval(r: &mut Reader<'_>) -> Result<Interval, DecodeError> {
    let (start, end) = (Position(r.uint()?), Position(r.uint()?));
    Interval::new(start, end).ok_or_else(|| r.wrong("is empty or runs backwards"))
}
