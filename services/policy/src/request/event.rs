//! What happens to a request. Nothing here is the passing of time.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Timestamp;

use super::answer::{Answer, Ending};
use super::identity::Proof;
use super::intake::Authority;
use super::item::Decision;
use super::kind::EventKind;
use super::links::Part;
use super::names::{Actor, ItemKey, PlanName, RequestKey};
use crate::code::Code;
use crate::deadline;
use crate::rights::{Right, Verdict};

/// What happens to a request. `by` is who did it; whether they may is the caller's to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Its receipt was acknowledged, and what it is about is held against expiry.
    Acknowledged {
        /// Who did it.
        by: Actor,
    },
    /// Something of who asks was shown.
    Proved {
        /// What.
        proof: Proof,
        /// Who did it.
        by: Actor,
    },
    /// A wrong code or answer.
    ProofWrong {
        /// What.
        proof: Proof,
        /// Who did it.
        by: Actor,
    },
    /// Whoever asks for somebody was shown to act for them, as far as the authority goes.
    AuthorityVerified {
        /// The authority.
        authority: Authority,
    },
    /// Enough was shown for each right that is asked.
    Verified {
        /// Who did it.
        by: Actor,
    },
    /// More proof was asked for.
    Doubted {
        /// Who did it.
        by: Actor,
    },
    /// Who asks has answered.
    Answered {
        /// Who did it.
        by: Actor,
    },
    /// Who asks could not be shown to be the person. It is somebody who concludes that, and no timer.
    IdentityFailed {
        /// Who did it.
        by: Actor,
    },
    /// What is to be decided was found and written down.
    PlanFrozen {
        /// The plan's name.
        plan: PlanName,
        /// By which version of the rules its verdicts are.
        ruleset: u32,
        /// Its items: under which right, and what the rules say.
        items: BTreeMap<ItemKey, (Right, Verdict)>,
        /// Registered stores that have not said what they hold.
        silent: BTreeSet<Code>,
        /// Who did it.
        by: Actor,
    },
    /// Somebody decided on an item, or decided anew.
    Decided {
        /// Which item.
        item: ItemKey,
        /// What was decided.
        decision: Decision,
    },
    /// The decisions are complete.
    AllDecided {
        /// Who did it.
        by: Actor,
    },
    /// There are newer rules, and this is what they say of each item.
    RulesChanged {
        /// The version of the rules.
        ruleset: u32,
        /// What they say, of every item.
        verdicts: BTreeMap<ItemKey, Verdict>,
        /// Who did it.
        by: Actor,
    },
    /// A second person approves of the plan's decisions.
    Approved {
        /// The plan that they saw.
        plan: PlanName,
        /// Who did it.
        by: Actor,
    },
    /// They go back to be decided again.
    Rejected {
        /// The plan that they saw.
        plan: PlanName,
        /// Who did it.
        by: Actor,
    },
    /// What was decided of an item is done. Holds were read in the same write.
    ItemDone {
        /// Which item.
        item: ItemKey,
        /// Who did it.
        by: Actor,
    },
    /// That write met a hold: the item is restricted, and erased once the hold is released.
    ItemDeferred {
        /// Which item.
        item: ItemKey,
        /// The hold.
        hold: Code,
        /// Who did it.
        by: Actor,
    },
    /// Nothing is left to do.
    ItemsDone {
        /// Who did it.
        by: Actor,
    },
    /// What was erased comes back on no path that a reader has, and what is somebody else's still does.
    ProbesPassed {
        /// Who did it.
        by: Actor,
    },
    /// Probes found these not to be done; none of them where it was somebody else's data that did not come back.
    ProbesFailed {
        /// Which items.
        items: BTreeSet<ItemKey>,
        /// Who did it.
        by: Actor,
    },
    /// The answer was delivered.
    Delivered {
        /// What the answer explains.
        answer: Answer,
        /// Who did it.
        by: Actor,
    },
    /// The request that this one was merged into was answered, and so was this one.
    AnsweredWith {
        /// Which request that is.
        into: RequestKey,
        /// How that one ended.
        ending: Ending,
        /// Who did it.
        by: Actor,
    },
    /// Who asked takes the request back. (A consent that is taken back is a right, and not this.)
    TakenBack {
        /// Who did it.
        by: Actor,
    },
    /// The period was extended.
    Extended {
        /// Why.
        reason: deadline::Reason,
        /// When the notice of it was delivered.
        notice_delivered_at: Option<Timestamp>,
        /// Who did it.
        by: Actor,
    },
    /// It asks the same as another one, and is answered all the same.
    DuplicateLinked {
        /// Which one.
        of: RequestKey,
        /// Who did it.
        by: Actor,
    },
    /// Another request of the same person is answered with this one.
    Merged {
        /// That request.
        part: Part,
        /// Who did it.
        by: Actor,
    },
    /// This one is answered with another request of the same person.
    MergedInto {
        /// Which request that is.
        into: RequestKey,
        /// Who did it.
        by: Actor,
    },
    /// Two requests turned out not to be of the same person.
    Unmerged {
        /// The other request.
        other: RequestKey,
        /// Who did it.
        by: Actor,
    },
}

impl Event {
    /// Its name.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Acknowledged { .. } => EventKind::Acknowledged,
            Self::Proved { .. } => EventKind::Proved,
            Self::ProofWrong { .. } => EventKind::ProofWrong,
            Self::AuthorityVerified { .. } => EventKind::AuthorityVerified,
            Self::Verified { .. } => EventKind::Verified,
            Self::Doubted { .. } => EventKind::Doubted,
            Self::Answered { .. } => EventKind::Answered,
            Self::IdentityFailed { .. } => EventKind::IdentityFailed,
            Self::PlanFrozen { .. } => EventKind::PlanFrozen,
            Self::Decided { .. } => EventKind::Decided,
            Self::AllDecided { .. } => EventKind::AllDecided,
            Self::RulesChanged { .. } => EventKind::RulesChanged,
            Self::Approved { .. } => EventKind::Approved,
            Self::Rejected { .. } => EventKind::Rejected,
            Self::ItemDone { .. } => EventKind::ItemDone,
            Self::ItemDeferred { .. } => EventKind::ItemDeferred,
            Self::ItemsDone { .. } => EventKind::ItemsDone,
            Self::ProbesPassed { .. } => EventKind::ProbesPassed,
            Self::ProbesFailed { .. } => EventKind::ProbesFailed,
            Self::Delivered { .. } => EventKind::Delivered,
            Self::AnsweredWith { .. } => EventKind::AnsweredWith,
            Self::TakenBack { .. } => EventKind::TakenBack,
            Self::Extended { .. } => EventKind::Extended,
            Self::DuplicateLinked { .. } => EventKind::DuplicateLinked,
            Self::Merged { .. } => EventKind::Merged,
            Self::MergedInto { .. } => EventKind::MergedInto,
            Self::Unmerged { .. } => EventKind::Unmerged,
        }
    }
}
