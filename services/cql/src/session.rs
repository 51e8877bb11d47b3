//! The handle that adapters hold.

mod requests;

use std::sync::Arc;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::unprepared::Statement as Text;

use crate::error::Error;
use crate::migration::{self, Applied, Component};
use crate::options::{Options, Space};
use crate::profile::Profiles;
use crate::server::{Features, Server};
use crate::statement::{Kind, Statement, in_keyspace};

/// How long making a table may take, and the nodes agreeing on it.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(30);
/// How often nodes that do not agree yet are asked again.
const AGREEMENT_INTERVAL: Duration = Duration::from_millis(50);

/// A session on the cluster, shared by clones of this handle: one per process.
#[derive(Clone)]
pub struct Cql(Arc<Inner>);

struct Inner {
    session: Session,
    options: Options,
    features: Features,
    profiles: Profiles,
}

impl Cql {
    /// Connects, and asks the server what it is. Tables are another matter: [`Self::check_schema`].
    pub async fn open(options: &Options) -> Result<Self, Error> {
        options.check()?;
        let profiles = Profiles::new(options);
        let session = connect(options, &profiles).await?;
        refuse_other_datacenters(&session, options)?;
        let features = Features::ask(&session).await?;
        Ok(Self(Arc::new(Inner { session, options: options.clone(), features, profiles })))
    }

    /// What the server said that it is.
    pub fn server(&self) -> Server {
        self.0.features.server
    }

    /// How it is called.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Makes the keyspaces and applies the steps that are missing; returns these.
    ///
    /// Several processes may do so at once: one holds the lock, the others wait for it and find nothing left to
    /// do. The very first run in a cluster makes the lock's own table and should be one process's.
    pub async fn migrate(&self, components: &[Component]) -> Result<Vec<Applied>, Error> {
        let applied = migration::apply(self, components).await?;
        self.0.session.refresh_metadata().await?;
        Ok(applied)
    }

    /// Refuses tables of another release than this one.
    pub async fn check_schema(&self, components: &[Component]) -> Result<(), Error> {
        migration::check(self, components).await
    }

    /// Reads from the keyspace for data as stores do: whether the cluster answers now.
    pub async fn check(&self) -> Result<(), Error> {
        let text = in_keyspace(migration::PROBE, &self.0.options.keyspace, Space::Data);
        let mut probe = Text::new(text);
        probe.set_is_idempotent(true);
        probe.set_execution_profile_handle(Some(self.0.profiles.read.clone()));
        self.0.session.query_unpaged(probe, ()).await?;
        Ok(())
    }

    /// Prepares a statement whose tables are named as `{ks}.table`.
    ///
    /// Its text says what it is: a `SELECT` reads, an `IF` makes it conditional, anything else is a write that
    /// may be repeated, so that counters and appending to lists have no place in it.
    pub async fn prepare(&self, space: Space, text: &str) -> Result<Statement, Error> {
        let kind = Kind::of(text);
        let text = Text::new(in_keyspace(text, &self.0.options.keyspace, space));
        let prepared = self.0.session.prepare(text).await?;
        Ok(Statement::new(prepared, kind, &self.0.profiles))
    }

    pub(crate) fn features(&self) -> Features {
        self.0.features
    }

    /// Runs a statement that changes the schema, and waits until the nodes agree on it.
    pub(crate) async fn change_schema(&self, space: Space, text: &str) -> Result<(), Error> {
        let mut change = Text::new(in_keyspace(text, &self.0.options.keyspace, space));
        change.set_request_timeout(Some(SCHEMA_TIMEOUT));
        change.set_execution_profile_handle(Some(self.0.profiles.conditional.clone()));
        self.0.session.query_unpaged(change, ()).await?;
        Ok(())
    }
}

async fn connect(options: &Options, profiles: &Profiles) -> Result<Session, Error> {
    let keyspaces = [Space::Data, Space::Keys].map(|space| options.keyspace.of(space));
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .connection_timeout(options.connect_timeout)
        .hostname_resolution_timeout(Some(options.connect_timeout))
        .metadata_request_clientside_timeout(options.request_timeout)
        .keepalive_interval(options.request_timeout)
        .keepalive_timeout(options.request_timeout)
        // What routing needs and no more, of our own keyspaces alone.
        .keyspaces_to_fetch(keyspaces)
        .fetch_full_schema_metadata(false)
        .schema_agreement_interval(AGREEMENT_INTERVAL)
        .schema_agreement_timeout(SCHEMA_TIMEOUT)
        .refresh_metadata_on_auto_schema_agreement(false)
        .default_execution_profile_handle(profiles.conditional.clone());
    if let Some(credentials) = &options.credentials {
        builder = builder.user(&credentials.user, &credentials.password);
    }
    if let Some(datacenter) = &options.datacenter {
        builder = builder.prefer_datacenter(datacenter.clone());
    }
    Ok(builder.build().await?)
}

/// Quorums of two datacentres do not see each other's conditional writes, so that none may be picked by chance.
fn refuse_other_datacenters(session: &Session, options: &Options) -> Result<(), Error> {
    let state = session.get_cluster_state();
    let mut names: Vec<_> = state.get_nodes_info().iter().map(|node| node.datacenter.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 && options.datacenter.is_none() { Err(Error::Datacenters) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
