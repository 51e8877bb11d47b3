//! Appends to Kafka beside the bare client library, with the same settings, to topics of this run.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use eventlog::{EventLog, KafkaLog, KafkaOptions, MemoryFences};
use kernel::topics::AUDIO;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::runtime::Runtime;

use crate::{SPAN, measure};

/// What a mesh has in flight at its peak.
const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

pub(crate) fn append(c: &mut Criterion) {
    let Ok(url) = std::env::var("VERBALE_KAFKA") else { return };
    let prefix = format!("bench-{}-", uuid::Uuid::new_v4().simple());
    let options = KafkaOptions {
        prefix: prefix.clone(),
        replication: 1,
        min_in_sync: 1,
        accept_weak: true,
        ..KafkaOptions::at(&url).expect("the URL of a cluster")
    };
    let topic = format!("{prefix}{}", AUDIO.name);
    let bare = bare(&options);
    let runtime = Runtime::new().expect("a runtime");
    let log = KafkaLog::open(options, Arc::new(MemoryFences::default())).expect("a log");
    runtime.block_on(log.ensure(&[AUDIO])).expect("a topic");
    let log: Arc<dyn EventLog> = Arc::new(log);

    let mut group = c.benchmark_group("append-kafka");
    group.sample_size(20);
    for count in COUNTS {
        group.throughput(Throughput::Bytes((count * SPAN) as u64));
        group.bench_function(BenchmarkId::new("bare", count), |b| b.iter(|| send(&bare, &topic, count)));
        measure(&mut group, &runtime, &log, count);
    }
    group.finish();
}

fn bare(options: &KafkaOptions) -> ThreadedProducer<DefaultProducerContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.brokers);
    config.set("enable.idempotence", "true");
    config.set("acks", "all");
    config.set("linger.ms", options.linger.as_millis().to_string());
    config.create().expect("a producer")
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, count: usize) {
    for n in 0..count {
        let key = format!("recording-{n}");
        let partition = eventlog::partition_of(key.as_bytes(), AUDIO.partitions);
        let partition = i32::try_from(partition).expect("a small number");
        let record = BaseRecord::to(topic).partition(partition).key(&key).payload([7_u8; SPAN].as_slice());
        producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    }
    producer.flush(Duration::from_secs(60)).expect("reports");
}
