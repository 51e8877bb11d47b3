//! How a session begins, or goes on: the row, the decision, what is logged, what is answered.

use std::sync::Arc;

use kernel::{EventId, FrameNo, Position, TraceParent, chain};
use proto::common::v1::Grant as WireGrant;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use tracing::{error, warn};

use crate::authority::{Decided, grants, nothing_because, policy_party};
use crate::error::Error;
use crate::flow::{Flow, Flusher};
use crate::intake::OpenCall;
use crate::leg::{Leg, LegLimits};
use crate::meta;
use crate::recorder::{Consent, Recorder, Start};
use crate::records::{Records, id};
use crate::registry::{Held, Left};
use crate::sealer::{Sealer, Seals};
use crate::service::Parts;
use crate::session::{Session, SessionEvent, SessionEventKind, SessionFacts};
use crate::store::{Authorisation, Fence, Opening, Phase, SessionKey, SessionRow, Telling};

/// A session that was opened, and its answer.
pub(crate) struct Opened {
    pub(crate) answer: wire::Opened,
    /// None where nothing of the call is recorded.
    pub(crate) recorder: Option<Box<Recorder>>,
}

impl Parts {
    /// Opens a session for a stream, or takes it over.
    pub(crate) async fn open(
        &self,
        key: SessionKey,
        call: OpenCall,
        trace: Option<TraceParent>,
    ) -> Result<Opened, Error> {
        let level = self.level().await?;
        // Without a key that is valid now nobody could ever open what would be recorded.
        self.keys.active(&key.tenant).await.inspect_err(|error| {
            error!(tenant = %key.tenant, error = chain(error), "a call is refused: no valid epoch key");
        })?;
        let (held, left) = self.registry.hold(&key, call.epoch, self.config.takeover.0).await?;
        // Before the decision, so that no change after it goes unheard.
        let heard = self.watch.subscribe();
        let fence = Fence { key, epoch: call.epoch };
        let row = self.store.open(self.row(&fence, &call)).await?;
        let records = Records::new(fence.key.clone(), row.streams, Arc::clone(&self.clock), trace);
        let mut begun = match &row.authorisation {
            None => self.begin(&fence, &call).await?,
            Some(_) => self.go_on(&row).await?,
        };
        let nothing = nothing_because(begun.session.grants());
        if nothing.is_none() {
            self.start(&fence, &call, &mut begun).await?;
        }
        self.watch.begin_after(begun.consent.version);
        let opened = self.session_opened(&fence, &call, &begun.authorisation()).await;
        self.log_opening(&fence, &records, opened, &begun).await?;
        let mut answer = wire::Opened {
            recording_id: id(fence.key.recording.to_bytes()),
            policy_hash: bytes::Bytes::copy_from_slice(&begun.policy_hash),
            grants: begun.grants.clone(),
            level: level as i32,
            ..wire::Opened::default()
        };
        if let Some(reason) = nothing {
            // Only now: what the log does not have is decided anew when the sender comes again.
            self.store.authorise(&fence, begun.authorisation(), Phase::Rejected).await?;
            warn!(recording = %fence.key.recording, reason = reason.as_str(), "nothing of a call is recorded");
            answer.not_recorded = true;
            answer.media_state = wire::MediaState::Rejected as i32;
            self.registry.forget(&fence.key);
            return Ok(Opened { answer, recorder: None });
        }
        let recorder = self.recorder(Taken { fence, call, row, held, left, heard, level }, begun, records);
        answer.resume = recorder.resume_points();
        answer.media_state = recorder.media_state() as i32;
        answer.window_frames = recorder.window();
        Ok(Opened { answer, recorder: Some(Box::new(recorder)) })
    }

    /// The level that the log's durability deserves.
    async fn level(&self) -> Result<wire::Level, Error> {
        let durability = self.log.durability(&kernel::topics::AUDIO).await?;
        match (durability.is_logged(), self.config.accept_weak_log) {
            (true, _) => Ok(wire::Level::Logged),
            (false, true) => Ok(wire::Level::Spooled),
            (false, false) => Err(Error::WeakLog),
        }
    }

    fn row(&self, fence: &Fence, call: &OpenCall) -> Opening {
        Opening {
            fence: fence.clone(),
            owner: self.instance,
            started_at: call.started_at,
            direction: call.direction,
            language: call.language.clone(),
            parties: call.parties.iter().map(|party| party.role).collect(),
            legs: call.legs.clone(),
            at: self.clock.now(),
        }
    }

