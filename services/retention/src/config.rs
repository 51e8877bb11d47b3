//! The `retention` section of a configuration.

use platform::config::{Period, above_zero};
use serde::{Deserialize, Serialize};

/// How often it is looked what is due, how much may go at once, and how long others may take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often a sweep looks what is due, in machine time.
    pub sweep: Period,
    /// How long the erasure saga rests where it has nothing to do, or a step of it failed, in machine time.
    pub rest: Period,
    /// The largest share of a tenant's kept recordings, in hundredths, that one sweep may erase without a second person.
    pub share: u32,
    /// So many may go in one sweep whatever their share.
    pub few: u64,
    /// The longest stretch of a recording that one order takes while a regime keeps the recording: long enough for a card
    /// number that was spoken, and not for the call. What orders before it took of the recording is not counted.
    pub stretch: Period,
    /// How long a question whether a purpose may be served waits for a recording that was sealed just now to be
    /// stamped. Less than `server.deadline`.
    pub patience: Period,
    /// How long a hold may stand before somebody looks whether it is still needed, at most.
    pub review: Period,
    /// How old a backup may be that is still restored: so long the restrictive journal is locked, in domain time.
    pub backup_horizon: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sweep: Period::secs(60),
            rest: Period::secs(5),
            share: 10,
            few: 100,
            stretch: Period::secs(120),
            patience: Period::secs(3),
            review: Period::secs(366 * 86_400),
            backup_horizon: Period::secs(400 * 86_400),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("sweep", &self.sweep),
            ("rest", &self.rest),
            ("stretch", &self.stretch),
            ("patience", &self.patience),
            ("review", &self.review),
            ("backup_horizon", &self.backup_horizon),
        ])?;
        if self.share > 100 {
            return Err("share must be at most 100, in hundredths of what is kept".to_owned());
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
            ("sweep", |config| config.sweep = Period::secs(0)),
            ("rest", |config| config.rest = Period::secs(0)),
            ("stretch", |config| config.stretch = Period::secs(0)),
            ("share", |config| config.share = 101),
            ("patience", |config| config.patience = Period::secs(0)),
            ("review", |config| config.review = Period::secs(0)),
            ("backup_horizon", |config| config.backup_horizon = Period::secs(0)),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let refused = config.check().unwrap_err();
            assert!(refused.starts_with(key), "{refused}");
        }
    }
}
