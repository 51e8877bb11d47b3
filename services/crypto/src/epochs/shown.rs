//! The gauge of epochs in use.

use std::sync::Arc;
use std::time::Duration;

use kernel::chain;
use platform::drain::Task;
use platform::telemetry::{Gauge, Metric, MetricKind, Metrics};
use tracing::warn;

use super::Epochs;

/// How often it is brought up to date.
const EVERY: Duration = Duration::from_secs(10);

/// Time left of the epoch in use that ends first.
pub const EPOCH_ENDS: Metric = Metric {
    name: "verbale_epoch_ends_seconds",
    help: "seconds until the first of the tenants' key epochs in use ends; below 0 where one is over, its successor was asked for, and none began",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// The task that shows it until the process drains.
pub(crate) fn task(epochs: Arc<Epochs>, metrics: &Metrics) -> Task {
    let gauge = metrics.gauge(&EPOCH_ENDS, &[]);
    Task::new("crypto-epochs", move |shutdown| async move {
        loop {
            epochs.show(&gauge).await;
            tokio::select! {
                () = shutdown.draining() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    })
}

impl Epochs {
    /// Where none is in use, a whole epoch's length.
    pub(crate) async fn show(&self, gauge: &Gauge) {
        let left = match self.first_end().await {
            Ok(Some(until)) => (until.0 - self.clock.now().0).div_euclid(1_000_000),
            Ok(None) => i64::try_from(self.length.as_secs()).unwrap_or(i64::MAX),
            Err(error) => return warn!(error = chain(&error), "when epochs end is not known"),
        };
        gauge.set(left);
    }
}
