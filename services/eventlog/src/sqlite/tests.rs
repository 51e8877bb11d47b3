use kernel::topics::Retention;
use kernel::{ManualClock, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::contract::Harness;

struct File {
    dir: TempDir,
    clock: ManualClock,
    // Only the bell tells of new records, unless a test is about other processes.
    foreign_check: Duration,
    max_bytes: Option<u64>,
}

const NEVER: Duration = Duration::from_secs(3_600);

impl File {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp(1));
        Self { dir: TempDir::new().unwrap(), clock, foreign_check: NEVER, max_bytes: None }
    }

    async fn log(&self, session_timeout: Duration) -> SqliteLog {
        let (foreign_check, max_bytes) = (self.foreign_check, self.max_bytes);
        let options = SqliteLogOptions { session_timeout, foreign_check, max_bytes };
        SqliteLog::open(&self.dir.path().join("log.db"), Arc::new(self.clock.clone()), options).await.unwrap()
    }
}

#[async_trait]
impl Harness for File {
    async fn open(&self, session_timeout: Duration) -> Arc<dyn EventLog> {
        Arc::new(self.log(session_timeout).await)
    }
}

crate::contract_suite!(contract, File::new());

const TOPIC: Topic = Topic { name: "sqlite.test.v1", partitions: 2, retention: Retention::UntilDeleted };

async fn poll(consumer: &mut Box<dyn Consumer>) -> crate::log::Polled {
    consumer.poll(ReadLimit::default(), Duration::from_millis(20)).await.unwrap()
}

/// Polls the one until it holds so many partitions.
async fn poll_until_it_has(consumer: &mut Box<dyn Consumer>, partitions: usize) {
    let patience = Instant::now() + Duration::from_secs(60);
    while consumer.assignment().len() != partitions {
        assert!(Instant::now() < patience, "it has {:?}", consumer.assignment());
        poll(consumer).await;
    }
}

#[tokio::test]
async fn an_answered_append_is_logged_where_this_is_the_only_log() {
    assert!(File::new().log(NEVER).await.durability(&TOPIC).await.unwrap().is_logged());
}

#[tokio::test]
async fn two_processes_append_to_one_file_and_wake_each_other() {
    let file = File { foreign_check: Duration::from_millis(10), ..File::new() };
    let (one, two) = (file.log(NEVER).await, file.log(NEVER).await);
    let mut consumer = two.consumer("group", &[TOPIC]).await.unwrap();
    poll_until_it_has(&mut consumer, 2).await;
    for n in 0..10_u64 {
        let placed = one.append(&TOPIC, vec![Record::new("k", "v")]).await.unwrap();
        let found =
            tokio::time::timeout(NEVER, consumer.poll(ReadLimit::default(), NEVER)).await.unwrap().unwrap();
        assert_eq!((placed[0].offset, found.batches[0].records[0].offset), (2 * n, 2 * n));
        two.append(&TOPIC, vec![Record::new("k", "v")]).await.unwrap();
        assert_eq!(poll(&mut consumer).await.batches[0].records[0].offset, 2 * n + 1);
    }
}

#[tokio::test]
async fn a_process_that_ended_is_taken_over_without_waiting_for_its_timeout() {
    let file = File::new();
    // Its rows stay behind, as after a kill: the consumer neither leaves nor is this process's own.
    let ended = file.log(NEVER).await;
    let mut going = ended.consumer("group", &[TOPIC]).await.unwrap();
    poll_until_it_has(&mut going, 2).await;
    let staying = file.log(NEVER).await;
    let mut successor = staying.consumer("group", &[TOPIC]).await.unwrap();
    poll(&mut successor).await;
    assert_eq!(successor.assignment(), [], "the first one lives and has all");
    drop((going, ended));

    let mut next = file.log(NEVER).await.consumer("group", &[TOPIC]).await.unwrap();
    poll(&mut next).await;
    assert_eq!(next.assignment().len(), 1, "its share, of what the ended one had");
}

#[tokio::test]
async fn consumers_of_two_processes_share_and_fence_each_other() {
    let file = File { foreign_check: Duration::from_millis(10), ..File::new() };
    let (one, two) = (file.log(Duration::from_millis(200)).await, file.log(Duration::from_millis(200)).await);
    one.append(&TOPIC, vec![Record::new("k", "v")]).await.unwrap();
    let mut paused = one.consumer("group", &[TOPIC]).await.unwrap();
    poll_until_it_has(&mut paused, 2).await;
    let held = paused.assignment();
    let mut successor = two.consumer("group", &[TOPIC]).await.unwrap();
    poll_until_it_has(&mut successor, 2).await;
    for held in held {
        let fenced = paused.commit(held.at, held.next).await.unwrap_err();
        assert!(matches!(fenced, Error::Fenced { fence, .. } if fence == held.fence), "{fenced}");
    }
}

