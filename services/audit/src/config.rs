//! What an operator may set.

use platform::config::{ByteSize, Period};
use serde::{Deserialize, Serialize};

/// The `ledger` section of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Records taken from the topic at once; one batch is one commit of a head.
    pub batch: usize,
    /// Bytes taken from the topic at once.
    pub batch_size: ByteSize,
    /// Longest wait for records before timers are looked at, in machine time. At most `root_interval`, and
    /// below the log's session timeout.
    pub poll: Period,
    /// Sealed bytes of a partition at which its entry objects are written. At most 32 MiB.
    pub entry_object_size: ByteSize,
    /// How long an entry is in the index alone before its entry object is written, in machine time.
    pub entry_object_age: Period,
    /// How often the root log may take a leaf, in machine time; it takes one only when a partition has grown.
    pub root_interval: Period,
    /// How long a producer may be silent before the ledger says so, in machine time. At least three times the
    /// producers' `audit.heartbeat`.
    pub silence: Period,
    /// Committed leaves of one partition that may wait for their tiles while the object store is away; beyond
    /// it the partition takes no more entries.
    pub unpublished: usize,
    /// Wait before a partition that failed is taken up again; it doubles up to sixteen times as much.
    pub retry: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch: 1_000,
            batch_size: ByteSize::mib(4),
            poll: Period::millis(250),
            entry_object_size: ByteSize::mib(4),
            entry_object_age: Period::secs(300),
            root_interval: Period::secs(1),
            silence: Period::secs(30),
            unpublished: 65_536,
            retry: Period::millis(200),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        if self.batch == 0 || self.batch_size.0 == 0 || self.unpublished == 0 {
            return Err("ledger.batch, batch_size and unpublished must be above 0".to_owned());
        }
        if self.poll.0.is_zero() || self.poll > self.root_interval {
            return Err("ledger.poll must be above 0 and at most ledger.root_interval".to_owned());
        }
        if self.entry_object_size.0 == 0 || self.entry_object_size > ByteSize::mib(32) {
            return Err("ledger.entry_object_size must be above 0 and at most 32MiB".to_owned());
        }
        if self.retry.0.is_zero() || self.silence.0.is_zero() {
            return Err("ledger.retry and silence must be above 0".to_owned());
        }
        Ok(())
    }
}
