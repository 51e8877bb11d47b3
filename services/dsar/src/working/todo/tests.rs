//! What is done next, by what was decided: said at once, restricted, stopped, handed out, and last of all erased.

use std::collections::BTreeSet;

use kernel::{EventId, RequestId, SubjectId};
use policy::deadline::Calendars;
use policy::request::{Asker, Channel, PlanName, Proof};
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, RULESET};
use rstest::rstest;

use super::*;
use crate::act::{Act, Decided, Found, Received, Record, RequestKey};
use crate::file::Items;
use crate::plan::Language;
use crate::testing::{START, actor, purpose, tenant};

const CALL: RecordingId = RecordingId::from_bytes([5; 16]);

fn item(right: Right, artefact: Artefact, basis: BasisState, own: &str) -> PlanItem {
    let question = Question {
        right,
        category: artefact.category(),
        basis,
        hold: HoldState::None,
        presence: Presence::Oneself,
        gate: Gate::Clear,
    };
    let purpose = (!own.is_empty()).then(|| purpose(own));
    PlanItem { artefact, purpose, question, kept_by: String::new(), until: None, began: None }
}

/// A request with these items, decided as the rules say, of which these are done.
fn executing(items: &[PlanItem], done: &[&PlanItem]) -> File {
    let key = RequestKey { tenant: tenant(), id: RequestId::from_bytes([9; 16]) };
    let rights: BTreeSet<_> = items.iter().map(PlanItem::right).collect();
    let named: Items = items.iter().map(|item| (item.key().unwrap(), item.clone())).collect();
    let plan = PlanName::new("p1").unwrap();
    let received = Received {
        rights,
        channel: Channel::Letter,
        asker: Asker::Oneself,
        subject: SubjectId::from_bytes([1; 16]),
        received_at: START,
        said_in: None,
        jurisdiction: "IT".parse().unwrap(),
        region: None,
        calendar: Calendars::NEWEST,
        language: Language::Italian,
    };
    let frozen = Act::PlanFrozen { plan: plan.clone(), ruleset: RULESET, items: 1 };
    let all = Decided { plan: plan.clone(), items: BTreeSet::new(), found: Found::default(), left: None };
    let mut acts = vec![
        Act::Received(received),
        Act::Acknowledged { hold: None },
        Act::Proved(Proof::Human),
        Act::Verified,
        frozen,
        Act::Decided(all),
        Act::DecisionsClosed,
    ];
    let by_two = named.values().any(|item| item.proposed().needs_second_person());
    acts.extend(by_two.then_some(Act::Approved(plan)));
    if !done.is_empty() {
        let items = done.iter().map(|item| item.key().unwrap()).collect();
        acts.push(Act::ItemsDone { items, filed: None });
    }
    let record = |(version, act): (u64, Act)| {
        let by = actor(if matches!(act, Act::Approved(_)) { "bruno" } else { "anna" });
        Record { id: EventId::from_bytes([2; 16]), key: key.clone(), version, at: START, by, act }
    };
    let records: Vec<_> = (1..).zip(acts).map(record).collect();
    File::fold(&records, named).unwrap()
}

fn leg(right: Right, number: u16, basis: BasisState, purpose: &str) -> PlanItem {
    item(right, Artefact::Leg(CALL, LegNo(number)), basis, purpose)
}

fn keys(items: &[&PlanItem]) -> BTreeSet<ItemKey> {
    items.iter().map(|item| item.key().unwrap()).collect()
}

#[test]
fn what_is_only_told_comes_first_and_what_is_erased_last() {
    let copy = leg(Right::Access, 0, BasisState::ConsentLive, "quality");
    let erased = leg(Right::Erase, 0, BasisState::ConsentLive, "quality");
    let told = item(Right::Erase, Artefact::Consent, BasisState::DutyRunning, "");
    let restricted = leg(Right::Restrict, 0, BasisState::ConsentLive, "quality");
    let facts = item(Right::Restrict, Artefact::Metadata(CALL), BasisState::ConsentLive, "quality");
    let items = [copy.clone(), erased.clone(), told.clone(), restricted.clone(), facts.clone()];
    let next = |done: &[&PlanItem]| super::next(&executing(&items, done), |_| false);
    assert_eq!(next(&[]), Todo::Say(keys(&[&told])));
    let Todo::Restrict(found) = next(&[&told]) else { panic!("a restriction waits for nothing") };
    assert_eq!((found[0].recording, &found[0].items), (CALL, &keys(&[&restricted, &facts])));
    assert_eq!(next(&[&told, &restricted, &facts]), Todo::Wait, "the copy comes before the erasure");
    let Todo::Erase(found) = next(&[&told, &restricted, &facts, &copy]) else { panic!("now it goes") };
    assert_eq!(found[0].now, keys(&[&erased]));
    assert_eq!(next(&[&told, &restricted, &facts, &copy, &erased]), Todo::Close);
}

