//! What goes into the wire form comes back, and nothing else comes out of it.

mod damaged;
mod disclosures;

use std::collections::BTreeSet;

use kernel::{HoldId, Interval, LegNo, Position, PurposeName, RecordingId, SubjectId};
use policy::code::Code;
use policy::deadline::{self, Region};
use policy::jurisdiction::Jurisdiction;
use policy::request::{Asker, Channel, Ending, Evidence, Excess, Ground, ItemKey, PlanName, Proof};
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, Reason, Right};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use seal::Hash;

use super::*;
use crate::act::{Act, Decided, Found, MergedPart, Received};
use crate::contract::sample::{self, Step};
use crate::plan::{Artefact, Language};

fn any_code() -> impl Strategy<Value = Code> {
    "[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}".prop_map(|text| Code::new(text).unwrap())
}

fn any_plan() -> impl Strategy<Value = PlanName> {
    "[!-~]{1,64}".prop_map(|text| PlanName::new(text).unwrap())
}

fn any_keys() -> impl Strategy<Value = BTreeSet<ItemKey>> {
    prop::collection::btree_set("[!-~]{1,256}".prop_map(|text| ItemKey::new(text).unwrap()), 0..6)
}

fn any_rights() -> impl Strategy<Value = BTreeSet<Right>> {
    subsequence(Right::ALL, 0..=Right::ALL.len()).prop_map(|rights| rights.into_iter().collect())
}

fn any_recording() -> impl Strategy<Value = RecordingId> {
    any::<[u8; 16]>().prop_map(RecordingId::from_bytes)
}

fn any_received() -> impl Strategy<Value = Received> {
    let from = (select(Channel::ALL), select(Asker::ALL), any::<[u8; 16]>(), any::<i64>());
    let said_in = prop::option::of((any_recording(), prop::option::of(any::<u64>().prop_map(Position))));
    let law = (
        select(Jurisdiction::all().collect::<Vec<_>>()),
        prop::option::of(select(Region::all().collect::<Vec<_>>())),
        any::<u16>(),
        select(Language::ALL.to_vec()),
    );
    (any_rights(), from, said_in, law).prop_map(|(rights, from, said_in, law)| {
        let (channel, asker, subject, received_at) = from;
        let (jurisdiction, region, calendar, language) = law;
        Received {
            rights,
            channel,
            asker,
            subject: SubjectId::from_bytes(subject),
            received_at: Timestamp(received_at),
            said_in,
            jurisdiction,
            region,
            calendar,
            language,
        }
    })
}

fn any_found() -> impl Strategy<Value = Found> {
    let evidence = subsequence(Evidence::ALL, 0..=Evidence::ALL.len());
    let excess = (select(Reason::ALL), evidence, any_code()).prop_map(|(reason, evidence, filed)| Excess {
        reason,
        evidence: evidence.into_iter().collect(),
        filed,
    });
    let stretches = prop::collection::vec((0..1_000_u64, 1..100_u64), 0..4).prop_map(|all| {
        all.into_iter()
            .filter_map(|(from, long)| Interval::new(Position(from), Position(from + long)))
            .collect()
    });
    let ground = prop::option::of(select(Ground::ALL));
    (prop::option::of(select(Gate::ALL)), prop::option::of(excess), any::<bool>(), stretches, ground)
        .prop_map(|(gate, excess, own_hold_waived, others_heard, ground)| Found {
            gate,
            excess,
            own_hold_waived,
            others_heard,
            ground,
        })
}

fn any_decided() -> impl Strategy<Value = Decided> {
    (any_plan(), any_keys(), any_found(), prop::option::of(any_code()))
        .prop_map(|(plan, items, found, left)| Decided { plan, items, found, left })
}

fn any_request() -> impl Strategy<Value = RequestId> {
    any::<[u8; 16]>().prop_map(RequestId::from_bytes)
}

fn any_calls() -> impl Strategy<Value = BTreeSet<RecordingId>> {
    prop::collection::btree_set(any_recording(), 0..4)
}

