//! A log of its own on this node's disk, which takes the log's place while that is away.
//!
//! What is spooled is what would have been logged: sealed records, under their ids, in the same partitions. While
//! anything is in it everything new goes behind it, so a recording's records reach the log in their order. A
//! process that begins finds what the last one left and drains it; what a crash leaves twice has the same ids.

mod index;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{EventLog, ReadLimit, Record, Stored};
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use kernel::chain;
use kernel::topics::AUDIO;
use platform::retry::Backoff;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::index::{Entry, Index, Stretch};
use super::group::{Gathering, Group};
use super::{Counted, Gauges};

/// Bytes that go to the log in one append, and at most in the last stretch.
const STRETCH: usize = 4 << 20;
/// Records likewise.
const STRETCH_RECORDS: usize = 8_000;
/// Bytes that are read at once of what an earlier process left.
const CHUNK: usize = 1 << 20;
/// How often the age of the oldest is shown.
const TICK: Duration = Duration::from_secs(1);

/// How much the spool may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SpoolLimits {
    /// Bytes at which it takes nothing more, and new sessions are refused.
    pub(crate) bytes: u64,
    /// Age of its oldest record at which new sessions are refused.
    pub(crate) age: Duration,
}

/// The spool, and the way from it to the log.
pub(super) struct Spool {
    spool: Arc<dyn EventLog>,
    log: Counted,
    limits: SpoolLimits,
    gauges: Arc<Gauges>,
    index: Index,
    draining: Option<BoxFuture<'static, Result<Drained, eventlog::Error>>>,
    /// Drains that failed one after the other.
    failed: u32,
    /// The log took the last stretch, and takes its time over none.
    is_back: bool,
    is_full: bool,
}

/// Stretches that are in the log now, and no longer in the spool.
struct Drained(Vec<Stretch>);

