//! Restores of every kind: what goes on, what is closed, and what is named as lost.

mod crashes;
mod roots;

use std::sync::Arc;

use merkle::{Checkpoint, Note, leaf_hash};
use objects::{MemoryObjects, PutOptions};

use super::*;
use crate::leaf;
use crate::name;
use crate::root::{RootLeaf, RootLog, bundle};
use crate::samples;
use crate::service::Service;
use crate::store::{LedgerStore, Part, Row};
use crate::testing::{ERA, Faults, INCARNATION, NOW, World, first, record};
use crate::verify::{FindingKind, Report};

const P: u32 = 1;
const LOG: LogName = LogName::Partition(P);

async fn produce(world: &World, events: std::ops::Range<u64>) {
    world.produce(events.map(|event| record(P, event, event + 1)).collect()).await;
}

/// A ledger of so many entries.
async fn ledger(events: u64) -> World {
    let world = World::new().await;
    produce(&world, 0..events).await;
    world.settle().await;
    world
}

async fn actions(world: &World, part: Part) -> Vec<String> {
    let rows = world.store.rows(part, 0, 1_000).await.unwrap();
    let open = |row: &Row| samples::keys(row.tenant.as_str()).open(&row.sealed).unwrap().entry;
    rows.iter().map(open).map(|entry| entry.action).collect()
}

fn service(world: &World) -> Service {
    let store: Arc<dyn LedgerStore> = Arc::new(world.store.clone());
    Service::new(store, Arc::clone(&world.objects), world.keys.clone())
}

/// Both ways of verifying, which find the same.
async fn verified(world: &World) -> Report {
    let online = service(world).verify(&samples::tenant("banca-alfa")).await.unwrap();
    assert_eq!(world.verify(Some(&samples::keys("banca-alfa"))).await, online);
    online
}

/// That there is one loss, of the first history, and no fault; answers what it says.
async fn loss(world: &World) -> String {
    let report = verified(world).await;
    assert!(report.is_good(), "{report:?}");
    let [lost] = report.findings.as_slice() else { panic!("{report:?}") };
    assert_eq!((lost.kind, lost.name.as_str()), (FindingKind::Lost, &*format!("ledger/{INCARNATION}")));
    lost.detail.clone()
}

/// Proves an entry to somebody who has the keys alone; in which history.
async fn prove(world: &World, number: u64) -> String {
    let service = service(world);
    let keys = service.checkpoints().await.unwrap().keys;
    let event = samples::entry(number).event;
    let proof = service.prove(&samples::tenant("banca-alfa"), event).await.unwrap();
    assert_eq!(proof.leaf[1..], leaf::commitment(&proof.opened.salt, &proof.opened.canonical));
    let note = Note::parse(proof.checkpoint.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.open(&keys).unwrap().text).unwrap();
    proof.inclusion.verify(&leaf_hash(&proof.leaf), &checkpoint.head()).unwrap();
    checkpoint.origin().to_owned()
}

/// Ten entries, of which there is a backup; ten more, and everything is as it was at the backup.
async fn restored() -> World {
    let mut world = ledger(10).await;
    let backup = world.backup().await;
    produce(&world, 10..20).await;
    world.settle().await;
    world.restore_index(&backup).await;
    world.restore_objects(&backup).await;
    world
}

#[tokio::test]
async fn a_fresh_deployment_begins_a_first_history_that_follows_nothing() {
    let world = World::new().await;
    produce(&world, 0..3).await;
    let begun = world.restart().await;
    assert_eq!((begun.era.generation, &begun.after), (Generation::FIRST, &None));
    assert_eq!(verified(&world).await.findings, []);
    assert_eq!(world.restart().await, begun);
}

