//! From a call's end to its signed document: when a recording is settled, and how.
//!
//! Every step may be done again. crypto's entries are claimed once, the document is put only where none lies,
//! and its row, the recording's state and the outgoing event are one transaction. So a crash anywhere is
//! finished by doing all of it again, and two instances that seal one recording leave one document.

use std::sync::Arc;

use ::objects::{IfExists, Key, ObjectStore, PutOptions};
use bytes::Bytes;
use kernel::{Clock, Envelope, EventId, SectionNo, Timestamp};
use platform::Instance;
use prost::Message;
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{RecordingAddended, RecordingEvent, RecordingNotRecorded, RecordingSealed};
use seal::signing::DocumentKind as Signed;
use seal::{Hash, SignedDocument, SpanSet};
use tracing::{info, warn};

use crate::completeness::{Completeness, judge};
use crate::config::Config;
use crate::document::{self, ABANDONED};
use crate::error::Error;
use crate::fact::{Gone, RecordingKey};
use crate::mesh::{Mesh, Sealed, Sealing};
use crate::store::{Document, DocumentKind, History, Recording, Settlement, State, Store};
use crate::timeline::{self, Timeline, fold};

/// Settles recordings.
#[derive(Clone)]
pub struct Sealer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) mesh: Mesh,
    pub(crate) instance: Arc<Instance>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
}

/// What a recording needs, by its own row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing yet.
    Wait,
    /// It is closed: look whether every frame is there.
    Judge,
    /// Nothing was heard of it for too long.
    Abandon,
    /// What was begun must be finished.
    Finish,
    /// Late audio needs an addendum.
    Addend,
}

/// What a recording needs now. `heard_since` is from when on everything that the log had was heard: before
/// that, silence says nothing.
pub fn need(row: &Recording, now: Timestamp, heard_since: Timestamp, config: &Config) -> Need {
    match row.state {
        State::Open if row.closed_at.is_some() || !row.refusal.is_empty() => Need::Judge,
        State::Open => {
            let silent_since = row.last_event_at.max(heard_since);
            if now.since(silent_since) >= config.abandon.0 { Need::Abandon } else { Need::Wait }
        }
        State::Sealing => Need::Finish,
        State::Sealed | State::Addended | State::NotRecorded if row.has_unnamed => Need::Addend,
        State::Sealed | State::Addended | State::NotRecorded => Need::Wait,
    }
}

impl Sealer {
    /// Does what a recording needs. Its spans must be in objects.
    pub async fn settle(&self, row: &Recording, heard_since: Timestamp) -> Result<(), Error> {
        match need(row, self.clock.now(), heard_since, &self.config) {
            Need::Wait => Ok(()),
            Need::Judge => self.judge(&row.key).await,
            Need::Abandon => self.abandon(&row.key).await,
            Need::Finish => self.finish(&row.key).await,
            Need::Addend => self.addend(&row.key).await,
        }
    }

    /// Seals a closed recording that is complete, or that has waited long enough for what is missing.
    async fn judge(&self, key: &RecordingKey) -> Result<(), Error> {
        let history = self.history(key).await?;
        let closed_at = history.recording.closed_at.unwrap_or(history.recording.last_event_at);
        let waited = self.clock.now().since(closed_at) >= self.config.gap_wait.0;
        let refused = !history.recording.refusal.is_empty();
        if !refused && !waited && !judge(&history).is_complete() {
            return Ok(());
        }
        self.store.sealing(key, &history.recording.cause, history.duration()).await?;
        self.finish(key).await
    }

    /// Fences the session, so that nothing is added any more, and seals what there is.
    async fn abandon(&self, key: &RecordingKey) -> Result<(), Error> {
        self.mesh.fence(key).await?;
        let history = self.history(key).await?;
        self.store.sealing(key, ABANDONED, history.duration()).await?;
        warn!(recording = %key.id, "an open recording fell silent and is sealed as abandoned");
        self.finish(key).await
    }

