//! Loads the policies again when the operator sends SIGHUP.

use std::sync::Arc;

use consent::policies::Policies;
use kernel::chain;
use platform::drain::{Shutdown, Task, TaskResult};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

/// The task that waits for the signal. A fault in a document leaves everything as it was.
pub(super) fn task(policies: Arc<Policies>) -> Task {
    Task::new("policies-reload", move |shutdown| run(policies, shutdown))
}

async fn run(policies: Arc<Policies>, shutdown: Shutdown) -> TaskResult {
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            () = shutdown.draining() => return Ok(()),
            _ = hangup.recv() => {}
        }
        match policies.reload().await {
            Ok(_) => info!("policies are loaded again"),
            Err(failure) => error!(error = chain(&failure), "policies stay as they were"),
        }
    }
}
