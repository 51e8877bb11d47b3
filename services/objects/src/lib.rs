//! objects: the object store port and its embedded adapters.
//!
//! It owns the [`ObjectStore`] trait, what a [`Key`] may look like, and two adapters: [`DirectoryObjects`]
//! (a directory that several processes may share) and [`MemoryObjects`]. It does not know what an object
//! holds, which key opens it, or why it is locked.
//!
//! Read [`store`] (the port), [`key`], then [`directory`] for how a crash is survived. [`contract`] says what
//! every adapter must keep.

pub mod store;

pub mod directory;
pub mod error;
pub mod key;

mod memory;
mod rules;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use directory::DirectoryObjects;
pub use error::Error;
pub use key::{InvalidKey, Key, Prefix, Version};
pub use memory::MemoryObjects;
pub use store::{
    Capabilities, Enforcement, Head, IfExists, LegalHold, Listed, MAX_LIST, MAX_OBJECT, Object, ObjectStore,
    PutDone, PutOptions, VersionCursor, sha256,
};
