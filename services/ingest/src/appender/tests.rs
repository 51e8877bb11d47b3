use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use eventlog::{Consumer, Ends, MemoryLog, Placed, ReadLimit, Stored};
use kernel::topics::Topic;
use kernel::{Clock, ManualClock, Timestamp};
use platform::drain::{Stage, shutdown};
use platform::telemetry::Metrics;
use tokio::task::JoinSet;

use super::*;

/// Counts appends.
struct CountingLog {
    inner: MemoryLog,
    appends: AtomicUsize,
}

#[async_trait]
impl EventLog for CountingLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, eventlog::Error> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.inner.append(topic, records).await
    }
    async fn durability(&self, topic: &Topic) -> Result<Durability, eventlog::Error> {
        self.inner.durability(topic).await
    }
    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, eventlog::Error> {
        self.inner.read(topic, partition, from, limit).await
    }
    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, eventlog::Error> {
        self.inner.ends(topic).await
    }
    async fn delete_before(&self, topic: &Topic, partition: u32, at: u64) -> Result<(), eventlog::Error> {
        self.inner.delete_before(topic, partition, at).await
    }
    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, eventlog::Error> {
        self.inner.committed(group, topic).await
    }
    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, eventlog::Error> {
        self.inner.consumer(group, topics).await
    }
}

const WAITS: Waits = Waits { gather: Duration::from_millis(10), patience: Duration::from_secs(1) };

/// Asks for all these appends before the writer begins, and answers what became of each.
async fn all_at_once(
    requests: Vec<Vec<Record>>,
) -> (Vec<Result<Appended, Refused>>, Arc<CountingLog>, Metrics) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(5)));
    let inner = MemoryLog::new(Arc::clone(&clock));
    let log = Arc::new(CountingLog { inner, appends: AtomicUsize::new(0) });
    let metrics = Metrics::new();
    let gauges = Arc::new(Gauges::new(clock, &metrics));
    let (appender, writer) = appender(log.clone(), None, gauges, WAITS);
    let (stopper, shutdown) = shutdown();
    let mut tasks = JoinSet::new();
    let asked = requests.into_iter().map(|records| appender.append(records, Vec::new()));
    let mut asked: Vec<_> = asked.map(Box::pin).collect();
    for one in &mut asked {
        // Far enough to be among those that wait.
        assert!(futures::poll!(one).is_pending());
    }
    tasks.spawn(writer.run(shutdown));
    let done = futures::future::join_all(asked).await;
    stopper.advance(Stage::Flushing);
    tasks.join_all().await;
    (done, log, metrics)
}

/// Records, bytes and appends, as they are shown.
fn counted(metrics: &Metrics) -> [u64; 3] {
    [LOGGED_RECORDS, LOGGED_BYTES, LOG_APPENDS].map(|metric| metrics.counter(&metric, &[]).value())
}

fn record(key: &str, value: u8) -> Record {
    Record::new(key.as_bytes(), vec![value; 100])
}

#[tokio::test]
async fn what_waits_goes_out_in_one_append_and_every_recording_keeps_its_order() {
    let key = |stream: u8| format!("recording-{stream}");
    let requests = (0..100u8).map(|stream| (0..3).map(|n| record(&key(stream), n)).collect()).collect();
    let (done, log, metrics) = all_at_once(requests).await;
    assert!(done.iter().all(|done| matches!(done, Ok(Appended::Logged))));
    assert_eq!(log.appends.load(Ordering::SeqCst), 1);
    // A key of eleven or twelve characters and a value of a hundred.
    assert_eq!(counted(&metrics), [300, 10 * 3 * 111 + 90 * 3 * 112, 1]);
    let mut found = std::collections::BTreeMap::<Vec<u8>, Vec<u8>>::new();
    for partition in 0..AUDIO.partitions {
        for stored in log.read(&AUDIO, partition, 0, ReadLimit::default()).await.unwrap() {
            found.entry(stored.key.clone()).or_default().push(stored.value[0]);
        }
    }
    assert_eq!(found.len(), 100);
    assert!(found.values().all(|values| values == &[0, 1, 2]));
}

#[tokio::test]
async fn a_recording_whose_records_are_refused_keeps_no_other_from_the_log() {
    let too_large = Record::new("bad".as_bytes(), vec![0; eventlog::bounds::MAX_RECORD + 1]);
    let requests = vec![vec![record("one", 1)], vec![too_large], vec![record("two", 2)]];
    let (done, _, metrics) = all_at_once(requests).await;
    assert!(matches!(done[0], Ok(Appended::Logged)) && matches!(done[2], Ok(Appended::Logged)));
    let Err((Error::Log(error), records)) = &done[1] else {
        panic!("{:?}", done[1].as_ref().err().is_some())
    };
    assert!(matches!(error, eventlog::Error::TooLarge { .. }));
    assert_eq!(records.len(), 1);
    // The two that got there, each by itself.
    assert_eq!(counted(&metrics), [2, 2 * 103, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_soon_after_an_append_gathers_and_what_comes_late_does_not_wait() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(5)));
    let inner = MemoryLog::new(Arc::clone(&clock));
    let log = Arc::new(CountingLog { inner, appends: AtomicUsize::new(0) });
    let gauges = Arc::new(Gauges::new(clock, &Metrics::new()));
    let (appender, writer) = appender(log.clone(), None, gauges, WAITS);
    let (stopper, shutdown) = shutdown();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run(shutdown));
    let began = tokio::time::Instant::now();
    // A call a millisecond, each with the next span when the last one is in the log.
    let calls = (0..8u8).map(async |call| {
        tokio::time::sleep(Duration::from_millis(call.into())).await;
        let asked = tokio::time::Instant::now();
        appender.append(vec![record("recording", call)], Vec::new()).await.ok().unwrap();
        (asked.duration_since(began).as_millis(), asked.elapsed().as_millis())
    });
    let waited = futures::future::join_all(calls).await;
    assert_eq!(waited[0], (0, 0), "the first waits for nobody");
    assert_eq!(waited[1..], (1..8).map(|at| (at, 10 - at)).collect::<Vec<_>>());
    assert_eq!(log.appends.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = tokio::time::Instant::now();
    appender.append(vec![record("recording", 9)], Vec::new()).await.ok().unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    stopper.advance(Stage::Flushing);
    tasks.join_all().await;
}

#[tokio::test]
async fn more_than_one_append_holds_is_several() {
    let large = |n: u8| vec![Record::new(format!("recording-{n}"), vec![n; 900 << 10])];
    let (done, log, _) = all_at_once((0..20).map(large).collect()).await;
    assert!(done.iter().all(Result::is_ok));
    // Five of 900 KiB pass the bound of a group.
    assert_eq!(log.appends.load(Ordering::SeqCst), 4);
}
