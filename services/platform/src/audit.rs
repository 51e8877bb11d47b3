//! How acts get into the ledger's topic: what an entry says, who numbers it, who waits for it.
//!
//! An [`AuditEntry`] goes either straight to the topic through the process's [`AuditProducer`], which
//! numbers entries densely per partition and answers when they are durable, or with a role's rows into its
//! outbox ([`AuditOutbox`]) and from there through the same producer. Signed heartbeats let the ledger find
//! a missing entry, tail or producer. What the ledger does with them is the audit role's business.

mod entry;
mod outbox;
mod producer;

use eventlog::bounds::{MAX_BATCH, MAX_BATCH_RECORDS, MAX_RECORD};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::config::{ByteSize, Period, above_zero};

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
    /// Most entries of one append. At most 10 000, which the log takes.
    pub batch: usize,
    /// Most bytes of one append, not counting its last entry. At most 7 MiB, so that the log takes it.
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

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("heartbeat", &self.heartbeat),
            ("wait", &self.wait),
            ("queue", &self.queue),
            ("late", &self.late),
            ("batch", &self.batch),
            ("batch_size", &self.batch_size),
        ])?;
        // Longer channels cannot be made.
        let most = Semaphore::MAX_PERMITS;
        for (key, value) in [("queue", self.queue), ("late", self.late)] {
            if value > most {
                return Err(format!("{key} must be at most {most}"));
            }
        }
        if self.batch > MAX_BATCH_RECORDS {
            return Err(format!("batch must be at most {MAX_BATCH_RECORDS}"));
        }
        // An append ends with the entry that reaches the size.
        let most = ByteSize((MAX_BATCH - MAX_RECORD) as u64);
        if self.batch_size > most {
            return Err(format!("batch_size must be at most {most}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
