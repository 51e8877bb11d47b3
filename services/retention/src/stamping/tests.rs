//! The consumer, on a log in memory.

use eventlog::{MemoryLog, Record, to_record};
use kernel::{Clock, Envelope, EventId, RecordingId};
use platform::Task;
use platform::drain::{Stopper, Tasks, shutdown};
use proto::archive::v1::{RecordingAddended, RecordingNotRecorded};

use super::*;
use crate::store::Store;
use crate::testing::{Bench, eventually, key, sealed, tenant};

struct Stand {
    bench: Bench,
    log: Arc<dyn EventLog>,
    tasks: Tasks,
    stopper: Stopper,
}

impl Stand {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(Arc::new(bench.clock.clone())));
        let (stopper, shutdown) = shutdown();
        let mut tasks = Tasks::new(shutdown);
        let (consumed, service) = (Arc::clone(&log), Arc::clone(&bench.service));
        tasks.start(Task::new("retention-stamps", move |shutdown| run(consumed, service, shutdown)));
        Self { bench, log, tasks, stopper }
    }

    async fn say(&self, records: Vec<Record>) {
        self.log.append(&RECORDINGS, records).await.unwrap();
    }

    async fn until_taken(&self) {
        eventually("everything is taken", async || {
            let lag = self.log.lag(GROUP, &RECORDINGS).await.unwrap();
            lag.iter().all(|behind| *behind == 0).then_some(())
        })
        .await;
    }

    async fn end(mut self) {
        assert_eq!(self.tasks.stop(&self.stopper, Duration::from_secs(10)).await, 0);
    }
}

fn record(id: RecordingId, event: Option<Event>) -> Record {
    let envelope = Envelope {
        id: EventId::new(),
        kind: "verbale.recording.sealed".to_owned(),
        tenant: tenant(),
        aggregate: id.to_string(),
        version: 1,
        at: crate::testing::START,
        trace: None,
        payload: RecordingEvent { event }.encode_to_vec(),
    };
    to_record(&envelope, "/verbale/archive")
}

fn of(id: RecordingId) -> Record {
    record(id, Some(Event::Sealed(sealed(id, &["quality"], &[]))))
}

#[tokio::test]
async fn what_is_sealed_is_stamped_and_passed() {
    let stand = Stand::new().await;
    let ids: Vec<_> = (0..100).map(|_| RecordingId::new()).collect();
    let all: Vec<_> = ids.iter().map(|id| of(*id)).collect();
    stand.say(all.clone()).await;
    stand.until_taken().await;
    for id in &ids {
        assert_eq!(stand.bench.kept(*id).await.version, 1);
    }
    stand.say(all).await;
    stand.until_taken().await;
    assert_eq!(stand.bench.traces().await.2, 100, "each is told of once");
    assert_eq!(stand.bench.service.skipped(), 0);
    stand.end().await;
}

#[tokio::test]
async fn what_was_not_recorded_or_addended_is_nothing_to_stamp() {
    let stand = Stand::new().await;
    let (refused, addended) = (RecordingId::new(), RecordingId::new());
    stand
        .say(vec![
            record(refused, Some(Event::NotRecorded(RecordingNotRecorded::default()))),
            record(addended, Some(Event::Addended(RecordingAddended::default()))),
        ])
        .await;
    stand.until_taken().await;
    for id in [refused, addended] {
        assert_eq!(stand.bench.store.kept(&key(id)).await.unwrap(), None);
    }
    assert_eq!(stand.bench.service.skipped(), 0);
    stand.end().await;
}

#[tokio::test]
async fn garbage_is_counted_and_holds_up_nobody() {
    let stand = Stand::new().await;
    let (id, other) = (RecordingId::new(), RecordingId::new());
    let spoilt = |spoil: fn(&mut RecordingSealed)| {
        let mut event = sealed(other, &["quality"], &[]);
        spoil(&mut event);
        record(other, Some(Event::Sealed(event)))
    };
    let garbage = vec![
        Record::new(b"no headers".to_vec(), b"nor an event".to_vec()),
        Record { value: vec![0xff; 40].into(), ..of(other) },
        spoilt(|event| event.recording_id = vec![7; 16]),
        spoilt(|event| event.recording_id.clear()),
        spoilt(|event| event.policy_hash.clear()),
        spoilt(|event| event.parties = vec![vec![1; 3]]),
    ];
    let count = garbage.len() as u64;
    stand.say(garbage).await;
    stand.say(vec![of(id)]).await;
    stand.until_taken().await;
    assert_eq!(stand.bench.kept(id).await.version, 1);
    assert_eq!(stand.bench.store.kept(&key(other)).await.unwrap(), None);
    assert_eq!(stand.bench.service.skipped(), count);
    stand.end().await;
}

#[tokio::test]
async fn what_cannot_be_stamped_now_is_not_passed_and_comes_again() {
    const LATE: &str = "tenant: banca-alfa\njurisdiction: IT\npurposes:\n  quality: { basis: contract, from: start, until: end, retention: P7D }\n";
    let stand = Stand::new().await;
    let id = RecordingId::new();
    let mut event = sealed(id, &["quality"], &[]);
    event.policy_hash = crate::testing::parsed(LATE).hash().as_bytes().to_vec();
    stand.say(vec![record(id, Some(Event::Sealed(event)))]).await;
    // Asked for again: the turn in which it failed first is over.
    eventually("it comes again", async || (stand.bench.policies.missed() > 1).then_some(())).await;
    assert_eq!(stand.bench.store.kept(&key(id)).await.unwrap(), None);
    let lag = stand.log.lag(GROUP, &RECORDINGS).await.unwrap();
    assert_eq!(lag.iter().sum::<u64>(), 1, "the offset waits");
    stand.bench.policies.come(LATE);
    stand.until_taken().await;
    assert_eq!(stand.bench.kept(id).await.version, 1);
    assert!(stand.bench.kept(id).await.due() > Some(stand.bench.clock.now()));
    stand.end().await;
}