#[tokio::test]
async fn an_index_that_is_older_than_the_objects_catches_up_with_the_same_roots() {
    let mut world = ledger(10).await;
    let backup = world.backup().await;
    produce(&world, 10..25).await;
    world.settle().await;
    let before = (world.head(LOG).await, world.head(LogName::Root).await);
    world.log.delete_before(&AUDIT, P, 25).await.unwrap();
    world.restore_index(&backup).await;
    assert_eq!(world.head(LOG).await.tree.size, 10);
    assert_eq!(world.restart().await, first());
    assert_eq!((world.head(LOG).await, world.head(LogName::Root).await), before);
    assert_eq!(verified(&world).await.findings, []);
}

#[tokio::test]
async fn a_lost_index_goes_on_with_what_only_the_topic_has_still() {
    let mut world = ledger(10).await;
    world.config.entry_object_size = crate::config::Config::default().entry_object_size;
    produce(&world, 10..15).await;
    sign_without_entries(&world).await;
    let before = (world.head(LOG).await.tree, world.head(LogName::Root).await);
    world.lose_index().await;
    assert_eq!(world.restart().await, first());
    assert_eq!((world.head(LOG).await.tree, world.head(LogName::Root).await), before);
    assert_eq!(verified(&world).await.findings, []);
}

/// What is in the topic into the log and under checkpoints, and no further.
async fn sign_without_entries(world: &World) {
    use crate::partition::When;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    let mut root = RootLog::open(world.shared(&Faults::none()).await, first()).await.unwrap();
    root.tend(When::Now).await.unwrap();
}

#[tokio::test]
async fn entries_that_are_signed_and_nowhere_any_more_are_named_by_their_partition() {
    let mut world = ledger(10).await;
    world.config.entry_object_size = crate::config::Config::default().entry_object_size;
    produce(&world, 10..15).await;
    sign_without_entries(&world).await;
    world.lose_index().await;
    world.lose_topic();
    produce(&world, 20..22).await;
    let begun = world.restart().await;
    let after = begun.after.unwrap();
    assert_eq!(Some(after.signed), after.found, "the root log is whole");
    assert_eq!(after.entries, [0, 10, 0, 0]);
    assert!(loss(&world).await.contains("partition 1 ended at entry 10 of 15"), "{}", loss(&world).await);
    assert_eq!(prove(&world, 3).await, name::origin(INCARNATION, LOG));
    assert_eq!(prove(&world, 21).await, name::origin(begun.era.incarnation, LOG));
}

#[tokio::test]
async fn a_ledger_of_before_what_was_signed_is_closed_and_another_one_names_what_is_lost() {
    let mut world = restored().await;
    world.lose_topic();
    produce(&world, 0..10).await;
    produce(&world, 20..25).await;
    let begun = world.restart().await;
    let after = begun.after.clone().unwrap();
    assert_eq!((after.signed.incarnation, after.signed.head.size), (INCARNATION, 2));
    assert_eq!(after.found.map(|found| found.head), Some(world.head(LogName::Root).await.tree));
    assert_eq!(world.store.incarnations().await.unwrap(), [first(), begun.clone()]);

    let told = loss(&world).await;
    assert!(told.contains("ended at size 1 of its root log, and size 2 was signed"), "{told}");
    assert_eq!(actions(&world, begun.era.part(0)).await, ["ledger.history-lost"]);
    let mut expected = vec!["ledger.gap-found"];
    expected.extend(["recording.replayed"; 5]);
    assert_eq!(actions(&world, begun.era.part(P)).await, expected);
    assert_eq!(actions(&world, ERA.part(P)).await.len(), 10);
    assert_eq!(prove(&world, 3).await, name::origin(INCARNATION, LOG));
    assert_eq!(prove(&world, 22).await, name::origin(begun.era.incarnation, LOG));

    produce(&world, 25..27).await;
    assert_eq!(world.restart().await, begun, "and no third one");
    assert_eq!(world.head_of(begun.era.log(LOG)).await.tree.size, 8);
    loss(&world).await;
}

