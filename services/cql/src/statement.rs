//! Prepared statements, and what kind of request each is.

use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::statement::prepared::PreparedStatement;

use crate::error::Error;
use crate::options::{Keyspace, Space};
use crate::profile::Profiles;

/// A prepared statement; cheap to clone. It knows from its text how it may be run.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) prepared: PreparedStatement,
    pub(crate) kind: Kind,
}

/// What a statement does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Read,
    /// Inserts, updates and deletes of values that are bound: doing it twice is doing it once.
    Write,
    /// With an `IF`: whether it was applied depends on what stands.
    Conditional,
}

impl Statement {
    pub(crate) fn new(mut prepared: PreparedStatement, kind: Kind, profiles: &Profiles) -> Self {
        prepared.set_is_idempotent(kind.is_idempotent());
        prepared.set_execution_profile_handle(Some(kind.profile(profiles)));
        Self { prepared, kind }
    }

    /// Refuses to be run as something else.
    pub(crate) fn expect(&self, kind: Kind) -> Result<&PreparedStatement, Error> {
        if self.kind == kind { Ok(&self.prepared) } else { Err(Error::Kind { expected: kind.name() }) }
    }
}

impl Kind {
    /// By its words: `SELECT` reads, an `IF` makes it conditional, anything else writes.
    pub(crate) fn of(text: &str) -> Self {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let first = words.by_ref().find(|word| !word.is_empty()).unwrap_or_default();
        if first.eq_ignore_ascii_case("SELECT") {
            return Self::Read;
        }
        if words.any(|word| word.eq_ignore_ascii_case("IF")) { Self::Conditional } else { Self::Write }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "plain write",
            Self::Conditional => "conditional write",
        }
    }

    pub(crate) fn is_idempotent(self) -> bool {
        match self {
            Self::Read | Self::Write => true,
            Self::Conditional => false,
        }
    }

    pub(crate) fn profile(self, profiles: &Profiles) -> ExecutionProfileHandle {
        match self {
            Self::Read => profiles.read.clone(),
            Self::Write => profiles.write.clone(),
            Self::Conditional => profiles.conditional.clone(),
        }
    }
}

/// Puts the keyspace where the text says `{ks}`.
pub(crate) fn in_keyspace(text: &str, keyspace: &Keyspace, space: Space) -> String {
    text.replace("{ks}", &keyspace.of(space))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statements_kind_follows_from_its_text() {
        for (text, kind) in [
            ("SELECT a FROM {ks}.t WHERE k = ?", Kind::Read),
            ("\n  select if_any FROM {ks}.t", Kind::Read),
            ("INSERT INTO {ks}.t (k) VALUES (?)", Kind::Write),
            ("INSERT INTO {ks}.t (k) VALUES (?) IF NOT EXISTS", Kind::Conditional),
            ("UPDATE {ks}.t SET notified_if = ? WHERE k = ?", Kind::Write),
            ("UPDATE {ks}.t SET a = ? WHERE k = ?\n if version = ?", Kind::Conditional),
            ("DELETE FROM {ks}.t WHERE k = ? IF EXISTS", Kind::Conditional),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
        assert!(!Kind::Conditional.is_idempotent());
    }

    #[test]
    fn tables_are_named_in_their_keyspace() {
        let keyspace: Keyspace = "mesh".parse().unwrap();
        assert_eq!(in_keyspace("FROM {ks}.t", &keyspace, Space::Data), "FROM mesh.t");
        assert_eq!(in_keyspace("FROM {ks}.t", &keyspace, Space::Keys), "FROM mesh_keys.t");
    }
}
