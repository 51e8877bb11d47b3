//! What consent says while the call runs: changes of others, silence, and catching up after it.

use futures::FutureExt;
use kernel::{Position, PurposeName};
use platform::retry::Backoff;
use policy::Outcome;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Recorder;
use super::acts::{Act, Reply};
use crate::authority::Decided;
use crate::intake::{ConsentAct, Expression};
use crate::leg::Leg;
use crate::said::derived_id;
use crate::session::{SessionEvent, SessionEventKind};
use crate::store::Authorisation;
use crate::watch::{ConsentChange, Heard};

/// The count by which the event is derived that has a no in force from a first frame on: no number of purposes.
const FROM_HERE: u64 = 1 << 33;

/// What was missed.
pub(super) enum Caught {
    /// Changes since the version that the session reflects.
    Changes(Vec<ConsentChange>),
    /// The decision on a call that was opened without consent.
    Decided(Box<Decided>),
}

impl Recorder {
    /// Begins with what went unheard before this stream, and with what is silent now. A session that goes on
    /// is not read until it has caught up, or until that takes as long as a silence may.
    pub(super) fn begin_hearing(&mut self) {
        let consent = self.start.consent;
        if self.start.session.on_consent().next().is_none() {
            return;
        }
        if consent.degraded {
            self.begin_to_catch_up();
        } else if self.start.parts.watch.is_lost() {
            self.lose();
        }
        if consent.is_behind && !consent.degraded {
            self.begin_to_catch_up();
            self.catch_up_by = Some(Instant::now() + self.start.parts.config.consent_silence.0);
        }
    }

    /// It takes too long: what is not known to stand does not stand until it is known.
    pub(super) fn go_on_without(&mut self) {
        self.catch_up_by = None;
        self.lose();
    }

    /// A resumed stream knows where consent went silent for it only when its first frame has come.
    pub(super) fn lose_at_first_frame(&mut self) {
        let first = self.start.legs.iter().filter_map(Leg::first_position).min();
        if let Some(first) = first.filter(|_| std::mem::take(&mut self.is_losing)) {
            let event = self.own_event(first, SessionEventKind::ConsentLost);
            self.take_own(event);
        }
    }

    /// A no that was said while no stream said where the call is lies where its wall time has it, which may be after
    /// everything of a call that comes late: from this stream's first frame on it is in force.
    pub(super) fn refrain_at_first_frame(&mut self) {
        let Some(first) = self.start.legs.iter().filter_map(Leg::first_position).min() else { return };
        let session = &self.start.session;
        let said = session.events().iter().filter(|own| matches!(own.kind, SessionEventKind::Consent { .. }));
        let ahead = said.filter_map(|own| {
            let acting = session.acting_by(own.clone(), first);
            let id = derived_id(own.id, FROM_HERE);
            let is_new = acting.position < own.position && !session.has_seen(id);
            is_new.then_some(SessionEvent { id, ..acting })
        });
        for event in ahead.collect::<Vec<_>>() {
            self.take_own(event);
        }
    }

    pub(super) fn hear(&mut self, heard: Result<Heard, RecvError>) {
        match heard {
            Ok(Heard::Changed(change)) => self.take_change(&change),
            Ok(Heard::Lost) => self.lose(),
            Ok(Heard::Regained) if self.start.consent.degraded => self.begin_to_catch_up(),
            Ok(Heard::Regained) => {
                self.regain();
                self.tell_now();
            }
            Err(RecvError::Lagged(missed)) => {
                warn!(recording = %self.start.fence.key.recording, missed, "changes of consent were missed");
                self.lose();
                self.begin_to_catch_up();
            }
            // The instance's ear lives as long as the process.
            Err(RecvError::Closed) => {}
        }
    }

    pub(super) fn catch_up(&mut self, caught: Caught) {
        self.catch_up_by = None;
        match caught {
            Caught::Changes(changes) => changes.iter().for_each(|change| self.take_change(change)),
            Caught::Decided(decided) => self.take_decision(*decided),
        }
        if !self.start.parts.watch.is_lost() {
            self.regain();
        }
        self.tell_now();
    }

