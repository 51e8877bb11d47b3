//! Items that came to the same, taken together, so that a hundred calls are one paragraph.

mod voices;

use std::collections::BTreeMap;

use kernel::{RecordingId, RegimeName, Timestamp};
use policy::request::{Decision, Ground, Item, ItemState};
use policy::rights::{Category, HoldState, Outcome, Reason, Right, RuleId, Verdict};

use self::voices::{Voices, voice};
use super::phrases::{About, Missing, Progress};
use crate::act::Found;
use crate::file::File;
use crate::plan::PlanItem;

/// What a right came to.
pub(super) struct Section {
    /// Which right.
    pub(super) right: Right,
    /// What is decided of it.
    pub(super) groups: Vec<Group>,
    /// How many items are not decided, or are told of in the same words.
    pub(super) examined: usize,
}

/// Items of one right of which the same is told.
pub(super) struct Group {
    /// What is told.
    pub(super) told: Told,
    /// How many items.
    pub(super) items: usize,
    /// The calls that they are of, in order of time.
    pub(super) calls: Vec<Call>,
    /// The first and the last of their ends; none where no end is told or nobody knows one.
    pub(super) ends: Option<(Timestamp, Timestamp)>,
}

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Call {
    /// When it began.
    pub(super) began: Timestamp,
    /// Until when it is kept, where that is told.
    pub(super) until: Option<Timestamp>,
}

/// What is told of a group: all by which items are told apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Told {
    /// What it is about.
    pub(super) about: About,
    /// The rule that is told; the one that decided, unless a hold came later.
    pub(super) rule: RuleId,
    /// What was decided.
    pub(super) outcome: Outcome,
    /// What holds together with it.
    pub(super) also: Option<Outcome>,
    /// The version of the rules.
    pub(super) ruleset: u32,
    /// How far it is.
    pub(super) progress: Progress,
    /// The duty that keeps it.
    pub(super) regime: Option<RegimeName>,
    /// Whether it is told when what is kept of it ends: what nobody knows is not told with what is known.
    pub(super) has_end: bool,
    /// The reason's code, where it may be told.
    pub(super) reason: Option<Reason>,
    /// Whether a person did it by hand.
    pub(super) by_hand: bool,
    /// Whether it is held for another person's request.
    pub(super) for_another: bool,
    /// On which ground it is restricted, where one was named.
    pub(super) ground: Option<Ground>,
    /// Whether its restriction was lifted before the answer.
    pub(super) lifted: bool,
    /// Whether the person needs no more what they had asked to be kept.
    pub(super) waived: bool,
    /// What somebody else's voice is missing from, where it was granted and cannot be given.
    pub(super) missing: Option<Missing>,
}

#[derive(Default)]
struct Gathered {
    items: usize,
    calls: BTreeMap<RecordingId, Call>,
    ends: Option<(Timestamp, Timestamp)>,
}

/// What each of the rights that were asked came to, in their order.
pub(super) fn sections(file: &File) -> Vec<Section> {
    let voices = Voices::of(file);
    file.request.rights().into_iter().map(|right| section(file, &voices, right)).collect()
}

fn section(file: &File, voices: &Voices, right: Right) -> Section {
    let mut gathered: BTreeMap<Told, Gathered> = BTreeMap::new();
    let (mut asked, mut examined) = (0, 0);
    for (key, item) in file.request.items().iter().filter(|(_, item)| item.right() == right) {
        asked += 1;
        // Whoever reads that rule A1 was asked is tipped off.
        let decision = item.decision().filter(|decision| decision.verdict.rule() != RuleId::A1);
        let (Some(decision), Some(planned)) = (decision, file.items.get(key)) else {
            examined += 1;
            continue;
        };
        let by_hand = file.filed.contains_key(key);
        let told = Told::of(item, decision, planned, by_hand);
        let told = told.found(planned, file.found.get(key), file.is_lift_told);
        let told = told.lacking(voices.missing(planned));
        gathered.entry(told).or_default().add(decision, planned);
    }
    let groups = gathered.into_iter().map(|(told, gathered)| gathered.into_group(told));
    let groups: Vec<Group> = groups.collect();
    debug_assert_eq!(groups.iter().map(|group| group.items).sum::<usize>() + examined, asked, "{right}");
    Section { right, groups, examined }
}

impl Section {
    /// Whether everything that the right reaches was done, but for names of staff.
    pub(super) fn lacks_only_names(&self) -> bool {
        let is_whole = |told: &Told| match told.outcome {
            Outcome::GrantFull | Outcome::NotApplicable => told.progress == Progress::Done,
            Outcome::GrantRedacted => told.lacks_only_names() && told.progress == Progress::Done,
            Outcome::Correct
            | Outcome::Annotate
            | Outcome::Erase
            | Outcome::EraseByExpiry
            | Outcome::Restrict
            | Outcome::StopPurpose
            | Outcome::EraseRedacting => told.progress == Progress::Done && told.also.is_none(),
            Outcome::DeferRestrict
            | Outcome::RetainMinimal
            | Outcome::Refuse
            | Outcome::PendingSubject
            | Outcome::PendingBalance => false,
        };
        self.examined == 0 && self.groups.iter().all(|group| is_whole(&group.told))
    }