    /// Entries, document, row and event of a recording that is being sealed.
    async fn finish(&self, key: &RecordingKey) -> Result<(), Error> {
        let history = self.history(key).await?;
        let (timeline, judged) = (fold(&history), judge(&history));
        if history.audio().next().is_none() {
            return self.settle_not_recorded(&history, &timeline, &judged).await;
        }
        let sealed = self.write_entries(&history, &timeline, &judged).await?;
        let manifest = document::manifest(&history, &timeline, &judged);
        let placed = self.place(&history, 1, Signed::Manifest, manifest.encode()?).await?;
        let manifest = seal::Manifest::decode(placed.signed.unverified_payload())?;
        let complete = manifest.completeness == seal::manifest::Completeness::Complete;
        let mut regimes: Vec<_> =
            manifest.objects.iter().flat_map(|o| &o.regimes).map(ToString::to_string).collect();
        regimes.sort_unstable();
        regimes.dedup();
        let event = Event::Sealed(RecordingSealed {
            recording_id: key.id.to_bytes().to_vec(),
            complete,
            started_at: manifest.started_at.0,
            duration: history.duration().0,
            policy_hash: manifest.policy_hash.0.to_vec(),
            document_hash: placed.document.sha256.0.to_vec(),
            document_name: placed.document.name.to_string(),
            purposes: sealed.purposes.iter().map(ToString::to_string).collect(),
            regimes,
        });
        let objects = manifest.objects.iter().map(|row| row_name(key, row)).collect::<Result<_, _>>()?;
        info!(recording = %key.id, complete, purposes = sealed.purposes.len(), "a recording is sealed");
        self.store
            .settle(Settlement {
                recording: key.clone(),
                state: State::Sealed,
                complete,
                document: placed.document,
                objects,
                gone: gone(timeline::gone(&history, &timeline), sealed.gone),
                event: self.envelope(key, 1, "verbale.recording.sealed", event),
            })
            .await?;
        Ok(())
    }

    /// What was stored after the document, under the timeline as it was frozen.
    async fn addend(&self, key: &RecordingKey) -> Result<(), Error> {
        let history = self.history(key).await?;
        let (timeline, judged) = (fold(&history), judge(&history));
        let Some(addendum) = document::addendum(&history, &timeline, &judged) else { return Ok(()) };
        let sealed = self.write_entries(&history, &timeline, &judged).await?;
        let version = addendum.number + 1;
        let placed = self.place(&history, version, Signed::Addendum, addendum.encode()?).await?;
        let addendum = seal::Addendum::decode(placed.signed.unverified_payload())?;
        let seal::manifest::AddendumChange::Filled { completeness, objects, .. } = addendum.change else {
            return Err(Error::Document { recording: key.id, name: placed.document.name });
        };
        let event = Event::Addended(RecordingAddended {
            recording_id: key.id.to_bytes().to_vec(),
            document_hash: placed.document.sha256.0.to_vec(),
            document_name: placed.document.name.to_string(),
        });
        info!(recording = %key.id, version, "late audio of a sealed recording has its addendum");
        self.store
            .settle(Settlement {
                recording: key.clone(),
                state: State::Addended,
                complete: completeness == seal::manifest::Completeness::Complete,
                document: placed.document,
                objects: objects.iter().map(|row| row_name(key, row)).collect::<Result<_, _>>()?,
                gone: gone(timeline::gone(&history, &timeline), sealed.gone),
                event: self.envelope(key, version, "verbale.recording.addended", event),
            })
            .await?;
        Ok(())
    }

    async fn settle_not_recorded(
        &self,
        history: &History,
        timeline: &Timeline,
        judged: &Completeness,
    ) -> Result<(), Error> {
        let key = &history.recording.key;
        if !history.sections.is_empty() {
            // Metadata may have been sealed for a basis under which nothing was then said: no purpose keeps it.
            self.seal_with(history, timeline, judged, Vec::new()).await?;
        }
        let record = document::not_recorded(history);
        let placed = self.place(history, 1, Signed::NotRecorded, record.encode()?).await?;
        let event = Event::NotRecorded(RecordingNotRecorded {
            recording_id: key.id.to_bytes().to_vec(),
            reason: document::refusal(history),
            document_hash: placed.document.sha256.0.to_vec(),
            document_name: placed.document.name.to_string(),
        });
        info!(recording = %key.id, reason = record.reason.as_str(), "a call was not recorded");
        self.store
            .settle(Settlement {
                recording: key.clone(),
                state: State::NotRecorded,
                complete: judged.is_complete(),
                document: placed.document,
                objects: history.objects.iter().map(|object| object.name.clone()).collect(),
                gone: timeline::gone(history, timeline),
                event: self.envelope(key, 1, "verbale.recording.not-recorded", event),
            })
            .await?;
        Ok(())
    }

