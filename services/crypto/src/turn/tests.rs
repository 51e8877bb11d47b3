//! Epochs end: what stood opens under the next one, and what was removed opens with nothing that is left.

mod crash;
mod race;
mod scene;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use eventlog::{EventLog, ReadLimit, Record, TopicPartition};
use kernel::topics::{AUDIO, AUDIT, Topic};
use kernel::{Clock, ErrorCode, InstanceId, RecordingId, ServiceError, Timestamp};
use platform::telemetry::Metrics;

use self::crash::{Faults, FaultyStore};
use self::scene::Scene;
use super::*;
use crate::backend::KeyName;
use crate::copies::CopyError;
use crate::pages::Turned;
use crate::sections::{Adopted, NewSection};
use crate::store::Holder;
use crate::testing::{Bench, WEEK, section, tenant};

/// How the epochs stand after a step.
async fn step(turn: &Turn) -> Vec<(EpochState, Option<Wait>)> {
    let epochs = turn.step(&tenant()).await.unwrap();
    epochs.into_iter().map(|epoch| (epoch.state, epoch.wait)).collect()
}

fn ended() -> Vec<(EpochState, Option<Wait>)> {
    vec![(EpochState::Destroyed, None), (EpochState::Active, None)]
}

fn waiting(state: EpochState, wait: Wait) -> Vec<(EpochState, Option<Wait>)> {
    vec![(state, Some(wait)), (EpochState::Active, None)]
}

