mod golden;
mod neutral;
mod others;
mod proofs;
mod properties;
mod sentences;
mod voices;

use std::collections::BTreeSet;

use kernel::{EventId, HoldId, LegNo, PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp};
use policy::code::Code;
use policy::deadline::Calendars;
use policy::request::{Actor, Asker, Channel, ItemKey, PlanName, Proof, State};
use policy::rights::{BasisState, Category, Gate, HoldState, Presence, Question, RULESET, Right};

use super::*;
use crate::act::{Act, Decided, Found, Received, Record};
use crate::file::Items;
use crate::plan::{Artefact, PlanItem};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn key() -> RequestKey {
    RequestKey { tenant: TenantId::new("banca-alfa").unwrap(), id: RequestId::from_bytes([0xfe; 16]) }
}

fn plan() -> PlanName {
    PlanName::new("p1").unwrap()
}

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

/// A request to an Italian bank, by e-mail.
fn received(rights: &[Right]) -> Received {
    Received {
        rights: rights.iter().copied().collect(),
        channel: Channel::Email,
        asker: Asker::Oneself,
        subject: SubjectId::new(),
        received_at: at("2026-03-02T10:00:00Z"),
        said_in: None,
        jurisdiction: "IT".parse().unwrap(),
        region: None,
        calendar: Calendars::NEWEST,
        language: Language::English,
    }
}

/// The acts of a request, and the items of its plan.
#[derive(Clone)]
struct Acts {
    records: Vec<Record>,
    items: Items,
}

impl Acts {
    fn of(received: Received) -> Self {
        Self { records: Vec::new(), items: Items::new() }.then("anna", Act::Received(received))
    }

    fn then(mut self, by: &str, act: Act) -> Self {
        let version = u64::try_from(self.records.len()).unwrap() + 1;
        let (at, by) = (at("2026-03-03T10:00:00Z"), Actor::new(by).unwrap());
        self.records.push(Record { id: EventId::new(), key: key(), version, at, by, act });
        self
    }

    /// Whoever asks was shown.
    fn verified(self) -> Self {
        let shown = self.then("anna", Act::Acknowledged { hold: None });
        shown.then("anna", Act::Proved(Proof::Session)).then("anna", Act::Verified)
    }

    fn planned(mut self, items: Vec<PlanItem>) -> Self {
        self.items = items.into_iter().map(|item| (item.key().unwrap(), item)).collect();
        let items = u32::try_from(self.items.len()).unwrap();
        self.then("anna", Act::PlanFrozen { plan: plan(), ruleset: RULESET, items })
    }

    /// Decided as the rules have it once this was found; what is named, or all that is not decided.
    fn decided(self, items: BTreeSet<ItemKey>, found: Found, left: Option<Code>) -> Self {
        self.then("anna", Act::Decided(Decided { plan: plan(), items, found, left }))
    }

    fn all_decided(self) -> Self {
        self.decided(BTreeSet::new(), Found::default(), None)
    }

    /// From the last decision to being carried out.
    fn approved(self) -> Self {
        let closed = self.then("anna", Act::DecisionsClosed);
        match closed.file().request.state() {
            State::AwaitingApproval => closed.then("bruno", Act::Approved(plan())),
            _ => closed,
        }
    }

    /// Carried out, but for what a hold stopped.
    fn done_but(self, deferred: BTreeSet<ItemKey>) -> Self {
        let items: BTreeSet<_> = self.items.keys().filter(|key| !deferred.contains(*key)).cloned().collect();
        let mut acts = self.then("worker", Act::ItemsDone { items, filed: None });
        if !deferred.is_empty() {
            let hold = code(&HoldId::from_bytes([9; 16]).to_string());
            acts = acts.then("worker", Act::ItemsDeferred { items: deferred, hold });
        }
        acts.then("worker", Act::ExecutionClosed).then("worker", Act::ProbesPassed)
    }

    /// With nothing found in its way, carried out in full.
    fn fulfilled(self, items: Vec<PlanItem>) -> Self {
        self.verified().planned(items).all_decided().approved().done_but(BTreeSet::new())
    }

    fn file(&self) -> File {
        File::fold(&self.records, self.items.clone()).unwrap()
    }

    fn letter(&self, language: Language) -> String {
        write(&self.file(), &key(), at("2026-03-20T10:00:00Z"), language).text
    }
}

/// The person's own audio in the call of that day in January 2026, kept for a purpose.
fn leg(day: u8, right: Right, purpose: &str, basis: BasisState, hold: HoldState) -> PlanItem {
    PlanItem {
        artefact: Artefact::Leg(RecordingId::from_bytes([day; 16]), LegNo(0)),
        purpose: Some(PurposeName::new(purpose).unwrap()),
        question: Question {
            right,
            category: Category::AudioLeg,
            basis,
            hold,
            presence: Presence::Oneself,
            gate: Gate::Clear,
        },
        kept_by: String::new(),
        until: None,
        began: Some(at(&format!("2026-01-{day:02}T09:05:00+01:00"))),
    }
}

/// It rests on consent, and nothing forbids to erase it.
fn consented(day: u8, right: Right) -> PlanItem {
    leg(day, right, "quality", BasisState::ConsentLive, HoldState::None)
}

/// The leg of somebody else in the same call, in which the person appears so.
fn of_another(own: PlanItem, presence: Presence) -> PlanItem {
    let recording = own.artefact.recording().unwrap();
    let question = Question { presence, ..own.question };
    PlanItem { artefact: Artefact::Leg(recording, LegNo(1)), question, ..own }
}

/// It is kept by law, until five years after the call.
fn by_duty(day: u8, right: Right) -> PlanItem {
    PlanItem {
        kept_by: "regime:mifid2-16-7".to_owned(),
        until: Some(at(&format!("2031-01-{day:02}T09:05:00+01:00"))),
        ..leg(day, right, "mifid2-transaction", BasisState::DutyRunning, HoldState::None)
    }
}

/// It rests on consent, and is held for a claim in court.
fn held(day: u8, right: Right) -> PlanItem {
    PlanItem {
        kept_by: format!("hold:{}", HoldId::from_bytes([9; 16])),
        until: Some(at("2026-04-01T00:00:00+02:00")),
        ..leg(day, right, "quality", BasisState::ConsentLive, HoldState::Litigation)
    }
}

/// Blocks as they stand in a letter.
fn blocks(blocks: &[&str]) -> String {
    format!("{}\n", blocks.join("\n\n"))
}
