//! The instance's one way to the audio topic: what many calls log goes out in few appends.
//!
//! [`Writer`] takes what waits, from whatever streams, as one append; while it is under way, and for a moment after it
//! began, the next group gathers. A stream has one append under way at a time, so the
//! order of a recording is the order in which it was asked for. While the log is away a [`spool::Spool`] takes its
//! place, where there is one: then everything goes through it, in order, until it is empty again.

mod gauges;
mod group;
mod spool;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Durability, EventLog, Record};
use kernel::topics::AUDIO;
use kernel::{Retry, ServiceError, chain};
use platform::drain::{Shutdown, TaskResult};
use platform::retry::Backoff;
use tokio::sync::{OnceCell, mpsc, oneshot};
use tracing::{error, info, warn};

pub(crate) use self::gauges::Gauges;
pub use self::gauges::{LOG_APPENDS, LOGGED_BYTES, LOGGED_RECORDS};
use self::group::{Gathering, Group};
use self::spool::Spool;
pub(crate) use self::spool::SpoolLimits;
use crate::error::Error;
use crate::keys::Hold;

/// Requests that may wait; a stream has one at a time, so it is a bound on streams that wait at once.
const WAITING: usize = 16_384;

/// Where records are now.
#[derive(Debug)]
pub(crate) enum Appended {
    /// In the log.
    Logged,
    /// In this node's spool; tells when they are in the log.
    Spooled(oneshot::Receiver<()>),
}

/// What did not work, and the records, to be tried again.
pub(crate) type Refused = (Error, Vec<Record>);

/// Records of one recording, in order.
struct Request {
    records: Vec<Record>,
    /// Of the epochs that they are sealed to: whoever asked may be gone before they are anywhere.
    #[allow(dead_code, reason = "it is held, not read")]
    holds: Vec<Hold>,
    answer: oneshot::Sender<Result<Appended, Refused>>,
}

/// What streams hold.
pub(crate) struct Appender {
    requests: mpsc::Sender<Request>,
    log: Arc<dyn EventLog>,
    durability: OnceCell<Durability>,
    gauges: Arc<Gauges>,
    limits: Option<SpoolLimits>,
}

/// Does it: one task of the instance.
pub(crate) struct Writer {
    requests: Gathering,
    log: Counted,
    spool: Option<Spool>,
    patience: Duration,
}

/// How the way to the log is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// The least time from one append to the next.
    pub(crate) gather: Duration,
    /// How long an append may take where there is a spool.
    pub(crate) patience: Duration,
}

/// A way to the log, with the task that goes it.
pub(crate) fn appender(
    log: Arc<dyn EventLog>,
    spool: Option<(Arc<dyn EventLog>, SpoolLimits)>,
    gauges: Arc<Gauges>,
    waits: Waits,
) -> (Appender, Writer) {
    let (sender, waiting) = mpsc::channel(WAITING);
    let counted = Counted { log: Arc::clone(&log), gauges: Arc::clone(&gauges) };
    let limits = spool.as_ref().map(|(_, limits)| *limits);
    let spool = spool.map(|(spool, limits)| Spool::new(spool, counted.clone(), limits));
    let requests = Gathering::new(waiting, waits.gather);
    let writer = Writer { requests, log: counted, spool, patience: waits.patience };
    (Appender { requests: sender, log, durability: OnceCell::new(), gauges, limits }, writer)
}

impl Appender {
    /// Appends records of one recording; a failure gives them back.
    async fn append(&self, records: Vec<Record>, holds: Vec<Hold>) -> Result<Appended, Refused> {
        if records.is_empty() {
            return Ok(Appended::Logged);
        }
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send(Request { records, holds, answer }).await;
        match sent {
            Err(mpsc::error::SendError(Request { records, .. })) => Err((Error::Draining, records)),
            // The writer ends after every stream, or was cut off with the process.
            Ok(()) => answered.await.unwrap_or_else(|_| Err((Error::Draining, Vec::new()))),
        }
    }

    /// What an append to the log survives: asked once, and known from then on, also while the log is away.
    pub(crate) async fn durability(&self) -> Result<Durability, Error> {
        let known = self.durability.get_or_try_init(|| self.log.durability(&AUDIO)).await?;
        Ok(*known)
    }

