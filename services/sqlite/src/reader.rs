//! A few connections that read snapshots, on the runtime's blocking threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection::{self, Options};
use crate::error::Error;

pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let count = options.readers.max(1);
        let idle = (0..count).map(|_| connection::reader(path, options)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), free: Arc::new(Semaphore::new(count)) })
    }

    pub(crate) async fn read<T, E, F>(&self, look: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = self.free.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        let idle = self.idle.clone();
        let done = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().pop().expect("as many permits as connections");
            let answer = catch_unwind(AssertUnwindSafe(|| snapshot(&connection, look)));
            idle.lock().push(connection);
            drop(permit);
            answer.unwrap_or_else(|_| Err(Error::Panicked.into()))
        });
        // The closure's own panics are caught above: what fails here is a runtime that shuts down.
        done.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

fn snapshot<T, E: From<Error>>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    // Rolls back when dropped, also by a panic: the connection comes back without a transaction.
    let transaction = connection.unchecked_transaction().map_err(Error::from)?;
    look(&transaction)
}
