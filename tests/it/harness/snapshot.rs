//! Tables and objects of a mesh on real engines, as a backup of the data has them: without the key tables, and without
//! the restrictive journal.

use std::collections::BTreeMap;

use cql::scylla::value::Counter;
use cql::{Cql, Space, testing};
use serde_json::Value;

use super::Shelf;

/// Below it lies the journal in the bucket of the objects.
const JOURNAL: &str = "journal/";

/// The one table of counters, which nobody can insert into.
const COUNTERS: &str = "retention_total";
const COUNT: &str = "UPDATE {ks}.retention_total SET running = running + ? WHERE tenant = ?";

/// What a backup has.
pub(crate) struct Snapshot {
    rows: Vec<(String, String)>,
    objects: Vec<(String, Vec<u8>)>,
}

impl Snapshot {
    /// Of what is there now.
    pub(super) async fn of(cql: &Cql, shelf: &Shelf) -> Self {
        let objects = shelf.all().await.into_iter().filter(|(name, _)| !name.starts_with(JOURNAL)).collect();
        Self { rows: testing::rows_of(cql, Space::Data).await, objects }
    }

    /// Puts it where nothing is.
    pub(super) async fn put_back(&self, cql: &Cql, shelf: &Shelf) {
        let (counts, rows): (Vec<_>, Vec<_>) =
            self.rows.iter().cloned().partition(|(table, _)| table == COUNTERS);
        put_back(cql, Space::Data, &rows).await;
        let count = cql.prepare(Space::Data, COUNT).await.unwrap();
        for (_, json) in counts {
            let row: Value = serde_json::from_str(&json).unwrap();
            let running = Counter(row["running"].as_i64().unwrap());
            cql.write(&count, (running, row["tenant"].as_str().unwrap())).await.unwrap();
        }
        for (name, bytes) in &self.objects {
            shelf.put(name, bytes.clone()).await;
        }
    }
}

/// The key tables of one keyspace in another.
pub(super) async fn carry_keys(from: &Cql, to: &Cql) {
    let rows = testing::rows_of(from, Space::Keys).await;
    put_back(to, Space::Keys, &rows).await;
}

/// Writes rows into migrated tables that are empty, older than whatever is written afterwards, with whatever timestamp.
/// What is null is left out: a row may be what a partition's rows share, and have no key of its own.
async fn put_back(cql: &Cql, space: Space, rows: &[(String, String)]) {
    let mut statements = BTreeMap::new();
    for (table, json) in rows.iter().filter(|(table, _)| table != "applied_step") {
        let row: BTreeMap<String, Value> = serde_json::from_str(json).unwrap();
        let (names, values): (Vec<_>, Vec<_>) = row.into_iter().filter(|(_, value)| !value.is_null()).unzip();
        let names = names.join(", ");
        let places = vec!["fromJson(?)"; values.len()].join(", ");
        let text = format!("INSERT INTO {{ks}}.{table} ({names}) VALUES ({places}) USING TIMESTAMP 1");
        if !statements.contains_key(&text) {
            statements.insert(text.clone(), cql.prepare(space, &text).await.unwrap());
        }
        let values: Vec<_> = values.iter().map(Value::to_string).collect();
        cql.write(&statements[&text], values).await.unwrap();
    }
}
