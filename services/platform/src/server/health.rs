//! What the process says of itself to those who ask whether it may be called.
//!
//! Ready means that everything it stands on answers *now*: the checks are asked again every
//! `server.ready_every`, each for at most `server.ready_wait`. One that fails makes the process not ready, and
//! ready again once it holds again; the log and a metric name it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tracing::{info, warn};

use super::{Config, Door};
use crate::drain::{Shutdown, Task, TaskResult};
use crate::role::{NotReady, ReadyCheck};
use crate::telemetry::{Metrics, names};

/// How long between two looks until the process is ready for the first time.
const STARTING: Duration = Duration::from_millis(50);
/// How long something may take at a start before it is worth a warning.
const ORDINARY: Duration = Duration::from_secs(2);

/// The gRPC health of every service and of the whole (the empty name); clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
    standing: Arc<Mutex<Standing>>,
}

/// How the process stands.
#[derive(Clone, Default, Debug)]
pub(super) struct Standing {
    pub(super) serving: bool,
    /// The names of the checks that failed when last asked.
    pub(super) failing: Vec<&'static str>,
}

impl Health {
    /// Not serving yet.
    pub async fn of(door: &Door) -> Self {
        let health =
            Self { reporter: HealthReporter::new(), services: door.services(), standing: Arc::default() };
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// Says that calls are welcome.
    pub async fn serving(&self) {
        *self.standing.lock() = Standing { serving: true, failing: Vec::new() };
        self.set(ServingStatus::Serving).await;
    }
    /// Says that calls had better go elsewhere.
    pub async fn not_serving(&self) {
        self.failing(Vec::new()).await;
    }

    async fn failing(&self, failing: Vec<&'static str>) {
        *self.standing.lock() = Standing { serving: false, failing };
        self.set(ServingStatus::NotServing).await;
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        for name in self.services.iter().copied().chain([""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// The task that says serving while all checks hold, and not serving as soon as the process drains. `on_ready` is
/// called once, when they hold for the first time.
pub fn readiness(
    health: Health,
    checks: Vec<ReadyCheck>,
    config: &Config,
    metrics: &Metrics,
    on_ready: impl FnOnce() + Send + 'static,
) -> Task {
    let (every, wait) = (config.ready_every.0, config.ready_wait.0);
    let watch = Watch { health, checks, wait, metrics: metrics.clone(), told: BTreeMap::new() };
    Task::new("readiness", move |shutdown| run(watch, every, on_ready, shutdown))
}

struct Watch {
    health: Health,
    checks: Vec<ReadyCheck>,
    wait: Duration,
    metrics: Metrics,
    /// What was last warned of.
    told: BTreeMap<&'static str, NotReady>,
}

async fn run(mut watch: Watch, every: Duration, on_ready: impl FnOnce(), shutdown: Shutdown) -> TaskResult {
    let began = Instant::now();
    let mut on_ready = Some(on_ready);
    loop {
        let failing = tokio::select! {
            () = shutdown.draining() => break,
            failing = watch.failing() => failing,
        };
        let starting = on_ready.is_some();
        watch.tell(&failing, starting && began.elapsed() < ORDINARY);
        watch.stand(failing).await;
        if watch.health.standing().serving
            && let Some(on_ready) = on_ready.take()
        {
            on_ready();
        }
        tokio::select! {
            () = shutdown.draining() => break,
            () = tokio::time::sleep(if on_ready.is_some() { STARTING } else { every }) => {}
        }
    }
    watch.health.not_serving().await;
    watch.metrics.gauge(&names::READY, &[]).set(0);
    Ok(())
}

impl Watch {
    /// Asks every check, beside each other.
    async fn failing(&self) -> BTreeMap<&'static str, NotReady> {
        let wait = self.wait;
        let asked = self.checks.iter().map(|check| async move {
            let answer = tokio::time::timeout(wait, check.check()).await;
            let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {wait:?}")));
            (check.name(), answer.err())
        });
        let answers = join_all(asked).await;
        for (name, why) in &answers {
            self.metrics.gauge(&names::READY_CHECK, &[name]).set(i64::from(why.is_none()));
        }
        answers.into_iter().filter_map(|(name, why)| Some((name, why?))).collect()
    }

    /// Warns of what has changed; not of what a start ordinarily waits for.
    fn tell(&mut self, failing: &BTreeMap<&'static str, NotReady>, ordinary: bool) {
        if ordinary {
            return;
        }
        for (check, why) in failing.iter().filter(|(check, why)| self.told.get(*check) != Some(*why)) {
            warn!(check, why, "not ready");
        }
        for check in self.told.keys().filter(|check| !failing.contains_key(*check)) {
            info!(check, "holds again");
        }
        self.told.clone_from(failing);
    }

    async fn stand(&self, failing: BTreeMap<&'static str, NotReady>) {
        let was = self.health.standing().serving;
        if failing.is_empty() && !was {
            self.health.serving().await;
            info!("ready");
        }
        if !failing.is_empty() {
            self.health.failing(failing.into_keys().collect()).await;
        }
        self.metrics.gauge(&names::READY, &[]).set(i64::from(self.health.standing().serving));
    }
}
