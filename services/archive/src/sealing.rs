//! From a call's end to its signed document: when a recording is settled, and how.
//!
//! Every step may be done again. crypto's entries are claimed once, the document is put only where none lies,
//! and its row, the recording's state and the outgoing event are one transaction. So a crash anywhere is
//! finished by doing all of it again, and two instances that seal one recording leave one document.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::objects::Key;
use kernel::{Clock, PurposeName, SectionNo, Timestamp};
use proto::archive::v1::recording_event::Event;
use proto::archive::v1::{MarkEnded, RecordingNotRecorded, RecordingSealed, SealedPurpose};
use seal::SpanSet;
use seal::manifest::AddendumChange;
use seal::signing::DocumentKind as Signed;
use tracing::{info, warn};

use crate::completeness::{Completeness, judge};
use crate::config::Config;
use crate::document::{self, ABANDONED};
use crate::error::Error;
use crate::fact::{Gone, RecordingKey};
use crate::mesh::{Mesh, Sealed, Sealing};
use crate::placing::{Placed, Placer};
use crate::store::{History, Recording, Settlement, State, Store};
use crate::timeline::{self, Timeline, fold};

/// Settles recordings.
#[derive(Clone)]
pub struct Sealer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) placer: Placer,
    pub(crate) mesh: Mesh,
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
        State::Sealed | State::Addended | State::NotRecorded | State::Erased if row.has_unnamed => {
            Need::Addend
        }
        State::Sealed | State::Addended | State::NotRecorded | State::Erased => Need::Wait,
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
        let placed = self.placer.place(&history, 1, Signed::Manifest, manifest.encode()?).await?;
        let manifest = seal::Manifest::decode(placed.signed.unverified_payload())?;
        let complete = manifest.completeness == seal::manifest::Completeness::Complete;
        let mut regimes: Vec<_> =
            manifest.objects.iter().flat_map(|o| &o.regimes).map(ToString::to_string).collect();
        regimes.sort_unstable();
        regimes.dedup();
        let gone = gone(timeline::gone(&history, &timeline), sealed.gone);
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
            parties: parties(&history),
            kept: sealed.purposes.iter().filter_map(|purpose| kept(&timeline, purpose)).collect(),
            marks: marks(&history, manifest.started_at),
            gone: gone.iter().map(|gone| gone.purpose.to_string()).collect(),
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
                gone,
                erased: Vec::new(),
                stated: None,
                event: self.placer.envelope(key, 1, "verbale.recording.sealed", event),
            })
            .await?;
        Ok(())
    }

    /// What was stored after the document, under the timeline as it was frozen. Where an erasure or a statement has placed
    /// the next document and not settled it, that is settled instead, and what was stored is still owed.
    pub(crate) async fn addend(&self, key: &RecordingKey) -> Result<(), Error> {
        let history = self.history(key).await?;
        // Another was faster: an addendum that adds nothing is none.
        if history.objects.iter().all(|object| object.document.is_some()) {
            return Ok(());
        }
        let (timeline, judged) = (fold(&history), judge(&history));
        let Some(addendum) = document::addendum(&history, &timeline, &judged) else { return Ok(()) };
        let sealed = self.write_entries(&history, &timeline, &judged).await?;
        let version = addendum.number + 1;
        let placed = self.placer.place(&history, version, Signed::Addendum, addendum.encode()?).await?;
        let addendum = seal::Addendum::decode(placed.signed.unverified_payload())?;
        let AddendumChange::Filled { completeness, objects, .. } = addendum.change else {
            return self.placer.settle_said(&history, &placed).await;
        };
        // What comes late to a recording that was erased opens for nobody, most likely.
        let stays_erased = history.recording.state == State::Erased && sealed.purposes.is_empty();
        let state = if stays_erased { State::Erased } else { State::Addended };
        info!(recording = %key.id, version, "late audio of a sealed recording has its addendum");
        self.store
            .settle(Settlement {
                recording: key.clone(),
                state,
                complete: completeness == seal::manifest::Completeness::Complete,
                event: self.placer.addended(key, &placed.document),
                document: placed.document,
                objects: objects.iter().map(|row| row_name(key, row)).collect::<Result<_, _>>()?,
                gone: gone(timeline::gone(&history, &timeline), sealed.gone),
                erased: Vec::new(),
                stated: None,
            })
            .await?;
        Ok(())
    }

    /// Brings an addendum that lies in its place to its end, whoever placed it.
    pub(crate) async fn settle_addendum(&self, history: &History, placed: &Placed) -> Result<(), Error> {
        match seal::Addendum::decode(placed.signed.unverified_payload())?.change {
            AddendumChange::Filled { .. } => self.addend(&history.recording.key).await,
            AddendumChange::Erased { .. } | AddendumChange::Stated { .. } => {
                self.placer.settle_said(history, placed).await
            }
        }
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
        let placed = self.placer.place(history, 1, Signed::NotRecorded, record.encode()?).await?;
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
                erased: Vec::new(),
                stated: None,
                event: self.placer.envelope(key, 1, "verbale.recording.not-recorded", event),
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

    pub(crate) async fn history(&self, key: &RecordingKey) -> Result<History, Error> {
        self.store.history(key).await?.ok_or(Error::NotFound(key.id))
    }
}

/// Who takes part, each once.
fn parties(history: &History) -> Vec<Vec<u8>> {
    let subjects: BTreeSet<_> = history.parties.iter().map(|party| party.subject.to_bytes()).collect();
    subjects.into_iter().map(Vec::from).collect()
}

fn kept(timeline: &Timeline, purpose: &PurposeName) -> Option<SealedPurpose> {
    let basis = timeline.basis(purpose)?.number();
    Some(SealedPurpose { purpose: purpose.to_string(), basis })
}

fn marks(history: &History, started_at: Timestamp) -> Vec<MarkEnded> {
    let ends = timeline::mark_ends(history).into_iter();
    let ended = ends.map(|(label, end)| MarkEnded {
        label: label.to_string(),
        at: started_at.plus(Duration::from_micros(end.0)).0,
    });
    ended.collect()
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
