//! Keyspaces of their own for tests, on the cluster that the environment names.
//!
//! `VERBALE_CQL` is its address. Where it is not set a test says so and passes, unless `VERBALE_REQUIRE` names
//! `cql` among what must be there: then it fails.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "for tests of this and other crates"
)]

use std::time::Duration;

use uuid::Uuid;

use crate::migration::Component;
use crate::options::{Options, Replication};
use crate::session::Cql;

const ADDRESS: &str = "VERBALE_CQL";
const REQUIRE: &str = "VERBALE_REQUIRE";
/// A small server under many tests answers late rather than never.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A migrated pair of keyspaces. They stay when a test is over: dropping them costs a small server ten times what
/// making them does, and whoever brings up engines for tests throws their data away.
pub struct Kept {
    /// A session on them.
    pub cql: Cql,
}

/// A pair of keyspaces of its own with the components' tables; none where there is no cluster to test on.
pub async fn fresh(components: &[Component]) -> Option<Kept> {
    let options = options()?;
    let cql = Cql::open(&options).await.expect("the cluster that VERBALE_CQL names answers");
    cql.migrate(components).await.expect("the components' tables are made");
    Some(Kept { cql })
}

/// A session on keyspaces that do not exist, on the same cluster.
pub async fn elsewhere(kept: &Kept) -> Cql {
    let keyspace = name().parse().expect("a keyspace's name");
    let options = Options { keyspace, ..kept.cql.options().clone() };
    Cql::open(&options).await.expect("the cluster answers")
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
