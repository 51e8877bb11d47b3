//! What an operator may set.

use platform::config::{ByteSize, Period, above_zero};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

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
    /// longer than an outage of ingest, and longer than `gap_wait`.
    pub abandon: Period,
    /// Records taken from the log at once.
    pub poll_records: usize,
    /// Bytes taken from the log at once.
    pub poll_size: ByteSize,
    /// Longest wait for records before timers are looked at, in machine time. Below the log's session timeout.
    pub poll_wait: Period,
    /// How long recordings are settled before the log is looked at again, in machine time; the one that is under way
    /// then is finished. Keep it well below the log's session timeout, after which a member that shows no life loses
    /// its partitions.
    pub turn: Period,
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
            turn: Period::secs(5),
            replay_read: ByteSize::mib(1),
            replays: 64,
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("object_size", &self.object_size),
            ("idle", &self.idle),
            ("poll_records", &self.poll_records),
            ("poll_size", &self.poll_size),
            ("poll_wait", &self.poll_wait),
            ("turn", &self.turn),
            ("replay_read", &self.replay_read),
            ("replays", &self.replays),
        ])?;
        let most = ByteSize(seal::object::MAX_SPAN_BYTES as u64);
        if self.object_size > most {
            return Err(format!("object_size must be at most {most}"));
        }
        if self.buffer_size.0 < 2 * self.object_size.0 {
            return Err(format!("buffer_size must be at least twice object_size ({})", self.object_size));
        }
        if self.abandon <= self.gap_wait {
            return Err(format!("abandon must be above gap_wait ({})", self.gap_wait));
        }
        if self.replays > Semaphore::MAX_PERMITS {
            return Err(format!("replays must be at most {}", Semaphore::MAX_PERMITS));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key, and what makes its value one that cannot work.
    type Spoilt = (&'static str, fn(&mut Config));

    #[test]
    fn a_value_that_cannot_work_is_refused_by_its_key() {
        Config::default().check().unwrap();
        let cases: &[Spoilt] = &[
            ("object_size", |config| config.object_size = ByteSize(0)),
            ("buffer_size", |config| config.buffer_size = ByteSize(0)),
            ("poll_size", |config| config.poll_size = ByteSize(0)),
            ("replay_read", |config| config.replay_read = ByteSize(0)),
            ("idle", |config| config.idle = Period::secs(0)),
            ("abandon", |config| config.abandon = Period::secs(0)),
            ("poll_wait", |config| config.poll_wait = Period::secs(0)),
            ("turn", |config| config.turn = Period::secs(0)),
            ("poll_records", |config| config.poll_records = 0),
            ("replays", |config| config.replays = 0),
            ("object_size", |config| config.object_size = ByteSize::mib(5)),
            ("buffer_size", |config| config.buffer_size = config.object_size),
            ("abandon", |config| config.abandon = config.gap_wait),
            ("replays", |config| config.replays = usize::MAX),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let problem = config.check().unwrap_err();
            assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
        }
    }
}
