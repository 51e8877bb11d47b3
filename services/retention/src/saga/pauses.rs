//! What an item waits for, in this process's memory: leases to run out, or a rest after a failure. Whoever has no such
//! memory asks crypto again, which knows its leases.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{ErasureId, RecordingId, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::erasure::Item;
use crate::mesh::Removed;

/// The longest that leases run.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(60);
/// Items that are remembered; beyond that all are forgotten, and asked for again.
const REMEMBERED: usize = 100_000;

type Key = (ErasureId, RecordingId);

/// What was removed, and when.
pub(super) type RemovedAt = (Removed, Timestamp);

struct Pause {
    until: Instant,
    removed: Option<RemovedAt>,
}

#[derive(Default)]
pub(super) struct Pauses(Mutex<HashMap<Key, Pause>>);

impl Pauses {
    /// Whether it is left alone for now.
    pub(super) fn rests(&self, item: &Item) -> bool {
        self.0.lock().get(&key(item)).is_some_and(|pause| Instant::now() < pause.until)
    }

    /// Leaves it alone for so long.
    pub(super) fn rest(&self, item: &Item, time: Duration) {
        self.put(item, Pause { until: Instant::now() + time, removed: None });
    }

    /// Leaves it alone until leases on what was removed have run out.
    pub(super) fn wait_out(&self, item: &Item, removed: RemovedAt) {
        let until = Instant::now() + removed.0.leases.min(LONGEST_LEASE);
        self.put(item, Pause { until, removed: Some(removed) });
    }

    /// What was removed and has no lease any more.
    pub(super) fn waited_out(&self, item: &Item) -> Option<RemovedAt> {
        let pauses = self.0.lock();
        let pause = pauses.get(&key(item)).filter(|pause| pause.until <= Instant::now())?;
        pause.removed.clone()
    }

    /// It has gone on.
    pub(super) fn forget(&self, item: &Item) {
        self.0.lock().remove(&key(item));
    }

    fn put(&self, item: &Item, pause: Pause) {
        let mut pauses = self.0.lock();
        if pauses.len() >= REMEMBERED {
            pauses.clear();
        }
        pauses.insert(key(item), pause);
    }
}

fn key(item: &Item) -> Key {
    (item.erasure, item.recording)
}
