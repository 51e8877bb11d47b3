//! A request's file: its acts, folded by the lifecycle that `policy` knows. Pure.
//!
//! `whose` has which calls and items are the person's at all, `together` the requests that it belongs together with.

mod together;
mod whose;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{HoldId, PurposeName, RecordingId, Timestamp};
use policy::code::Code;
use policy::deadline::{CalendarId, CalendarStamp, Clock};
use policy::request::{Authority, Event, Intake, ItemKey, PlanName, Refused, Request};
use policy::rights::RULESET;
use seal::Hash;

use crate::act::{Act, Decided, Found, Received, Record};
use crate::error::Error;
use crate::plan::PlanItem;
use together::{name, part_of};

pub(crate) use whose::is_carried_out;

/// The word of a refusal to lift again what is lifted.
pub(crate) const LIFTED: &str = "already-lifted";

/// The items of a frozen plan, by their names.
pub type Items = BTreeMap<ItemKey, PlanItem>;

/// A request as its acts have left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// How it came in.
    pub received: Received,
    /// How far it is.
    pub request: Request,
    /// The items of its frozen plan; none where nothing is frozen.
    pub items: Arc<Items>,
    /// The hold that keeps what it is about while it is open.
    pub hold: Option<HoldId>,
    /// By which act it was taken apart from another one, since when it may be held no more.
    pub unheld: Option<u64>,
    /// How many acts it has.
    pub version: u64,
    /// Items that a person did by hand, and under which reference that is filed.
    pub filed: BTreeMap<ItemKey, Code>,
    /// The letter that was delivered.
    pub letter: Option<Hash>,
    /// Purposes for which consent was taken back at once; none where that was not looked at yet.
    pub withdrawn: Option<BTreeSet<PurposeName>>,
    /// Calls of a shared line that were said to be the person's.
    pub theirs: BTreeSet<RecordingId>,
    /// Calls of a shared line that were said to be somebody else's.
    pub not_theirs: BTreeSet<RecordingId>,
    /// Items of which it turned out that they are somebody else's: the request is not about them any more.
    pub strange: BTreeSet<ItemKey>,
    /// Whether it was said since the plan was frozen which calls are the person's: then it is frozen anew.
    pub is_outdated: bool,
    /// What may have been given to the wrong person, or taken from it: a breach to assess.
    pub to_assess: BTreeSet<ItemKey>,
    /// What was found of items of the frozen plan, by the last decision on each.
    pub found: BTreeMap<ItemKey, Found>,
    /// When what it has restricted was lifted.
    pub lifted: Option<Timestamp>,
    /// Whether that was before the answer, which tells of it then.
    pub is_lift_told: bool,
    /// The restrictions that stand until they are lifted.
    pub restrictions: BTreeSet<HoldId>,
}

impl File {
    /// The file of a request that is only received; an error where it cannot be received so.
    pub fn receive(first: &Record) -> Result<Self, Error> {
        let Act::Received(received) = &first.act else {
            return Err(Error::Damaged("a request that does not begin with its receipt"));
        };
        let calendar =
            CalendarStamp { id: CalendarId::of(received.jurisdiction), version: received.calendar };
        let clock = Clock::restore(
            received.received_at,
            received.jurisdiction,
            received.region,
            calendar,
            None,
            Vec::new(),
        )?;
        let request = Request::receive(Intake {
            key: name(first.key.id)?,
            rights: received.rights.clone(),
            channel: received.channel,
            asker: received.asker,
            clock,
        })?;
        Ok(Self {
            received: received.clone(),
            request,
            items: Arc::default(),
            hold: None,
            unheld: None,
            version: 1,
            filed: BTreeMap::new(),
            letter: None,
            withdrawn: None,
            theirs: BTreeSet::new(),
            not_theirs: BTreeSet::new(),
            strange: BTreeSet::new(),
            is_outdated: false,
            to_assess: BTreeSet::new(),
            found: BTreeMap::new(),
            lifted: None,
            is_lift_told: false,
            restrictions: BTreeSet::new(),
        })
    }

    /// The plan whose items a fold of these acts needs: the last one that was frozen.
    pub fn frozen(records: &[Record]) -> Option<&PlanName> {
        records.iter().rev().find_map(|record| match &record.act {
            Act::PlanFrozen { plan, .. } => Some(plan),
            _ => None,
        })
    }

    /// Folds all acts of a request, in their order; `items` are those of the plan that was frozen last. What earlier plans
    /// had is of no effect any more, so that decisions on them are passed over.
    pub fn fold(records: &[Record], items: Items) -> Result<Self, Error> {
        let (first, rest) = records.split_first().ok_or(Error::Damaged("a request without acts"))?;
        let frozen = records.iter().rposition(|record| matches!(record.act, Act::PlanFrozen { .. }));
        let mut file = Self::receive(first)?;
        let items = Arc::new(items);
        for (place, record) in (1..).zip(rest) {
            if frozen.is_some_and(|frozen| place < frozen) && is_about_items(&record.act) {
                file.version = record.version;
                continue;
            }
            let items = if Some(place) == frozen { Arc::clone(&items) } else { Arc::default() };
            file = file.apply(record, items)?;
        }
        Ok(file)
    }

