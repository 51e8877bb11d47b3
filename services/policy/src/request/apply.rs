//! What each event does to a request, and who asks: the states up to discovering.

use std::collections::BTreeSet;

use jiff::ToSpan;
use kernel::Timestamp;

use super::error::Refused;
use super::event::Event;
use super::identity::{Need, Proof};
use super::intake::{Asker, Authority};
use super::kind::EventKind;
use super::{Request, State};
use crate::deadline::{DUE_SOON, DeadlineError, Ground};
use crate::rights::Right;

impl Request {
    /// The request after an event. What is refused changes nothing.
    pub fn apply(&self, event: Event, now: Timestamp) -> Result<Self, Refused> {
        self.apply_all([event], now)
    }

    /// The request after several, in their order; where one is refused, none of them has an effect.
    pub fn apply_all(
        &self,
        events: impl IntoIterator<Item = Event>,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let mut next = self.clone();
        for event in events {
            let kind = event.kind();
            if !kind.states().contains(&next.state) {
                return Err(Refused::NotNow { event: kind, state: next.state });
            }
            next.take(event, now)?;
        }
        Ok(next)
    }

    fn take(&mut self, event: Event, now: Timestamp) -> Result<(), Refused> {
        let was_verified = self.duplicate_of.is_none() || self.is_verified();
        self.take_as_it_stands(event, now)?;
        // Who is shown to be the person is not linked to whoever asked first and was not.
        if !was_verified && self.is_verified() {
            self.duplicate_of = None;
        }
        Ok(())
    }

    fn take_as_it_stands(&mut self, event: Event, now: Timestamp) -> Result<(), Refused> {
        match event {
            Event::Acknowledged { .. } => self.state = State::Identifying,
            Event::Proved { proof, .. } => self.prove(proof),
            Event::ProofWrong { .. } => self.count_wrong(),
            Event::AuthorityVerified { authority } => self.take_authority(authority)?,
            Event::Verified { .. } => self.verify()?,
            Event::Doubted { .. } => self.doubt(now)?,
            Event::Answered { .. } => self.take_answer(now)?,
            Event::IdentityFailed { .. } => self.give_up(now)?,
            Event::PlanFrozen { plan, ruleset, items, silent, .. } => {
                self.freeze(plan, ruleset, items, silent)?;
            }
            Event::Decided { item, decision } => self.decide(item, decision)?,
            Event::AllDecided { .. } => self.close_decisions()?,
            Event::RulesChanged { ruleset, verdicts, .. } => self.change_rules(ruleset, &verdicts)?,
            Event::Approved { plan, by } => self.approve(&plan, &by)?,
            Event::Rejected { plan, .. } => self.reject(&plan)?,
            Event::ItemDone { item, .. } => self.do_item(item)?,
            Event::ItemDeferred { item, hold, .. } => self.defer_item(item, hold)?,
            Event::ItemsDone { .. } => self.close_items()?,
            Event::ProbesPassed { .. } => self.state = State::Responding,
            Event::ProbesFailed { items, .. } => self.fail_items(items)?,
            Event::Delivered { answer, .. } => self.deliver(&answer)?,
            Event::AnsweredWith { into, ending, .. } => self.answer_with(into, ending)?,
            Event::TakenBack { .. } => self.take_back(now)?,
            Event::Extended { reason, notice_delivered_at, .. } => {
                let extended = self.clock.extend(reason, notice_delivered_at, now);
                self.clock =
                    extended.map_err(|source| Refused::Clock { event: EventKind::Extended, source })?;
            }
            Event::DuplicateLinked { of, .. } => self.link_duplicate(of)?,
            Event::Merged { part, .. } => self.merge(part)?,
            Event::MergedInto { into, .. } => self.merge_into(into)?,
            Event::Unmerged { other, .. } => self.unmerge(&other)?,
        }
        Ok(())
    }

    /// Whether something may be looked for under a right: it needs no proof, or identity is shown as it needs it, and
    /// a representative's authority covers it.
    pub fn is_cleared(&self, right: Right) -> bool {
        let covered = match self.asker {
            Asker::Oneself => true,
            Asker::Representative => {
                self.authority.as_ref().is_some_and(|authority| authority.rights.contains(&right))
            }
        };
        Need::of(right) == Need::Nothing || (covered && self.identity.suffices(right))
    }

