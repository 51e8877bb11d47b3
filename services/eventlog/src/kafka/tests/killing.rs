//! A broker that is killed while records are appended: a cluster of this test's own, as others use the
//! shared one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;

const WRITERS: u8 = 4;
const KILLS: u64 = 3;

/// One broker, started and killed by the script that starts engines for tests.
struct Broker {
    state: tempfile::TempDir,
    port: u16,
}

impl Broker {
    /// None where no engine may be started: only a run that requires Kafka does.
    fn start() -> Option<Self> {
        let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
        if !required.split(',').any(|engine| engine.trim() == "kafka") {
            eprintln!("NOT TESTED: a killed broker, as VERBALE_REQUIRE does not name kafka");
            return None;
        }
        let broker = Self { state: tempfile::tempdir().unwrap(), port: free_ports() };
        broker.ctl("start");
        Some(broker)
    }

    fn ctl(&self, act: &str) {
        let ctl: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/engines/ctl");
        let mut command = Command::new(ctl);
        command.args([act, "kafka-1"]);
        command.env("ENGINES_STATE", self.state.path()).env("ENGINES_PORT", self.port.to_string());
        command.env("ENGINES_KAFKA_HEAP", "256m").env_remove("VERBALE_KAFKA").env_remove("ENGINES_BROKERS");
        let output = command.output().unwrap();
        assert!(output.status.success(), "ctl {act}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn url(&self) -> String {
        format!("kafka://127.0.0.1:{}", self.port + 1)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.ctl("kill");
    }
}

/// A base of which the ports that the script uses for Kafka are free.
fn free_ports() -> u16 {
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = u16::try_from(std::process::id() % 100).unwrap() * 50 + 23_000;
    (start..60_000).step_by(50).find(|base| [1, 2, 3, 11, 12, 13].iter().all(|n| is_free(base + n))).unwrap()
}

/// Appends numbers one after the other until it is told to stop; returns where each went.
async fn write(
    log: KafkaLog,
    writer: u8,
    mut stop: watch::Receiver<bool>,
    answered: watch::Sender<u64>,
) -> Vec<(Placed, String)> {
    let mut told = Vec::new();
    let mut number = 0_u64;
    while !*stop.borrow_and_update() {
        let values: Vec<_> = (number..number + 5).map(|n| format!("{writer}-{n}")).collect();
        let records = values.iter().map(|value| Record::new(vec![writer], value.clone())).collect();
        let placed =
            log.append(&TOPIC, records).await.expect("the broker comes back before the time is over");
        told.extend(placed.into_iter().zip(values));
        number += 5;
        answered.send_modify(|count| *count += 1);
    }
    told
}

async fn values(log: &KafkaLog, partition: u32) -> Vec<(Placed, String)> {
    let mut found = Vec::new();
    let mut next = 0;
    loop {
        let records = log.read(&TOPIC, partition, next, ReadLimit::default()).await.unwrap();
        let Some(last) = records.last() else { return found };
        next = last.offset + 1;
        found.extend(records.iter().map(|record| {
            let placed = Placed { partition, offset: record.offset };
            (placed, String::from_utf8(record.value.to_vec()).unwrap())
        }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_broker_is_killed_while_appending() {
    let Some(broker) = Broker::start() else { return };
    let broker = Arc::new(broker);
    let options = KafkaOptions {
        replication: 1,
        min_in_sync: 1,
        accept_weak: true,
        append_timeout: Duration::from_secs(240),
        ..KafkaOptions::at(&broker.url()).unwrap()
    };
    let log = KafkaLog::open(options, Arc::new(MemoryFences::default())).unwrap();
    log.ensure(&[TOPIC]).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let (answered, mut progress) = watch::channel(0_u64);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(log.clone(), writer, stopped.clone(), answered.clone()));
    }
    let seed: u64 = Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    for kill in 0..KILLS {
        let more = 20 + (seed >> (8 * kill)) % 200;
        let now = *progress.borrow();
        progress.wait_for(|count| *count >= now + more).await.unwrap();
        let broker = broker.clone();
        tokio::task::spawn_blocking(move || {
            broker.ctl("kill");
            broker.ctl("start");
        })
        .await
        .unwrap();
    }
    let now = *progress.borrow();
    progress.wait_for(|count| *count >= now + 20).await.unwrap();
    stop.send_replace(true);
    let told: Vec<_> = writers.join_all().await.concat();

    let mut there = values(&log, 0).await;
    there.extend(values(&log, 1).await);
    let mut by_value: BTreeMap<&str, Placed> = BTreeMap::new();
    for (placed, value) in &there {
        let doubled = by_value.insert(value, *placed);
        assert!(doubled.is_none(), "{value} is there twice, seed {seed}");
    }
    for (placed, value) in &told {
        assert_eq!(by_value.get(value.as_str()), Some(placed), "{value}, seed {seed}");
    }
    assert_eq!(there.len(), told.len(), "seed {seed}");
}
