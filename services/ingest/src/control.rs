//! Beside the stream: controls, what is known of a session, archive's fence.
//!
//! A control goes to the stream that holds the session, which acts in memory at once; where another instance owns
//! the session, to that one. Where there is no stream, or no way to it, the row is written here and the log after
//! it, in the session's turn, so that no stream comes in between; the next one then begins in that state, and an
//! owner that still runs hears of it by a knock. So no restriction is refused for want of the owner.

use kernel::{Position, Retry, Timestamp, chain};
use proto::ingest::v1 as wire;
use tokio::sync::oneshot;
use tracing::warn;

use crate::appender::append_patiently;
use crate::error::{Cause, Error};
use crate::intake::{CallerEvent, CallerEventKind, elapsed};
use crate::owners::Came;
use crate::recorder::{applied, owed, refused, session_kind};
use crate::records::{Records, id};
use crate::registry::{COMMANDS, Command, Given, SeenState};
use crate::service::Parts;
use crate::session::{Session, SessionEvent, SessionEventKind};
use crate::store::{Phase, SessionKey, SessionRow, Telling};

/// How often a control looks for the stream anew, when one comes or goes just then.
const ATTEMPTS: usize = 3;

impl Parts {
    /// Applies an event to a session from beside its stream.
    pub(crate) async fn control(
        &self,
        key: &SessionKey,
        event: CallerEvent,
        came: &Came,
    ) -> Result<(wire::Applied, wire::MediaState), Error> {
        for _ in 0..ATTEMPTS {
            let (answer, answered) = oneshot::channel();
            match self.registry.command(key, Command::Event { event: event.clone(), answer }) {
                Given::Taken => {
                    // A stream that ended just then has dropped the command.
                    if let Ok(done) = answered.await {
                        return done;
                    }
                }
                Given::Full => {
                    return Err(Error::Full { what: "commands to a session", bound: COMMANDS as u64 });
                }
                Given::NoStream => {
                    if let Some(done) = self.handed_on(key, &event, came).await? {
                        return Ok(done);
                    }
                    if let Some(_turn) = self.registry.quiet_turn(key).await? {
                        return self.control_quiet(key, &event).await;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(Error::Held(key.recording))
    }

    /// What the session's owner answers, where that is another instance. Where it does not, only what needs no
    /// answer of it may go on: what takes something away, and what is kept for consent.
    async fn handed_on(
        &self,
        key: &SessionKey,
        event: &CallerEvent,
        came: &Came,
    ) -> Result<Option<(wire::Applied, wire::MediaState)>, Error> {
        let Came::Directly(control) = came else { return Ok(None) };
        let Some(row) = self.store.load(key).await? else { return Ok(None) };
        if row.phase.over().is_some() || !self.is_elsewhere(&row) {
            return Ok(None);
        }
        event.check_wall_time(row.started_at)?;
        match self.hand_on(key, &row.owner_address, (**control).clone()).await {
            Ok(wire::ControlResponse { applied: Some(applied), media_state }) => {
                Ok(Some((applied, wire::MediaState::try_from(media_state).unwrap_or_default())))
            }
            Ok(wire::ControlResponse { applied: None, .. }) => {
                Err(unowned("an answer without its event".into()))
            }
            Err(status) if needs_owner(event) => Err(unowned(status.into())),
            Err(status) => {
                let (recording, owner) = (key.recording, row.owner);
                warn!(%recording, %owner, error = chain(&status), "a session's owner is not reached");
                Ok(None)
            }
        }
    }

    /// A session without a stream here.
    async fn control_quiet(
        &self,
        key: &SessionKey,
        event: &CallerEvent,
    ) -> Result<(wire::Applied, wire::MediaState), Error> {
        let row = self.store.load(key).await?.ok_or(Error::NoSession(key.recording))?;
        if let Some(reason) = row.phase.over() {
            return Err(Error::Over { recording: key.recording, reason });
        }
        if self.is_elsewhere(&row) && needs_owner(event) {
            return Err(unowned("the session is another instance's".into()));
        }
        event.check_wall_time(row.started_at)?;
        let (mut session, _) = self.restored(&row).await?;
        let (position, derived_error) = self.place_quiet(&row, event);
        let kind = match event.kind.clone() {
            Ok(kind) => session_kind(kind, event.id),
            Err(code) => return Ok((refused(event.id, position, code), state(&session, &row))),
        };
        let by_position = row.started_at.plus(std::time::Duration::from_micros(position.0));
        let at = if event.wall_time.0 > 0 { event.wall_time } else { by_position };
        // consent's word is needed for a grant: it is kept, told by the sweep, and in force with the next stream.
        let placed = owed(SessionEvent { id: event.id, position, derived_error, at, kind }, &session);
        let placed = self.acting_unseen(&session, placed, row.started_at);
        let done = session.apply(placed.clone());
        if let Some(code) = done.refused {
            return Ok((refused(event.id, done.position, code), state(&session, &row)));
        }
        if done.unkept {
            return Ok((applied(event.id, done.position), state(&session, &row)));
        }
        let telling = telling(&placed, &session);
        let version = row.authorisation.as_ref().map_or(0, |decided| decided.consent_version);
        let is_restrictive = placed.is_restrictive();
        if self.is_elsewhere(&row) {
            self.store.record_beside(&row.fence, placed, telling, version, self.clock.now()).await?;
        } else {
            self.store.record(&row.fence, placed, telling, version).await?;
        }
        self.log_quiet(&row, done.records).await?;
        let mut answer = applied(event.id, done.position);
        answer.pending = match done.repeated {
            true => session.owed().iter().any(|owed| owed.id == event.id),
            false => telling == Telling::Owed && !is_restrictive,
        };
        // Whatever was stored before is behind this session's broken stream.
        answer.reached_stored = is_restrictive && row.legs.iter().any(|leg| leg.sections > 0);
        Ok((answer, state(&session, &row)))
    }

    /// What is known of a session.
    pub(crate) async fn session(&self, key: &SessionKey) -> Result<wire::Session, Error> {
        let row = self.store.load(key).await?.ok_or(Error::NoSession(key.recording))?;
        self.describe(&row).await
    }

    /// Fences a session that is to be sealed as abandoned, and logs again what a crash may have kept from the
    /// log.
    pub(crate) async fn fence(&self, key: &SessionKey) -> Result<wire::Session, Error> {
        let row = self.store.fence(key, self.clock.now()).await?;
        self.registry.fenced(key);
        if row.phase == Phase::Abandoned && row.authorisation.is_some() {
            let (_, events) = self.restored(&row).await?;
            self.log_quiet(&row, events).await?;
        }
        self.describe(&row).await
    }

    async fn log_quiet(&self, row: &SessionRow, events: Vec<wire::audio_event::Event>) -> Result<(), Error> {
        let mut records = Records::beside(row, std::sync::Arc::clone(&self.clock));
        let records: Vec<_> = events.into_iter().map(|event| records.record(event)).collect();
        // Nothing of it is sealed.
        append_patiently(&self.appender, records, Vec::new()).await.map(drop)
    }

    fn place_quiet(&self, row: &SessionRow, event: &CallerEvent) -> (Position, Option<u64>) {
        if let Some(position) = event.position {
            return (position, None);
        }
        let since = event.wall_time.0.saturating_sub(row.started_at.0);
        let error = u64::try_from(self.config.derived_error.0.as_micros()).unwrap_or(u64::MAX);
        (Position(u64::try_from(since).unwrap_or(0)), Some(error))
    }

    /// An event in a call of which no frame says where it is. A restriction from further ahead than a clock may be acts
    /// where the call is by this instance's clock; any other is where its sender says.
    pub(crate) fn acting_unseen(
        &self,
        session: &Session,
        event: SessionEvent,
        started_at: Timestamp,
    ) -> SessionEvent {
        let elapsed = elapsed(self.clock.now(), started_at);
        let now = Position(u64::try_from(elapsed).unwrap_or(0));
        let ahead = u64::try_from(self.config.clock_ahead.0.as_micros()).unwrap_or(u64::MAX);
        if event.position <= now.plus(ahead) { event } else { session.acting_by(event, now) }
    }

    async fn describe(&self, row: &SessionRow) -> Result<wire::Session, Error> {
        let seen = self.registry.seen(&row.fence.key);
        let (media, consent) = match &row.authorisation {
            None => (phase_state(row.phase), wire::ConsentState::Unknown),
            Some(_) => {
                let (session, _) = self.restored(row).await?;
                (with_suspicion(state(&session, row), seen.as_ref()), session.consent_state())
            }
        };
        let evidence = match row.phase {
            Phase::Opening | Phase::Open => wire::EvidenceState::Open,
            Phase::Ended | Phase::Abandoned | Phase::Rejected => wire::EvidenceState::Sealing,
        };
        let next = seen.map(|seen| seen.next_frames).unwrap_or_default();
        let resume = row.legs.iter().enumerate().map(|(place, leg)| wire::ResumePoint {
            leg: leg.spec.leg.0.into(),
            next_frame: next.get(place).map_or(0, |next| next.0),
        });
        Ok(wire::Session {
            recording_id: id(row.fence.key.recording.to_bytes()),
            session_epoch: row.fence.epoch.0,
            media_state: media as i32,
            consent_state: consent as i32,
            evidence_state: evidence as i32,
            resume: resume.collect(),
            fenced: row.phase == Phase::Abandoned,
        })
    }
}

/// Whether an event may be taken by the session's owner only: what gives something back depends on everything that
/// the owner has in memory.
fn needs_owner(event: &CallerEvent) -> bool {
    match &event.kind {
        Ok(CallerEventKind::Resume | CallerEventKind::MarkBegin(_)) => true,
        Ok(
            CallerEventKind::NoticePlayed(_)
            | CallerEventKind::Consent { .. }
            | CallerEventKind::Pause { .. }
            | CallerEventKind::MarkEnd(_)
            | CallerEventKind::Stop { .. }
            | CallerEventKind::RightRequested { .. },
        )
        | Err(_) => false,
    }
}

fn unowned(source: Cause) -> Error {
    Error::Role {
        role: "ingest",
        attempt: "change another instance's session",
        retry: Retry::Backoff,
        source,
    }
}

/// Whether consent is to hear of an event.
fn telling(event: &SessionEvent, session: &Session) -> Telling {
    let is_consents = match &event.kind {
        SessionEventKind::Consent { .. } | SessionEventKind::ConsentOwed { .. } => true,
        _ => event.notice().is_some() && !session.asked().is_empty(),
    };
    if is_consents { Telling::Owed } else { Telling::Done }
}

fn state(session: &Session, row: &SessionRow) -> wire::MediaState {
    match row.phase {
        Phase::Open => session.media_state(),
        Phase::Opening | Phase::Ended | Phase::Abandoned | Phase::Rejected => phase_state(row.phase),
    }
}

fn phase_state(phase: Phase) -> wire::MediaState {
    match phase {
        Phase::Opening => wire::MediaState::Opening,
        Phase::Open => wire::MediaState::Active,
        Phase::Ended => wire::MediaState::Ended,
        Phase::Abandoned => wire::MediaState::Abandoned,
        Phase::Rejected => wire::MediaState::Rejected,
    }
}

fn with_suspicion(state: wire::MediaState, seen: Option<&SeenState>) -> wire::MediaState {
    match (state, seen) {
        (wire::MediaState::Active, Some(seen)) if seen.suspect => wire::MediaState::Suspect,
        (state, _) => state,
    }
}
