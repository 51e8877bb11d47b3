//! Entries are numbered without gaps, wait for the log, and are vouched for by heartbeats.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Principal, PrincipalKind, RecordingId};
use prost::Message;
use proto::audit::v1::audit_event::Event;
use proto::audit::v1::{EntryWritten, Heartbeat};
use seal::{SignedDocument, TrustRoots};

use super::*;
use crate::config::Period;
use crate::drain::{Stopper, Tasks, shutdown};
use crate::stand::{FlakyLog, Root, clock, eventually, tenant};
use crate::telemetry::Metrics;

struct Stand {
    producer: AuditProducer,
    log: FlakyLog,
    root: Root,
    stopper: Stopper,
    tasks: Tasks,
}

async fn stand(config: Config) -> Stand {
    let (clock, root) = (clock(), Root::new());
    let log = FlakyLog::new(clock.clone());
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let (producer, task) =
        AuditProducer::new(root.instance().await, Arc::new(log.clone()), clock, &Metrics::new(), &config);
    tasks.start(task);
    Stand { producer, log, root, stopper, tasks }
}

fn entry() -> AuditEntry {
    let actor = Principal {
        id: "anna".to_owned(),
        kind: PrincipalKind::Person,
        roles: Default::default(),
        tenants: Default::default(),
    };
    let mut entry = AuditEntry::new("recording.read", &actor, Some(&tenant("banca-alfa")), clock().now());
    entry.objects.push(format!("recording/{}", RecordingId::new()));
    entry.facts.insert("frames".to_owned(), "7".to_owned());
    entry
}

fn numbers(events: &[proto::audit::v1::AuditEvent]) -> Vec<u64> {
    let entries = events.iter().filter_map(|event| match &event.event {
        Some(Event::EntryWritten(EntryWritten { entry: Some(entry), .. })) => Some(entry.producer_number),
        _ => None,
    });
    entries.collect()
}

fn last_beat(events: &[proto::audit::v1::AuditEvent]) -> Option<&Heartbeat> {
    events.iter().rev().find_map(|event| match &event.event {
        Some(Event::Heartbeat(beat)) => Some(beat),
        _ => None,
    })
}

#[test]
fn an_entry_reads_back_from_its_event() {
    let mut entry = entry();
    entry.purpose = Some(kernel::PurposeName::new("quality").unwrap());
    entry.reason = Some(ReasonRecord {
        commitment: [7; 32],
        sealed: SealedReason { key_epoch: 3, enc: vec![1; 32], ciphertext: vec![2; 40] },
    });
    let envelope = entry.clone().into_envelope(None);
    assert_eq!(AuditEntry::decode(&envelope.payload).unwrap(), entry);
    assert_eq!((envelope.id, envelope.aggregate), (entry.id, entry.key()));
}

#[test]
fn bytes_that_are_no_entry_are_refused() {
    let whole = entry().into_envelope(None).payload;
    for cut in 0..whole.len() {
        assert!(AuditEntry::decode(&whole[..cut]).is_err(), "cut at {cut}");
    }
}

#[tokio::test]
async fn numbers_are_dense_in_each_partition() {
    let stand = stand(Config::default()).await;
    let entries = (0..100).map(|_| (entry(), None)).collect();
    stand.producer.record_all(entries).await.unwrap();
    let partitions = stand.log.audit_events().await;
    let counts: Vec<_> = partitions.iter().map(|events| numbers(events)).collect();
    assert_eq!(counts.iter().map(Vec::len).sum::<usize>(), 100);
    for counted in counts {
        assert!(counted.len() > 5, "the keys spread over partitions");
        assert_eq!(counted, (1..=counted.len() as u64).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_the_log_did_not_take_is_told_and_written_later_in_its_place() {
    let stand = stand(Config::default()).await;
    stand.log.go();
    let refused = stand.producer.record(entry(), None).await;
    assert!(matches!(refused, Err(AuditError::TimedOut { .. })), "{refused:?}");
    stand.log.come_back();
    stand.producer.record(entry(), None).await.unwrap();
    assert_eq!(stand.log.entries().await.len(), 2);
    for events in stand.log.audit_events().await {
        let counted = numbers(&events);
        assert_eq!(counted, (1..=counted.len() as u64).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_entries_wait_than_the_queue_holds() {
    let stand = stand(Config { queue: 3, batch: 1, ..Config::default() }).await;
    stand.log.go();
    let waiting = (0..10).map(|_| stand.producer.record(entry(), None));
    let refused = futures::future::join_all(waiting).await;
    assert!(refused.iter().any(|r| matches!(r, Err(AuditError::Full { .. }))), "{refused:?}");
    assert!(refused.iter().all(Result::is_err));
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused_before_it_is_numbered() {
    let stand = stand(Config::default()).await;
    let mut large = entry();
    large.facts.insert("x".to_owned(), "y".repeat(600 << 10));
    assert!(matches!(stand.producer.record(large, None).await, Err(AuditError::TooLarge { .. })));
    stand.producer.record(entry(), None).await.unwrap();
    assert_eq!(stand.log.entries().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_partition_hears_signed_heartbeats_and_a_last_one() {
    let mut stand = stand(Config { heartbeat: Period::secs(10), ..Config::default() }).await;
    stand.producer.record(entry(), None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = stand.log.audit_events().await;
    assert_eq!(stand.tasks.stop(&stand.stopper, Duration::from_secs(60)).await, 0);
    let roots = TrustRoots::from_iter([stand.root.key.verifying_key()]);
    for (partition, (before, after)) in before.iter().zip(stand.log.audit_events().await).enumerate() {
        let (beat, last) = (last_beat(before).unwrap(), last_beat(&after).unwrap());
        assert!(!beat.closing && last.closing);
        assert_eq!(last.partition as usize, partition);
        assert_eq!(last.produced, numbers(&after).len() as u64);
        let document = SignedDocument::decode(&last.signed).unwrap();
        let verified = document.verify(&roots, HEARTBEAT_DOCUMENT, "test", &deployment()).unwrap();
        let unsigned = Heartbeat { signed: Vec::new(), ..last.clone() };
        assert_eq!(verified.payload, unsigned.encode_to_vec());
    }
}

#[tokio::test]
async fn what_is_queued_when_the_process_closes_is_still_written() {
    let mut stand = stand(Config::default()).await;
    stand.log.go();
    let producer = stand.producer.clone();
    let recorded = async { producer.record(entry(), None).await };
    let log = stand.log.clone();
    let stopped = async {
        eventually("the entry is taken up", async || (producer.queued() == 0).then_some(())).await;
        log.come_back();
        stand.tasks.stop(&stand.stopper, Duration::from_secs(20)).await
    };
    let (recorded, stopped) = tokio::join!(recorded, stopped);
    recorded.unwrap();
    assert_eq!(stopped, 0);
    let closed = stand.producer.record(entry(), None).await;
    assert!(matches!(closed, Err(AuditError::Closed { .. })), "{closed:?}");
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("heartbeat", |config| config.heartbeat = Period::secs(0)),
        ("wait", |config| config.wait = Period::secs(0)),
        ("queue", |config| config.queue = 0),
        ("queue", |config| config.queue = usize::MAX),
        ("late", |config| config.late = 0),
        ("late", |config| config.late = usize::MAX),
        ("batch", |config| config.batch = 0),
        ("batch", |config| config.batch = 10_001),
        ("batch_size", |config| config.batch_size = ByteSize(0)),
        ("batch_size", |config| config.batch_size = ByteSize::mib(8)),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}