    /// The file after one more act; `items` are the plan's where one is frozen. What is refused changes nothing.
    pub fn apply(&self, record: &Record, items: Arc<Items>) -> Result<Self, Error> {
        if record.version != self.version + 1 {
            return Err(Error::Damaged("a request's acts out of order"));
        }
        self.check_calls(&record.act)?;
        let mut next = Self { version: record.version, ..self.clone() };
        match &record.act {
            Act::Acknowledged { hold } => next.hold = *hold,
            Act::PlanFrozen { .. } => next.begin(items),
            Act::Decided(decided) => {
                let keys = self.meant(decided);
                next.found.extend(keys.into_iter().map(|key| (key, decided.found.clone())));
            }
            Act::ItemsDone { items, filed: Some(filed) } => {
                next.filed.extend(items.iter().map(|item| (item.clone(), filed.clone())));
            }
            Act::Delivered { letter } => next.letter = Some(*letter),
            Act::Withdrawn(purposes) => next.withdrawn = Some(purposes.clone()),
            Act::Merged(_) | Act::MergedInto(_) => next.begin(Arc::default()),
            Act::Unmerged { to_assess, .. } => {
                next.begin(Arc::default());
                next.unheld = Some(record.version);
                next.to_assess.extend(to_assess.iter().cloned());
            }
            Act::CallsConfirmed { theirs, not_theirs } => {
                next.confirm(theirs, not_theirs);
                if is_carried_out(self.request.state()) {
                    next.leave_out_calls(not_theirs)?;
                }
            }
            Act::NotTheirs(items) => next.leave_out(items)?,
            // What is restricted anew is lifted anew.
            Act::Restricted(holds) => {
                next.restrictions.extend(holds);
                (next.lifted, next.is_lift_told) = (None, false);
            }
            Act::Lifted { .. } => {
                if self.lifted.is_some() {
                    return Err(Error::refused(LIFTED, "what the request has restricted is lifted already"));
                }
                next.lifted = Some(record.at);
                next.is_lift_told = self.letter.is_none();
            }
            _ => {}
        }
        next.request = next.request.apply_all(next.events(record)?, record.at)?;
        if let Act::Acknowledged { .. } = record.act {
            next.unheld = None;
        }
        if let Act::Unmerged { .. } = record.act {
            // What the lifecycle sees of it depends on the plans that are still known: what was written down counts.
            next.request = next.request.assessing(next.to_assess.clone());
        }
        Ok(next)
    }

    /// The events of the lifecycle that an act is.
    fn events(&self, record: &Record) -> Result<Vec<Event>, Error> {
        let by = record.by.clone();
        let event = match &record.act {
            Act::Received(_) => return Err(Error::Damaged("a request that is received twice")),
            // It was acknowledged before, and is only held anew.
            Act::Acknowledged { .. } if self.unheld.is_some() => return Ok(Vec::new()),
            Act::Acknowledged { .. } => Event::Acknowledged { by },
            Act::Proved(proof) => Event::Proved { proof: *proof, by },
            Act::Wrong(proof) => Event::ProofWrong { proof: *proof, by },
            Act::Authority { filed, rights } => {
                let authority = Authority { filed: filed.clone(), rights: rights.clone(), by };
                Event::AuthorityVerified { authority }
            }
            Act::Verified => Event::Verified { by },
            Act::Doubted => Event::Doubted { by },
            Act::Answered => Event::Answered { by },
            Act::IdentityFailed => Event::IdentityFailed { by },
            Act::PlanFrozen { plan, ruleset, .. } => self.frozen_by(plan, *ruleset, by)?,
            Act::Decided(decided) => return self.decided_by(decided, record),
            Act::DecisionsClosed => Event::AllDecided { by },
            Act::Approved(plan) => Event::Approved { plan: plan.clone(), by },
            Act::Rejected(plan) => Event::Rejected { plan: plan.clone(), by },
            Act::ItemsDone { items, .. } => {
                let done = |item: &ItemKey| Event::ItemDone { item: item.clone(), by: by.clone() };
                return Ok(items.iter().map(done).collect());
            }
            Act::ItemsDeferred { items, hold } => {
                let deferred = |item: &ItemKey| Event::ItemDeferred {
                    item: item.clone(),
                    hold: hold.clone(),
                    by: by.clone(),
                };
                return Ok(items.iter().map(deferred).collect());
            }
            Act::ExecutionClosed => Event::ItemsDone { by },
            Act::ProbesPassed => Event::ProbesPassed { by },
            Act::ProbesFailed(items) => Event::ProbesFailed { items: items.clone(), by },
            Act::Delivered { .. } => Event::Delivered { answer: self.request.owed(), by },
            Act::Extended { reason, notice_delivered_at } => {
                Event::Extended { reason: *reason, notice_delivered_at: Some(*notice_delivered_at), by }
            }
            Act::TakenBack => Event::TakenBack { by },
            Act::DuplicateOf(other) => Event::DuplicateLinked { of: name(*other)?, by },
            Act::Merged(part) => Event::Merged { part: part_of(part)?, by },
            Act::MergedInto(other) => Event::MergedInto { into: name(*other)?, by },
            Act::Unmerged { other, .. } => Event::Unmerged { other: name(*other)?, by },
            Act::AnsweredWith { into, ending } => {
                Event::AnsweredWith { into: name(*into)?, ending: *ending, by }
            }
            // Their effect lies with consent, with what is found, with whose it is, and with retention.
            Act::Withdrawn(_)
            | Act::CallsConfirmed { .. }
            | Act::NotTheirs(_)
            | Act::Restricted(_)
            | Act::Lifted { .. } => return Ok(Vec::new()),
        };
        Ok(vec![event])
    }

