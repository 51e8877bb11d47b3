//! Epochs follow each other in domain time; one epoch is one set of keys.

use kernel::{ErrorCode, ServiceError};

use super::*;
use crate::backend::file::FileBackend;
use crate::testing::{Bench, WEEK, other_tenant, tenant};

#[tokio::test]
async fn an_epoch_lasts_seven_days_and_the_next_begins_when_asked() {
    let bench = Bench::new().await;
    let epochs = &bench.service.epochs;
    let first = epochs.active(&tenant()).await.unwrap();
    assert_eq!((first.epoch, first.until), (KeyEpoch(1), bench.clock.now().plus(WEEK)));
    bench.clock.advance(WEEK - Duration::from_micros(1));
    assert_eq!(epochs.active(&tenant()).await.unwrap(), first);
    bench.clock.advance(Duration::from_micros(1));
    let second = epochs.active(&tenant()).await.unwrap();
    assert_eq!((second.epoch, second.from), (KeyEpoch(2), first.until));
    assert_ne!(second.hpke_public, first.hpke_public);
    let before = bench.store.epoch(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    assert_eq!(before.state, EpochState::Closing);
    epochs.keys(&tenant(), KeyEpoch(1)).await.expect("a closing epoch's keys still open");
}

#[tokio::test]
async fn a_gap_of_months_is_one_epoch_not_many() {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    bench.clock.advance(WEEK * 20);
    let row = bench.service.epochs.active(&tenant()).await.unwrap();
    assert_eq!((row.epoch, row.from), (KeyEpoch(2), bench.clock.now()));
}

#[tokio::test]
async fn instances_that_begin_one_epoch_at_once_use_the_same_keys() {
    let bench = Bench::new().await;
    let (a, b, c) = (bench.another(), bench.another(), bench.another());
    let tenant = tenant();
    let (x, y, z) =
        tokio::join!(a.epochs.active(&tenant), b.epochs.active(&tenant), c.epochs.active(&tenant));
    let (x, y, z) = (x.unwrap(), y.unwrap(), z.unwrap());
    assert!(x == y && y == z);
    let public = a.epochs.keys(&tenant, KeyEpoch(1)).await.unwrap().secret.public();
    assert_eq!(public.as_bytes(), &x.hpke_public);
    let kek = async |epochs: &Epochs| *epochs.keys(&tenant, KeyEpoch(1)).await.unwrap().kek.expose();
    assert_eq!(kek(&a.epochs).await, kek(&b.epochs).await);
}

#[tokio::test]
async fn an_instance_that_was_given_the_key_is_noted() {
    let bench = Bench::new().await;
    let instance = InstanceId::new();
    bench.service.epochs.give(&tenant(), Some(instance)).await.unwrap();
    bench.service.epochs.give(&tenant(), None).await.unwrap();
    bench.clock.advance(WEEK);
    bench.service.epochs.give(&tenant(), Some(instance)).await.unwrap();
    for epoch in [1, 2] {
        assert_eq!(holders(&bench, epoch).await, [instance]);
    }
}

#[tokio::test]
async fn an_instance_leaves_all_epochs_up_to_one_and_no_other_does() {
    let bench = Bench::new().await;
    let (leaving, staying) = (InstanceId::new(), InstanceId::new());
    for _ in 0..3 {
        for instance in [leaving, staying] {
            bench.service.epochs.give(&tenant(), Some(instance)).await.unwrap();
        }
        bench.clock.advance(WEEK);
    }
    let epochs = &bench.service.epochs;
    assert_eq!(epochs.leave(&tenant(), leaving, KeyEpoch(2)).await.unwrap(), 2);
    assert_eq!(epochs.leave(&tenant(), leaving, KeyEpoch(2)).await.unwrap(), 0, "said again");
    assert_eq!(epochs.leave(&other_tenant(), leaving, KeyEpoch(9)).await.unwrap(), 0);
    for epoch in [1, 2] {
        assert_eq!(holders(&bench, epoch).await, [staying]);
    }
    assert_eq!(holders(&bench, 3).await.len(), 2);
    assert_eq!(epochs.leave(&tenant(), leaving, KeyEpoch(u64::MAX)).await.unwrap(), 1);
    assert_eq!(holders(&bench, 3).await, [staying]);
}

async fn holders(bench: &Bench, epoch: u64) -> Vec<InstanceId> {
    let holders = bench.store.holders(&tenant(), KeyEpoch(epoch)).await.unwrap();
    holders.iter().map(|holder| holder.instance).collect()
}

#[tokio::test]
async fn tenants_have_epochs_of_their_own() {
    let bench = Bench::new().await;
    let own = bench.service.epochs.active(&tenant()).await.unwrap();
    let missing = bench.service.epochs.keys(&other_tenant(), KeyEpoch(1)).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::FailedPrecondition);
    let other = bench.service.epochs.active(&other_tenant()).await.unwrap();
    assert_ne!(own.hpke_public, other.hpke_public);
}

