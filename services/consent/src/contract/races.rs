//! Two processes on one store: what a transaction gives where there is one process must hold between them.

use std::collections::BTreeSet;

use futures::future::join_all;
use kernel::{RecordingId, SubjectId, TenantId, Timestamp};
use policy::{Party, PolicyHash};

use super::events::{addition, event};
use super::facts::{call, policy_row};
use super::index::{given, one as identifier, resolved};
use super::links::{add, pair, step};
use super::{alfa, beta, purpose};
use crate::event::{NewEvent, Reach};
use crate::identifier::Kind;
use crate::identity::Reassigned;
use crate::links::Stage;
use crate::store::{Addition, Appended, Identifiers, PartyRow, PolicyChange, RecordingRow, Stepped, Store};

/// Acts of each process.
const ACTS: usize = 12;

fn act(tenant: TenantId, events: Vec<NewEvent>) -> Addition {
    addition(tenant, events, 0)
}

fn said() -> NewEvent {
    event(SubjectId::new(), Reach::Account, 5)
}

async fn append(store: &dyn Store, act: &Addition) -> Appended {
    store.append(act).await.expect("answered")
}

/// Who reads meanwhile sees each version after all lower ones, at either process.
pub async fn events_of_two_processes_have_one_order_without_holes<S: Store>(one: &S, other: &S) {
    let total = 4 * ACTS as u64;
    let writes = async |store: &S| {
        let acts: Vec<_> = (0..ACTS).map(|_| act(alfa(), vec![said(), said()])).collect();
        for acts in acts.chunks(3) {
            let added = join_all(acts.iter().map(|act| append(store, act))).await;
            assert!(added.iter().all(|added| matches!(added, Appended::Now(_))), "{added:?}");
        }
    };
    let reads = async |store: &S| {
        let mut told = 0;
        while told < total {
            let version = store.version().await.expect("read");
            for change in store.changes(told, 7).await.expect("read") {
                told += 1;
                assert_eq!(change.version, told);
                let history = store.history(&alfa(), change.event.subject, None).await.expect("read");
                assert!(history.events.contains(&change), "what is told is in its history");
            }
            assert!(store.version().await.expect("read") >= version.max(told));
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(writes(one), writes(other), reads(one), reads(other));
    assert_eq!(one.version().await.expect("read"), total);
}

/// The other is told, and decides again.
pub async fn of_two_acts_on_one_history_one_is_added<S: Store>(one: &S, other: &S) {
    for _ in 0..4 {
        let subject = SubjectId::new();
        let acts = [5, 6].map(|at| act(alfa(), vec![event(subject, Reach::Account, at)]));
        let (first, second) = tokio::join!(append(one, &acts[0]), append(other, &acts[1]));
        let answers = [&first, &second];
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Appended::Now(_))).count(), 1);
        assert_eq!(answers.iter().filter(|answer| ***answer == Appended::Overtaken).count(), 1);
        let history = one.history(&alfa(), subject, None).await.expect("read");
        assert_eq!((history.events.len(), history.latest), (1, history.events[0].version));
    }
}

/// A sender that hears nothing asks another process.
pub async fn an_act_at_two_processes_is_added_once<S: Store>(one: &S, other: &S) {
    for number in 1..=4 {
        let act = act(alfa(), vec![said()]);
        let (first, second) = tokio::join!(append(one, &act), append(other, &act));
        let event = one.event(&alfa(), act.act).await.expect("read").expect("it is there");
        assert_eq!(event.version, number);
        for answer in [&first, &second] {
            match answer {
                Appended::Now(stored) => assert_eq!(stored, std::slice::from_ref(&event)),
                Appended::Before(before) => assert_eq!(**before, event),
                Appended::Overtaken | Appended::IdTaken => panic!("not added: {answer:?}"),
            }
        }
        assert!([first, second].iter().any(|answer| matches!(answer, Appended::Now(_))));
        assert_eq!(other.version().await.expect("read"), number);
    }
}

/// Whoever's it is first.
pub async fn an_event_s_id_at_two_processes_is_one_event_s<S: Store>(one: &S, other: &S) {
    let event = said();
    let acts = [act(alfa(), vec![event.clone()]), act(beta(), vec![event])];
    let (first, second) = tokio::join!(append(one, &acts[0]), append(other, &acts[1]));
    let answers = [&first, &second];
    assert!(answers.contains(&&Appended::IdTaken), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Appended::Now(_))).count(), 1);
    assert_eq!(one.changes(0, 10).await.expect("read").len(), 1);
}

