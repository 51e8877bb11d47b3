//! On an SQLite file of the data directory.

use std::path::Path;

use ::sqlite::{Component, Db, Options};
use kernel::{ErrorCode, InstanceId, TenantId};
use rusqlite::params;

use crate::error::Error;

const GIVEN: Component = Component {
    name: "ingest-node",
    steps: &["CREATE TABLE given (
        instance BLOB NOT NULL CHECK (length(instance) = 16),
        tenant TEXT NOT NULL,
        PRIMARY KEY (instance, tenant)
    ) STRICT, WITHOUT ROWID;"],
};

/// A file of this node, of one process at a time.
#[derive(Clone)]
pub struct Node(Db);

impl Node {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path) -> Result<Self, ::sqlite::Error> {
        let options = Options { readers: 1, ..Options::default() };
        Ok(Self(Db::open(path, options, &[GIVEN]).await?))
    }

    /// An instance is about to be given keys of a tenant; durable when it answers.
    pub(crate) async fn remember(&self, instance: InstanceId, tenant: &TenantId) -> Result<(), Error> {
        let tenant = tenant.clone();
        let written = self.0.write(move |tx| {
            let insert = "INSERT INTO given VALUES (?, ?) ON CONFLICT DO NOTHING";
            tx.prepare_cached(insert)?.execute(params![instance.to_bytes(), tenant.as_str()])?;
            Ok::<_, ::sqlite::Error>(())
        });
        written.await.map_err(failed("remember who was given a key"))
    }

    /// An instance has left all epochs of a tenant.
    pub(crate) async fn forget(&self, instance: InstanceId, tenant: &TenantId) -> Result<(), Error> {
        let tenant = tenant.clone();
        let written = self.0.write(move |tx| {
            let delete = "DELETE FROM given WHERE instance = ? AND tenant = ?";
            tx.prepare_cached(delete)?.execute(params![instance.to_bytes(), tenant.as_str()])?;
            Ok::<_, ::sqlite::Error>(())
        });
        written.await.map_err(failed("forget who was given a key"))
    }

    /// The instances before this one that may hold keys, each with a tenant.
    pub(crate) async fn others(&self, own: InstanceId) -> Result<Vec<(InstanceId, TenantId)>, Error> {
        let read = self.0.read(move |connection| {
            let mut find =
                connection.prepare_cached("SELECT instance, tenant FROM given WHERE instance <> ?")?;
            let rows = find.query_map(params![own.to_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<Vec<(Vec<u8>, String)>, _>>().map_err(::sqlite::Error::from)
        });
        let found: Vec<(Vec<u8>, String)> = read.await.map_err(failed("read who was given a key"))?;
        // What is no id is nobody's that could be left.
        let read = |(instance, tenant): (Vec<u8>, String)| {
            Some((InstanceId::from_slice(&instance).ok()?, TenantId::new(tenant).ok()?))
        };
        Ok(found.into_iter().filter_map(read).collect())
    }
}

fn failed(attempt: &'static str) -> impl FnOnce(::sqlite::Error) -> Error {
    move |source| Error::Store { attempt, code: ErrorCode::Unavailable, source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_instance_was_given_is_known_to_the_next_until_it_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let (first, second) = (InstanceId::new(), InstanceId::new());
        let (alfa, beta) = (TenantId::new("alfa").unwrap(), TenantId::new("beta").unwrap());
        let node = Node::open(&path).await.unwrap();
        for tenant in [&alfa, &alfa, &beta] {
            node.remember(first, tenant).await.unwrap();
        }
        assert_eq!(node.others(first).await.unwrap(), []);
        drop(node);
        let node = Node::open(&path).await.unwrap();
        node.remember(second, &alfa).await.unwrap();
        let mut others = node.others(second).await.unwrap();
        others.sort();
        assert_eq!(others, [(first, alfa.clone()), (first, beta.clone())]);
        node.forget(first, &alfa).await.unwrap();
        node.forget(first, &alfa).await.unwrap();
        assert_eq!(node.others(second).await.unwrap(), [(first, beta)]);
    }
}
