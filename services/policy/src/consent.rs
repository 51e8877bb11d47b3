//! Consent as a pure fold of events, per subject, purpose and scope.
//!
//! Only [`ConsentState::Given`] permits. Events count in the order in which they occurred, whatever the order
//! in which they became known; at one instant a restrictive event comes first and voids a grant. A
//! restrictive event never runs out; a grant may. [`transition`] is the whole table.

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
        ConsentKind::Expired => (from == S::Given).then_some(S::Expired),
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
        valid_until: None,
        restricted_at: None,
        epochs: Vec::new(),
    };

    /// The event that the present consent rests on.
    pub fn evidence(&self) -> Option<EventId> {
        let given = self.state == ConsentState::Given;
        self.epochs.last().filter(|_| given).map(|epoch| epoch.given_by)
    }

    fn run_out(&mut self, now: Timestamp) {
        if let Some(until) = self.valid_until.filter(|until| *until <= now) {
            self.enter(ConsentState::Expired, until, None);
        }
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
    for event in events {
        let at = event.occurred_at;
        consent.run_out(at);
        if let ConsentKind::Given { valid_until, .. } = &event.kind {
            if consent.restricted_at == Some(at) {
                continue;
            }
            // Saying yes again while it stands renews its period and nothing else.
            if consent.state == ConsentState::Given {
                consent.valid_until = *valid_until;
            }
        }
        if event.kind.is_restrictive() {
            consent.restricted_at = Some(at);
        }
        let Some(state) = transition(consent.state, &event.kind) else { continue };
        consent.enter(state, at, Some(event.id));
        if let ConsentKind::Given { valid_until, .. } = &event.kind {
            consent.valid_until = *valid_until;
            let epoch = ConsentEpoch { given_by: event.id, from: at, ended: None, annulled: false };
            consent.epochs.push(epoch);
        }
    }
    consent.run_out(now);
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
