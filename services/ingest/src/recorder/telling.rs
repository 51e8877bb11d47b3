//! Consent that was given while consent was away: told again and again, in force from when it is taken.
//!
//! The role's sweep tells what is owed as well, also for sessions without a stream; consent takes each event once.
//! Here the stream learns that it was taken: by the answer, or by the change that consent tells of.

use futures::FutureExt;
use kernel::{EventId, Position};
use proto::consent::v1::ConsentScope;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Recorder;
use super::acts::Reply;
use crate::authority::NotTaken;
use crate::intake::ConsentAct;
use crate::leg::Leg;
use crate::said::{Act, Moment, Said, derived_id};
use crate::session::{SessionEvent, SessionEventKind};

/// The count by which the event that puts owed consent in force is derived: no number of purposes.
const IN_FORCE: u64 = 1 << 32;

/// What consent answered, per event.
pub(super) type Told = Vec<(EventId, Result<(), NotTaken>)>;

impl Recorder {
    /// Consent is told again after a while, where anything is owed to it.
    pub(super) fn tell_later(&mut self) {
        if self.tell_at.is_none() && self.telling.is_none() && self.is_owing() {
            self.tell_at = Some(Instant::now() + self.start.parts.config.tell.0);
        }
    }

    /// Consent is heard: it is told at once.
    pub(super) fn tell_now(&mut self) {
        if self.telling.is_none() && self.is_owing() {
            self.tell_at = Some(Instant::now());
        }
    }

    /// Its time has come.
    pub(super) fn begin_telling(&mut self) {
        self.tell_at = None;
        let said = self.owed_said();
        if said.is_empty() || self.start.consent.degraded || !self.knows_where() {
            return self.tell_later();
        }
        let parts = self.start.parts.clone();
        let tell = async move {
            let mut told = Told::with_capacity(said.len());
            for one in said {
                told.push((one.event, parts.tell_given(&one).await));
            }
            told
        };
        self.telling = Some(tell.boxed());
    }

    /// What consent took is in force from here; what it refuses is not asked again by this stream.
    pub(super) fn told(&mut self, told: Told) {
        let recording = self.start.fence.key.recording;
        for (event, taken) in told {
            match taken {
                Ok(()) => self.put_in_force(event),
                Err(NotTaken::Unreachable) => {}
                Err(NotTaken::Refused(code)) => {
                    warn!(%recording, %event, code, "consent does not take an event that was owed to it");
                    self.not_taken.insert(event);
                }
            }
        }
        self.tell_later();
    }

    /// The change that consent tells of says that it has taken what was owed to it; where the call is not known
    /// yet it is asked again when it is.
    pub(super) fn hear_of_owed(&mut self, owed: EventId) {
        if self.knows_where() { self.put_in_force(owed) } else { self.tell_later() }
    }

    /// Puts consent in force that was given before it could be told: from where the call is now, since until
    /// now nothing stood on it. Nothing where it was taken back since, or is in force.
    fn put_in_force(&mut self, owed: EventId) {
        let Some(owed) = self.start.session.owed().iter().find(|own| own.id == owed).cloned() else { return };
        let SessionEventKind::ConsentOwed { purpose, party, expression, .. } = owed.kind.clone() else {
            return;
        };
        let (act, evidence) = (ConsentAct::Given, owed.id);
        let event = SessionEvent {
            id: derived_id(owed.id, IN_FORCE),
            position: self.newest().max(owed.effective()),
            derived_error: None,
            at: owed.at,
            kind: SessionEventKind::Consent { act, purpose, party, expression, evidence },
        };
        if let Some(code) = self.start.session.refusal(&event) {
            info!(recording = %self.start.fence.key.recording, event = %owed.id, code, "it comes too late");
            self.not_taken.insert(owed.id);
            return;
        }
        info!(recording = %self.start.fence.key.recording, event = %owed.id, "consent has what was owed to it");
        self.apply_and_keep(event, None, Reply::Nobody);
    }

    /// Where the call is, as far as was seen.
    pub(super) fn newest(&self) -> Position {
        self.start.legs.iter().map(Leg::newest).max().unwrap_or(Position::ZERO)
    }

    /// Whether frames say where the call is; one of which nothing is stored is taken to be at its beginning.
    pub(super) fn knows_where(&self) -> bool {
        let is_new = !self.start.had_sections.contains(&true);
        is_new || self.start.legs.iter().any(|leg| leg.first_position().is_some())
    }

    fn is_owing(&self) -> bool {
        !self.closing && self.start.session.owed().iter().any(|owed| !self.not_taken.contains(&owed.id))
    }

    fn owed_said(&self) -> Vec<Said> {
        let owed = self.start.session.owed().iter().filter(|owed| !self.not_taken.contains(&owed.id));
        owed.filter_map(|event| self.said_owed(event)).collect()
    }

    fn said_owed(&self, event: &SessionEvent) -> Option<Said> {
        let SessionEventKind::ConsentOwed { purpose, party, expression, notice } = event.kind.clone() else {
            return None;
        };
        let moment = Moment { event: event.id, position: event.position, at: event.at };
        let (act, scope) = (ConsentAct::Given, ConsentScope::Call);
        let done = Act { act, purpose, expression, scope, notice };
        Some(Said::act(&self.start.fence.key, moment, self.who(party)?, done))
    }
}