    async fn write_entries(
        &self,
        history: &History,
        timeline: &Timeline,
        judged: &Completeness,
    ) -> Result<Sealed, Error> {
        self.seal_with(history, timeline, judged, timeline::entries(history, timeline)).await
    }

    async fn seal_with(
        &self,
        history: &History,
        timeline: &Timeline,
        judged: &Completeness,
        entries: Vec<timeline::PlannedEntry>,
    ) -> Result<Sealed, Error> {
        let seen = history.sections.iter().map(|row| {
            let (leg, section) = (row.began.leg, row.began.section);
            Ok((leg, section, stored(history, leg, section)?))
        });
        let sealing = Sealing {
            recording: history.recording.key.clone(),
            entries,
            complete: judged.is_complete(),
            seen: seen.collect::<Result<_, Error>>()?,
            policy: history.recording.policy_hash,
            timeline: timeline::timeline_hash(timeline),
            span_table: timeline::span_table_hash(&history.spans),
        };
        self.mesh.seal(&sealing).await
    }

    /// Puts a signed document where none lies; where one does, that is the document.
    async fn place(
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
            legal_hold: ::objects::LegalHold::Off,
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

    async fn history(&self, key: &RecordingKey) -> Result<History, Error> {
        self.store.history(key).await?.ok_or(Error::NotFound(key.id))
    }

    /// The event's id comes of the document's name, so that a second attempt is the same event.
    fn envelope(&self, key: &RecordingKey, version: u32, kind: &str, event: Event) -> Envelope {
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

/// A document that lies in its place.
struct Placed {
    document: Document,
    signed: SignedDocument,
}

/// What a signed document is to its recording; none where it is no recording's.
fn document_kind(kind: Signed) -> Option<DocumentKind> {
    match kind {
        Signed::Manifest => Some(DocumentKind::Manifest),
        Signed::NotRecorded => Some(DocumentKind::NotRecorded),
        Signed::Addendum => Some(DocumentKind::Addendum),
        Signed::Receipt | Signed::Heartbeat => None,
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
            let addendum = seal::Addendum::decode(payload)?;
            (addendum.tenant, addendum.recording)
        }
        Signed::Receipt | Signed::Heartbeat => return Ok(false),
    };
    Ok((tenant, recording) == (key.tenant.clone(), key.id))
}

fn stored(history: &History, leg: kernel::LegNo, section: SectionNo) -> Result<SpanSet, Error> {
    let own = history.spans.iter().filter(|span| span.leg == leg && span.section == section);
    Ok(SpanSet::from_spans(own.map(|span| span.span))?)
}

fn row_name(key: &RecordingKey, row: &seal::manifest::ObjectRow) -> Result<Key, Error> {
    let section = seal::SectionAddress { recording: key.id, leg: row.leg, section: row.section };
    let name = seal::ObjectName { tenant: key.tenant.clone(), section, first_span: row.first_span };
    Ok(Key::new(name.to_string()).map_err(::objects::Error::from)?)
}

/// crypto's reasons are newer than the timeline's: it asked consent.
fn gone(by_timeline: Vec<Gone>, by_crypto: Vec<Gone>) -> Vec<Gone> {
    let known = |gone: &Gone| by_crypto.iter().any(|other| other.purpose == gone.purpose);
    let mut all: Vec<_> = by_timeline.into_iter().filter(|gone| !known(gone)).collect();
    all.extend(by_crypto);
    all
}

#[cfg(test)]
mod tests;