impl Spool {
    pub(super) fn new(spool: Arc<dyn EventLog>, log: Counted, limits: SpoolLimits) -> Self {
        let gauges = Arc::clone(&log.gauges);
        let index = Index::new(AUDIO.partitions);
        Self { spool, log, limits, gauges, index, draining: None, failed: 0, is_back: false, is_full: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// Finds what an earlier process left, however long the disk takes to answer.
    pub(super) async fn recover(&mut self) {
        let mut attempt = 0;
        loop {
            match self.try_recover().await {
                Ok(()) => break,
                Err(error) => {
                    attempt += 1;
                    error!(attempt, error = chain(&error), "the spool cannot be read");
                    tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
                }
            }
        }
        if !self.is_empty() {
            warn!(
                bytes = self.bytes(),
                "an earlier process left records in the spool: they are drained first"
            );
        }
        self.show();
        self.gauges.recovered();
    }

    async fn try_recover(&mut self) -> Result<(), eventlog::Error> {
        self.index = Index::new(AUDIO.partitions);
        for ends in self.spool.ends(&AUDIO).await? {
            self.index.begin(ends.partition, ends.low);
            let mut next = ends.low;
            while next < ends.high {
                let limit = ReadLimit { records: STRETCH_RECORDS, bytes: CHUNK };
                let found = self.spool.read(&AUDIO, ends.partition, next, limit).await?;
                let (Some(first), Some(last)) = (found.first(), found.last()) else { break };
                let bytes = found.iter().map(|stored| stored.size() as u64).sum();
                let entry = Entry { last: last.offset, bytes, at: first.timestamp, logged: None };
                next = last.offset + 1;
                self.index.push(ends.partition, entry);
            }
        }
        Ok(())
    }

    /// Takes a group, where there is room.
    pub(super) async fn take(&mut self, group: Group) {
        if self.bytes() >= self.limits.bytes {
            if !std::mem::replace(&mut self.is_full, true) {
                error!(bytes = self.bytes(), "the spool is full: acknowledgements stop");
            }
            let full = format!("the spool has {} bytes, the bound is {}", self.bytes(), self.limits.bytes);
            return group.refused(eventlog::Error::Full(full.into()));
        }
        match self.spool.append(&AUDIO, group.records()).await {
            Ok(placed) => {
                let mut placed = placed.into_iter();
                let mut waiters = Vec::new();
                let at = self.gauges.now();
                for (records, bytes) in group.sizes() {
                    let (logged, waiter) = oneshot::channel();
                    // A request is one recording's, so all of it is in one partition, in order.
                    if let Some(last) = placed.by_ref().take(records).last() {
                        let bytes = bytes as u64;
                        let entry = Entry { last: last.offset, bytes, at, logged: Some(logged) };
                        self.index.push(last.partition, entry);
                    }
                    waiters.push(waiter);
                }
                // Before the requests let go of their epochs.
                self.show();
                group.spooled(waiters);
            }
            Err(error) => {
                error!(error = chain(&error), "the spool takes nothing: acknowledgements stop");
                group.refused(error);
            }
        }
    }

    /// Takes what comes and drains what is there, whichever is first; none where nobody is left to bring
    /// anything.
    pub(super) async fn go_on(&mut self, requests: &mut Gathering) -> Option<()> {
        self.begin_to_drain();
        // Or under load the spool would never be empty: what comes waits for as long as one append takes.
        let is_last_stretch = self.is_back && self.bytes() <= STRETCH as u64;
        tokio::select! {
            biased;
            drained = running(&mut self.draining) => self.drained(drained),
            group = requests.group(), if !is_last_stretch => self.take(group?).await,
            () = tokio::time::sleep(TICK) => {
                self.is_back = false;
                self.gauges.show();
            }
        }
        Some(())
    }

    fn begin_to_drain(&mut self) {
        if self.draining.is_some() {
            return;
        }
        let stretches = self.index.next(STRETCH as u64, STRETCH_RECORDS as u64);
        let (spool, log) = (Arc::clone(&self.spool), self.log.clone());
        let wait = (self.failed > 0).then(|| Backoff::FOREVER.wait(self.failed));
        let drain = async move {
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
            drain(spool.as_ref(), &log, stretches).await
        };
        self.draining = Some(drain.boxed());
    }

    fn drained(&mut self, drained: Result<Drained, eventlog::Error>) {
        match drained {
            Ok(Drained(stretches)) => {
                (self.failed, self.is_back) = (0, true);
                for logged in stretches.into_iter().flat_map(|stretch| self.index.drop_drained(&stretch)) {
                    // Its stream may have gone; the sender then comes again.
                    let _gone = logged.send(());
                }
                if self.bytes() < self.limits.bytes {
                    self.is_full = false;
                }
                if self.is_empty() {
                    self.is_back = false;
                    info!("the spool is drained: what is recorded goes to the log again");
                }
            }
            Err(error) => {
                (self.failed, self.is_back) = (self.failed + 1, false);
                let (attempt, bytes) = (self.failed, self.bytes());
                error!(attempt, bytes, error = chain(&error), "the spool cannot be drained into the log");
            }
        }
        self.show();
    }

    fn show(&self) {
        self.gauges.set_spool(self.index.bytes(), self.index.oldest());
    }
}

async fn drain(
    spool: &dyn EventLog,
    log: &Counted,
    stretches: Vec<Stretch>,
) -> Result<Drained, eventlog::Error> {
    let read = try_join_all(stretches.iter().map(|stretch| read(spool, stretch))).await?;
    log.append(read.into_iter().flatten().collect()).await?;
    // Only now: what a crash leaves in both is known by its ids.
    let delete = |stretch: &Stretch| spool.delete_before(&AUDIO, stretch.partition, stretch.last + 1);
    try_join_all(stretches.iter().map(delete)).await?;
    Ok(Drained(stretches))
}

async fn read(spool: &dyn EventLog, stretch: &Stretch) -> Result<Vec<Record>, eventlog::Error> {
    let mut records = Vec::new();
    let mut next = stretch.first;
    while next <= stretch.last {
        let left = usize::try_from(stretch.last - next + 1).unwrap_or(usize::MAX);
        let limit = ReadLimit { records: left.min(STRETCH_RECORDS), bytes: CHUNK };
        let found = spool.read(&AUDIO, stretch.partition, next, limit).await?;
        let Some(last) = found.last() else {
            return Err(eventlog::Error::Damaged("the spool ends before its end".into()));
        };
        next = last.offset + 1;
        records.extend(found.into_iter().map(as_it_was));
    }
    Ok(records)
}

fn as_it_was(stored: Stored) -> Record {
    let Stored { key, headers, value, .. } = stored;
    Record { key, headers, value }
}

/// What came of the drain under way; never, where there is none.
async fn running<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = slot else { return std::future::pending().await };
    let done = running.await;
    *slot = None;
    done
}