    /// Refuses a new session while the spool can take no more.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        match &self.limits {
            Some(limits) => self.gauges.check_room(limits),
            None => Ok(()),
        }
    }
}

impl Writer {
    /// Writes until the process flushes: streams end while it drains.
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> TaskResult {
        tokio::select! {
            () = shutdown.flushing() => {}
            () = self.write() => {}
        }
        if let Some(spool) = self.spool.as_ref().filter(|spool| !spool.is_empty()) {
            warn!(bytes = spool.bytes(), "the spool is not empty: the next process on this node drains it");
        }
        Ok(())
    }

    async fn write(&mut self) {
        match &mut self.spool {
            Some(spool) => spool.recover().await,
            None => self.log.gauges.recovered(),
        }
        loop {
            match &mut self.spool {
                Some(spool) if !spool.is_empty() => {
                    if spool.go_on(&mut self.requests).await.is_none() {
                        return;
                    }
                }
                Some(_) | None => match self.requests.group().await {
                    Some(group) => self.append(group).await,
                    None => return,
                },
            }
        }
    }

    async fn append(&mut self, group: Group) {
        // With a spool to go to, no longer than a moment.
        let patience = self.spool.as_ref().map(|_| self.patience);
        match self.log.append_within(patience, group.records()).await {
            Ok(()) => group.logged(),
            Err(error) if error.retry() == Retry::Backoff => match &mut self.spool {
                Some(spool) => {
                    error!(error = chain(&error), "the log is away: what is recorded goes into the spool");
                    spool.take(group).await;
                }
                None => group.refused(error),
            },
            // One recording's records are wrong, and may not keep the others from the log.
            Err(error) => match group.apart() {
                Ok(groups) => {
                    for alone in groups {
                        let done = self.log.append_within(patience, alone.records()).await;
                        alone.done(done);
                    }
                }
                Err(group) => group.refused(error),
            },
        }
    }
}

/// The one place where records reach the log.
#[derive(Clone)]
struct Counted {
    log: Arc<dyn EventLog>,
    gauges: Arc<Gauges>,
}

impl Counted {
    async fn append(&self, records: Vec<Record>) -> Result<(), eventlog::Error> {
        let (count, bytes) = (records.len() as u64, records.iter().map(|record| record.size() as u64).sum());
        self.log.append(&AUDIO, records).await?;
        self.gauges.logged(count, bytes);
        Ok(())
    }

    async fn append_within(
        &self,
        patience: Option<Duration>,
        records: Vec<Record>,
    ) -> Result<(), eventlog::Error> {
        let append = self.append(records);
        let Some(patience) = patience else { return append.await };
        match tokio::time::timeout(patience, append).await {
            Ok(done) => done,
            Err(late) => Err(eventlog::Error::Unavailable { attempt: "append", source: late.into() }),
        }
    }
}

/// Appends, however long the log is away or full. What a failed attempt left in the log comes again under the
/// same ids, which consumers drop.
pub(crate) async fn append_patiently(
    appender: &Appender,
    mut records: Vec<Record>,
    holds: Vec<Hold>,
) -> Result<Appended, Error> {
    let mut attempt = 0;
    loop {
        match appender.append(records, holds.clone()).await {
            Err((error, again)) if error.retry() == Retry::Backoff && !again.is_empty() => {
                attempt += 1;
                warn!(attempt, error = chain(&error), "acknowledgements wait: the log takes nothing");
                tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
                records = again;
            }
            done => return done.map_err(|(error, _)| error),
        }
    }
}

/// Appends what is not sealed on somebody's path: a few attempts.
pub(crate) async fn append_soon(appender: &Appender, mut records: Vec<Record>) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match appender.append(records, Vec::new()).await {
            Err((error, again)) if error.retry() == Retry::Backoff && attempt < Backoff::CALL.attempts => {
                info!(attempt, error = chain(&error), "the log did not take a call's first records");
                tokio::time::sleep(Backoff::CALL.wait(attempt)).await;
                records = again;
            }
            done => return done.map(drop).map_err(|(error, _)| error),
        }
    }
}

#[cfg(test)]
mod tests;
