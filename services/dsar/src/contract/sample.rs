//! Requests as the suite has them: each step is an act with the head after it.

pub mod disclosures;

use std::collections::BTreeSet;

use kernel::{
    Envelope, EventId, HoldId, LegNo, Position, PurposeName, RecordingId, RequestId, SubjectId, TenantId,
    Timestamp,
};
use policy::code::Code;
use policy::deadline::{Calendars, Reason as Extending};
use policy::jurisdiction::Jurisdiction;
use policy::request::{Actor, Asker, Channel, Ending, Evidence, Excess, ItemKey, PlanName, Proof, State};
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, Reason, Right};
use seal::Hash;

use crate::act::{Act, Decided, Found, Received, Record, RequestKey};
use crate::events;
use crate::plan::{Artefact, Language, PlanItem};
use crate::store::Head;

const DAY: i64 = 86_400 * 1_000_000;
/// 2026-07-01T00:00:00Z.
const FIRST_DAY: i64 = 20_635 * DAY;

/// One act on a request, with its head after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The head.
    pub head: Head,
    /// The act.
    pub record: Record,
}

impl Step {
    /// A request of alfa, of now.
    pub fn first() -> Self {
        Self::of(key(alfa(), RequestId::new()), SubjectId::new())
    }

    /// A request about somebody.
    pub fn of(key: RequestKey, subject: SubjectId) -> Self {
        let act = Act::Received(received(subject));
        let record =
            Record { id: EventId::new(), key: key.clone(), version: 1, at: moment(0, 7), by: anna(), act };
        let head = Head {
            key,
            version: 1,
            subject,
            received_at: moment(0, 0),
            due: moment(31, 0),
            state: State::Received,
            ending: None,
        };
        Self { head, record }
    }

    /// What follows, with the state after it.
    pub fn then(&self, act: Act, state: State) -> Self {
        let version = self.head.version + 1;
        let at = self.record.at.0 + 1;
        let record = Record { id: EventId::new(), version, at: Timestamp(at), act, ..self.record.clone() };
        let ending = (state == State::Closed).then_some(Ending::Fulfilled);
        Self { head: Head { version, state, ending, ..self.head.clone() }, record }
    }

    /// What follows, in the state after its receipt.
    pub fn next(&self) -> Self {
        self.then(Act::Acknowledged { hold: None }, State::Identifying)
    }

    /// Its answer.
    pub fn closed(&self) -> Self {
        self.then(Act::Delivered { letter: Hash([7; 32]) }, State::Closed)
    }

    /// The event that tells of it.
    pub fn event(&self) -> Envelope {
        events::happened(&self.record)
    }
}

/// A moment of a day, the first of them being number 0.
pub fn moment(day: i64, within: i64) -> Timestamp {
    Timestamp(FIRST_DAY + day * DAY + within)
}

/// A tenant by its name.
pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a slug")
}

/// The tenant whose requests they mostly are.
pub fn alfa() -> TenantId {
    tenant("banca-alfa")
}

/// Another tenant.
pub fn beta() -> TenantId {
    tenant("telco-beta")
}

/// A request of a tenant.
pub fn key(tenant: TenantId, id: RequestId) -> RequestKey {
    RequestKey { tenant, id }
}

