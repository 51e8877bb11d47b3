//! What a section holds, and how it is coded.

use std::fmt;
use std::str::FromStr;

use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;

/// What a section holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SectionKind {
    /// A leg's frames.
    Audio = 1,
    /// A call's identifying metadata: one CBOR document.
    Meta = 2,
    /// A subject's identifier values: one CBOR document. The subject's id stands for the recording's.
    Subject = 3,
}

/// How a section's payload is coded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 mu-law.
    Pcmu,
    /// Linear 16-bit big-endian PCM, one channel (RFC 3551).
    L16,
    /// A CBOR document: what meta and subject sections hold.
    Document,
    /// Kept as it came.
    Opaque(CodecName),
}

/// An encoding name of 1 to 32 characters `A-Z a-z 0-9 . _ -`, as RTP payload formats have them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CodecName(String);

impl SectionKind {
    /// The number that leaves the process; never reused.
    pub fn number(self) -> u32 {
        self as u32
    }
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Audio),
            2 => Some(Self::Meta),
            3 => Some(Self::Subject),
            _ => None,
        }
    }
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = r.narrow()?;
        Self::from_number(number).ok_or_else(|| r.wrong("is not a known kind"))
    }
}

impl Codec {
    /// The codec of this encoding name (RFC 4855); case does not matter for those that are understood.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "PCMA" => Self::Pcma,
            "PCMU" => Self::Pcmu,
            "L16" => Self::L16,
            _ => Self::Opaque(CodecName::new(name)?),
        })
    }
    /// Its encoding name.
    pub fn name(&self) -> &str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::L16 => "L16",
            Self::Document => "document",
            Self::Opaque(name) => name.as_str(),
        }
    }
    /// A number (PCMA 1, PCMU 2, L16 3, document 4) or the name as text.
    pub(crate) fn write(&self, w: &mut Writer) {
        match self {
            Self::Pcma => w.uint(1u8),
            Self::Pcmu => w.uint(2u8),
            Self::L16 => w.uint(3u8),
            Self::Document => w.uint(4u8),
            Self::Opaque(name) => w.text(name.as_str()),
        };
    }
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.at_text() {
            return Ok(Self::Opaque(r.name()?));
        }
        Ok(match r.uint()? {
            1 => Self::Pcma,
            2 => Self::Pcmu,
            3 => Self::L16,
            4 => Self::Document,
            _ => return Err(r.wrong("is not a known codec")),
        })
    }
}

impl CodecName {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 32;
    /// Takes a name that is not one of those understood.
    pub fn new(text: &str) -> Result<Self, Error> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(legal) {
            return Err(Error::invalid(
                "codec name",
                "must have 1 to 32 of the characters A-Z a-z 0-9 . _ -",
            ));
        }
        if ["PCMA", "PCMU", "L16"].iter().any(|known| known.eq_ignore_ascii_case(text)) {
            return Err(Error::invalid("codec name", "is that of a codec with its own number"));
        }
        Ok(Self(text.to_owned()))
    }
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CodecName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
