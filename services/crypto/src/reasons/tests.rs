//! A reason is kept once, opens, and is reached by erasure.

use kernel::{ErrorCode, ServiceError};
use seal::EpochPublic;

use super::*;
use crate::testing::{Bench, other_tenant, tenant};

const TEXT: &[u8] = b"the customer disputes the order of 12 March";

async fn sealed(bench: &Bench, event: EventId) -> (KeyEpoch, HpkeSealed) {
    let row = bench.service.epochs.active(&tenant()).await.unwrap();
    let public = EpochPublic::from_slice(&row.hpke_public).unwrap();
    let info = HpkeInfo::Reason { tenant: tenant(), epoch: row.epoch, event };
    (row.epoch, seal::hpke::seal_to_epoch(&public, &info, TEXT).unwrap())
}

#[tokio::test]
async fn a_reason_is_kept_once_and_opens() {
    let bench = Bench::new().await;
    let event = EventId::new();
    let (epoch, reason) = sealed(&bench, event).await;
    for service in [&bench.service, &bench.service, &bench.another()] {
        service.reasons.adopt(&tenant(), event, epoch, &reason).await.unwrap();
    }
    let opened = bench.another().reasons.open(&tenant(), event).await.unwrap();
    assert_eq!(opened.unwrap().as_slice(), TEXT);
    assert_eq!(bench.entries_in_hand().await.len(), 1);
    let kept = bench.store.reason(&tenant(), event).await.unwrap().unwrap();
    assert!(!kept.windows(8).any(|window| window == &TEXT[..8]));
}

#[tokio::test]
async fn erasure_reaches_a_reason_through_its_entry() {
    let bench = Bench::new().await;
    let event = EventId::new();
    let (epoch, reason) = sealed(&bench, event).await;
    bench.service.reasons.adopt(&tenant(), event, epoch, &reason).await.unwrap();
    let recording = entry_key(event).section.recording;
    let locators = bench.service.pages.locators(&tenant(), recording).await.unwrap();
    bench.service.pages.remove(&tenant(), &locators[0]).await.unwrap();
    assert!(bench.service.reasons.open(&tenant(), event).await.unwrap().is_none());
    assert!(bench.entries_in_hand().await.is_empty());
    bench.service.reasons.adopt(&tenant(), event, epoch, &reason).await.unwrap();
    assert!(bench.service.reasons.open(&tenant(), event).await.unwrap().is_none(), "not by sending it again");
}

#[tokio::test]
async fn a_crash_between_entry_and_text_is_made_good_by_the_repetition() {
    let bench = Bench::new().await;
    let event = EventId::new();
    let (epoch, reason) = sealed(&bench, event).await;
    bench.service.reasons.entry(&tenant(), event).await.unwrap().unwrap();
    assert!(bench.service.reasons.open(&tenant(), event).await.unwrap().is_none());
    bench.another().reasons.adopt(&tenant(), event, epoch, &reason).await.unwrap();
    assert!(bench.service.reasons.open(&tenant(), event).await.unwrap().is_some());
}

#[tokio::test]
async fn a_reason_for_another_event_or_tenant_does_not_open() {
    let bench = Bench::new().await;
    let event = EventId::new();
    let (epoch, reason) = sealed(&bench, event).await;
    bench.service.epochs.active(&other_tenant()).await.unwrap();
    for (tenant, event) in [(tenant(), EventId::new()), (other_tenant(), event)] {
        let refused = bench.service.reasons.adopt(&tenant, event, epoch, &reason).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        assert_eq!(bench.store.reason(&tenant, event).await.unwrap(), None);
    }
}
