//! seal: what makes bytes unreadable to those who may not read them, and provable to everybody else.
//!
//! It owns the formats that leave the process sealed or signed: the span container `VRS1`, the object
//! `VRO1`, the key tree and its covers, wrapped keys and entries, instance certificates, the manifest and
//! its addenda, receipts of erasures. It is the only crate that names aes-gcm, hkdf, hpke and ed25519-dalek. It does no I/O and
//! reads no clock; randomness comes from the operating system inside the constructors that need it. It
//! knows nothing of purposes' rules, stores or topics: who may hold which cover is crypto's decision.
//!
//! Read [`span`] first (how a second of audio is sealed), then [`tree`] (which keys open which spans),
//! [`page`] (how a purpose's cover is kept), [`object`] and [`manifest`] (what an archive holds), [`receipt`] (what
//! became of what it held).
//! `FORMAT.md` beside this crate says every byte.

mod aead;
mod cbor;

pub mod cobblestone;
pub mod error;
pub mod frame;
pub mod hash;
pub mod header;
pub mod hpke;
pub mod key;
pub mod manifest;
pub mod object;
pub mod page;
pub mod receipt;
pub mod signing;
pub mod span;
pub mod tree;
pub mod wrap;

pub use aead::hardware_accelerated;
pub use cbor::DecodeError;
pub use error::Error;
pub use frame::Frame;
pub use hash::{Hash, RootBuilder};
pub use header::{Codec, CodecName, SectionAddress, SectionKind, SpanHeader};
pub use hpke::{EpochPublic, EpochSecret, HpkeInfo, HpkeSealed, LegKeyInfo};
pub use key::{AuditKey, BackendKey, EpochKey, LegKey, MacKey, PageKey, SpanKey};
pub use manifest::{Addendum, Manifest, NotRecorded};
pub use object::{Footer, Object, ObjectBuilder, ObjectName};
pub use page::{Entry, EntryPlace};
pub use receipt::Receipt;
pub use signing::{InstanceCert, SignedCert, SignedDocument, SigningKey, TrustRoots, VerifyingKey};
pub use span::{Plaintext, SealedSpan, SpanView};
pub use tree::{Cover, SpanSet};
pub use wrap::WrapContext;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod vectors;
