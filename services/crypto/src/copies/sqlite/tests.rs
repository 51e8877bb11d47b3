//! A copy is whole, reads, and is its owner's; or there is none.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use kernel::RecordingId;
use tempfile::TempDir;

use super::*;
use crate::store::KeyStore;
use crate::store::sqlite::SqliteKeyStore;
use crate::testing::{Bench, WEEK, section, tenant};

fn tables(bench: &Bench) -> PathBuf {
    bench.kept::<TempDir>().path().join("crypto.db")
}

fn place(bench: &Bench) -> PathBuf {
    bench.kept::<TempDir>().path().join("elsewhere/copies")
}

fn copies(bench: &Bench) -> SqliteCopies {
    let (backend, clock) = (bench.backend.clone(), bench.clock.clone());
    SqliteCopies::open(&tables(bench), &place(bench), backend, clock).unwrap()
}

fn names(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(place(bench)).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    for leg in 0..3 {
        bench.adopted(section(RecordingId::new(), leg)).await;
    }
    bench
}

#[tokio::test]
async fn a_copy_is_made_again_only_where_something_was_written() {
    let bench = bench().await;
    let copies = copies(&bench);
    copies.keep_up().await.unwrap();
    bench.clock.advance(Duration::from_secs(60));
    copies.keep_up().await.unwrap();
    assert_eq!(names(&bench), ["keys-2026-11-20T09.00.00Z.db"], "nothing was written since");
    bench.adopted(section(RecordingId::new(), 7)).await;
    copies.keep_up().await.unwrap();
    assert_eq!(names(&bench), ["keys-2026-11-20T09.00.00Z.db", "keys-2026-11-20T09.01.00Z.db"]);
}

