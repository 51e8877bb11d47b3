//! Times, and what is told of them.

use std::time::Duration;

/// How long the same thing took, each time.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn put(&mut self, time: Duration) {
        let at = self.0.partition_point(|before| *before < time);
        self.0.insert(at, time);
    }

    /// What half of them kept to.
    pub(crate) fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// What it takes when nothing else is in the way.
    pub(crate) fn least(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }
}
