//! What runs in the background: the work on open requests, the requests that were said in calls, and what recipients are
//! to be told.

use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use kernel::chain;
use kernel::topics::{RECORDINGS, RETENTION};
use platform::feed::Feed;
use platform::lag::LagWatch;
use platform::telemetry::{Gauge, Metric, MetricKind, Metrics};
use platform::{Shutdown, Task};
use tracing::warn;

use super::hearing::{GROUP, Hearing};
use super::noticing::{self, Noticing};
use crate::service::Service;

/// Requests that are not answered.
pub(crate) const OPEN: Metric = Metric {
    name: "verbale_dsar_requests_open",
    help: "requests that are not answered yet",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Requests whose last day is over.
pub(crate) const OVERDUE: Metric = Metric {
    name: "verbale_dsar_requests_overdue",
    help: "requests that are not answered though their last day is over: an incident",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Requests with which something goes wrong.
pub(crate) const FAILING: Metric = Metric {
    name: "verbale_dsar_requests_failing",
    help: "requests of which something cannot be done, or was found not to be done",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// Rights that were asked for in calls and are no request yet.
pub(crate) const UNOPENED: Metric = Metric {
    name: "verbale_dsar_heard_unopened_total",
    help: "rights asked for in calls of which no request could be opened: somebody has to open it",
    kind: MetricKind::Counter,
    labels: &[],
};

/// Notices that nobody has answered.
pub(crate) const NOTICES_OPEN: Metric = Metric {
    name: "verbale_dsar_notices_open",
    help: "notices of which it is not said yet that their recipients know",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Those for which that takes too long.
pub(crate) const NOTICES_LATE: Metric = Metric {
    name: "verbale_dsar_notices_late",
    help: "notices that are open for longer than dsar.notice_late",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// The tasks of requests.
pub fn tasks(service: &Arc<Service>, log: &Arc<dyn EventLog>, metrics: &Metrics) -> Vec<Task> {
    let shown = Shown {
        open: metrics.gauge(&OPEN, &[]),
        overdue: metrics.gauge(&OVERDUE, &[]),
        failing: metrics.gauge(&FAILING, &[]),
    };
    let working = Arc::clone(service);
    let hearing = Hearing { service: Arc::clone(service), unopened: metrics.counter(&UNOPENED, &[]) };
    let feed = Feed { log: Arc::clone(log), group: GROUP, topic: RECORDINGS };
    let lag = LagWatch { log: Arc::clone(log), group: GROUP, topic: RECORDINGS };
    let mut tasks = vec![Task::new("dsar-requests", move |shutdown| async move {
        work(&working, &shown, &shutdown).await;
        Ok(())
    })];
    if service.parts.config.heard {
        tasks.push(Task::new("dsar-heard", move |shutdown| async move {
            feed.follow(&hearing, &shutdown).await;
            Ok(())
        }));
        tasks.push(lag.into_task(metrics));
    }
    tasks.extend(notices(service, log, metrics));
    tasks
}

/// The tasks of what recipients are to be told.
fn notices(service: &Arc<Service>, log: &Arc<dyn EventLog>, metrics: &Metrics) -> [Task; 3] {
    let shown = Notices { open: metrics.gauge(&NOTICES_OPEN, &[]), late: metrics.gauge(&NOTICES_LATE, &[]) };
    let (telling, group) = (Arc::clone(service), noticing::GROUP);
    let noticing = Noticing { service: Arc::clone(service) };
    let feed = Feed { log: Arc::clone(log), group, topic: RETENTION };
    let lag = LagWatch { log: Arc::clone(log), group, topic: RETENTION };
    [
        Task::new("dsar-notices", move |shutdown| async move {
            feed.follow(&noticing, &shutdown).await;
            Ok(())
        }),
        lag.into_task(metrics),
        Task::new("dsar-unanswered", move |shutdown| async move {
            tell(&telling, &shown, &shutdown).await;
            Ok(())
        }),
    ]
}

struct Shown {
    open: Gauge,
    overdue: Gauge,
    failing: Gauge,
}

struct Notices {
    open: Gauge,
    late: Gauge,
}

/// Takes open requests on. A turn that is broken off is done again.
async fn work(service: &Service, shown: &Shown, shutdown: &Shutdown) {
    let rest: Duration = service.parts.config.rest.into();
    loop {
        let standing = tokio::select! {
            () = shutdown.draining() => return,
            standing = service.carry_on_all() => standing,
        };
        match standing {
            Ok(standing) => {
                shown.open.set(standing.open);
                shown.overdue.set(standing.overdue);
                shown.failing.set(standing.failing);
            }
            Err(error) => warn!(error = chain(&error), "the tenants that have requests cannot be listed"),
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = service.bell.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Tells recipients again, until somebody answers.
async fn tell(service: &Service, shown: &Notices, shutdown: &Shutdown) {
    let rest: Duration = service.parts.config.rest.into();
    loop {
        let unanswered = tokio::select! {
            () = shutdown.draining() => return,
            unanswered = service.tell_again(service.now()) => unanswered,
        };
        match unanswered {
            Ok(unanswered) => {
                shown.open.set(unanswered.open);
                shown.late.set(unanswered.late);
            }
            Err(error) => {
                warn!(error = chain(&error), "the tenants that have disclosed something cannot be listed")
            }
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep(rest) => {}
        }
    }
}
