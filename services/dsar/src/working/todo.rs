//! What is to be done next of what was decided. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{LegNo, PurposeName, RecordingId};
use policy::request::{Ground, ItemKey, State};
use policy::rights::{Outcome, Right, Verdict};

use crate::act::MAX_NAMED;
use crate::file::File;
use crate::plan::{Artefact, PlanItem};

/// Recordings that are dealt with in one turn; of restrictions, recordings by their grounds.
const AT_ONCE: usize = 64;

/// The next thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Todo {
    /// Nothing beside saying so: what is refused, does not apply, expires, or stays pending.
    Say(BTreeSet<ItemKey>),
    /// Purposes of recordings are stored and not used.
    Restrict(Vec<Restrict>),
    /// Consent is taken back for these purposes.
    Withdraw(BTreeMap<ItemKey, PurposeName>),
    /// Purposes of recordings, or a leg of them, go.
    Erase(Vec<Erase>),
    /// Somebody has to do something first: fetch the copy, or do by hand what the mesh cannot.
    Wait,
    /// Nothing is left.
    Close,
}

/// A restriction of one recording on one ground of Art. 18(1), and what is done by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Restrict {
    pub(super) recording: RecordingId,
    /// None where nobody has named one.
    pub(super) ground: Option<Ground>,
    pub(super) purposes: BTreeSet<PurposeName>,
    /// Done with it; those that also erase are not.
    pub(super) items: BTreeSet<ItemKey>,
}

/// An erasure of one recording, and what is done by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Erase {
    pub(super) recording: RecordingId,
    pub(super) purposes: BTreeSet<PurposeName>,
    /// Only this leg; none where every artefact of the purposes goes.
    pub(super) leg: Option<LegNo>,
    /// What is to go now.
    pub(super) now: BTreeSet<ItemKey>,
    /// What goes when something that forbids it is over, and is restricted until then.
    pub(super) later: BTreeSet<ItemKey>,
    /// The purposes of that.
    pub(super) restricted: BTreeSet<PurposeName>,
}

/// What is to be done next. `restricted` says which restrictions stand already.
pub(super) fn next(file: &File, restricted: impl Fn(&Restrict) -> bool) -> Todo {
    let open: Vec<Open<'_>> = file.unsettled().filter_map(|(key, item)| Open::of(file, key, item)).collect();
    if open.is_empty() {
        return Todo::Close;
    }
    let said: BTreeSet<_> = open.iter().filter(|open| open.is_said()).map(Open::name).collect();
    if !said.is_empty() {
        return Todo::Say(said);
    }
    let restrictions = restrictions(file, &open, restricted);
    if !restrictions.is_empty() {
        return Todo::Restrict(restrictions);
    }
    let stopped = open.iter().filter(|open| open.has(Outcome::StopPurpose));
    let stopped: BTreeMap<_, _> =
        stopped.filter_map(|open| Some((open.name(), open.item.purpose.clone()?))).collect();
    if !stopped.is_empty() {
        return Todo::Withdraw(stopped);
    }
    let copies = open.iter().any(|open| open.has(Outcome::GrantFull) || open.has(Outcome::GrantRedacted));
    let erasures = if copies { Vec::new() } else { erasures(file, &open) };
    if erasures.is_empty() { Todo::Wait } else { Todo::Erase(erasures) }
}

/// An item with which something is to be done.
struct Open<'f> {
    key: &'f ItemKey,
    item: &'f PlanItem,
    verdict: Verdict,
}

impl<'f> Open<'f> {
    fn of(file: &'f File, key: &'f ItemKey, item: &'f PlanItem) -> Option<Self> {
        let verdict = file.request.items().get(key)?.decision()?.verdict;
        Some(Self { key, item, verdict })
    }

    fn name(&self) -> ItemKey {
        self.key.clone()
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.verdict.outcomes().any(|own| own == outcome)
    }