/// An id of a day, with bytes that are this number.
pub fn id_of(day: i64, number: u8) -> RequestId {
    let millis = moment(day, 0).0 / 1_000;
    let mut bytes = [number; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    RequestId::from_bytes(bytes)
}

/// A plan by its name.
pub fn plan(name: &str) -> PlanName {
    PlanName::new(name).expect("a plan's name")
}

fn anna() -> Actor {
    Actor::new("anna@banca-alfa.it").expect("an account")
}

fn code(text: &str) -> Code {
    Code::new(text).expect("a code")
}

fn names(names: &[&str]) -> BTreeSet<ItemKey> {
    names.iter().map(|name| ItemKey::new(*name).expect("an item's name")).collect()
}

/// A spoken request for a copy and for erasure.
pub fn received(subject: SubjectId) -> Received {
    Received {
        rights: [Right::Access, Right::Erase].into(),
        channel: Channel::Call,
        asker: Asker::Oneself,
        subject,
        received_at: moment(0, 0),
        said_in: Some((RecordingId::from_bytes([9; 16]), Some(Position(61_000_000)))),
        jurisdiction: "DE".parse::<Jurisdiction>().expect("a jurisdiction"),
        region: Some("DE-BY".parse().expect("a region")),
        calendar: Calendars::NEWEST,
        language: Language::Italian,
    }
}

/// Every kind of act that follows a receipt, some in several forms, each with a state that it may lead to.
pub fn acts() -> Vec<(Act, State)> {
    [shown(), decided(), done()].concat()
}

/// Until it is known who asks.
fn shown() -> Vec<(Act, State)> {
    let rights = [Right::Access, Right::Withdraw].into();
    vec![
        (Act::Acknowledged { hold: None }, State::Identifying),
        (Act::Acknowledged { hold: Some(HoldId::from_bytes([3; 16])) }, State::Identifying),
        (Act::Proved(Proof::OneTimeCode), State::Identifying),
        (Act::Wrong(Proof::CallKnowledge), State::Identifying),
        (Act::Authority { filed: code("mandate-7"), rights }, State::Identifying),
        (Act::Doubted, State::AwaitingSubject),
        (Act::Answered, State::Identifying),
        (Act::IdentityFailed, State::Responding),
        (Act::Verified, State::Discovering),
        (Act::TakenBack, State::Responding),
    ]
}

/// Until it is decided.
fn decided() -> Vec<(Act, State)> {
    let all = Decided { plan: plan("plan-1"), items: BTreeSet::new(), found: Found::default(), left: None };
    let excess = Excess {
        reason: Reason::A12ManifestlyExcessive,
        evidence: [Evidence::Count, Evidence::Unchanged].into(),
        filed: code("excess-3"),
    };
    let found = Found {
        gate: Some(Gate::Article12),
        excess: Some(excess),
        own_hold_waived: true,
        ..Found::default()
    };
    let items = names(&["access/consent", "erase/consent"]);
    let some = Decided { items, found, left: Some(code("balance-1")), ..all.clone() };
    let notice_delivered_at = moment(3, 0);
    vec![
        (Act::PlanFrozen { plan: plan("plan-1"), ruleset: 1, items: 2 }, State::Deciding),
        (Act::Decided(all), State::Deciding),
        (Act::Decided(some), State::Deciding),
        (Act::Extended { reason: Extending::Number, notice_delivered_at }, State::Deciding),
        (Act::DecisionsClosed, State::AwaitingApproval),
        (Act::Rejected(plan("plan-1")), State::Deciding),
        (Act::Approved(plan("plan-1")), State::Executing),
    ]
}

/// Until it is answered.
fn done() -> Vec<(Act, State)> {
    let items = names(&["access/consent"]);
    let many: Vec<_> = (0..1_000).map(|number| format!("access/{number:x>249}")).collect();
    let many = names(&many.iter().map(String::as_str).collect::<Vec<_>>());
    vec![
        (Act::ItemsDone { items: many, filed: None }, State::Executing),
        (Act::ItemsDone { items: items.clone(), filed: Some(code("statement-1")) }, State::Executing),
        (Act::ItemsDeferred { items: items.clone(), hold: code("hold-4") }, State::Executing),
        (Act::ExecutionClosed, State::Verifying),
        (Act::ProbesFailed(items), State::Executing),
        (Act::ProbesPassed, State::Responding),
        (Act::Delivered { letter: Hash([1; 32]) }, State::Closed),
    ]
}

/// So many items, of every kind of artefact, each with a name of its own.
pub fn items(count: u16) -> Vec<PlanItem> {
    (0..count).map(item).collect()
}

fn item(number: u16) -> PlanItem {
    let recording = RecordingId::from_bytes(u128::from(number).to_be_bytes());
    let artefact = match number % 6 {
        0 => Artefact::Leg(recording, LegNo(number)),
        1 => Artefact::Metadata(recording),
        2 => Artefact::Request(RequestId::from_bytes(recording.to_bytes())),
        3 => Artefact::Consent,
        4 => Artefact::AccessLog,
        _ => Artefact::Backups,
    };
    let question = Question {
        right: Right::Access,
        category: artefact.category(),
        basis: BasisState::DutyRunning,
        hold: HoldState::None,
        presence: Presence::Dialog,
        gate: Gate::Clear,
    };
    let is_of_a_call = artefact.recording().is_some();
    PlanItem {
        artefact,
        purpose: Some(PurposeName::new(format!("purpose-{number}")).expect("a slug")),
        question,
        kept_by: if is_of_a_call { "regime:mifid2-16-7".to_owned() } else { String::new() },
        until: is_of_a_call.then_some(moment(1_825, 0)),
        began: is_of_a_call.then_some(moment(-1, 0)),
    }
}