#[rstest]
#[case::all_of_a_purpose(&[(0, "quality"), (1, "quality")], &[], &["quality"], None)]
#[case::one_leg(&[(0, "quality")], &[], &["quality"], Some(0))]
#[case::with_a_duty(&[(0, "quality"), (1, "quality")], &[(0, "duty"), (1, "duty")], &["duty", "quality"], None)]
fn an_erasure_takes_whole_purposes_or_a_leg(
    #[case] consent: &[(u16, &str)],
    #[case] duty: &[(u16, &str)],
    #[case] purposes: &[&str],
    #[case] only: Option<u16>,
) {
    let consent =
        consent.iter().map(|(number, own)| leg(Right::Erase, *number, BasisState::ConsentLive, own));
    let duty = duty.iter().map(|(number, own)| leg(Right::Erase, *number, BasisState::DutyRunning, own));
    let items: Vec<_> = consent.chain(duty).collect();
    let Todo::Erase(found) = next(&executing(&items, &[]), |_| false) else { panic!("it goes") };
    let expected: BTreeSet<_> = purposes.iter().map(|name| purpose(name)).collect();
    assert_eq!((found.len(), &found[0].purposes, found[0].leg), (1, &expected, only.map(LegNo)));
    // The same order, however much of it is done.
    let first = items.first().unwrap();
    if let Todo::Erase(again) = next(&executing(&items, &[first]), |_| false) {
        assert_eq!((&again[0].purposes, again[0].leg), (&found[0].purposes, found[0].leg));
    }
}

#[test]
fn what_a_statement_is_to_be_attached_to_is_erased_after_it() {
    let stated = leg(Right::Rectify, 0, BasisState::ConsentLive, "quality");
    let erased = [0, 1].map(|number| leg(Right::Erase, number, BasisState::ConsentLive, "quality"));
    let items = [&erased[..], std::slice::from_ref(&stated)].concat();
    let file = executing(&items, &[]);
    assert_eq!((next(&file, |_| false), file.waits_for()), (Todo::Wait, "by-hand"));
    let Todo::Erase(found) = next(&executing(&items, &[&stated]), |_| false) else { panic!("now it goes") };
    assert_eq!(found[0].now, keys(&[&erased[0], &erased[1]]));
    // Another call's statement, too: the first erasure would let go what holds that call.
    let other = Artefact::Leg(RecordingId::from_bytes([6; 16]), LegNo(0));
    let elsewhere = item(Right::Rectify, other, BasisState::ConsentLive, "quality");
    let items = [&erased[..], std::slice::from_ref(&elsewhere)].concat();
    assert_eq!(next(&executing(&items, &[]), |_| false), Todo::Wait);
    assert!(matches!(next(&executing(&items, &[&elsewhere]), |_| false), Todo::Erase(_)));
}

#[test]
fn a_leg_that_something_keeps_or_that_is_restricted_alone_is_for_a_person() {
    let goes = leg(Right::Erase, 0, BasisState::ConsentLive, "quality");
    let kept = leg(Right::Erase, 0, BasisState::DutyRunning, "duty");
    let refused = leg(Right::Erase, 0, BasisState::ContractRunning, "contract");
    let restricted = leg(Right::Restrict, 0, BasisState::ConsentLive, "quality");
    for items in [vec![goes.clone(), kept], vec![restricted]] {
        let file = executing(&items, &[]);
        assert_eq!((next(&file, |_| false), file.waits_for()), (Todo::Wait, "by-hand"));
    }
    // What is refused is told, and then the rest of the leg is nobody's but a person's.
    let items = [goes, refused.clone()];
    assert_eq!(next(&executing(&items, &[]), |_| false), Todo::Say(keys(&[&refused])));
    let file = executing(&items, &[&refused]);
    assert_eq!((next(&file, |_| false), file.waits_for()), (Todo::Wait, "by-hand"));
}