    /// A new session: decided on now.
    async fn begin(&self, fence: &Fence, call: &OpenCall) -> Result<Begun, Error> {
        let decided = self.authority.authorise(&fence.key.tenant, call).await?;
        if decided.degraded {
            error!(recording = %fence.key.recording, "a call is opened without consent: its purposes are off");
        }
        let Decided { authorisation, policy, grants, degraded } = decided;
        if nothing_because(&grants).is_none() {
            self.store.authorise(fence, authorisation.clone(), Phase::Open).await?;
        }
        let parties = call.parties.iter().map(|party| policy_party(party.role)).collect();
        let facts = SessionFacts { recording: fence.key.recording, policy, parties };
        let (session, events) = (Session::new(facts, grants), Vec::new());
        Ok(Begun {
            session,
            events,
            grants: authorisation.grants,
            policy_hash: authorisation.policy_hash,
            subjects: authorisation.subjects,
            consent: Consent { version: authorisation.consent_version, degraded, is_behind: false },
        })
    }

    /// The call has started, unless an earlier stream got as far as to say so.
    async fn start(&self, fence: &Fence, call: &OpenCall, begun: &mut Begun) -> Result<(), Error> {
        let is_started = |event: &SessionEvent| event.kind == SessionEventKind::Started;
        if begun.session.events().iter().any(is_started) {
            return Ok(());
        }
        let (id, position, kind) = (EventId::new(), Position::ZERO, SessionEventKind::Started);
        let started = SessionEvent { id, position, derived_error: None, at: call.started_at, kind };
        self.store.record(fence, started.clone(), Telling::Done, begun.consent.version).await?;
        begun.events.extend(begun.session.apply(started).records);
        Ok(())
    }

    /// A session that its row has already: it goes on in the stored state.
    async fn go_on(&self, row: &SessionRow) -> Result<Begun, Error> {
        let key = &row.fence.key;
        let damaged = |what| Error::Damaged { recording: key.recording, what };
        let authorisation = row.authorisation.clone().ok_or_else(|| damaged("the decision"))?;
        let policy = self.authority.policy(&key.tenant, authorisation.policy_hash).await?;
        let grants = grants(&policy, &authorisation.grants).ok_or_else(|| damaged("a grant"))?;
        let parties = row.parties.iter().map(|role| policy_party(*role)).collect();
        let facts = SessionFacts { recording: key.recording, policy, parties };
        let (session, events) = Session::restore(facts, grants, row.events.clone());
        let degraded = authorisation.subjects.len() < row.parties.len();
        Ok(Begun {
            session,
            events,
            grants: authorisation.grants,
            policy_hash: authorisation.policy_hash,
            subjects: authorisation.subjects,
            consent: Consent { version: authorisation.consent_version, degraded, is_behind: true },
        })
    }

    /// What is logged of a call when a stream of it begins, and again when its subjects are known.
    pub(crate) async fn session_opened(
        &self,
        fence: &Fence,
        call: &OpenCall,
        decided: &Authorisation,
    ) -> wire::SessionOpened {
        let subjects = decided.subjects.iter().map(Some).chain(std::iter::repeat(None));
        let parties = call.parties.iter().zip(subjects).map(|(party, subject)| wire::OpenedParty {
            subject_id: subject.map(|subject| id(subject.to_bytes())).unwrap_or_default(),
            role: party.role as i32,
        });
        let legs = call.legs.iter().map(|spec| wire::Leg {
            leg: spec.leg.0.into(),
            codec: spec.codec.name().to_owned(),
            clock_rate: spec.rate,
            party: spec.party,
        });
        wire::SessionOpened {
            recording_id: id(fence.key.recording.to_bytes()),
            session_epoch: fence.epoch.0,
            started_at: call.started_at.0,
            direction: call.direction as i32,
            language: call.language.clone(),
            policy_hash: bytes::Bytes::copy_from_slice(&decided.policy_hash),
            parties: parties.collect(),
            legs: legs.collect(),
            grants: decided.grants.clone(),
            correlation_hmacs: self.correlation_hmacs(fence, call).await,
            instance_id: id(self.instance.to_bytes()),
        }
    }

    /// A call is recorded though it cannot be found by its ids: they are sealed with its metadata.
    async fn correlation_hmacs(&self, fence: &Fence, call: &OpenCall) -> Vec<bytes::Bytes> {
        let ids = [&call.call_id].into_iter().chain(call.correlation.values()).filter(|id| !id.is_empty());
        let values = ids.map(|id| kernel::correlation::hmac_input(id)).collect();
        match self.keys.identifier_hmacs(&fence.key.tenant, values).await {
            Ok(macs) => macs.into_iter().map(bytes::Bytes::from).collect(),
            Err(error) => {
                let recording = fence.key.recording;
                warn!(%recording, error = chain(&error), "a call is opened without ids to find it by");
                Vec::new()
            }
        }
    }

