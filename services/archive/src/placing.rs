//! Signed documents into their places: put where none lies; where one does, that is the document.
//!
//! What follows from an addendum that erases is all in the addendum, so that whoever finds one that was placed and never
//! settled can bring it to its end.

use std::sync::Arc;

use ::objects::{IfExists, Key, LegalHold, ObjectStore, PutOptions};
use bytes::Bytes;
use kernel::{Clock, Envelope, ErasureId, EventId};
use platform::Instance;
use prost::Message;
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{RecordingAddended, RecordingEvent};
use seal::manifest::AddendumChange;
use seal::signing::DocumentKind as Signed;
use seal::{Addendum, Hash, SignedDocument};
use tracing::info;

use crate::document;
use crate::erased;
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::store::{Document, DocumentKind, ErasedRow, History, Settlement, State, Store};

/// Places documents.
#[derive(Clone)]
pub struct Placer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A document that lies in its place.
pub(crate) struct Placed {
    pub(crate) document: Document,
    pub(crate) signed: SignedDocument,
}

impl Placer {
    /// Puts a signed document where none lies; where one does, that is the document.
    pub(crate) async fn place(
        &self,
        history: &History,
        version: u32,
        kind: Signed,
        payload: Vec<u8>,
    ) -> Result<Placed, Error> {
        let (key, now) = (&history.recording.key, self.clock.now());
        let name = document::name(key, version);
        let row_kind =
            document_kind(kind).ok_or_else(|| Error::Document { recording: key.id, name: name.clone() })?;
        let signed = self.instance.sign(kind, payload, now)?;
        let bytes = Bytes::from(signed.encode()?);
        let lock = history.objects.iter().filter_map(|object| object.lock_until).max();
        let options = PutOptions {
            if_exists: IfExists::Refuse,
            // A lock that would have ended already, as of an imported call, is none.
            retain_until: lock.filter(|until| *until > now),
            legal_hold: LegalHold::Off,
        };
        let (signed, sha256) = match self.objects.put(&name, bytes, options).await {
            Ok(done) => (signed, Hash(done.sha256)),
            Err(::objects::Error::AlreadyExists { .. }) => self.placed_before(key, &name, kind).await?,
            Err(error) => return Err(error.into()),
        };
        let document = Document { version, kind: row_kind, name, sha256, at: now };
        Ok(Placed { document, signed })
    }

    async fn placed_before(
        &self,
        key: &RecordingKey,
        name: &Key,
        kind: Signed,
    ) -> Result<(SignedDocument, Hash), Error> {
        let object = self.objects.get(name, None, None).await?;
        let signed = SignedDocument::decode(&object.bytes)?;
        if signed.kind() != kind || !is_about(&signed, key)? {
            return Err(Error::Document { recording: key.id, name: name.clone() });
        }
        Ok((signed, Hash(object.head.sha256)))
    }

    /// Settles an addendum that says what was erased, whoever placed it; nothing where it says something else.
    pub(crate) async fn settle_erased(&self, history: &History, placed: &Placed) -> Result<(), Error> {
        let key = &history.recording.key;
        let addendum = Addendum::decode(placed.signed.unverified_payload())?;
        let AddendumChange::Erased { reason, ledger, spans, .. } = addendum.change else { return Ok(()) };
        let document = placed.document.clone();
        let row = |row: seal::manifest::ErasedSpans| ErasedRow {
            leg: row.leg,
            section: row.section,
            spans: row.spans,
            reason: reason.clone(),
            // By whom ever it is settled, it is told alike.
            at: placed.signed.signed_at(),
            erasure: ErasureId::from_bytes(ledger.to_bytes()),
            document: document.version,
        };
        let rows: Vec<_> = spans.into_iter().map(row).collect();
        let mut all = erased::named(history);
        rows.iter().for_each(|row| erased::add(&mut all, (row.leg, row.section), &row.spans));
        let everything = erased::is_everything(history, &all);
        info!(recording = %key.id, version = document.version, everything, "an erasure has its addendum");
        self.store
            .settle(Settlement {
                recording: key.clone(),
                state: if everything { State::Erased } else { State::Addended },
                complete: history.recording.complete.unwrap_or_default(),
                event: self.addended(key, &document),
                document,
                objects: Vec::new(),
                gone: Vec::new(),
                erased: rows,
            })
            .await?;
        Ok(())
    }

    /// That a recording has an addendum.
    pub(crate) fn addended(&self, key: &RecordingKey, document: &Document) -> Envelope {
        let event = Event::Addended(RecordingAddended {
            recording_id: key.id.to_bytes().to_vec(),
            document_hash: document.sha256.0.to_vec(),
            document_name: document.name.to_string(),
        });
        self.envelope(key, document.version, "verbale.recording.addended", event)
    }

    /// The event's id comes of the document's name, so that a second attempt is the same event.
    pub(crate) fn envelope(&self, key: &RecordingKey, version: u32, kind: &str, event: Event) -> Envelope {
        let hash = Hash::of(document::name(key, version).as_str().as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.0[..16]);
        Envelope {
            id: EventId::from_bytes(id),
            kind: kind.to_owned(),
            tenant: key.tenant.clone(),
            aggregate: key.id.to_string(),
            version: version.into(),
            at: self.clock.now(),
            trace: None,
            payload: RecordingEvent { event: Some(event) }.encode_to_vec(),
        }
    }
}

/// What a signed document is to its recording; none where it is no recording's.
fn document_kind(kind: Signed) -> Option<DocumentKind> {
    match kind {
        Signed::Manifest => Some(DocumentKind::Manifest),
        Signed::NotRecorded => Some(DocumentKind::NotRecorded),
        Signed::Addendum => Some(DocumentKind::Addendum),
        Signed::Receipt | Signed::Heartbeat | Signed::Package => None,
    }
}

fn is_about(signed: &SignedDocument, key: &RecordingKey) -> Result<bool, Error> {
    let payload = signed.unverified_payload();
    let (tenant, recording) = match signed.kind() {
        Signed::Manifest => {
            let manifest = seal::Manifest::decode(payload)?;
            (manifest.tenant, manifest.recording)
        }
        Signed::NotRecorded => {
            let record = seal::NotRecorded::decode(payload)?;
            (record.tenant, record.recording)
        }
        Signed::Addendum => {
            let addendum = Addendum::decode(payload)?;
            (addendum.tenant, addendum.recording)
        }
        Signed::Receipt | Signed::Heartbeat | Signed::Package => return Ok(false),
    };
    Ok((tenant, recording) == (key.tenant.clone(), key.id))
}

#[cfg(test)]
mod tests;
