//! What is done with a request, one act after the other: as it is kept, and never changed. Pure.
//!
//! A request is its acts: [`File`](crate::file::File) folds them by `policy`'s lifecycle, so that how it came to be what
//! it is can be shown at any time.

use std::collections::BTreeSet;

use kernel::{
    EventId, HoldId, IntervalSet, Position, PurposeName, RecordingId, RequestId, SubjectId, TenantId,
    Timestamp,
};
use policy::code::Code;
use policy::deadline::{self, Region};
use policy::jurisdiction::Jurisdiction;
use policy::request::{Actor, Asker, Channel, Ending, Excess, Ground, ItemKey, PlanName, Proof};
use policy::rights::{Gate, Right};
use seal::Hash;

use crate::plan::Language;

/// Most acts that one request has; a further one is refused, whatever it is, but the answer.
pub const MAX_ACTS: u64 = 10_000;
/// Most items that one act names.
pub const MAX_NAMED: usize = 1_000;
/// Most stretches that one decision names.
pub const MAX_STRETCHES: usize = 256;

/// Which request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestKey {
    /// Whose controller's.
    pub tenant: TenantId,
    /// Its id.
    pub id: RequestId,
}

impl RequestKey {
    /// Another request of the same controller.
    #[must_use]
    pub fn beside(&self, id: RequestId) -> Self {
        Self { tenant: self.tenant.clone(), id }
    }
}

/// One act on a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The act's own id, by which its event is known.
    pub id: EventId,
    /// Which request.
    pub key: RequestKey,
    /// 1 for the receipt, one more with each act.
    pub version: u64,
    /// When, in domain time.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What.
    pub act: Act,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// The controller has it.
    Received(Received),
    /// Whoever asked was told so, and a hold keeps what it is about while it is open, where it needs one.
    Acknowledged {
        /// The hold.
        hold: Option<HoldId>,
    },
    /// Something of who asks was shown.
    Proved(Proof),
    /// A wrong code or answer.
    Wrong(Proof),
    /// Whoever asks for somebody has authority.
    Authority {
        /// Under which reference the mandate is filed.
        filed: Code,
        /// The rights that it covers.
        rights: BTreeSet<Right>,
    },
    /// Enough was shown.
    Verified,
    /// More was asked for.
    Doubted,
    /// Who asks has answered.
    Answered,
    /// Who asks could not be shown to be the person.
    IdentityFailed,
    /// What is kept of the person was found, and is frozen; its items lie beside the acts, in pages.
    PlanFrozen {
        /// The plan's name.
        plan: PlanName,
        /// The version of the rules.
        ruleset: u32,
        /// How many items it has.
        items: u32,
    },
    /// Somebody decided.
    Decided(Decided),
    /// Nothing is left to decide.
    DecisionsClosed,
    /// A second person approves of a plan's decisions.
    Approved(PlanName),
    /// They are to be decided again.
    Rejected(PlanName),
    /// These items are done.
    ItemsDone {
        /// Which, at most [`MAX_NAMED`].
        items: BTreeSet<ItemKey>,
        /// Under which reference it is filed, where a person did it by hand.
        filed: Option<Code>,
    },
    /// A hold stopped these; they are erased once it is released.
    ItemsDeferred {
        /// Which, at most [`MAX_NAMED`].
        items: BTreeSet<ItemKey>,
        /// The hold.
        hold: Code,
    },
    /// Nothing is left to do.
    ExecutionClosed,
    /// What was erased comes back nowhere.
    ProbesPassed,
    /// These were found not to be done.
    ProbesFailed(BTreeSet<ItemKey>),
    /// The answer was delivered.
    Delivered {
        /// SHA-256 of the letter.
        letter: Hash,
    },
    /// Two months more.
    Extended {
        /// Why.
        reason: deadline::Reason,
        /// When the person was told.
        notice_delivered_at: Timestamp,
    },
    /// Who asked takes it back.
    TakenBack,
    /// Consent was taken back for these purposes, as of the receipt: that needs no proof and waits for nobody (GDPR
    /// Art. 7(3)).
    Withdrawn(BTreeSet<PurposeName>),
    /// It asks the same as another one, and is answered all the same.
    DuplicateOf(RequestId),
    /// Another request of the same person is answered with this one.
    Merged(MergedPart),
    /// This one is answered with another request.
    MergedInto(RequestId),
    /// The two turned out not to be of the same person.
    Unmerged {
        /// The other one.
        other: RequestId,
        /// What was given by then and may have been another person's; at most [`MAX_NAMED`].
        to_assess: BTreeSet<ItemKey>,
    },
    /// These turned out to be somebody else's: nothing more is done with them, and what was given or erased of them before
    /// is a breach to assess; at most [`MAX_NAMED`].
    NotTheirs(BTreeSet<ItemKey>),
    /// The request that this one was merged into was answered, and so was this one.
    AnsweredWith {
        /// Which.
        into: RequestId,
        /// How that one ended.
        ending: Ending,
    },
    /// Which calls of a line that several people use are the person's; of no other act's calls.
    CallsConfirmed {
        /// Theirs; at most [`MAX_NAMED`] together with the others.
        theirs: BTreeSet<RecordingId>,
        /// Somebody else's, of whom nothing is told.
        not_theirs: BTreeSet<RecordingId>,
    },
    /// These restrictions were placed, and stand until they are lifted; at most [`MAX_NAMED`].
    Restricted(BTreeSet<HoldId>),
    /// What the request has restricted is free again.
    Lifted {
        /// When the person was told that it would be (GDPR Art. 18(3)).
        notice_delivered_at: Timestamp,
    },
}

