//! What an operator may set.

use platform::config::{ByteSize, Period};
use serde::{Deserialize, Serialize};

/// The `archive` section of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Size of containers at which an object is flushed. Above 0 and at most 4 MiB, the format's bound.
    pub object_size: ByteSize,
    /// Domain time without a span of its section after which an object is flushed.
    pub idle: Period,
    /// Containers that one partition holds in memory at most; above it its largest object is flushed early. A
    /// process holds at most as many partitions as the audio topic has. At least twice `object_size`.
    pub buffer_size: ByteSize,
    /// Domain time to wait for missing frames after a call has closed, before it is sealed with a named gap.
    pub gap_wait: Period,
    /// Domain time without any event after which an open recording is fenced and sealed as abandoned. Much
    /// longer than an outage of ingest.
    pub abandon: Period,
    /// Records taken from the log at once.
    pub poll_records: usize,
    /// Bytes taken from the log at once.
    pub poll_size: ByteSize,
    /// Longest wait for records before timers are looked at, in machine time. Below the log's session timeout.
    pub poll_wait: Period,
    /// Stored spans that a replay reads ahead per leg.
    pub replay_read: ByteSize,
    /// Replays at once; more are refused with the bound.
    pub replays: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            object_size: ByteSize::mib(4),
            idle: Period::secs(300),
            buffer_size: ByteSize::mib(32),
            gap_wait: Period::secs(60),
            abandon: Period::secs(2 * 3_600),
            poll_records: 1_000,
            poll_size: ByteSize::mib(4),
            poll_wait: Period::millis(500),
            replay_read: ByteSize::mib(1),
            replays: 64,
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        let most = seal::object::MAX_SPAN_BYTES as u64;
        if self.object_size.0 == 0 || self.object_size.0 > most {
            return Err(format!("archive.object_size must be above 0 and at most {most}"));
        }
        if self.buffer_size.0 < 2 * self.object_size.0 {
            return Err("archive.buffer_size must be at least twice archive.object_size".to_owned());
        }
        if self.poll_records == 0 || self.poll_size.0 == 0 || self.poll_wait.0.is_zero() {
            return Err("archive.poll_records, poll_size and poll_wait must be above 0".to_owned());
        }
        if self.replay_read.0 == 0 || self.replays == 0 {
            return Err("archive.replay_read and archive.replays must be above 0".to_owned());
        }
        Ok(())
    }
}
