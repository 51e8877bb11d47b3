//! What the process says of itself to those who ask whether it may be called.
//!
//! Ready means that everything it stands on answers *now*: the checks are asked again every
//! `server.ready_every`, each for at most `server.ready_wait`. One that fails makes the process not ready, and
//! ready again once it holds again; the log and a metric name it. A service that goes on without what a check asks
//! for stays ready by its own name.

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

/// What gRPC's health protocol calls the whole process.
const WHOLE: &str = "";
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
struct Standing {
    /// Whether checks decide: not before they were asked once, and not while the process drains.
    is_open: bool,
    /// What failed when last asked.
    failing: Vec<Failing>,
}

#[derive(Clone, Debug)]
struct Failing {
    check: &'static str,
    /// The services that take no calls for it.
    stops: Vec<&'static str>,
}

/// What is said of a service, or of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Ready,
    /// The checks that fail; none where the process starts or drains.
    NotReady(Vec<&'static str>),
    Unknown,
}

impl Health {
    /// Not serving yet.
    pub async fn of(door: &Door) -> Self {
        let health =
            Self { reporter: HealthReporter::new(), services: door.services(), standing: Arc::default() };
        health.not_serving().await;
        health
    }

    /// Says that calls are welcome.
    pub async fn serving(&self) {
        self.stand(Standing { is_open: true, failing: Vec::new() }).await;
    }
    /// Says that calls had better go elsewhere.
    pub async fn not_serving(&self) {
        self.stand(Standing::default()).await;
    }

    /// Whether calls are welcome: those of this service, or, of the empty name, all.
    pub(super) fn of_service(&self, service: &str) -> Answer {
        if !service.is_empty() && !self.services.contains(&service) {
            return Answer::Unknown;
        }
        self.standing.lock().of_service(service)
    }

    async fn stand(&self, standing: Standing) {
        *self.standing.lock() = standing.clone();
        for service in self.services.iter().copied().chain([WHOLE]) {
            let status = match standing.of_service(service) {
                Answer::Ready => ServingStatus::Serving,
                Answer::NotReady(_) | Answer::Unknown => ServingStatus::NotServing,
            };
            self.reporter.set_service_status(service, status).await;
        }
    }

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }
}

impl Standing {
    fn of_service(&self, service: &str) -> Answer {
        let stops = |failing: &&Failing| service == WHOLE || failing.stops.contains(&service);
        let failing: Vec<_> = self.failing.iter().filter(stops).map(|failing| failing.check).collect();
        if self.is_open && failing.is_empty() { Answer::Ready } else { Answer::NotReady(failing) }
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
        watch.stand(&failing).await;
        if watch.health.of_service(WHOLE) == Answer::Ready
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

    async fn stand(&self, failing: &BTreeMap<&'static str, NotReady>) {
        let was_ready = self.health.of_service(WHOLE) == Answer::Ready;
        let checks = self.checks.iter().filter(|check| failing.contains_key(check.name()));
        let failing = checks.map(|check| Failing { check: check.name(), stops: self.stopped_by(check) });
        self.health.stand(Standing { is_open: true, failing: failing.collect() }).await;
        let is_ready = self.health.of_service(WHOLE) == Answer::Ready;
        if is_ready && !was_ready {
            info!("ready");
        }
        self.metrics.gauge(&names::READY, &[]).set(i64::from(is_ready));
    }

    fn stopped_by(&self, check: &ReadyCheck) -> Vec<&'static str> {
        self.health.services.iter().copied().filter(|service| check.concerns(service)).collect()
    }
}
