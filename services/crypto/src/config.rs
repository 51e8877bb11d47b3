//! The `crypto` section of a configuration.

use platform::config::Period;
use serde::{Deserialize, Serialize};

use crate::leases::MAX_LIFE;

/// How long keys and what is handed out of them live, and how much of it there may be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long an epoch is active, in domain time. What is removed in one is final after its end.
    pub epoch: Period,
    /// How long a lease runs before it is renewed, in machine time; never more than 60 s.
    pub lease: Period,
    /// Most leases at once; beyond it `Unwrap` is refused.
    pub leases: usize,
    /// Most epochs whose keys are open in memory.
    pub open_epochs: usize,
    /// How long an epoch's keys stay open, in machine time. Longer than `lease`.
    pub open_epoch_life: Period,
    /// How long an instance's certificate holds, in domain time. Longer than an instance goes without asking
    /// for a new one.
    pub certificate: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            epoch: Period::secs(7 * 86_400),
            lease: Period(MAX_LIFE),
            leases: 100_000,
            open_epochs: 64,
            open_epoch_life: Period::secs(15 * 60),
            certificate: Period::secs(30 * 86_400),
        }
    }
}
