//! How a process stops: one signal in stages, and every task named, owned and awaited.
//!
//! Order: not ready, and neither new calls nor new batches (`Draining`); what runs is finished; outboxes and
//! late audit entries are sent (`Flushing`); the audit producer sends what it has and says goodbye
//! (`Closing`); then telemetry. This is the only place that spawns tasks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use kernel::chain;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// How far the process is on its way out; it only goes forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// It runs.
    Running,
    /// No new calls, no new batches; what runs is finished.
    Draining,
    /// Nothing writes rows any more: outboxes send what they have and end.
    Flushing,
    /// Nothing produces any more: producers send what they have and end.
    Closing,
}

/// Tells everybody how far the process is on its way out.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Stage>);

/// What a task watches to know when to end.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Stage>);

/// A running process's pair.
pub fn shutdown() -> (Stopper, Shutdown) {
    let (tx, rx) = watch::channel(Stage::Running);
    (Stopper(tx), Shutdown(rx))
}

impl Stopper {
    /// Moves on to this stage; never back.
    pub fn advance(&self, stage: Stage) {
        let moved = self.0.send_if_modified(|now| {
            let forward = stage > *now;
            *now = stage.max(*now);
            forward
        });
        if moved {
            info!(?stage, "stopping");
        }
    }
}

impl Shutdown {
    /// The present stage.
    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }
    /// Waits until the process drains: when consumers and servers end.
    pub async fn draining(&self) {
        self.reached(Stage::Draining).await;
    }
    /// Waits until the process flushes: when outboxes end.
    pub async fn flushing(&self) {
        self.reached(Stage::Flushing).await;
    }
    /// Waits until the process closes: when producers end.
    pub async fn closing(&self) {
        self.reached(Stage::Closing).await;
    }
    /// Waits for a stage. A stopper that is gone stops everything.
    pub async fn reached(&self, stage: Stage) {
        let mut watched = self.0.clone();
        let _gone_is_stopped = watched.wait_for(|now| *now >= stage).await;
    }
}

/// How a task ends; an error ends the process.
pub type TaskResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

type Started = Pin<Box<dyn Future<Output = TaskResult> + Send>>;

/// A task that is not yet running.
pub struct Task {
    name: &'static str,
    ends_at: Stage,
    start: Box<dyn FnOnce(Shutdown) -> Started + Send>,
}

impl Task {
    /// Names a task that ends when the process drains; `start` makes its future from the signal to watch.
    pub fn new<F, Fut>(name: &'static str, start: F) -> Self
    where
        F: FnOnce(Shutdown) -> Fut + Send + 'static,
        Fut: Future<Output = TaskResult> + Send + 'static,
    {
        Self { name, ends_at: Stage::Draining, start: Box::new(move |shutdown| Box::pin(start(shutdown))) }
    }
    /// Says that it goes on until a later stage.
    pub fn until(mut self, stage: Stage) -> Self {
        self.ends_at = stage;
        self
    }
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.name).finish()
    }
}