#[tokio::test]
async fn a_row_moved_to_another_tenant_does_not_open() {
    let bench = Bench::new().await;
    let own = bench.service.epochs.active(&tenant()).await.unwrap();
    bench.backend.create(&KeyName::Epoch(other_tenant(), KeyEpoch(1))).await.unwrap();
    bench.store.begin_epoch(&EpochRow { tenant: other_tenant(), ..own }).await.unwrap();
    let refused = bench.service.epochs.keys(&other_tenant(), KeyEpoch(1)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::DataLoss);
}

#[tokio::test]
async fn a_public_key_that_is_not_the_secrets_is_not_used() {
    let bench = Bench::new().await;
    let own = bench.service.epochs.active(&tenant()).await.unwrap();
    let planted = *EpochSecret::generate().unwrap().public().as_bytes();
    // The second epoch's row carries the first one's wrapped keys under its own name, rightly wrapped.
    let name = KeyName::Epoch(tenant(), KeyEpoch(2));
    bench.backend.create(&name).await.unwrap();
    let keys = bench.service.epochs.keys(&tenant(), KeyEpoch(1)).await.unwrap();
    let (kek, secret) = (kek_context(&tenant(), KeyEpoch(2)), secret_context(&tenant(), KeyEpoch(2)));
    let row = EpochRow {
        epoch: KeyEpoch(2),
        kek: bench.backend.wrap(&name, &kek, keys.kek.expose()).await.unwrap(),
        hpke_secret: bench.backend.wrap(&name, &secret, keys.secret.expose()).await.unwrap(),
        hpke_public: planted,
        ..own
    };
    bench.store.begin_epoch(&row).await.unwrap();
    assert!(bench.service.epochs.keys(&tenant(), KeyEpoch(2)).await.is_err());
}

#[tokio::test]
async fn a_destroyed_backend_key_opens_no_epoch_after_a_restart() {
    let bench = Bench::new().await;
    bench.service.epochs.active(&tenant()).await.unwrap();
    bench.backend.destroy(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    let refused = bench.another().epochs.keys(&tenant(), KeyEpoch(1)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn no_key_byte_is_shown() {
    let bench = Bench::new().await;
    let row = bench.service.epochs.active(&tenant()).await.unwrap();
    let keys = bench.service.epochs.keys(&tenant(), KeyEpoch(1)).await.unwrap();
    let pages = bench.entries_in_hand().await;
    let shown = format!("{keys:?} {:?} {:?} {row:?} {pages:?}", keys.kek, keys.secret);
    let numbers = |bytes: &[u8]| format!("{:?}", &bytes[..8]).trim_matches(['[', ']']).to_owned();
    for secret in [&keys.kek.expose()[..], &keys.secret.expose()[..], &row.kek, &row.hpke_secret] {
        assert!(!shown.contains(&numbers(secret)), "{shown}");
    }
    assert!(shown.contains("redacted"));
}

#[tokio::test]
async fn an_epoch_without_a_successor_is_seen_by_whoever_was_asked_for_it() {
    let bench = Bench::new().await;
    let metrics = platform::telemetry::Metrics::new();
    let gauge = metrics.gauge(&EPOCH_ENDS, &[]);
    let week = i64::try_from(WEEK.as_secs()).unwrap();
    let shown = async |epochs: &Epochs| {
        epochs.show(&gauge).await;
        gauge.value()
    };
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let backend = Arc::new(FileBackend::open(&keys).unwrap());
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let epochs = Epochs::new(Arc::clone(&bench.store), backend, clock, WEEK, 1, WEEK);
    assert_eq!(shown(&epochs).await, week, "no epoch is in use");
    bench.service.epochs.active(&tenant()).await.unwrap();
    epochs.active(&tenant()).await.unwrap();
    bench.clock.advance(WEEK - Duration::from_secs(60));
    assert_eq!(shown(&epochs).await, 60);
    bench.clock.advance(Duration::from_secs(90));
    assert_eq!(shown(&epochs).await, week, "nobody has asked for the next");
    // Its key backend is gone, the other instance's is not.
    std::fs::remove_dir_all(&keys).unwrap();
    std::fs::write(&keys, []).unwrap();
    epochs.active(&tenant()).await.unwrap_err();
    assert_eq!(shown(&epochs).await, -30);
    bench.service.epochs.active(&tenant()).await.unwrap();
    assert_eq!(shown(&epochs).await, week, "another instance saw to it");
}
