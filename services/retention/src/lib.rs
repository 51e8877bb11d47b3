//! retention: how long recordings are kept, what keeps them longer, what is due, and their erasure.
//!
//! It owns a row for each sealed recording with the end of every purpose ([`kept`]), the index of what is due, the
//! holds that keep a recording whatever its ends ([`hold`]), the orders by which an authority lengthens a regime's
//! period, and the erasures ([`erasure`]): the only way by which anything is ever deleted. It keeps no audio and no key,
//! and decides no period: `policy` does. It removes no entry and no object: crypto and archive do, asked by the saga
//! alone.
//!
//! Read [`kept`], [`hold`] and [`erasure`], which are pure, then [`saga`] with what it asks of others ([`mesh`]), and
//! [`stamping`], through which recordings come in. [`acts`] is what the restrictive journal holds of all this, and
//! [`applied`] how a restored store catches up. [`service`] and [`erasing`] answer, [`rpc`] speaks for them; below is
//! [`store`], of which `contract` says what every adapter must keep.

pub mod erasure;
pub mod hold;
pub mod kept;

pub mod erasing;
pub mod mesh;
pub mod saga;
pub mod service;
pub mod stamping;

pub mod acts;
pub mod applied;

pub mod config;
pub mod error;
mod events;
pub mod rpc;
pub mod store;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use ::journal::Journal;
use eventlog::EventLog;
use kernel::Clock;
use platform::telemetry::Metrics;
use platform::{Instance, PolicyBook, Role, Wire};
use proto::retention::v1::retention_server::RetentionServer;

pub use config::Config;
pub use error::Error;
pub use service::Service;
pub use store::{Store, StoreError};

use erasing::Erasing;
use mesh::WireMesh;
use rpc::Rpc;

/// Everything retention may touch; built once in the wiring.
#[derive(Clone)]
pub struct Deps {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The event log: recordings that were sealed, consent that was withdrawn.
    pub log: Arc<dyn EventLog>,
    /// The restrictive journal.
    pub journal: Arc<Journal>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// Signs receipts; certified by the wiring, as `retention`.
    pub instance: Arc<Instance>,
    /// A wire to crypto, which brings retention's own token.
    pub crypto: Wire,
    /// A wire to archive.
    pub archive: Wire,
    /// A wire to consent.
    pub consent: Wire,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Where it is counted what waits.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(cfg: &Config, deps: Deps) -> Role {
    let Deps { store, log, journal, clock, instance, crypto, archive, consent, policies, metrics } = deps;
    let erasing = Arc::new(Erasing::new(erasing::Parts {
        store: Arc::clone(&store),
        journal: Arc::clone(&journal),
        mesh: Arc::new(WireMesh { crypto, archive, consent }),
        policies: Arc::clone(&policies),
        clock: Arc::clone(&clock),
        instance: Arc::clone(&instance),
        config: cfg.clone(),
    }));
    let service = Arc::new(Service::new(service::Parts {
        store,
        journal,
        policies,
        clock,
        erasing: Arc::clone(&erasing),
        config: cfg.clone(),
    }));
    let (ready, stamping) = (Arc::clone(&erasing), Arc::clone(&service));
    let stamped = Arc::clone(&log);
    let mut role =
        Role::new("retention")
            .service(RetentionServer::new(Rpc::new(service, Arc::clone(&erasing))))
            .task("retention-stamps", move |shutdown| stamping::run(stamped, stamping, shutdown))
            .ready("retention-journal", move || {
                let erasing = Arc::clone(&ready);
                async move { erasing.caught_up() }
            })
            .ready("retention-certificate", move || {
                let certified = instance.certificate().is_some();
                async move {
                    if certified { Ok(()) } else { Err("its instance has no certificate yet".to_owned()) }
                }
            });
    for task in erasing::tasks(&erasing, &log, &metrics) {
        role = role.with(task);
    }
    role
}
