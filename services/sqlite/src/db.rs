//! The handle that adapters hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use crate::connection::{self, Options};
use crate::error::Error;
use crate::migration::{self, Component};
use crate::reader::Readers;
use crate::writer::{Tx, Writer};

/// One SQLite file, shared by clones of this handle; the last one to go closes it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    path: PathBuf,
    // Readers close before the writer, whose close then empties the write-ahead log.
    readers: Readers,
    writer: Writer,
}

impl Db {
    /// Opens the file, or makes it, and brings the components' tables up to date.
    pub async fn open(
        path: &Path,
        options: Options,
        components: &'static [Component],
    ) -> Result<Self, Error> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::open_now(path, &options, components));
        opened.await.map_err(|_| Error::Panicked)?
    }

    /// Runs a closure in a write transaction and returns its answer once that is committed and fsynced.
    ///
    /// Writes that wait together share one commit, each under a savepoint: a closure that fails is undone
    /// alone. A closure runs on the writer's thread and must not wait for anything. If the caller stops
    /// waiting, the write may happen all the same.
    pub async fn write<T, E, F>(&self, act: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.writer.write(act).await
    }

    /// Runs a closure on a snapshot of the file: all its queries see the same commits.
    pub async fn read<T, E, F>(&self, look: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.readers.read(look).await
    }

    /// Copies the write-ahead log into the file and empties it, so that no deleted byte is left in it;
    /// `false` where a reader or another process stood in the way.
    pub async fn checkpoint(&self) -> Result<bool, Error> {
        self.0.writer.checkpoint().await
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn open_now(path: PathBuf, options: &Options, components: &[Component]) -> Result<Self, Error> {
        connection::create(&path)?;
        let mut connection = connection::writer(&path, options)?;
        migration::apply(&mut connection, components)?;
        let readers = Readers::open(&path, options)?;
        let writer = Writer::start(&path, options, connection)?;
        Ok(Self(Arc::new(Inner { path, readers, writer })))
    }
}

#[cfg(test)]
mod tests;
