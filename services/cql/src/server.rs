//! Which server answers: asked, never guessed.

use scylla::client::session::Session;

use crate::error::Error;

/// The kind of cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    /// ScyllaDB.
    Scylla,
    /// Apache Cassandra.
    Cassandra,
}

/// What a node says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Features {
    pub(crate) server: Server,
    /// Whether its keyspaces take the option `tablets`.
    pub(crate) tablets: bool,
}

/// ScyllaDB lists its features in a column of its own that Cassandra does not have.
const FEATURES: &str = "supported_features";
const ASK: &str = "SELECT * FROM system.local WHERE key = 'local'";

impl Features {
    pub(crate) async fn ask(session: &Session) -> Result<Self, Error> {
        let rows = session.query_unpaged(ASK, ()).await?.into_rows_result().map_err(Error::statement)?;
        if rows.column_specs().get_by_name(FEATURES).is_none() {
            return Ok(Self::of(None));
        }
        let ask = format!("SELECT {FEATURES} FROM system.local WHERE key = 'local'");
        let rows = session.query_unpaged(ask, ()).await?.into_rows_result().map_err(Error::statement)?;
        let (list,): (Option<String>,) = rows.single_row().map_err(Error::statement)?;
        Ok(Self::of(Some(&list.unwrap_or_default())))
    }

    /// From the list of features; `None` where the server has no such list.
    fn of(list: Option<&str>) -> Self {
        match list {
            Some(list) => {
                Self { server: Server::Scylla, tablets: list.split(',').any(|own| own == "TABLETS") }
            }
            None => Self { server: Server::Cassandra, tablets: false },
        }
    }

    /// What `CREATE KEYSPACE` has to say so that conditional writes work.
    pub(crate) fn keyspace_options(self) -> &'static str {
        match (self.server, self.tablets) {
            (Server::Scylla, true) => " AND tablets = {'enabled': false}",
            (Server::Scylla, false) | (Server::Cassandra, _) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tablets_are_turned_off_where_the_server_has_them() {
        for (list, server, option) in [
            (None, Server::Cassandra, false),
            (Some(""), Server::Scylla, false),
            (Some("CDC,LWT,NOT_TABLETS"), Server::Scylla, false),
            (Some("CDC,LWT,TABLETS,VIEWS"), Server::Scylla, true),
        ] {
            let features = Features::of(list);
            assert_eq!(features.server, server, "{list:?}");
            assert_eq!(features.keyspace_options().contains("tablets"), option, "{list:?}");
        }
    }
}