    fn frozen_by(&self, plan: &PlanName, ruleset: u32, by: policy::request::Actor) -> Result<Event, Error> {
        if ruleset != RULESET {
            return Err(Error::OtherRuleset { ruleset });
        }
        let items = self.items.iter().map(|(key, item)| (key.clone(), (item.right(), item.proposed())));
        let (plan, items) = (plan.clone(), items.collect());
        Ok(Event::PlanFrozen { plan, ruleset, items, silent: Default::default(), by })
    }

    /// What was found of a plan counts for no other one.
    fn begin(&mut self, items: Arc<Items>) {
        self.items = items;
        self.found.clear();
        self.strange.clear();
        self.filed.clear();
        self.is_outdated = false;
    }

    /// The items that a decision is on.
    pub(crate) fn meant(&self, decided: &Decided) -> Vec<ItemKey> {
        match decided.items.is_empty() {
            true => self.undecided().cloned().collect(),
            false => decided.items.iter().cloned().collect(),
        }
    }

    /// A decision on each item that is meant.
    fn decided_by(&self, decided: &Decided, record: &Record) -> Result<Vec<Event>, Error> {
        self.check_plan(&decided.plan)?;
        let keys = self.meant(decided);
        let decision = |key: ItemKey| {
            let item = self.items.get(&key).ok_or_else(|| Refused::NoSuchItem { item: key.clone() })?;
            let decision = policy::request::Decision {
                verdict: item.with(&decided.found),
                ruleset: RULESET,
                by: record.by.clone(),
                excess: decided.found.excess.clone(),
                left: decided.left.clone(),
            };
            Ok(Event::Decided { item: key, decision })
        };
        keys.into_iter().map(decision).collect()
    }

    /// Refuses whoever has seen another plan than the frozen one.
    pub fn check_plan(&self, seen: &PlanName) -> Result<(), Error> {
        match self.request.plan() {
            Some(frozen) if frozen.name == *seen => Ok(()),
            Some(frozen) => {
                Err(Refused::StalePlan { seen: seen.clone(), frozen: frozen.name.clone() }.into())
            }
            None => Err(Error::refused("no-plan", "nothing was planned for this request yet")),
        }
    }

    /// Items that nobody has decided on.
    pub fn undecided(&self) -> impl Iterator<Item = &ItemKey> {
        self.request.items().iter().filter(|(_, item)| item.decision().is_none()).map(|(key, _)| key)
    }

    /// Items with which something is to be done.
    pub fn unsettled(&self) -> impl Iterator<Item = (&ItemKey, &PlanItem)> {
        let open = self.request.items().iter().filter(|(_, item)| !item.is_settled());
        open.filter_map(|(key, _)| Some((key, self.items.get(key)?)))
    }

    /// When it must be answered, strictly, as of now.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        self.request.due_clock(now).due_as_of(now).strict.ends
    }
}

/// Whether an act speaks of items of the plan of then.
fn is_about_items(act: &Act) -> bool {
    matches!(
        act,
        Act::PlanFrozen { .. }
            | Act::Decided(_)
            | Act::DecisionsClosed
            | Act::Approved(_)
            | Act::Rejected(_)
            | Act::ItemsDone { .. }
            | Act::ItemsDeferred { .. }
            | Act::NotTheirs(_)
            | Act::ExecutionClosed
            | Act::ProbesFailed(_)
            | Act::ProbesPassed
    )
}

#[cfg(test)]
mod tests;
