//! What is found, proved and told.

use merkle::{Checkpoint, Note, leaf_hash};
use proto::audit::v1::QueryRequest;

use super::*;
use crate::samples;
use crate::testing::{World, record};

async fn world() -> (World, Service) {
    let world = World::new().await;
    for partition in [0, 1, 3] {
        let from = u64::from(partition) * 10;
        world.produce((0..5).map(|n| record(partition, from + n, n + 1)).collect()).await;
    }
    world.settle().await;
    let service = Service::new(Arc::new(world.store.clone()), Arc::clone(&world.objects), world.keys.clone());
    (world, service)
}

fn alfa() -> TenantId {
    samples::tenant("banca-alfa")
}

async fn found(service: &Service, request: QueryRequest) -> Vec<String> {
    let page = service.query(&alfa(), &Question::read(request).unwrap()).await.unwrap();
    page.entries.iter().map(|own| own.entry.objects[0].clone()).collect()
}

#[tokio::test]
async fn entries_are_found_by_object_actor_action_and_time() {
    let (_world, service) = world().await;
    let by = |object: &str, actor: &str, action: &str| QueryRequest {
        object: object.to_owned(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        ..QueryRequest::default()
    };
    assert_eq!(found(&service, by("recording/12", "", "")).await, ["recording/12"]);
    assert_eq!(found(&service, by("subject/9", "account-7", "recording.replayed")).await.len(), 15);
    assert_eq!(found(&service, by("recording/12", "account-8", "")).await.len(), 0);
    let at = |number: u64| samples::entry(number).at.0;
    let between = QueryRequest { from: at(3), to: at(11), ..QueryRequest::default() };
    assert_eq!(found(&service, between).await, ["recording/3", "recording/4", "recording/10"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_in_either_order() {
    let (_world, service) = world().await;
    for newest_first in [false, true] {
        let mut request = QueryRequest { newest_first, page_size: 4, ..QueryRequest::default() };
        let all = found(&service, QueryRequest { newest_first, ..QueryRequest::default() }).await;
        let mut paged = Vec::new();
        loop {
            let page = service.query(&alfa(), &Question::read(request.clone()).unwrap()).await.unwrap();
            paged.extend(page.entries.iter().map(|own| own.entry.objects[0].clone()));
            let Some(next) = page.next else { break };
            request.page_token = next;
        }
        assert_eq!((paged.len(), &paged), (15, &all));
    }
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let (_world, service) = world().await;
    let beta = samples::tenant("beta");
    let page = service.query(&beta, &Question::read(QueryRequest::default()).unwrap()).await.unwrap();
    assert!(page.entries.is_empty());
    let event = samples::entry(12).event;
    assert!(matches!(service.prove(&beta, event).await, Err(Error::NoEntry { .. })));
}

#[tokio::test]
async fn every_entry_is_proved_under_a_checkpoint_whose_key_is_told() {
    let (_world, service) = world().await;
    let keys = service.checkpoints().await.unwrap().keys;
    for number in [0, 4, 12, 34] {
        let entry = samples::entry(number);
        let proof = service.prove(&alfa(), entry.event).await.unwrap();
        assert_eq!(proof.opened.entry.event, entry.event);
        assert_eq!(proof.opened.entry.objects, entry.objects);
        assert_eq!(proof.leaf[1..], leaf::commitment(&proof.opened.salt, &proof.opened.canonical));
        let note = Note::parse(proof.checkpoint.as_bytes()).unwrap();
        let checkpoint = Checkpoint::parse(note.open(&keys).unwrap().text).unwrap();
        assert_eq!(checkpoint.head().size, proof.size);
        proof.inclusion.verify(&leaf_hash(&proof.leaf), &checkpoint.head()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_not_signed_yet_is_told_from_one_that_is_not_there() {
    let (world, service) = world().await;
    world.produce(vec![record(1, 15, 6)]).await;
    let mut partition = world.open(1).await;
    partition.take(&world.records(1).await).await.unwrap();
    let event = samples::entry(15).event;
    assert!(matches!(service.prove(&alfa(), event).await, Err(Error::NotSigned { .. })));
    assert!(matches!(service.prove(&alfa(), EventId::new()).await, Err(Error::NoEntry { .. })));
}

#[tokio::test]
async fn there_is_a_checkpoint_for_every_partition_and_the_root() {
    let (_world, service) = world().await;
    let checkpoints = service.checkpoints().await.unwrap();
    assert_eq!(checkpoints.partitions.len(), AUDIT.partitions as usize);
    for note in checkpoints.partitions.iter().chain([&checkpoints.root]) {
        let note = Note::parse(note.as_bytes()).unwrap();
        note.open(&checkpoints.keys).unwrap();
    }
    let empty = World::new().await;
    let service = Service::new(Arc::new(empty.store.clone()), Arc::clone(&empty.objects), empty.keys.clone());
    assert!(matches!(service.checkpoints().await, Err(Error::NotBegun)));
}
