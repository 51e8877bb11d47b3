//! What an operator may set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Archive's section of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of containers at which an object is flushed. Above 0 and at most 4 MiB, the format's bound.
    pub object_bytes: usize,
    /// Seconds of domain time without a span of its section after which an object is flushed.
    pub idle_secs: u64,
    /// Bytes of containers that this process holds at most; above it the largest object is flushed early.
    /// At least twice `object_bytes`.
    pub buffer_bytes: usize,
    /// Seconds of domain time to wait for missing frames after a call has closed, before it is sealed with
    /// a named gap.
    pub gap_wait_secs: u64,
    /// Seconds of domain time without any event after which an open recording is fenced and sealed as
    /// abandoned. Much larger than the time that an outage of ingest takes.
    pub abandon_secs: u64,
    /// Records taken from the log at once.
    pub poll_records: usize,
    /// Bytes taken from the log at once.
    pub poll_bytes: usize,
    /// Milliseconds to wait for records before timers are looked at. Below the log's session timeout.
    pub poll_wait_millis: u64,
    /// Bytes of stored spans that a replay reads ahead per leg.
    pub replay_read_bytes: usize,
    /// Replays at once; more are refused with the bound.
    pub replays: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            object_bytes: 4 << 20,
            idle_secs: 300,
            buffer_bytes: 256 << 20,
            gap_wait_secs: 60,
            abandon_secs: 2 * 3_600,
            poll_records: 1_000,
            poll_bytes: 4 << 20,
            poll_wait_millis: 500,
            replay_read_bytes: 1 << 20,
            replays: 64,
        }
    }
}

impl Config {
    /// Idle time as a duration.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_secs)
    }
    /// Wait for missing frames as a duration.
    pub fn gap_wait(&self) -> Duration {
        Duration::from_secs(self.gap_wait_secs)
    }
    /// Silence before abandonment as a duration.
    pub fn abandon_after(&self) -> Duration {
        Duration::from_secs(self.abandon_secs)
    }
    /// Wait for records as a duration.
    pub fn poll_wait(&self) -> Duration {
        Duration::from_millis(self.poll_wait_millis)
    }
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        if self.object_bytes == 0 || self.object_bytes > 4 << 20 {
            return Err("object_bytes must be above 0 and at most 4194304".into());
        }
        if self.buffer_bytes < 2 * self.object_bytes {
            return Err("buffer_bytes must be at least twice object_bytes".into());
        }
        if self.poll_records == 0 || self.poll_bytes == 0 || self.poll_wait_millis == 0 {
            return Err("poll_records, poll_bytes and poll_wait_millis must be above 0".into());
        }
        if self.replay_read_bytes == 0 || self.replays == 0 {
            return Err("replay_read_bytes and replays must be above 0".into());
        }
        Ok(())
    }
}
