//! An object's footer: which spans it holds, where, and their ciphertext roots.

use kernel::{FrameNo, LegNo, Position, RecordingId, RegimeName, SectionNo, SpanNo, TenantId};

use super::{MAGIC, MAX_OBJECT, MAX_SPAN_BYTES, MAX_SPANS, TRAILER_LEN};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::{Hash, root_of_roots};
use crate::header::{SectionAddress, SectionKind, SpanHeader, check_regimes, read_regimes, write_regimes};
use crate::span::SpanView;
use crate::tree::{self, SpanSet};

/// Largest footer: 8,192 spans and a little.
pub const MAX_FOOTER: usize = 1_024 * 1_024;
/// As many bytes from an object's end as are surely enough for its footer.
pub const MAX_TAIL: usize = MAX_FOOTER + TRAILER_LEN;

/// What an object's end says about its spans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Footer {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The section that all its spans are of.
    pub section: SectionAddress,
    /// What the section holds.
    pub kind: SectionKind,
    /// Its lock class.
    pub regimes: Vec<RegimeName>,
    /// Its spans, in order; never empty in an object.
    pub spans: Vec<FooterSpan>,
}

/// One span's place in an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FooterSpan {
    /// Its number.
    pub span: SpanNo,
    /// Where its container begins: the sum of the lengths before it.
    pub offset: u64,
    /// Its container's length.
    pub length: u64,
    /// Its first frame.
    pub first_frame: FrameNo,
    /// Its last frame.
    pub last_frame: FrameNo,
    /// Where it begins on the timeline.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// Its ciphertext root.
    pub ct_root: Hash,
}

/// What the last bytes of an object came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tail {
    /// They hold the footer.
    Footer(Footer),
    /// So many bytes from the end are needed.
    Needs(usize),
}

const DOCUMENT: &str = "object footer";

impl Footer {
    /// The object's ciphertext root: over its spans' roots, in order.
    pub fn root(&self) -> Hash {
        root_of_roots(self.spans.iter().map(|row| &row.ct_root))
    }

    /// The numbers of its spans.
    pub fn span_set(&self) -> SpanSet {
        SpanSet::from_spans(self.spans.iter().map(|row| row.span)).expect("checked when read or pushed")
    }

    /// Its row for this span.
    pub fn span(&self, span: SpanNo) -> Option<&FooterSpan> {
        self.spans.binary_search_by_key(&span, |row| row.span).ok().map(|at| &self.spans[at])
    }

    /// Reads the footer from an object's last bytes; 64 KiB of them are enough nearly always.
    pub fn from_tail(tail: &[u8]) -> Result<Tail, Error> {
        let Some((rest, trailer)) = tail.split_last_chunk::<TRAILER_LEN>() else {
            return Ok(Tail::Needs(TRAILER_LEN));
        };
        let (length, rest_of_trailer) = trailer.split_first_chunk::<4>().expect("40 bytes are more than 4");
        let (sha256, magic) = rest_of_trailer.split_at(32);
        if magic != MAGIC {
            return Err(Error::invalid("object", "does not end with VRO1"));
        }
        let length = u32::from_be_bytes(*length) as usize;
        Error::bounded(DOCUMENT, length, MAX_FOOTER)?;
        if rest.len() < length {
            return Ok(Tail::Needs(length + TRAILER_LEN));
        }
        let footer = &rest[rest.len() - length..];
        if Hash::of(footer).0 != sha256 {
            return Err(Error::invalid(DOCUMENT, "differs from its hash"));
        }
        Self::decode(footer).map(Tail::Footer)
    }