    /// Whether nothing is done but told.
    fn is_said(&self) -> bool {
        self.verdict.outcomes().all(|outcome| match outcome {
            Outcome::Refuse
            | Outcome::NotApplicable
            | Outcome::RetainMinimal
            | Outcome::EraseByExpiry
            | Outcome::PendingSubject
            | Outcome::PendingBalance => true,
            Outcome::GrantFull
            | Outcome::GrantRedacted
            | Outcome::Correct
            | Outcome::Annotate
            | Outcome::Erase
            | Outcome::EraseRedacting
            | Outcome::DeferRestrict
            | Outcome::Restrict
            | Outcome::StopPurpose => false,
        })
    }

    /// On which ground it is restricted. What is weighed, as an objection or because erasure implies one, is restricted for
    /// as long (GDPR Art. 18(1)(d)).
    fn ground(&self, file: &File) -> Option<Ground> {
        match self.item.right() {
            Right::Restrict => file.found.get(self.key).and_then(|found| found.ground),
            Right::Erase | Right::Object => Some(Ground::Objection),
            Right::Access | Right::Rectify | Right::Port | Right::ObjectMarketing | Right::Withdraw => None,
        }
    }

    /// Whether it goes, now or later.
    fn goes(&self) -> bool {
        self.has(Outcome::Erase) || self.has(Outcome::DeferRestrict)
    }
}

/// Open items by their recordings.
fn by_recording<'o, 'f>(
    open: &'o [Open<'f>],
    is_meant: impl Fn(&Open<'f>) -> bool,
) -> BTreeMap<RecordingId, Vec<&'o Open<'f>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for open in open.iter().filter(|open| is_meant(open)) {
        if let Some(recording) = open.item.artefact.recording() {
            found.entry(recording).or_default().push(open);
        }
    }
    found
}

