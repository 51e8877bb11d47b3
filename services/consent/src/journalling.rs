//! The task that brings consent into the restrictive journal, and the journal into a restored store.
//!
//! First the store catches up with what it misses; until then the role is not ready. Then every event of the topic that
//! takes something away or gives it back is journalled, before its offset is committed: what fails is read again, and the
//! journal knows an act by its id. A withdrawal waits for none of this: it was answered when the store had it. How long the
//! oldest one waits is [`WAIT`].
//!
//! From time to time the store goes on to the journal's end once more, so that its position stays near and a restart reads
//! little; and where the topic told of an event that a restored store lacks, it has that one then.

mod heard;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Consumer, EventLog, Polled, ReadLimit, TopicPartition};
use journal::{Act, CatchUpError, Journal, MAX_ACTS, catch_up};
use kernel::topics::CONSENT;
use kernel::{Clock, ErrorCode, Retry, ServiceError, Timestamp, chain};
use parking_lot::Mutex;
use platform::retry::Backoff;
use platform::telemetry::{Gauge, Metric, MetricKind};
use platform::{Shutdown, Stage, TaskResult};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::acts;
use crate::applied::RestoredStore;
use crate::event::StoredEvent;
use crate::store::{Store, StoreError};

/// The consumer group.
pub const GROUP: &str = "consent-journal";

/// How long what must be journalled waits.
pub(crate) const WAIT: Metric = Metric {
    name: "verbale_consent_journal_wait_seconds",
    help: "age of the oldest consent event, taken from its topic or not to be had from there, that the restrictive \
           journal does not hold yet; 0 where there is none. More than 60 means that a restored backup may lack a \
           withdrawal",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// What is taken from the topic at once.
const LIMIT: ReadLimit = ReadLimit { records: 100, bytes: 1 << 20 };
/// How long a poll waits for something.
const POLL: Duration = Duration::from_secs(1);
/// How often the age is shown while something takes long.
const SHOWN: Duration = Duration::from_secs(1);
/// How long the store's position may stay behind what was journalled.
const BEHIND: Duration = Duration::from_secs(60);

/// What the task stands on.
#[derive(Clone)]
pub(crate) struct Journalling {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wait: Gauge,
    pub(crate) caught_up: CaughtUp,
}

/// Whether the store has caught up with the journal; else why not.
#[derive(Clone, Debug)]
pub(crate) struct CaughtUp(Arc<Mutex<Option<String>>>);

/// Why nothing more is taken from the topic for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the topic of consent cannot be consumed")]
    Log(#[from] eventlog::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A member of the group at work.
pub(crate) struct Session<'j> {
    parts: &'j Journalling,
    member: Box<dyn Consumer>,
    /// Since when something was journalled that the store's position is not past.
    behind: Option<Instant>,
}

/// Records of one partition that are to be journalled together.
struct Heard {
    at: TopicPartition,
    next: u64,
    acts: Vec<Act>,
    oldest: Option<Timestamp>,
}

impl CaughtUp {
    pub(crate) fn not_yet() -> Self {
        Self(Arc::new(Mutex::new(Some("it has not yet caught up with the restrictive journal".to_owned()))))
    }

    /// For readiness.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.lock().clone().map_or(Ok(()), Err)
    }
}

impl Journalling {
    /// Runs until the process drains.
    pub(crate) async fn run(self, shutdown: Shutdown) -> TaskResult {
        tokio::select! {
            () = self.catch_up_first() => {}
            () = shutdown.draining() => return Ok(()),
        }
        let (mut failures, mut since) = (0, None);
        while shutdown.stage() < Stage::Draining {
            let Err(error) = self.session(&shutdown, &mut since).await else { return Ok(()) };
            failures = if since.is_some() { failures + 1 } else { 1 };
            warn!(attempt = failures, error = chain(&error), "consent is not journalled for now");
            let since = *since.get_or_insert_with(|| self.clock.now());
            let pause = tokio::time::sleep(Backoff::FOREVER.wait(failures));
            tokio::select! {
                () = self.shown(since, pause) => {}
                () = shutdown.draining() => {}
            }
        }
        Ok(())
    }

    /// Goes to the journal's end, again and again until that is done: until then the role takes no calls.
    async fn catch_up_first(&self) {
        let (began, mut failures) = (self.clock.now(), 0);
        loop {
            let Err(error) = self.shown(began, self.catch_up()).await else { break };
            failures += 1;
            let text = chain(&error);
            match error.retry() {
                Retry::Backoff => {
                    warn!(attempt = failures, error = text, "consent's store does not catch up yet")
                }
                Retry::No => error!(attempt = failures, error = text, "consent's store cannot catch up"),
            }
            *self.caught_up.0.lock() = Some(text);
            self.shown(began, tokio::time::sleep(Backoff::FOREVER.wait(failures))).await;
        }
        *self.caught_up.0.lock() = None;
        self.show(None);
    }

    /// Goes to the journal's end once.
    pub(crate) async fn catch_up(&self) -> Result<(), CatchUpError> {
        let restored = RestoredStore { store: Arc::clone(&self.store) };
        let report = catch_up(&self.journal, &restored).await?;
        let (applied, known) = (report.applied.values().sum::<u64>(), report.known.values().sum::<u64>());
        match applied {
            0 => debug!(to = report.to, known, "consent's store is at the journal's end"),
            _ => info!(from = report.from, to = report.to, applied, known, "consent's store has caught up"),
        }
        Ok(())
    }

