//! The `dsar` section of a configuration.

use platform::config::{Period, above_zero};
use serde::{Deserialize, Serialize};

/// How requests are carried on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long the work on open requests rests where there is nothing to do, or something failed, in machine time.
    pub rest: Period,
    /// How long the hold of an open request may stand before somebody looks, in domain time. At most `retention.review`.
    pub hold: Period,
    /// Whether what somebody asked for in a call is opened as a request by itself. Off where another system takes these
    /// requests in and opens them: each must be opened somewhere, from the call on its time runs.
    pub heard: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { rest: Period::secs(5), hold: Period::secs(366 * 86_400), heard: true }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[("rest", &self.rest), ("hold", &self.hold)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_work_is_refused_by_its_key() {
        Config::default().check().unwrap();
        let rest = Config { rest: Period::secs(0), ..Config::default() };
        assert!(rest.check().unwrap_err().starts_with("rest"));
        let hold = Config { hold: Period::secs(0), ..Config::default() };
        assert!(hold.check().unwrap_err().starts_with("hold"));
    }
}
