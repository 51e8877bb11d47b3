//! The `crypto` section of a configuration.

use platform::config::{Period, above_zero};
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
    /// How often it is looked whether epochs that have ended can be taken further, in machine time.
    pub turn: Period,
    /// How old the active epoch must be, in domain time, before whoever asks for a turn ends it while one before it is
    /// not destroyed; at 0 each asking ends it. Shorter than `epoch`, whose end nothing holds up.
    pub turn_min: Period,
    /// How often the key tables are copied to the second place, where they have changed, in machine time.
    pub copies: Period,
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
            turn: Period::secs(30),
            turn_min: Period::secs(60),
            copies: Period::secs(60),
            certificate: Period::secs(30 * 86_400),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("epoch", &self.epoch),
            ("lease", &self.lease),
            ("leases", &self.leases),
            ("open_epochs", &self.open_epochs),
            ("turn", &self.turn),
            ("copies", &self.copies),
            ("certificate", &self.certificate),
        ])?;
        let longest = Period(MAX_LIFE);
        if self.lease > longest {
            return Err(format!("lease must be at most {longest}"));
        }
        if self.open_epoch_life <= self.lease {
            return Err(format!("open_epoch_life must be above lease ({})", self.lease));
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
            ("epoch", |config| config.epoch = Period::secs(0)),
            ("lease", |config| config.lease = Period::secs(0)),
            ("certificate", |config| config.certificate = Period::secs(0)),
            ("turn", |config| config.turn = Period::secs(0)),
            ("copies", |config| config.copies = Period::secs(0)),
            ("leases", |config| config.leases = 0),
            ("open_epochs", |config| config.open_epochs = 0),
            ("lease", |config| config.lease = Period::secs(61)),
            ("open_epoch_life", |config| config.open_epoch_life = config.lease),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let problem = config.check().unwrap_err();
            assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
        }
    }
}