fn any_merged() -> impl Strategy<Value = MergedPart> {
    let extended =
        (select(deadline::Reason::ALL), any::<i64>(), any::<i64>()).prop_map(|(reason, told, at)| {
            let notice_delivered_at = Timestamp(told);
            deadline::Extension { reason, notice_delivered_at, extended_at: Timestamp(at) }
        });
    (any_request(), any_received(), prop::option::of(extended)).prop_map(|(request, received, extended)| {
        let Received { rights, received_at, jurisdiction, region, calendar, .. } = received;
        MergedPart { request, rights, received_at, jurisdiction, region, calendar, extended }
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let hold = prop::option::of(any::<[u8; 16]>().prop_map(HoldId::from_bytes));
    prop_oneof![
        any_received().prop_map(Act::Received),
        hold.prop_map(|hold| Act::Acknowledged { hold }),
        select(Proof::ALL).prop_map(Act::Proved),
        select(Proof::ALL).prop_map(Act::Wrong),
        (any_code(), any_rights()).prop_map(|(filed, rights)| Act::Authority { filed, rights }),
        select(vec![Act::Verified, Act::Doubted, Act::Answered, Act::IdentityFailed, Act::DecisionsClosed]),
        select(vec![Act::ExecutionClosed, Act::ProbesPassed, Act::TakenBack]),
        select(vec![
            Act::Withdrawn(BTreeSet::new()),
            Act::Withdrawn([kernel::PurposeName::new("quality").unwrap()].into())
        ]),
        (any_plan(), any::<u32>(), any::<u32>()).prop_map(|(plan, ruleset, items)| Act::PlanFrozen {
            plan,
            ruleset,
            items
        }),
        any_decided().prop_map(Act::Decided),
        any_plan().prop_map(Act::Approved),
        any_plan().prop_map(Act::Rejected),
        (any_keys(), prop::option::of(any_code())).prop_map(|(items, filed)| Act::ItemsDone { items, filed }),
        (any_keys(), any_code()).prop_map(|(items, hold)| Act::ItemsDeferred { items, hold }),
        any_keys().prop_map(Act::ProbesFailed),
        any_keys().prop_map(Act::NotTheirs),
        any_request().prop_map(Act::DuplicateOf),
        any_request().prop_map(Act::MergedInto),
        (any_request(), any_keys()).prop_map(|(other, to_assess)| Act::Unmerged { other, to_assess }),
        any_merged().prop_map(Act::Merged),
        (any_request(), select(Ending::ALL)).prop_map(|(into, ending)| Act::AnsweredWith { into, ending }),
        (any_calls(), any_calls())
            .prop_map(|(theirs, not_theirs)| Act::CallsConfirmed { theirs, not_theirs }),
        prop::collection::btree_set(any::<[u8; 16]>().prop_map(HoldId::from_bytes), 0..4)
            .prop_map(Act::Restricted),
        any::<i64>().prop_map(|at| Act::Lifted { notice_delivered_at: Timestamp(at) }),
        any::<[u8; 32]>().prop_map(|hash| Act::Delivered { letter: Hash(hash) }),
        (select(deadline::Reason::ALL), any::<i64>())
            .prop_map(|(reason, at)| Act::Extended { reason, notice_delivered_at: Timestamp(at) }),
    ]
}

fn any_artefact() -> impl Strategy<Value = Artefact> {
    prop_oneof![
        (any_recording(), any::<u16>()).prop_map(|(id, leg)| Artefact::Leg(id, LegNo(leg))),
        any_recording().prop_map(Artefact::Metadata),
        any::<[u8; 16]>().prop_map(|id| Artefact::Request(RequestId::from_bytes(id))),
        select(vec![Artefact::Consent, Artefact::AccessLog, Artefact::Backups]),
    ]
}

/// Never 1970, which stands for none.
fn any_moment() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((1..=i64::MAX).prop_map(Timestamp))
}

fn any_item() -> impl Strategy<Value = PlanItem> {
    let purpose = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?".prop_map(|name| PurposeName::new(name).unwrap());
    let asked = (select(Right::ALL), select(BasisState::ALL), select(HoldState::ALL));
    let found = (select(Presence::ALL), select(Gate::ALL));
    let kept = ("[!-~]{0,128}", any_moment(), any_moment());
    (any_artefact(), prop::option::of(purpose), asked, found, kept).prop_map(
        |(artefact, purpose, (right, basis, hold), (presence, gate), (kept_by, until, began))| {
            let category = artefact.category();
            let question = Question { right, category, basis, hold, presence, gate };
            PlanItem { artefact, purpose, question, kept_by, until, began }
        },
    )
}

proptest! {
    #[test]
    fn an_act_comes_back_as_it_was(
        act in any_act(), by in "[!-~]{1,256}", version in 1..=u64::MAX, at in any::<i64>(),
    ) {
        let by = Actor::new(by).unwrap();
        let record = Record { version, at: Timestamp(at), by, act, ..Step::first().record };
        prop_assert_eq!(&decode(&encode(&record)).unwrap(), &record);
        prop_assert_eq!(super::record(event(&record)).unwrap(), record);
    }

    #[test]
    fn a_page_comes_back_as_it_was_and_is_the_same_bytes_each_time(
        page in prop::collection::vec(any_item(), 0..8),
    ) {
        let bytes = super::page(&page);
        prop_assert_eq!(&super::page(&page), &bytes);
        prop_assert_eq!(items(&bytes).unwrap(), page);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _either = decode(&bytes);
        let _either = items(&bytes);
    }

    #[test]
    fn one_byte_that_is_wrong_is_read_or_refused_without_panic(
        act in any_act(), place in any::<usize>(), byte in any::<u8>(),
    ) {
        let mut bytes = encode(&Record { act, ..Step::first().record });
        let place = place % bytes.len();
        bytes[place] = byte;
        let _either = decode(&bytes);
    }
}

#[test]
fn the_largest_act_and_the_largest_page_are_read() {
    for (act, _) in sample::acts() {
        let record = Record { act, ..Step::first().record };
        assert_eq!(decode(&encode(&record)).unwrap(), record);
    }
    let artefact = Artefact::Leg(RecordingId::from_bytes([0xff; 16]), LegNo(u16::MAX));
    let question = Question {
        right: Right::ObjectMarketing,
        category: artefact.category(),
        basis: BasisState::LegitimateInterest,
        hold: HoldState::OtherDsar,
        presence: Presence::Absent,
        gate: Gate::NoGround,
    };
    let item = PlanItem {
        artefact,
        purpose: Some(PurposeName::new("x".repeat(63)).unwrap()),
        question,
        kept_by: "x".repeat(128),
        until: Some(Timestamp(i64::MIN)),
        began: Some(Timestamp(i64::MIN)),
    };
    let page = vec![item; PAGE];
    assert_eq!(items(&super::page(&page)).unwrap(), page);
}
