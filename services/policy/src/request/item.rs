//! An item of a request's plan: one artefact for one purpose under one right, and what is decided of it.

use std::collections::BTreeSet;

use super::names::{Actor, PlanName};
use crate::code::Code;
use crate::rights::{Outcome, Reason, Right, Verdict};
use crate::words::words;

words! {
    /// How far an item is.
    ItemState {
        /// Nothing was done with it.
        Open = 1 "open",
        /// It is done.
        Done = 2 "done",
        /// A hold was found when it was to be done: restricted, and erased once that is released.
        Deferred = 3 "deferred",
        /// It was done, and a probe found that it is not.
        Failed = 4 "failed",
    }
}

words! {
    /// What shows that a request is manifestly unfounded or excessive (GDPR Art. 12(5)). The controller proves it,
    /// by what was asked and by what for (CJEU C-526/24).
    Evidence {
        /// How many requests there were. It shows nothing by itself (CJEU C-416/23).
        Count = 1 "count",
        /// The same was asked and answered before, and nothing has changed since.
        Unchanged = 2 "unchanged",
        /// It is made for something that the right is not for.
        AbusiveIntent = 3 "abusive-intent",
        /// Whoever asks offers to let it rest for some advantage.
        Extortion = 4 "extortion",
    }
}

/// Why Art. 12(5) is invoked. Who approves of it is the data protection officer: the caller sees to that.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Excess {
    /// Which of the two it is.
    pub reason: Reason,
    /// What shows it.
    pub evidence: BTreeSet<Evidence>,
    /// Under which reference that is filed.
    pub filed: Code,
}

/// What was decided of an item.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Decision {
    /// What is to be done.
    pub verdict: Verdict,
    /// By which version of the rules.
    pub ruleset: u32,
    /// By whom.
    pub by: Actor,
    /// Why Art. 12(5) is invoked, where it is.
    pub excess: Option<Excess>,
    /// Where what is pending stays so while the request is answered: under which reference it is weighed on.
    pub left: Option<Code>,
}

/// A second person's yes to a decision.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Approval {
    /// Whose.
    pub by: Actor,
    /// To which plan.
    pub plan: PlanName,
}

/// One artefact for one purpose under one right.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Item {
    pub(super) right: Right,
    pub(super) proposed: Verdict,
    pub(super) rerun: Option<Verdict>,
    pub(super) decision: Option<Decision>,
    pub(super) approval: Option<Approval>,
    pub(super) hold: Option<Code>,
    pub(super) state: ItemState,
}

/// How much of what was asked an item comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Share {
    /// All.
    Whole,
    /// Some of it, or not yet.
    Part,
    /// Nothing.
    Nothing,
    /// The right does not reach it.
    OutOfReach,
}

impl Item {
    pub(super) fn new(right: Right, proposed: Verdict) -> Self {
        let state = ItemState::Open;
        Self { right, proposed, rerun: None, decision: None, approval: None, hold: None, state }
    }

    /// Under which right.
    pub fn right(&self) -> Right {
        self.right
    }

    /// What it came to when the plan was frozen (`then`).
    pub fn proposed(&self) -> Verdict {
        self.proposed
    }

    /// What it comes to by rules that are newer than the plan (`now`); none where there are no such (scenario 60).
    pub fn rerun(&self) -> Option<Verdict> {
        self.rerun
    }

    /// What people decided.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Who approved.
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }

    /// The hold that deferred it; none unless it is deferred.
    pub fn hold(&self) -> Option<&Code> {
        self.hold.as_ref()
    }

    /// How far it is.
    pub fn state(&self) -> ItemState {
        self.state
    }

    /// Whether it is decided, so that something can be done: what is pending is not, unless it was left so.
    pub fn is_decided(&self) -> bool {
        let decided =
            |decision: &Decision| decision.left.is_some() || !is_pending(decision.verdict.outcome());
        self.decision.as_ref().is_some_and(decided)
    }

    /// Whether a second person must approve of what was decided. To leave somebody without an answer takes one too.
    pub fn needs_second_person(&self) -> bool {
        let needs = |decision: &Decision| decision.left.is_some() || decision.verdict.needs_second_person();
        self.decision.as_ref().is_some_and(needs)
    }

    /// Whether nothing is left to do.
    pub fn is_settled(&self) -> bool {
        match self.state {
            ItemState::Done | ItemState::Deferred => true,
            ItemState::Open | ItemState::Failed => false,
        }
    }

    /// Whether somebody's data was given, erased or restricted by it: a breach, where it was another person's. Of what failed
    /// or was deferred it is not known: a hold may have ended since.
    pub fn has_touched_data(&self) -> bool {
        let is_tried = matches!(self.state, ItemState::Done | ItemState::Deferred | ItemState::Failed);
        let decision = self.decision.as_ref().filter(|_| is_tried);
        decision.is_some_and(|decision| decision.verdict.outcomes().any(touches_data))
    }

    /// How much of what was asked it comes to.
    pub(super) fn share(&self) -> Share {
        let Some(decision) = self.decision.as_ref().filter(|_| self.is_settled()) else {
            return Share::Nothing;
        };
        let pending = decision.verdict.outcomes().any(is_pending);
        if pending || self.state == ItemState::Deferred {
            return Share::Part;
        }
        share_of(decision.verdict.outcome())
    }
}

/// Whether somebody has to choose or to weigh first.
pub(super) fn is_pending(outcome: Outcome) -> bool {
    match outcome {
        Outcome::PendingSubject | Outcome::PendingBalance => true,
        Outcome::GrantFull
        | Outcome::GrantRedacted
        | Outcome::Correct
        | Outcome::Annotate
        | Outcome::Erase
        | Outcome::EraseByExpiry
        | Outcome::DeferRestrict
        | Outcome::Restrict
        | Outcome::StopPurpose
        | Outcome::RetainMinimal
        | Outcome::Refuse
        | Outcome::NotApplicable
        | Outcome::EraseRedacting => false,
    }
}

fn touches_data(outcome: Outcome) -> bool {
    match outcome {
        Outcome::GrantFull
        | Outcome::GrantRedacted
        | Outcome::Erase
        | Outcome::EraseRedacting
        | Outcome::DeferRestrict
        | Outcome::Restrict => true,
        Outcome::Correct
        | Outcome::Annotate
        | Outcome::EraseByExpiry
        | Outcome::StopPurpose
        | Outcome::RetainMinimal
        | Outcome::Refuse
        | Outcome::NotApplicable
        | Outcome::PendingSubject
        | Outcome::PendingBalance => false,
    }
}

fn share_of(outcome: Outcome) -> Share {
    match outcome {
        Outcome::GrantFull
        | Outcome::Correct
        | Outcome::Annotate
        | Outcome::Erase
        | Outcome::EraseRedacting
        | Outcome::EraseByExpiry
        | Outcome::Restrict
        | Outcome::StopPurpose => Share::Whole,
        Outcome::GrantRedacted
        | Outcome::DeferRestrict
        | Outcome::RetainMinimal
        | Outcome::PendingSubject
        | Outcome::PendingBalance => Share::Part,
        Outcome::Refuse => Share::Nothing,
        Outcome::NotApplicable => Share::OutOfReach,
    }
}
