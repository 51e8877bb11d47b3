//! Signed documents into their places: put where none lies; where one does, that is the document.
//!
//! What follows from an addendum that erases, or that says what somebody has stated, is all in the addendum, so that
//! whoever finds one that was placed and never settled can bring it to its end.

use std::sync::Arc;

use ::objects::{IfExists, Key, LegalHold, ObjectStore, PutOptions};
use bytes::Bytes;
use kernel::{Clock, Envelope, ErasureId, EventId, RequestId};
use platform::Instance;
use prost::Message;
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{RecordingAddended, RecordingEvent};
use seal::manifest::{AddendumChange, ErasedSpans, ReasonCode};
use seal::receipt::PlainCode;
use seal::signing::DocumentKind as Signed;
use seal::{Addendum, Hash, SignedDocument};
use tracing::info;

use crate::document;
use crate::erased;
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::store::{Document, DocumentKind, ErasedRow, History, Settlement, State, StatementRow, Store};

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

    /// Settles an addendum from which all follows that it makes of its recording, whoever placed it: what was erased, what
    /// somebody has stated. Nothing where it says that audio came late, which takes a sealer.
    pub(crate) async fn settle_said(&self, history: &History, placed: &Placed) -> Result<(), Error> {
        match Addendum::decode(placed.signed.unverified_payload())?.change {
            AddendumChange::Erased { reason, ledger, spans, .. } => {
                let erasure = ErasureId::from_bytes(ledger.to_bytes());
                self.settle_erased(history, placed, erasure, &reason, spans).await
            }
            AddendumChange::Stated { filed, request } => {
                self.settle_stated(history, placed, request, filed).await
            }
            AddendumChange::Filled { .. } => Ok(()),
        }
    }

    async fn settle_erased(
        &self,
        history: &History,
        placed: &Placed,
        erasure: ErasureId,
        reason: &ReasonCode,
        spans: Vec<ErasedSpans>,
    ) -> Result<(), Error> {
        let (recording, version) = (history.recording.key.id, placed.document.version);
        let row = |row: ErasedSpans| ErasedRow {
            leg: row.leg,
            section: row.section,
            spans: row.spans,
            reason: reason.clone(),
            // By whom ever it is settled, it is told alike.
            at: placed.signed.signed_at(),
            erasure,
            document: version,
        };
        let rows: Vec<_> = spans.into_iter().map(row).collect();
        let mut all = erased::named(history);
        rows.iter().for_each(|row| erased::add(&mut all, (row.leg, row.section), &row.spans));
        let everything = erased::is_everything(history, &all);
        info!(recording = %recording, version, everything, "an erasure has its addendum");
        let state = if everything { State::Erased } else { State::Addended };
        let settlement = Settlement { state, erased: rows, ..self.settlement(history, placed) };
        Ok(self.store.settle(settlement).await?)
    }

    async fn settle_stated(
        &self,
        history: &History,
        placed: &Placed,
        request: RequestId,
        filed: PlainCode,
    ) -> Result<(), Error> {
        let (recording, version) = (history.recording.key.id, placed.document.version);
        let row = StatementRow { filed, request, at: placed.signed.signed_at(), document: version };
        info!(recording = %recording, version, request = %request, "a statement has its addendum");
        let settlement = Settlement { stated: Some(row), ..self.settlement(history, placed) };
        Ok(self.store.settle(settlement).await?)
    }

    /// What an addendum comes to that names no object, erases nothing and states nothing.
    fn settlement(&self, history: &History, placed: &Placed) -> Settlement {
        let recording = &history.recording;
        Settlement {
            recording: recording.key.clone(),
            // What nobody can open stays so, whatever else is said of it.
            state: if recording.state == State::Erased { State::Erased } else { State::Addended },
            complete: recording.complete.unwrap_or_default(),
            event: self.addended(&recording.key, &placed.document),
            document: placed.document.clone(),
            objects: Vec::new(),
            gone: Vec::new(),
            erased: Vec::new(),
            stated: None,
        }
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
