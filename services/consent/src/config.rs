//! The `consent` section of a configuration.

use platform::config::{Period, above_zero};
use serde::{Deserialize, Serialize};

/// How long others may take, and how much is answered at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long crypto may take for one call of ours. Less than ingest's patience with `Authorize`, so that a
    /// call is decided without consent rather than kept waiting.
    pub crypto_wait: Period,
    /// How long a call waits for its parties' identifier values to be sealed; what is late is sealed with their
    /// next call. With `crypto_wait` less than ingest's patience.
    pub seal_wait: Period,
    /// How often `Watch` beats. At most a quarter of ingest's `consent_silence`.
    pub beat: Period,
    /// Most changes that a `Watch` reads from the store at once.
    pub watch_batch: u32,
    /// Most `Watch` streams at once; beyond it they are refused.
    pub watches: usize,
    /// How far a sender's clock may be ahead. A grant that is further ahead is refused; a restriction counts
    /// from the bound, so that nothing accepted before is later than it.
    pub ahead: Period,
    /// Most events of a subject that `GetState` tells, the newest ones; states are of all.
    pub history: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            crypto_wait: Period::millis(800),
            seal_wait: Period::millis(400),
            beat: Period::millis(500),
            watch_batch: 500,
            watches: 1_000,
            ahead: Period::secs(3_600),
            history: 2_000,
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("crypto_wait", &self.crypto_wait),
            ("seal_wait", &self.seal_wait),
            ("beat", &self.beat),
            ("watch_batch", &self.watch_batch),
            ("watches", &self.watches),
            ("history", &self.history),
        ])
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
            ("crypto_wait", |config| config.crypto_wait = Period::secs(0)),
            ("seal_wait", |config| config.seal_wait = Period::secs(0)),
            ("beat", |config| config.beat = Period::secs(0)),
            ("watch_batch", |config| config.watch_batch = 0),
            ("watches", |config| config.watches = 0),
            ("history", |config| config.history = 0),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let problem = config.check().unwrap_err();
            assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
        }
    }
}
