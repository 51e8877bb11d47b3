//! crypto: the only role that keeps what opens data.
//!
//! It owns the key backend's port, the epochs, the key tables with their pages, entries and locators, the
//! sealing of a recording's entries, the unwrap gate with its leases, and what is signed by the deployment's
//! root. It does not see one byte of audio, does not fold timelines, does not know what a purpose means
//! beyond its name and what policy and consent say of it, and erases nothing on its own.
//!
//! Read [`pages`] first (an entry's life), then [`sections`] (keys come in), [`sealing`] (entries are made),
//! [`gate`] with [`unwrapping`] (entries are opened), [`marks`] with [`erasing`] (entries go) and [`turn`] (epochs end,
//! and with them what was removed), which [`canary`] proves and [`copies`] outlive. Below are [`store`], [`epochs`],
//! [`backend`]; beside them [`tenant_keys`] and [`reasons`]. [`service`] puts them together, [`rpc`] speaks for them.

pub mod pages;
pub mod sealing;
pub mod sections;

pub mod erasing;
pub mod marks;

pub mod gate;
pub mod leases;
pub mod unwrapping;

pub mod reasons;
pub mod tenant_keys;

pub mod canary;
pub mod copies;
pub mod turn;

pub mod backend;
pub mod epochs;
pub mod store;

pub mod consent;
pub mod policies;
pub mod retention;

pub mod config;
pub mod error;
pub mod outbox;
pub mod rpc;
pub mod service;

mod ring;
#[cfg(test)]
mod testing;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

use std::sync::Arc;

use eventlog::EventLog;
use journal::Journal;
use kernel::Clock;
use platform::audit::AuditOutbox;
use platform::auth::Verifier;
use platform::policies::PolicyBook;
use platform::role::Role;
use platform::telemetry::Metrics;
use platform::wire::Wire;
use proto::crypto::v1::keys_server::KeysServer;

pub use config::Config;
pub use error::Error;
pub use service::{Ports, Service};

use backend::KeyBackend;
use canary::CanaryShelf;
use consent::ConsentWire;
use copies::KeyCopies;
use retention::RetentionWire;
use rpc::Rpc;
use store::KeyStore;

/// Everything crypto may touch; built once in the wiring.
pub struct Deps {
    /// The key tables, in the keys directory.
    pub store: Arc<dyn KeyStore>,
    /// The key backend.
    pub backend: Arc<dyn KeyBackend>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// A wire to consent, which brings crypto's own token.
    pub consent: Wire,
    /// A wire to retention, likewise.
    pub retention: Wire,
    /// Who verifies the tokens of those whom audio is for.
    pub verifier: Arc<Verifier>,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Where its audit entries wait ([`outbox`], among the data); the wiring publishes it.
    pub outbox: Arc<dyn AuditOutbox>,
    /// The event log, for how far archive and audit have read it.
    pub log: Arc<dyn EventLog>,
    /// The restrictive journal, which knows of an epoch's end before it comes.
    pub journal: Arc<Journal>,
    /// The second place of the key tables; [`copies::NoCopies`] where there is none.
    pub copies: Arc<dyn KeyCopies>,
    /// Where removed canaries are kept, among the data.
    pub canaries: Arc<dyn CanaryShelf>,
    /// Where its numbers are shown.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(cfg: &Config, deps: Deps) -> Role {
    let Deps {
        store,
        backend,
        clock,
        consent,
        retention,
        verifier,
        policies,
        outbox,
        log,
        journal,
        copies,
        canaries,
        metrics,
    } = deps;
    let copying = copies::task(Arc::clone(&copies), cfg.copies.0);
    let ports = Ports {
        store,
        backend: Arc::clone(&backend),
        clock,
        consent: Arc::new(ConsentWire::new(consent)),
        retention: Arc::new(RetentionWire::new(retention)),
        policies,
        verifier,
        log,
        announce: journal,
        copies,
        canaries,
    };
    let service = Arc::new(Service::new(cfg, ports));
    let ready = Arc::clone(&service);
    let shown = epochs::task(Arc::clone(&service.epochs), &metrics);
    let turning = turn::task(Arc::clone(&service.turn), cfg.turn.0, &metrics);
    let role = Role::new("crypto")
        .service(KeysServer::new(Rpc::new(service)))
        .audit_outbox(outbox)
        .with(shown)
        .with(turning)
        .with(copying);
    role.ready("crypto-signing-root", move || {
        let service = Arc::clone(&ready);
        async move {
            let roots = service.tenant_keys.signing_roots().await;
            roots.map(drop).map_err(|error| kernel::chain(&error))
        }
    })
}
