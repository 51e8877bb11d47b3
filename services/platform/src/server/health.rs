//! What the process says of itself to those who ask whether it may be called.

use std::time::Duration;

use tokio::time::Instant;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tracing::{info, warn};

use super::Door;
use crate::drain::{Shutdown, Task, TaskResult};
use crate::role::ReadyCheck;

/// How long between two looks at what is not ready yet.
const AGAIN: Duration = Duration::from_millis(50);
/// How long something may take at a start before it is worth a warning.
const ORDINARY: Duration = Duration::from_secs(2);

/// The gRPC health of every service and of the whole (the empty name).
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// Not serving yet.
    pub async fn of(door: &Door) -> Self {
        let health = Self { reporter: HealthReporter::new(), services: door.services() };
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// Says that calls are welcome.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }
    /// Says that calls had better go elsewhere.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
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

/// The task that says serving once all checks hold, and not serving as soon as the process drains. `on_ready`
/// is called once, in between.
pub fn readiness(health: Health, checks: Vec<ReadyCheck>, on_ready: impl FnOnce() + Send + 'static) -> Task {
    Task::new("readiness", move |shutdown| run(health, checks, on_ready, shutdown))
}

async fn run(
    health: Health,
    checks: Vec<ReadyCheck>,
    on_ready: impl FnOnce(),
    shutdown: Shutdown,
) -> TaskResult {
    let all_ready = async {
        for check in &checks {
            until_ready(check).await;
        }
    };
    tokio::select! {
        () = shutdown.draining() => return Ok(()),
        () = all_ready => {}
    }
    health.serving().await;
    info!("ready");
    on_ready();
    shutdown.draining().await;
    health.not_serving().await;
    Ok(())
}

async fn until_ready(check: &ReadyCheck) {
    let began = Instant::now();
    let mut told = None;
    while let Err(why) = check.check().await {
        if began.elapsed() >= ORDINARY && told.as_ref() != Some(&why) {
            warn!(check = check.name(), why, "not ready yet");
            told = Some(why);
        }
        tokio::time::sleep(AGAIN).await;
    }
}
