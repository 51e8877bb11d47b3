//! A session's three regions (media, consent, evidence) as a pure fold of its events.
//!
//! [`Session::apply`] takes an event with a place on the timeline and answers what is to be logged, or why it
//! has no effect. Everything that must survive a crash is the grants and the events: a session that is
//! restored from them gives the same verdicts, so a paused one is still paused.

mod consents;
mod event;
mod owed;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use kernel::{
    EventId, Interval, IntervalSet, MarkLabel, NoticeName, Position, PurposeName, RecordingId, RegimeName,
};
use policy::{
    BasisChange, CallEvent, CallEventKind, ChangeKind, DenyReason, Grant, Outcome, Standing, TenantPolicy,
};
use proto::ingest::v1 as wire;

use crate::intake::ConsentAct;
use crate::session::consents::Consents;
pub(crate) use crate::session::event::basis_change;
pub use crate::session::event::{NOTICE_PLAYED, SessionEvent, SessionEventKind};
use crate::session::owed::OwedConsents;
use crate::verdict::{Purposes, Verdict, Verdicts};

/// Most events of one session; beyond it only restrictions are taken, and kept only where they change something.
pub const MAX_EVENTS: usize = 4_096;

/// What a session is about.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Which recording.
    pub recording: RecordingId,
    /// The tenant's policy when the call was opened.
    pub policy: Arc<TenantPolicy>,
    /// Who is in the call, as policy has it, in the sender's order.
    pub parties: Vec<policy::Party>,
}

/// What came of an event.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Applied {
    /// Where it took effect.
    pub position: Position,
    /// Why it had none, as a code.
    pub refused: Option<&'static str>,
    /// It was applied before.
    pub repeated: bool,
    /// It holds already and there is no room for it: nothing is to be kept.
    pub unkept: bool,
    /// What began and ended.
    pub changes: Vec<BasisChange>,
    /// What is to be logged, in order; the changes are among it.
    pub records: Vec<wire::audio_event::Event>,
    /// Whether it took anything away from where it took effect on.
    pub restricted: bool,
}

/// One call's session.
#[derive(Debug)]
pub struct Session {
    facts: SessionFacts,
    grants: Vec<Grant>,
    purposes: Vec<PurposeName>,
    standing: Standing,
    consents: Consents,
    consent_lost: bool,
    owed: OwedConsents,
    events: Vec<SessionEvent>,
    seen: HashSet<EventId>,
    pauses: IntervalSet,
    paused_since: Option<Position>,
    stopped: Option<Position>,
    ended: bool,
    marks: BTreeMap<MarkLabel, Position>,
    verdicts: Arc<Verdicts>,
}

impl Session {
    /// A session that was just decided on; nothing has happened.
    pub fn new(facts: SessionFacts, grants: Vec<Grant>) -> Self {
        let purposes = grants.iter().map(|grant| grant.purpose.clone()).collect();
        let consents = Consents::new(&facts, &grants);
        let unheard = |grant: &Grant| grant.outcome == Outcome::Denied(DenyReason::ConsentUnreachable);
        let consent_lost = grants.iter().any(unheard);
        let mut session = Self {
            standing: Standing::new(&grants),
            facts,
            grants,
            purposes,
            consents,
            consent_lost,
            owed: OwedConsents::default(),
            events: Vec::new(),
            seen: HashSet::new(),
            pauses: IntervalSet::EMPTY,
            paused_since: None,
            stopped: None,
            ended: false,
            marks: BTreeMap::new(),
            verdicts: Arc::new(Verdicts::new(0, &[], &IntervalSet::EMPTY, None)),
        };
        session.lay_out();
        session
    }

    /// A session as its row has it, and everything that was to be logged of it: what a crash kept from the
    /// log is logged by whoever restores the session, and consumers know what they have seen.
    pub fn restore(
        facts: SessionFacts,
        grants: Vec<Grant>,
        events: Vec<SessionEvent>,
    ) -> (Self, Vec<wire::audio_event::Event>) {
        let mut session = Self::new(facts, grants);
        let records = events.into_iter().flat_map(|event| session.take(event).records).collect();
        session.lay_out();
        (session, records)
    }