#[tokio::test]
async fn what_the_topic_still_holds_is_entered_in_the_new_history_once() {
    let world = restored().await;
    let begun = world.restart().await;
    assert_eq!(actions(&world, begun.era.part(P)).await, ["recording.replayed"; 10]);
    assert_eq!(prove(&world, 9).await, name::origin(INCARNATION, LOG));
    assert_eq!(prove(&world, 10).await, name::origin(begun.era.incarnation, LOG));
    loss(&world).await;
}

#[tokio::test]
async fn a_lost_index_is_made_anew_with_every_history() {
    let mut world = restored().await;
    let begun = world.restart().await;
    let (before, told) = (world.store.heads().await.unwrap(), loss(&world).await);
    world.lose_index().await;
    assert_eq!(world.restart().await, begun);
    let sizes =
        |heads: Vec<(LogId, Head)>| heads.into_iter().map(|(log, head)| (log, head.tree)).collect::<Vec<_>>();
    let after = world.store.heads().await.unwrap();
    let had: Vec<_> = sizes(before).into_iter().filter(|(_, tree)| tree.size > 0).collect();
    assert_eq!(sizes(after).into_iter().filter(|(_, tree)| tree.size > 0).collect::<Vec<_>>(), had);
    assert_eq!(loss(&world).await, told);
    assert_eq!(prove(&world, 3).await, name::origin(INCARNATION, LOG));
}

#[tokio::test]
async fn an_index_of_before_another_history_began_takes_that_up_from_the_objects() {
    let mut world = restored().await;
    let old = world.backup().await;
    let begun = world.restart().await;
    produce(&world, 20..25).await;
    world.restart().await;
    let before = world.head_of(begun.era.log(LOG)).await.tree;
    world.restore_index(&old).await;
    assert_eq!(world.restart().await, begun);
    assert_eq!(world.head_of(begun.era.log(LOG)).await.tree, before);
    loss(&world).await;
}

#[tokio::test]
async fn a_second_restore_closes_the_second_history_and_names_both_losses() {
    let mut world = restored().await;
    let second = world.restart().await;
    let backup = world.backup().await;
    produce(&world, 20..25).await;
    world.restart().await;
    world.restore_index(&backup).await;
    world.restore_objects(&backup).await;
    let third = world.restart().await;
    assert_eq!(third.after.unwrap().signed.incarnation, second.era.incarnation);
    let report = verified(&world).await;
    assert!(report.is_good(), "{report:?}");
    let named: Vec<_> = report.findings.iter().map(|lost| lost.name.clone()).collect();
    let expected = [INCARNATION, second.era.incarnation].map(|own| format!("ledger/{own}"));
    assert_eq!(named, expected);
    assert_eq!(prove(&world, 22).await, name::origin(third.era.incarnation, LOG));
}

#[tokio::test]
async fn a_history_that_is_nowhere_but_in_the_journal_is_named_too() {
    let mut world = restored().await;
    let backup = world.backup().await;
    let second = world.restart().await;
    // The first one alone, from before the second began.
    world.restore_index(&backup).await;
    world.restore_objects(&backup).await;
    let third = world.restart().await;
    let after = third.after.clone().unwrap();
    assert_eq!(after.signed.incarnation, second.era.incarnation);
    assert_eq!(after.found.map(|found| found.incarnation), Some(INCARNATION));
    let report = verified(&world).await;
    assert!(report.is_good(), "{report:?}");
    assert_eq!(report.findings[0].name, format!("ledger/{}", second.era.incarnation));
    assert_eq!(world.restart().await, third);
}

#[tokio::test]
async fn whoever_lost_everything_but_the_journal_begins_anew_and_says_what_was_signed() {
    let mut world = ledger(10).await;
    let signed = world.head(LogName::Root).await.tree;
    world.lose_index().await;
    world.objects = Arc::new(MemoryObjects::new(Arc::new(world.clock.clone())));
    let begun = world.restart().await;
    let after = begun.after.clone().unwrap();
    assert_eq!((after.signed.head, after.found), (signed, None));
    assert_eq!(begun.era.generation, Generation::FIRST);
    assert!(loss(&world).await.contains("nothing of it was found"), "{}", loss(&world).await);
    assert_eq!(world.restart().await, begun);
}

