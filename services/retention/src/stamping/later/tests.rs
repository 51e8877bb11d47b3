use kernel::Timestamp;
use policy::retention::DataKind;

use super::*;
use crate::testing::{Bench, POLICY, SALE, SHORTER, extension, parsed, purpose, six_years, tenant};

async fn applied(bench: &Bench) -> u64 {
    let book = bench.policies.book();
    apply_counted(bench.store.as_ref(), &book, &bench.clock, bench.mesh.as_ref(), &tenant()).await.unwrap()
}

#[tokio::test]
async fn a_later_policy_shortens_what_is_kept_once() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(bench.recording().await);
    }
    let only_duty = bench.recording_of(&["duty"], &[]).await;
    assert_eq!(applied(&bench).await, 0, "the policy that they were made under moves nothing");
    assert_eq!(bench.store.applied_policy(&tenant()).await.unwrap(), Some(parsed(POLICY).hash()));
    let before = bench.kept(only_duty).await;
    bench.policies.come(SHORTER);
    assert_eq!(applied(&bench).await, 40);
    assert_eq!(bench.store.applied_policy(&tenant()).await.unwrap(), Some(parsed(SHORTER).hash()));
    let year_on = Timestamp::parse("2027-03-02T09:20:00+01:00").unwrap();
    assert_eq!(SALE, Timestamp::parse("2026-03-02T09:20:00+01:00").unwrap());
    for id in ids {
        let kept = bench.kept(id).await;
        assert_eq!(kept.version, 2);
        assert_eq!(
            kept.term(&purpose("sale"), DataKind::Audio).unwrap().stamp.ends,
            year_on,
            "from the mark"
        );
    }
    assert_eq!(bench.kept(only_duty).await, before);
    let traces = bench.traces().await;
    assert_eq!(applied(&bench).await, 0);
    assert_eq!(bench.traces().await, traces);
}

#[tokio::test]
async fn a_policy_that_lengthens_moves_nothing_back() {
    let bench = Bench::new().await;
    bench.recording().await;
    bench.policies.come(SHORTER);
    assert_eq!(applied(&bench).await, 1);
    bench.policies.come(POLICY);
    assert_eq!(applied(&bench).await, 0);
    assert_eq!(bench.store.applied_policy(&tenant()).await.unwrap(), Some(parsed(POLICY).hash()));
}

#[tokio::test]
async fn an_order_that_stands_is_carried_along() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    bench.policies.come(SHORTER);
    let tenant = tenant();
    let (moved, extended) = tokio::join!(
        applied(&bench),
        bench.service.extend(&tenant, "cosimo", extension("CONSOB/1", six_years()))
    );
    assert!(moved >= 1);
    extended.unwrap();
    assert_eq!(bench.audio_ends(id, "duty").await, six_years());
    let quality = bench.kept(id).await.term(&purpose("quality"), DataKind::Audio).unwrap().stamp.clone();
    assert_eq!(quality.ends, Timestamp::parse("2026-04-01T09:00:00+02:00").unwrap());
}

#[tokio::test]
async fn a_tenant_without_a_policy_is_left_as_it_is() {
    let bench = Bench::new().await;
    let gone = crate::testing::Policies::default().book();
    let moved = apply_counted(bench.store.as_ref(), &gone, &bench.clock, bench.mesh.as_ref(), &tenant())
        .await
        .unwrap();
    assert_eq!((moved, bench.store.applied_policy(&tenant()).await.unwrap()), (0, None));
}
