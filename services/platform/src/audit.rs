//! How acts get into the ledger's topic: what an entry says, who numbers it, who waits for it.
//!
//! An [`AuditEntry`] goes either straight to the topic through the process's [`AuditProducer`], which
//! numbers entries densely per partition and answers when they are durable, or with a role's rows into its
//! outbox ([`AuditOutbox`]) and from there through the same producer. Signed heartbeats let the ledger find
//! a missing entry, tail or producer. What the ledger does with them is the audit role's business.

mod entry;
mod outbox;
mod producer;

use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Period};

pub use entry::{AuditEntry, ENTRY_WRITTEN, EntryError, HEARTBEAT, ReasonRecord, SealedReason, deployment};
pub use outbox::{AuditOutbox, OutboxError};
pub use producer::{AuditError, AuditProducer, HEARTBEAT_DOCUMENT};

/// The `audit` section of a configuration: how a process produces entries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often every partition is told how far this process has come; also told when it closes.
    pub heartbeat: Period,
    /// How long a call waits for its entry to be durable before it is refused. Less than `server.deadline`.
    pub wait: Period,
    /// Most entries that wait in memory; beyond it calls that need one are refused.
    pub queue: usize,
    /// Most entries of one role that wait to be sent after their answer: ends of streams, and restrictive acts
    /// while outbox or log are away. Beyond it entries are lost, which is counted and told as an error.
    pub late: usize,
    /// Most entries of one append.
    pub batch: usize,
    /// Most bytes of one append.
    pub batch_size: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: Period::secs(10),
            wait: Period::secs(5),
            queue: 10_000,
            late: 10_000,
            batch: 500,
            batch_size: ByteSize::mib(4),
        }
    }
}

#[cfg(test)]
mod tests;
