//! What runs: nothing before the store has everything that the journal says.

use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use journal::CatchUpError;
use kernel::topics::CONSENT;
use kernel::{Retry, ServiceError, chain};
use platform::lag::LagWatch;
use platform::retry::Backoff;
use platform::telemetry::{Gauge, Metric, MetricKind, Metrics};
use platform::{Shutdown, Stage, Task};
use tracing::{error, info, warn};

use super::{Erasing, GROUP, withdrawals};
use crate::applied::RestoredStore;
use crate::error::Error;
use crate::saga::Saga;
use crate::stamping::carry_orders;

/// Erasures that fail again and again.
pub(crate) const STUCK: Metric = Metric {
    name: "verbale_retention_erasures_stuck",
    help: "recordings whose erasure failed three times in a row or more; they are not erased, and said to be so nowhere",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Sweeps that nobody has agreed to.
pub(crate) const WAITS: Metric = Metric {
    name: "verbale_retention_sweep_waits",
    help: "tenants of whom more is due than a sweep takes by itself; two people must agree to it",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// The longest wait between two tries to catch up.
const CATCH_UP: Backoff = Backoff::FOREVER;

/// How far the store has caught up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// It has not, and this is why.
    Behind(String),
    /// It has.
    CaughtUp,
}

impl Default for Start {
    fn default() -> Self {
        Self::Behind("its store has not caught up with the journal yet".to_owned())
    }
}

impl Start {
    pub(super) fn so_far(&self) -> Result<(), String> {
        match self {
            Self::Behind(why) => Err(why.clone()),
            Self::CaughtUp => Ok(()),
        }
    }
}

/// Why nothing can run yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The store does not take what the journal says.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// What follows from that cannot be done.
    #[error(transparent)]
    Follow(#[from] Error),
}

impl StartError {
    fn retry(&self) -> Retry {
        match self {
            Self::CatchUp(error) => error.retry(),
            Self::Follow(error) => error.retry(),
        }
    }
}

/// The tasks of erasing: catching up, then the saga, sweeps, and what follows from consent.
pub fn tasks(erasing: &Arc<Erasing>, log: &Arc<dyn EventLog>, metrics: &Metrics) -> Vec<Task> {
    let (stuck, waits) = (metrics.gauge(&STUCK, &[]), metrics.gauge(&WAITS, &[]));
    let each = || Arc::clone(erasing);
    let (catching_up, saga, sweeping, following) = (each(), each(), each(), each());
    let consent = Arc::clone(log);
    let lag = LagWatch { log: Arc::clone(log), group: GROUP, topic: CONSENT };
    vec![
        Task::new("retention-journal", move |shutdown| async move {
            catching_up.catch_up(&shutdown).await;
            Ok(())
        }),
        Task::new("retention-erasures", move |shutdown| async move {
            if saga.started(&shutdown).await {
                carry_on(&saga, &stuck, &shutdown).await;
            }
            Ok(())
        }),
        Task::new("retention-sweep", move |shutdown| async move {
            if sweeping.started(&shutdown).await {
                sweep_on(&sweeping, &waits, &shutdown).await;
            }
            Ok(())
        }),
        Task::new("retention-withdrawals", move |shutdown| async move {
            if following.started(&shutdown).await {
                withdrawals::run(&following, &consent, &shutdown).await;
            }
            Ok(())
        }),
        lag.into_task(metrics),
    ]
}

impl Erasing {
    /// Applies what the store misses, until it misses nothing.
    async fn catch_up(&self, shutdown: &Shutdown) {
        let mut tries = 0;
        while shutdown.stage() < Stage::Draining {
            let caught = tokio::select! {
                () = shutdown.draining() => return,
                caught = self.catch_up_once() => caught,
            };
            let Err(failure) = caught else { return };
            tries += 1;
            let why = format!("its store cannot catch up with the journal: {}", chain(&failure));
            self.start.send_replace(Start::Behind(why));
            match failure.retry() {
                Retry::Backoff => {
                    warn!(
                        tries,
                        error = chain(&failure),
                        "the store cannot catch up with the journal for now"
                    );
                }
                Retry::No => {
                    error!(tries, error = chain(&failure), "the store does not fit the journal");
                }
            }
            tokio::select! {
                () = shutdown.draining() => return,
                () = tokio::time::sleep(CATCH_UP.wait(tries)) => {}
            }
        }
    }

    /// Applies what the store misses, carries that to the recordings, and has erased again what key tables miss, once.
    pub(crate) async fn catch_up_once(&self) -> Result<(), StartError> {
        let store = Arc::clone(&self.parts.store);
        let restored = RestoredStore { store, clock: Arc::clone(&self.parts.clock) };
        let report = journal::catch_up(&self.parts.journal, &restored).await?;
        let applied: u64 = report.applied.values().sum();
        info!(from = report.from, to = report.to, applied, "the store has caught up with the journal");
        for (kind, count) in &report.applied {
            info!(%kind, count, "acts that a restored store missed were applied");
        }
        // Before anything is caught up: the first sweep would find over what an authority has lengthened.
        let (clock, mesh) = (self.parts.clock.as_ref(), self.parts.mesh.as_ref());
        carry_orders(self.store(), &self.parts.policies, clock, mesh).await?;
        self.redo_undone().await?;
        self.start.send_replace(Start::CaughtUp);
        Ok(())
    }

    /// Waits until the store has caught up; false where the process ends before.
    async fn started(&self, shutdown: &Shutdown) -> bool {
        let mut watched = self.start.subscribe();
        tokio::select! {
            () = shutdown.draining() => false,
            found = watched.wait_for(|start| *start == Start::CaughtUp) => found.is_ok(),
        }
    }
}

/// Takes what runs from step to step. A step that is broken off is done again.
async fn carry_on(erasing: &Arc<Erasing>, stuck: &Gauge, shutdown: &Shutdown) {
    let rest: Duration = erasing.parts.config.rest.into();
    let saga = Saga::new(Arc::clone(erasing));
    loop {
        let advanced = tokio::select! {
            () = shutdown.draining() => return,
            advanced = saga.advance() => advanced,
        };
        stuck.set(saga.stuck());
        match advanced {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => warn!(error = chain(&error), "erasures wait"),
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = erasing.bell.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Looks now and then what is due, what a released hold lets go on, and what stores have still to finish.
async fn sweep_on(erasing: &Arc<Erasing>, waits: &Gauge, shutdown: &Shutdown) {
    let every: Duration = erasing.parts.config.sweep.into();
    loop {
        let swept = tokio::select! {
            () = shutdown.draining() => return,
            swept = erasing.sweep_all() => swept,
        };
        match swept {
            Ok(waiting) => waits.set(i64::try_from(waiting).unwrap_or(i64::MAX)),
            Err(error) => warn!(error = chain(&error), "the tenants to sweep cannot be listed"),
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
mod tests;
