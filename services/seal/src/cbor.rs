//! Deterministic CBOR (RFC 8949 section 4.2): shortest heads, definite lengths, integer keys ascending.
//!
//! The reader refuses everything else, so one document has one encoding and a hash of its bytes is a hash
//! of its meaning. Lengths are checked against what is left of the input before anything is allocated.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// Bytes that are not the document they were taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{document}: {field} at byte {at} {problem}")]
pub struct DecodeError {
    /// Which document was expected.
    pub document: &'static str,
    /// The field that was being read.
    pub field: &'static str,
    /// Offset into the document.
    pub at: usize,
    /// What is wrong with it; never repeats the value.
    pub problem: &'static str,
}

/// Writes one document.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(Encoder::new(Vec::new()))
    }
    /// With room for a secret document, so that growing leaves no copies behind.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Encoder::new(Vec::with_capacity(bytes)))
    }
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }
    /// A map of `fields` pairs follows: [`Writer::key`] and a value, ascending.
    pub(crate) fn map(&mut self, fields: usize) -> &mut Self {
        self.0.map(fields as u64).expect(VEC);
        self
    }
    pub(crate) fn array(&mut self, items: usize) -> &mut Self {
        self.0.array(items as u64).expect(VEC);
        self
    }
    pub(crate) fn key(&mut self, key: u64) -> &mut Self {
        self.uint(key)
    }
    pub(crate) fn uint(&mut self, value: impl Into<u64>) -> &mut Self {
        self.0.u64(value.into()).expect(VEC);
        self
    }
    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.0.i64(value).expect(VEC);
        self
    }
    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.bytes(value).expect(VEC);
        self
    }
    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.0.str(value).expect(VEC);
        self
    }
}

const VEC: &str = "a Vec takes every byte";

/// Reads one document, naming the place of the first thing that is wrong.
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
    document: &'static str,
    field: &'static str,
}

/// The fields of a map that are still to be read.
#[must_use]
pub(crate) struct Fields(u64);

type Result<T> = std::result::Result<T, DecodeError>;

impl<'b> Reader<'b> {
    pub(crate) fn new(document: &'static str, bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes), document, field: "document" }
    }

    /// An error at the present place.
    pub(crate) fn wrong(&self, problem: &'static str) -> DecodeError {
        DecodeError { document: self.document, field: self.field, at: self.decoder.position(), problem }
    }

