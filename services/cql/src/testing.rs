//! Keyspaces that tests have in turn, on the cluster that the environment names.
//!
//! `VERBALE_CQL` is its address. Where it is not set a test says so and passes, unless `VERBALE_REQUIRE` names
//! `cql` among what must be there: then it fails.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "for tests of this and other crates"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::error::Error;
use crate::migration::Component;
use crate::options::{Keyspace, Options, Replication, Space};
use crate::session::Cql;

const ADDRESS: &str = "VERBALE_CQL";
const REQUIRE: &str = "VERBALE_REQUIRE";
/// A small server under many tests answers late rather than never.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The keyspaces of this process's tests, by what their tables are. One test has them at a time.
static KEYSPACES: Mutex<BTreeMap<String, Keyspace>> = Mutex::const_new(BTreeMap::new());

/// What [`lent`] lends next.
static GIVEN_BACK: std::sync::Mutex<Vec<Keyspace>> = std::sync::Mutex::new(Vec::new());

const TABLES: &str = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
/// More tables than all components have.
const MAX_TABLES: usize = 200;
const MAX_ROWS: usize = 100_000;

/// A migrated pair of keyspaces with empty tables, and the cluster to itself among the tests of this process. The
/// next one empties the tables: those that pile up cost a server its memory, and making and dropping them its time.
pub struct Kept {
    /// A session on them.
    pub cql: Cql,
    _turn: MutexGuard<'static, BTreeMap<String, Keyspace>>,
}

/// A pair of keyspaces with the components' tables, all empty; none where there is no cluster to test on. A test that
/// has one waits for ever for another.
pub async fn fresh(components: &[Component]) -> Option<Kept> {
    let mut options = options()?;
    let mut turn = KEYSPACES.lock().await;
    let left = turn.get(&format!("{components:?}")).cloned();
    let was_used = left.is_some();
    options.keyspace = left.unwrap_or(options.keyspace);
    let cql = Cql::open(&options).await.expect("the cluster that VERBALE_CQL names answers");
    if was_used {
        empty(&cql).await.expect("tables are emptied");
    } else {
        cql.migrate(components).await.expect("the components' tables are made");
        turn.insert(format!("{components:?}"), options.keyspace);
    }
    Some(Kept { cql, _turn: turn })
}

/// A session on keyspaces that do not exist.
pub async fn untouched() -> Option<Cql> {
    Some(Cql::open(&options()?).await.expect("the cluster that VERBALE_CQL names answers"))
}

/// A session on keyspaces for whoever migrates them: such as do not exist, or another test's whose every table was emptied.
///
/// What is emptied lies beside other tests' conditional writes: see [`give_back`].
pub async fn lent() -> Option<Cql> {
    let mut options = options()?;
    let left = GIVEN_BACK.lock().expect("nobody fails with it").pop();
    let was_used = left.is_some();
    options.keyspace = left.unwrap_or(options.keyspace);
    let cql = Cql::open(&options).await.expect("the cluster that VERBALE_CQL names answers");
    if was_used {
        empty(&cql).await.expect("tables are emptied");
    }
    Some(cql)
}

/// Leaves keyspaces, in which nobody writes any more, to another test: to make and to drop so many tables takes a server ten
/// times as long as to empty them, and with each change of its schema Cassandra reads all of it to sign it.
///
/// A Cassandra that serves such tests must have `-Dcassandra.unsafesystem=true`, or else its record of truncations can stop it:
/// a `TRUNCATE` holds it until a flush that waits for conditional writes, and these wait for the record.
pub fn give_back(cql: &Cql) {
    GIVEN_BACK.lock().expect("nobody fails with it").push(cql.options().keyspace.clone());
}

/// Truncated, not deleted row by row: stores state timestamps of their own, above which no delete of ours is. What
/// was applied stays. A table without rows may have kept such a delete, which would hide the next test's writes.
async fn empty(cql: &Cql) -> Result<(), Error> {
    for space in [Space::Data, Space::Keys] {
        let tables = tables(cql, space).await?;
        if !tables.is_empty() {
            cql.change_schema(space, FLEETING).await?;
        }
        for table in tables.into_iter().filter(|table| table != "applied_step") {
            cql.change_schema(space, &format!("TRUNCATE {{ks}}.{table}")).await?;
        }
    }
    Ok(())
}

/// What no crash has to leave need not be brought to disk to be thrown away.
const FLEETING: &str = "ALTER KEYSPACE {ks} WITH durable_writes = false";

/// Every row of both keyspaces, raw: the table's name, and the row as the server writes it in JSON.
pub async fn rows(cql: &Cql) -> Vec<(String, String)> {
    let mut found = rows_of(cql, Space::Data).await;
    found.extend(rows_of(cql, Space::Keys).await);
    found
}

/// Every row of one keyspace, likewise.
pub async fn rows_of(cql: &Cql, space: Space) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for table in tables(cql, space).await.expect("tables are listed") {
        let all = cql.prepare(space, &format!("SELECT JSON * FROM {{ks}}.{table}")).await.expect("it reads");
        let rows: Vec<(String,)> = cql.rows(&all, (), MAX_ROWS).await.expect("rows are read");
        assert!(rows.len() < MAX_ROWS, "{table} has more rows than a test makes");
        found.extend(rows.into_iter().map(|(json,)| (table.clone(), json)));
    }
    found
}

async fn tables(cql: &Cql, space: Space) -> Result<Vec<String>, Error> {
    let all = cql.prepare(space, TABLES).await?;
    let rows: Vec<(String,)> = cql.rows(&all, (cql.options().keyspace.of(space),), MAX_TABLES).await?;
    Ok(rows.into_iter().map(|(table,)| table).collect())
}

/// The cluster to test on with the name of a keyspace that nobody else has.
pub fn options() -> Option<Options> {
    let Ok(address) = std::env::var(ADDRESS) else {
        let required = std::env::var(REQUIRE).unwrap_or_default();
        assert!(!required.split(',').any(|own| own.trim() == "cql"), "{ADDRESS} is not set, and required");
        eprintln!("NOT TESTED: {ADDRESS} is not set, so that there is no CQL cluster to test on");
        return None;
    };
    let options: Options = address.parse().expect("VERBALE_CQL is an address");
    let keyspace = name().parse().expect("a keyspace's name");
    let replication = Replication::Factor(1);
    Some(Options { keyspace, replication, request_timeout: REQUEST_TIMEOUT, ..options })
}

fn name() -> String {
    format!("t_{}", Uuid::new_v4().simple())
}
