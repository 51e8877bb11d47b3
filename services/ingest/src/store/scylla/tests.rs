use cql::testing::{self, Kept};
use kernel::{EventId, Position, RecordingId, SessionEpoch, TenantId};
use proto::ingest::v1::Direction;

use super::*;
use crate::session::SessionEventKind;

async fn fresh() -> Option<(ScyllaStore, Kept)> {
    let kept = testing::fresh(COMPONENTS).await?;
    Some((ScyllaStore::open(kept.cql.clone()).await.unwrap(), kept))
}

crate::contract_suite!(fresh());

fn opening(key: &SessionKey, epoch: u64) -> Opening {
    Opening {
        fence: Fence { key: key.clone(), epoch: SessionEpoch(epoch) },
        owner: InstanceId::new(),
        owner_address: String::new(),
        started_at: Timestamp(1),
        direction: Direction::Inbound,
        language: String::new(),
        parties: Vec::new(),
        legs: Vec::new(),
        at: Timestamp(2),
    }
}

fn key() -> SessionKey {
    SessionKey { tenant: TenantId::new("banca-alfa").unwrap(), recording: RecordingId::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_openings_at_once_each_epoch_is_held_once_and_the_highest_stands() {
    let Some((store, kept)) = fresh().await else { return };
    let (other, key) = (ScyllaStore::open(kept.cql.clone()).await.unwrap(), key());
    let openings = (1..=6_u64).map(|epoch| {
        let store = if epoch % 2 == 0 { store.clone() } else { other.clone() };
        let opening = opening(&key, epoch.div_ceil(2));
        async move { store.open(opening).await }
    });
    let opened = futures::future::join_all(openings).await;
    let mut held: Vec<_> = opened.into_iter().flatten().map(|row| row.fence.epoch.0).collect();
    held.sort_unstable();
    let before = held.len();
    held.dedup();
    assert_eq!(held.len(), before, "two streams hold one epoch: {held:?}");
    assert_eq!(held.last(), Some(&3));
    assert_eq!(store.load(&key).await.unwrap().unwrap().fence.epoch, SessionEpoch(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_recorded_at_once_are_all_there_and_once() {
    let Some((store, _kept)) = fresh().await else { return };
    let key = key();
    let fence = store.open(opening(&key, 1)).await.unwrap().fence;
    let events: Vec<_> = (0..8)
        .map(|n| SessionEvent {
            id: EventId::new(),
            position: Position(n),
            derived_error: None,
            at: Timestamp(3),
            kind: SessionEventKind::Resume,
        })
        .collect();
    let twice = events.iter().chain(&events).cloned();
    let recorded = twice.map(|event| store.record(&fence, event, Telling::Done, 0));
    for done in futures::future::join_all(recorded).await {
        done.unwrap();
    }
    let mut stored: Vec<_> = store.load(&key).await.unwrap().unwrap().events.iter().map(|e| e.id).collect();
    stored.sort_unstable();
    let mut sent: Vec<_> = events.iter().map(|event| event.id).collect();
    sent.sort_unstable();
    assert_eq!(stored, sent);
}
