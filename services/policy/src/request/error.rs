//! Why a request does not take an event. Nothing has changed then.

use std::collections::BTreeSet;

use kernel::{ErrorCode, ServiceError};

use super::answer::Remedy;
use super::kind::EventKind;
use super::names::{Actor, ItemKey, PlanName, RequestKey};
use super::{MAX_ITEMS, MAX_PARTS, State};
use crate::code::Code;
use crate::deadline::DeadlineError;
use crate::rights::{Outcome, Reason, Right};

/// What a request refuses, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each field is named in its variant's sentence")]
pub enum Refused {
    /// A request asks for something.
    #[error("a request must name at least one right")]
    NoRight,
    /// The lifecycle does not know it there.
    #[error("{event} is not taken by a request in state {state}")]
    NotNow { event: EventKind, state: State },
    /// The clock does not take it.
    #[error("the request's clock does not take {event}")]
    Clock { event: EventKind, source: DeadlineError },
    /// Not enough was shown for a right.
    #[error("identity is not shown as {right} needs it")]
    NotShown { right: Right },
    /// Everything was shown; to ask for more would be an obstacle.
    #[error("identity is shown for every right already, so that no more may be asked")]
    NothingInDoubt,
    /// There is still time to answer.
    #[error(
        "an answer is awaited until three days before the request falls due, so identity has not failed yet"
    )]
    StillAwaited,
    /// Nobody has shown that they act for the person.
    #[error("a representative asks whose authority is not verified")]
    NoAuthority,
    /// There is nobody to have authority.
    #[error("the person asks by themselves, without a representative")]
    NoRepresentative,
    /// A store that does not answer has failed; it is not empty.
    #[error("the plan cannot be frozen while registered stores have not answered: {}", list(.stores))]
    StoresSilent { stores: BTreeSet<Code> },
    /// More than one request may have.
    #[error("a plan has at most {max} items", max = MAX_ITEMS)]
    TooManyItems,
    /// The right was not asked for, or was not cleared: nothing may be looked for under it.
    #[error("item {item} is under {right}, which is not asked for or not verified")]
    RightBarred { item: ItemKey, right: Right },
    /// The plan does not have it.
    #[error("item {item} is not in the frozen plan")]
    NoSuchItem { item: ItemKey },
    /// Nobody knows these rules here.
    #[error(
        "item {item} is decided by ruleset {ruleset}, which is neither the plan's nor the newest that was told"
    )]
    OtherRuleset { item: ItemKey, ruleset: u32 },
    /// Rules do not go back.
    #[error("ruleset {ruleset} is not newer than {known}")]
    OldRuleset { ruleset: u32, known: u32 },
    /// What the newer rules say has to be told for each item.
    #[error("item {item} has no verdict by the newer rules")]
    NoVerdict { item: ItemKey },
    /// Art. 12(5) has to be proven.
    #[error("item {item} is refused as unfounded or excessive without evidence")]
    NoEvidence { item: ItemKey },
    /// The number of requests shows nothing by itself.
    #[error("item {item} is refused for the number of requests alone")]
    CountAlone { item: ItemKey },
    /// The reason is none that the rule knows.
    #[error("item {item} cannot be refused for {reason} by that rule")]
    OtherReason { item: ItemKey, reason: Reason },
    /// Only what is pending can be left so.
    #[error("item {item} comes to {outcome} and cannot be left pending")]
    NotPending { item: ItemKey, outcome: Outcome },
    /// Somebody has to decide first.
    #[error("item {item} is not decided")]
    Undecided { item: ItemKey },
    /// The plan is not the one that was seen.
    #[error("plan {seen} is not the frozen plan {frozen}")]
    StalePlan { seen: PlanName, frozen: PlanName },
    /// Who decided does not approve.
    #[error("{by} decided what is to be approved, which takes a second person")]
    SamePerson { by: Actor },
    /// Only what would be erased is deferred by a hold.
    #[error("item {item} is not erased, so a hold does not defer it")]
    NotDeferrable { item: ItemKey },
    /// It is done, or deferred.
    #[error("item {item} is settled already")]
    Settled { item: ItemKey },
    /// There is something left to do.
    #[error("item {item} is not done")]
    NotDone { item: ItemKey },
    /// The answer does not explain an item.
    #[error("the answer gives no reasons for item {item}")]
    ItemUnexplained { item: ItemKey },
    /// The answer does not explain a right.
    #[error("the answer gives no reasons for {right}")]
    RightUnexplained { right: Right },
    /// The answer does not say what can be done about it.
    #[error("the answer does not name the remedy {remedy}")]
    RemedyMissing { remedy: Remedy },
    /// Who asks is not shown to be the person, so that it may not be merged: it would bar others, or join them.
    #[error("a request is merged only when it is verified for every right that it asks")]
    Unverified,
    /// It is the same request.
    #[error("request {other} cannot be linked to itself")]
    Itself { other: RequestKey },
    /// It is answered with another.
    #[error("the request is answered with {into}")]
    AnsweredElsewhere { into: RequestKey },
    /// Others are answered with it, so that it is neither merged itself nor taken back.
    #[error("other requests are answered with this one: they are taken apart from it first")]
    HasParts,
    /// It is merged already.
    #[error("request {other} is merged already")]
    AlreadyMerged { other: RequestKey },
    /// It is not merged with that one.
    #[error("the request is not merged with {other}")]
    NotMerged { other: RequestKey },
    /// More than are answered as one.
    #[error("at most {max} other requests are answered with one", max = MAX_PARTS)]
    TooManyParts,
}

