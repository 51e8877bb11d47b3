//! The `consent` section of a configuration.

use platform::config::Period;
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
