//! How recordings come in: the consumer of what archive says was sealed, and how ends are set and moved.
//!
//! Read `sealed` (what an event says), `terms` (ends as pure functions of a row and of what moves it), then `restamp` and
//! `later`, which carry a move to one recording and to all. An offset passes when every recording below it has its row;
//! what fails is read again from the log, and stamping twice does nothing.

mod again;
mod later;
mod policies;
mod restamp;
mod sealed;
mod terms;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Batch, Consumer, EnvelopeError, EventLog, ReadLimit, Stored};
use futures::future::join_all;
use kernel::topics::RECORDINGS;
use kernel::{TenantId, chain};
use platform::retry::Backoff;
use platform::{Shutdown, Stage, TaskResult};
use prost::Message;
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{RecordingEvent, RecordingSealed};
use tracing::{info, warn};

use self::again::Again;
pub use self::later::apply_later_policy;
pub(crate) use self::later::{carry_orders, note_orders};
pub(crate) use self::policies::Policies;
pub(crate) use self::restamp::{lock_longer, restamp, restamp_all};
pub(crate) use self::sealed::Sealed;
pub(crate) use self::terms::{First, Movers, apply, first};
use crate::error::Error;
use crate::service::{AT_ONCE, Service, Stamped};

/// The consumer group.
pub const GROUP: &str = "retention";

/// How much is taken at once.
const LIMIT: ReadLimit = ReadLimit { records: 256, bytes: 4 << 20 };
/// How long a poll waits for something.
const WAIT: Duration = Duration::from_millis(500);

/// Stamps recordings as they are sealed, until the process drains.
pub async fn run(log: Arc<dyn EventLog>, service: Arc<Service>, shutdown: Shutdown) -> TaskResult {
    let mut failures = 0;
    while shutdown.stage() < Stage::Draining {
        match session(log.as_ref(), &service, &shutdown).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                failures += 1;
                warn!(
                    attempt = failures,
                    error = chain(&error),
                    "the topic of recordings cannot be consumed for now"
                );
                tokio::select! {
                    () = tokio::time::sleep(Backoff::FOREVER.wait(failures)) => {}
                    () = shutdown.draining() => {}
                }
            }
        }
    }
    Ok(())
}

async fn session(log: &dyn EventLog, service: &Service, shutdown: &Shutdown) -> Result<(), Error> {
    let member = log.consumer(GROUP, &[RECORDINGS]).await?;
    let mut session = Session { service, member, again: Again::default(), failures: 0 };
    while shutdown.stage() < Stage::Draining {
        tokio::select! {
            biased;
            () = shutdown.draining() => break,
            turned = session.turn() => turned?,
        }
    }
    session.member.leave().await?;
    Ok(())
}

/// A member of the group at work.
struct Session<'s> {
    service: &'s Service,
    member: Box<dyn Consumer>,
    again: Again,
    /// Turns in a row in which something was not stamped.
    failures: u32,
}

impl Session<'_> {
    /// One poll and what follows from it.
    async fn turn(&mut self) -> Result<(), Error> {
        let wait = if self.failures > 0 { Duration::ZERO } else { WAIT };
        let polled = self.member.poll(LIMIT, wait).await?;
        for won in &polled.assigned {
            info!(partition = won.at.partition, next = won.next, "a partition of recordings is ours");
        }
        let mut has_failed = false;
        for batch in polled.batches {
            has_failed |= !self.take(batch).await?;
        }
        self.again.look(self.service).await;
        self.failures = if has_failed { self.failures.saturating_add(1) } else { 0 };
        if has_failed {
            tokio::time::sleep(Backoff::FOREVER.wait(self.failures)).await;
        }
        Ok(())
    }

    /// Stamps what a batch names, in its order; whether all of it. From the first that failed on it comes again.
    async fn take(&mut self, batch: Batch) -> Result<bool, Error> {
        let Batch { at, records } = batch;
        let mut next = records.first().map_or(0, |record| record.offset);
        let mut failure = None;
        for some in records.chunks(AT_ONCE) {
            let taken = join_all(some.iter().map(|record| absorb(self.service, record))).await;
            for (record, taken) in some.iter().zip(taken) {
                match taken {
                    Ok(stamped) => self.again.after(stamped),
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
                next = record.offset.saturating_add(1);
            }
            if failure.is_some() {
                break;
            }
        }
        if let Some(error) = &failure {
            let partition = at.partition;
            warn!(
                partition,
                next,
                error = chain(error),
                "a recording waits to be stamped, and those behind it"
            );
            self.member.seek(at, next).await?;
        }
        match self.member.commit(at, next).await {
            Ok(()) => {}
            Err(eventlog::Error::Fenced { .. }) => {
                warn!(partition = at.partition, "a partition of recordings was taken over");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(failure.is_none())
    }
}

/// Deals with one record. None where there was nothing to stamp; what is no event is counted and passed over.
async fn absorb(service: &Service, record: &Stored) -> Result<Option<Stamped>, Error> {
    let skipped = match decode(record) {
        Ok(Some((tenant, sealed))) => match service.stamp(&tenant, &sealed).await {
            Ok(stamped) => return Ok(Some(stamped)),
            Err(Error::Invalid { what, problem }) => Error::Invalid { what, problem },
            Err(error) => return Err(error),
        },
        Ok(None) => return Ok(None),
        Err(BadRecord::Event(error)) => error,
        Err(error) => Error::invalid("record", chain(&error)),
    };
    let count = service.skip();
    warn!(
        offset = record.offset,
        skipped = count,
        error = chain(&skipped),
        "a record of the topic of recordings says what cannot be: what it is about is not stamped"
    );
    Ok(None)
}

/// A record that is no event of a recording as it must be.
#[derive(Debug, thiserror::Error)]
enum BadRecord {
    #[error("is not an event")]
    Envelope(#[from] EnvelopeError),
    #[error("has no recording event in it")]
    Payload(#[from] prost::DecodeError),
    #[error(transparent)]
    Event(Error),
}

/// The recording that a record says was sealed; none where it says something else.
fn decode(record: &Stored) -> Result<Option<(TenantId, RecordingSealed)>, BadRecord> {
    let envelope = eventlog::from_record(record)?;
    let sealed = match RecordingEvent::decode(record.value.clone())?.event {
        Some(Event::Sealed(sealed)) => sealed,
        // Nothing is kept of the one, and the other changes no end.
        Some(Event::NotRecorded(_) | Event::Addended(_)) | None => return Ok(None),
    };
    let is_its_own = sealed::recording(&sealed).map_err(BadRecord::Event)?.to_string() == envelope.aggregate;
    if !is_its_own {
        return Err(BadRecord::Event(Error::invalid(
            "recording_id",
            "is not the one that the event is about",
        )));
    }
    Ok(Some((envelope.tenant, sealed)))
}

#[cfg(test)]
mod tests;