    async fn session(&self, shutdown: &Shutdown, since: &mut Option<Timestamp>) -> Result<(), Error> {
        let mut session = self.join().await?;
        while shutdown.stage() < Stage::Draining {
            tokio::select! {
                biased;
                () = shutdown.draining() => break,
                turned = session.turn() => turned?,
            }
            *since = None;
        }
        session.member.leave().await?;
        Ok(())
    }

    pub(crate) async fn join(&self) -> Result<Session<'_>, Error> {
        let member = self.log.consumer(GROUP, &[CONSENT]).await?;
        Ok(Session { parts: self, member, behind: None })
    }

    /// Journals acts, again and again until they stand.
    async fn append(&self, mut acts: Vec<Act>) {
        let mut failures = 0;
        while !acts.is_empty() {
            let some: Vec<_> = acts.iter().take(MAX_ACTS).cloned().collect();
            let count = some.len();
            match self.journal.append(some).await {
                Ok(_) => {
                    failures = 0;
                    acts.drain(..count);
                }
                // An event that a restore gave another version was journalled with the one before.
                Err(journal::Error::Conflict { act, number }) => {
                    debug!(%act, number, "an event is in the journal already");
                    acts.retain(|other| other.id != act);
                }
                Err(error) => {
                    failures += 1;
                    let text = chain(&error);
                    match error.code() {
                        ErrorCode::DataLoss => {
                            error!(attempt = failures, error = text, "the journal is broken")
                        }
                        _ => warn!(attempt = failures, error = text, "consent events wait for the journal"),
                    }
                    tokio::time::sleep(Backoff::FOREVER.wait(failures)).await;
                }
            }
        }
    }

    /// Shows how old that is while something is done.
    async fn shown<T>(&self, oldest: Timestamp, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.show(Some(oldest));
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(SHOWN) => {}
            }
        }
    }

    fn show(&self, oldest: Option<Timestamp>) {
        let age = oldest.map_or(Duration::ZERO, |oldest| self.clock.now().since(oldest));
        self.wait.set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    }
}

impl Session<'_> {
    /// One poll and what follows from it.
    pub(crate) async fn turn(&mut self) -> Result<(), Error> {
        let polled = self.member.poll(LIMIT, POLL).await?;
        self.take(polled).await?;
        self.parts.show(None);
        if self.behind.is_some_and(|since| since.elapsed() >= BEHIND) {
            match self.parts.catch_up().await {
                Ok(()) => self.behind = None,
                Err(error) => {
                    warn!(error = chain(&error), "consent's store stays behind the journal for now");
                    self.behind = Some(Instant::now());
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, polled: Polled) -> Result<(), Error> {
        let mut waiting = VecDeque::with_capacity(polled.batches.len());
        for batch in polled.batches {
            let mut heard = Heard { at: batch.at, next: 0, acts: Vec::new(), oldest: None };
            for record in &batch.records {
                heard.next = record.offset.saturating_add(1);
                let Some(event) = self.parts.stored(record).await? else { continue };
                let at = event.event.recorded_at;
                heard.oldest = Some(heard.oldest.map_or(at, |oldest| oldest.min(at)));
                heard.acts.extend(acts::acts(&event));
            }
            waiting.push_back(heard);
        }
        while let Some(heard) = waiting.pop_front() {
            let oldest = waiting.iter().chain([&heard]).filter_map(|heard| heard.oldest).min();
            if let (Some(oldest), false) = (oldest, heard.acts.is_empty()) {
                self.parts.shown(oldest, self.parts.append(heard.acts)).await;
                self.behind.get_or_insert_with(Instant::now);
            }
            self.commit(heard.at, heard.next).await?;
        }
        Ok(())
    }

    /// A partition that went to another member meanwhile is read again there.
    async fn commit(&mut self, at: TopicPartition, next: u64) -> Result<(), Error> {
        match self.member.commit(at, next).await {
            Ok(()) => Ok(()),
            Err(eventlog::Error::Fenced { .. } | eventlog::Error::NotAssigned { .. }) => {
                info!(partition = at.partition, "a partition of consent events went to another process");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Journalling {
    /// The event that a record tells of, if it must be journalled: as the store has it, which knows more of it than the
    /// topic; as the topic has it where a restored store lacks it. A record that is no event can only be a fault of ours:
    /// it is told and left out, so that it does not hold up all others for ever.
    async fn stored(&self, record: &eventlog::Stored) -> Result<Option<StoredEvent>, Error> {
        let told = match heard::event(record) {
            Ok(Some(told)) if acts::is_journalled(told.event.kind) => told,
            Ok(_) => return Ok(None),
            Err(problem) => {
                error!(
                    offset = record.offset,
                    error = chain(&problem),
                    "a record of consent's topic is no event"
                );
                return Ok(None);
            }
        };
        let stored = self.store.event(&told.tenant, told.event.id).await?;
        Ok(Some(stored.unwrap_or(told)))
    }
}

#[cfg(test)]
mod tests;
