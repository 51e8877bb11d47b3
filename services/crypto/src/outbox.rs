//! Where crypto's own audit entries wait for the topic: an outbox among the *data*, because they are facts about
//! keys and no keys, and belong into a backup. crypto has no rows that an entry must be one act with.

pub mod scylla;
pub mod sqlite;

#[cfg(test)]
mod contract;

pub use sqlite::SqliteOutbox;
