//! The span container `VRS1`: prefix, header in clear, one Cobblestone-256 message.
//!
//! The header is bound to the payload through the encryption context, so a span cannot be moved to another
//! tenant, recording, section or number, and its suite cannot be lowered. Its ciphertext root needs no key,
//! so bytes verify after their keys are gone.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::cobblestone::{self, PREAMBLE_LEN};
use crate::error::Error;
use crate::frame::{self, Frame, MAX_PLAINTEXT};
use crate::hash::{Hash, RootBuilder};
use crate::header::{MAX_HEADER, SectionKind, SpanHeader};
use crate::key::{SpanKey, random};

/// The first bytes of every span.
pub const MAGIC: [u8; 4] = *b"VRS1";
/// The container's version.
pub const VERSION: u16 = 1;
/// The only suite: Cobblestone-256.
pub const SUITE: u16 = 0x0256;
/// Bytes before the header: magic, version, suite, header length.
pub const PREFIX_LEN: usize = 12;
/// Largest container.
pub const MAX_CONTAINER: usize = PREFIX_LEN + MAX_HEADER + cobblestone::sealed_len(MAX_PLAINTEXT);

const CONTEXT: &[u8; 7] = b"vrs1/v1";

/// A sealed span and its ciphertext root.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSpan {
    /// The container.
    pub bytes: Vec<u8>,
    /// What anybody can recompute from it.
    pub ct_root: Hash,
}

/// A span's plaintext, zeroised when dropped. Frames made from it are copies that are not.
pub struct Plaintext(Zeroizing<Vec<u8>>);

/// A span's container, read without any key.
#[derive(Clone, Debug)]
pub struct SpanView<'b> {
    /// What it says of itself; proven only by [`SpanView::open`] or by a signed root over it.
    pub header: SpanHeader,
    bytes: &'b [u8],
    header_len: usize,
}

/// Seals a document section's payload.
pub fn seal_span(key: &SpanKey, header: &SpanHeader, plaintext: &[u8]) -> Result<SealedSpan, Error> {
    seal_span_with(key, header, plaintext, &random()?)
}

/// Seals frames; their first and last number must be the header's, and they must begin within it. They are
/// encoded into the container itself, so that no copy of them stays in memory.
pub fn seal_frames(key: &SpanKey, header: &SpanHeader, frames: &[Frame]) -> Result<SealedSpan, Error> {
    check_frames(header, frames)?;
    let room = frame::room_for(frames)?;
    container(key, header, &random()?, room, |out| frame::write_frames(frames, out))
}

/// With a chosen salt, for golden bytes only: two plaintexts under one salt would be the end of both.
pub(crate) fn seal_span_with(
    key: &SpanKey,
    header: &SpanHeader,
    plaintext: &[u8],
    salt: &[u8; cobblestone::SALT_LEN],
) -> Result<SealedSpan, Error> {
    Error::bounded("span plaintext", plaintext.len(), MAX_PLAINTEXT)?;
    container(key, header, salt, plaintext.len(), |out| out.extend_from_slice(plaintext))
}

fn container(
    key: &SpanKey,
    header: &SpanHeader,
    salt: &[u8; cobblestone::SALT_LEN],
    room: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<SealedSpan, Error> {
    let header = header.encode()?;
    let mut bytes = Vec::with_capacity(PREFIX_LEN + header.len() + cobblestone::sealed_len(room));
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&SUITE.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(header.len()).expect("headers are bounded").to_be_bytes());
    bytes.extend_from_slice(&header);
    let context = context(&bytes);
    cobblestone::seal_into(key, &context, salt, room, write, &mut bytes);
    let ct_root = ct_root(&bytes, header.len())?;
    Ok(SealedSpan { bytes, ct_root })
}

impl<'b> SpanView<'b> {
    /// Reads prefix and header and checks that the payload's length is one that a message can have.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Error> {
        Error::bounded("span", bytes.len(), MAX_CONTAINER)?;
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX_LEN>().ok_or(Error::Truncated("span"))?;
        let [m0, m1, m2, m3, v0, v1, s0, s1, l0, l1, l2, l3] = *prefix;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(Error::invalid("span", "does not begin with VRS1"));
        }
        if u16::from_be_bytes([v0, v1]) != VERSION || u16::from_be_bytes([s0, s1]) != SUITE {
            return Err(Error::invalid("span", "has an unknown version or suite"));
        }
        let header_len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        Error::bounded("span header", header_len, MAX_HEADER)?;
        let header = rest.get(..header_len).ok_or(Error::Truncated("span"))?;
        let view = Self { header: SpanHeader::decode(header)?, bytes, header_len };
        let _chunks = cobblestone::sealed_chunks(view.payload())?;
        Ok(view)
    }

    /// The whole container.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The Cobblestone-256 message.
    pub fn payload(&self) -> &'b [u8] {
        &self.bytes[PREFIX_LEN + self.header_len..]
    }

    /// The encryption context that the payload was sealed under.
    pub fn context(&self) -> [u8; 39] {
        context(&self.bytes[..PREFIX_LEN + self.header_len])
    }

    /// Recomputed from the bytes.
    pub fn ct_root(&self) -> Hash {
        ct_root(self.bytes, self.header_len).expect("the payload's length was checked by parse")
    }

    /// Opens the payload; what the header says is then proven too.
    pub fn open(&self, key: &SpanKey) -> Result<Plaintext, Error> {
        cobblestone::open(key, &self.context(), self.payload()).map(Plaintext)
    }

    /// Opens an audio span into its frames.
    pub fn open_frames(&self, key: &SpanKey) -> Result<Vec<Frame>, Error> {
        let frames = self.open(key)?.frames()?;
        check_frames(&self.header, &frames)?;
        Ok(frames)
    }
}

impl Plaintext {
    /// The payload as it was sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
    /// The payload as frames, copied out.
    pub fn frames(&self) -> Result<Vec<Frame>, Error> {
        frame::decode_frames(&self.0)
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

impl fmt::Debug for SealedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSpan({} bytes, {})", self.bytes.len(), self.ct_root)
    }
}

fn context(prefix_and_header: &[u8]) -> [u8; 39] {
    let mut context = [0; 39];
    context[..7].copy_from_slice(CONTEXT);
    context[7..].copy_from_slice(&Sha256::digest(prefix_and_header));
    context
}

/// Leaf 0 is everything before the first chunk, then one leaf a chunk.
fn ct_root(container: &[u8], header_len: usize) -> Result<Hash, Error> {
    let payload = PREFIX_LEN + header_len;
    let mut builder = RootBuilder::new();
    builder.push(&[&container[..payload + PREAMBLE_LEN]]);
    for chunk in cobblestone::sealed_chunks(&container[payload..])? {
        builder.push(&[chunk]);
    }
    Ok(builder.root())
}

fn check_frames(header: &SpanHeader, frames: &[Frame]) -> Result<(), Error> {
    let refuse = |problem| Err(Error::invalid("span", problem));
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return refuse("has no frames");
    };
    if header.kind != SectionKind::Audio {
        return refuse("has frames in a document");
    }
    if (first.number, last.number) != (header.first_frame, header.last_frame) {
        return refuse("has other frames than its header says");
    }
    if frames.iter().any(|frame| frame.position < header.start || frame.position > header.end) {
        return refuse("has a frame outside its positions");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
