use std::sync::mpsc;

use tempfile::TempDir;

use super::*;
use crate::connection::Deleted;

const NOTES: &[Component] = &[Component {
    name: "notes",
    steps: &["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT"],
}];

async fn open(dir: &TempDir) -> Db {
    open_with(dir, Options::default()).await
}

async fn open_with(dir: &TempDir, options: Options) -> Db {
    Db::open(&dir.path().join("notes.db"), options, NOTES).await.unwrap()
}

fn add(tx: &Connection, text: &str) -> Result<(), Error> {
    tx.execute("INSERT INTO note (text) VALUES (?)", [text])?;
    Ok(())
}

fn count(connection: &Connection) -> Result<u64, Error> {
    Ok(connection.query_row("SELECT count(*) FROM note", [], |row| row.get(0))?)
}

/// Keeps the writer busy until the returned sender is dropped, so that the writes that follow wait together.
async fn hold(db: &Db) -> (tokio::task::JoinSet<Result<(), Error>>, mpsc::Sender<()>) {
    let (release, gate) = mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let db = db.clone();
    let mut held = tokio::task::JoinSet::new();
    held.spawn(async move {
        db.write(move |_| {
            entered.send(()).unwrap();
            gate.recv().unwrap_err();
            Ok(())
        })
        .await
    });
    inside.await.unwrap();
    (held, release)
}

#[tokio::test]
async fn an_answered_write_is_there_after_opening_again() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    db.write(|tx| add(tx, "kept")).await.unwrap();
    drop(db);
    assert_eq!(open(&dir).await.read(count).await.unwrap(), 1);
}

#[tokio::test]
async fn writes_that_wait_together_share_one_commit() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let path = db.path().to_owned();
    let (mut held, release) = hold(&db).await;
    let (first, second, ()) = tokio::join!(
        db.write(|tx| add(tx, "first")),
        db.write(move |tx| -> Result<_, Error> { Ok((count(tx)?, count(&Connection::open(path)?)?)) }),
        async { drop(release) },
    );
    first.unwrap();
    assert_eq!(second.unwrap(), (1, 0), "seen by the next write, not yet by others");
    held.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_write_that_fails_or_panics_is_undone_alone() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let (_held, release) = hold(&db).await;
    let (before, failed, panicked, after, ()) = tokio::join!(
        db.write(|tx| add(tx, "before")),
        db.write(|tx| add(tx, "undone").and_then(|()| add(tx, "before"))),
        db.write(|tx| -> Result<(), Error> {
            add(tx, "undone")?;
            panic!("a fault in a closure")
        }),
        db.write(|tx| add(tx, "after")),
        async { drop(release) },
    );
    before.unwrap();
    after.unwrap();
    assert!(failed.unwrap_err().is_duplicate());
    assert!(matches!(panicked.unwrap_err(), Error::Panicked));
    let texts = db.read(|connection| -> Result<Vec<String>, Error> {
        let mut select = connection.prepare("SELECT text FROM note ORDER BY id")?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    });
    assert_eq!(texts.await.unwrap(), ["before", "after"]);
}

#[tokio::test]
async fn a_closure_that_ends_the_shared_transaction_undoes_it_for_all() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let (_held, release) = hold(&db).await;
    let (before, rogue, ()) = tokio::join!(
        db.write(|tx| add(tx, "before")),
        db.write(|tx| Ok::<_, Error>(tx.execute_batch("ROLLBACK")?)),
        async { drop(release) },
    );
    assert!(matches!(before.unwrap_err(), Error::Undone));
    assert!(matches!(rogue.unwrap_err(), Error::Undone));
    db.write(|tx| add(tx, "later")).await.unwrap();
    assert_eq!(db.read(count).await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_file_refuses_writes_and_takes_them_again_when_space_returns() {
    let dir = TempDir::new().unwrap();
    let db = open_with(&dir, Options { max_bytes: Some(128 << 10), ..Options::default() }).await;
    let mut kept = 0;
    let error = loop {
        let text = format!("{kept}{}", "x".repeat(8 << 10));
        match db.write(move |tx| add(tx, &text)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "the bound does not hold");
    };
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert_eq!(db.read(count).await.unwrap(), kept);

    db.write(|tx| Ok::<_, Error>(tx.execute("DELETE FROM note", [])?)).await.unwrap();
    db.write(|tx| add(tx, "again")).await.unwrap();
}

#[tokio::test]
async fn a_read_sees_one_snapshot() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let other = open(&dir).await;
    let (tell, told) = mpsc::channel::<()>();
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let reading = db.read(move |connection| -> Result<_, Error> {
        let first = count(connection)?;
        began.send(()).unwrap();
        told.recv().unwrap();
        Ok((first, count(connection)?))
    });
    let writing = async {
        has_begun.await.unwrap();
        other.write(|tx| add(tx, "between")).await.unwrap();
        tell.send(()).unwrap();
    };
    let (seen, ()) = tokio::join!(reading, writing);
    assert_eq!(seen.unwrap(), (0, 0));
    assert_eq!(db.read(count).await.unwrap(), 1);
}

#[tokio::test]
async fn readers_cannot_write() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    assert!(db.read(|connection| add(connection, "smuggled")).await.is_err());
    assert_eq!(db.read(count).await.unwrap(), 0);
}

#[tokio::test]
async fn a_reader_that_panics_leaves_its_connection_usable() {
    let dir = TempDir::new().unwrap();
    let db = open_with(&dir, Options { readers: 1, ..Options::default() }).await;
    let panicked: Result<u64, Error> = db.read(|_| panic!("a fault in a closure")).await;
    assert!(matches!(panicked, Err(Error::Panicked)));
    assert_eq!(db.read(count).await.unwrap(), 0);
}

#[tokio::test]
async fn several_handles_write_to_one_file() {
    let dir = TempDir::new().unwrap();
    let (one, two) = (open(&dir).await, open(&dir).await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let db = if number % 2 == 0 { one.clone() } else { two.clone() };
        tasks.spawn(async move { db.write(move |tx| add(tx, &number.to_string())).await });
    }
    tasks.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(one.read(count).await.unwrap(), 100);
}

#[tokio::test]
async fn deleted_bytes_are_gone_from_the_file_after_a_checkpoint() {
    let dir = TempDir::new().unwrap();
    let db = open_with(&dir, Options { deleted: Deleted::Overwritten, ..Options::default() }).await;
    let secret = "s3cr3t-bytes".repeat(50);
    let kept = secret.clone();
    db.write(move |tx| add(tx, &kept)).await.unwrap();
    assert!(db.checkpoint().await.unwrap());
    assert!(files_hold(&dir, secret.as_bytes()));
    db.write(|tx| Ok::<_, Error>(tx.execute("DELETE FROM note", [])?)).await.unwrap();
    assert!(db.checkpoint().await.unwrap());
    assert!(!files_hold(&dir, &secret.as_bytes()[..24]));
}

#[tokio::test]
async fn the_last_handle_closes_the_file() {
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    let clone = db.clone();
    db.write(|tx| add(tx, "kept")).await.unwrap();
    drop(db);
    assert!(dir.path().join("notes.db-wal").exists());
    drop(clone);
    assert!(!dir.path().join("notes.db-wal").exists(), "SQLite removes the log at the last close");
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let db = open(&dir).await;
    db.write(|tx| add(tx, "private")).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

fn files_hold(dir: &TempDir, needle: &[u8]) -> bool {
    let entries = std::fs::read_dir(dir.path()).unwrap();
    let contents = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    contents.into_iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}
