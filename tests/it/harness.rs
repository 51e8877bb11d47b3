//! What all scenarios stand on.

pub(crate) mod asking;
mod child;
mod engines;
mod expected;
pub(crate) mod keeping;
mod keyring;
mod line;
mod listening;
mod moments;
mod own;
mod process;
pub(crate) mod program;
mod proxy;
mod raw;
mod sample;
mod scan;
mod secrets;
mod shape;
mod shelf;
mod snapshot;
mod split;
mod tap;
mod world;

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use child::{Child, free_port, server};
pub(crate) use expected::Expected;
pub(crate) use keyring::Keyring;
pub(crate) use line::Line;
pub(crate) use listening::{Heard, hear, hear_for, hear_range};
pub(crate) use moments::moments;
pub(crate) use own::{BROKERS, Turn, Ways};
pub(crate) use process::Process;
pub(crate) use program::Ended;
pub(crate) use raw::{Raw, files};
pub(crate) use sample::{FRAME, Sample, event};
pub(crate) use scan::Scan;
pub(crate) use secrets::secrets;
pub(crate) use shape::{Running, Shape, in_one_process, on_every_shape};
pub(crate) use shelf::Shelf;
pub(crate) use split::{REPLICAS, Split};
pub(crate) use tap::Tap;
pub(crate) use world::{World, id_of, purpose, reason};

/// Longest wait for anything that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Says aloud that something cannot be tested on this machine; a failure where `VERBALE_REQUIRE` names it.
pub(crate) fn not_tested(name: &str, why: &str) {
    let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
    assert!(required.split(',').all(|own| own.trim() != name), "VERBALE_REQUIRE names {name}: {why}");
    // Straight to standard error: the test harness shows nothing else of a test that passes.
    std::io::stderr().write_all(format!("NOT TESTED: {why}\n").as_bytes()).unwrap();
}

/// Whether what takes minutes is asked for: with the faults, apart from what somebody waits for.
pub(crate) fn is_patient(what: &str) -> bool {
    let asked = std::env::var_os("VERBALE_FAULTS").is_some();
    if !asked {
        not_tested("faults", &format!("VERBALE_FAULTS is not set: {what} takes minutes"));
    }
    asked
}

/// Waits until the probe finds something; the only place that waits by looking again.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(25)).await;
    }
}
