//! Keeps the signers of a process certified by the deployment's signing root.

use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use kernel::chain;
use platform::drain::{Shutdown, Task, TaskResult};
use platform::instance::{Instance, KeysCertifier};
use platform::retry::Backoff;
use platform::role::ReadyCheck;
use platform::wire::Wire;
use tracing::warn;

/// How often certificates are renewed; they hold for weeks.
const AGAIN: Duration = Duration::from_secs(86_400);

/// The task that certifies and renews, and the check that all have a certificate.
pub(super) fn certify(instances: Vec<Arc<Instance>>, wire: Wire) -> (Task, ReadyCheck) {
    let certified = instances.clone();
    let task = Task::new("certify", move |shutdown| run(instances, KeysCertifier::new(wire), shutdown));
    let ready = ReadyCheck::new("certificates", move || {
        let missing = certified.iter().find(|instance| instance.certificate().is_none());
        let answer = match missing {
            Some(instance) => Err(format!("the signer of {} has no certificate yet", instance.role())),
            None => Ok(()),
        };
        async move { answer }
    });
    (task, ready)
}

async fn run(instances: Vec<Arc<Instance>>, certifier: KeysCertifier, shutdown: Shutdown) -> TaskResult {
    let mut failed = 0;
    loop {
        let mut pause = AGAIN;
        for instance in &instances {
            if let Err(error) = instance.certify(&certifier).await {
                failed += 1;
                pause = Backoff::FOREVER.wait(failed);
                warn!(role = instance.role(), error = chain(&error), "a signer was not certified");
            }
        }
        if pause == AGAIN {
            failed = 0;
        }
        let wanted = instances.iter().map(|instance| Box::pin(instance.wants_certificate()));
        tokio::select! {
            () = shutdown.draining() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
            _ = select_all(wanted), if pause == AGAIN => {}
        }
    }
}
