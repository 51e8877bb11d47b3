//! Requests that were said to an agent: the sender of a call notes them with their position, and each is a request that
//! was received there and then (GDPR Art. 12(1) and (2) know no form).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use eventlog::Stored;
use kernel::{Position, RecordingId, RequestId, Retry, ServiceError, SubjectId, TenantId, chain};
use platform::feed::Take;
use platform::telemetry::Counter;
use policy::request::{Asker, Channel};
use policy::rights::Right;
use prost::Message;
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{Note, Recording, RecordingEvent};
use proto::common::v1::PartyRole;
use tracing::{error, info, warn};

use crate::error::Error;
use crate::service::{NewRequest, Service, Who, derived, itself};

/// The consumer group.
pub(crate) const GROUP: &str = "dsar";
/// The kind of note that says so; its code is the right.
const RIGHT_REQUESTED: &str = "dsar.requested";

/// Opens requests that were said in calls, once the call is sealed.
pub(super) struct Hearing {
    pub(super) service: Arc<Service>,
    /// Counts what somebody has to open by hand.
    pub(super) unopened: Counter,
}

#[async_trait]
impl Take for Hearing {
    type Error = Error;
    async fn take(&self, record: &Stored) -> Result<(), Error> {
        let (tenant, recording) = match sealed(record) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(()),
            // What comes again cannot be read then, either.
            Err(Unreadable) => {
                self.unopened.increment();
                error!(
                    offset = record.offset,
                    "an event of a recording cannot be read: whether a request was said in it is not known"
                );
                return Ok(());
            }
        };
        let facts = self.service.mesh().recording(&tenant, recording).await?;
        for note in facts.notes.iter().filter(|note| note.kind == RIGHT_REQUESTED) {
            let Some(new) = heard(recording, &facts, note) else {
                self.unopened.increment();
                warn!(%tenant, %recording, "somebody asked for a right in a call, and it is not known who or which");
                continue;
            };
            let request = new.id;
            match self.service.open(&tenant, &itself(), new).await {
                Ok(_) => info!(%tenant, %recording, %request, "a request was heard in a call"),
                // Whoever is away comes back; what cannot be opened now never can.
                Err(error) if error.retry() == Retry::Backoff => return Err(error),
                Err(error) => {
                    self.unopened.increment();
                    warn!(%tenant, %recording, %request, error = chain(&error),
                        "a request that was heard in a call cannot be opened: somebody has to");
                }
            }
        }
        Ok(())
    }
}

/// Of a record nothing can be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Unreadable;

/// The recording that a record says was sealed; none where it says something else.
fn sealed(record: &Stored) -> Result<Option<(TenantId, RecordingId)>, Unreadable> {
    let envelope = eventlog::from_record(record).map_err(|_| Unreadable)?;
    let told = RecordingEvent::decode(record.value.clone()).map_err(|_| Unreadable)?;
    match told.event {
        Some(Event::Sealed(sealed)) => {
            let id = RecordingId::from_slice(&sealed.recording_id).map_err(|_| Unreadable)?;
            Ok(Some((envelope.tenant, id)))
        }
        // Of an event that is newer than this program nothing is known but that it seals nothing.
        Some(Event::NotRecorded(_) | Event::Addended(_)) | None => Ok(None),
    }
}

/// The request that a note says. The one who asked is the customer: an agent's own request is no part of their work.
fn heard(recording: RecordingId, facts: &Recording, note: &Note) -> Option<NewRequest> {
    let right: Right = note.code.parse().ok()?;
    let mut customers = facts.parties.iter().filter(|party| party.role() == PartyRole::Customer);
    let subject = SubjectId::from_slice(&customers.next()?.subject_id).ok()?;
    if customers.next().is_some() {
        return None;
    }
    Some(NewRequest {
        id: request_of(recording, note),
        rights: BTreeSet::from([right]),
        channel: Channel::Call,
        asker: Asker::Oneself,
        who: Who::Subject(subject),
        received_at: None,
        said_in: Some((recording, Some(Position(note.position)))),
        region: None,
        language: crate::plan::Language::named(facts.language.get(..2).unwrap_or_default()),
    })
}

/// The request that a note in a call makes: the same each time.
fn request_of(recording: RecordingId, note: &Note) -> RequestId {
    let what = [&note.position.to_be_bytes(), note.code.as_bytes()].concat();
    RequestId::from_bytes(derived(recording.to_bytes(), &what))
}

#[cfg(test)]
mod tests;