    /// Takes in an event.
    pub fn apply(&mut self, event: SessionEvent) -> Applied {
        let position = event.effective();
        if self.seen.contains(&event.id) {
            return Applied { position, repeated: true, ..Applied::default() };
        }
        if let Some(refused) = self.refusal(&event) {
            return Applied { position, refused: Some(refused), ..Applied::default() };
        }
        // While there is room even this is kept: repeated after a resume, it must not pause again.
        if self.events.len() >= MAX_EVENTS && self.holds_already(&event) {
            return Applied { position, unkept: true, ..Applied::default() };
        }
        let applied = self.take(event);
        self.lay_out();
        applied
    }

    /// Every event so far, in order of arrival.
    pub fn events(&self) -> &[SessionEvent] {
        &self.events
    }
    /// Whether an event was applied.
    pub fn has_seen(&self, id: EventId) -> bool {
        self.seen.contains(&id)
    }
    /// What becomes of frames, by position.
    pub fn verdicts(&self) -> Arc<Verdicts> {
        Arc::clone(&self.verdicts)
    }
    /// What the session is about.
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }
    /// What was decided when it opened.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }
    /// The duties of these purposes: sorted, each once.
    pub fn regimes(&self, purposes: Purposes) -> Vec<RegimeName> {
        let held = self.grants.iter().enumerate().filter(|(place, _)| purposes.has(*place));
        let mut regimes: Vec<_> = held.filter_map(|(_, grant)| grant.regime().cloned()).collect();
        regimes.sort();
        regimes.dedup();
        regimes
    }
    /// The purposes that stand after all that is known.
    pub fn standing(&self) -> Purposes {
        let now = self.standing.now();
        let stands = self.purposes.iter().enumerate().filter(|(_, name)| now.contains(*name));
        stands.fold(Purposes::NONE, |all, (place, _)| all.with(place))
    }
    /// Whether any purpose ever had its basis in this recording.
    pub fn had_basis(&self) -> bool {
        self.standing.timeline().purposes.values().any(|purpose| !purpose.intervals.is_empty())
    }
    /// The purposes whose basis is consent.
    pub fn on_consent(&self) -> impl Iterator<Item = &PurposeName> {
        let on_consent = self.grants.iter().filter(|grant| grant.basis() == Some(kernel::Basis::Consent));
        on_consent.map(|grant| &grant.purpose)
    }
    /// The media region.
    pub fn media_state(&self) -> wire::MediaState {
        match (self.ended || self.stopped.is_some(), self.paused_since) {
            (true, _) => wire::MediaState::Ended,
            (false, Some(_)) => wire::MediaState::Paused,
            (false, None) => wire::MediaState::Active,
        }
    }
    /// The consent region.
    pub fn consent_state(&self) -> wire::ConsentState {
        if self.on_consent().next().is_none() {
            return wire::ConsentState::NotRequired;
        }
        let last = self.events.iter().rev().find_map(|event| match &event.kind {
            SessionEventKind::Consent { act, .. } => Some(*act),
            _ => None,
        });
        self.consents.state(last, &self.events)
    }

    /// Whether consent purposes are stopped because consent is not heard.
    pub fn is_consent_lost(&self) -> bool {
        self.consent_lost
    }
    /// Consent that was given and that consent has not taken, oldest first.
    pub fn owed(&self) -> &[SessionEvent] {
        self.owed.events()
    }
    /// The notice that an answer about a purpose rests on: the last one played that tells of it.
    pub fn last_notice(&self, purpose: &PurposeName) -> Option<NoticeName> {
        let notices = &self.facts.policy.notices;
        let tells = |name: &NoticeName| notices.get(name).is_some_and(|n| n.purposes.contains(purpose));
        self.events.iter().rev().filter_map(SessionEvent::notice).find(tells)
    }
    /// The parties whose consent a purpose takes, by their places in the call.
    pub fn asked(&self) -> BTreeSet<u32> {
        self.consents.asked()
    }

    /// An event in a call that has got to `now`. A restriction that was placed by wall time acts by then: the clock
    /// that placed it may be ahead of the call's, or the call come late. It still lies after what it takes back.
    pub fn acting_by(&self, event: SessionEvent, now: Position) -> SessionEvent {
        let Some(error) = event.derived_error.filter(|_| event.is_restrictive()) else { return event };
        let taken_back = self.events.iter().filter(|own| event.kind.takes_back(&own.kind));
        let behind = taken_back.map(SessionEvent::effective).max().unwrap_or(Position::ZERO);
        // It starts as much earlier as it may be off, and is to start now.
        let latest = now.max(behind).plus(error.max(1));
        SessionEvent { position: event.position.min(latest), ..event }
    }

    /// Why an event would have no effect; none where it would have one.
    pub fn refusal(&self, event: &SessionEvent) -> Option<&'static str> {
        if self.ended {
            return Some("ended");
        }
        if !event.is_restrictive() && self.events.len() >= MAX_EVENTS {
            return Some("too-many-events");
        }
        let stopped = self.stopped.is_some() || self.ended;
        match &event.kind {
            SessionEventKind::Resume => match self.paused_since {
                _ if stopped => Some("stopped"),
                None => Some("not-paused"),
                Some(since) if event.effective() <= since => Some("before-pause"),
                Some(_) => None,
            },
            SessionEventKind::MarkBegin { .. } if stopped => Some("stopped"),
            SessionEventKind::MarkBegin { label } if !self.facts.policy.accepts_mark(label) => {
                Some("mark-not-in-policy")
            }
            SessionEventKind::MarkBegin { label } if self.marks.contains_key(label) => Some("mark-open"),
            SessionEventKind::MarkEnd { label } => match self.marks.get(label) {
                None => Some("mark-not-open"),
                Some(begin) if event.position <= *begin => Some("before-mark"),
                Some(_) => None,
            },
            SessionEventKind::Consent { act, purpose, party, .. } => {
                self.consents.refusal(*act, purpose, *party, stopped)
            }
            SessionEventKind::ConsentOwed { purpose, party, .. } => {
                self.consents.refusal(ConsentAct::Given, purpose, *party, stopped)
            }
            SessionEventKind::Note { kind, .. } if kind == NOTICE_PLAYED => {
                let notices = &self.facts.policy.notices;
                let is_known = event.notice().is_some_and(|name| notices.contains_key(&name));
                (!is_known).then_some("notice-not-in-policy")
            }
            _ => None,
        }
    }

    /// Whether a pause or a stop takes nothing away that is not taken away already.
    fn holds_already(&self, event: &SessionEvent) -> bool {
        let since = match &event.kind {
            SessionEventKind::Pause { .. } => self.paused_since,
            SessionEventKind::Stop { .. } => self.stopped,
            _ => None,
        };
        since.is_some_and(|since| event.effective() >= since)
    }

    /// Applies an event that has passed the checks, or had passed them when it was stored.
    fn take(&mut self, event: SessionEvent) -> Applied {
        let position = event.effective();
        let mut applied = Applied { position, ..Applied::default() };
        match &event.kind {
            SessionEventKind::Pause { reason } => {
                let reaches_further = self.paused_since.is_none_or(|since| position < since);
                if reaches_further {
                    self.paused_since = Some(position);
                    applied.records.push(event.paused(self.facts.recording, reason));
                }
                applied.restricted = reaches_further;
            }
            SessionEventKind::Resume => {
                if let Some(since) = self.paused_since.take() {
                    self.pauses = self.pauses.union(&Interval::new(since, position).into_iter().collect());
                    applied.records.push(event.resumed(self.facts.recording));
                }
            }
            SessionEventKind::Stop { reason } => {
                applied.restricted = self.stopped.is_none_or(|stopped| position < stopped);
                self.stopped = Some(self.stopped.map_or(position, |stopped| stopped.min(position)));
                let note = event.note(self.facts.recording, "recording.stopped", reason);
                applied.records.push(note);
            }
            SessionEventKind::MarkBegin { label } => {
                self.marks.insert(label.clone(), event.position);
                applied.records.push(event.mark(self.facts.recording, label, true));
            }
            SessionEventKind::MarkEnd { label } => {
                self.marks.remove(label);
                applied.records.push(event.mark(self.facts.recording, label, false));
            }
            SessionEventKind::Note { kind, code } => {
                applied.records.push(event.note(self.facts.recording, kind, code));
            }
            SessionEventKind::ConsentOwed { purpose, .. } => {
                applied.records.push(event.pending(self.facts.recording, purpose));
            }
            SessionEventKind::Consent { act: ConsentAct::Refused, purpose, .. } => {
                let note = event.note(self.facts.recording, "consent.refused", purpose.as_str());
                applied.records.push(note);
            }
            SessionEventKind::Ended => self.ended = true,
            SessionEventKind::ConsentLost => self.consent_lost = true,
            SessionEventKind::ConsentRegained => self.consent_lost = false,
            SessionEventKind::Started | SessionEventKind::Consent { .. } => {}
        }
        if let Some(kind) = self.call_event(&event) {
            let call_event = CallEvent {
                id: event.id,
                position: event.position,
                derived_error_us: event.derived_error,
                kind,
            };
            applied.changes = self.standing.apply(&call_event);
        }
        applied.restricted |= applied.changes.iter().any(|change| change.kind != ChangeKind::Began);
        let recording = self.facts.recording;
        applied.records.extend(applied.changes.iter().map(|change| event::basis_changed(recording, change)));
        self.owed.take(&event, &self.consents);
        self.seen.insert(event.id);
        self.events.push(event);
        applied
    }

    /// What the event is to the bases; none for what does not touch them, or does not suffice yet.
    fn call_event(&mut self, event: &SessionEvent) -> Option<CallEventKind> {
        Some(match &event.kind {
            SessionEventKind::Started => CallEventKind::Started,
            SessionEventKind::Consent { act, purpose, party, evidence, .. } => {
                return self.consents.take(*act, purpose, *party, *evidence);
            }
            SessionEventKind::ConsentLost => CallEventKind::ConsentLost,
            SessionEventKind::ConsentRegained => CallEventKind::ConsentRegained,
            SessionEventKind::MarkBegin { label } => CallEventKind::MarkBegin { label: label.clone() },
            SessionEventKind::MarkEnd { label } => CallEventKind::MarkEnd { label: label.clone() },
            SessionEventKind::Pause { .. } => CallEventKind::Paused,
            SessionEventKind::Resume => CallEventKind::Resumed,
            SessionEventKind::Stop { .. } | SessionEventKind::Ended => CallEventKind::Ended,
            SessionEventKind::ConsentOwed { .. } | SessionEventKind::Note { .. } => return None,
        })
    }

    fn lay_out(&mut self) {
        let timeline = self.standing.timeline();
        let sets: Vec<_> = self.purposes.iter().map(|name| timeline.set(name)).collect();
        let open = self.paused_since.and_then(|since| Interval::new(since, Position::MAX));
        let pauses = self.pauses.union(&open.into_iter().collect());
        let generation = self.verdicts.generation() + 1;
        self.verdicts = Arc::new(Verdicts::new(generation, &sets, &pauses, self.stopped));
    }
}

/// The purposes of a verdict.
impl Verdict {
    /// Those that a frame is kept for; none where it is dropped.
    pub fn purposes(self) -> Purposes {
        match self {
            Self::Keep(purposes) => purposes,
            Self::Drop(_) => Purposes::NONE,
        }
    }
}

#[cfg(test)]
mod tests;
