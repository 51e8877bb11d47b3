//! The `dsar` section of a configuration.

use platform::config::{Period, above_zero};
use serde::{Deserialize, Serialize};

/// In seconds.
const DAY: u64 = 86_400;

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
    /// How long a notice to a recipient rests that nobody has answered, until it is published again, in domain time.
    pub tell_again: Period,
    /// For how long a notice may be unanswered until it is counted as late, in domain time.
    pub notice_late: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rest: Period::secs(5),
            hold: Period::secs(366 * DAY),
            heard: true,
            tell_again: Period::secs(7 * DAY),
            notice_late: Period::secs(30 * DAY),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("rest", &self.rest),
            ("hold", &self.hold),
            ("tell_again", &self.tell_again),
            ("notice_late", &self.notice_late),
        ])
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
        let tell_again = Config { tell_again: Period::secs(0), ..Config::default() };
        assert!(tell_again.check().unwrap_err().starts_with("tell_again"));
        let notice_late = Config { notice_late: Period::secs(0), ..Config::default() };
        assert!(notice_late.check().unwrap_err().starts_with("notice_late"));
    }
}
