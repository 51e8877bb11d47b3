//! What an append costs: embedded, beside a plain append and fsync of the same bytes in the same run; and in
//! Kafka, where `VERBALE_KAFKA` says where a cluster is, beside the bare client library.
//!
//! `sequential/N`: one caller, N records a call, each call durable before the next. `concurrent/N`: N callers
//! of one record each at once, which share commits. `bare/N`: N records handed to the library's own producer
//! with the same settings, and flushed. The records are the size of a sealed second of G.711.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventlog::{EventLog, Record, SqliteLog, SqliteLogOptions};
use kernel::SystemClock;
use kernel::topics::AUDIO;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

#[path = "append/kafka.rs"]
mod kafka;

const SPAN: usize = 8_300;
const COUNTS: [usize; 3] = [1, 10, 100];

fn append(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log.db");
    let open = SqliteLog::open(&path, Arc::new(SystemClock), SqliteLogOptions::default());
    let log: Arc<dyn EventLog> = Arc::new(runtime.block_on(open).expect("a log"));
    let options = OpenOptions::new().create(true).append(true).open(dir.path().join("plain"));
    let mut plain = options.expect("a file");

    let mut group = c.benchmark_group("append");
    group.sample_size(20);
    for count in COUNTS {
        group.throughput(Throughput::Bytes((count * SPAN) as u64));
        group.bench_function(BenchmarkId::new("plain-fsync", count), |b| {
            b.iter(|| plain_append(&mut plain, count))
        });
        measure(&mut group, &runtime, &log, count);
        plain.set_len(0).expect("an empty file");
    }
    group.finish();
}

/// One caller, then many.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    log: &Arc<dyn EventLog>,
    count: usize,
) {
    group.bench_function(BenchmarkId::new("sequential", count), |b| {
        b.iter(|| runtime.block_on(log.append(&AUDIO, records(count))).expect("an append"));
    });
    group.bench_function(BenchmarkId::new("concurrent", count), |b| {
        b.iter(|| runtime.block_on(concurrent(log, count)));
    });
    // The log stays as large as in service, where archive deletes what it has put away.
    runtime.block_on(delete_all(log));
}

fn plain_append(file: &mut File, count: usize) {
    for _ in 0..count {
        file.write_all(black_box(&[7; SPAN])).expect("a write");
    }
    file.sync_data().expect("an fsync");
}

async fn concurrent(log: &Arc<dyn EventLog>, callers: usize) {
    let mut calls = JoinSet::new();
    for record in records(callers) {
        let log = log.clone();
        calls.spawn(async move { log.append(&AUDIO, vec![record]).await.expect("an append") });
    }
    black_box(calls.join_all().await);
}

async fn delete_all(log: &Arc<dyn EventLog>) {
    for ends in log.ends(&AUDIO).await.expect("ends") {
        log.delete_before(&AUDIO, ends.partition, ends.high).await.expect("a deletion");
    }
}

fn records(count: usize) -> Vec<Record> {
    (0..count).map(|n| Record::new(format!("recording-{n}"), vec![7; SPAN])).collect()
}

criterion_group!(benches, append, kafka::append);
criterion_main!(benches);
