//! A file is the same, whether its acts are folded one by one as they come, or all at once later, when only the items of
//! the last plan are still at hand.

use kernel::{EventId, LegNo, RequestId, SubjectId, TenantId};
use policy::deadline::{self, Calendars};
use policy::request::{Actor, Asker, Channel, Proof, State};
use policy::rights::{BasisState, Category, Gate, HoldState, Presence, Question, Right};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::act::{MergedPart, RequestKey};
use crate::plan::{Artefact, Language};

/// 2026-03-02T10:00:00Z.
const START: i64 = 1_772_445_600_000_000;

fn other() -> RequestId {
    RequestId::from_bytes([0xab; 16])
}

fn recording(number: u8) -> RecordingId {
    RecordingId::from_bytes([number; 16])
}

fn item(right: Right, number: u8) -> PlanItem {
    PlanItem {
        artefact: Artefact::Leg(recording(number), LegNo(0)),
        purpose: Some(PurposeName::new("quality").unwrap()),
        question: Question {
            right,
            category: Category::AudioLeg,
            basis: BasisState::ConsentLive,
            hold: HoldState::None,
            presence: Presence::Oneself,
            gate: Gate::Clear,
        },
        kept_by: String::new(),
        until: None,
        began: None,
    }
}

/// Two plans with one item in common.
fn items(plan: usize) -> Items {
    let first = if plan == 0 { 1 } else { 2 };
    let all = [(Right::Access, first), (Right::Erase, first), (Right::Access, 3), (Right::Erase, 3)];
    all.into_iter()
        .map(|(right, number)| item(right, number))
        .map(|item| (item.key().unwrap(), item))
        .collect()
}

fn name_of(plan: usize) -> PlanName {
    PlanName::new(["p1", "p2"][plan]).unwrap()
}

/// A request on which acts are taken one by one.
struct Folded {
    records: Vec<Record>,
    file: File,
    plan: Option<usize>,
}

impl Folded {
    fn new() -> Self {
        let received = Act::Received(Received {
            rights: [Right::Access, Right::Erase].into(),
            channel: Channel::Letter,
            asker: Asker::Oneself,
            subject: SubjectId::from_bytes([7; 16]),
            received_at: Timestamp(START),
            said_in: None,
            jurisdiction: "IT".parse().unwrap(),
            region: None,
            calendar: Calendars::NEWEST,
            language: Language::Italian,
        });
        let first = record(1, "anna", received);
        Self { file: File::receive(&first).unwrap(), records: vec![first], plan: None }
    }

    /// Takes an act; false where it is refused, which changes nothing.
    fn take(&mut self, by: &str, act: Act) -> bool {
        let plan = match &act {
            Act::PlanFrozen { plan, .. } => Some(usize::from(*plan == name_of(1))),
            _ => None,
        };
        let record = record(self.file.version + 1, by, act);
        let Ok(next) = self.file.apply(&record, plan.map(items).map(Arc::new).unwrap_or_default()) else {
            return false;
        };
        self.records.push(record);
        self.file = next;
        self.plan = plan.or(self.plan);
        true
    }

    fn must(mut self, by: &str, act: Act) -> Self {
        let said = format!("{act:?}");
        assert!(self.take(by, act), "{said} in {}", self.file.request.state());
        self
    }

    fn at_once(&self) -> File {
        File::fold(&self.records, self.plan.map(items).unwrap_or_default()).unwrap()
    }

    /// What comes next, were nothing in the way.
    fn next(&self) -> Option<(&'static str, Act)> {
        let file = &self.file;
        let act = match file.request.state() {
            State::Received => Act::Acknowledged { hold: None },
            State::Identifying if file.request.identity().proofs().is_empty() => Act::Proved(Proof::Session),
            State::Identifying => Act::Verified,
            State::AwaitingSubject => Act::Answered,
            State::Discovering => frozen(usize::from(self.plan == Some(0))),
            State::Deciding if file.undecided().next().is_some() => self.decided(),
            State::Deciding => Act::DecisionsClosed,
            State::AwaitingApproval => return Some(("bruno", Act::Approved(self.name()))),
            State::Executing => match file.unsettled().next() {
                Some((key, _)) => Act::ItemsDone { items: [key.clone()].into(), filed: None },
                None => Act::ExecutionClosed,
            },
            State::Verifying => Act::ProbesPassed,
            State::Responding => Act::Delivered { letter: Hash([7; 32]) },
            State::Closed => return None,
        };
        Some(("anna", act))
    }

    fn name(&self) -> PlanName {
        name_of(self.plan.unwrap_or(0))
    }

    fn decided(&self) -> Act {
        let (plan, found) = (self.name(), Found::default());
        Act::Decided(Decided { plan, items: BTreeSet::new(), found, left: None })
    }

    fn unmerged(&self) -> Act {
        let by = Actor::new("anna").unwrap();
        let to_assess = self.file.assessed_without(other(), &by, Timestamp(START)).unwrap_or_default();
        Act::Unmerged { other: other(), to_assess }
    }

