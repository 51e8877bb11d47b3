//! The limit of a mesh on Kafka: as many records of the same size through the bare client library, to the topics of
//! the mesh that was measured.

use anyhow::{Context, Result};
use eventlog::BareProducer;
use kernel::topics::AUDIO;
use tokio::time::Instant;

use super::figures::Shape;
use super::process::Processes;
use super::report::Bare;
use crate::config::{Config, Engine};

/// Sends what a mesh with this configuration logged; none where it did so on embedded storage.
pub(super) async fn limit(config: &Config, shape: &Shape) -> Result<Option<Bare>> {
    let Ok(Engine::At(url)) = config.storage.log() else { return Ok(None) };
    let (Some(records), Some(bytes)) = (shape.logged_records, shape.bytes_per_record) else {
        return Ok(None);
    };
    let options = config.kafka.options(url)?;
    let sent = tokio::task::spawn_blocking(move || {
        let producer = BareProducer::open(&options, &AUDIO)?;
        let payload = vec![7; usize::try_from(bytes)?];
        let own = Processes::own();
        let (before, began) = (own.used()?, Instant::now());
        producer.send(records, &payload)?;
        let used = own.used()?.processor.saturating_sub(before.processor);
        anyhow::Ok((used, began.elapsed()))
    });
    let (used, clock) = sent.await.context("the bare producer was not measured")??;
    Ok(Some(Bare::of(records, bytes, used, clock)))
}