    /// Whether a copy of something is given.
    pub(super) fn grants(&self) -> bool {
        let granted = |outcome: Outcome| matches!(outcome, Outcome::GrantFull | Outcome::GrantRedacted);
        self.groups.iter().any(|group| granted(group.told.outcome))
    }
}

impl Told {
    /// Whether it is given whole, but for the names of staff in the log of who opened what.
    pub(super) fn lacks_only_names(&self) -> bool {
        self.outcome == Outcome::GrantRedacted && self.about.category == Some(Category::AccessLog)
    }

    fn of(item: &Item, decision: &Decision, planned: &PlanItem, by_hand: bool) -> Self {
        let verdict = decision.verdict;
        let told = Self {
            about: about(planned),
            rule: verdict.rule(),
            outcome: verdict.outcome(),
            also: verdict.also(),
            ruleset: decision.ruleset,
            progress: progress(item.state()),
            regime: regime(verdict, planned),
            has_end: end(verdict, planned).is_some(),
            reason: reason(decision),
            by_hand,
            for_another: verdict.rule() == RuleId::E3 && planned.question.hold == HoldState::OtherDsar,
            ground: None,
            lifted: false,
            waived: false,
            missing: None,
        };
        match item.state() {
            // A hold that came after the decision reads like one that stood before it.
            ItemState::Deferred => Self {
                rule: RuleId::E3,
                outcome: Outcome::DeferRestrict,
                also: None,
                regime: None,
                reason: None,
                for_another: false,
                ..told
            },
            ItemState::Open | ItemState::Done | ItemState::Failed => told,
        }
    }

    /// With what was found of it, and whether its restriction was lifted before the answer.
    fn found(self, planned: &PlanItem, found: Option<&Found>, is_lifted: bool) -> Self {
        let is_restricted = self.outcome == Outcome::Restrict && self.progress == Progress::Done;
        let is_waived = found.is_some_and(|found| found.own_hold_waived);
        Self {
            ground: found.and_then(|found| found.ground).filter(|_| self.rule == RuleId::R2),
            lifted: is_lifted && is_restricted,
            waived: is_waived && planned.question.hold == HoldState::Subject18c,
            ..self
        }
    }

    /// With what its voice is missing from.
    fn lacking(self, missing: Option<Missing>) -> Self {
        let is_granted = self.outcome == Outcome::GrantRedacted;
        Self { missing: missing.filter(|_| is_granted), ..self }
    }
}

impl Gathered {
    fn add(&mut self, decision: &Decision, planned: &PlanItem) {
        self.items += 1;
        let until = end(decision.verdict, planned);
        if let Some(until) = until {
            let (first, last) = self.ends.unwrap_or((until, until));
            self.ends = Some((first.min(until), last.max(until)));
        }
        if let (Some(recording), Some(began)) = (planned.artefact.recording(), planned.began) {
            let call = self.calls.entry(recording).or_insert(Call { began, until });
            call.until = call.until.max(until);
        }
    }

    fn into_group(self, told: Told) -> Group {
        let mut calls: Vec<Call> = self.calls.into_values().collect();
        calls.sort_unstable();
        Group { told, items: self.items, calls, ends: self.ends }
    }
}

/// What an item is about. A withdrawal and an objection to marketing are about a purpose, and not about the
/// proof of consent beside which the plan lists them.
fn about(planned: &PlanItem) -> About {
    let category = planned.artefact.category();
    let is_of_purpose = matches!(planned.right(), Right::Withdraw | Right::ObjectMarketing)
        && category == Category::ConsentEvidence;
    About {
        category: (!is_of_purpose).then_some(category),
        purpose: planned.purpose.clone(),
        basis: planned.artefact.recording().map(|_| planned.question.basis),
        voice: voice(planned),
    }
}

/// What failed a probe is done again.
fn progress(state: ItemState) -> Progress {
    match state {
        ItemState::Open | ItemState::Failed => Progress::Planned,
        ItemState::Done | ItemState::Deferred => Progress::Done,
    }
}

fn regime(verdict: Verdict, planned: &PlanItem) -> Option<RegimeName> {
    let name = planned.kept_by.strip_prefix("regime:").filter(|_| verdict.rule() == RuleId::E5)?;
    RegimeName::new(name).ok()
}

/// A hold's reason would say why it was placed. Of the two that Art. 12(5) knows, the decision has the one.
fn reason(decision: &Decision) -> Option<Reason> {
    let verdict = decision.verdict;
    if verdict.rule() == RuleId::E3 {
        return None;
    }
    let shown = decision.excess.as_ref().filter(|_| verdict.rule() == RuleId::G2);
    shown.map(|excess| excess.reason).or(verdict.reason())
}

/// When what a rule keeps ends, where that is told. Of a hold nobody knows it: its items have the term's end.
fn end(verdict: Verdict, planned: &PlanItem) -> Option<Timestamp> {
    let keeps = matches!(verdict.rule(), RuleId::E1 | RuleId::E2 | RuleId::E5 | RuleId::E6 | RuleId::E7);
    planned.until.filter(|_| keeps)
}
