//! cql: the one place that opens sessions on a CQL cluster.
//!
//! It owns how a cluster is reached (ScyllaDB or Cassandra, told apart by asking), which consistency, time limits
//! and retries hold, how keyspaces and tables are made, conditional writes, and the outbox tables that a role's
//! events leave through. It does not know any role's tables, nor what an event means.
//!
//! Read [`Cql`] first: prepared [`Statement`]s are read, written or applied conditionally, alone or in a
//! [`Batch`]. `profile` states what holds for every request. Then [`migration`], [`outbox`] and [`Error`].
//!
//! Two rules for whoever writes tables over it. A column that conditional writes guard is written by conditional
//! writes alone: theirs carry another kind of timestamp than plain ones. And after an error that
//! [`Error::is_uncertain`] the row is read again, serially where a conditional write guards it.

mod batch;
mod profile;
mod server;
mod session;
mod statement;

pub mod migration;
pub mod options;
pub mod outbox;

mod error;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use batch::{Batch, MAX_STATEMENTS};
pub use error::Error;
pub use migration::{Applied, Component};
pub use options::{Credentials, InvalidOptions, Keyspace, Options, Replication, Space};
pub use scylla;
pub use server::Server;
pub use session::Cql;
pub use statement::Statement;
