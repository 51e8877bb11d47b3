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

use std::thread;
use std::time::Duration;

use scylla::client::session_builder::SessionBuilder;
use scylla::statement::unprepared::Statement as Text;
use uuid::Uuid;

use crate::migration::Component;
use crate::options::{Options, Replication, Space};
use crate::session::Cql;

const ADDRESS: &str = "VERBALE_CQL";
const REQUIRE: &str = "VERBALE_REQUIRE";
/// A small server under many tests answers late rather than never.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const DROP_TIMEOUT: Duration = Duration::from_secs(60);

/// A migrated pair of keyspaces; dropped with this.
pub struct Kept {
    /// A session on them.
    pub cql: Cql,
    _keyspaces: Keyspaces,
}

struct Keyspaces(Options);

/// A pair of keyspaces of its own with the components' tables; none where there is no cluster to test on.
pub async fn fresh(components: &[Component]) -> Option<Kept> {
    let options = options()?;
    let keyspaces = Keyspaces(options.clone());
    let cql = Cql::open(&options).await.expect("the cluster that VERBALE_CQL names answers");
    cql.migrate(components).await.expect("the components' tables are made");
    Some(Kept { cql, _keyspaces: keyspaces })
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

impl Drop for Keyspaces {
    /// On a thread of its own, as the test's runtime may be gone, or unwinding.
    fn drop(&mut self) {
        let options = self.0.clone();
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(drop_keyspaces(&options))
        });
        match dropped.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("a test's keyspaces are left behind: {error}"),
            Err(_) => eprintln!("a test's keyspaces are left behind"),
        }
    }
}

async fn drop_keyspaces(options: &Options) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let session =
        SessionBuilder::new().known_nodes(&options.nodes).fetch_schema_metadata(false).build().await?;
    for space in [Space::Data, Space::Keys] {
        let mut text = Text::new(format!("DROP KEYSPACE IF EXISTS {}", options.keyspace.of(space)));
        text.set_request_timeout(Some(DROP_TIMEOUT));
        session.query_unpaged(text, ()).await?;
    }
    Ok(())
}