fn list(codes: &BTreeSet<Code>) -> String {
    codes.iter().map(Code::as_str).collect::<Vec<_>>().join(", ")
}

impl Refused {
    /// Its code word, for whoever has to tell the reasons apart; never given another meaning.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoRight => "no-right",
            Self::NotNow { .. } => "not-now",
            Self::Clock { .. } => "clock",
            Self::NotShown { .. } => "not-shown",
            Self::NothingInDoubt => "nothing-in-doubt",
            Self::StillAwaited => "still-awaited",
            Self::NoAuthority => "no-authority",
            Self::NoRepresentative => "no-representative",
            Self::StoresSilent { .. } => "stores-silent",
            Self::TooManyItems => "too-many-items",
            Self::RightBarred { .. } => "right-barred",
            Self::NoSuchItem { .. } => "no-such-item",
            Self::OtherRuleset { .. } => "other-ruleset",
            Self::OldRuleset { .. } => "old-ruleset",
            Self::NoVerdict { .. } => "no-verdict",
            Self::NoEvidence { .. } => "no-evidence",
            Self::CountAlone { .. } => "count-alone",
            Self::OtherReason { .. } => "other-reason",
            Self::NotPending { .. } => "not-pending",
            Self::Undecided { .. } => "undecided",
            Self::StalePlan { .. } => "stale-plan",
            Self::SamePerson { .. } => "same-person",
            Self::NotDeferrable { .. } => "not-deferrable",
            Self::Settled { .. } => "settled",
            Self::NotDone { .. } => "not-done",
            Self::ItemUnexplained { .. } => "item-unexplained",
            Self::RightUnexplained { .. } => "right-unexplained",
            Self::RemedyMissing { .. } => "remedy-missing",
            Self::Unverified => "unverified",
            Self::Itself { .. } => "itself",
            Self::AnsweredElsewhere { .. } => "answered-elsewhere",
            Self::HasParts => "has-parts",
            Self::AlreadyMerged { .. } => "already-merged",
            Self::NotMerged { .. } => "not-merged",
            Self::TooManyParts => "too-many-parts",
        }
    }
}

impl ServiceError for Refused {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Clock { source, .. } => source.code(),
            Self::NoRight | Self::NoSuchItem { .. } | Self::OtherReason { .. } | Self::Itself { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::TooManyItems | Self::TooManyParts => ErrorCode::ResourceExhausted,
            Self::SamePerson { .. } => ErrorCode::PermissionDenied,
            Self::NotNow { .. }
            | Self::NotShown { .. }
            | Self::NothingInDoubt
            | Self::StillAwaited
            | Self::NoAuthority
            | Self::NoRepresentative
            | Self::StoresSilent { .. }
            | Self::RightBarred { .. }
            | Self::OtherRuleset { .. }
            | Self::OldRuleset { .. }
            | Self::NoVerdict { .. }
            | Self::NoEvidence { .. }
            | Self::CountAlone { .. }
            | Self::NotPending { .. }
            | Self::Undecided { .. }
            | Self::StalePlan { .. }
            | Self::NotDeferrable { .. }
            | Self::Settled { .. }
            | Self::NotDone { .. }
            | Self::ItemUnexplained { .. }
            | Self::RightUnexplained { .. }
            | Self::RemedyMissing { .. }
            | Self::Unverified
            | Self::AnsweredElsewhere { .. }
            | Self::HasParts
            | Self::AlreadyMerged { .. }
            | Self::NotMerged { .. } => ErrorCode::FailedPrecondition,
        }
    }
}
