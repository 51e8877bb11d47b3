mod model;
mod random;
mod scenarios;
mod steps;
mod table;
mod two_people;

use kernel::{ErrorCode, ServiceError};
use rstest::rstest;

use super::*;
use crate::code::Code;
use crate::rights::{BasisState, Category, Gate, HoldState, Presence, Question, RULESET, Verdict};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The day after the receipt: nothing is due by then.
fn next_day() -> Timestamp {
    at("2026-03-03T10:00:00Z")
}

/// Long after the request fell due.
fn much_later() -> Timestamp {
    at("2026-09-01T10:00:00Z")
}

fn key(text: &str) -> RequestKey {
    RequestKey::new(text).unwrap()
}

fn who(text: &str) -> Actor {
    Actor::new(text).unwrap()
}

fn item(text: &str) -> ItemKey {
    ItemKey::new(text).unwrap()
}

fn plan(text: &str) -> PlanName {
    PlanName::new(text).unwrap()
}

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

fn clock(received_at: &str) -> Clock {
    Clock::start(at(received_at), "IT".parse().unwrap(), None).unwrap()
}

fn received(name: &str, rights: &[Right]) -> Request {
    received_at(name, rights, "2026-03-02T10:00:00Z")
}

fn received_at(name: &str, rights: &[Right], moment: &str) -> Request {
    let rights = rights.iter().copied().collect();
    let (channel, asker) = (Channel::Email, Asker::Oneself);
    Request::receive(Intake { key: key(name), rights, channel, asker, clock: clock(moment) }).unwrap()
}

/// What the rules say of a transcript that rests on consent.
fn verdict(right: Right) -> Verdict {
    asked(right, BasisState::ConsentLive, HoldState::None, Gate::Clear)
}

fn asked(right: Right, basis: BasisState, hold: HoldState, gate: Gate) -> Verdict {
    let (category, presence) = (Category::Transcript, Presence::Oneself);
    crate::rights::decide(&Question { right, category, basis, hold, presence, gate })
}

fn decision(verdict: Verdict, by: &str) -> Decision {
    Decision { verdict, ruleset: RULESET, by: who(by), excess: None, left: None }
}

fn decided(name: &str, verdict: Verdict, by: &str) -> Event {
    Event::Decided { item: item(name), decision: decision(verdict, by) }
}

fn frozen(name: &str, items: &[(&str, Right)]) -> Event {
    let items = items.iter().map(|(name, right)| (item(name), (*right, verdict(*right)))).collect();
    Event::PlanFrozen { plan: plan(name), ruleset: RULESET, items, silent: BTreeSet::new(), by: who("anna") }
}

fn done(name: &str) -> Event {
    Event::ItemDone { item: item(name), by: who("worker") }
}

/// An answer that explains all that it has to.
fn delivered(request: &Request) -> Event {
    Event::Delivered { answer: request.owed(), by: who("anna") }
}

/// Everything until the request is verified for what it asks.
fn to_discovering() -> Vec<Event> {
    let by = who("anna");
    vec![
        Event::Acknowledged { by: by.clone() },
        Event::Proved { proof: Proof::Session, by: by.clone() },
        Event::Verified { by },
    ]
}

/// The request after these events, on the day after its receipt.
fn after(request: &Request, events: impl IntoIterator<Item = Event>) -> Request {
    let mut request = request.clone();
    for event in events {
        let kind = event.kind();
        request = request.apply(event, next_day()).unwrap_or_else(|refused| panic!("{kind}: {refused}"));
    }
    request
}

/// The reason for which an event is refused on the day after the receipt.
fn refusal(request: &Request, event: Event) -> Refused {
    let kind = event.kind();
    match request.apply(event, next_day()) {
        Ok(next) => panic!("{kind} was taken, to {}", next.state()),
        Err(refused) => refused,
    }
}

/// A request to erase that is in a state, with one item `e`.
fn in_state(state: State) -> Request {
    let request = received("r1", &[Right::Erase]);
    let anna = || who("anna");
    let mut path = to_discovering();
    path.extend([
        frozen("p1", &[("e", Right::Erase)]),
        decided("e", verdict(Right::Erase), "anna"),
        Event::AllDecided { by: anna() },
        Event::Approved { plan: plan("p1"), by: who("bruno") },
        done("e"),
        Event::ItemsDone { by: anna() },
        Event::ProbesPassed { by: anna() },
    ]);
    let steps = match state {
        State::Received => 0,
        State::Identifying => 1,
        State::AwaitingSubject => {
            return after(&request, [Event::Acknowledged { by: anna() }, Event::Doubted { by: anna() }]);
        }
        State::Discovering => 3,
        State::Deciding => 4,
        State::AwaitingApproval => 6,
        State::Executing => 7,
        State::Verifying => 9,
        State::Responding => 10,
        State::Closed => {
            let answered = after(&request, path);
            return after(&answered, [delivered(&answered)]);
        }
    };
    path.truncate(steps);
    after(&request, path)
}

#[test]
fn a_request_is_built_in_every_state() {
    for &state in State::ALL {
        assert_eq!(in_state(state).state(), state);
    }
}

#[rstest]
#[case(Right::Withdraw, &[], true)]
#[case(Right::ObjectMarketing, &[], true)]
#[case(Right::Restrict, &[], false)]
#[case(Right::Object, &[Proof::OneTimeCode], true)]
#[case(Right::Object, &[Proof::CallKnowledge], false)]
#[case(Right::Access, &[Proof::OneTimeCode], false)]
#[case(Right::Port, &[Proof::OneTimeCode], false)]
#[case(Right::Erase, &[Proof::CallKnowledge], false)]
#[case(Right::Rectify, &[Proof::OneTimeCode, Proof::CallKnowledge], true)]
#[case(Right::Access, &[Proof::Session], true)]
#[case(Right::Erase, &[Proof::Human], true)]
fn each_right_needs_its_rung(#[case] right: Right, #[case] proofs: &[Proof], #[case] met: bool) {
    assert_eq!(Need::of(right).is_met(&proofs.iter().copied().collect()), met);
}

#[test]
fn a_name_is_short_and_visible() {
    assert!(Actor::new("idp|4711@tenant").is_ok());
    for bad in ["", "two words", "à", "x\n", &"x".repeat(257)] {
        assert_eq!(Actor::new(bad), Err(InvalidName { max: 256 }), "{bad:?}");
    }
}

#[test]
fn a_request_asks_for_something() {
    let intake = Intake {
        key: key("r1"),
        rights: BTreeSet::new(),
        channel: Channel::Letter,
        asker: Asker::Oneself,
        clock: clock("2026-03-02T10:00:00Z"),
    };
    assert_eq!(Request::receive(intake), Err(Refused::NoRight));
}
