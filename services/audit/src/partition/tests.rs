//! The writer, stopped at every step, overtaken, fed twice, restored and rebuilt.

use std::time::Duration;

use eventlog::{EventLog, Record};
use kernel::EventId;
use objects::{IfExists, PutOptions};
use platform::config::Period;

use super::*;
use crate::config::Config;
use crate::name;
use crate::rebuild::rebuild;
use crate::samples;
use crate::shelf::Shelf;
use crate::store::{Filter, LedgerStore, LogId, Order};
use crate::testing::{
    Faults, FixedKeys, INCARNATION, NOW, World, first, heartbeat, heartbeat_signed, index, record,
};

const P: u32 = 1;
const LOG: LogName = LogName::Partition(P);
const PART: Part = Part::of(Generation::FIRST, P);

fn records(events: std::ops::Range<u64>) -> Vec<Record> {
    events.map(|event| record(P, event, event + 1)).collect()
}

/// Thirty entries, one of them twice, one missing, a heartbeat, and a record that is no event.
async fn busy(world: &World) {
    world.produce(records(0..10)).await;
    world.produce(vec![record(P, 9, 10), heartbeat(P, 10, ProducerState::Running), record(P, 11, 12)]).await;
    let mut garbled = record(P, 99, 99);
    garbled.value = vec![0xff; 9].into();
    world.produce(vec![garbled]).await;
    world.produce(records(12..30)).await;
}

async fn actions(world: &World) -> Vec<String> {
    let rows = world.store.rows(PART, 0, 1_000).await.unwrap();
    let open = |row: &Row| samples::keys(row.tenant.as_str()).open(&row.sealed).unwrap().entry;
    rows.iter().map(open).map(|entry| entry.action).collect()
}

async fn signed(world: &World) -> Option<merkle::TreeHead> {
    let shelf = Shelf::new(Arc::clone(&world.objects), INCARNATION, LOG);
    shelf.checkpoint().await.unwrap().map(|found| found.checkpoint.head())
}

/// Brings the whole topic into the ledger in batches, with a restart after each error.
async fn drive(world: &World, faults: &Faults) -> usize {
    let records = world.records(P).await;
    let mut restarts = 0;
    loop {
        let run = async {
            let journal = world.journal_on(Arc::clone(&world.journal)).await?;
            let mut partition = Partition::open(world.shared_with(faults, journal), first(), P).await?;
            let rest = records.iter().filter(|own| own.offset >= partition.next_offset()).cloned();
            for batch in rest.collect::<Vec<_>>().chunks(12) {
                partition.take(batch).await?;
                partition.tend(When::Due).await?;
            }
            partition.tend(When::Now).await.map(drop)
        };
        match run.await {
            Ok(()) => return restarts,
            Err(error) => {
                restarts += 1;
                assert!(restarts < 3, "{}", kernel::chain(&error));
            }
        }
    }
}

#[tokio::test]
async fn a_restart_at_any_step_loses_nothing_and_doubles_nothing() {
    let reference = World::new().await;
    busy(&reference).await;
    drive(&reference, &Faults::none()).await;
    let expected = (reference.head(LOG).await, actions(&reference).await);
    assert_eq!(expected.1.len(), 29 + 1 + 1, "29 entries, a gap, a record that is none");

    let (mut number, mut restarts) = (0, 0);
    loop {
        let world = World::new().await;
        busy(&world).await;
        let faults = Faults::at(number);
        restarts += drive(&world, &faults).await;
        assert_eq!((world.head(LOG).await, actions(&world).await), expected, "fault {number}");
        assert_eq!(signed(&world).await, Some(expected.0.tree), "fault {number}");
        if !faults.has_struck() {
            break;
        }
        number += 1;
    }
    assert!(number > 80 && restarts > 60, "{number} chances to fail, {restarts} restarts");
}

#[tokio::test]
async fn an_earlier_writer_of_the_partition_commits_nothing() {
    let world = World::new().await;
    world.produce(records(0..4)).await;
    let mut zombie = world.open(P).await;
    let mut writer = world.open(P).await;
    writer.take(&world.records(P).await).await.unwrap();
    let refused = zombie.take(&world.records(P).await).await;
    assert!(matches!(refused, Err(Error::Fenced(LOG))), "{refused:?}");
    writer.tend(When::Now).await.unwrap();
    assert_eq!(world.head(LOG).await.tree.size, 4);
    assert_eq!(actions(&world).await.len(), 4);
}

#[tokio::test]
async fn records_that_come_again_change_nothing() {
    let world = World::new().await;
    world.produce(records(0..4)).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    let before = world.head(LOG).await;
    partition.take(&world.records(P).await).await.unwrap();
    let mut again = world.open(P).await;
    again.take(&world.records(P).await).await.unwrap();
    assert_eq!(world.head(LOG).await, before);
}