    /// Nothing may follow.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.field = "document";
        if self.left() == 0 { Ok(()) } else { Err(self.wrong("is followed by more bytes")) }
    }

    pub(crate) fn map(&mut self) -> Result<Fields> {
        let at = self.decoder.position();
        let fields = match self.decoder.map() {
            Ok(Some(fields)) => fields,
            Ok(None) => return Err(self.wrong("has an indefinite length")),
            Err(error) => return Err(self.failed(at, &error, "must be a map")),
        };
        self.shortest(at, fields, 0)?;
        Ok(Fields(fields))
    }

    /// Goes to the value of a field that must be next.
    pub(crate) fn field(&mut self, fields: &mut Fields, key: u64, name: &'static str) -> Result<()> {
        if self.optional(fields, key, name)? { Ok(()) } else { Err(self.wrong("is missing")) }
    }

    /// Goes to the value of a field if it is next.
    pub(crate) fn optional(&mut self, fields: &mut Fields, key: u64, name: &'static str) -> Result<bool> {
        self.field = name;
        if fields.0 == 0 {
            return Ok(false);
        }
        let before = self.decoder.position();
        if self.uint()? != key {
            self.decoder.set_position(before);
            return Ok(false);
        }
        fields.0 -= 1;
        Ok(true)
    }

    /// No field may be left.
    pub(crate) fn end(&mut self, fields: &Fields) -> Result<()> {
        if fields.0 == 0 { Ok(()) } else { Err(self.wrong("is followed by an unknown or misplaced key")) }
    }

    /// An array of at most `bound` items, each at least one byte long.
    pub(crate) fn array(&mut self, bound: usize) -> Result<usize> {
        let at = self.decoder.position();
        let items = match self.decoder.array() {
            Ok(Some(items)) => items,
            Ok(None) => return Err(self.wrong("has an indefinite length")),
            Err(error) => return Err(self.failed(at, &error, "must be an array")),
        };
        self.shortest(at, items, 0)?;
        match usize::try_from(items) {
            Ok(items) if items <= bound && items <= self.left() => Ok(items),
            _ => Err(self.wrong("has too many items")),
        }
    }

    /// An array of exactly `items` items.
    pub(crate) fn tuple(&mut self, items: usize) -> Result<()> {
        if self.array(items)? == items { Ok(()) } else { Err(self.wrong("has too few items")) }
    }

    /// An array whose items `read` takes one by one.
    pub(crate) fn list<T>(
        &mut self,
        bound: usize,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let items = self.array(bound)?;
        let mut list = Vec::with_capacity(items.min(1_024));
        for _ in 0..items {
            list.push(read(self)?);
        }
        Ok(list)
    }

    pub(crate) fn uint(&mut self) -> Result<u64> {
        let at = self.decoder.position();
        let value =
            self.decoder.u64().map_err(|error| self.failed(at, &error, "must be an unsigned integer"))?;
        self.shortest(at, value, 0)?;
        Ok(value)
    }

    /// An unsigned integer that fits the narrower type.
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let value = self.uint()?;
        T::try_from(value).map_err(|_| self.wrong("is out of range"))
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        let at = self.decoder.position();
        let value = self.decoder.i64().map_err(|error| self.failed(at, &error, "must be an integer"))?;
        let argument = if value < 0 { !value as u64 } else { value as u64 };
        self.shortest(at, argument, 0)?;
        Ok(value)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8]> {
        let at = self.decoder.position();
        let value = self.decoder.bytes().map_err(|error| self.failed(at, &error, "must be bytes"))?;
        self.shortest(at, value.len() as u64, value.len())?;
        Ok(value)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| self.wrong("has the wrong length"))
    }

    pub(crate) fn text(&mut self) -> Result<&'b str> {
        let at = self.decoder.position();
        let value = self.decoder.str().map_err(|error| self.failed(at, &error, "must be text"))?;
        self.shortest(at, value.len() as u64, value.len())?;
        Ok(value)
    }

    /// Text that is a name of some kind.
    pub(crate) fn name<T: std::str::FromStr>(&mut self) -> Result<T> {
        let text = self.text()?;
        text.parse().map_err(|_| self.wrong("is not a name of its kind"))
    }

    /// Whether the next value is text.
    pub(crate) fn at_text(&self) -> bool {
        matches!(self.decoder.datatype(), Ok(Type::String))
    }

    fn left(&self) -> usize {
        self.decoder.input().len().saturating_sub(self.decoder.position())
    }

    fn failed(&self, at: usize, error: &minicbor::decode::Error, expected: &'static str) -> DecodeError {
        let problem = if error.is_end_of_input() { "ends early" } else { expected };
        DecodeError { document: self.document, field: self.field, at, problem }
    }

    /// The head that began at `at` and its `content` bytes must be no longer than `argument` needs.
    fn shortest(&self, at: usize, argument: u64, content: usize) -> Result<()> {
        let head = match argument {
            0..=23 => 1,
            24..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        if self.decoder.position() - at == head + content {
            return Ok(());
        }
        let problem = "is not in its shortest form";
        Err(DecodeError { document: self.document, field: self.field, at, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(u64, Option<i64>)> {
        let mut reader = Reader::new("sample", bytes);
        let mut fields = reader.map()?;
        reader.field(&mut fields, 1, "first")?;
        let first = reader.uint()?;
        let second = if reader.optional(&mut fields, 2, "second")? { Some(reader.int()?) } else { None };
        reader.end(&fields)?;
        reader.finish()?;
        Ok((first, second))
    }

    #[test]
    fn only_the_deterministic_encoding_is_read() {
        assert_eq!(read(&[0xa1, 1, 7]), Ok((7, None)));
        assert_eq!(read(&[0xa2, 1, 7, 2, 0x20]), Ok((7, Some(-1))));
        for (bytes, field, problem) in [
            (&[0xa1, 1, 0x18, 7][..], "first", "is not in its shortest form"),
            (&[0xb8, 1, 1, 7], "document", "is not in its shortest form"),
            (&[0xbf, 1, 7, 0xff], "document", "has an indefinite length"),
            (&[0xa2, 2, 7, 1, 7], "first", "is missing"),
            (&[0xa2, 1, 7, 3, 7], "second", "is followed by an unknown or misplaced key"),
            (&[0xa2, 1, 7, 1, 7], "second", "is followed by an unknown or misplaced key"),
            (&[0xa1, 1, 7, 0], "document", "is followed by more bytes"),
            (&[0xa1, 1], "first", "ends early"),
            (&[0xa1, 1, 0x61, 0x61], "first", "must be an unsigned integer"),
            (&[], "document", "ends early"),
        ] {
            let error = read(bytes).unwrap_err();
            assert_eq!((error.field, error.problem), (field, problem), "{bytes:02x?}");
        }
    }
}
