//! The one thread that writes: it takes what waits, runs each under a savepoint, commits once, then answers.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::connection::{self, Options};
use crate::error::Error;

/// A write transaction: a connection whose changes are committed after the closure.
pub struct Tx<'c>(&'c Connection);

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

pub(crate) struct Writer {
    // Taken when dropped, so that the thread sees the end of the queue.
    queue: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

enum Task {
    Write(Box<dyn Job>),
    Checkpoint(oneshot::Sender<Result<bool, Error>>),
}

/// A write and whoever waits for it.
trait Job: Send {
    /// Makes the changes; tells whether to keep them.
    fn run(&mut self, tx: &Tx<'_>) -> Verdict;
    /// Gives the caller its answer, or the reason why nothing was kept.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Keep,
    Undo,
}

struct Call<F, T, E> {
    act: Option<F>,
    made: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl Writer {
    pub(crate) fn start(path: &Path, options: &Options, connection: Connection) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(options.queue.max(1));
        let mut turn =
            Turn { path: path.to_owned(), options: options.clone(), connection: Some(connection), waiting };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || turn.run())
            .map_err(|source| Error::Open { path: path.to_owned(), source: Arc::new(source) })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(crate) async fn write<T, E, F>(&self, act: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Task::Write(Box::new(Call { act: Some(act), made: None, reply }))).await?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) async fn checkpoint(&self) -> Result<bool, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Task::Checkpoint(reply)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, task: Task) -> Result<(), Error> {
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.send(task).await.map_err(|_| Error::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        // A closure may own the last handle: its thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            // A panic of the thread has already answered every caller with `Closed`.
            let _ = thread.join();
        }
    }
}

/// The writer thread's own state.
struct Turn {
    path: PathBuf,
    options: Options,
    // None after the disk failed, until it opens again.
    connection: Option<Connection>,
    waiting: mpsc::Receiver<Task>,
}

impl Turn {
    fn run(&mut self) {
        while let Some(task) = self.waiting.blocking_recv() {
            let mut jobs = Vec::new();
            let mut next = Some(task);
            let mut checkpoint = None;
            while let Some(task) = next.take() {
                match task {
                    Task::Write(job) => jobs.push(job),
                    Task::Checkpoint(reply) => checkpoint = Some(reply),
                }
                if checkpoint.is_none() && jobs.len() < self.options.group {
                    next = self.waiting.try_recv().ok();
                }
            }
            self.commit(jobs);
            if let Some(reply) = checkpoint {
                // Nobody may be waiting any more.
                let _ = reply.send(self.checkpoint());
            }
        }
    }

    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        let outcome = self.connection().and_then(|connection| run_together(connection, &mut jobs));
        if outcome.as_ref().is_err_and(Error::is_disk_failure) {
            // The file's state is read afresh rather than believed.
            self.connection = None;
        }
        for job in jobs {
            job.answer(outcome.clone());
        }
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        let blocked: bool = self.connection()?.query_row(truncate, [], |row| row.get(0))?;
        Ok(!blocked)
    }

    fn connection(&mut self) -> Result<&Connection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connection::writer(&self.path, &self.options)?,
        };
        Ok(self.connection.insert(connection))
    }
}

fn run_together(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let done = begin(connection).and_then(|()| {
        for job in jobs.iter_mut() {
            run_one(connection, job.as_mut())?;
        }
        Ok(connection.prepare_cached("COMMIT")?.execute([]).map(drop)?)
    });
    if done.is_err() && !connection.is_autocommit() {
        // The first error is the one to tell; after this the connection is usable or is opened again.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn begin(connection: &Connection) -> Result<(), Error> {
    // IMMEDIATE: another process is waited for here, not in the midst of a closure.
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    Ok(())
}

fn run_one(connection: &Connection, job: &mut dyn Job) -> Result<(), Error> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let verdict = job.run(&Tx(connection));
    if connection.is_autocommit() {
        // SQLite undoes the whole transaction on a full or failing disk. The closure whose statement it was
        // has the cause as its own error.
        return Err(Error::Undone);
    }
    if verdict == Verdict::Undo {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> Verdict {
        let Some(act) = self.act.take() else { return Verdict::Undo };
        let made = catch_unwind(AssertUnwindSafe(|| act(tx))).unwrap_or_else(|_| Err(Error::Panicked.into()));
        let verdict = if made.is_ok() { Verdict::Keep } else { Verdict::Undo };
        self.made = Some(made);
        verdict
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (self.made, committed) {
            // Its own refusal stands whatever became of the others.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(made)), Ok(())) => Ok(made),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Closed.into()),
        };
        // Nobody may be waiting any more.
        let _ = self.reply.send(answer);
    }
}
