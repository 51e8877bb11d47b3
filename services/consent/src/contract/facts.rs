//! Policies, notices, calls, subjects: kept for good.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{NoticeName, RecordingId, SectionNo, SubjectId, Timestamp};
use platform::outbox::OutboxStore;
use policy::{Party, PolicyHash};

use super::events::{added, addition, entry, event};
use super::{alfa, beta, purpose};
use crate::event::{NoticeRef, Reach};
use crate::store::{
    Appended, NoticeRow, PartyRow, PolicyChange, PolicyRow, RecordingRow, SealedValues, Store,
};

pub(super) fn policy_row(number: u8, since: i64) -> PolicyRow {
    PolicyRow {
        tenant: alfa(),
        hash: PolicyHash([number; 32]),
        document: format!("document {number}"),
        texts: BTreeMap::from([(format!("{number}.txt"), format!("text {number}"))]),
        since: Timestamp(since),
    }
}

async fn begins(store: &dyn Store, row: PolicyRow) {
    let change = PolicyChange { begins: vec![row], ..PolicyChange::default() };
    store.change_policies(&change).await.expect("taken in");
}

/// Recordings name the one that they were made under.
pub async fn a_policy_is_found_by_its_hash_when_another_is_in_force(store: &dyn Store) {
    assert_eq!(store.policies_in_force().await.expect("read"), []);
    begins(store, policy_row(1, 10)).await;
    begins(store, policy_row(2, 20)).await;
    assert_eq!(store.policies_in_force().await.expect("read"), [policy_row(2, 20)]);
    assert_eq!(store.policy(&alfa(), PolicyHash([1; 32])).await.expect("read"), Some(policy_row(1, 10)));
    assert_eq!(store.policies(&alfa()).await.expect("read"), [policy_row(1, 10), policy_row(2, 20)]);
    assert_eq!(store.policy(&alfa(), PolicyHash([3; 32])).await.expect("read"), None);
    let ends = PolicyChange { ends: vec![(alfa(), Timestamp(30))], ..PolicyChange::default() };
    store.change_policies(&ends).await.expect("taken in");
    assert_eq!(store.policies_in_force().await.expect("read"), []);
    assert_eq!(store.policies(&alfa()).await.expect("read").len(), 2);
}

/// Its text is the same; its term is another.
pub async fn a_policy_that_comes_back_is_in_force_since_then(store: &dyn Store) {
    for (number, since) in [(1, 10), (2, 20), (1, 30)] {
        begins(store, policy_row(number, since)).await;
    }
    assert_eq!(store.policies_in_force().await.expect("read"), [policy_row(1, 30)]);
}

/// Another process that starts with the same directory brings the same load.
pub async fn a_load_that_comes_twice_changes_nothing(store: &dyn Store) {
    begins(store, policy_row(1, 10)).await;
    begins(store, policy_row(1, 20)).await;
    assert_eq!(store.policies_in_force().await.expect("read"), [policy_row(1, 10)]);
    let ends = PolicyChange { ends: vec![(alfa(), Timestamp(30))], ..PolicyChange::default() };
    for _ in 0..2 {
        store.change_policies(&ends).await.expect("taken in");
        assert_eq!(store.policies_in_force().await.expect("read"), []);
    }
    begins(store, policy_row(1, 40)).await;
    assert_eq!(store.policies_in_force().await.expect("read"), [policy_row(1, 40)]);
}

/// What people heard stays to be read.
pub async fn a_notice_is_kept_with_each_of_its_texts(store: &dyn Store) {
    let name = NoticeName::new("notice-it-3").expect("a slug");
    let row = |number: u8| NoticeRow {
        notice: NoticeRef { name: name.clone(), text_hash: [number; 32] },
        language: "it".to_owned(),
        text: format!("text {number}"),
    };
    let notices = [1, 2, 1].map(|number| (alfa(), row(number))).to_vec();
    store.change_policies(&PolicyChange { notices, ..PolicyChange::default() }).await.expect("taken in");
    for number in [1, 2] {
        assert_eq!(store.notice(&alfa(), &name, [number; 32]).await.expect("read"), Some(row(number)));
    }
    assert_eq!(store.notice(&alfa(), &name, [3; 32]).await.expect("read"), None);
}