/// Another request, as it stood when it was merged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedPart {
    /// Which.
    pub request: RequestId,
    /// What it asks.
    pub rights: BTreeSet<Right>,
    /// When the controller received it.
    pub received_at: Timestamp,
    /// Under which law its time runs.
    pub jurisdiction: Jurisdiction,
    /// The region whose holidays count, too.
    pub region: Option<Region>,
    /// The version of the calendar that its time is counted by.
    pub calendar: u16,
    /// Where its period was extended.
    pub extended: Option<deadline::Extension>,
}

/// A request as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// What is asked.
    pub rights: BTreeSet<Right>,
    /// How it came.
    pub channel: Channel,
    /// Who asks.
    pub asker: Asker,
    /// About whom.
    pub subject: SubjectId,
    /// When the controller received it, in domain time.
    pub received_at: Timestamp,
    /// The call in which it was said, and where in it.
    pub said_in: Option<(RecordingId, Option<Position>)>,
    /// Under which law its time runs.
    pub jurisdiction: Jurisdiction,
    /// The region whose holidays count, too.
    pub region: Option<Region>,
    /// The version of the calendar that its time is counted by.
    pub calendar: u16,
    /// In which language it is answered.
    pub language: Language,
}

/// One person's decision on items of one plan: what the rules say of them, once what was found is taken into account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// The plan that was seen.
    pub plan: PlanName,
    /// Which items; every one that is not decided where empty.
    pub items: BTreeSet<ItemKey>,
    /// What was found.
    pub found: Found,
    /// Where what is pending stays so while the request is answered: under which reference it is weighed on.
    pub left: Option<Code>,
}

/// What a person found about items, which the stores cannot know.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Found {
    /// What stands in the way, or was weighed.
    pub gate: Option<Gate>,
    /// Why Art. 12(5) is invoked, where it is.
    pub excess: Option<Excess>,
    /// The person does not need what they asked to be kept any more.
    pub own_hold_waived: bool,
    /// Where others are heard on a leg: a copy is silent there. At most [`MAX_STRETCHES`].
    pub others_heard: IntervalSet,
    /// On which ground something is restricted.
    pub ground: Option<Ground>,
}
