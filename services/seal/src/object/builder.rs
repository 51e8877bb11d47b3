//! Packing spans into an object.

use kernel::SpanNo;

use super::{Footer, FooterSpan, MAGIC, MAX_SPAN_BYTES, MAX_SPANS, ObjectName};
use crate::error::Error;
use crate::hash::Hash;
use crate::span::SpanView;

/// An object that is ready to be put away.
#[derive(Clone, Debug)]
pub struct Object {
    /// Where it belongs.
    pub name: ObjectName,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub sha256: Hash,
    /// What its end says.
    pub footer: Footer,
}

/// Takes spans of one section and one lock class until 4 MiB are full.
#[derive(Clone, Debug)]
pub struct ObjectBuilder {
    footer: Footer,
    bytes: Vec<u8>,
}

impl ObjectBuilder {
    /// Begins an object with its first span.
    pub fn new(span: &SpanView<'_>) -> Result<Self, Error> {
        let header = &span.header;
        let footer = Footer {
            tenant: header.tenant.clone(),
            section: header.section_address(),
            kind: header.kind,
            regimes: header.regimes.clone(),
            spans: Vec::new(),
        };
        let mut builder = Self { footer, bytes: Vec::new() };
        builder.push(span)?;
        Ok(builder)
    }

    /// Whether [`ObjectBuilder::push`] would take this span; where not, it begins another object.
    pub fn takes(&self, span: &SpanView<'_>) -> bool {
        let header = &span.header;
        self.footer.owns(header)
            && self.last_span().is_none_or(|last| last < header.span)
            && self.footer.spans.len() < MAX_SPANS
            && self.bytes.len() + span.bytes().len() <= MAX_SPAN_BYTES
    }

    /// Adds a span.
    pub fn push(&mut self, span: &SpanView<'_>) -> Result<(), Error> {
        if !self.takes(span) {
            return Err(Error::invalid("object", "cannot take this span"));
        }
        self.footer.spans.push(FooterSpan {
            span: span.header.span,
            offset: self.bytes.len() as u64,
            length: span.bytes().len() as u64,
            first_frame: span.header.first_frame,
            last_frame: span.header.last_frame,
            start: span.header.start,
            end: span.header.end,
            ct_root: span.ct_root(),
        });
        self.bytes.extend_from_slice(span.bytes());
        Ok(())
    }

    /// Bytes of containers so far.
    pub fn span_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Number of the last span so far.
    pub fn last_span(&self) -> Option<SpanNo> {
        self.footer.spans.last().map(|row| row.span)
    }

    /// Writes the footer and the trailer.
    pub fn finish(self) -> Result<Object, Error> {
        let Self { footer, mut bytes } = self;
        let encoded = footer.encode()?;
        bytes.extend_from_slice(&encoded);
        let length = u32::try_from(encoded.len()).expect("footers are bounded");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&Hash::of(&encoded).0);
        bytes.extend_from_slice(&MAGIC);
        let first_span = footer.spans.first().map_or(SpanNo(0), |row| row.span);
        let name = ObjectName { tenant: footer.tenant.clone(), section: footer.section, first_span };
        Ok(Object { name, sha256: Hash::of(&bytes), bytes, footer })
    }
}
