//! One file a command. Each takes what it needs and tells how it ended.

pub mod audit;
pub mod backup;
pub mod certs;
pub mod consent;
pub mod erasure;
pub mod hold;
pub mod keys;
pub mod migrate;
pub mod policy;
pub mod record;
pub mod recordings;
pub mod replay;
pub mod retention;
pub mod trust;
pub mod verify;

use anyhow::{Context, Result};
use kernel::Timestamp;

/// Reads an RFC 3339 time from the command line.
pub fn moment(text: &str) -> Result<Timestamp> {
    Timestamp::parse(text)
        .with_context(|| format!("{text:?} is no RFC 3339 time, such as 2026-03-02T09:00:00Z"))
}
