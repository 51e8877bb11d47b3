//! The object `VRO1`: span containers back to back, a footer that lists them, a fixed trailer.
//!
//! All spans are of one section and one lock class (the regimes in their headers), numbers ascending. The
//! footer's ciphertext roots are recomputed from the bytes by [`verify_object`], without any key.
//! Read [`ObjectBuilder`] for writing, [`Footer`] for reading, [`ObjectName`] for where it lies.

mod builder;
mod footer;
mod name;

pub use builder::{Object, ObjectBuilder};
pub use footer::{Footer, FooterSpan, MAX_FOOTER, MAX_TAIL, Tail, verify_object};
pub use name::ObjectName;

/// The last bytes of every object.
pub const MAGIC: [u8; 4] = *b"VRO1";
/// Bytes after the footer: its length (u32, big-endian), its SHA-256, the magic.
pub const TRAILER_LEN: usize = 4 + 32 + 4;
/// Most bytes of containers in one object.
pub const MAX_SPAN_BYTES: usize = 4 * 1_024 * 1_024;
/// Most spans in one object.
pub const MAX_SPANS: usize = 8_192;
/// Largest object.
pub const MAX_OBJECT: usize = MAX_SPAN_BYTES + MAX_FOOTER + TRAILER_LEN;

#[cfg(test)]
mod tests;
