//! Processes that die at any step, and several at once.

use eventlog::MemoryLog;
use futures::future::join_all;

use super::*;
use crate::testing::{Backup, Calls};

/// Runs that go on beside each other.
const AT_ONCE: i64 = 16;

/// Everything as it was when a restore had just been made.
struct Moment {
    backup: Backup,
    journal: Arc<dyn objects::ObjectStore>,
    log: MemoryLog,
}

impl Moment {
    async fn of(world: World) -> Self {
        let (backup, journal) = (world.backup().await, world.journal_backup().await);
        Self { backup, journal, log: world.log.clone() }
    }

    async fn world(&self) -> World {
        let mut world = World::new().await;
        world.restore_index(&self.backup).await;
        world.restore_objects(&self.backup).await;
        world.journal = Arc::clone(&self.journal);
        world.journal = world.journal_backup().await;
        world.log = self.log.clone();
        world
    }

    /// Settles as process after process, of which one dies at the fault; whether one did.
    async fn run(&self, number: i64) -> bool {
        let (world, faults) = (self.world().await, Faults::at(number));
        let begun = settled(&world, &faults).await;
        check(&world, &begun, number).await;
        if number % 40 == 0 {
            assert_eq!(world.restart().await, begun);
            loss(&world).await;
        }
        faults.has_struck()
    }
}

async fn settled(world: &World, faults: &Faults) -> Begun {
    for _ in 0..3 {
        let tried = async {
            let shared = world.try_shared(faults).await?;
            settle(&shared, &world.log).await
        };
        match tried.await {
            Ok(begun) => return begun,
            Err(error) => assert!(faults.has_struck(), "{}", chain(&error)),
        }
    }
    panic!("not even without a fault");
}

/// That one history follows the first, in index, objects and journal.
async fn check(world: &World, begun: &Begun, number: i64) {
    let eras = world.store.incarnations().await.unwrap();
    assert_eq!(eras, [first(), begun.clone()], "fault {number}");
    let shared = world.shared(&Faults::none()).await;
    let lying = lying(&ObjectFiles(shared.objects.clone())).await.unwrap();
    let lying: Vec<_> = lying.into_iter().map(|own| own.incarnation).collect();
    assert_eq!(lying, [INCARNATION, begun.era.incarnation], "fault {number}");
    let root = shared.shelf(begun.era.incarnation, LogName::Root).checkpoint().await.unwrap().unwrap();
    let head = root.checkpoint.head();
    let signed = newest(&shared.journal, &BTreeSet::new()).await.unwrap();
    assert_eq!(signed, Some(SignedRoot { incarnation: begun.era.incarnation, head }), "fault {number}");
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_one_new_history_and_not_two() {
    let moment = Moment::of(restored().await).await;
    let mut number = 0;
    loop {
        let runs = (number..number + AT_ONCE).map(|number| moment.run(number));
        let struck = join_all(runs).await;
        number += AT_ONCE;
        if struck.contains(&false) {
            break;
        }
    }
    assert!(number > 150, "{number} chances to fail");
}

#[tokio::test]
async fn processes_that_start_at_once_agree_on_one_history() {
    let moment = Moment::of(restored().await).await;
    for _ in 0..5 {
        let world = moment.world().await;
        let settle_at_last = async || {
            let shared = world.shared(&Faults::none()).await;
            for wait in 1..100 {
                match settle(&shared, &world.log).await {
                    Ok(begun) => return begun,
                    // Both took a log over; each tries again.
                    Err(Error::Fenced(_)) => {
                        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                    }
                    Err(error) => panic!("{}", chain(&error)),
                }
            }
            panic!("they do not come to an end");
        };
        let (one, two, three) = tokio::join!(settle_at_last(), settle_at_last(), settle_at_last());
        assert_eq!((&one, &one), (&two, &three));
        check(&world, &one, 0).await;
        assert_eq!(world.restart().await, one);
        loss(&world).await;
    }
}

#[tokio::test]
async fn processes_that_start_at_once_begin_one_first_history() {
    let world = World::new().await;
    let shared = world.shared(&Faults::none()).await;
    let (one, two) = tokio::join!(settle(&shared, &world.log), settle(&shared, &world.log));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(world.store.incarnations().await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_settled_while_the_journal_is_away() {
    let world = restored().await;
    let faults = Faults::none();
    let flaky = crate::testing::FlakyObjects(Arc::clone(&world.journal), faults.clone());
    let journal = world.journal_on(Arc::new(flaky)).await.unwrap();
    let shared = world.shared_with(&Faults::none(), journal);
    faults.all(Calls::Fail);
    let refused = settle(&shared, &world.log).await;
    assert!(matches!(refused, Err(Error::Journal(_))), "{refused:?}");
    assert_eq!(world.store.incarnations().await.unwrap(), [first()]);
    faults.all(Calls::Pass);
    assert!(settle(&shared, &world.log).await.unwrap().after.is_some());
}

#[tokio::test]
async fn a_writer_of_a_history_that_was_closed_meanwhile_commits_nothing() {
    let world = restored().await;
    let mut zombie = world.open(P).await;
    world.restart().await;
    let refused = zombie.take(&world.records(P).await).await;
    assert!(matches!(refused, Err(Error::Fenced(LOG))), "{refused:?}");
}