    /// The first records, durable before the sender hears that its call is recorded.
    async fn log_opening(
        &self,
        fence: &Fence,
        records: &Records,
        opened: wire::SessionOpened,
        begun: &Begun,
    ) -> Result<(), Error> {
        let mut events = vec![Event::SessionOpened(opened)];
        events.extend(begun.events.iter().cloned());
        if let Some(reason) = nothing_because(begun.session.grants()) {
            events.push(Event::NotRecorded(wire::NotRecorded {
                recording_id: id(fence.key.recording.to_bytes()),
                reason: reason.as_str().to_owned(),
                grants: begun.grants.clone(),
            }));
        }
        let mut records = records.clone();
        let records: Vec<_> = events.into_iter().map(|event| records.record(event)).collect();
        let append = || async { self.log.append(&kernel::topics::AUDIO, records.clone()).await };
        platform::retry::Backoff::CALL.run(append).await?;
        Ok(())
    }

    fn recorder(&self, taken: Taken, begun: Begun, mut records: Records) -> Recorder {
        let Taken { fence, call, row, held, left, heard, level } = taken;
        records.skip(1 + begun.events.len() as u64);
        let policy = &begun.session.facts().policy;
        let limits = self.leg_limits(policy);
        let is_new = row.authorisation.is_none();
        let left = left.map(|left| left.legs).unwrap_or_default();
        let known = |place: usize| match (left.get(place), row.legs.get(place)) {
            (Some((next, anchor)), _) => (*next, *anchor),
            (None, Some(leg)) => (None, leg.anchor),
            (None, None) => (None, None),
        };
        let legs = call.legs.iter().enumerate().map(|(place, spec)| {
            let (next, anchor) = known(place);
            let next = if is_new { Some(FrameNo(0)) } else { next };
            Leg::new(spec.clone(), limits, next, anchor)
        });
        let seals = Seals {
            fence: fence.clone(),
            writer: self.instance,
            started_at: call.started_at,
            policy_hash: seal::Hash(begun.policy_hash),
            store: Arc::clone(&self.store),
            keys: Arc::clone(&self.keys),
        };
        let flusher = Flusher {
            sealer: Sealer::new(seals, call.legs.clone()),
            records,
            log: Arc::clone(&self.log),
            store: Arc::clone(&self.store),
            fence: fence.clone(),
        };
        let metadata = (!row.meta_sealed).then(|| Arc::new(meta::document(&call)));
        let had_sections = row.legs.iter().map(|leg| leg.sections > 0).collect();
        let flow = Flow::new(flusher, call.legs.len());
        Recorder::new(Start {
            parts: self.clone(),
            fence,
            legs: legs.collect(),
            call,
            session: begun.session,
            subjects: begun.subjects,
            consent: begun.consent,
            had_sections,
            flow,
            held,
            heard,
            metadata,
            level,
        })
    }

    fn leg_limits(&self, policy: &policy::TenantPolicy) -> LegLimits {
        let micros = |period: std::time::Duration| u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        LegLimits {
            span: micros(policy.span),
            hold_back: micros(policy.hold_back),
            reorder_frames: self.config.reorder_frames,
            reorder: micros(self.config.reorder.0),
            frames_per_second: self.config.frames_per_second,
            length: micros(self.config.length.0),
        }
    }

    /// A session that has no stream here, as its row has it.
    pub(crate) async fn restored(&self, row: &SessionRow) -> Result<(Session, Vec<Event>), Error> {
        let begun = self.go_on(row).await?;
        Ok((begun.session, begun.events))
    }
}

/// A session that is decided on, and what is to be logged of it.
struct Begun {
    session: Session,
    events: Vec<Event>,
    grants: Vec<WireGrant>,
    policy_hash: [u8; 32],
    subjects: Vec<kernel::SubjectId>,
    consent: Consent,
}

impl Begun {
    fn authorisation(&self) -> Authorisation {
        Authorisation {
            subjects: self.subjects.clone(),
            grants: self.grants.clone(),
            policy_hash: self.policy_hash,
            consent_version: self.consent.version,
        }
    }
}

/// What an `Open` has taken hold of.
struct Taken {
    fence: Fence,
    call: OpenCall,
    row: SessionRow,
    held: Held,
    left: Option<Left>,
    heard: tokio::sync::broadcast::Receiver<crate::watch::Heard>,
    level: wire::Level,
}
