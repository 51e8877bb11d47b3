//! What all roles of a process share: clock, log, tokens, the guard's parts, the way from role to role.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::journal::Journal;
use anyhow::{Context, Result};
use cql::Cql;
use eventlog::EventLog;
use kernel::topics::Topic;
use kernel::{Clock, InstanceId};
use objects::ObjectStore;
use platform::audit::AuditProducer;
use platform::auth::{JwksFile, JwksUrl, KeySource, LocalIssuer, LocalTokens, TrustedIssuer, Verifier};
use platform::config::ProcessEnv;
use platform::drain::Task;
use platform::guard::GuardParts;
use platform::instance::Instance;
use platform::lag::LagWatch;
use platform::outbox::{Bell, OutboxPublisher, OutboxStore};
use platform::policies::PolicyBook;
use platform::reason::EpochSealer;
use platform::role::ReadyCheck;
use platform::rules::RuleBook;
use platform::telemetry::Metrics;
use platform::tls::Tls;
use platform::wire::{self, LateWire, Wire};

use super::certify;
use super::engines::Engines;
use super::held::Held;
use super::journal;
use super::owners::Owners;
use crate::config::{Config, Engine};
use crate::mesh::Settings;
use crate::role::RoleName;

/// Most entries of restrictive acts that wait in memory per role.
const LATE_ENTRIES: usize = 10_000;

/// What the roles are built from.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// None where the roles' tables are SQLite files.
    pub(super) cql: Option<Cql>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) metrics: Metrics,
    pub(super) inside: LateWire,
    pub(super) guard: GuardParts,
    pub(super) held: Held,
    issuer: LocalIssuer,
    producer: AuditProducer,
    instances: Vec<Arc<Instance>>,
    tls: Option<Tls>,
    /// Opened when the first role asks for it.
    journal: Option<Arc<Journal>>,
    tasks: Vec<Task>,
    ready: Vec<ReadyCheck>,
}

impl Shared {
    /// Opens what every role stands on.
    pub(super) async fn open(settings: &Settings, tls: Option<Tls>) -> Result<Self> {
        let Settings { config, clock, .. } = settings.clone();
        let keys = config.storage.keys();
        make_directories(settings)?;
        let held = Held::take(&config.storage)?;

        let issuer = LocalIssuer::of(&config.auth, &keys)?;
        let verifier = Verifier::new(issuers(&config.auth, &issuer)?, config.auth.verifier());
        let Engines { log, objects, cql, ready } =
            Box::pin(Engines::open(&config, &clock, &ProcessEnv)).await?;

        let metrics = Metrics::new();
        let inside = LateWire::new();
        let instance = Instance::new("producer", Vec::new())?;
        let (producer, producing) = AuditProducer::new(
            Arc::clone(&instance),
            Arc::clone(&log),
            Arc::clone(&clock),
            &metrics,
            &config.audit,
        );
        let tokens = LocalTokens::new(issuer.clone(), "guard", config.auth.service_token_life.0);
        let tokens = tokens.bound_to(tls.clone());
        let crypto = wire::client(inside.wire(), Arc::new(tokens));
        let guard = GuardParts {
            rules: Arc::new(RuleBook::of_the_contract()?),
            verifier: verifier.clone(),
            producer: producer.clone(),
            reasons: Arc::new(EpochSealer::new(crypto, Arc::clone(&clock))),
            clock: Arc::clone(&clock),
            metrics: metrics.clone(),
            limits: config.server.clone(),
            late_entries: LATE_ENTRIES,
        };
        Ok(Self {
            config,
            clock,
            log,
            objects,
            cql,
            verifier: Arc::new(verifier),
            metrics,
            inside,
            guard,
            held,
            issuer,
            producer,
            instances: vec![instance],
            tls,
            journal: None,
            tasks: vec![producing],
            ready,
        })
    }

    /// A file in the data directory.
    pub(super) fn data(&self, file: &str) -> PathBuf {
        self.config.storage.data.join(file)
    }

    /// A file in the keys directory.
    pub(super) fn keys(&self, file: &str) -> PathBuf {
        self.config.storage.keys().join(file)
    }

    /// A wire to every other role, that speaks as this one.
    pub(super) fn wire(&self, role: &str) -> Wire {
        let tokens = LocalTokens::new(self.issuer.clone(), role, self.config.auth.service_token_life.0);
        let tokens = tokens.bound_to(self.tls.clone());
        wire::client(self.inside.wire(), Arc::new(tokens))
    }

