//! The log delivers what it has delivered before, in another order: as after crashes between a record's effect and
//! its commit.

use std::sync::Arc;

use eventlog::{EventLog, KafkaLog, MemoryFences, ReadLimit, Record, Stored};
use futures::future::join_all;
use kernel::topics::{AUDIO, AUDIT, Topic};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use verbale::config::{Config, Engine};

use super::stage::{Member, config};
use super::told::{Told, ledger_is_whole, said_in};
use crate::harness::{PATIENCE, Sample, Shape, Turn, World, eventually, free_port, moments, server};
use verbale::sender::Pace;

#[tokio::test(flavor = "multi_thread")]
async fn records_that_come_again_in_any_order_have_no_effect_twice() {
    let Some(turn) = Turn::wait().await else { return };
    let mut moments = moments();
    let world = World::upon(turn.engines(), Shape::Engines).await;
    // Archive is not there yet, nor retention, which calls it: what they will read lies in the log.
    let port = free_port();
    let mut ahead = config(&world);
    ahead.peers.retention = Some(server(port).parse().unwrap());
    let mut front = Member::of(&world, &turn, "front", "ingest,consent,crypto,audit", ahead);
    front.process.start().await;
    let samples = ["mifid-order-it", "card-payment-en"].map(Sample::new);
    let calls = join_all(samples.iter().map(|sample| send(&world, &front.server, sample))).await;

    let log = log(&config(&world));
    let copies = again(&log, &AUDIO, &mut moments).await;
    assert!(copies > 100, "the log holds next to nothing: {copies} records");
    again(&log, &AUDIT, &mut moments).await;
    let mut back = config(&world);
    let at = Some(front.server.parse().unwrap());
    (back.peers.ingest, back.peers.consent, back.peers.crypto) = (at.clone(), at.clone(), at.clone());
    back.peers.audit = at;
    back.peers.forward = true;
    let mut archive = Member::at(port, &world, &turn, "archive", "archive,retention", back);
    archive.process.start().await;
    for call in &calls {
        call.is_sealed(&world, &archive.server).await;
        call.plays_as_expected(&world, &archive.server).await;
    }
    // Behind everything that came again, too.
    eventually("archive has read all of the log", async || {
        let lag = log.lag("archive", &AUDIO).await.ok()?;
        lag.iter().all(|behind| *behind == 0).then_some(())
    })
    .await;
    again(&log, &AUDIT, &mut moments).await;
    for call in &calls {
        call.is_sealed(&world, &archive.server).await;
        call.plays_as_expected(&world, &archive.server).await;
    }
    ledger_is_whole(&world, &archive.server, &calls).await;
    let logged = archive.process.logged();
    assert!(!logged.contains("with other bytes") && !logged.contains("set aside"), "{logged}");
    archive.process.stop().await.unwrap();
    front.process.stop().await.unwrap();
}

async fn send<'s>(world: &World, server: &str, sample: &'s Sample) -> Told<'s> {
    let (call, caller) = (sample.call(), world.sender(server, &sample.tenant));
    let sent = call.send(&caller, Pace { speed: 0.0, patience: PATIENCE }, |_| {}).await.unwrap();
    assert_eq!(sent.refused, []);
    Told::new(sample, call.recording(), format!("{}, everything twice", sample.name)).saying(said_in(sample))
}

/// The log past the program.
fn log(config: &Config) -> KafkaLog {
    let Ok(Engine::At(url)) = config.storage.log() else { panic!("the log is Kafka") };
    KafkaLog::open(config.kafka.options(url).unwrap(), Arc::new(MemoryFences::default())).unwrap()
}

/// Appends a copy of everything that a topic holds, in another order; answers how much that is.
async fn again(log: &KafkaLog, topic: &Topic, moments: &mut StdRng) -> usize {
    let mut copies = Vec::new();
    for ends in log.ends(topic).await.unwrap() {
        let mut next = ends.low;
        while next < ends.high {
            let found = log.read(topic, ends.partition, next, ReadLimit::default()).await.unwrap();
            next = found.last().expect("there is more").offset + 1;
            copies.extend(found.into_iter().map(|Stored { key, headers, value, .. }| Record {
                key,
                headers,
                value,
            }));
        }
    }
    let count = copies.len();
    copies.shuffle(moments);
    log.append(topic, copies).await.unwrap();
    count
}
