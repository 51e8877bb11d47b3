//! The engines that a process stands on, opened once and shared by its roles.

use std::sync::Arc;

use anyhow::{Context, Result};
use cql::Cql;
use eventlog::{CqlFences, EventLog, KafkaLog, SqliteLog, SqliteLogOptions};
use kernel::{Clock, chain, topics};
use objects::{DirectoryObjects, ObjectStore, S3Objects};
use platform::config::Strings;
use platform::role::ReadyCheck;

use super::tables;
use crate::config::{Config, Engine};
use crate::role::RoleName;

/// Engines, opened and asked once.
pub(super) struct Engines {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// None where tables are SQLite files.
    pub(super) cql: Option<Cql>,
    /// Whether each of them answers.
    pub(super) ready: Vec<ReadyCheck>,
}

impl Engines {
    pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>, strings: &dyn Strings) -> Result<Self> {
        let mut ready = Vec::new();
        let cql = open_cql(config, strings, &mut ready).await?;
        let log = open_log(config, clock, cql.as_ref(), &mut ready).await?;
        let objects = open_objects(config, clock, &mut ready).await?;
        Ok(Self { log, objects, cql, ready })
    }
}

/// A session on the cluster that the configuration names, if it names one. Tables are not looked at.
pub(crate) async fn session(config: &Config, strings: &dyn Strings) -> Result<Option<Cql>> {
    let url = match config.storage.store().map_err(anyhow::Error::msg)? {
        Engine::Embedded => return Ok(None),
        Engine::At(url) => url,
    };
    let options = config.cql.options(url, strings).context("storage.store cannot be used")?;
    Ok(Some(Cql::open(&options).await.context("the CQL cluster cannot be reached")?))
}

async fn open_cql(
    config: &Config,
    strings: &dyn Strings,
    ready: &mut Vec<ReadyCheck>,
) -> Result<Option<Cql>> {
    let Some(cql) = session(config, strings).await? else { return Ok(None) };
    cql.check_schema(&tables::all()).await.context("the tables are not those of this release")?;
    let probe = cql.clone();
    ready.push(ReadyCheck::new("cql", move || {
        let probe = probe.clone();
        async move { probe.check().await.map_err(|error| chain(&error)) }
    }));
    Ok(Some(cql))
}

async fn open_log(
    config: &Config,
    clock: &Arc<dyn Clock>,
    cql: Option<&Cql>,
    ready: &mut Vec<ReadyCheck>,
) -> Result<Arc<dyn EventLog>> {
    let url = match config.storage.log().map_err(anyhow::Error::msg)? {
        Engine::Embedded => {
            let file = config.storage.data.join("log.db");
            let log = SqliteLog::open(&file, Arc::clone(clock), SqliteLogOptions::default()).await;
            return Ok(Arc::new(log.context("the event log cannot be opened")?));
        }
        Engine::At(url) => url,
    };
    let cql = cql.context("storage.log is kafka://, which needs storage.store to be scylla://")?;
    let fences = CqlFences::open(cql.clone()).await.context("the fences cannot be opened")?;
    let options = config.kafka.options(url).context("storage.log cannot be used")?;
    let log = KafkaLog::open(options, Arc::new(fences)).context("the event log cannot be opened")?;
    log.ensure(topics::ALL).await.context("the topics are not fit for use")?;
    let probe = log.clone();
    let check = ReadyCheck::new("kafka", move || {
        let probe = probe.clone();
        async move { probe.check().await.map_err(|error| chain(&error)) }
    });
    // It takes calls into its spool, and says itself when that is full.
    ready.push(check.sparing(RoleName::Ingest.services().iter().copied()));
    Ok(Arc::new(log))
}

async fn open_objects(
    config: &Config,
    clock: &Arc<dyn Clock>,
    ready: &mut Vec<ReadyCheck>,
) -> Result<Arc<dyn ObjectStore>> {
    let url = match config.storage.objects().map_err(anyhow::Error::msg)? {
        Engine::Embedded => {
            let folder = config.storage.data.join("objects");
            let objects = DirectoryObjects::open(folder, Arc::clone(clock)).await;
            return Ok(Arc::new(objects.context("the object store cannot be opened")?));
        }
        Engine::At(url) => url,
    };
    let options = url.parse().context("storage.objects cannot be used")?;
    let objects = S3Objects::open(options, Arc::clone(clock)).await;
    let objects = objects.context("the bucket cannot be used")?;
    let probe = objects.clone();
    ready.push(ReadyCheck::new("s3", move || {
        let probe = probe.clone();
        async move { probe.check().await.map_err(|error| chain(&error)) }
    }));
    Ok(Arc::new(objects))
}
