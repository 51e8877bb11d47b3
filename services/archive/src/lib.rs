//! archive: what was recorded, put away for good, and brought back to those who may hear it.
//!
//! It owns the way from the audio topic to locked objects, the folded timeline, the signed documents, and
//! replay. It keeps no key that opens data: what a reader may hear is crypto's answer, asked anew for every
//! replay. It does not know why a purpose has its basis, how long anything is kept, nor who somebody is.
//!
//! Read [`fact`] (what is learnt), [`store`] (how it is kept), [`timeline`] and [`completeness`] (what it comes
//! to). Then the way in: [`decode`], [`packer`], [`shelf`], [`consumer`], [`sealing`] with [`document`] and
//! [`placing`]. And the way out: [`replay`] with [`absence`] and [`wav`], [`verify`], [`erasing`] with [`erased`],
//! [`annotating`], [`rpc`].

pub mod fact;
pub mod store;

pub mod completeness;
pub mod timeline;

pub mod consumer;
pub mod decode;
pub mod document;
pub mod packer;
pub mod placing;
pub mod sealing;
pub mod shelf;

mod locking;

pub mod absence;
pub mod annotating;
pub mod erased;
pub mod erasing;
pub mod replay;
pub mod verify;
pub mod wav;

pub mod config;
pub mod error;
pub mod mesh;
pub mod rpc;
pub mod service;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::objects::ObjectStore;
use eventlog::EventLog;
use kernel::Clock;
use platform::telemetry::Metrics;
use platform::{AuditOutbox, Instance, PolicyBook, Role, Wire};
use proto::archive::v1::recordings_server::RecordingsServer;

pub use config::Config;
pub use consumer::Consumer;
pub use error::Error;
pub use service::Service;
pub use store::Store;
pub use store::scylla::ScyllaStore;
pub use store::sqlite::SqliteStore;

use erasing::Eraser;
use mesh::Mesh;
use placing::Placer;
use rpc::Rpc;
use sealing::Sealer;
use shelf::{SetAside, Shelf};

/// Everything archive may touch; built once in the wiring.
#[derive(Clone)]
pub struct Deps {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Where its audit entries wait; the wiring publishes it. Most likely the same store.
    pub outbox: Arc<dyn AuditOutbox>,
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Where audio and documents lie.
    pub objects: Arc<dyn ObjectStore>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// Signs documents; certified by the wiring, as `archive`.
    pub instance: Arc<Instance>,
    /// A wire to crypto, which brings archive's own token.
    pub crypto: Wire,
    /// A wire to consent.
    pub consent: Wire,
    /// A wire to ingest.
    pub ingest: Wire,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Where it is counted what waits and what is set aside.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(cfg: &Config, deps: Deps) -> Role {
    let outbox = Arc::clone(&deps.outbox);
    let instance = Arc::clone(&deps.instance);
    let rpc = Rpc::new(Arc::new(service(cfg, &deps)), eraser(cfg, &deps));
    let consumer = consumer(cfg, deps);
    Role::new("archive")
        .service(RecordingsServer::new(rpc))
        .audit_outbox(outbox)
        .task("archive-audio", move |shutdown| consumer.run(shutdown))
        .ready("archive-certificate", move || {
            let certified = instance.certificate().is_some();
            async move { if certified { Ok(()) } else { Err("its instance has no certificate yet".to_owned()) } }
        })
}

/// What readers ask, without its role.
pub fn service(cfg: &Config, deps: &Deps) -> Service {
    Service::new(Arc::clone(&deps.store), Arc::clone(&deps.objects), mesh(deps), cfg.clone())
}

/// What erases, without its role.
pub fn eraser(cfg: &Config, deps: &Deps) -> Eraser {
    Eraser { sealer: sealer(cfg, deps), log: Arc::clone(&deps.log) }
}

/// The consumer, without its role.
pub fn consumer(cfg: &Config, deps: Deps) -> Consumer {
    let (mesh, sealer) = (mesh(&deps), sealer(cfg, &deps));
    let Deps { store, log, objects, clock, policies, metrics, .. } = deps;
    let shelf = Shelf {
        store: Arc::clone(&store),
        objects,
        policies,
        clock: Arc::clone(&clock),
        set_aside: SetAside::new(&metrics),
    };
    let waiting = metrics.gauge(&consumer::WAITING, &[]);
    Consumer { log, store, mesh, shelf, sealer, clock, waiting, config: cfg.clone() }
}

fn sealer(cfg: &Config, deps: &Deps) -> Sealer {
    let placer = Placer {
        store: Arc::clone(&deps.store),
        objects: Arc::clone(&deps.objects),
        instance: Arc::clone(&deps.instance),
        clock: Arc::clone(&deps.clock),
    };
    let (store, clock) = (Arc::clone(&deps.store), Arc::clone(&deps.clock));
    Sealer { store, placer, mesh: mesh(deps), clock, config: cfg.clone() }
}

fn mesh(deps: &Deps) -> Mesh {
    Mesh { crypto: deps.crypto.clone(), consent: deps.consent.clone(), ingest: deps.ingest.clone() }
}
