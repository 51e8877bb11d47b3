//! What a span says of itself in clear: where it belongs and how to read it; no basis, no personal data.

mod codec;

use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, RegimeName, SectionNo, SessionEpoch, SpanNo,
    TenantId, Timestamp,
};

pub use codec::{Codec, CodecName, SectionKind};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::Hash;
use crate::tree::SPANS;

/// Longest encoded header.
pub const MAX_HEADER: usize = 4_096;
/// Most regimes on one span.
pub const MAX_REGIMES: usize = 16;

/// Which section of which leg of which recording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SectionAddress {
    /// The recording.
    pub recording: RecordingId,
    /// The leg.
    pub leg: LegNo,
    /// The section.
    pub section: SectionNo,
}

/// A span's header, bound to its payload through the encryption context.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpanHeader {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Of which call.
    pub recording: RecordingId,
    /// Of which leg.
    pub leg: LegNo,
    /// Under which leg key.
    pub section: SectionNo,
    /// What the section holds.
    pub kind: SectionKind,
    /// Which leaf of the section's key tree seals it.
    pub span: SpanNo,
    /// The sender's fencing number when it was sealed.
    pub session_epoch: SessionEpoch,
    /// Number of its first frame; 0 in a document.
    pub first_frame: FrameNo,
    /// Number of its last frame; 0 in a document.
    pub last_frame: FrameNo,
    /// Where it begins on the recording's timeline.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// How its payload is coded.
    pub codec: Codec,
    /// RTP clock rate in Hz; 0 in a document.
    pub rate: u32,
    /// The wall clock at `start`.
    pub started_wall: Timestamp,
    /// Which instance sealed it.
    pub writer: InstanceId,
    /// The epoch whose public key its leg key was sealed to.
    pub key_epoch: KeyEpoch,
    /// The tenant's policy at the time.
    pub policy_hash: Hash,
    /// The duties that lock it: its lock class. Sorted, each once.
    pub regimes: Vec<RegimeName>,
}

const DOCUMENT: &str = "span header";

impl SpanHeader {
    /// The section that it belongs to.
    pub fn section_address(&self) -> SectionAddress {
        SectionAddress { recording: self.recording, leg: self.leg, section: self.section }
    }

    /// Its one encoding (`FORMAT.md`, span header), refused where a field breaks its rule.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut w = Writer::new();
        w.map(18).key(1).text(self.tenant.as_str()).key(2).bytes(&self.recording.to_bytes());
        w.key(3).uint(self.leg.0).key(4).uint(self.section.0);
        w.key(5).uint(self.kind.number()).key(6).uint(self.span.0).key(7).uint(self.session_epoch.0);
        w.key(8).uint(self.first_frame.0).key(9).uint(self.last_frame.0);
        w.key(10).uint(self.start.0).key(11).uint(self.end.0).key(12);
        self.codec.write(&mut w);
        w.key(13).uint(self.rate).key(14).int(self.started_wall.0);
        w.key(15).bytes(&self.writer.to_bytes()).key(16).uint(self.key_epoch.0);
        w.key(17).bytes(&self.policy_hash.0).key(18);
        write_regimes(&mut w, &self.regimes);
        let bytes = w.finish();
        Error::bounded("span header", bytes.len(), MAX_HEADER)?;
        Ok(bytes)
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Error::bounded("span header", bytes.len(), MAX_HEADER)?;
        let header = Self::read(bytes)?;
        header.check()?;
        Ok(header)
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "tenant")?;
        let tenant = r.name()?;
        r.field(&mut f, 2, "recording")?;
        let recording = RecordingId::from_bytes(r.fixed()?);
        r.field(&mut f, 3, "leg")?;
        let leg = LegNo(r.narrow()?);
        r.field(&mut f, 4, "section")?;
        let section = SectionNo(r.narrow()?);
        r.field(&mut f, 5, "kind")?;
        let kind = SectionKind::read(&mut r)?;
        r.field(&mut f, 6, "span")?;
        let span = SpanNo(r.narrow()?);
        r.field(&mut f, 7, "session epoch")?;
        let session_epoch = SessionEpoch(r.uint()?);
        r.field(&mut f, 8, "first frame")?;
        let first_frame = FrameNo(r.uint()?);
        r.field(&mut f, 9, "last frame")?;
        let last_frame = FrameNo(r.uint()?);
        r.field(&mut f, 10, "start")?;
        let start = Position(r.uint()?);
        r.field(&mut f, 11, "end")?;
        let end = Position(r.uint()?);
        r.field(&mut f, 12, "codec")?;
        let codec = Codec::read(&mut r)?;
        r.field(&mut f, 13, "rate")?;
        let rate = r.narrow()?;
        r.field(&mut f, 14, "wall clock")?;
        let started_wall = Timestamp(r.int()?);
        r.field(&mut f, 15, "writer")?;
        let writer = InstanceId::from_bytes(r.fixed()?);
        r.field(&mut f, 16, "key epoch")?;
        let key_epoch = KeyEpoch(r.uint()?);
        r.field(&mut f, 17, "policy hash")?;
        let policy_hash = Hash(r.fixed()?);
        r.field(&mut f, 18, "regimes")?;
        let regimes = read_regimes(&mut r)?;
        r.end(&f)?;
        r.finish()?;
        Ok(Self {
            tenant,
            recording,
            leg,
            section,
            kind,
            span,
            session_epoch,
            first_frame,
            last_frame,
            start,
            end,
            codec,
            rate,
            started_wall,
            writer,
            key_epoch,
            policy_hash,
            regimes,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |problem| Err(Error::invalid(DOCUMENT, problem));
        if self.span.0 >= SPANS {
            return refuse("has a span number beyond the key tree");
        }
        if self.first_frame > self.last_frame {
            return refuse("has its last frame before its first");
        }
        if self.start > self.end {
            return refuse("ends before it starts");
        }
        let is_document = self.codec == Codec::Document;
        match self.kind {
            SectionKind::Audio if is_document => return refuse("has audio coded as a document"),
            SectionKind::Audio if self.rate == 0 => return refuse("has audio without a clock rate"),
            SectionKind::Meta | SectionKind::Subject if !is_document => {
                return refuse("has a document coded as audio");
            }
            SectionKind::Meta | SectionKind::Subject if self.rate != 0 || self.last_frame.0 != 0 => {
                return refuse("has a document with a rate or frames");
            }
            SectionKind::Audio | SectionKind::Meta | SectionKind::Subject => {}
        }
        check_regimes(DOCUMENT, &self.regimes)
    }
}

pub(crate) fn write_regimes(w: &mut Writer, regimes: &[RegimeName]) {
    w.array(regimes.len());
    for regime in regimes {
        w.text(regime.as_str());
    }
}

pub(crate) fn read_regimes(r: &mut Reader<'_>) -> Result<Vec<RegimeName>, DecodeError> {
    r.list(MAX_REGIMES, Reader::name)
}

pub(crate) fn check_regimes(document: &'static str, regimes: &[RegimeName]) -> Result<(), Error> {
    Error::bounded("number of regimes", regimes.len(), MAX_REGIMES)?;
    if regimes.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(Error::invalid(document, "has regimes out of order or twice"))
}