#[tokio::test]
async fn records_go_when_their_topics_retention_has_passed_even_if_nobody_appends() {
    let file = File::new();
    let log = file.log(NEVER).await;
    let topic = kernel::topics::CONSENT;
    let Retention::For(kept) = topic.retention else { panic!("consent events expire") };
    let placed = log.append(&topic, vec![Record::new("a", "1")]).await.unwrap()[0];
    file.clock.advance(kept - Duration::from_micros(1));
    let placed_later = log.append(&topic, vec![Record::new("a", "2")]).await.unwrap()[0];
    assert_eq!(placed_later.partition, placed.partition);
    assert_eq!(log.ends(&topic).await.unwrap()[placed.partition as usize].low, 0);

    file.clock.advance(Duration::from_micros(1));
    let mut consumer = log.consumer("group", &[topic]).await.unwrap();
    let found = consumer.poll(ReadLimit::default(), Duration::ZERO).await.unwrap();
    assert_eq!(found.batches[0].records[0].offset, 1);
    assert_eq!(log.ends(&topic).await.unwrap()[placed.partition as usize].low, 1);
}

#[tokio::test]
async fn a_full_log_refuses_appends_serves_readers_and_recovers_by_deletion() {
    let file = File { max_bytes: Some(512 << 10), ..File::new() };
    let log = file.log(NEVER).await;
    let large = || vec![Record::new("k", vec![7; 64 << 10])];
    let mut appended = 0;
    let full = loop {
        match log.append(&TOPIC, large()).await {
            Ok(placed) => appended = placed[0].offset + 1,
            Err(error) => break error,
        }
        assert!(appended < 100, "the bound does not hold");
    };
    assert!(matches!(full, Error::Full(_)), "{full:?}");
    let partition = crate::record::partition_of(b"k", 2);
    let found = log.read(&TOPIC, partition, 0, ReadLimit::default()).await.unwrap();
    assert_eq!(found.len() as u64, appended, "all that was answered is there, and no more");

    log.delete_before(&TOPIC, partition, appended).await.unwrap();
    assert_eq!(log.append(&TOPIC, large()).await.unwrap()[0].offset, appended);
}

#[tokio::test]
async fn damaged_rows_are_an_error_and_not_a_panic() {
    let file = File::new();
    let log = file.log(NEVER).await;
    log.append(&TOPIC, vec![Record::new("k", "v")]).await.unwrap();
    let partition = crate::record::partition_of(b"k", 2);
    for damage in ["headers = x'05'", "headers = x'01ff0000'", "headers = x'000500'"] {
        let update = format!("UPDATE record SET {damage}");
        log.0.db.write(move |tx| Ok::<_, Error>(tx.execute_batch(&update)?)).await.unwrap();
        let read = log.read(&TOPIC, partition, 0, ReadLimit::default()).await;
        assert!(matches!(read, Err(Error::Damaged(_))), "{damage}: {read:?}");
    }
}

/// Run by the next test in a process of its own, which it kills.
#[tokio::test]
#[ignore = "appends until it is killed: `what_was_answered_survives_a_kill` runs it"]
async fn in_a_process_that_is_killed() {
    let path = std::env::var_os("EVENTLOG_TEST_FILE").expect("its parent names a file");
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let log = SqliteLog::open(Path::new(&path), clock, SqliteLogOptions::default()).await.unwrap();
    loop {
        let records = (0..3).map(|n| Record::new("k", vec![n; 5_000])).collect();
        let placed = log.append(&TOPIC, records).await.unwrap();
        println!("answered {}", placed[2].offset);
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    use std::io::{BufRead, BufReader};
    let file = File::new();
    let mut answered = None;
    for round in 0..5 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::in_a_process_that_is_killed", "--ignored", "--nocapture"])
            .env("EVENTLOG_TEST_FILE", file.dir.path().join("log.db"))
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut offsets =
            lines.by_ref().filter_map(|line| line.strip_prefix("answered ")?.parse::<u64>().ok());
        answered = offsets.nth(round * 3).or(answered);
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died was answered too.
        answered = offsets.last().or(answered);

        let log = file.log(NEVER).await;
        let partition = crate::record::partition_of(b"k", 2);
        let high = log.ends(&TOPIC).await.unwrap()[partition as usize].high;
        assert!(high > answered.unwrap() && high % 3 == 0, "{high} after {answered:?}: whole appends only");
        let mut next = 0;
        while next < high {
            let found = log.read(&TOPIC, partition, next, ReadLimit::default()).await.unwrap();
            for record in &found {
                assert_eq!(record.offset, next);
                assert_eq!(record.value, vec![u8::try_from(next % 3).unwrap(); 5_000]);
                next += 1;
            }
        }
    }
}
