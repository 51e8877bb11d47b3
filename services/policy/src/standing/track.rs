//! One purpose in a running call: its conditions, and the changes that were logged for it.

use kernel::{Basis, EventId, Interval, IntervalSet, MarkLabel, Position, PurposeName};

use super::condition::{Condition, Switch, Tie};
use super::{CallEvent, CallEventKind};
use crate::change::{BasisChange, Cause, ChangeKind};
use crate::document::{From, Until};
use crate::grant::{DenyReason, Grant, Outcome};
use crate::timeline::standing_set;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Track {
    pub(super) purpose: PurposeName,
    pub(super) changes: Vec<BasisChange>,
    basis: Basis,
    running: Condition,
    consent: Option<ConsentConditions>,
    mark: Option<MarkCondition>,
    annulled_before: Position,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct ConsentConditions {
    given: Condition,
    heard: Condition,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct MarkCondition {
    label: MarkLabel,
    until: Until,
    open: Condition,
}

impl Track {
    /// None where the purpose can never record in this call.
    pub(super) fn new(grant: &Grant) -> Option<Self> {
        let terms = grant.terms.as_ref().filter(|_| grant.may_record())?;
        let unheard = grant.outcome == Outcome::Denied(DenyReason::ConsentUnreachable);
        let awaiting = grant.outcome == Outcome::AwaitingConsent || unheard;
        let consent = (terms.basis == Basis::Consent).then(|| ConsentConditions {
            given: if awaiting { Condition::default() } else { Condition::holding(grant.evidence) },
            heard: if unheard { Condition::default() } else { Condition::holding(None) },
        });
        let mark = match &terms.from {
            From::Start | From::Consent => None,
            From::Mark(label) => {
                Some(MarkCondition { label: label.clone(), until: terms.until, open: Condition::default() })
            }
        };
        Some(Self {
            purpose: grant.purpose.clone(),
            changes: Vec::new(),
            basis: terms.basis,
            running: Condition::default(),
            consent,
            mark,
            annulled_before: Position::ZERO,
        })
    }

    /// Takes in one event and answers what it changed.
    pub(super) fn apply(&mut self, event: &CallEvent) -> Vec<BasisChange> {
        let Some(cause) = event.kind.cause() else { return Vec::new() };
        let logged = self.changes.len();
        self.switch(event, cause);
        self.reconcile(event, cause);
        self.changes[logged..].to_vec()
    }

    pub(super) fn stands(&self) -> bool {
        self.target().contains(Position::MAX.minus(1))
    }

    /// Why it has no stretch at all; none where it has one.
    pub(super) fn why_not(&self) -> Option<DenyReason> {
        if self.changes.iter().any(|change| change.kind == ChangeKind::Began) {
            return None;
        }
        if !self.running.ever_held() {
            return Some(DenyReason::NeverStarted);
        }
        let Some(consent) = &self.consent else { return Some(DenyReason::MarkNeverCame) };
        if !consent.heard.ever_held() {
            return Some(DenyReason::ConsentUnreachable);
        }
        match consent.given.last() {
            None => Some(DenyReason::ConsentNotGiven),
            Some(last) if last.on && self.mark.is_some() => Some(DenyReason::MarkNeverCame),
            Some(last) if last.on => Some(DenyReason::ConsentUnreachable),
            Some(last) if last.cause == Cause::ConsentRefused => Some(DenyReason::ConsentRefused),
            Some(_) => Some(DenyReason::ConsentEnded),
        }
    }

    fn switch(&mut self, event: &CallEvent, cause: Cause) {
        let at = event.position;
        let off = Switch {
            on: false,
            event: Some(event.id),
            cause,
            evidence: None,
            derived_error_us: event.derived_error_us,
        };
        let on = Switch { on: true, ..off };
        match &event.kind {
            CallEventKind::Started => self.running.switch_on(at, on, Tie::Off),
            CallEventKind::Ended => self.running.switch_off(at, off),
            CallEventKind::ConsentGiven { purpose, evidence } => {
                let on = Switch { evidence: Some(*evidence), ..on };
                if let Some(consent) = self.consent.as_mut().filter(|_| *purpose == self.purpose) {
                    consent.given.switch_on(at, on, Tie::Off);
                }
            }
            CallEventKind::ConsentRefused { purpose }
            | CallEventKind::ConsentWithdrawn { purpose }
            | CallEventKind::ConsentExpired { purpose }
            | CallEventKind::ConsentRevoked { purpose } => {
                if let Some(consent) = self.consent.as_mut().filter(|_| *purpose == self.purpose) {
                    consent.given.switch_off(at, off);
                    self.log(event, at, ChangeKind::Ended, cause);
                }
            }
            CallEventKind::ConsentInvalidated { purpose } => {
                if let Some(consent) = self.consent.as_mut().filter(|_| *purpose == self.purpose) {
                    consent.given.switch_off(at, off);
                    self.annulled_before = self.annulled_before.max(at);
                    self.log(event, at, ChangeKind::Annulled, cause);
                }
            }
            CallEventKind::ConsentLost => {
                if let Some(consent) = &mut self.consent {
                    consent.heard.switch_off(at, off);
                }
            }
            CallEventKind::ConsentRegained => {
                if let Some(consent) = &mut self.consent {
                    consent.heard.switch_on(at, on, Tie::Next);
                }
            }
            CallEventKind::MarkBegin { label } => {
                if let Some(mark) = self.mark.as_mut().filter(|mark| mark.label == *label) {
                    mark.open.switch_on(at, on, Tie::Next);
                }
            }
            CallEventKind::MarkEnd { label } => {
                let closes = |mark: &&mut MarkCondition| mark.label == *label && mark.until == Until::Mark;
                if let Some(mark) = self.mark.as_mut().filter(closes) {
                    mark.open.switch_off(at, off);
                }
            }
            CallEventKind::Paused | CallEventKind::Resumed => {}
        }
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let consent = self.consent.iter().flat_map(|c| [&c.given, &c.heard]);
        [&self.running].into_iter().chain(consent).chain(self.mark.iter().map(|m| &m.open))
    }

    /// Where all conditions hold.
    fn target(&self) -> IntervalSet {
        let all = self.conditions().fold(IntervalSet::all(), |set, one| set.intersection(&one.set()));
        let annulled = Interval::new(Position::ZERO, self.annulled_before).into_iter().collect();
        all.difference(&annulled)
    }

    /// Logs what makes the fold of the changes equal the target. In order of positions that is one change; for
    /// events that come late it may take several, since an end does not take the beginnings after it along.
    fn reconcile(&mut self, event: &CallEvent, cause: Cause) {
        let target = self.target();
        let have = standing_set(&self.changes.iter().collect(), |_| 0);
        for gone in have.difference(&target).iter() {
            self.log(event, gone.start(), ChangeKind::Ended, cause);
            for began in self.positions_within(gone, ChangeKind::Began) {
                self.log(event, began, ChangeKind::Ended, cause);
            }
            if have.contains(gone.end()) {
                self.log(event, gone.end(), ChangeKind::Began, cause);
            }
        }
        for new in target.difference(&have).iter() {
            // At one position the end prevails, so a beginning there moves on by a microsecond.
            let ends = self.positions_within(new, ChangeKind::Ended);
            let begins = ends.iter().map(|end| end.plus(1)).filter(|at| *at < new.end());
            let first = (!ends.contains(&new.start())).then_some(new.start());
            for at in first.into_iter().chain(begins).collect::<Vec<_>>() {
                self.log(event, at, ChangeKind::Began, cause);
            }
            if new.end() != Position::MAX && !have.contains(new.end()) {
                self.log(event, new.end(), ChangeKind::Ended, cause);
            }
        }
    }

    fn positions_within(&self, interval: Interval, kind: ChangeKind) -> Vec<Position> {
        let restrictive = kind.is_restrictive();
        let alike = self.changes.iter().filter(|change| change.kind.is_restrictive() == restrictive);
        let at = alike.map(|change| change.position);
        let mut at: Vec<_> = at.filter(|p| interval.start() <= *p && *p < interval.end()).collect();
        at.sort_unstable();
        at.dedup();
        at
    }

    /// Logs a change under the event that explains its place: the one that switched a condition there, else the
    /// one that is being taken in.
    fn log(&mut self, event: &CallEvent, position: Position, kind: ChangeKind, cause: Cause) {
        let fits = |switch: &&Switch| switch.on != kind.is_restrictive();
        let own = |id: Option<EventId>| id == Some(event.id);
        let switched: Vec<_> = self.conditions().filter_map(|c| c.at(position)).filter(fits).collect();
        let reason = switched.iter().find(|s| own(s.event)).or(switched.iter().find(|s| s.event.is_some()));
        let (id, cause, error) = match reason {
            Some(switch) => (switch.event.unwrap_or(event.id), switch.cause, switch.derived_error_us),
            None => (event.id, cause, event.derived_error_us),
        };
        let consent = self.consent.as_ref().filter(|_| kind == ChangeKind::Began);
        let change = BasisChange {
            event: id,
            position,
            purpose: self.purpose.clone(),
            basis: self.basis,
            kind,
            cause,
            evidence: consent.and_then(|consent| consent.given.evidence_at(position)),
            derived_error_us: error,
        };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }
}