#[tokio::test]
async fn what_stood_opens_after_the_turn_and_what_was_removed_does_not() {
    let scene = Scene::new().await;
    assert_eq!(scene.removed_that_open().await, scene.removed.len(), "their key is still there");
    scene.bench.clock.advance(WEEK);
    let epochs = scene.bench.service.turn.step(&tenant()).await.unwrap();
    let [first, second] = &epochs[..] else { panic!("{epochs:?}") };
    let now = scene.bench.clock.now();
    assert_eq!((first.state, first.destroyed_at), (EpochState::Destroyed, Some(now)));
    assert_eq!((first.pages, first.entries), (0, 0));
    assert_eq!((second.state, second.wait.clone()), (EpochState::Active, None));
    assert_eq!((second.entries, second.dirty_pages), (scene.standing.len() as u64, 0));

    assert_eq!(scene.removed_that_open().await, 0);
    scene.assert_standing(&scene.bench.service).await;
    scene.assert_standing(&scene.bench.another()).await;
    assert_eq!(scene.journalled().await, [KeyEpoch(1)]);
    let row = scene.bench.store.epoch(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    assert!(row.kek.is_empty() && row.hpke_secret.is_empty());
    assert!(scene.backend_key_is_gone(1).await);
}

#[tokio::test]
async fn a_page_from_which_nothing_was_removed_is_not_sealed_anew() {
    let scene = Scene::new().await;
    let before = scene.pages(1).await;
    scene.bench.clock.advance(WEEK);
    scene.bench.service.turn.step(&tenant()).await.unwrap();
    let after = scene.pages(2).await;
    assert!(before.iter().any(|page| page.dirty) && before.iter().any(|page| !page.dirty && page.added > 0));
    for page in before.iter().filter(|page| page.added > 0) {
        let turned = after.iter().find(|turned| turned.page == page.page).unwrap();
        assert_eq!(turned.generation, page.generation + u32::from(page.dirty), "{page:?}");
        assert_eq!((turned.added, turned.removed), (page.added, page.removed));
    }
}

#[tokio::test]
async fn turn_follows_turn() {
    let scene = Scene::new().await;
    let turn = &scene.bench.service.turn;
    for epoch in 2..6 {
        let epochs = turn.begin(&tenant()).await.unwrap();
        let live: Vec<_> = epochs.iter().filter(|e| e.state != EpochState::Destroyed).collect();
        assert_eq!((live.len(), live[0].epoch, live[0].state), (1, KeyEpoch(epoch), EpochState::Active));
        scene.assert_standing(&scene.bench.service).await;
    }
    assert_eq!(scene.journalled().await, [1, 2, 3, 4].map(KeyEpoch));
}

#[tokio::test]
async fn an_epoch_that_nobody_asks_a_successor_for_ends_where_something_was_removed() {
    let idle = Bench::new().await;
    idle.adopted(section(RecordingId::new(), 0)).await;
    idle.clock.advance(WEEK);
    assert_eq!(step(&idle.service.turn).await, [(EpochState::Active, None)], "nothing waits for its end");
    let at = section(RecordingId::new(), 1);
    let removed = Scene::new().await;
    removed.bench.clock.advance(WEEK);
    assert_eq!(step(&removed.bench.service.turn).await, ended());
    removed.bench.adopted(at).await;
    assert_eq!(removed.bench.store.epochs(&tenant()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_instance_that_has_not_left_holds_its_epoch_up() {
    let scene = Scene::new().await;
    let (epochs, turn) = (&scene.bench.service.epochs, &scene.bench.service.turn);
    let since = scene.bench.clock.now();
    let (first, second) = (InstanceId::new(), InstanceId::new());
    epochs.give(&tenant(), Some(first)).await.unwrap();
    scene.bench.clock.advance(WEEK / 2);
    epochs.give(&tenant(), Some(second)).await.unwrap();
    scene.bench.clock.advance(WEEK / 2);
    let held = waiting(EpochState::Closing, Wait::Held(Holder { instance: first, since }));
    assert_eq!(step(turn).await, held);
    assert_eq!(step(turn).await, held);
    epochs.leave(&tenant(), first, KeyEpoch(1)).await.unwrap();
    let since = since.plus(WEEK / 2);
    let held = waiting(EpochState::Closing, Wait::Held(Holder { instance: second, since }));
    assert_eq!(step(turn).await, held);
    let words = turn.report(&tenant(), Look::Tables).await.unwrap().epochs[0].wait.clone().unwrap();
    assert_eq!(words.to_string(), format!("instance {second} has not left it since {since}"));
    epochs.leave(&tenant(), second, KeyEpoch(1)).await.unwrap();
    assert_eq!(step(turn).await, ended());
}

/// A record of each topic, not yet read.
async fn append(log: &dyn EventLog, topic: &Topic) {
    log.append(topic, vec![Record::new("key", vec![1])]).await.unwrap();
}

/// Reads the topic to its end, as a role does.
async fn read_on(log: &dyn EventLog, group: &str, topic: &Topic) {
    let mut member = log.consumer(group, &[*topic]).await.unwrap();
    while log.lag(group, topic).await.unwrap().iter().sum::<u64>() > 0 {
        let polled = member.poll(ReadLimit::default(), Duration::from_millis(10)).await.unwrap();
        for batch in polled.batches {
            let next = batch.records.last().unwrap().offset + 1;
            member.commit(TopicPartition::of(topic, batch.at.partition), next).await.unwrap();
        }
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn what_may_still_lie_in_the_log_holds_the_epoch_up_and_what_comes_later_does_not() {
    let scene = Scene::new().await;
    let (log, turn) = (&scene.bench.outside.log, &scene.bench.service.turn);
    append(log, &AUDIO).await;
    append(log, &AUDIT).await;
    append(log, &AUDIT).await;
    scene.bench.clock.advance(WEEK);
    let unread = |reader, topic: Topic, records| {
        waiting(EpochState::Closing, Wait::Unread { reader, topic: topic.name, records })
    };
    assert_eq!(step(turn).await, unread("archive", AUDIO, 1));
    read_on(log, "archive", &AUDIO).await;
    append(log, &AUDIO).await;
    assert_eq!(step(turn).await, unread("audit", AUDIT, 2));
    // Measured anew after a restart: later, never earlier.
    let restarted = scene.bench.another();
    assert_eq!(step(&restarted.turn).await, unread("archive", AUDIO, 1));
    read_on(log, "audit", &AUDIT).await;
    append(log, &AUDIT).await;
    assert_eq!(step(turn).await, ended());
}

#[tokio::test]
async fn nothing_that_was_sealed_to_a_drained_epoch_is_taken_in_but_what_was_is_known() {
    let bench = Bench::new().await;
    let (late, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    let (known, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    bench.service.sections.adopt(&tenant(), &known).await.unwrap();
    let copies = bench.another_with(|ports| ports.copies = Arc::new(FakeCopies::failing()));
    for turn in [&copies.turn, &bench.service.turn] {
        turn.begin(&tenant()).await.unwrap();
        let refused = bench.service.sections.adopt(&tenant(), &late).await.unwrap_err();
        assert!(matches!(refused, Error::EpochOver { epoch: KeyEpoch(1), .. }), "{refused}");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument, "its reader goes on");
        assert_eq!(bench.service.sections.adopt(&tenant(), &known).await.unwrap(), Adopted::Before);
        let other = NewSection { sealed: late.sealed.clone(), ..known.clone() };
        let refused = bench.service.sections.adopt(&tenant(), &other).await.unwrap_err();
        assert!(matches!(refused, Error::OtherKey(_)), "{refused}");
    }
    assert!(bench.store.sections(&tenant(), late.section.recording).await.unwrap().is_empty());
}

/// Copies that are made, or not.
struct FakeCopies {
    fails: AtomicBool,
    made: AtomicU32,
}

impl FakeCopies {
    fn failing() -> Self {
        Self { fails: AtomicBool::new(true), made: AtomicU32::new(0) }
    }
}

#[async_trait]
impl KeyCopies for FakeCopies {
    async fn copy(&self) -> Result<Timestamp, CopyError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(CopyError::new("copy the key tables", ErrorCode::Unavailable, "no space left"));
        }
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(Timestamp(1))
    }
    async fn keep_up(&self) -> Result<(), CopyError> {
        self.copy().await.map(drop)
    }
    async fn newest(&self) -> Result<Option<Timestamp>, CopyError> {
        Ok(None)
    }
    fn place(&self) -> Option<String> {
        Some("elsewhere".to_owned())
    }
}

#[tokio::test]
async fn without_a_copy_the_old_key_lives_on() {
    let scene = Scene::new().await;
    scene.bench.clock.advance(WEEK);
    let copies = Arc::new(FakeCopies::failing());
    let service = scene.bench.another_with(|ports| ports.copies = copies.clone());
    let problem = "cannot copy the key tables: no space left".to_owned();
    for _ in 0..2 {
        let expected = waiting(EpochState::Drained, Wait::Copies(problem.clone()));
        assert_eq!(step(&service.turn).await, expected);
    }
    assert!(!scene.backend_key_is_gone(1).await);
    assert!(scene.journalled().await.is_empty());
    scene.assert_standing(&service).await;
    let report = service.turn.report(&tenant(), Look::Tables).await.unwrap();
    assert_eq!(report.copies.as_deref(), Some("elsewhere"));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);

    copies.fails.store(false, Ordering::SeqCst);
    assert_eq!(step(&service.turn).await, ended());
    assert_eq!(copies.made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn on_shared_tables_an_epoch_outlives_the_rings_of_other_processes() {
    tokio::time::pause();
    let scene = Scene::new().await;
    scene.bench.clock.advance(WEEK);
    let shared: Arc<dyn KeyStore> =
        Arc::new(FaultyStore::shared(Arc::clone(&scene.bench.store), Faults::none()));
    let service = scene.bench.another_with(|ports| ports.store = shared);
    let life = crate::Config::default().open_epoch_life.0;
    let waits = step(&service.turn).await;
    assert_eq!(waits[0].0, EpochState::Drained);
    assert!(matches!(waits[0].1, Some(Wait::Rings(left)) if left <= life), "{waits:?}");
    tokio::time::advance(life - Duration::from_secs(1)).await;
    assert!(matches!(step(&service.turn).await[0], (EpochState::Drained, Some(Wait::Rings(_)))));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(step(&service.turn).await, ended());
}

#[tokio::test]
async fn keys_of_a_drained_epoch_are_in_no_ring() {
    let scene = Scene::new().await;
    let (early, late) = (scene.bench.another(), scene.bench.another());
    early.epochs.keys(&tenant(), KeyEpoch(1)).await.unwrap();
    let service = scene.bench.another_with(|ports| ports.copies = Arc::new(FakeCopies::failing()));
    service.turn.begin(&tenant()).await.unwrap();
    late.epochs.keys(&tenant(), KeyEpoch(1)).await.expect("they still open");
    scene.bench.backend.destroy(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    late.epochs.keys(&tenant(), KeyEpoch(1)).await.expect_err("and were not kept");
    service.epochs.keys(&tenant(), KeyEpoch(1)).await.expect_err("nor by whoever drained it");
    early.epochs.keys(&tenant(), KeyEpoch(1)).await.expect("one from before keeps them for its life");
}

#[tokio::test]
async fn an_epoch_with_a_page_that_lost_an_entry_lives_on() {
    let scene = Scene::new().await;
    scene.lose_an_entry().await;
    scene.bench.service.epochs.begin_next(&tenant()).await.unwrap();
    let waits = step(&scene.bench.service.turn).await;
    let Some(Wait::Page { problem, .. }) = &waits[0].1 else { panic!("{waits:?}") };
    assert!(problem.contains("entries where"), "{problem}");
    assert_eq!(waits[0].0, EpochState::Drained);
    assert_eq!(scene.pages(1).await.len(), 1, "the others are turned");
    assert!(!scene.backend_key_is_gone(1).await);
}

#[tokio::test]
async fn a_page_that_was_given_up_needs_no_key() {
    let scene = Scene::new().await;
    scene.bench.clock.advance(WEEK);
    let copies = scene.bench.another_with(|ports| ports.copies = Arc::new(FakeCopies::failing()));
    step(&copies.turn).await;
    // As if its opener had been cut off, and the turn after the key and before the row.
    scene.empty_page(1).await;
    scene.bench.backend.destroy(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    assert_eq!(step(&scene.bench.service.turn).await, ended());
    scene.assert_standing(&scene.bench.service).await;
}

#[tokio::test]
async fn of_two_that_turn_a_page_one_does() {
    let scene = Scene::new().await;
    let copies = scene.bench.another_with(|ports| ports.copies = Arc::new(FakeCopies::failing()));
    let page = scene.pages(1).await.into_iter().find(|page| page.dirty).unwrap().page;
    copies.epochs.begin_next(&tenant()).await.unwrap();
    let (one, two) = (scene.bench.another(), scene.bench.another());
    let course = crate::pages::Course::new(KeyEpoch(1), KeyEpoch(2));
    let tenant = tenant();
    let (one, two) =
        tokio::join!(one.pages.turn(&tenant, page, &course), two.pages.turn(&tenant, page, &course));
    let mut outcomes = [one.unwrap(), two.unwrap()];
    outcomes.sort_by_key(|turned| *turned == Turned::Before);
    assert_eq!(outcomes, [Turned::Now(2), Turned::Before]);
}

#[tokio::test]
async fn an_epoch_waits_for_one_before_it_that_is_drained() {
    let scene = Scene::new().await;
    let copies = scene.bench.another_with(|ports| ports.copies = Arc::new(FakeCopies::failing()));
    copies.turn.begin(&tenant()).await.unwrap();
    copies.turn.begin(&tenant()).await.unwrap();
    let waits = step(&copies.turn).await;
    assert!(matches!(waits[0], (EpochState::Drained, Some(Wait::Copies(_)))), "{waits:?}");
    assert_eq!(waits[1], (EpochState::Drained, Some(Wait::Before(KeyEpoch(1)))));
    let states: Vec<_> = step(&scene.bench.service.turn).await.into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, [EpochState::Destroyed, EpochState::Destroyed, EpochState::Active]);
    scene.assert_standing(&scene.bench.service).await;
}

#[tokio::test]
async fn whoever_asks_again_while_a_turn_is_under_way_begins_no_other() {
    let scene = Scene::new().await;
    let (epochs, turn) = (&scene.bench.service.epochs, &scene.bench.service.turn);
    let instance = InstanceId::new();
    epochs.give(&tenant(), Some(instance)).await.unwrap();
    assert_eq!(turn.ask(&tenant()).await.unwrap().held_back, None);
    scene.bench.clock.advance(Duration::from_secs(59));
    let asked = turn.ask(&tenant()).await.unwrap();
    let words = asked.held_back.map(|why| why.to_string());
    let expected = "epoch 2 began 59 s ago and goes on: epoch 1 before it is not destroyed yet";
    assert_eq!((asked.epochs.len(), words.as_deref()), (2, Some(expected)));

    epochs.leave(&tenant(), instance, KeyEpoch(1)).await.unwrap();
    let asked = turn.ask(&tenant()).await.unwrap();
    assert_eq!((asked.epochs.len(), asked.epochs[0].state), (2, EpochState::Destroyed), "the turn went on");
    let asked = turn.ask(&tenant()).await.unwrap();
    assert_eq!((asked.epochs.len(), asked.held_back), (3, None), "nothing is under way");
    scene.assert_standing(&scene.bench.service).await;
}

#[tokio::test]
async fn an_active_epoch_that_is_old_enough_is_ended_though_one_before_it_is_held_up() {
    let scene = Scene::new().await;
    let (epochs, turn) = (&scene.bench.service.epochs, &scene.bench.service.turn);
    epochs.give(&tenant(), Some(InstanceId::new())).await.unwrap();
    turn.ask(&tenant()).await.unwrap();
    scene.bench.clock.advance(Duration::from_secs(60));
    let asked = turn.ask(&tenant()).await.unwrap();
    assert_eq!((asked.epochs.len(), asked.held_back), (3, None));
}

#[tokio::test]
async fn an_epoch_waits_for_one_before_it_that_is_closing() {
    let scene = Scene::new().await;
    let (epochs, turn) = (&scene.bench.service.epochs, &scene.bench.service.turn);
    let (instance, since) = (InstanceId::new(), scene.bench.clock.now());
    epochs.give(&tenant(), Some(instance)).await.unwrap();
    epochs.begin_next(&tenant()).await.unwrap();
    epochs.begin_next(&tenant()).await.unwrap();
    for _ in 0..2 {
        let waits = step(turn).await;
        assert_eq!(waits[0], (EpochState::Closing, Some(Wait::Held(Holder { instance, since }))));
        assert_eq!(waits[1], (EpochState::Drained, Some(Wait::Before(KeyEpoch(1)))));
    }
    assert!(!scene.backend_key_is_gone(2).await && scene.journalled().await.is_empty());
    epochs.leave(&tenant(), instance, KeyEpoch(1)).await.unwrap();
    let states: Vec<_> = step(turn).await.into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, [EpochState::Destroyed, EpochState::Destroyed, EpochState::Active]);
    assert_eq!(scene.journalled().await, [KeyEpoch(1), KeyEpoch(2)]);
    scene.assert_standing(&scene.bench.service).await;
}

#[tokio::test]
async fn what_is_held_up_is_shown_and_told_when_it_is_for_long() {
    let scene = Scene::new().await;
    let (epochs, turn) = (&scene.bench.service.epochs, &scene.bench.service.turn);
    let gauge = Metrics::new().gauge(&EPOCH_HELD, &[]);
    let instance = InstanceId::new();
    epochs.give(&tenant(), Some(instance)).await.unwrap();
    scene.bench.clock.advance(WEEK + Duration::from_secs(90));
    turn.round(&gauge).await;
    assert_eq!(gauge.value(), 90);
    let warnings = async || turn.report(&tenant(), Look::Tables).await.unwrap().warnings;
    let disk = "one disk holds the keys: set storage.key_copies";
    assert_eq!(warnings().await, [disk]);
    scene.bench.clock.advance(WEEK);
    turn.round(&gauge).await;
    assert_eq!(gauge.value(), 90 + i64::try_from(WEEK.as_secs()).unwrap());
    let told = warnings().await;
    assert!(told[0].starts_with(&format!("epoch 1 is held up: instance {instance}")), "{told:?}");
    assert_eq!(told[1..], [disk]);
    epochs.leave(&tenant(), instance, KeyEpoch(1)).await.unwrap();
    turn.round(&gauge).await;
    assert_eq!(gauge.value(), 0);
}

#[tokio::test]
async fn what_holds_an_epoch_up_is_told_in_words() {
    let page = PageId::from_bytes([1; 16]);
    let cases = [
        (Wait::Unread { reader: "archive", topic: "t", records: 3 }, "archive has not passed 3 records of t"),
        (Wait::Page { page, problem: "bad".to_owned() }, &format!("page {page}: bad")),
        (Wait::Late, "a page is still to be turned"),
        (Wait::Before(KeyEpoch(3)), "epoch 3 before it is not destroyed"),
        (Wait::Rings(Duration::from_secs(7)), "other processes may have its keys open for 7 s"),
        (Wait::Copies("full".to_owned()), "copies: full"),
        (Wait::Failed("gone".to_owned()), "it cannot be taken further: gone"),
    ];
    for (wait, words) in cases {
        assert_eq!(wait.to_string(), words);
    }
}
