//! Domain time that runs ahead of the machine's, for drills: what is due in five years is seen today.
//!
//! A file says by how many seconds domain time is ahead; every process that is given the same file leaps together. The
//! real clock of an object store, tokens, TLS and leases are not moved. Never in production: what is due by a clock that
//! is ahead is erased.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::{Clock, SystemClock, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The `drill` section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drill {
    /// A file that says by how many seconds domain time is ahead of the machine's; unset outside of drills.
    pub clock: Option<PathBuf>,
}

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Domain time by such a file.
pub struct FileClock {
    file: PathBuf,
    ahead: Mutex<(Option<Instant>, i64)>,
}

impl Drill {
    /// The domain clock: the machine's, or the one of the drill.
    pub fn clock(&self) -> Result<Arc<dyn Clock>> {
        match &self.clock {
            None => Ok(Arc::new(SystemClock)),
            Some(file) => Ok(Arc::new(FileClock::open(file)?)),
        }
    }
}

impl FileClock {
    /// Goes by a file, which must be there.
    pub fn open(file: &Path) -> Result<Self> {
        let ahead = read(file)?;
        Ok(Self { file: file.to_owned(), ahead: Mutex::new((None, ahead)) })
    }
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let mut ahead = self.ahead.lock();
        if ahead.0.is_none_or(|at| at.elapsed() >= EVERY) {
            // A file that cannot be read for now moves nothing, and time never goes back.
            ahead.1 = read(&self.file).map_or(ahead.1, |found| found.max(ahead.1));
            ahead.0 = Some(Instant::now());
        }
        Timestamp(SystemClock.now().0.saturating_add(ahead.1))
    }
}

/// Microseconds ahead.
fn read(file: &Path) -> Result<i64> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("drill.clock: {} cannot be read", file.display()))?;
    let seconds: i64 = text.trim().parse().ok().filter(|seconds| *seconds >= 0).with_context(|| {
        format!("drill.clock: {} must hold a number of seconds, 0 or more", file.display())
    })?;
    Ok(seconds.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_time_leaps_with_the_file_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let refused = FileClock::open(&file).err().unwrap().to_string();
        assert!(refused.starts_with("drill.clock: "), "{refused}");
        for text in ["", "-1", "1.5", "P5Y"] {
            std::fs::write(&file, text).unwrap();
            assert!(FileClock::open(&file).is_err(), "{text}");
        }
        std::fs::write(&file, "0\n").unwrap();
        let clock = FileClock::open(&file).unwrap();
        let look_again = || clock.ahead.lock().0 = None;
        let before = clock.now();
        std::fs::write(&file, "157680000\n").unwrap();
        look_again();
        let leapt = clock.now();
        assert!(leapt.since(before) >= Duration::from_secs(157_680_000));
        std::fs::write(&file, "0\n").unwrap();
        look_again();
        assert!(clock.now() >= leapt);
    }
}