/// The first recordings of which something is to be restricted, and is not; as many as one act can call done.
fn restrictions(file: &File, open: &[Open<'_>], restricted: impl Fn(&Restrict) -> bool) -> Vec<Restrict> {
    let found = by_recording(open, |open| open.has(Outcome::Restrict)).into_iter();
    let found = found.flat_map(|(recording, own)| restrictions_of(file, recording, &own));
    let missing = found.filter(|found| !found.items.is_empty() || !restricted(found));
    let (mut taken, mut items) = (Vec::new(), 0);
    for next in missing.take(AT_ONCE) {
        items += next.items.len();
        if items > MAX_NAMED && !taken.is_empty() {
            break;
        }
        taken.push(next);
    }
    taken
}

/// What is to be restricted of a recording, as it was decided, so that it is the same however much of it is done. A
/// restriction is of a recording, and would reach the other party's leg: where only one leg was asked of, a person has to
/// see what can be done.
fn restrictions_of(file: &File, recording: RecordingId, open: &[&Open<'_>]) -> Vec<Restrict> {
    let decided: Vec<_> = of_recording(file, recording).filter(|open| open.has(Outcome::Restrict)).collect();
    if only_leg(decided.iter()).is_some() {
        return Vec::new();
    }
    let mut grounds: BTreeMap<Option<Ground>, Restrict> = BTreeMap::new();
    for one in open {
        let ground = one.ground(file);
        let (purposes, items) = (BTreeSet::new(), BTreeSet::new());
        let own = grounds.entry(ground).or_insert(Restrict { recording, ground, purposes, items });
        // What a person puts right beside it is not done by that alone.
        if !one.has(Outcome::Annotate) {
            own.items.insert(one.name());
        }
    }
    for one in &decided {
        if let Some(own) = grounds.get_mut(&one.ground(file)) {
            own.purposes.extend(one.item.purpose.clone());
        }
    }
    grounds.into_values().collect()
}

/// The first recordings of which something is to go. A person's statements are attached before: to what is gone they cannot
/// be, and the first erasure lets go what holds the others.
fn erasures(file: &File, open: &[Open<'_>]) -> Vec<Erase> {
    if open.iter().any(|open| open.has(Outcome::Annotate)) {
        return Vec::new();
    }
    let found = by_recording(open, Open::goes).into_iter().take(AT_ONCE);
    found.filter_map(|(recording, own)| erase(file, recording, &own)).collect()
}

/// What is to go of a recording, as it was decided, so that the order is the same however much of it is done. Of a purpose
/// that only some of the artefacts are to leave nothing is erased here: that is a leg, or for a person to do.
fn erase(file: &File, recording: RecordingId, own: &[&Open<'_>]) -> Option<Erase> {
    let all: Vec<_> =
        of_recording(file, recording).filter(|open| open.item.right() == Right::Erase).collect();
    let (goes, stays): (Vec<&Open<'_>>, Vec<&Open<'_>>) = all.iter().partition(|open| open.goes());
    let kept: BTreeSet<_> = stays.iter().filter_map(|open| open.item.purpose.as_ref()).collect();
    let is_whole = |open: &&&Open<'_>| open.item.purpose.as_ref().is_some_and(|own| !kept.contains(own));
    let purposes_of = |open: &&Open<'_>| open.item.purpose.clone();
    let purposes: BTreeSet<_> = goes.iter().filter(is_whole).filter_map(purposes_of).collect();
    let later = goes.iter().filter(is_whole).filter(|open| open.has(Outcome::DeferRestrict));
    let restricted: BTreeSet<_> = later.filter_map(purposes_of).collect();
    let named = |later: bool| {
        let meant = own.iter().filter(is_whole).filter(|open| open.has(Outcome::DeferRestrict) == later);
        meant.map(|open| open.name()).collect()
    };
    let (now, later, leg) = (named(false), named(true), only_leg(all.iter()));
    // A leg goes for all purposes or none, and is not restricted without the other: where one of them keeps it, a person
    // has to see what can be done.
    let is_for_a_person = leg.is_some() && !(stays.is_empty() && restricted.is_empty());
    (!purposes.is_empty() && !is_for_a_person).then_some(Erase {
        recording,
        purposes,
        leg,
        now,
        later,
        restricted,
    })
}

/// Every item of a recording that was decided on.
fn of_recording(file: &File, recording: RecordingId) -> impl Iterator<Item = Open<'_>> {
    let own = file.items.iter().filter(move |(_, item)| item.artefact.recording() == Some(recording));
    own.filter_map(|(key, item)| Open::of(file, key, item))
}

/// The leg that alone was asked of, as of an agent's own; none where more was.
fn only_leg<'o, 'f: 'o>(items: impl Iterator<Item = &'o Open<'f>>) -> Option<LegNo> {
    let artefacts: BTreeSet<_> = items.map(|open| &open.item.artefact).collect();
    match artefacts.first() {
        Some(Artefact::Leg(_, leg)) if artefacts.len() == 1 => Some(*leg),
        _ => None,
    }
}

impl File {
    /// What keeps a request where it is: whom it waits for, or `work` where the mesh goes on by itself. Empty once it is
    /// answered.
    pub fn waits_for(&self) -> &'static str {
        match self.request.state() {
            State::Received | State::Verifying => "work",
            State::Identifying => "identity",
            State::AwaitingSubject => "subject",
            State::Discovering => "plan",
            State::Deciding if self.is_outdated => "plan",
            State::Deciding => "decisions",
            State::AwaitingApproval => "second-person",
            State::Executing => self.waits_in_execution(),
            State::Responding if self.request.merged_into().is_some() => "other-request",
            State::Responding => "delivery",
            State::Closed => "",
        }
    }

    fn waits_in_execution(&self) -> &'static str {
        // Whether a restriction stands is no question of who goes on.
        match next(self, |_| true) {
            Todo::Wait => {}
            Todo::Say(_) | Todo::Restrict(_) | Todo::Withdraw(_) | Todo::Erase(_) | Todo::Close => {
                return "work";
            }
        }
        let outcomes = self.unsettled().filter_map(|(key, _)| self.request.items().get(key)?.decision());
        let grants = |outcome: Outcome| matches!(outcome, Outcome::GrantFull | Outcome::GrantRedacted);
        let mut outcomes = outcomes.flat_map(|decision| decision.verdict.outcomes());
        if outcomes.any(grants) { "hand-out" } else { super::BY_HAND }
    }
}

#[cfg(test)]
mod tests;
