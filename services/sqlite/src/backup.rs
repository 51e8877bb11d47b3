//! Copies of files that others write to at the same moment.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::connection;
use crate::error::Error;

/// How long a file that others write to is waited for, in milliseconds.
const PATIENCE: u32 = 30_000;

/// Nothing is committed to a file while this lives; readers go on.
pub struct Standstill {
    // Rolled back when it is closed; nothing was written.
    _connection: Connection,
}

/// Has the writers of a file wait.
pub fn stand_still(file: &Path) -> Result<Standstill, Error> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    Ok(Standstill { _connection: connection })
}

/// Copies a file as its last commit left it into one that does not exist yet, readable by its owner only.
pub fn copy(file: &Path, to: &Path) -> Result<(), Error> {
    // A file without a writer may have no shared memory yet, which a reader makes: not read-only.
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // SQLite takes an empty file as it is, and would make one that everybody may read.
    connection::create(to)?;
    connection.execute("VACUUM INTO ?", [to.as_os_str().to_string_lossy()])?;
    Ok(())
}

/// Whether a file is whole.
pub fn is_whole(file: &Path) -> Result<bool, Error> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok(found == "ok")
}

fn open(file: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_millis(PATIENCE.into()))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(file: &Path) -> i64 {
        let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_copy_is_the_last_commit_and_a_standstill_keeps_writers_out() {
        let folder = tempfile::tempdir().unwrap();
        let (file, copied) = (folder.path().join("a.db"), folder.path().join("copy.db"));
        let writer = Connection::open(&file).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").unwrap();
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();

        let still = stand_still(&file).unwrap();
        assert!(writer.execute_batch("INSERT INTO t VALUES (2)").is_err());
        copy(&file, &copied).unwrap();
        drop(still);
        writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert_eq!((rows(&copied), rows(&file)), (1, 2));
        assert!(is_whole(&copied).unwrap());
        assert!(copy(&file, &copied).is_err(), "nothing is overwritten");
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_is_for_its_owner_s_eyes_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, copied) = (folder.path().join("a.db"), folder.path().join("copy.db"));
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        copy(&file, &copied).unwrap();
        assert_eq!(std::fs::metadata(&copied).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(rows(&copied), 0);
    }

    #[test]
    fn a_file_that_is_cut_off_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let writer = Connection::open(&file).unwrap();
        writer.execute_batch("CREATE TABLE t (n BLOB); INSERT INTO t VALUES (randomblob(100000))").unwrap();
        drop(writer);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(!is_whole(&file).unwrap_or(false));
    }
}