/// A task that ended before it should have.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It gave up.
    #[error("task {name} failed")]
    Failed {
        /// The task.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It panicked.
    #[error("a task panicked")]
    Panicked {
        /// Where.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// The running tasks of a process. Dropping it aborts them.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<Ended>,
    /// Those still running, with the stage at which they end.
    running: Vec<(tokio::task::Id, &'static str, Stage)>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Ended {
    name: &'static str,
    result: TaskResult,
}

impl Tasks {
    /// None yet; all will watch this signal.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { set: JoinSet::new(), running: Vec::new(), shutdown }
    }

    /// Starts a task.
    pub fn start(&mut self, task: Task) {
        let Task { name, ends_at, start } = task;
        let future = start(self.shutdown.clone());
        let handle = self.set.spawn(async move { Ended { name, result: future.await } });
        self.running.push((handle.id(), name, ends_at));
    }

    /// How many are running.
    pub fn len(&self) -> usize {
        self.running.len()
    }
    /// Whether none is running.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the first task that fails; returns when all have ended well.
    pub async fn failed(&mut self) -> Result<(), TaskError> {
        while let Some(ended) = self.next().await {
            ended?;
        }
        Ok(())
    }

    /// Stops the process in order: each stage in turn, waiting for the tasks that end at it. All stages
    /// together take at most `patience`; what runs after that is aborted. Returns how many were.
    pub async fn stop(&mut self, stopper: &Stopper, patience: Duration) -> usize {
        let in_order = async {
            for stage in [Stage::Draining, Stage::Flushing, Stage::Closing] {
                stopper.advance(stage);
                while self.running.iter().any(|(_, _, ends_at)| *ends_at <= stage) {
                    if let Some(Err(failure)) = self.next().await {
                        error!(error = chain(&failure), "a task failed while stopping");
                    }
                }
            }
        };
        if tokio::time::timeout(patience, in_order).await.is_ok() {
            return 0;
        }
        stopper.advance(Stage::Closing);
        let left = self.running.len();
        let names: Vec<_> = self.running.iter().map(|(_, name, _)| *name).collect();
        warn!(tasks = names.join(", "), "tasks did not end in time and are aborted");
        self.set.shutdown().await;
        self.running.clear();
        left
    }

    async fn next(&mut self) -> Option<Result<(), TaskError>> {
        let joined = self.set.join_next_with_id().await?;
        let id = joined.as_ref().map_or_else(tokio::task::JoinError::id, |(id, _)| *id);
        self.running.retain(|(own, _, _)| *own != id);
        Some(match joined {
            Ok((_, Ended { name, result: Ok(()) })) => {
                info!(task = name, "task ended");
                Ok(())
            }
            Ok((_, Ended { name, result: Err(source) })) => Err(TaskError::Failed { name, source }),
            Err(source) => Err(TaskError::Panicked { source }),
        })
    }
}

/// The process's signals to end.
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen for SIGINT and SIGTERM.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
    /// The next one. The first drains; whoever gets the second exits at once.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stages_only_go_forward() {
        let (stopper, shutdown) = shutdown();
        stopper.advance(Stage::Flushing);
        stopper.advance(Stage::Draining);
        assert_eq!(shutdown.stage(), Stage::Flushing);
        shutdown.draining().await;
    }

    #[tokio::test]
    async fn a_stopper_that_is_gone_stops_everything() {
        let (stopper, shutdown) = shutdown();
        drop(stopper);
        shutdown.flushing().await;
    }

    #[tokio::test]
    async fn a_task_that_fails_is_told_by_name() {
        let (_stopper, shutdown) = shutdown();
        let mut tasks = Tasks::new(shutdown);
        tasks.start(Task::new("well", |_| async { Ok(()) }));
        tasks.start(Task::new("ill", |_| async { Err("broken".into()) }));
        assert!(matches!(tasks.failed().await, Err(TaskError::Failed { name: "ill", .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_end_stage_by_stage_and_the_stubborn_are_aborted() {
        let (stopper, shutdown) = shutdown();
        let (mut tasks, (told, mut order)) = (Tasks::new(shutdown), tokio::sync::mpsc::unbounded_channel());
        for stage in [Stage::Closing, Stage::Flushing, Stage::Draining] {
            let told = told.clone();
            let task = Task::new("orderly", move |shutdown| async move {
                shutdown.reached(stage).await;
                told.send((stage, shutdown.stage()))?;
                Ok(())
            });
            tasks.start(task.until(stage));
        }
        assert_eq!(tasks.stop(&stopper, Duration::from_secs(3)).await, 0);
        for stage in [Stage::Draining, Stage::Flushing, Stage::Closing] {
            assert_eq!(order.recv().await, Some((stage, stage)));
        }
        tasks.start(Task::new("stubborn", |_| std::future::pending()));
        assert_eq!(tasks.stop(&stopper, Duration::from_secs(3)).await, 1);
        assert!(tasks.is_empty());
    }
}
