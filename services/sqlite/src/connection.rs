//! Opening one connection, and what holds for every one of them.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::Error;

/// How a file is opened and called.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for reading.
    pub readers: usize,
    /// Writes that may wait for the writer; more callers wait for a place.
    pub queue: usize,
    /// Writes that share one commit at most.
    pub group: usize,
    /// How long to wait for another process that writes to the same file.
    pub busy_timeout: Duration,
    /// Size at which writes are refused as on a full disk.
    pub max_bytes: Option<u64>,
    /// What becomes of deleted bytes.
    pub deleted: Deleted,
}

/// What becomes of the bytes of deleted and overwritten rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// Zeros are written over them. [`crate::Db::checkpoint`] also takes them out of the write-ahead log.
    Overwritten,
    /// Zeros where that costs no further write; the rest stays in free pages until these are used again.
    OverwrittenWhereFree,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 1_024,
            group: 256,
            busy_timeout: Duration::from_secs(5),
            max_bytes: None,
            deleted: Deleted::Overwritten,
        }
    }
}

/// Makes the file where there is none, readable by its owner only; SQLite gives its companions the same mode. One
/// that is there is not even opened: to close it would give up the locks of this process's other connections.
pub(crate) fn create(path: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(path, error)),
        _ => Ok(()),
    }
}

/// A connection that writes.
pub(crate) fn writer(path: &Path, options: &Options) -> Result<Connection, Error> {
    let connection = open(path, options)?;
    // FULL: a commit returns after its fsync, so what was acknowledged survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", options.deleted.pragma())?;
    if let Some(bytes) = options.max_bytes {
        let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        connection.pragma_update_and_check(None, "max_page_count", (bytes / page).max(1), |_| Ok(()))?;
    }
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, Error> {
    let connection = open(path, options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, options: &Options) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| refused(path, source))?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    log_ahead(&connection, options.busy_timeout)?;
    Ok(connection)
}

/// Turns the write-ahead log on. Of two that do so at once on a new file one is refused as busy, without the wait
/// that SQLite itself does elsewhere; the other is done in no time.
fn log_ahead(connection: &Connection, patience: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < patience =>
            {
                std::thread::sleep(BUSY_PAUSE);
            }
            done => return done.map_err(Error::from),
        }
    }
}

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;
/// Between two tries to turn the write-ahead log on.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

fn refused(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Open { path: path.to_owned(), source: Arc::new(source) }
}

impl Deleted {
    fn pragma(self) -> &'static str {
        match self {
            Self::Overwritten => "ON",
            Self::OverwrittenWhereFree => "FAST",
        }
    }
}