pub(super) fn call(recording: RecordingId, subject: SubjectId) -> RecordingRow {
    RecordingRow {
        tenant: alfa(),
        recording,
        policy: None,
        started_at: Timestamp(5),
        authorised_at: Timestamp(6),
        purposes: BTreeSet::from([purpose("quality")]),
        parties: vec![PartyRow { place: 0, party: Party::Customer, subject }],
    }
}

/// Its policy is stamped once, and nobody leaves it.
pub async fn a_call_is_remembered_once_and_only_grows<S: Store + OutboxStore>(store: &S) {
    let (recording, subject, other) = (RecordingId::new(), SubjectId::new(), SubjectId::new());
    assert_eq!(store.recording(&alfa(), recording).await.expect("read"), None);
    let first = call(recording, subject);
    store.remember(&first, Some(entry("a"))).await.expect("remembered");
    assert_eq!(store.recording(&alfa(), recording).await.expect("read"), Some(first.clone()));
    let joined = PartyRow { place: 1, party: Party::Agent, subject: other };
    let again = RecordingRow {
        policy: Some(PolicyHash([1; 32])),
        started_at: Timestamp(7),
        purposes: BTreeSet::from([purpose("training")]),
        parties: vec![joined],
        ..first.clone()
    };
    store.remember(&again, None).await.expect("remembered");
    store
        .remember(&RecordingRow { policy: Some(PolicyHash([2; 32])), ..again }, None)
        .await
        .expect("remembered");
    let expected = RecordingRow {
        policy: Some(PolicyHash([1; 32])),
        purposes: BTreeSet::from([purpose("quality"), purpose("training")]),
        parties: vec![first.parties[0], joined],
        ..first
    };
    assert_eq!(store.recording(&alfa(), recording).await.expect("read"), Some(expected));
    assert_eq!(store.unpublished(10).await.expect("read").len(), 1);
}

/// Also one of whom nothing was said yet.
pub async fn a_subject_is_known_from_its_call_on(store: &dyn Store) {
    let (called, added) = (SubjectId::new(), SubjectId::new());
    store.remember(&call(RecordingId::new(), called), None).await.expect("remembered");
    store.add_subject(&alfa(), added, Timestamp(1)).await.expect("added");
    store.add_subject(&alfa(), added, Timestamp(2)).await.expect("added");
    for (subject, known) in [(called, true), (added, true), (SubjectId::new(), false)] {
        assert_eq!(store.has_subject(&alfa(), subject).await.expect("read"), known);
    }
}

/// By subject and section.
pub async fn sealed_values_are_kept_once(store: &dyn Store) {
    let subject = SubjectId::new();
    let sealed = |section, byte| SealedValues {
        tenant: alfa(),
        subject,
        section: SectionNo(section),
        container: vec![byte; 3],
        sealed_at: Timestamp(1),
    };
    for (section, byte) in [(1, 1), (0, 2), (1, 3)] {
        store.keep_values(&sealed(section, byte)).await.expect("kept");
    }
    assert_eq!(store.values(&alfa(), subject).await.expect("read"), [sealed(0, 2), sealed(1, 1)]);
}

/// The same ids under another tenant are other things; only changes are everybody's.
pub async fn tenants_see_nothing_of_each_other(store: &dyn Store) {
    let (recording, subject) = (RecordingId::new(), SubjectId::new());
    begins(store, policy_row(1, 10)).await;
    store.remember(&call(recording, subject), None).await.expect("remembered");
    let said = event(subject, Reach::Call(recording), 5);
    added(store, alfa(), vec![said.clone()], 0).await;
    assert_eq!(store.policy(&beta(), PolicyHash([1; 32])).await.expect("read"), None);
    assert_eq!(store.recording(&beta(), recording).await.expect("read"), None);
    assert!(!store.has_subject(&beta(), subject).await.expect("read"));
    assert_eq!(store.history(&beta(), subject, None).await.expect("read").latest, 0);
    assert_eq!(store.event(&beta(), said.id).await.expect("read"), None);
    // But an event's id is one event's: consumers know no tenants by it.
    let taken = store.append(&addition(beta(), vec![said], 0)).await.expect("answered");
    assert_eq!(taken, Appended::IdTaken);
}
