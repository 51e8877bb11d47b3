use tempfile::TempDir;

use super::*;
use crate::{Db, Options};

const ONE: &str = "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT";
const TWO: &str = "CREATE TABLE two (id INTEGER PRIMARY KEY) STRICT; INSERT INTO one VALUES (2)";
const BROKEN: &str = "CREATE TABLE three (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1)";

const FIRST: &[Component] = &[Component { name: "part", steps: &[ONE] }];
const SECOND: &[Component] =
    &[Component { name: "part", steps: &[ONE, TWO] }, Component { name: "other", steps: &[] }];
const EDITED: &[Component] = &[Component { name: "part", steps: &[TWO] }];
const FAILING: &[Component] = &[Component { name: "part", steps: &[ONE, TWO, BROKEN] }];

async fn open(dir: &TempDir, components: &'static [Component]) -> Result<Db, Error> {
    Db::open(&dir.path().join("part.db"), Options::default(), components).await
}

async fn rows(db: &Db) -> u64 {
    let counted = db.read(|c| Ok::<_, Error>(c.query_row("SELECT count(*) FROM one", [], |row| row.get(0))?));
    counted.await.unwrap()
}

#[tokio::test]
async fn each_step_is_applied_once() {
    let dir = TempDir::new().unwrap();
    assert_eq!(rows(&open(&dir, FIRST).await.unwrap()).await, 0);
    for _ in 0..2 {
        assert_eq!(rows(&open(&dir, SECOND).await.unwrap()).await, 1);
    }
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let dir = TempDir::new().unwrap();
    open(&dir, SECOND).await.unwrap();
    let error = open(&dir, FIRST).await.err().unwrap();
    assert!(matches!(error, Error::NewerSchema { component: "part", found: 2, known: 1 }), "{error}");
}

#[tokio::test]
async fn a_step_that_changed_after_it_was_applied_is_refused() {
    let dir = TempDir::new().unwrap();
    open(&dir, FIRST).await.unwrap();
    let error = open(&dir, EDITED).await.err().unwrap();
    assert!(matches!(error, Error::MigrationChanged { component: "part", number: 1 }), "{error}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_of_itself() {
    let dir = TempDir::new().unwrap();
    let error = open(&dir, FAILING).await.err().unwrap();
    assert!(matches!(error, Error::Migration { component: "part", number: 3, .. }), "{error}");
    let db = open(&dir, SECOND).await.unwrap();
    let three = "SELECT count(*) FROM sqlite_schema WHERE name = 'three'";
    let found = db.read(move |c| Ok::<u64, Error>(c.query_row(three, [], |row| row.get(0))?));
    assert_eq!(found.await.unwrap(), 0);
}

#[tokio::test]
async fn two_that_open_a_new_file_at_once_both_succeed() {
    let dir = TempDir::new().unwrap();
    let (one, two) = tokio::join!(open(&dir, SECOND), open(&dir, SECOND));
    assert_eq!((rows(&one.unwrap()).await, rows(&two.unwrap()).await), (1, 1));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = TempDir::new().unwrap();
    std::fs::write(
        dir.path().join("part.db"),
        "not a database, but long enough to have a header".repeat(100),
    )
    .unwrap();
    let error = open(&dir, FIRST).await.err().unwrap();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
}