    /// A wire to every other role that brings no token: whoever calls puts somebody else's there.
    pub(super) fn bare_wire(&self) -> Wire {
        self.inside.wire()
    }

    /// The ways to other instances of this role.
    pub(super) fn owners(&self, role: &str) -> Arc<dyn ingest::Owners> {
        let tokens = LocalTokens::new(self.issuer.clone(), role, self.config.auth.service_token_life.0);
        let tokens = Arc::new(tokens.bound_to(self.tls.clone()));
        Arc::new(Owners::new(self.config.wire.clone(), self.tls.clone(), tokens))
    }

    /// The policies, as this role asks for them.
    pub(super) fn policies(&self, role: &str) -> Arc<PolicyBook> {
        Arc::new(PolicyBook::new(self.wire(role)))
    }

    /// A signer for this role.
    pub(super) fn signer(&mut self, role: &str) -> Result<Arc<Instance>> {
        let instance = Instance::new(role, Vec::new())?;
        self.instances.push(Arc::clone(&instance));
        Ok(instance)
    }

    /// An id for a role that signs nothing.
    pub(super) fn unsigned() -> InstanceId {
        InstanceId::new()
    }

    /// Adds a task that belongs to no one role.
    pub(super) fn task(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// The restrictive journal.
    pub(super) async fn journal(&mut self) -> Result<Arc<Journal>> {
        if let Some(journal) = &self.journal {
            return Ok(Arc::clone(journal));
        }
        let opened = journal::open(&self.config, &self.objects, &self.clock).await?;
        self.journal = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Has a role's outbox published.
    pub(super) fn publish(&mut self, role: &'static str, store: Arc<dyn OutboxStore>, bell: Bell) {
        let publisher = OutboxPublisher {
            store,
            bell,
            log: Arc::clone(&self.log),
            producer: self.producer.clone(),
            clock: Arc::clone(&self.clock),
            role,
            config: self.config.outbox.clone(),
        };
        self.tasks.push(publisher.into_task(self.metrics.clone()));
    }

    /// Has it shown how far a consumer group is behind.
    pub(super) fn show_lag(&mut self, group: &'static str, topic: Topic) {
        let watch = LagWatch { log: Arc::clone(&self.log), group, topic };
        self.tasks.push(watch.into_task(&self.metrics));
    }

    /// The tasks and checks that belong to no one role.
    pub(super) fn finish(&mut self) -> (Vec<Task>, Vec<ReadyCheck>) {
        let mut tasks = std::mem::take(&mut self.tasks);
        let (task, ready) = certify::certify(std::mem::take(&mut self.instances), self.wire("certify"));
        tasks.push(task);
        let mut checks = std::mem::take(&mut self.ready);
        checks.push(ready);
        (tasks, checks)
    }
}

fn issuers(config: &platform::auth::Config, own: &LocalIssuer) -> Result<Vec<TrustedIssuer>> {
    let mut trusted = vec![own.trusted()];
    match (&config.issuer, &config.jwks) {
        (None, None) => {}
        (Some(issuer), Some(jwks)) => {
            let keys: Arc<dyn KeySource> = if jwks.starts_with("http://") || jwks.starts_with("https://") {
                Arc::new(JwksUrl::new(jwks)?)
            } else {
                Arc::new(JwksFile(jwks.into()))
            };
            trusted.push(TrustedIssuer { issuer: issuer.clone(), audience: config.audience.clone(), keys });
        }
        _ => anyhow::bail!("auth.issuer and auth.jwks belong together: set both or none"),
    }
    Ok(trusted)
}

/// Only what this process uses: one with no embedded engine needs no data directory, one without crypto's keys
/// no keys directory.
fn make_directories(settings: &Settings) -> Result<()> {
    let Settings { config, roles, .. } = settings;
    let storage = &config.storage;
    let embedded = [storage.log(), storage.store(), storage.objects()].contains(&Ok(Engine::Embedded));
    let has_keys = roles.contains(&RoleName::Crypto)
        || storage.store() == Ok(Engine::Embedded)
        || config.auth.issuer_key.is_none();
    let has_data = embedded || roles.contains(&RoleName::Ingest);
    if has_data {
        make_private(&storage.data)?;
    }
    if has_keys {
        make_private(&storage.keys())?;
    }
    if has_data && has_keys {
        crypto::backend::file::check_apart(&storage.keys(), &storage.data)?;
    }
    Ok(())
}

fn make_private(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the directory {}", folder.display()))
}
