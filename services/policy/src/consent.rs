//! Consent as a pure fold of events, per subject, purpose and scope.
//!
//! Only [`ConsentState::Given`] permits. Events count in the order in which they occurred, whatever the order
//! in which they became known; at one instant a restrictive event prevails over a grant. A restrictive event
//! never runs out; a grant may. [`transition`] is the whole table.

mod event;
mod scope;

use std::collections::BTreeMap;

use kernel::{EventId, PurposeName, SubjectId, Timestamp};

pub use self::event::{ConsentEvent, ConsentKind, Expression};
pub use self::scope::{Scope, SubjectConsent, in_call};
use crate::words::words;

words! {
    /// Where one subject stands on one purpose in one scope.
    ConsentState {
        /// Nothing was said.
        None = 1 "none",
        /// They were told.
        Notified = 2 "notified",
        /// They were asked.
        Requested = 3 "requested",
        /// They agreed.
        Given = 4 "given",
        /// They declined.
        Refused = 5 "refused",
        /// They were asked and did not answer.
        Deferred = 6 "deferred",
        /// They took it back.
        Withdrawn = 7 "withdrawn",
        /// Its period ran out.
        Expired = 8 "expired",
        /// The controller gave it up.
        Revoked = 9 "revoked",
        /// It was never valid.
        Invalidated = 10 "invalidated",
    }
}

/// The state after an event of this kind, and none where the event changes nothing.
///
/// A restrictive event acts in every state, since what it says is true whatever was lost before it; a grant
/// acts only on somebody who was asked, so consent without its question is no consent.
pub fn transition(from: ConsentState, kind: &ConsentKind) -> Option<ConsentState> {
    use ConsentState as S;
    match kind {
        ConsentKind::NoticePresented => (from == S::None).then_some(S::Notified),
        ConsentKind::Asked => (from != S::Given && from != S::Requested).then_some(S::Requested),
        ConsentKind::Given { .. } => (from == S::Requested).then_some(S::Given),
        ConsentKind::Refused => (from != S::Refused).then_some(S::Refused),
        ConsentKind::Silence | ConsentKind::HungUp => (from == S::Requested).then_some(S::Deferred),
        ConsentKind::Withdrawn => (from != S::Withdrawn).then_some(S::Withdrawn),
        // In `Requested` it closes the question: the yes that would answer it is older or not there.
        ConsentKind::Expired => matches!(from, S::Given | S::Requested).then_some(S::Expired),
        ConsentKind::Revoked => (from != S::Revoked).then_some(S::Revoked),
        ConsentKind::Invalidated => (from != S::Invalidated).then_some(S::Invalidated),
        // A new notice asks those who were not asked yet; what was agreed or declined stays as it is.
        ConsentKind::NoticeMajor => matches!(from, S::None | S::Notified).then_some(S::Requested),
        ConsentKind::NoticeMinor => None,
    }
}

/// One stretch of consent, from when it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsentEpoch {
    /// The event that gave it.
    pub given_by: EventId,
    /// When.
    pub from: Timestamp,
    /// When it ended, and by which event; by none where its period ran out.
    pub ended: Option<(Timestamp, Option<EventId>)>,
    /// Whether it turned out never to have been valid.
    pub annulled: bool,
}

/// What the events say of one subject, purpose and scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// The state now.
    pub state: ConsentState,
    /// Since when; none where nothing was said.
    pub since: Option<Timestamp>,
    /// Where they agree, when they last said so to a question: later than since where they were asked again.
    pub answered_at: Option<Timestamp>,
    /// When it runs out by itself.
    pub valid_until: Option<Timestamp>,
    /// The latest restrictive event in it, deferral included: what a narrower grant must be later than.
    pub restricted_at: Option<Timestamp>,
    /// Every stretch, in order; an earlier one is never restored by a later grant.
    pub epochs: Vec<ConsentEpoch>,
}

impl Consent {
    const NOTHING: Self = Self {
        state: ConsentState::None,
        since: None,
        answered_at: None,
        valid_until: None,
        restricted_at: None,
        epochs: Vec::new(),
    };