#[tokio::test]
async fn the_group_is_told_of_records_that_add_no_entry_and_of_none_that_waits_for_an_object() {
    let mut world = World::new().await;
    world.config.entry_object_size = Config::default().entry_object_size;
    world.produce(records(0..4)).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    assert_eq!(partition.tend(When::Due).await.unwrap(), None);
    assert_eq!(partition.passed(), None, "entries are in the index alone");
    assert_eq!(partition.tend(When::Now).await.unwrap(), Some(4));
    assert_eq!((partition.passed(), partition.passed()), (Some(4), None));

    world.produce(vec![heartbeat(P, 4, ProducerState::Running), record(P, 3, 4)]).await;
    partition.take(&world.records(P).await).await.unwrap();
    assert_eq!(partition.tend(When::Now).await.unwrap(), None, "there is nothing to put into an object");
    assert_eq!((partition.passed(), partition.passed()), (Some(6), None));
    // Whoever takes it over does not know what the group was told.
    let mut again = world.open(P).await;
    assert_eq!(again.tend(When::Due).await.unwrap(), None);
    assert_eq!(again.passed(), Some(6));
}

#[tokio::test]
async fn committed_entries_are_published_once_the_object_store_is_back() {
    let world = World::new().await;
    world.produce(records(0..4)).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    assert_eq!(signed(&world).await, None);
    drop(partition);
    world.open(P).await.tend(When::Due).await.unwrap();
    assert_eq!(signed(&world).await, Some(world.head(LOG).await.tree));
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_with_the_same_roots_and_contents() {
    let mut world = World::new().await;
    world.config.entry_object_size = Config::default().entry_object_size;
    busy(&world).await;
    let records = world.records(P).await;
    let (flushed, tail) = records.split_at(20);
    let mut partition = world.open(P).await;
    partition.take(flushed).await.unwrap();
    let forgotten = partition.tend(When::Now).await.unwrap();
    assert_eq!(forgotten, Some(20));
    partition.take(tail).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    let before = (world.head(LOG).await, world.store.rows(PART, 0, 100).await.unwrap());
    let found = world.store.find(&by_object(3)).await.unwrap();
    assert_eq!(found.len(), 1);

    let (store, _directory) = index().await;
    world.store = store;
    let rebuilt = rebuild(&world.store, Arc::clone(&world.objects), world.keys.as_ref()).await.unwrap();
    assert_eq!(rebuilt, Some(INCARNATION));
    assert_eq!(world.store.incarnations().await.unwrap(), [first()]);

    // The rest is staged again from the topic; nothing is signed before the log is where it was signed.
    let mut partition = world.open(P).await;
    assert_eq!(partition.next_offset(), 20);
    partition.take(&tail[..2]).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    assert_eq!(signed(&world).await, Some(before.0.tree));
    partition.take(tail).await.unwrap();
    partition.tend(When::Due).await.unwrap();

    let after = (world.head(LOG).await, world.store.rows(PART, 0, 100).await.unwrap());
    assert_eq!(after.0, before.0);
    assert_eq!(said(&after.1), said(&before.1));
    assert_eq!(said(&world.store.find(&by_object(3)).await.unwrap()), said(&found));
}

/// Rows without their sealed bytes, which differ each time an entry is sealed.
fn said(rows: &[Row]) -> Vec<(u64, EventId, [u8; 32], kernel::Timestamp)> {
    rows.iter().map(|row| (row.index, row.sealed.event, row.sealed.commitment, row.at)).collect()
}

fn by_object(recording: u64) -> Filter {
    let keys = samples::keys("banca-alfa");
    Filter {
        tenant: keys.tenant().clone(),
        terms: vec![keys.term(leaf::TermKind::Object, &format!("recording/{recording}"))],
        from: kernel::Timestamp(i64::MIN),
        to: kernel::Timestamp(i64::MAX),
        after: None,
        order: Order::OldestFirst,
        limit: 10,
    }
}

#[tokio::test]
async fn a_restored_index_catches_up_from_objects_with_what_the_topic_has_no_more() {
    let mut world = World::new().await;
    world.produce(records(0..10)).await;
    world.settle().await;
    let (restored, _directory) = index().await;
    rebuild(&restored, Arc::clone(&world.objects), world.keys.as_ref()).await.unwrap();
    world.produce(records(10..25)).await;
    world.settle().await;
    world.log.delete_before(&kernel::topics::AUDIT, P, 25).await.unwrap();
    let before = (world.head(LOG).await, world.head(LogName::Root).await);

    world.store = restored;
    assert_eq!(world.head(LOG).await.tree.size, 10);
    world.produce(records(25..26)).await;
    world.settle().await;
    let log = world.head(LOG).await;
    assert_eq!((log.tree.size, log.next_offset), (26, 26));
    assert_eq!(world.head(LogName::Root).await.tree.size, before.1.tree.size + 1);
    assert!(!actions(&world).await.iter().any(|action| action.starts_with("ledger.")));
    assert!(world.verify(None).await.is_good());
    assert_eq!(world.store.hashes(LogId::Part(PART), 0, 25).await.unwrap().len(), 25);
}

#[tokio::test]
async fn a_restored_index_never_signs_a_second_history() {
    let mut world = World::new().await;
    world.config.entry_object_size = Config::default().entry_object_size;
    world.produce(records(0..8)).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    let before = signed(&world).await;

    // An empty index of the same incarnation, and a topic that tells something else.
    let (store, _directory) = index().await;
    world.store = store;
    world.log = eventlog::MemoryLog::new(Arc::new(world.clock.clone()));
    world.produce(records(20..30)).await;
    let mut partition = world.open(P).await;
    let refused = partition.take(&world.records(P).await).await;
    assert!(matches!(refused, Err(Error::Diverged(LOG))), "{refused:?}");
    partition.tend(When::Now).await.unwrap();
    assert_eq!(signed(&world).await, before);
    assert_eq!(world.head(LOG).await.tree.size, 0, "the index has nothing that was not signed");
}

#[tokio::test]
async fn tiles_of_another_history_are_not_written_over() {
    let world = World::new().await;
    world.produce(records(0..4)).await;
    let id = merkle::TileId::new(0, 0, 4).unwrap();
    let key = name::tile(INCARNATION, LOG, id);
    let options = PutOptions { if_exists: IfExists::Refuse, ..PutOptions::default() };
    world.objects.put(&key, vec![0; 128].into(), options).await.unwrap();
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    let refused = partition.tend(When::Due).await;
    assert!(matches!(refused, Err(Error::Damaged { log: LOG, .. })), "{refused:?}");
    assert_eq!(signed(&world).await, None);
}

#[tokio::test]
async fn reasons_are_with_crypto_before_their_entries_are_committed() {
    let lost = samples::entry(2).event;
    let world = World::with(FixedKeys { lost: [lost].into(), ..FixedKeys::default() }).await;
    world.produce(records(0..4)).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    let expected: Vec<_> = [0, 1, 3].map(|number| samples::entry(number).event).into();
    assert_eq!(*world.keys.adopted.lock(), expected);
    assert_eq!(actions(&world).await[4..], ["ledger.reason-lost"]);
}

#[tokio::test]
async fn a_heartbeat_that_nobody_trusted_signed_is_a_finding_and_moves_nothing() {
    let world = World::new().await;
    let stranger = seal::SigningKey::from_bytes(&[9; 32]);
    world.produce(vec![heartbeat_signed(P, 7, ProducerState::Running, &stranger), record(P, 0, 1)]).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    assert_eq!(actions(&world).await, ["ledger.record-refused", "recording.replayed"]);
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_falls_silent_is_told_once_and_one_that_said_goodbye_is_not() {
    let mut world = World::new().await;
    world.config.silence = Period::secs(3_600 * 24 * 365);
    world.produce(vec![record(P, 0, 1), heartbeat(P, 1, ProducerState::Running)]).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    assert_eq!(actions(&world).await, ["recording.replayed"]);

    tokio::time::advance(Duration::from_secs(3_600 * 24 * 366)).await;
    partition.tend(When::Due).await.unwrap();
    partition.tend(When::Due).await.unwrap();
    assert_eq!(actions(&world).await, ["recording.replayed", "ledger.producer-silent"]);
    assert_eq!(world.head(LOG).await.stored, 2, "what follows from no record is in objects at once");

    world.produce(vec![heartbeat(P, 1, ProducerState::Closed)]).await;
    partition.take(&world.records(P).await).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600 * 24 * 366)).await;
    partition.tend(When::Due).await.unwrap();
    assert_eq!(actions(&world).await.len(), 2);
    assert_eq!(world.store.rows(PART, 1, 1).await.unwrap()[0].at, NOW);
}

#[tokio::test]
async fn narrower_writings_of_a_full_tile_are_gone() {
    let world = World::new().await;
    let mut partition = world.open(P).await;
    for events in [0..100, 100..255, 255..300] {
        world.produce(records(events)).await;
        partition.take(&world.records(P).await).await.unwrap();
        partition.tend(When::Due).await.unwrap();
    }
    let full = name::tile(INCARNATION, LOG, merkle::TileId::new(0, 0, 256).unwrap());
    assert!(world.objects.head(&full, None).await.is_ok());
    assert!(world.objects.list(&name::partials(&full), None, 10).await.unwrap().is_empty());
    let next = name::tile(INCARNATION, LOG, merkle::TileId::new(0, 1, 44).unwrap());
    assert!(world.objects.head(&next, None).await.is_ok());
    let checkpoint = name::checkpoint(INCARNATION, LOG);
    let versions = world.objects.list_versions(&(&checkpoint).into(), None, 10).await.unwrap();
    assert_eq!(versions.len(), 2, "the checkpoint stands, and the one before it");
}
