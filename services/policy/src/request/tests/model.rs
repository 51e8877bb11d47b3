use std::collections::{HashMap, VecDeque};

use super::steps::{check, check_late};
use super::*;

/// What tells two states of the model apart: all but the clock's past and the number of failures, which have no bound
/// and which nothing depends on.
type Key = (State, Identity, Option<Frozen>, BTreeMap<ItemKey, Item>, bool, Option<Ending>);

fn key_of(request: &Request) -> Key {
    (
        request.state,
        request.identity.clone(),
        request.plan.clone(),
        request.items.clone(),
        request.taken_back,
        request.ended,
    )
}

/// A small universe: erasure, which needs proof, and withdrawal, which does not; two items, people and plans.
pub(super) fn universe() -> Vec<Event> {
    let by = || who("anna");
    let mut events = to_discovering();
    events.extend([
        Event::ProofWrong { proof: Proof::OneTimeCode, by: by() },
        Event::Doubted { by: by() },
        Event::Answered { by: by() },
        Event::IdentityFailed { by: by() },
        Event::AllDecided { by: by() },
        Event::ItemsDone { by: by() },
        Event::ProbesPassed { by: by() },
        Event::ProbesFailed { items: [item("e")].into(), by: by() },
        Event::ProbesFailed { items: BTreeSet::new(), by: by() },
        Event::ItemDeferred { item: item("e"), hold: code("hold-1"), by: by() },
        done("e"),
        done("w"),
        Event::TakenBack { by: by() },
    ]);
    for name in ["p1", "p2"] {
        events.push(frozen(name, &[("e", Right::Erase), ("w", Right::Withdraw)]));
        events.push(frozen(name, &[("w", Right::Withdraw)]));
        for person in ["anna", "bruno"] {
            events.push(Event::Approved { plan: plan(name), by: who(person) });
        }
        events.push(Event::Rejected { plan: plan(name), by: by() });
    }
    let held = asked(Right::Erase, BasisState::ConsentLive, HoldState::Litigation, Gate::Clear);
    for person in ["anna", "bruno"] {
        events.push(decided("e", verdict(Right::Erase), person));
        events.push(decided("e", held, person));
        events.push(decided("w", verdict(Right::Withdraw), person));
    }
    events
}

/// A request for both rights. Three codes were wrong, so that two more lock the claim and the universe stays small.
pub(super) fn both() -> Request {
    let mut request = received("r1", &[Right::Erase, Right::Withdraw]);
    request.identity.wrong = MAX_WRONG - 2;
    request
}

/// The answer that a state owes is no part of the universe, as it depends on the state.
fn events_in(request: &Request, universe: &[Event]) -> Vec<Event> {
    let answers = [Event::Delivered { answer: Answer::default(), by: who("anna") }, delivered(request)];
    universe.iter().cloned().chain(answers).collect()
}

/// Every state that can be reached, and the steps between them.
struct Explored {
    requests: Vec<Request>,
    steps: Vec<(usize, EventKind, usize)>,
}

fn explore(from: Request, now: Timestamp) -> Explored {
    let universe = universe();
    let mut known = HashMap::from([(key_of(&from), 0)]);
    let mut explored = Explored { requests: vec![from], steps: Vec::new() };
    let mut waiting = VecDeque::from([0]);
    while let Some(place) = waiting.pop_front() {
        let before = explored.requests[place].clone();
        for event in events_in(&before, &universe) {
            let Ok(after) = before.apply(event.clone(), now) else { continue };
            check(&before, event.kind(), &after);
            check_late(&before, &event, &after);
            let next = explored.requests.len();
            let found = *known.entry(key_of(&after)).or_insert(next);
            if found == next {
                assert!(next < 20_000, "the universe is not small");
                explored.requests.push(after);
                waiting.push_back(next);
            }
            explored.steps.push((place, event.kind(), found));
        }
    }
    explored
}

/// The places from which a step leads on to one of these, and so on.
fn leading_to(steps: &[(usize, EventKind, usize)], mut reached: BTreeSet<usize>) -> BTreeSet<usize> {
    loop {
        let before = reached.len();
        let more = steps.iter().filter(|(_, kind, to)| *kind != EventKind::TakenBack && reached.contains(to));
        let more: Vec<_> = more.map(|(from, _, _)| *from).collect();
        reached.extend(more);
        if reached.len() == before {
            return reached;
        }
    }
}

#[test]
fn every_reachable_state_keeps_the_rules_and_leads_to_an_answer() {
    let explored = explore(both(), next_day());
    let closed = |(place, request): (usize, &Request)| (request.state() == State::Closed).then_some(place);
    let ends = explored.requests.iter().enumerate().filter_map(closed).collect();
    let leading = leading_to(&explored.steps, ends);
    for (place, request) in explored.requests.iter().enumerate() {
        assert!(leading.contains(&place), "no answer comes after {request:?}");
    }
    for &state in State::ALL {
        assert!(explored.requests.iter().any(|request| request.state() == state), "{state} is not reached");
    }
    for ending in [Ending::Fulfilled, Ending::Partial, Ending::Withdrawn] {
        assert!(explored.requests.iter().any(|request| request.ended() == Some(ending)), "{ending}");
    }
}

#[test]
fn scenario_23_nothing_is_executed_after_identity_failed() {
    let explored = explore(received("r1", &[Right::Erase]), next_day());
    let failed: Vec<_> = explored.requests.iter().filter(|r| r.identity().has_failed()).collect();
    assert!(!failed.is_empty());
    for request in failed {
        let only_the_answer = matches!(request.state(), State::Responding | State::Closed);
        assert!(only_the_answer && request.items().is_empty(), "{request:?}");
        let ended = request.ended();
        assert!(ended.is_none() || ended == Some(Ending::Unverified), "{ended:?}");
    }
}