#[tokio::test]
async fn an_index_that_is_newer_than_its_objects_makes_them_anew() {
    let mut world = ledger(10).await;
    let backup = world.backup().await;
    produce(&world, 10..20).await;
    world.settle().await;
    let before = (world.head(LOG).await, world.head(LogName::Root).await);
    world.restore_objects(&backup).await;
    world.log.delete_before(&AUDIT, P, 20).await.unwrap();
    assert_eq!(world.restart().await, first());
    assert_eq!((world.head(LOG).await, world.head(LogName::Root).await), before);
    assert_eq!(verified(&world).await.findings, []);
    assert_eq!(prove(&world, 15).await, name::origin(INCARNATION, LOG));
}

#[tokio::test]
async fn what_a_closed_history_has_in_its_index_alone_is_published_before_it_is_closed() {
    let mut world = ledger(10).await;
    let objects = world.backup().await;
    produce(&world, 10..15).await;
    world.settle().await;
    let index = world.backup().await;
    produce(&world, 15..20).await;
    world.settle().await;
    world.restore_objects(&objects).await;
    world.restore_index(&index).await;
    world.lose_topic();
    let begun = world.restart().await;
    assert_eq!(begun.after.unwrap().entries, [0, 15, 0, 0]);
    assert!(loss(&world).await.contains("ended at size 2 of its root log, and size 3 was signed"));
    assert_eq!(prove(&world, 14).await, name::origin(INCARNATION, LOG));
}

#[tokio::test]
async fn a_topic_that_ends_before_the_offset_of_the_log_is_read_from_its_beginning() {
    for records in [5, 20, 40] {
        let mut world = ledger(20).await;
        assert_eq!(world.head(LOG).await.next_offset, 20);
        world.lose_topic();
        produce(&world, 30..30 + records).await;
        assert_eq!(world.restart().await, first());
        let head = world.head(LOG).await;
        assert_eq!((head.tree.size, head.next_offset), (20 + 1 + records, records), "a gap, and all of them");
        assert_eq!(world.restart().await, first());
        assert_eq!(world.head(LOG).await, head);
        assert_eq!(verified(&world).await.findings, []);
    }
}

#[tokio::test]
async fn a_log_that_has_another_root_where_one_was_signed_is_closed_and_that_is_a_fault() {
    let mut world = ledger(10).await;
    world.journal = Arc::new(MemoryObjects::new(Arc::new(world.clock.clone())));
    let other = TreeHead { root: leaf_hash(b"another"), ..world.head(LogName::Root).await.tree };
    let shared = world.shared(&Faults::none()).await;
    let signed = SignedRoot { incarnation: INCARNATION, head: other };
    shared.journal.append(vec![signed.act(NOW)]).await.unwrap();
    let begun = world.restart().await;
    assert_eq!(begun.after.unwrap().signed, signed);
    let report = verified(&world).await;
    assert!(!report.is_good());
    let kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::Root, FindingKind::Lost]);
}

#[tokio::test]
async fn whoever_can_write_objects_makes_up_no_history() {
    let world = ledger(10).await;
    let found = SignedRoot { incarnation: INCARNATION, head: world.head(LogName::Root).await.tree };
    let after = Succession { signed: found, found: Some(found), entries: Vec::new() };
    let leaf = RootLeaf { at: NOW, partitions: Vec::new(), after: Some(after) }.encode();
    let forged = Incarnation::new();
    let key = name::bundle(forged, merkle::TileId::new(0, 0, 1).unwrap());
    world.objects.put(&key, bundle(&[leaf]).into(), PutOptions::default()).await.unwrap();
    assert_eq!(world.restart().await, first());
    assert!(!verified(&world).await.is_good());
}
