//! audit: the ledger. What happened goes in once, in order, and can neither be changed nor taken away unseen.
//!
//! It owns the Merkle log of each partition of the audit topic, the root log over them, the sealed entries with
//! the index that finds them, the checkpoints and the proofs. It has no update and no delete. It does not know
//! what an act means, sees no free text (a person's reason goes to crypto, sealed as it came), and its tiles
//! and checkpoints show an outsider nothing but sizes.
//!
//! Read [`entry`] and [`leaf`] first (what is committed to), then the writer: `plan` (which leaves follow from
//! records), `partition` (one commit), `publisher` and `flush` (what becomes readable where), [`root`],
//! [`consumer`]. [`store`] is the index, [`name`] and [`entry_object`] say what the objects look like,
//! [`verify`] recomputes everything from them, [`rebuild`] makes a lost index anew. [`service`] and [`rpc`]
//! answer.
//!
//! After a restore: [`signed`] (what the restrictive journal knows), [`succession`] (how one history follows another),
//! `settle` (which one goes on).

pub mod entry;
pub mod leaf;

pub mod finding;

mod arrival;
mod plan;

mod flush;
mod journalling;
mod partition;
mod publisher;
mod shared;
mod shelf;
mod state;
mod topic;

pub mod consumer;
pub mod root;
mod settle;
pub mod signed;
pub mod signer;
pub mod succession;

pub mod entry_object;
pub mod files;
pub mod name;
pub mod store;

pub mod rebuild;
pub mod verify;

pub mod query;
pub mod rpc;
pub mod service;

pub mod config;
pub mod error;
pub mod keys;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventlog::EventLog;
use journal::Journal;
use kernel::Clock;
use objects::ObjectStore;
use platform::instance::{Instance, KeysCertifier};
use platform::role::Role;
use platform::telemetry::Metrics;
use platform::wire::Wire;
use proto::audit::v1::ledger_server::LedgerServer;

pub use config::Config;
pub use error::Error;
pub use service::Service;
pub use verify::{Finding, Report};

use consumer::Consumer;
use keys::{CryptoKeys, KeySource};
use rpc::Rpc;
use shared::Shared;
use signer::Signer;
use store::LedgerStore;

/// Everything audit may touch; built once in the wiring.
pub struct Deps {
    /// The index ([`store::sqlite::SqliteStore`], in the data directory).
    pub store: Arc<dyn LedgerStore>,
    /// Where the topic is.
    pub log: Arc<dyn EventLog>,
    /// Where tiles, checkpoints and entry objects go.
    pub objects: Arc<dyn ObjectStore>,
    /// The restrictive journal: where every root is before it can be read.
    pub journal: Arc<Journal>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// This instance: whose name is in the certificate of the key that signs checkpoints.
    pub instance: Arc<Instance>,
    /// A wire to crypto, which brings audit's own token.
    pub crypto: Wire,
    /// Where it is counted what waits.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(config: Config, deps: Deps) -> Result<Role, Error> {
    let keys: Arc<dyn KeySource> = Arc::new(CryptoKeys::new(deps.crypto.clone()));
    let certifier = Arc::new(KeysCertifier::new(deps.crypto));
    let signer = Arc::new(Signer::new(deps.instance.id(), certifier, Arc::clone(&deps.clock))?);
    let service = Service::new(Arc::clone(&deps.store), Arc::clone(&deps.objects), Arc::clone(&keys));
    let shared = Shared {
        store: deps.store,
        objects: deps.objects,
        journal: deps.journal,
        keys,
        signer,
        clock: deps.clock,
        config: Arc::new(config),
    };
    let waiting = deps.metrics.gauge(&consumer::WAITING, &[]);
    let settled = Arc::new(AtomicBool::new(false));
    let consumer = Consumer { shared, log: deps.log, waiting, settled: Arc::clone(&settled) };
    Ok(Role::new("audit")
        .service(LedgerServer::new(Rpc::new(Arc::new(service))))
        .ready("ledger-journal", move || {
            let is_settled = settled.load(Ordering::SeqCst);
            let waits = || "the ledger is not held against the restrictive journal yet".to_owned();
            std::future::ready(is_settled.then_some(()).ok_or_else(waits))
        })
        .task("audit-ledger", |shutdown| consumer.run(shutdown)))
}
