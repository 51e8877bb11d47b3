//! sqlite: the one place that opens SQLite files.
//!
//! It owns how a file is opened (WAL, every commit fsynced, foreign keys, deleted bytes overwritten), migrated
//! and called from async code, and the outbox table that a role's events leave through. It does not know any
//! role's tables, nor what an event means.
//!
//! Read [`Db`] first: one writer thread commits what waits together, readers see snapshots. Then
//! [`migration`], [`outbox`], [`backup`] and [`Error`].

mod db;

pub mod backup;
pub mod migration;
pub mod outbox;

mod connection;
mod error;
mod reader;
mod writer;

pub use connection::{Deleted, Options};
pub use db::Db;
pub use error::Error;
pub use migration::Component;
pub use rusqlite;
pub use writer::Tx;