#[tokio::test]
async fn a_copy_holds_everything_and_is_its_owners_alone() {
    let bench = bench().await;
    let copies = copies(&bench);
    assert_eq!(copies.newest().await.unwrap(), None);
    let at = copies.copy().await.unwrap();
    assert_eq!((at, copies.newest().await.unwrap()), (bench.clock.now(), Some(at)));
    let path = place(&bench).join("keys-2026-11-20T09.00.00Z.db");
    assert_eq!(names(&bench), ["keys-2026-11-20T09.00.00Z.db"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(place(&bench)).unwrap().permissions().mode() & 0o777, 0o700);

    let copy = SqliteKeyStore::open(&path).await.unwrap();
    assert_eq!(copy.epochs(&tenant()).await.unwrap(), bench.store.epochs(&tenant()).await.unwrap());
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    assert_eq!(copy.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap(), pages);
    for page in pages {
        let whole = bench.store.whole_page(page.page).await.unwrap();
        assert_eq!(copy.whole_page(page.page).await.unwrap(), whole);
    }
}

#[tokio::test]
async fn the_newest_three_are_kept_and_what_was_cut_off_is_swept() {
    let bench = bench().await;
    let copies = copies(&bench);
    fs::write(place(&bench).join(".keys-cut-off"), b"half").unwrap();
    fs::write(place(&bench).join("notes.txt"), b"not ours").unwrap();
    for _ in 0..5 {
        bench.clock.advance(Duration::from_micros(1_500_000));
        copies.copy().await.unwrap();
    }
    // Those of 4.5, 6 and 7.5 seconds.
    let left =
        ["keys-2026-11-20T09.00.04.5Z.db", "keys-2026-11-20T09.00.06Z.db", "keys-2026-11-20T09.00.07.5Z.db"];
    assert_eq!(names(&bench), [&left[..], &["notes.txt"]].concat());
    assert_eq!(copies.newest().await.unwrap(), Some(bench.clock.now()));
}

#[tokio::test]
async fn entries_that_come_meanwhile_do_not_spoil_a_copy() {
    let bench = bench().await;
    let copies = copies(&bench);
    let writing = async {
        for leg in 10..30 {
            bench.adopted(section(RecordingId::new(), leg)).await;
        }
    };
    let copying = async {
        for _ in 0..3 {
            copies.copy().await.unwrap();
        }
    };
    tokio::join!(writing, copying);
}

#[tokio::test]
async fn a_copy_of_which_a_page_does_not_open_is_none() {
    let bench = bench().await;
    let copies = copies(&bench);
    bench.backend.destroy(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    let refused = copies.copy().await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition, "{}", kernel::chain(&refused));
    assert_eq!(copies.newest().await.unwrap(), None);
    // Under another key of the same name it does not open, either.
    bench.backend.create(&KeyName::Epoch(tenant(), KeyEpoch(1))).await.unwrap();
    assert_eq!(copies.copy().await.unwrap_err().code(), ErrorCode::DataLoss);
    assert_eq!(copies.newest().await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_copy_is_told() {
    let bench = bench().await;
    let copies = copies(&bench);
    let path = copies.make().await.unwrap();
    let length = fs::metadata(&path).unwrap().len();
    let mut bytes = fs::read(&path).unwrap();
    // Not the first page, without which it would be no database.
    bytes[4_096..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(bytes.len() as u64, length);
    let intact = open(&path).and_then(|connection| look::intact(&connection));
    assert_eq!(intact.unwrap_err().code(), ErrorCode::DataLoss);
}

#[tokio::test]
async fn every_entry_of_a_copy_is_opened_and_counted() {
    let bench = bench().await;
    let path = copies(&bench).make().await.unwrap();
    let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
    let entries: u64 = pages.iter().map(|page| page.added - page.removed).sum();
    assert!(entries >= 3, "each section's root is one");
    let checked = check(&path, bench.backend.as_ref()).await.unwrap();
    assert_eq!(checked, Checked { pages: pages.len() as u64, entries });
    assert!(has_pages(&path).await.unwrap());
}

#[tokio::test]
async fn a_copy_whose_entries_are_damaged_or_missing_is_told_although_its_pages_open() {
    let flipped = |connection: &Connection| {
        let find = "SELECT rowid, sealed FROM entry WHERE sealed IS NOT NULL ORDER BY rowid DESC LIMIT 1";
        let found = connection.query_row(find, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (id, mut sealed): (i64, Vec<u8>) = found.unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        let change = "UPDATE entry SET sealed = ? WHERE rowid = ?";
        connection.execute(change, ::sqlite::rusqlite::params![sealed, id]).unwrap();
    };
    let lost = |connection: &Connection| {
        connection.execute("DELETE FROM entry WHERE rowid = (SELECT min(rowid) FROM entry)", []).unwrap();
    };
    let emptied = |connection: &Connection| {
        connection.execute("DELETE FROM entry", []).unwrap();
    };
    let uncounted = |connection: &Connection| {
        connection.execute("UPDATE page SET removed = added", []).unwrap();
    };
    type Spoil<'s> = &'s dyn Fn(&Connection);
    let cases: [(&str, Spoil<'_>); 4] =
        [("flipped", &flipped), ("lost", &lost), ("emptied", &emptied), ("uncounted", &uncounted)];
    let bench = bench().await;
    let copies = copies(&bench);
    for (name, spoil) in cases {
        let path = copies.make().await.unwrap();
        {
            let connection = open(&path).unwrap();
            spoil(&connection);
            look::intact(&connection).expect("SQLite sees nothing of it");
        }
        let refused = check(&path, bench.backend.as_ref()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::DataLoss, "{name}: {}", kernel::chain(&refused));
    }
}

#[tokio::test]
async fn a_copy_without_a_page_is_told_from_tables_that_have_some() {
    let bench = bench().await;
    let path = copies(&bench).make().await.unwrap();
    open(&path).unwrap().execute_batch("DELETE FROM entry; DELETE FROM page").unwrap();
    assert_eq!(check(&path, bench.backend.as_ref()).await.unwrap(), Checked::default());
    assert!(!has_pages(&path).await.unwrap());
    assert!(has_pages(&tables(&bench)).await.unwrap());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told() {
    let bench = bench().await;
    let copies = copies(&bench);
    fs::remove_dir(place(&bench)).unwrap();
    let refused = copies.copy().await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable, "{}", kernel::chain(&refused));
}

#[tokio::test]
async fn a_turn_with_copies_ends_the_epoch_and_leaves_one_that_opens() {
    let bench = bench().await;
    let service = bench.another_with(|ports| ports.copies = Arc::new(copies(&bench)));
    service.turn.begin(&tenant()).await.unwrap();
    let report = service.turn.report(&tenant(), crate::turn::Look::Tables).await.unwrap();
    assert_eq!(report.epochs[0].state, crate::store::EpochState::Destroyed, "{report:?}");
    assert_eq!(report.copies, Some(place(&bench).display().to_string()));
    assert_eq!(report.copied_at, Some(bench.clock.now()));
    assert!(report.warnings.is_empty());
    bench.clock.advance(WEEK / 2);
    let path = place(&bench).join(&names(&bench)[0]);
    check(&path, bench.backend.as_ref()).await.expect("it opens although the old key is gone");
}

#[test]
fn a_files_name_tells_when_it_was_made() {
    for text in ["2026-11-20T09:00:00Z", "2026-11-20T09:00:00.000001Z", "1999-01-02T03:04:05.5Z"] {
        let at = Timestamp::parse(text).unwrap();
        assert_eq!(time_of(&name_of(at)), Some(at));
    }
    for other in ["keys-.db", "keys-2026-11-20.db", "keys-2026-11-20T09.00.00Z.db-wal", "keys.db", ".keys-x"]
    {
        assert_eq!(time_of(other), None, "{other}");
    }
}
