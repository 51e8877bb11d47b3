//! What the tables in a keys directory keep, and nothing outside it may.

use std::path::Path;

use seal::SpanView;
use sqlite::rusqlite::types::ValueRef;
use sqlite::rusqlite::{Connection, OpenFlags};

use super::raw::{Raw, files};

/// Shortest value that counts; what is shorter is an id.
const SHORTEST: usize = 32;
/// Tables and columns of values that lie elsewhere too: what is sealed to, and hashes of what was sealed.
const PUBLIC: [(&str, &str); 5] = [
    ("epoch", "hpke_public"),
    ("section", "fingerprint"),
    ("recording", "policy_hash"),
    ("recording", "timeline_hash"),
    ("recording", "span_table_hash"),
];

/// Every value of the SQLite files in a keys directory that is nobody else's, by table and column: wrapped keys,
/// entries, reasons, HMACs of identifiers.
pub(crate) fn secrets(keys: &Path) -> Vec<Raw> {
    let tables = files(keys).into_iter().filter(|file| file.extension().is_some_and(|own| own == "db"));
    tables.flat_map(|file| of_file(&file)).collect()
}

/// With what is in its write-ahead log only.
fn of_file(file: &Path) -> Vec<Raw> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).unwrap();
    let mut listing = opened.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names = listing.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let names: Vec<_> = names.map(Result::unwrap).collect();
    names.iter().flat_map(|table| of_table(&opened, table)).collect()
}

fn of_table(opened: &Connection, table: &str) -> Vec<Raw> {
    let mut select = opened.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let columns: Vec<_> = select.column_names().map(str::to_owned).collect();
    let (mut rows, mut found) = (select.query([]).unwrap(), Vec::new());
    while let Some(row) = rows.next().unwrap() {
        for (place, column) in columns.iter().enumerate() {
            let ValueRef::Blob(bytes) = row.get_ref(place).unwrap() else { continue };
            if bytes.len() < SHORTEST || PUBLIC.contains(&(table, column.as_str())) {
                continue;
            }
            let own = match (table, column.as_str()) {
                // Its header says what many others' say.
                ("reason", "sealed") => SpanView::parse(bytes).unwrap().payload(),
                _ => bytes,
            };
            found.push((format!("{table}.{column}"), own.to_vec()));
        }
    }
    found
}