    /// A change that consent tells of: that of another call, channel or day, or the echo of our own.
    fn take_change(&mut self, change: &ConsentChange) {
        if change.version <= self.start.consent.version {
            return;
        }
        let key = &self.start.fence.key;
        let is_ours = change.tenant == key.tenant && change.recording.is_none_or(|own| own == key.recording);
        let party = self.start.subjects.iter().position(|subject| *subject == change.subject);
        let (true, Some(party)) = (is_ours, party) else { return };
        self.start.consent.version = change.version;
        if change.act == ConsentAct::Given && self.start.session.owed().iter().any(|o| o.id == change.event) {
            return self.hear_of_owed(change.event);
        }
        let is_said_here = change.said_in == Some(self.start.fence.key.recording);
        let (position, derived_error) = match change.position.filter(|_| is_said_here) {
            Some(position) => (Position(position), None),
            None => self.place_by_wall(change.at),
        };
        let on_consent: Vec<_> = self.start.session.on_consent().cloned().collect();
        let named = |purpose: &PurposeName| change.purposes.is_empty() || change.purposes.contains(purpose);
        for (count, purpose) in (0..).zip(on_consent.into_iter().filter(named)) {
            let id = if count == 0 { change.event } else { derived_id(change.event, count) };
            let is_known = self.start.session.has_seen(change.event) || self.start.session.has_seen(id);
            if is_known && count == 0 {
                return;
            }
            let kind = SessionEventKind::Consent {
                act: change.act,
                purpose,
                party: u32::try_from(party).unwrap_or(u32::MAX),
                expression: Expression::Unspecified,
                evidence: change.event,
            };
            let event = SessionEvent { id, position, derived_error, at: change.at, kind };
            let event = self.acting_now(event);
            self.take_own(event);
        }
    }

    /// The decision that could not be had when the call was opened: what stands now stands from here.
    fn take_decision(&mut self, decided: Decided) {
        info!(recording = %self.start.fence.key.recording, "the call's subjects are known now");
        self.start.subjects.clone_from(&decided.authorisation.subjects);
        self.start.consent.degraded = false;
        self.start.consent.version = decided.authorisation.consent_version;
        let grants = self.start.session.grants().iter().map(crate::authority::wire_grant).collect();
        let authorisation = Authorisation { grants, ..decided.authorisation };
        self.push(Act::Identify(Box::new((authorisation, self.start.call.clone()))));
        let position = self.newest();
        for grant in decided.grants {
            let stands = grant.basis() == Some(kernel::Basis::Consent) && grant.outcome == Outcome::Granted;
            let Some(evidence) = grant.evidence.filter(|_| stands) else { continue };
            for party in self.start.session.asked() {
                let (act, purpose) = (ConsentAct::Given, grant.purpose.clone());
                let expression = Expression::Unspecified;
                let kind = SessionEventKind::Consent { act, purpose, party, expression, evidence };
                let event = self.own_event(position, kind);
                self.take_own(event);
            }
        }
    }

    fn lose(&mut self) {
        if self.start.session.is_consent_lost() || self.start.session.on_consent().next().is_none() {
            return;
        }
        warn!(recording = %self.start.fence.key.recording, "consent purposes stop: consent is not heard");
        if self.start.consent.is_behind && self.start.legs.iter().all(|leg| leg.first_position().is_none()) {
            self.is_losing = true;
            return;
        }
        let event = self.own_event(self.newest(), SessionEventKind::ConsentLost);
        self.take_own(event);
    }

    fn regain(&mut self) {
        let is_waiting = self.catching_up.is_some() || self.start.consent.degraded;
        if is_waiting {
            return;
        }
        self.is_losing = false;
        if !self.start.session.is_consent_lost() {
            return;
        }
        let event = self.own_event(self.newest(), SessionEventKind::ConsentRegained);
        self.take_own(event);
    }

    fn take_own(&mut self, event: SessionEvent) {
        self.apply_and_keep(event, None, Reply::Nobody);
    }

    fn begin_to_catch_up(&mut self) {
        let parts = self.start.parts.clone();
        let (key, version) = (self.start.fence.key.clone(), self.start.consent.version);
        let call = self.start.consent.degraded.then(|| self.start.call.clone());
        let catch_up = async move {
            for attempt in 1.. {
                let caught = match &call {
                    None => parts.watch.changes_after(version).await.ok().map(Caught::Changes),
                    Some(call) => {
                        let decided = parts.authority.authorise(&key.tenant, call).await.ok();
                        decided.filter(|decided| !decided.degraded).map(|d| Caught::Decided(Box::new(d)))
                    }
                };
                if let Some(caught) = caught {
                    return caught;
                }
                tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
            }
            Caught::Changes(Vec::new())
        };
        self.catching_up = Some(catch_up.boxed());
    }
}