    pub(crate) fn owns(&self, header: &SpanHeader) -> bool {
        self.tenant == header.tenant
            && self.section == header.section_address()
            && self.kind == header.kind
            && self.regimes == header.regimes
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut w = Writer::new();
        w.map(7).key(1).text(self.tenant.as_str()).key(2).bytes(&self.section.recording.to_bytes());
        w.key(3).uint(self.section.leg.0).key(4).uint(self.section.section.0);
        w.key(5).uint(self.kind.number()).key(6);
        write_regimes(&mut w, &self.regimes);
        w.key(7).array(self.spans.len());
        for row in &self.spans {
            w.array(7).uint(row.span.0).uint(row.length).uint(row.first_frame.0).uint(row.last_frame.0);
            w.uint(row.start.0).uint(row.end.0).bytes(&row.ct_root.0);
        }
        let bytes = w.finish();
        Error::bounded(DOCUMENT, bytes.len(), MAX_FOOTER)?;
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let footer = Self::read(bytes)?;
        footer.check()?;
        Ok(footer)
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
        r.field(&mut f, 6, "regimes")?;
        let regimes = read_regimes(&mut r)?;
        r.field(&mut f, 7, "spans")?;
        let mut offset = 0u64;
        let spans = r.list(MAX_SPANS, |r| {
            let row = FooterSpan::read(r, offset)?;
            offset = offset.checked_add(row.length).ok_or_else(|| r.wrong("is out of range"))?;
            Ok(row)
        })?;
        r.end(&f)?;
        r.finish()?;
        let section = SectionAddress { recording, leg, section };
        Ok(Self { tenant, section, kind, regimes, spans })
    }

    fn check(&self) -> Result<(), Error> {
        Error::bounded("number of spans", self.spans.len(), MAX_SPANS)?;
        let Some(last) = self.spans.last() else { return Err(Error::invalid(DOCUMENT, "has no spans")) };
        tree::check(last.span)?;
        if !self.spans.is_sorted_by(|a, b| a.span < b.span) {
            return Err(Error::invalid(DOCUMENT, "has spans out of order or twice"));
        }
        check_regimes(DOCUMENT, &self.regimes)
    }
}

impl FooterSpan {
    fn read(r: &mut Reader<'_>, offset: u64) -> Result<Self, DecodeError> {
        r.tuple(7)?;
        Ok(Self {
            span: SpanNo(r.narrow()?),
            offset,
            length: r.uint()?,
            first_frame: FrameNo(r.uint()?),
            last_frame: FrameNo(r.uint()?),
            start: Position(r.uint()?),
            end: Position(r.uint()?),
            ct_root: Hash(r.fixed()?),
        })
    }

    /// Checks a container, cut out of an object or fetched alone, against this row.
    pub fn verify<'b>(&self, footer: &Footer, container: &'b [u8]) -> Result<SpanView<'b>, Error> {
        let view = SpanView::parse(container)?;
        let header = &view.header;
        let said = (self.span, self.first_frame, self.last_frame, self.start, self.end);
        let own = (header.span, header.first_frame, header.last_frame, header.start, header.end);
        if !footer.owns(header) || said != own || view.ct_root() != self.ct_root {
            return Err(Error::Root(self.span));
        }
        Ok(view)
    }
}

/// Checks every byte of a whole object without keys: footer hash, each span's header and ciphertext root,
/// and that nothing lies between them.
pub fn verify_object(bytes: &[u8]) -> Result<Footer, Error> {
    Error::bounded("object", bytes.len(), MAX_OBJECT)?;
    let footer = match Footer::from_tail(bytes)? {
        Tail::Footer(footer) => footer,
        Tail::Needs(_) => return Err(Error::Truncated("object")),
    };
    let mut rest = &bytes[..bytes.len().min(MAX_SPAN_BYTES)];
    let mut end = 0;
    for row in &footer.spans {
        let length = usize::try_from(row.length).map_err(|_| Error::Truncated("object"))?;
        let (container, after) = rest.split_at_checked(length).ok_or(Error::Truncated("object"))?;
        row.verify(&footer, container)?;
        rest = after;
        end += length;
    }
    if bytes.len() != end + footer.encode()?.len() + TRAILER_LEN {
        return Err(Error::invalid("object", "has bytes that no span accounts for"));
    }
    Ok(footer)
}
