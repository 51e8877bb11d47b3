//! Which leaves follow from which records.

use super::*;
use crate::name::Incarnation;
use crate::samples;
use crate::store::{Era, Generation};

const PLACE: Place = Place {
    era: Era { generation: Generation::FIRST, incarnation: Incarnation::from_bytes([4; 16]) },
    partition: 2,
};
const P: InstanceId = InstanceId::from_bytes([3; 16]);

/// Entry `event` as number `number` of the producer.
fn act(event: u64, number: u64) -> Said {
    let entry = Entry { producer: Some((P, number)), ..samples::entry(event) };
    Said::Act(Box::new(Act { entry, reason: None }))
}

fn beat(produced: u64, state: ProducerState) -> Said {
    Said::Beat { producer: P, produced, state }
}

/// Actions of the leaves that follow, after what went before; `r7` is entry 7 itself.
fn follow(batches: &[&[Said]]) -> (Vec<String>, Producers) {
    let (mut producers, mut known, mut told) = (Producers::new(), BTreeSet::new(), Vec::new());
    for batch in batches {
        let arrivals = batch.iter().cloned().enumerate();
        let arrivals =
            arrivals.map(|(n, said)| Arrival { offset: n as u64, at: Timestamp(5), said }).collect();
        let plan = plan(PLACE, &mut producers, known.clone(), arrivals);
        known.extend(plan.entries.iter().map(|entry| entry.event));
        told.extend(plan.entries.iter().map(|entry| match entry.producer {
            Some(_) => format!("r{}", u64::from_be_bytes(entry.event.to_bytes()[8..].try_into().unwrap())),
            None => {
                let facts = entry.facts.iter().filter(|(fact, _)| *fact != "event");
                facts.fold(entry.action.clone(), |told, (_, value)| format!("{told} {value}"))
            }
        }));
    }
    (told, producers)
}

#[track_caller]
fn check(batches: &[&[Said]], leaves: &[&str]) {
    assert_eq!(follow(batches).0, leaves);
}

#[test]
fn entries_follow_in_order_and_a_repeated_one_is_dropped() {
    check(&[&[act(1, 1), act(2, 2), act(1, 1)], &[act(2, 2), act(3, 3)]], &["r1", "r2", "r3"]);
}

#[test]
fn a_missing_number_is_found_once_when_the_next_one_comes() {
    check(&[&[act(1, 1), act(4, 4)], &[act(5, 5)]], &["r1", "ledger.gap-found 2 3", "r4", "r5"]);
    check(&[&[act(3, 3)]], &["ledger.gap-found 1 2", "r3"]);
}

#[test]
fn a_missing_tail_is_found_by_the_heartbeat() {
    let running = beat(4, ProducerState::Running);
    check(&[&[act(1, 1), running.clone()], &[running, act(5, 5)]], &["r1", "ledger.gap-found 2 4", "r5"]);
    check(&[&[beat(0, ProducerState::Running), beat(0, ProducerState::Closed)]], &[]);
}

#[test]
fn a_number_that_was_missing_and_comes_after_all_is_told() {
    check(
        &[&[act(1, 1), act(3, 3), act(2, 2)]],
        &["r1", "ledger.gap-found 2 2", "r3", "r2", "ledger.number-repeated 2"],
    );
}

#[test]
fn an_entry_that_comes_again_under_another_number_leaves_its_number() {
    check(&[&[act(1, 1), act(1, 2), act(3, 3)]], &["r1", "ledger.repeat-dropped 2", "r3"]);
}

#[test]
fn what_cannot_be_read_is_a_leaf_that_says_why() {
    check(
        &[&[Said::Refused("event-malformed"), act(1, 1)]],
        &["ledger.record-refused 0 event-malformed", "r1"],
    );
}

#[test]
fn an_entry_without_a_number_is_taken_and_told() {
    let entry = Entry { producer: None, ..samples::entry(1) };
    let said = Said::Act(Box::new(Act { entry, reason: None }));
    check(&[&[said]], &["recording.replayed x 3", "ledger.number-missing no producer"]);
}

#[test]
fn a_heartbeat_says_whether_a_producer_is_still_at_work() {
    let state = |batches: &[&[Said]]| follow(batches).1[&P].state;
    assert_eq!(state(&[&[act(1, 1), beat(1, ProducerState::Closed)]]), ProducerState::Closed);
    assert_eq!(state(&[&[beat(0, ProducerState::Closed), act(1, 1)]]), ProducerState::Running);
}

#[test]
fn the_same_records_give_the_same_findings() {
    let batch: &[Said] = &[act(1, 1), act(4, 4), Said::Refused("x")];
    let once = || {
        let arrivals = batch.iter().cloned().map(|said| Arrival { offset: 9, at: Timestamp(5), said });
        plan(PLACE, &mut Producers::new(), BTreeSet::new(), arrivals.collect()).entries
    };
    assert_eq!(once(), once());
}
