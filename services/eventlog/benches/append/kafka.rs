//! Appends to Kafka beside the bare client library, with the same settings, to topics of this run.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use eventlog::{BareProducer, EventLog, KafkaLog, KafkaOptions, MemoryFences};
use kernel::topics::AUDIO;
use tokio::runtime::Runtime;

use crate::{SPAN, measure};

/// What a mesh has in flight at its peak.
const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

pub(crate) fn append(c: &mut Criterion) {
    let Ok(url) = std::env::var("VERBALE_KAFKA") else { return };
    let prefix = format!("bench-{}-", uuid::Uuid::new_v4().simple());
    let options = KafkaOptions {
        prefix,
        replication: 1,
        min_in_sync: 1,
        accept_weak: true,
        ..KafkaOptions::at(&url).expect("the URL of a cluster")
    };
    let bare = BareProducer::open(&options, &AUDIO).expect("a producer");
    let runtime = Runtime::new().expect("a runtime");
    let log = KafkaLog::open(options, Arc::new(MemoryFences::default())).expect("a log");
    runtime.block_on(log.ensure(&[AUDIO])).expect("a topic");
    let log: Arc<dyn EventLog> = Arc::new(log);

    let mut group = c.benchmark_group("append-kafka");
    group.sample_size(20);
    for count in COUNTS {
        group.throughput(Throughput::Bytes((count * SPAN) as u64));
        group.bench_function(BenchmarkId::new("bare", count), |b| {
            b.iter(|| bare.send(count as u64, &[7; SPAN]).expect("reports"));
        });
        measure(&mut group, &runtime, &log, count);
    }
    group.finish();
}