    /// Whether all that is asked is cleared.
    pub fn is_verified(&self) -> bool {
        self.rights().into_iter().all(|right| self.is_cleared(right))
    }

    /// The rights that are asked and not cleared.
    pub(super) fn barred(&self) -> BTreeSet<Right> {
        self.rights().into_iter().filter(|right| !self.is_cleared(*right)).collect()
    }

    /// On from identifying: to what is cleared, and where nothing is, to the answer.
    pub(super) fn go_on(&mut self) {
        let something = self.rights().into_iter().any(|right| self.is_cleared(right));
        self.state = if something { State::Discovering } else { State::Responding };
    }

    fn prove(&mut self, proof: Proof) {
        self.identity.proofs.insert(proof);
    }

    fn count_wrong(&mut self) {
        self.identity.wrong = self.identity.wrong.saturating_add(1);
        if self.identity.is_locked() {
            self.fail_identity();
        }
    }

    fn fail_identity(&mut self) {
        self.identity.failed = true;
        self.go_on();
    }

    fn take_authority(&mut self, authority: Authority) -> Result<(), Refused> {
        match self.asker {
            Asker::Oneself => Err(Refused::NoRepresentative),
            Asker::Representative => {
                self.authority = Some(authority);
                Ok(())
            }
        }
    }

    /// What the authority does not cover stays barred and is answered as such.
    fn verify(&mut self) -> Result<(), Refused> {
        for right in self.rights() {
            if !self.identity.suffices(right) {
                return Err(Refused::NotShown { right });
            }
            let needs_proof = Need::of(right) != Need::Nothing;
            if needs_proof && self.asker == Asker::Representative && self.authority.is_none() {
                return Err(Refused::NoAuthority);
            }
        }
        self.go_on();
        Ok(())
    }

    /// Asks for more. Whether that stops the clock is the clock's to say; a request that is overdue may be asked
    /// about too, and stays overdue.
    fn doubt(&mut self, now: Timestamp) -> Result<(), Refused> {
        if self.is_verified() {
            return Err(Refused::NothingInDoubt);
        }
        match self.clock.pause(Ground::Identity, now) {
            Ok(paused) => self.clock = paused,
            Err(DeadlineError::PausedTooLate { .. }) => {}
            Err(source) => return Err(Refused::Clock { event: EventKind::Doubted, source }),
        }
        self.state = State::AwaitingSubject;
        Ok(())
    }

    fn take_answer(&mut self, now: Timestamp) -> Result<(), Refused> {
        self.stop_waiting(EventKind::Answered, now)?;
        self.state = State::Identifying;
        Ok(())
    }

    /// While an answer is awaited, not before [`DUE_SOON`] days before the request falls due. That day is the one
    /// without the time that is awaited: under the UK GDPR the other one would never come.
    fn give_up(&mut self, now: Timestamp) -> Result<(), Refused> {
        if self.state == State::AwaitingSubject {
            let clock = self.due_clock(now);
            let today = clock.jurisdiction().time_zone().to_datetime(now.to_jiff()).date();
            if today < clock.due().strict.date.saturating_sub(i64::from(DUE_SOON).days()) {
                return Err(Refused::StillAwaited);
            }
        }
        self.stop_waiting(EventKind::IdentityFailed, now)?;
        self.fail_identity();
        Ok(())
    }

    /// Whoever asked for those that are answered with it has not taken them back: they are taken apart first.
    fn take_back(&mut self, now: Timestamp) -> Result<(), Refused> {
        if !self.parts.is_empty() {
            return Err(Refused::HasParts);
        }
        self.stop_waiting(EventKind::TakenBack, now)?;
        self.taken_back = true;
        self.state = State::Responding;
        Ok(())
    }

    /// Time goes on once nothing is awaited any more, whether or not an answer came.
    fn stop_waiting(&mut self, event: EventKind, now: Timestamp) -> Result<(), Refused> {
        let mut pauses = self.clock.pauses().iter();
        if pauses.any(|pause| pause.ground == Ground::Identity && pause.to.is_none()) {
            let resumed = self.clock.resume(Ground::Identity, now);
            self.clock = resumed.map_err(|source| Refused::Clock { event, source })?;
        }
        Ok(())
    }
}
