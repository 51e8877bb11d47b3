//! The task that steps every tenant, the gauge of what is held up, and the warning of what is for long.

use std::sync::Arc;
use std::time::Duration;

use kernel::{TenantId, chain};
use platform::drain::Task;
use platform::telemetry::{Gauge, Metric, MetricKind, Metrics};
use tracing::warn;

use super::Turn;
use crate::error::Error;
use crate::store::EpochState;

/// How long ago the oldest epoch ended that is not destroyed.
pub const EPOCH_HELD: Metric = Metric {
    name: "verbale_crypto_epoch_held_seconds",
    help: "seconds since the end of the oldest key epoch that has ended and could not be destroyed; 0 where there is none",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// The task that steps every tenant until the process drains.
pub(crate) fn task(turn: Arc<Turn>, every: Duration, metrics: &Metrics) -> Task {
    let gauge = metrics.gauge(&EPOCH_HELD, &[]);
    Task::new("crypto-turn", move |shutdown| async move {
        loop {
            // What is cut off is done again.
            tokio::select! {
                () = shutdown.draining() => return Ok(()),
                () = turn.round(&gauge) => {}
            }
            tokio::select! {
                () = shutdown.draining() => return Ok(()),
                () = tokio::time::sleep(every) => {}
            }
        }
    })
}

impl Turn {
    /// Steps every tenant; one whose step fails holds up no other.
    pub(crate) async fn round(&self, gauge: &Gauge) {
        let tenants = match self.parts.store.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => return warn!(error = chain(&error), "who has key epochs is not known"),
        };
        let mut longest = Duration::ZERO;
        for tenant in &tenants {
            if let Err(error) = self.advance(tenant).await {
                warn!(%tenant, error = chain(&error), "key epochs are not taken further for now");
            }
            match self.held(tenant).await {
                Ok(held) => longest = longest.max(held),
                Err(error) => warn!(%tenant, error = chain(&error), "how key epochs stand is not known"),
            }
        }
        gauge.set(i64::try_from(longest.as_secs()).unwrap_or(i64::MAX));
    }

    /// How long ago the first of a tenant's epochs ended that has ended and is still there.
    async fn held(&self, tenant: &TenantId) -> Result<Duration, Error> {
        let now = self.parts.clock.now();
        let rows = self.parts.store.epochs(tenant).await?;
        let mut longest = Duration::ZERO;
        for (index, row) in rows.iter().enumerate() {
            match row.state {
                EpochState::Closing | EpochState::Drained => {}
                EpochState::Active | EpochState::Destroyed => continue,
            }
            // One that was ended early ended with the next one's beginning.
            let next = rows.get(index + 1).map_or(row.until, |next| next.from);
            longest = longest.max(now.since(next.min(row.until)));
            let is_long = now.since(row.until) > self.parts.length;
            if is_long && !self.know(tenant, row.epoch, |known| std::mem::replace(&mut known.is_told, true)) {
                let wait = self.last_wait(tenant, row.epoch).map(|wait| wait.to_string()).unwrap_or_default();
                warn!(%tenant, epoch = %row.epoch, wait, "a key epoch is held up for longer than one lasts");
            }
        }
        Ok(longest)
    }
}
