//! consent: who people are, what they were told, what they agreed to, and what a call may be recorded for.
//!
//! It owns subjects with their identifier index, the tenants' policies and notices, the append-only events of
//! consent, the decision on a call, and the answer whether a purpose has its basis now. It sees no audio and
//! holds no key; what a policy means, and how events fold into a state, is crate `policy`'s.
//!
//! Read [`service`] first (the acts), then what decides: [`admission`] (what is taken, and what follows from
//! it), [`standing`] (what consent comes to), [`identity`] (whom identifiers mean), [`links`] (who is one
//! person). Below are [`event`], [`policies`], [`subjects`], [`watching`], and the [`store`]s; [`rpc`] speaks for
//! them. [`acts`] is what the restrictive journal holds of it, [`journalling`] how that gets there, and [`applied`]
//! how a restored store has it again.

pub mod service;

pub mod admission;
pub mod identity;
pub mod links;
pub mod standing;

pub mod event;
pub mod identifier;
pub mod policies;
pub mod subjects;
pub mod watching;

pub mod acts;
pub mod applied;
pub mod journalling;

pub mod keys;
pub mod store;

pub mod config;
pub mod error;
pub mod rpc;

#[cfg(test)]
mod testing;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

use std::path::PathBuf;
use std::sync::Arc;

use eventlog::EventLog;
use journal::Journal;
use kernel::Clock;
use platform::audit::AuditOutbox;
use platform::drain::{Stage, Task};
use platform::role::Role;
use platform::telemetry::Metrics;
use platform::wire::Wire;
use proto::consent::v1::consent_server::ConsentServer;

pub use config::Config;
pub use error::Error;
pub use service::{Ports, Service};

use journalling::{CaughtUp, Journalling};
use keys::KeysWire;
use policies::Policies;
use rpc::Rpc;
use store::{Identifiers, Store};

/// Everything consent may touch; built once in the wiring, which also publishes the store's outbox.
pub struct Deps {
    /// Facts and ciphertext, in the data directory.
    pub store: Arc<dyn Store>,
    /// The identifier index, in the keys directory.
    pub identifiers: Arc<dyn Identifiers>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// The directory of policies.
    pub policies: PathBuf,
    /// A wire to crypto, which brings consent's own token.
    pub crypto: Wire,
    /// The event log: its own events, on their way into the journal.
    pub log: Arc<dyn EventLog>,
    /// The restrictive journal.
    pub journal: Arc<Journal>,
    /// Where it is shown how long the journal waits.
    pub metrics: Metrics,
}

/// The role, and what reloads its policies.
pub struct Built {
    /// To be served.
    pub role: Role,
    /// To be reloaded when the operator says so.
    pub policies: Arc<Policies>,
}

/// Loads the policies and builds the role. A malformed policy refuses the start.
pub async fn build(cfg: &Config, deps: Deps) -> Result<Built, Error> {
    let Deps { store, identifiers, clock, policies, crypto, log, journal, metrics } = deps;
    let policies = Arc::new(Policies::open(policies, Arc::clone(&store), Arc::clone(&clock)).await?);
    let keys = Arc::new(KeysWire::new(crypto, cfg.crypto_wait.0));
    let caught_up = CaughtUp::not_yet();
    let journalling = Journalling {
        store: Arc::clone(&store),
        log,
        journal,
        clock: Arc::clone(&clock),
        wait: metrics.gauge(&journalling::WAIT, &[]),
        caught_up: caught_up.clone(),
    };
    let ports = Ports { store: Arc::clone(&store), identifiers, keys, clock };
    let service = Arc::new(Service::new(cfg, ports, Arc::clone(&policies)));
    let watched = Arc::clone(&service);
    // Sessions that drain still listen; only then their watches end, so that no server waits for them.
    let watches = Task::new("consent-watches", |shutdown| async move {
        shutdown.flushing().await;
        watched.watching.end();
        Ok(())
    });
    let role = Role::new("consent")
        .service(ConsentServer::new(Rpc::new(service)))
        .audit_outbox(store as Arc<dyn AuditOutbox>)
        .task("consent-journal", |shutdown| journalling.run(shutdown))
        .ready("consent-journal", move || {
            let caught_up = caught_up.check();
            async move { caught_up }
        })
        .with(watches.until(Stage::Flushing));
    Ok(Built { role, policies })
}
