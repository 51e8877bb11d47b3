//! The port: what a role may ask of an object store, shaped so that S3 with Object Lock and a directory both fit.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Timestamp;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::key::{Key, Prefix, Version};

/// Bytes of one object.
pub const MAX_OBJECT: usize = 64 << 20;
/// Entries of one listing.
pub const MAX_LIST: usize = 1_000;

/// Named objects in versions, each immutable; a version may be locked until a date, and held.
///
/// Whether a lock has run out goes by the domain clock in embedded stores and by the server's in others.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Stores an object as a new version of its key, durable and whole when this returns. One that fails may
    /// still have been stored; none is ever seen half. Of several conditional puts at once one succeeds.
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, Error>;

    /// Reads a version (or the latest), whole or in a range of bytes. A range that begins inside and ends
    /// outside is cut at the end. A whole read is checked against the SHA-256 kept at the put, and answered
    /// with [`Error::Damaged`] rather than with other bytes.
    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, Error>;

    /// What is known of a version (or the latest).
    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, Error>;

    /// The latest versions of keys that begin with `prefix`, in order of the keys' bytes, after `after`, at
    /// most `limit` (at most [`MAX_LIST`]). Fewer than `limit` means that there are no more.
    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, Error>;

    /// Every version of keys that begin with `prefix`: in order of keys, a key's latest version first. After a
    /// version that has been deleted nothing is left out; what came before it of its key may come again.
    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error>;

    /// Deletes a version for good: [`Error::Locked`] before its date, [`Error::Held`] under a hold.
    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), Error>;

    /// Locks a version until this date; an earlier one than it has is [`Error::WouldShorten`].
    async fn extend_retention(&self, key: &Key, version: &Version, until: Timestamp) -> Result<(), Error>;

    /// Places or lifts a version's legal hold.
    async fn set_legal_hold(&self, key: &Key, version: &Version, hold: LegalHold) -> Result<(), Error>;

    /// What this store does where stores differ.
    fn capabilities(&self) -> Capabilities;
}

/// How to put an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PutOptions {
    /// What to do when the key has a version.
    pub if_exists: IfExists,
    /// Nobody deletes the version before this; not after now is [`Error::RetentionPassed`].
    pub retain_until: Option<Timestamp>,
    /// Nobody deletes the version while it is held.
    pub legal_hold: LegalHold,
}

/// What a put does when the key has a version already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IfExists {
    /// [`Error::AlreadyExists`]; `If-None-Match: *`.
    #[default]
    Refuse,
    /// The object becomes the key's latest version.
    NewVersion,
}

/// Whether a version is under a legal hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LegalHold {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On,
}

/// A stored object's identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutDone {
    /// The version that the put made.
    pub version: Version,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// What is known of a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its key.
    pub key: Key,
    /// Its version.
    pub version: Version,
    /// Its length in bytes.
    pub length: u64,
    /// The SHA-256 of its bytes, as put.
    pub sha256: [u8; 32],
    /// When it was put.
    pub put_at: Timestamp,
    /// Its lock's end.
    pub retain_until: Option<Timestamp>,
    /// Its hold.
    pub legal_hold: LegalHold,
}

/// A version's bytes, or a range of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// What is known of the version; its length and hash are the whole object's.
    pub head: Head,
    /// The bytes asked for.
    pub bytes: Bytes,
}

/// A listed version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its version.
    pub version: Version,
    /// Its length in bytes.
    pub length: u64,
    /// When it was put.
    pub put_at: Timestamp,
}

/// Where a listing of versions goes on: after this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionCursor {
    /// The last key listed.
    pub key: Key,
    /// Its version listed last.
    pub version: Version,
}

/// Whether a store holds to a rule itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enforcement {
    /// It does, against every caller of this port.
    Enforced,
    /// It does not: callers must not call it so.
    NotEnforced,
}

/// What a store does where stores differ; the contract suite holds each store to what it declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Whether locks and holds keep a version from being deleted.
    pub locks: Enforcement,
    /// Whether of several conditional puts at once exactly one succeeds.
    pub conditional_put: Enforcement,
}

/// The SHA-256 that a store keeps of an object.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl From<&Listed> for VersionCursor {
    fn from(listed: &Listed) -> Self {
        Self { key: listed.key.clone(), version: listed.version.clone() }
    }
}

// An object's bytes are not for a log line, sealed or not.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("head", &self.head).field("bytes", &self.bytes.len()).finish()
    }
}
