//! What an append survives, and what is said where there is nothing to append to.

use kernel::{Envelope, EventId, TenantId, Timestamp, TraceParent};
use rdkafka::admin::{AdminClient, NewTopic, TopicReplication};

use super::*;

async fn create(mesh: &Mesh, settings: &[(&str, &str)]) {
    let options = mesh.options();
    let admin: AdminClient<Quiet> = options.client().unwrap().create_with_context(Quiet).unwrap();
    let name = options.named(TOPIC.name);
    let new = NewTopic::new(&name, 2, TopicReplication::Fixed(1));
    let new = settings.iter().fold(new, |new, (key, value)| new.set(key, value));
    admin.create_topics([&new], &rdkafka::admin::AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

#[tokio::test]
async fn weak_durability_is_told_and_refused_unless_accepted() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(mesh.options());
    let told = log.durability(&TOPIC).await.unwrap();
    assert_eq!(told, Durability { replication: 1, min_in_sync: 1, only_log: false });
    assert!(!told.is_logged());
    let strict = mesh.log(KafkaOptions { accept_weak: false, ..mesh.options() });
    let refused = strict.append(&TOPIC, vec![Record::new("k", "v")]).await.unwrap_err();
    assert!(matches!(&refused, Error::Unsuited { .. }), "{refused}");
}

#[tokio::test]
async fn a_topic_made_by_others_that_would_expire_is_refused() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    create(&mesh, &[("retention.ms", "604800000")]).await;
    let refused = mesh.log(mesh.options()).ensure(&[TOPIC]).await.unwrap_err();
    assert!(matches!(&refused, Error::Unsuited { .. }), "{refused}");
}

#[tokio::test]
async fn more_replicas_than_brokers_are_an_error_in_words() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(KafkaOptions { replication: 100, ..mesh.options() });
    let refused = log.ensure(&[TOPIC]).await.unwrap_err();
    assert!(matches!(&refused, Error::Unsuited { .. }), "{refused}");
}

#[tokio::test]
async fn an_event_comes_back_with_its_trace_and_cloudevents_headers() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let sent = Envelope {
        id: EventId::new(),
        kind: "verbale.consent.granted".to_owned(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: "subject-\u{e9}".to_owned(),
        version: u64::MAX,
        at: Timestamp::parse("2026-03-01T09:30:00.000001Z").unwrap(),
        trace: TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        payload: vec![0, 1, 255],
    };
    let log = mesh.log(mesh.options());
    let placed = log.append(&TOPIC, vec![crate::to_record(&sent, "/verbale/test")]).await.unwrap()[0];
    let found = log.read(&TOPIC, placed.partition, placed.offset, ReadLimit::default()).await.unwrap();
    assert_eq!(crate::from_record(&found[0]).unwrap(), sent);
}

#[tokio::test]
async fn brokers_that_are_not_there_are_unavailable_within_the_time() {
    // Nothing listens on the port of a listener that was closed.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = KafkaOptions {
        request_timeout: Duration::from_millis(300),
        append_timeout: Duration::from_millis(300),
        ..KafkaOptions::at(&format!("kafka://{free}")).unwrap()
    };
    let log = KafkaLog::open(options, Arc::new(MemoryFences::default())).unwrap();
    let begun = std::time::Instant::now();
    for (what, outcome) in [
        ("check", log.check().await),
        ("append", log.append(&TOPIC, vec![Record::new("k", "v")]).await.map(drop)),
        ("ends", log.ends(&TOPIC).await.map(drop)),
        ("committed", log.committed("group", &TOPIC).await.map(drop)),
        ("consumer", log.consumer("group", &[TOPIC]).await.map(drop)),
        ("delete", log.delete_before(&TOPIC, 0, 1).await),
    ] {
        assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{what}: {outcome:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_check_asks_the_brokers() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(mesh.options());
    log.check().await.unwrap();
    log.ensure(&[TOPIC]).await.unwrap();
    log.check().await.unwrap();
}

#[tokio::test]
async fn many_callers_at_once_wait_for_room_and_all_are_answered() {
    let mesh = Mesh::new();
    if !mesh.is_there() {
        return;
    }
    let log = mesh.log(KafkaOptions { queue_bytes: 16 << 20, ..mesh.options() });
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..100_u8 {
        let log = log.clone();
        calls.spawn(async move {
            let records = (0..4).map(|m| Record::new(vec![n, m], vec![n; 250_000])).collect();
            log.append(&TOPIC, records).await.unwrap().len()
        });
    }
    assert_eq!(calls.join_all().await.iter().sum::<usize>(), 400);
    let ends = log.ends(&TOPIC).await.unwrap();
    assert_eq!(ends.iter().map(|ends| ends.high).sum::<u64>(), 400);
}
