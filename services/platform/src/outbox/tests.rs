//! What stands in an outbox reaches its topic, whatever fails on the way.

use std::sync::Arc;
use std::time::Duration;

use eventlog::ReadLimit;
use kernel::topics::{AUDIT, CONSENT};
use kernel::{Principal, PrincipalKind, SubjectId};

use super::*;
use crate::drain::{Stopper, Tasks, shutdown};
use crate::stand::{FlakyLog, MemoryOutbox, Root, clock, eventually, tenant};

struct Stand {
    outbox: MemoryOutbox,
    log: FlakyLog,
    metrics: Metrics,
    stopper: Stopper,
    tasks: Tasks,
}

async fn stand(config: Config) -> Stand {
    let (clock, metrics, outbox) = (clock(), Metrics::new(), MemoryOutbox::default());
    let log = FlakyLog::new(clock.clone());
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let (producer, task) = AuditProducer::new(
        Root::new().instance().await,
        Arc::new(log.clone()),
        clock.clone(),
        &metrics,
        &crate::audit::Config::default(),
    );
    tasks.start(task);
    let publisher = OutboxPublisher {
        store: Arc::new(outbox.clone()),
        bell: outbox.bell.clone(),
        log: Arc::new(log.clone()),
        producer,
        clock,
        role: "consent",
        config,
    };
    tasks.start(publisher.into_task(metrics.clone()));
    Stand { outbox, log, metrics, stopper, tasks }
}

impl Stand {
    async fn published(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for partition in 0..CONSENT.partitions {
            let stored = self.log.read(&CONSENT, partition, 0, ReadLimit::default()).await.unwrap();
            ids.extend(
                stored.iter().map(|r| String::from_utf8(r.header("ce_id").unwrap().to_vec()).unwrap()),
            );
        }
        ids
    }
    async fn sent_all(&self) {
        eventually("the outbox is empty", async || self.outbox.rows().is_empty().then_some(())).await;
    }
}

fn event(aggregate: &str, version: u64) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: "verbale.consent.given".to_owned(),
        tenant: tenant("banca-alfa"),
        aggregate: aggregate.to_owned(),
        version,
        at: clock().now(),
        trace: None,
        payload: vec![1, 2, 3],
    }
}

fn entry() -> Envelope {
    let actor = Principal {
        id: "service/consent".to_owned(),
        kind: PrincipalKind::Service,
        roles: Default::default(),
        tenants: Default::default(),
    };
    AuditEntry::new("call.authorised", &actor, Some(&tenant("banca-alfa")), clock().now()).into_envelope(None)
}

#[tokio::test]
async fn a_ring_is_enough_and_order_is_kept() {
    let stand = stand(Config { batch: 7, sweep: Period::secs(3_600) }).await;
    let subject = SubjectId::new().to_string();
    let events: Vec<_> = (0..50).map(|version| event(&subject, version)).collect();
    for event in &events {
        stand.outbox.put(CONSENT, event.clone());
    }
    stand.sent_all().await;
    assert_eq!(stand.published().await, events.iter().map(|e| e.id.to_string()).collect::<Vec<_>>());
    let counted = stand.metrics.counter(&names::OUTBOX_PUBLISHED, &["consent"]);
    assert_eq!(counted.value(), 50);
}

#[tokio::test]
async fn audit_entries_get_their_numbers_on_the_way() {
    let stand = stand(Config::default()).await;
    stand.outbox.put(AUDIT, entry());
    stand.outbox.put(CONSENT, event("a", 1));
    stand.sent_all().await;
    let entries = stand.log.entries().await;
    let entry = entries[0].entry.as_ref().unwrap();
    assert_eq!((entries.len(), entry.producer_number, entry.producer.len()), (1, 1, 16));
    assert_eq!(stand.published().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_the_log_is_away_is_sent_when_it_is_back_and_its_age_is_told() {
    let stand = stand(Config::default()).await;
    stand.log.go();
    let mut late = event("a", 1);
    late.at = Timestamp(late.at.0 - 90_000_000);
    stand.outbox.put(CONSENT, late);
    let age = stand.metrics.gauge(&names::OUTBOX_AGE, &["consent"]);
    eventually("the age is told", async || (age.value() == 90).then_some(())).await;
    assert_eq!(stand.published().await.len(), 0);
    stand.log.come_back();
    stand.sent_all().await;
    assert_eq!(stand.published().await.len(), 1);
    eventually("nothing waits", async || (age.value() == 0).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_publishing_and_marking_sends_the_same_event_again() {
    let stand = stand(Config::default()).await;
    stand.outbox.forget_marks(true);
    let event = event("a", 1);
    stand.outbox.put(CONSENT, event.clone());
    eventually("it is sent twice", async || (stand.published().await.len() >= 2).then_some(())).await;
    stand.outbox.forget_marks(false);
    stand.sent_all().await;
    assert!(stand.published().await.iter().all(|id| *id == event.id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_cannot_be_read_does_not_hold_up_the_others() {
    let stand = stand(Config::default()).await;
    stand.outbox.put(AUDIT, Envelope { payload: vec![0xff; 9], ..entry() });
    stand.outbox.put(AUDIT, entry());
    stand.sent_all().await;
    assert_eq!(stand.log.entries().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_outbox_when_the_process_stops_is_still_sent() {
    let mut stand = stand(Config { batch: 2, sweep: Period::secs(3_600) }).await;
    stand.outbox.go();
    for version in 0..9 {
        stand.outbox.put(CONSENT, event("a", version));
    }
    stand.outbox.come_back();
    assert_eq!(stand.tasks.stop(&stand.stopper, Duration::from_secs(60)).await, 0);
    assert_eq!(stand.published().await.len(), 9);
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("batch", |config| config.batch = 0),
        ("batch", |config| config.batch = 10_001),
        ("sweep", |config| config.sweep = Period::secs(0)),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}
