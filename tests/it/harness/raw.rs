//! Everything that a mesh keeps, as its bytes lie there.

use std::path::{Path, PathBuf};

use cql::Cql;
use serde_json::Value;

/// A place, and its bytes.
pub(crate) type Raw = (String, Vec<u8>);

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// What is in every file below a folder.
pub(crate) fn contents(folder: &Path) -> Vec<Raw> {
    // Staging files and locks come and go while a program runs.
    let read = |file: PathBuf| Some((file.display().to_string(), std::fs::read(&file).ok()?));
    files(folder).into_iter().filter_map(read).collect()
}

/// What is in every row: its text, and after it each value of bytes that it has.
pub(crate) async fn rows(cql: &Cql) -> Vec<Raw> {
    let rows = cql::testing::rows(cql).await.into_iter();
    rows.map(|(table, json)| {
        let mut bytes = json.clone().into_bytes();
        blobs(&serde_json::from_str(&json).unwrap(), &mut bytes);
        (format!("table {table}"), bytes)
    })
    .collect()
}

fn blobs(value: &Value, found: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            if let Some(Ok(bytes)) = text.strip_prefix("0x").map(hex::decode) {
                found.extend(bytes);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| blobs(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| blobs(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
