//! Roots on their way into the journal: first there, then readable, and nothing else waits for it.

use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::partition::{Partition, When};
use crate::testing::{Calls, FlakyObjects};

async fn signed(world: &World, log: LogName) -> Option<TreeHead> {
    let shelf = world.shared(&Faults::none()).await.shelf(INCARNATION, log);
    shelf.checkpoint().await.unwrap().map(|found| found.checkpoint.head())
}

async fn journalled(world: &World) -> Option<TreeHead> {
    let journal = world.journal_on(Arc::clone(&world.journal)).await.unwrap();
    newest(&journal, &BTreeSet::new()).await.unwrap().map(|root| root.head)
}

/// What writers share, with a journal that fails when it is told to.
async fn flaky(world: &World) -> (Shared, Faults) {
    let faults = Faults::none();
    let objects = FlakyObjects(Arc::clone(&world.journal), faults.clone());
    let journal = world.journal_on(Arc::new(objects)).await.unwrap();
    (world.shared_with(&Faults::none(), journal), faults)
}

#[tokio::test]
async fn every_root_that_can_be_read_is_in_the_journal() {
    let world = ledger(5).await;
    for events in [5..9, 9..30] {
        assert_eq!(journalled(&world).await, signed(&world, LogName::Root).await);
        produce(&world, events).await;
        world.settle().await;
    }
    assert_eq!(journalled(&world).await, signed(&world, LogName::Root).await);
    assert_eq!(world.head(LogName::Root).await.tree.size, 3);
}

/// A writer of the root log dies at the fault; whether it did.
async fn dies(number: i64) -> bool {
    let world = ledger(5).await;
    produce(&world, 5..9).await;
    let mut partition = world.open(P).await;
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Now).await.unwrap();
    let faults = Faults::at(number);
    let tried = async {
        let mut root = RootLog::open(world.try_shared(&faults).await?, first()).await?;
        root.tend(When::Now).await
    };
    let died = tried.await.is_err();
    let (there, readable) = (journalled(&world).await, signed(&world, LogName::Root).await);
    let size = |head: Option<TreeHead>| head.map_or(0, |head| head.size);
    assert!(size(there) >= size(readable), "fault {number}: {there:?} {readable:?}");
    assert!(died || there == readable, "fault {number}: {there:?} {readable:?}");
    assert_eq!(world.restart().await, first(), "fault {number}");
    assert_eq!(journalled(&world).await, signed(&world, LogName::Root).await, "fault {number}");
    faults.has_struck()
}

#[tokio::test]
async fn a_process_that_dies_before_the_checkpoint_has_journalled_what_it_signs_next() {
    let mut number = 0;
    while !join_all((number..number + 16).map(dies)).await.contains(&false) {
        number += 16;
    }
    assert!(number >= 16, "{number} chances to fail");
}

#[tokio::test]
async fn an_index_lost_between_the_journal_and_the_checkpoint_is_brought_to_the_journalled_root() {
    let mut world = ledger(5).await;
    let backup = world.backup().await;
    produce(&world, 5..9).await;
    world.settle().await;
    let head = world.head(LogName::Root).await.tree;
    // As if the process had died before it: leaf, bundle and tiles are there.
    let key = name::checkpoint(INCARNATION, LogName::Root);
    let old = backup.objects().get(&key, None, None).await.unwrap().bytes;
    let options = PutOptions { if_exists: objects::IfExists::NewVersion, ..PutOptions::default() };
    world.objects.put(&key, old, options).await.unwrap();
    world.lose_index().await;
    assert_eq!(world.restart().await, first());
    assert_eq!(world.head(LogName::Root).await.tree, head);
    assert_eq!(signed(&world, LogName::Root).await, Some(head));
    assert_eq!(verified(&world).await.findings, []);
}

#[tokio::test]
async fn a_journal_that_is_away_keeps_back_the_root_and_nothing_else() {
    let world = ledger(5).await;
    let before = signed(&world, LogName::Root).await;
    produce(&world, 5..9).await;
    let (shared, faults) = flaky(&world).await;
    let mut partition = Partition::open(shared.clone(), first(), P).await.unwrap();
    let mut root = RootLog::open(shared.clone(), first()).await.unwrap();
    faults.all(Calls::Fail);
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Now).await.unwrap();
    assert_eq!(signed(&world, LOG).await.map(|head| head.size), Some(9));
    let refused = root.tend(When::Now).await;
    assert!(matches!(refused, Err(Error::Journal(_))), "{refused:?}");
    assert_eq!(signed(&world, LogName::Root).await, before);

    faults.all(Calls::Pass);
    let mut root = RootLog::open(shared, first()).await.unwrap();
    root.tend(When::Due).await.unwrap();
    assert_eq!(signed(&world, LogName::Root).await, Some(world.head(LogName::Root).await.tree));
    assert_eq!(journalled(&world).await, signed(&world, LogName::Root).await);
}

#[tokio::test]
async fn a_journal_that_does_not_answer_holds_its_writer_up_once() {
    let world = ledger(5).await;
    let before = signed(&world, LogName::Root).await;
    produce(&world, 5..9).await;
    let (shared, faults) = flaky(&world).await;
    let mut partition = Partition::open(shared.clone(), first(), P).await.unwrap();
    let mut root = RootLog::open(shared.clone(), first()).await.unwrap();
    partition.take(&world.records(P).await).await.unwrap();
    partition.tend(When::Now).await.unwrap();
    faults.all(Calls::Hang);
    // It answers although the journal does not: to wait for ever would fail the test.
    tokio::time::timeout(Duration::from_secs(60), root.tend(When::Now)).await.unwrap().unwrap();
    assert!(root.is_waiting());
    let size = world.head(LogName::Root).await.tree.size;
    for events in [9..12, 12..15] {
        produce(&world, events).await;
        partition.take(&world.records(P).await).await.unwrap();
        partition.tend(When::Due).await.unwrap();
        root.tend(When::Now).await.unwrap();
    }
    assert_eq!(world.head(LOG).await.tree.size, 15);
    assert_eq!(world.head(LogName::Root).await.tree.size, size, "no leaf while a root is on its way");
    assert_eq!(signed(&world, LogName::Root).await, before);

    faults.all(Calls::Pass);
    drop(root);
    let mut root = RootLog::open(world.shared(&Faults::none()).await, first()).await.unwrap();
    root.tend(When::Now).await.unwrap();
    assert_eq!(signed(&world, LogName::Root).await.map(|head| head.size), Some(size + 1));
    assert_eq!(journalled(&world).await, signed(&world, LogName::Root).await);
}
