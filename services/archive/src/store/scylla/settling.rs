//! From an open recording to its signed documents.
//!
//! A document's row, the objects that it names, the purposes that are gone, what is erased and what was stated come
//! first, under the document's number; nobody sees them while the own row's `settled` is lower. Then one conditional
//! write raises it, with the new state and the event: that is the moment when all of it counts. Whoever comes to its end
//! twice, or second, finds it raised and leaves it.

use std::collections::BTreeSet;
use std::future::ready;

use cql::outbox::Pending;
use kernel::topics::RECORDINGS;
use kernel::{Position, Timestamp, chain};
use seal::Hash;
use tracing::debug;

use super::own::{Change, Own, row_key};
use super::{Inner, columns};
use crate::fact::{Gone, RecordingKey};
use crate::store::{Error, Settlement, State};

impl Inner {
    /// Says that a recording is being sealed, if it is open.
    pub(super) async fn sealing(&self, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error> {
        let decide = |own: Option<Own>| {
            let open = own.filter(|own| own.recording.state == State::Open);
            let sealing = open.map(|mut own| {
                let row = &mut own.recording;
                row.state = State::Sealing;
                if row.cause.is_empty() {
                    cause.clone_into(&mut row.cause);
                }
                row.end.get_or_insert(end);
                Change::To(Box::new(own))
            });
            ready(Ok(sealing.unwrap_or(Change::Nothing)))
        };
        self.change(key, decide).await.map(drop)
    }

    /// Writes a document with all that it makes of its recording.
    pub(super) async fn settle(&self, settlement: &Settlement) -> Result<(), Error> {
        let (key, version) = (&settlement.recording, settlement.document.version);
        let looked_at = self.clock.now();
        let own = self.serial_own(key).await?.ok_or(Error::Unknown(key.id))?;
        self.add_document(settlement).await?;
        if own.settled < version {
            self.name_objects(&own, settlement).await?;
            self.add_gone(&own, settlement).await?;
            self.add_erased(settlement).await?;
            self.add_stated(settlement).await?;
        }
        let left = self.change(key, |own| self.settled(own, settlement)).await?;
        if let Some(own) = left.filter(|own| !own.is_unsettled()) {
            self.forget_unsettled(&own, looked_at).await;
        }
        Ok(())
    }

    /// What the own row comes to by a document that has its row. Objects are read after the own row: one that is
    /// stored meanwhile changes that row's version.
    async fn settled(&self, found: Option<Own>, settlement: &Settlement) -> Result<Change, Error> {
        let (key, version) = (&settlement.recording, settlement.document.version);
        let mut own = found.ok_or(Error::Unknown(key.id))?;
        if own.settled >= version {
            return Ok(Change::Nothing);
        }
        own.settled = version;
        own.recording.state = settlement.state;
        own.recording.complete = Some(settlement.complete);
        own.recording.has_unnamed = self.objects(&own).await?.iter().any(|object| object.document.is_none());
        let event = Pending { topic: RECORDINGS, envelope: settlement.event.clone() };
        let ticket = self.outbox.point(&row_key(key), &event.topic, event.envelope.clone()).await?;
        Ok(Change::Settle(Box::new(own), Box::new((ticket, event))))
    }

    pub(super) async fn add_document(&self, settlement: &Settlement) -> Result<(), Error> {
        let (key, document) = (&settlement.recording, &settlement.document);
        let ((tenant, id), version) = (columns(key), i32::try_from(document.version).unwrap_or(i32::MAX));
        let place = (tenant.clone(), id.clone(), version);
        let (name, sha256) = (document.name.as_str().to_owned(), document.sha256.0.to_vec());
        let values = (tenant, id, version, document.kind.number(), name, sha256, document.at.0);
        let lost = match self.cql.apply(&self.statements.add_document, values).await {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            Err(error) if error.is_uncertain() => Some(error),
            Err(error) => return Err(error.into()),
        };
        let found: Option<(Vec<u8>,)> = self.cql.serial_row(&self.statements.document, place).await?;
        match (found, lost) {
            // This one, now or before a crash.
            (Some((sha256,)), _) if Hash::from_slice(&sha256) == Some(document.sha256) => Ok(()),
            (Some(_), _) => Err(Error::Conflict { what: "a document", recording: key.id }),
            (None, Some(error)) => Err(error.into()),
            (None, None) => {
                Err(Error::Row { table: "archive_document", what: "a row that was refused and is none" })
            }
        }
    }

    /// Only what no earlier document names, and only what is there: this would make a row of a name alone.
    pub(super) async fn name_objects(&self, own: &Own, settlement: &Settlement) -> Result<(), Error> {
        let key = &settlement.recording;
        let unnamed = self.objects(own).await?.into_iter().filter(|object| object.document.is_none());
        let unnamed: BTreeSet<_> = unnamed.map(|object| object.name).collect();
        let (tenant, id) = columns(key);
        let version = i32::try_from(settlement.document.version).unwrap_or(i32::MAX);
        let named = settlement.objects.iter().filter(|name| unnamed.contains(name));
        let rows = named.map(|name| (version, tenant.clone(), id.clone(), name.as_str().to_owned()));
        self.add_all(&self.statements.name_object, rows).await
    }

    pub(super) async fn add_gone(&self, own: &Own, settlement: &Settlement) -> Result<(), Error> {
        let version = i32::try_from(settlement.document.version).unwrap_or(i32::MAX);
        self.lose(own, &settlement.gone, version).await
    }

    /// What a document says that somebody has stated; it counts once the document does.
    pub(super) async fn add_stated(&self, settlement: &Settlement) -> Result<(), Error> {
        let Some(row) = &settlement.stated else { return Ok(()) };
        let (tenant, id) = columns(&settlement.recording);
        let document = i32::try_from(row.document).unwrap_or(i32::MAX);
        let (filed, request) = (row.filed.as_str().to_owned(), row.request.to_bytes().to_vec());
        let values = (tenant, id, document, filed, request, row.at.0);
        Ok(self.cql.write(&self.statements.add_stated, values).await?)
    }

    /// The first word on a purpose stays.
    pub(super) async fn lose(&self, own: &Own, gone: &[Gone], version: i32) -> Result<(), Error> {
        let known: BTreeSet<_> = self.gone(own).await?.into_iter().map(|gone| gone.purpose).collect();
        let (tenant, id) = columns(&own.recording.key);
        let new = gone.iter().filter(|gone| !known.contains(&gone.purpose));
        let rows = new.map(|gone| {
            (tenant.clone(), id.clone(), gone.purpose.as_str().to_owned(), gone.reason.clone(), version)
        });
        self.add_all(&self.statements.add_gone, rows).await
    }

    /// Takes away what leads to a recording that needs nothing more. Where that fails the next look does it.
    async fn forget_unsettled(&self, own: &Own, looked_at: Timestamp) {
        let recording = &own.recording;
        let dropped = self.drop_pointer(recording.partition, own.bucket, &recording.key, looked_at).await;
        if let Err(error) = dropped {
            debug!(recording = %recording.key.id, error = chain(&error), "a pointer is left for later");
        }
    }
}