    /// What gets in the way.
    fn detours(&self) -> Vec<Act> {
        let some: BTreeSet<_> = self.file.items.keys().take(2).cloned().collect();
        let last: BTreeSet<_> = self.file.items.keys().next_back().cloned().into_iter().collect();
        let calls = |theirs: &[u8], not_theirs: &[u8]| Act::CallsConfirmed {
            theirs: theirs.iter().map(|number| recording(*number)).collect(),
            not_theirs: not_theirs.iter().map(|number| recording(*number)).collect(),
        };
        let (reason, notice_delivered_at) = (deadline::Reason::Number, Timestamp(START + 1));
        vec![
            merged(),
            Act::MergedInto(other()),
            self.unmerged(),
            self.unmerged(),
            frozen(0),
            frozen(1),
            Act::Rejected(self.name()),
            Act::NotTheirs(some.clone()),
            Act::NotTheirs(last.clone()),
            Act::ItemsDone { items: last.clone(), filed: Some(Code::new("case-7").unwrap()) },
            Act::ItemsDeferred { items: last.clone(), hold: Code::new("hold-7").unwrap() },
            Act::ProbesFailed(last),
            Act::ProbesFailed(some),
            calls(&[1], &[2]),
            calls(&[2], &[]),
            Act::DuplicateOf(other()),
            Act::TakenBack,
            Act::Extended { reason, notice_delivered_at },
        ]
    }
}

fn record(version: u64, by: &str, act: Act) -> Record {
    let key = RequestKey { tenant: TenantId::new("banca-alfa").unwrap(), id: RequestId::from_bytes([1; 16]) };
    let at = Timestamp(START + i64::try_from(version).unwrap());
    Record { id: EventId::from_bytes([9; 16]), key, version, at, by: Actor::new(by).unwrap(), act }
}

fn frozen(plan: usize) -> Act {
    let count = u32::try_from(items(plan).len()).unwrap();
    Act::PlanFrozen { plan: name_of(plan), ruleset: RULESET, items: count }
}

fn merged() -> Act {
    Act::Merged(MergedPart {
        request: other(),
        rights: [Right::Port].into(),
        received_at: Timestamp(START - 10 * 86_400_000_000),
        jurisdiction: "IT".parse().unwrap(),
        region: None,
        calendar: Calendars::NEWEST,
        extended: None,
    })
}

/// As far as this state, by what comes next each time.
fn until(mut folded: Folded, state: State) -> Folded {
    while folded.file.request.state() != state {
        let (by, act) = folded.next().unwrap();
        folded = folded.must(by, act);
    }
    folded
}

proptest! {
    #[test]
    fn all_acts_at_once_make_the_same_file_as_one_after_the_other(
        steps in prop::collection::vec((0..3_u8, any::<Index>()), 0..60),
    ) {
        let mut folded = Folded::new();
        for (detour, index) in steps {
            let next = match detour {
                0 => Some(("anna", index.get(&folded.detours()).clone())),
                _ => folded.next(),
            };
            let Some((by, act)) = next else { break };
            folded.take(by, act);
            prop_assert_eq!(&folded.at_once(), &folded.file);
        }
    }
}

#[test]
fn what_was_given_before_two_came_apart_is_still_known_when_the_plan_is_not() {
    let folded = until(Folded::new(), State::Discovering).must("anna", merged());
    let folded = until(folded, State::Executing);
    let (by, done) = folded.next().unwrap();
    let Act::ItemsDone { items: given, .. } = done.clone() else { panic!("the copy comes first: {done:?}") };
    let folded = folded.must(by, done);
    let failed = Act::ProbesFailed(given.clone());
    let folded = until(folded, State::Verifying).must("anna", failed);
    assert_eq!(folded.file.request.failures(), 1);
    let unmerged = folded.unmerged();
    let folded = until(folded.must("anna", unmerged), State::Deciding);
    assert!(folded.file.to_assess.is_superset(&given));
    assert_eq!(folded.file.request.to_assess(), &folded.file.to_assess);
    assert_eq!((folded.file.request.failures(), folded.file.parts()), (0, Vec::new()));
    assert_eq!(folded.at_once(), folded.file);
}

#[test]
fn what_turned_out_to_be_somebody_else_s_is_no_part_of_the_request_any_more() {
    let folded = until(Folded::new(), State::Executing);
    let (by, done) = folded.next().unwrap();
    let Act::ItemsDone { items: given, .. } = done.clone() else { panic!("the copy comes first: {done:?}") };
    let folded = folded.must(by, done);
    let strange: BTreeSet<_> = folded
        .file
        .items
        .iter()
        .filter(|(_, item)| item.artefact.recording() == Some(recording(1)))
        .map(|(key, _)| key.clone())
        .collect();
    let folded = folded.must("anna", Act::NotTheirs(strange.clone()));
    assert_eq!(folded.file.strange, strange);
    assert_eq!(folded.file.to_assess, given, "what was given of it, and not what was still to be done");
    assert!(folded.file.request.items().keys().all(|key| !strange.contains(key)));
    assert_eq!((folded.file.items.len(), folded.file.request.items().len()), (4, 2));
    let closed = until(folded, State::Closed);
    assert_eq!(closed.at_once(), closed.file);
}

#[test]
fn calls_are_confirmed_before_it_is_decided_and_then_planned_anew() {
    let calls = || Act::CallsConfirmed { theirs: [recording(1)].into(), not_theirs: BTreeSet::new() };
    let mut folded = until(Folded::new(), State::Deciding).must("anna", calls());
    assert!(folded.file.is_outdated);
    assert_eq!(folded.file.waits_for(), "plan");
    let decided = folded.decided();
    assert!(!folded.take("anna", decided) && !folded.take("anna", Act::DecisionsClosed));
    let folded = folded.must("anna", frozen(0));
    assert!(!folded.file.is_outdated);
    let same = folded.must("anna", calls());
    assert!(!same.file.is_outdated, "what was said before changes nothing");
    let mut decided = until(same, State::Executing);
    assert!(!decided.take("anna", calls()));
}
