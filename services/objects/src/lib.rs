//! objects: the object store port and its adapters.
//!
//! It owns the [`ObjectStore`] trait, what a [`Key`] may look like, and three adapters: [`S3Objects`] (a bucket
//! with Object Lock), [`DirectoryObjects`] (a directory that several processes may share) and
//! [`MemoryObjects`]. It does not know what an object holds, which key opens it, or why it is locked.
//!
//! Read [`store`] (the port), [`key`], then [`directory`] for how a crash is survived and [`s3`] for what a
//! server is asked. [`contract`] says what every adapter must keep.

pub mod store;

pub mod directory;
pub mod error;
pub mod key;
pub mod s3;

mod memory;
mod rules;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use directory::DirectoryObjects;
pub use error::Error;
pub use key::{InvalidKey, Key, Prefix, Version};
pub use memory::MemoryObjects;
pub use s3::{OpenError, S3Credentials, S3Objects, S3Options};
pub use store::{
    Capabilities, Enforcement, Head, IfExists, LegalHold, Listed, MAX_LIST, MAX_OBJECT, Object, ObjectStore,
    PutDone, PutOptions, VersionCursor, sha256,
};
