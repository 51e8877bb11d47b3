//! What an operator may set.

use std::time::Duration;

use platform::config::{ByteSize, Period, above_zero};
use serde::{Deserialize, Serialize};

/// How long an entry is in the index alone, unless it is set otherwise: what verifiers that have files alone go by.
pub(crate) const ENTRY_OBJECT_AGE: Duration = Duration::from_secs(300);

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
    /// How long an entry is in the index alone before its entry object is written, in machine time. A verifier that
    /// has files alone goes by the default: with more, it misses a partition's first entries until they are written.
    pub entry_object_age: Period,
    /// How often the root log may take a leaf, in machine time; it takes one only when a partition has grown. Each is
    /// also a record of the restrictive journal, which keeps it for as long as a backup may be restored.
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
            entry_object_age: Period(ENTRY_OBJECT_AGE),
            root_interval: Period::secs(30),
            silence: Period::secs(30),
            unpublished: 65_536,
            retry: Period::millis(200),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("batch", &self.batch),
            ("batch_size", &self.batch_size),
            ("poll", &self.poll),
            ("entry_object_size", &self.entry_object_size),
            ("root_interval", &self.root_interval),
            ("silence", &self.silence),
            ("unpublished", &self.unpublished),
            ("retry", &self.retry),
        ])?;
        if self.poll > self.root_interval {
            return Err(format!("poll must be at most root_interval ({})", self.root_interval));
        }
        let most = ByteSize::mib(32);
        if self.entry_object_size > most {
            return Err(format!("entry_object_size must be at most {most}"));
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
            ("batch_size", |config| config.batch_size = ByteSize(0)),
            ("entry_object_size", |config| config.entry_object_size = ByteSize(0)),
            ("poll", |config| config.poll = Period::secs(0)),
            ("root_interval", |config| config.root_interval = Period::secs(0)),
            ("silence", |config| config.silence = Period::secs(0)),
            ("retry", |config| config.retry = Period::secs(0)),
            ("batch", |config| config.batch = 0),
            ("unpublished", |config| config.unpublished = 0),
            ("poll", |config| config.poll = Period::secs(31)),
            ("entry_object_size", |config| config.entry_object_size = ByteSize::mib(33)),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let problem = config.check().unwrap_err();
            assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
        }
    }
}
