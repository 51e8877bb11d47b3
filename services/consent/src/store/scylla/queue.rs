//! Acts that wait together are done together: a conditional write costs the same for one and for many.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::failure::Failure;

/// Acts that are done at once.
const TOGETHER: usize = 64;
/// Acts that wait; beyond it callers wait for room.
const ROOM: usize = 1_024;

type Answer<R> = oneshot::Sender<Result<R, Failure>>;

/// Where acts wait for the one task that does them. What it has begun it finishes though nobody waits any more;
/// it ends with the queue.
pub(super) struct Queue<A, R> {
    sender: mpsc::Sender<(A, Answer<R>)>,
    _worker: JoinSet<()>,
}

/// Does acts that came together.
#[async_trait::async_trait]
pub(super) trait Worker<A, R>: Send + Sync + 'static {
    /// Each one's result, in their order.
    async fn work(&self, acts: Vec<A>) -> Vec<Result<R, Failure>>;
}

impl<A: Send + 'static, R: Send + 'static> Queue<A, R> {
    /// Starts the task.
    pub(super) fn start(worker: Arc<dyn Worker<A, R>>) -> Self {
        let (sender, receiver) = mpsc::channel(ROOM);
        let mut task = JoinSet::new();
        task.spawn(run(receiver, worker));
        Self { sender, _worker: task }
    }

    /// Has an act done.
    pub(super) async fn submit(&self, act: A) -> Result<R, Failure> {
        let (answer, answered) = oneshot::channel();
        self.sender.send((act, answer)).await.map_err(|_| Failure::Closed)?;
        answered.await.map_err(|_| Failure::Closed)?
    }
}

async fn run<A: 'static, R: 'static>(
    mut receiver: mpsc::Receiver<(A, Answer<R>)>,
    worker: Arc<dyn Worker<A, R>>,
) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while receiver.recv_many(&mut waiting, TOGETHER).await > 0 {
        let (acts, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        for (answer, result) in answers.into_iter().zip(worker.work(acts).await) {
            // An error says that nobody waits for it any more.
            let _unheard = answer.send(result);
        }
    }
}
