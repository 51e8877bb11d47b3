//! Consent that was taken back, as the topic tells it: the recordings that rested on it are found, and their erasure is
//! begun.
//!
//! The topic only says where to look. Whether a purpose has lost its basis in a recording is asked of consent as it is now,
//! so an event that comes late, twice or out of order erases nothing that stands. Offsets pass when the erasure has all its
//! items; its id follows from the event's, so that a redelivery finds it.

use std::collections::BTreeSet;
use std::sync::Arc;

use eventlog::{Batch, Consumer, EventLog, Polled, ReadLimit, Stored, TopicPartition, from_record};
use kernel::topics::CONSENT;
use kernel::{EventId, PurposeName, RecordingId, SubjectId, TenantId, chain};
use platform::retry::Backoff;
use platform::{Shutdown, Stage};
use prost::Message;
use proto::consent::v1::{ConsentEvent, ConsentScope, EventKind};
use tracing::{info, warn};

use super::Erasing;
use super::basis::{Follows, derived};
use crate::erasure::{Erasure, Scope, Target};
use crate::error::Error;
use crate::kept::RecordingKey;

/// The consumer group.
pub const GROUP: &str = "retention-withdrawals";

/// How much of the topic is taken at once.
const LIMIT: ReadLimit = ReadLimit { records: 100, bytes: 1 << 20 };
/// How long it is waited for something to come.
const WAIT: std::time::Duration = std::time::Duration::from_millis(500);
/// Recordings between two signs of life to the group.
const PAGE: u32 = 100;

/// Consent that somebody took back.
#[derive(Clone, PartialEq, Eq, Debug)]
struct TakenBack {
    tenant: TenantId,
    event: EventId,
    subject: SubjectId,
    purposes: BTreeSet<PurposeName>,
    /// Only in this call.
    recording: Option<RecordingId>,
}

/// Consumes the topic until the process drains.
pub(super) async fn run(erasing: &Erasing, log: &Arc<dyn EventLog>, shutdown: &Shutdown) {
    let mut failures = 0;
    while shutdown.stage() < Stage::Draining {
        let Err(error) = session(erasing, log, shutdown, &mut failures).await else { return };
        failures += 1;
        warn!(attempt = failures, error = chain(&error), "withdrawals cannot be followed for now");
        tokio::select! {
            () = tokio::time::sleep(Backoff::FOREVER.wait(failures)) => {}
            () = shutdown.draining() => {}
        }
    }
}

async fn session(
    erasing: &Erasing,
    log: &Arc<dyn EventLog>,
    shutdown: &Shutdown,
    failures: &mut u32,
) -> Result<(), Error> {
    let mut member = log.consumer(GROUP, &[CONSENT]).await?;
    loop {
        let turned = tokio::select! {
            biased;
            () = shutdown.draining() => break,
            turned = turn(erasing, member.as_mut()) => turned,
        };
        if let Err(error) = turned {
            // What was not dealt with comes again to whoever joins next, at once.
            if let Err(late) = member.leave().await {
                warn!(error = chain(&late), "the group was not told that this member ends");
            }
            return Err(error);
        }
        *failures = 0;
    }
    Ok(member.leave().await?)
}

/// One poll, and everything that follows from it.
pub(super) async fn turn(erasing: &Erasing, member: &mut dyn Consumer) -> Result<(), Error> {
    let Polled { batches, .. } = member.poll(LIMIT, WAIT).await?;
    for Batch { at, records } in batches {
        for record in records {
            if let Some(taken) = read(&record) {
                erasing.taken_back(&taken, member, at, record.offset).await?;
            }
            member.commit(at, record.offset + 1).await?;
        }
    }
    Ok(())
}

impl Erasing {
    async fn taken_back(
        &self,
        taken: &TakenBack,
        member: &mut dyn Consumer,
        at: TopicPartition,
        offset: u64,
    ) -> Result<(), Error> {
        let follows = Follows {
            tenant: taken.tenant.clone(),
            id: derived(taken.event.to_bytes(), b"basis-lost"),
            target: taken.recording.map_or(Target::Subject(taken.subject), Target::Recording),
            purposes: taken.purposes.clone(),
        };
        let _entered = self.adding.enter(follows.id);
        let (mut begun, mut after) = (None, None);
        loop {
            let page = match taken.recording {
                Some(recording) => vec![recording],
                None => self.store().of_subject(&taken.tenant, taken.subject, after, PAGE).await?,
            };
            for recording in &page {
                self.taken_from(taken, &follows, *recording, &mut begun).await?;
            }
            match page.last() {
                Some(last) if taken.recording.is_none() && page.len() == PAGE as usize => after = Some(*last),
                Some(_) | None => break,
            }
            // A sign of life: a member that is taken for dead is given the same event again, for ever.
            member.commit(at, offset).await?;
        }
        if let Some(erasure) = begun {
            let closed = self.close(&erasure.tenant, erasure.id).await?;
            info!(erasure = %closed.id, items = closed.items, "an erasure follows from a basis that was lost");
        }
        Ok(())
    }

    async fn taken_from(
        &self,
        taken: &TakenBack,
        follows: &Follows,
        recording: RecordingId,
        begun: &mut Option<Erasure>,
    ) -> Result<(), Error> {
        let key = RecordingKey { tenant: taken.tenant.clone(), id: recording };
        // One that is not stamped yet is asked for after its stamp.
        let Some(kept) = self.store().kept(&key).await? else { return Ok(()) };
        let lost = self.lost(&kept, |purpose| taken.purposes.contains(purpose)).await?;
        if lost.is_empty() {
            return Ok(());
        }
        let erasure = match begun {
            Some(erasure) => erasure,
            None => begun.insert(self.follow(follows).await?),
        };
        self.add_item(erasure, recording, Scope::Purposes(lost)).await?;
        Ok(())
    }
}

/// What a record takes back; none where it is about something else, or is none of ours.
fn read(record: &Stored) -> Option<TakenBack> {
    let offset = record.offset;
    let envelope = match from_record(record) {
        Ok(envelope) => envelope,
        Err(error) => {
            warn!(offset, error = chain(&error), "a record of consent is not one of ours");
            return None;
        }
    };
    let Ok(event) = ConsentEvent::decode(envelope.payload.as_slice()) else {
        warn!(offset, event = %envelope.id, "a consent event cannot be read");
        return None;
    };
    if !takes_away(event.kind()) {
        return None;
    }
    let taken = taken_back(envelope.tenant, envelope.id, &event);
    if taken.is_none() {
        warn!(offset, event = %envelope.id, "a consent event names no person or recording");
    }
    taken
}

fn taken_back(tenant: TenantId, id: EventId, event: &ConsentEvent) -> Option<TakenBack> {
    let purposes = event.purposes.iter().filter_map(|name| PurposeName::new(name.as_str()).ok());
    let recording = match event.scope() {
        ConsentScope::Call => Some(RecordingId::from_slice(&event.recording_id).ok()?),
        ConsentScope::Account | ConsentScope::Unspecified => None,
    };
    Some(TakenBack {
        tenant,
        event: id,
        subject: SubjectId::from_slice(&event.subject_id).ok()?,
        purposes: purposes.collect(),
        recording,
    })
}

fn takes_away(kind: EventKind) -> bool {
    match kind {
        EventKind::Withdrawn
        | EventKind::Expired
        | EventKind::Revoked
        | EventKind::Invalidated
        | EventKind::Refused => true,
        EventKind::Unspecified
        | EventKind::NoticePresented
        | EventKind::Asked
        | EventKind::Given
        | EventKind::Deferred => false,
    }
}

#[cfg(test)]
mod tests;
