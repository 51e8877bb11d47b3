use kernel::{RecordingId, ServiceError, SubjectId, TenantId, Timestamp};
use policy::retention::{DataKind, Rule, stamp};

use super::*;
use crate::kept::TermState;
use crate::store::Store;
use crate::testing::{Bench, LASTS, POLICY, SHORTER, START, key, parsed, purpose, purposes, sealed, tenant};

#[tokio::test]
async fn a_recording_gets_the_end_of_each_purpose_by_the_policy_it_was_made_under() {
    let bench = Bench::new().await;
    let (id, parties) = (RecordingId::new(), [SubjectId::new(), SubjectId::new()]);
    let event = sealed(id, &["duty", "quality", "sale"], &parties);
    bench.service.stamp(&tenant(), &event).await.unwrap();
    let kept = bench.kept(id).await;
    assert_eq!((kept.version, kept.started_at, kept.ended_at), (1, START, START.plus(LASTS)));
    assert_eq!(kept.policy, parsed(POLICY).hash());
    let mut expected = parties.to_vec();
    expected.sort_unstable();
    assert_eq!(kept.parties, expected);
    let facts = Sealed::read(&event).unwrap().facts();
    let stamps = ["duty", "quality", "sale"].map(|name| stamp(&parsed(POLICY), &purpose(name), &facts));
    let found: Vec<_> = kept.terms.iter().map(|term| term.stamp.clone()).collect();
    assert_eq!(found, stamps.concat());
    assert!(kept.terms.iter().all(|term| term.state == TermState::Running));
}

#[tokio::test]
async fn the_same_event_again_does_nothing() {
    let bench = Bench::new().await;
    let event = sealed(RecordingId::new(), &["quality"], &[]);
    for _ in 0..3 {
        bench.service.stamp(&tenant(), &event).await.unwrap();
        bench.another().stamp(&tenant(), &event).await.unwrap();
    }
    assert_eq!(bench.traces().await.2, 1, "one event is told");
}

#[tokio::test]
async fn what_was_erased_since_is_not_given_a_time_again() {
    let bench = Bench::new().await;
    let id = RecordingId::new();
    let event = sealed(id, &["quality", "duty"], &[]);
    bench.service.stamp(&tenant(), &event).await.unwrap();
    bench.bring(id, "quality", TermState::Ended).await;
    let kept = bench.kept(id).await;
    bench.policies.come(SHORTER);
    bench.another().stamp(&tenant(), &event).await.unwrap();
    assert_eq!(bench.kept(id).await, kept);
}

#[tokio::test]
async fn a_later_policy_shortens_at_once() {
    let bench = Bench::new().await;
    bench.policies.come(SHORTER);
    let id = bench.recording().await;
    let kept = bench.kept(id).await;
    assert_eq!(kept.version, 1);
    let rule = |name, kind| kept.term(&purpose(name), kind).unwrap().stamp.rule.clone();
    let later = parsed(SHORTER).hash();
    let by_later = |rule: &Rule| matches!(rule, Rule::LaterPolicy { hash, .. } if *hash == later);
    assert!(by_later(&rule("quality", DataKind::Audio)));
    assert!(by_later(&rule("sale", DataKind::Audio)));
    assert!(!by_later(&rule("sale", DataKind::Metadata)), "it says more than the notice did");
    assert!(!by_later(&rule("duty", DataKind::Audio)), "the law set it");
}

#[tokio::test]
async fn a_policy_that_came_meanwhile_is_seen_at_the_second_look() {
    let bench = Bench::new().await;
    let id = RecordingId::new();
    let stamped = bench.service.stamp(&tenant(), &sealed(id, &["quality"], &[])).await.unwrap();
    let first = bench.kept(id).await;
    bench.another().look_again(&stamped).await.unwrap();
    assert_eq!(bench.kept(id).await, first, "nothing came");
    bench.policies.come(SHORTER);
    for _ in 0..2 {
        bench.another().look_again(&stamped).await.unwrap();
        let second = bench.kept(id).await;
        assert_eq!(second.version, 2);
        assert!(second.due() < first.due());
    }
}

#[tokio::test]
async fn a_purpose_that_the_policy_does_not_have_ends_with_the_last_of_the_others() {
    let bench = Bench::new().await;
    let id = bench.recording_of(&["quality", "lost", "sale"], &[]).await;
    let kept = bench.kept(id).await;
    for kind in DataKind::ALL {
        let ends = |name| kept.term(&purpose(name), *kind).unwrap().stamp.ends;
        assert_eq!(ends("lost"), ends("sale").max(ends("quality")));
    }
}

#[tokio::test]
async fn an_event_of_an_older_archive_says_only_which_purposes() {
    let bench = Bench::new().await;
    let id = RecordingId::new();
    let event = RecordingSealed { kept: Vec::new(), ..sealed(id, &["quality", "duty"], &[]) };
    bench.service.stamp(&tenant(), &event).await.unwrap();
    let names = bench.kept(id).await.terms.into_iter().map(|term| term.stamp.purpose).collect();
    assert_eq!(purposes(&["quality", "duty"]), names);
}

#[tokio::test]
async fn a_recording_of_which_nothing_is_kept_is_known_all_the_same() {
    let bench = Bench::new().await;
    let id = bench.recording_of(&[], &[]).await;
    assert_eq!((bench.kept(id).await.terms, bench.kept(id).await.due()), (Vec::new(), None));
}

#[tokio::test]
async fn where_the_policy_cannot_be_had_nothing_is_stamped_and_it_may_be_tried_again() {
    let bench = Bench::new().await;
    let id = RecordingId::new();
    let unknown = RecordingSealed { policy_hash: vec![9; 32], ..sealed(id, &["quality"], &[]) };
    let error = bench.service.stamp(&tenant(), &unknown).await.unwrap_err();
    assert!(matches!(error, Error::Policy(_)), "{error:?}");
    assert_ne!(error.code(), kernel::ErrorCode::InvalidArgument, "it is not passed over");
    assert_eq!(bench.store.kept(&key(id)).await.unwrap(), None);
    let elsewhere = TenantId::new("telco-beta").unwrap();
    bench.service.stamp(&elsewhere, &sealed(id, &["quality"], &[])).await.unwrap_err();
    assert_eq!(bench.store.tenants().await.unwrap(), []);
    assert_eq!(bench.kept(bench.recording().await).await.started_at, Timestamp(START.0));
}