    /// The event that the present consent rests on.
    pub fn evidence(&self) -> Option<EventId> {
        let given = self.state == ConsentState::Given;
        self.epochs.last().filter(|_| given).map(|epoch| epoch.given_by)
    }

    fn run_out(&mut self, now: Timestamp, question_open: bool) {
        if let Some(until) = self.valid_until.filter(|until| *until <= now) {
            self.enter(ConsentState::Expired, until, None);
            if question_open {
                self.enter(ConsentState::Requested, until, None);
            }
        }
    }

    fn give(&mut self, event: &ConsentEvent, valid_until: Option<Timestamp>, question_open: bool) {
        // An end before the beginning is an end at the beginning.
        let valid_until = valid_until.map(|until| until.max(event.occurred_at));
        if self.state == ConsentState::Given {
            // Saying yes again while it stands sets its period anew, and where they were asked again it is an answer
            // of then.
            self.valid_until = valid_until;
            if question_open {
                self.answered_at = Some(event.occurred_at);
            }
            return;
        }
        let Some(state) = transition(self.state, &event.kind) else { return };
        self.enter(state, event.occurred_at, Some(event.id));
        self.answered_at = Some(event.occurred_at);
        self.valid_until = valid_until;
        let from = event.occurred_at;
        self.epochs.push(ConsentEpoch { given_by: event.id, from, ended: None, annulled: false });
    }

    fn enter(&mut self, state: ConsentState, at: Timestamp, by: Option<EventId>) {
        if self.state == ConsentState::Given
            && let Some(epoch) = self.epochs.last_mut()
        {
            epoch.ended = Some((at, by));
        }
        if state == ConsentState::Invalidated {
            self.epochs.iter_mut().for_each(|epoch| epoch.annulled = true);
        }
        self.state = state;
        self.since = Some(at);
        self.answered_at = None;
        self.valid_until = None;
    }
}

/// Folds every event, in any order and with any repetition, as of `now`.
pub fn fold<'a>(
    events: impl IntoIterator<Item = &'a ConsentEvent>,
    now: Timestamp,
) -> BTreeMap<(SubjectId, PurposeName, Scope), Consent> {
    let mut apart: BTreeMap<_, Vec<&ConsentEvent>> = BTreeMap::new();
    for event in events {
        for purpose in &event.purposes {
            let key = (event.subject, purpose.clone(), event.scope.clone());
            apart.entry(key).or_default().push(event);
        }
    }
    apart.into_iter().map(|(key, events)| (key, fold_one(events, now))).collect()
}

/// Folds the events of one subject, purpose and scope, in any order and with any repetition, as of `now`.
/// Events after `now` do not count yet.
pub fn fold_one<'a>(events: impl IntoIterator<Item = &'a ConsentEvent>, now: Timestamp) -> Consent {
    let mut events: Vec<_> = events.into_iter().filter(|event| event.occurred_at <= now).collect();
    events.sort_by_key(|event| (event.occurred_at, event.kind.rank(), event.id));
    events.dedup_by_key(|event| event.id);
    let mut consent = Consent::NOTHING;
    // A question put while consent stands is still a question once it has run out.
    let mut question_open = false;
    for event in events {
        let at = event.occurred_at;
        consent.run_out(at, question_open);
        match &event.kind {
            ConsentKind::Given { valid_until, .. } => {
                consent.give(event, *valid_until, question_open);
                question_open = false;
                continue;
            }
            ConsentKind::Asked => question_open = true,
            kind if kind.is_restrictive() => {
                consent.restricted_at = Some(at);
                question_open = false;
            }
            _ => {}
        }
        if let Some(state) = transition(consent.state, &event.kind) {
            consent.enter(state, at, Some(event.id));
        }
    }
    consent.run_out(now, question_open);
    consent
}

/// Whether a purpose that needs everybody's consent has it: everybody's state is given, and there is somebody.
pub fn effective(states: impl IntoIterator<Item = ConsentState>) -> bool {
    let mut somebody = false;
    for state in states {
        somebody = true;
        if state != ConsentState::Given {
            return false;
        }
    }
    somebody
}

#[cfg(test)]
mod tests;
