//! The lifecycle of a person's request, from its receipt to its answer, as a pure state machine.
//!
//! A [`Request`] is a value: [`Request::apply`] makes another one of it by an [`Event`], or says why not
//! ([`Refused`]), and then nothing has changed. What it says of a moment depends on the `now` that is passed in.
//!
//! | From | On | To |
//! |---|---|---|
//! | received | acknowledged | identifying |
//! | identifying | verified; doubted; identity failed | discovering; awaiting-subject; responding |
//! | awaiting-subject | answered; identity failed | identifying; responding |
//! | discovering | plan frozen | deciding |
//! | deciding | all decided | awaiting-approval; executing where nothing needs a second person |
//! | awaiting-approval | approved; rejected | executing; deciding |
//! | executing | items done | verifying |
//! | verifying | probes passed; probes failed | responding; executing |
//! | responding | delivered | closed |
//!
//! Before anything is executed, whoever asked may take the request back (responding), and what merges requests or takes
//! them apart begins anew with discovering.
//!
//! - Silence closes nothing and no timer does: there is no event for it. That a request is overdue is an incident that
//!   its clock tells ([`Request::is_overdue`]), and the work goes on.
//! - It is closed by its answer alone, and what it ended as is computed from its items.
//! - What needs proof of who asks is not even looked for until that is shown ([`Need`]). A withdrawal and an objection
//!   to marketing need none: where identity fails, they go on and the rest is answered. They take effect when they are
//!   said, as events of consent; the request is their file.
//! - What erases, refuses or redacts takes two people, and the second one approves of one plan by its name.
//! - Rules that change meanwhile are shown beside what was decided, and decide nothing by themselves.
//!
//! Read [`State`] and [`Request`] first, then [`Event`] with [`EventKind::states`], then [`Item`] and [`Identity`].

mod answer;
mod apply;
mod deciding;
mod doing;
mod error;
mod event;
mod identity;
mod intake;
mod item;
mod kind;
mod links;
mod names;
mod notice;

use std::collections::{BTreeMap, BTreeSet};

use kernel::Timestamp;

pub use self::answer::{Answer, Ending, Remedy};
pub use self::error::Refused;
pub use self::event::Event;
pub use self::identity::{Identity, MAX_WRONG, Need, Proof};
pub use self::intake::{Asker, Authority, Channel, Ground, Intake};
pub use self::item::{Approval, Decision, Evidence, Excess, Item, ItemState};
pub use self::kind::EventKind;
pub use self::links::{Part, canonical};
pub use self::names::{Actor, InvalidName, ItemKey, PlanName, RequestKey};
pub use self::notice::{Cause, NoticeState};
use crate::deadline::{self, Clock};
use crate::rights::Right;
use crate::words::words;

/// How many items a plan may have.
pub const MAX_ITEMS: usize = 100_000;
/// How many other requests are answered with one.
pub const MAX_PARTS: usize = 64;

words! {
    /// How far a request is.
    State {
        /// The controller has it.
        Received = 1 "received",
        /// Who asks is being shown.
        Identifying = 2 "identifying",
        /// An answer of who asks is awaited.
        AwaitingSubject = 3 "awaiting-subject",
        /// What is held of the person is being found.
        Discovering = 4 "discovering",
        /// People decide on each item.
        Deciding = 5 "deciding",
        /// A second person has to approve.
        AwaitingApproval = 6 "awaiting-approval",
        /// What was decided is being done.
        Executing = 7 "executing",
        /// Whether it was done is being probed.
        Verifying = 8 "verifying",
        /// It is being answered.
        Responding = 9 "responding",
        /// It was answered. Obligations that it has left go on: see [`Request::ended`].
        Closed = 10 "closed",
    }
}

impl State {
    /// Every state but [`Self::Closed`].
    pub const OPEN: &'static [Self] = &[
        Self::Received,
        Self::Identifying,
        Self::AwaitingSubject,
        Self::Discovering,
        Self::Deciding,
        Self::AwaitingApproval,
        Self::Executing,
        Self::Verifying,
        Self::Responding,
    ];
}

