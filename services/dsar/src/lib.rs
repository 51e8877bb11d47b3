//! dsar: what people ask over what is kept of them, and what becomes of it.
//!
//! It owns each request as the acts that were done with it ([`act`]), the items of its plans ([`plan`]), who outside got
//! something of a recording and what they are told of it ([`disclosure`]), and nothing else: a copy and a letter are made
//! when they are asked for ([`package`], [`letter`]) and kept nowhere. It decides nothing by
//! itself: the lifecycle, the rules and the clock are `policy`'s, and people decide by them. It erases and restricts
//! nothing by itself either: retention and consent do, asked through [`mesh`].
//!
//! Read [`act`], [`plan`], [`person`] and [`file`], which are pure, then [`service`] (what people do) with [`finding`] (what is kept of
//! a person) and [`working`] (what is done of what was decided). [`wire`] is how acts are stored and published; below is
//! [`store`], of which `contract` says what every adapter must keep.

pub mod act;
pub mod disclosure;
pub mod file;
pub mod person;
pub mod plan;

pub mod finding;
pub mod letter;
pub mod mesh;
pub mod package;
pub mod service;
pub mod working;

pub mod config;
pub mod error;
mod events;
pub mod rpc;
pub mod store;
pub mod wire;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use eventlog::EventLog;
use kernel::Clock;
use platform::telemetry::Metrics;
use platform::{Instance, PolicyBook, Role, Wire};
use proto::dsar::v1::disclosures_server::DisclosuresServer;
use proto::dsar::v1::requests_server::RequestsServer;

pub use config::Config;
pub use error::Error;
pub use service::Service;
pub use store::{Disclosures, Store, StoreError};

use mesh::WireMesh;
use rpc::Rpc;

/// Everything dsar may touch; built once in the wiring.
#[derive(Clone)]
pub struct Deps {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The same, in the words of disclosures.
    pub disclosures: Arc<dyn Disclosures>,
    /// The event log: calls in which somebody asked for a right, erasures and restrictions.
    pub log: Arc<dyn EventLog>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// Signs packages; certified by the wiring, as `dsar`.
    pub instance: Arc<Instance>,
    /// The other roles, with dsar's own token.
    pub wire: Wire,
    /// The other roles, without any: for the audio of a copy, which the caller's own token opens.
    pub bare: Wire,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Where it is counted what waits.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(cfg: &Config, deps: Deps) -> Role {
    let Deps { store, disclosures, log, clock, instance, wire, bare, policies, metrics } = deps;
    let mesh = WireMesh {
        archive: wire.clone(),
        retention: wire.clone(),
        consent: wire.clone(),
        crypto: wire.clone(),
        audit: wire,
        bare,
    };
    let signer = Arc::clone(&instance);
    let mesh = Arc::new(mesh);
    let parts = service::Parts { store, disclosures, mesh, policies, instance, clock, config: cfg.clone() };
    let service = Arc::new(Service::new(parts));
    let rpc = Rpc::new(Arc::clone(&service));
    let mut role =
        Role::new("dsar")
            .service(RequestsServer::new(rpc.clone()))
            .service(DisclosuresServer::new(rpc))
            .ready("dsar-certificate", move || {
                let certified = signer.certificate().is_some();
                async move {
                    if certified { Ok(()) } else { Err("its instance has no certificate yet".to_owned()) }
                }
            });
    for task in working::tasks(&service, &log, &metrics) {
        role = role.with(task);
    }
    role
}
