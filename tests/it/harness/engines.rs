//! Real engines, of which a test has a part to itself: topics with a prefix, keyspaces, a root in the bucket.

use std::sync::Arc;

use cql::Cql;
use eventlog::{KafkaLog, MemoryFences};
use kernel::EventId;
use platform::config::Period;
use verbale::config::Config;

use super::not_tested;

/// A test's own part of the engines that the environment names.
pub(crate) struct Engines {
    log: String,
    store: String,
    objects: String,
    /// Of topics, of groups, and below it the bucket's objects.
    prefix: String,
    /// Where the restrictive journal is, if not beside the objects.
    journal: Option<String>,
    /// Whether a record outlives a broker's disk.
    is_replicated: bool,
    /// Of those that the environment names alone.
    cql: Option<Cql>,
}

impl Engines {
    /// None where there are no engines to test on; a failure where they are required.
    pub(crate) async fn fresh() -> Option<Self> {
        let (log, objects) = (address("VERBALE_KAFKA", "kafka")?, address("VERBALE_S3", "s3")?);
        // Tables are for `verbale migrate` to make.
        let cql = cql::testing::lent().await?;
        let options = cql.options();
        let store = format!("scylla://{}/{}?replication=1", options.nodes.join(","), options.keyspace);
        let prefix = format!("it-{}", EventId::new());
        Some(Self { log, store, objects, prefix, journal: None, is_replicated: false, cql: Some(cql) })
    }

    /// A part of these engines, of which three are brokers. The store's address is without a keyspace.
    pub(crate) fn of(log: &str, store: &str, objects: &str) -> Self {
        let id = EventId::new();
        Self {
            log: log.to_owned(),
            store: format!("{store}/f_{}?replication=1", id.to_string().replace('-', "")),
            objects: objects.to_owned(),
            prefix: format!("it-{id}"),
            journal: None,
            is_replicated: true,
            cql: None,
        }
    }

    /// Another part, with the restrictive journal of this one.
    pub(super) async fn beside(&self) -> Self {
        let journal = self.journal.clone().unwrap_or_else(|| self.objects_url());
        Self { journal: Some(journal), ..Self::fresh().await.expect("there are engines") }
    }

    /// Leads a configuration to them.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.storage.log.clone_from(&self.log);
        config.storage.store.clone_from(&self.store);
        config.storage.objects = self.objects_url();
        config.storage.journal.clone_from(&self.journal);
        config.kafka.prefix = format!("{}.", self.prefix);
        if !self.is_replicated {
            // One broker: what it has acknowledged outlives its process, not its disk.
            (config.kafka.replication, config.kafka.min_in_sync) = (1, 1);
            config.kafka.accept_weak = true;
            config.ingest.accept_weak_log = true;
        }
        config.cql.request_timeout = Period::secs(15);
        // Consent answers after several conditional writes. A busy machine is slow, not broken; past these waits a
        // purpose is off for that stretch, as it should be, and then the sample is not recorded as it was meant.
        config.ingest.call = Period::secs(20);
        config.ingest.consent_silence = Period::secs(30);
    }

    /// The tables.
    pub(crate) fn cql(&self) -> &Cql {
        self.cql.as_ref().expect("the engines that the environment names")
    }

    /// The log.
    pub(crate) fn log(&self, config: &Config) -> KafkaLog {
        let options = config.kafka.options(&self.log).unwrap();
        KafkaLog::open(options, Arc::new(MemoryFences::default())).unwrap()
    }

    /// Where the test's objects are.
    pub(crate) fn objects_url(&self) -> String {
        let (bucket, parameters) = self.objects.split_once('?').unwrap_or((&self.objects, ""));
        format!("{bucket}/{}?{parameters}", self.prefix)
    }
}

fn address(variable: &str, name: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        not_tested(name, &format!("{variable} is not set, so that there is no engine to test on"));
    }
    found
}
