//! The events by name, and in which states of a request each is taken.

use super::State;
#[cfg(doc)]
use super::event::Event;
use crate::words::words;

words! {
    /// The events by name. See [`Event`].
    EventKind {
        /// See [`Event::Acknowledged`].
        Acknowledged = 1 "acknowledged",
        /// See [`Event::Proved`].
        Proved = 2 "proved",
        /// See [`Event::ProofWrong`].
        ProofWrong = 3 "proof-wrong",
        /// See [`Event::AuthorityVerified`].
        AuthorityVerified = 4 "authority-verified",
        /// See [`Event::Verified`].
        Verified = 5 "verified",
        /// See [`Event::Doubted`].
        Doubted = 6 "doubted",
        /// See [`Event::Answered`].
        Answered = 7 "answered",
        /// See [`Event::IdentityFailed`].
        IdentityFailed = 8 "identity-failed",
        /// See [`Event::PlanFrozen`].
        PlanFrozen = 9 "plan-frozen",
        /// See [`Event::Decided`].
        Decided = 10 "decided",
        /// See [`Event::AllDecided`].
        AllDecided = 11 "all-decided",
        /// See [`Event::RulesChanged`].
        RulesChanged = 12 "rules-changed",
        /// See [`Event::Approved`].
        Approved = 13 "approved",
        /// See [`Event::Rejected`].
        Rejected = 14 "rejected",
        /// See [`Event::ItemDone`].
        ItemDone = 15 "item-done",
        /// See [`Event::ItemDeferred`].
        ItemDeferred = 16 "item-deferred",
        /// See [`Event::ItemsDone`].
        ItemsDone = 17 "items-done",
        /// See [`Event::ProbesPassed`].
        ProbesPassed = 18 "probes-passed",
        /// See [`Event::ProbesFailed`].
        ProbesFailed = 19 "probes-failed",
        /// See [`Event::Delivered`].
        Delivered = 20 "delivered",
        /// See [`Event::AnsweredWith`].
        AnsweredWith = 21 "answered-with",
        /// See [`Event::TakenBack`].
        TakenBack = 22 "taken-back",
        /// See [`Event::Extended`].
        Extended = 23 "extended",
        /// See [`Event::DuplicateLinked`].
        DuplicateLinked = 24 "duplicate-linked",
        /// See [`Event::Merged`].
        Merged = 25 "merged",
        /// See [`Event::MergedInto`].
        MergedInto = 26 "merged-into",
        /// See [`Event::Unmerged`].
        Unmerged = 27 "unmerged",
    }
}

impl EventKind {
    /// The states in which it is taken. Nothing is taken in [`State::Closed`].
    pub fn states(self) -> &'static [State] {
        use State::*;
        match self {
            Self::Acknowledged => &[Received],
            Self::Proved | Self::ProofWrong | Self::AuthorityVerified | Self::Verified | Self::Doubted => {
                &[Identifying]
            }
            Self::Answered => &[AwaitingSubject],
            Self::IdentityFailed => &[Identifying, AwaitingSubject],
            Self::PlanFrozen => &[Discovering, Deciding],
            Self::Decided | Self::AllDecided => &[Deciding],
            Self::RulesChanged => &[Deciding, AwaitingApproval],
            Self::Approved | Self::Rejected => &[AwaitingApproval],
            Self::ItemDone | Self::ItemDeferred | Self::ItemsDone => &[Executing],
            Self::ProbesPassed | Self::ProbesFailed => &[Verifying],
            Self::Delivered | Self::AnsweredWith => &[Responding],
            Self::TakenBack => {
                &[Received, Identifying, AwaitingSubject, Discovering, Deciding, AwaitingApproval]
            }
            Self::Extended | Self::DuplicateLinked => State::OPEN,
            Self::Merged | Self::MergedInto => &[Discovering, Deciding, AwaitingApproval],
            Self::Unmerged => State::OPEN,
        }
    }
}
