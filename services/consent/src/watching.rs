//! Changes as they are committed. A watcher reads them from the store, whoever wrote them; what was just
//! written here wakes it, and a beat follows whenever it has told everything there is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use parking_lot::Mutex;
use proto::consent::v1::watch_response::Message;
use proto::consent::v1::{Beat, WatchResponse};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use crate::config::Config;
use crate::error::Error;
use crate::store::{Store, StoreError};

/// Wakes watchers, counts them, and ends them when the process ends.
pub struct Watching {
    store: Arc<dyn Store>,
    latest: Mutex<Option<watch::Sender<u64>>>,
    places: Arc<Semaphore>,
    watches: usize,
    beat: Duration,
    batch: u32,
}

impl Watching {
    /// Watchers read from this store.
    pub fn new(store: Arc<dyn Store>, config: &Config) -> Self {
        let watches = config.watches.min(Semaphore::MAX_PERMITS);
        Self {
            store,
            latest: Mutex::new(Some(watch::channel(0).0)),
            places: Arc::new(Semaphore::new(watches)),
            watches,
            beat: config.beat.0,
            batch: config.watch_batch.max(1),
        }
    }

    /// Says that there is something up to this version.
    pub fn committed(&self, version: u64) {
        if let Some(latest) = self.latest.lock().as_ref() {
            latest.send_replace(version);
        }
    }

    /// Ends every watch, and lets no other begin.
    pub fn end(&self) {
        self.latest.lock().take();
    }

    /// Everything after a version, then everything that comes, with its beats. An error ends it: a beat would
    /// say that nothing was missed.
    pub fn after(
        &self,
        version: u64,
    ) -> Result<impl Stream<Item = Result<WatchResponse, StoreError>> + use<>, Error> {
        let woken = self.latest.lock().as_ref().map(watch::Sender::subscribe).ok_or(Error::Ending)?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::WatchesFull(self.watches))?;
        let watcher = Watcher {
            store: Arc::clone(&self.store),
            woken,
            told: version,
            read: VecDeque::new(),
            beats: Beats { every: self.beat, next: Instant::now() },
            batch: self.batch,
            _place: place,
        };
        Ok(unfold(Some(watcher), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await? {
                Ok(message) => Some((Ok(WatchResponse { message: Some(message) }), Some(watcher))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

struct Watcher {
    store: Arc<dyn Store>,
    woken: watch::Receiver<u64>,
    told: u64,
    read: VecDeque<Message>,
    beats: Beats,
    batch: u32,
    _place: OwnedSemaphorePermit,
}

struct Beats {
    every: Duration,
    next: Instant,
}

impl Watcher {
    /// None when the process ends.
    async fn next(&mut self) -> Option<Result<Message, StoreError>> {
        loop {
            if let Some(message) = self.read.pop_front() {
                return Some(Ok(message));
            }
            // Seen before the store is read: what is committed after that wakes us again.
            self.woken.borrow_and_update();
            match self.store.changes(self.told, self.batch).await {
                Err(error) => return Some(Err(error)),
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => {
                    self.told = changes.last().map_or(self.told, |last| last.version);
                    self.read.extend(changes.iter().map(|change| Message::Changed(change.to_wire())));
                    continue;
                }
            }
            let now = Instant::now();
            if now >= self.beats.next {
                self.beats.next = now + self.beats.every;
                return Some(Ok(Message::Beat(Beat { version: self.told })));
            }
            tokio::select! {
                changed = self.woken.changed() => changed.ok()?,
                () = sleep_until(self.beats.next) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