/// The name of the plan that decisions are about, and the rules that it was made by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Frozen {
    /// The plan's name.
    pub name: PlanName,
    /// The version of the rules.
    pub ruleset: u32,
}

/// A person's request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    key: RequestKey,
    state: State,
    asked: BTreeSet<Right>,
    channel: Channel,
    asker: Asker,
    authority: Option<Authority>,
    clock: Clock,
    identity: Identity,
    plan: Option<Frozen>,
    newer_rules: Option<u32>,
    items: BTreeMap<ItemKey, Item>,
    failures: u32,
    taken_back: bool,
    duplicate_of: Option<RequestKey>,
    merged_into: Option<RequestKey>,
    parts: BTreeMap<RequestKey, Part>,
    to_assess: BTreeSet<ItemKey>,
    ended: Option<Ending>,
}

impl Request {
    /// A request that the controller has received. Refused where it asks for nothing.
    pub fn receive(intake: Intake) -> Result<Self, Refused> {
        let Intake { key, rights: asked, channel, asker, clock } = intake;
        if asked.is_empty() {
            return Err(Refused::NoRight);
        }
        Ok(Self {
            key,
            state: State::Received,
            asked,
            channel,
            asker,
            authority: None,
            clock,
            identity: Identity::default(),
            plan: None,
            newer_rules: None,
            items: BTreeMap::new(),
            failures: 0,
            taken_back: false,
            duplicate_of: None,
            merged_into: None,
            parts: BTreeMap::new(),
            to_assess: BTreeSet::new(),
            ended: None,
        })
    }

    /// Which request it is.
    pub fn key(&self) -> &RequestKey {
        &self.key
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// What it ended as; none unless it is closed.
    pub fn ended(&self) -> Option<Ending> {
        self.ended
    }

    /// What is asked, by this request and by those that are answered with it.
    pub fn rights(&self) -> BTreeSet<Right> {
        let theirs = self.parts.values().flat_map(|part| &part.rights);
        self.asked.iter().chain(theirs).copied().collect()
    }

    /// How it came.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Who asks.
    pub fn asker(&self) -> Asker {
        self.asker
    }

    /// What a representative was shown to have authority for.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// When it was received.
    pub fn received_at(&self) -> Timestamp {
        self.clock.received_at()
    }

    /// Its own clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The clock that counts at `now`: of all requests that are answered as one, the one that falls due first.
    pub fn due_clock(&self, now: Timestamp) -> &Clock {
        let theirs = self.parts.values().map(|part| &part.clock);
        theirs.fold(&self.clock, |first, clock| deadline::merge(first, clock, now))
    }

    /// Whether it is not answered though its time is over: an incident, and no end (scenario 30).
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state != State::Closed && self.due_clock(now).state(now) == deadline::State::Overdue
    }

    /// What is known of who asks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The frozen plan; none while nothing is found.
    pub fn plan(&self) -> Option<&Frozen> {
        self.plan.as_ref()
    }

    /// The newer rules that [`Item::rerun`] goes by; none where there are none.
    pub fn newer_rules(&self) -> Option<u32> {
        self.newer_rules
    }

    /// The items of the plan.
    pub fn items(&self) -> &BTreeMap<ItemKey, Item> {
        &self.items
    }

    /// How often probes found something not to be done.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether whoever asked has taken it back.
    pub fn is_taken_back(&self) -> bool {
        self.taken_back
    }

    /// Which request asks the same, where this was found to be its duplicate; none from when it is verified, until it is
    /// linked again.
    pub fn duplicate_of(&self) -> Option<&RequestKey> {
        self.duplicate_of.as_ref()
    }

    /// With which request it is answered, where it was merged.
    pub fn merged_into(&self) -> Option<&RequestKey> {
        self.merged_into.as_ref()
    }

    /// The requests that are answered with it.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.values()
    }

    /// What may have been given, erased or restricted of the wrong person, as two requests were not of one: a breach to
    /// assess.
    pub fn to_assess(&self) -> &BTreeSet<ItemKey> {
        &self.to_assess
    }
}

#[cfg(test)]
mod tests;