/// The one that was stamped first; everybody whom either knew of is in it.
pub async fn a_call_at_two_processes_has_one_policy<S: Store>(one: &S, other: &S) {
    let recording = RecordingId::new();
    let row = |number: u8, party: Party, name: &str| RecordingRow {
        policy: Some(PolicyHash([number; 32])),
        started_at: Timestamp(number.into()),
        purposes: BTreeSet::from([purpose(name)]),
        parties: vec![PartyRow { place: number.into(), party, subject: SubjectId::new() }],
        ..call(recording, SubjectId::new())
    };
    let rows = [row(1, Party::Customer, "quality"), row(2, Party::Agent, "training")];
    let (first, second) = tokio::join!(one.remember(&rows[0], None), other.remember(&rows[1], None));
    first.and(second).expect("remembered");
    let read = one.recording(&alfa(), recording).await.expect("read").expect("it is there");
    let stamps = rows.iter().map(|row| (row.policy, row.started_at));
    assert!(stamps.into_iter().any(|stamp| stamp == (read.policy, read.started_at)), "{read:?}");
    assert_eq!((read.purposes.len(), read.parties.len()), (2, 2));
    for row in &rows {
        other.remember(row, None).await.expect("remembered");
    }
    assert_eq!(other.recording(&alfa(), recording).await.expect("read"), Some(read));
}

/// Every process brings it when it starts.
pub async fn a_load_of_two_processes_is_one<S: Store>(one: &S, other: &S) {
    let load = |since| PolicyChange { begins: vec![policy_row(1, since)], ..PolicyChange::default() };
    let loads = [load(10), load(11)];
    let (first, second) = tokio::join!(one.change_policies(&loads[0]), other.change_policies(&loads[1]));
    first.and(second).expect("taken in");
    let in_force = one.policies_in_force().await.expect("read");
    assert!(in_force == [policy_row(1, 10)] || in_force == [policy_row(1, 11)], "{in_force:?}");
    let gone = PolicyChange { ends: vec![(alfa(), Timestamp(20))], ..PolicyChange::default() };
    let (first, second) = tokio::join!(one.change_policies(&gone), other.change_policies(&gone));
    first.and(second).expect("taken in");
    assert_eq!(other.policies_in_force().await.expect("read"), []);
    assert_eq!(other.policies(&alfa()).await.expect("read").len(), 1);
}

/// Whoever comes second is told, and sees what the first one said.
pub async fn a_link_s_step_is_one_process_s<S: Store>(one: &S, other: &S) {
    for number in 1..=4 {
        let pair = pair(SubjectId::new(), SubjectId::new());
        let steps = ["anna", "bruno"].map(|by| step(pair, 1, Stage::Asked, by));
        let (first, second) = tokio::join!(add(one, &steps[0]), add(other, &steps[1]));
        assert_ne!(first, second, "{number}");
        let there = if first == Stepped::Now { &steps[0] } else { &steps[1] };
        let read = other.link_steps(&alfa(), pair.b()).await.expect("read");
        assert_eq!(read, std::slice::from_ref(there), "{number}");
    }
}

/// Also where one of them knows more of the caller: people are not merged later.
pub async fn of_two_processes_one_makes_the_person(one: &dyn Identifiers, other: &dyn Identifiers) {
    for number in 0..6 {
        let presented = [identifier(Kind::Phone, number), identifier(Kind::Crm, number)];
        let (first, second) = tokio::join!(resolved(one, &presented), resolved(other, &presented[..1]));
        assert_eq!((first.subject, first.conflict), (second.subject, second.conflict), "{number}");
        let rows = one.of_subject(&alfa(), first.subject).await.expect("read");
        assert_eq!(rows.len(), 2, "{number}");
    }
}

/// A section is one writer's.
pub async fn a_section_s_number_is_claimed_by_one_process(one: &dyn Identifiers, other: &dyn Identifiers) {
    let (tenant, subject) = (alfa(), SubjectId::new());
    let claims = async |index: &dyn Identifiers| {
        let mut claimed = Vec::new();
        for _ in 0..4 {
            claimed.push(index.claim_section(&tenant, subject).await.expect("claimed"));
        }
        claimed
    };
    let (first, second) = tokio::join!(claims(one), claims(other));
    let all: BTreeSet<_> = first.into_iter().chain(second).collect();
    assert_eq!(all.len(), 8);
}

/// From one moment on it is one subject's; whoever comes second decides by what the first one did.
pub async fn of_two_processes_one_gives_an_identifier_on(one: &dyn Identifiers, other: &dyn Identifiers) {
    for number in 0..4 {
        let phone = identifier(Kind::Phone, number);
        let before = resolved(one, &[phone]).await.subject;
        let (first, second) = tokio::join!(given(one, &phone, 10), given(other, &phone, 10));
        let answers = [first.0, second.0];
        assert!(answers.contains(&Reassigned::Now { before }), "{answers:?}");
        assert!(answers.contains(&Reassigned::Already), "{answers:?}");
        let whose = if first.0 == Reassigned::Already { second.1 } else { first.1 };
        let now = one.find(&alfa(), &[phone], Timestamp(10)).await.expect("read");
        assert_eq!(now.iter().map(|known| known.subject).collect::<Vec<_>>(), [whose], "{number}");
    }
}
