//! ingest: takes calls in. Frames become sealed spans in the event log, with their bases, pauses and drops; a
//! sender hears what is durable, and never more.
//!
//! It owns sessions while they run: the row that survives a crash, what of a call is stored and what is not,
//! the leg keys of its own sections and their spans. It does not know what becomes of the log's records, keeps no key
//! that opens what it has sealed, and decides on no consent: consent does, and this role does as it is told.
//!
//! Read the pure parts first: [`anchor`] (where a frame lies), [`verdict`] (what becomes of it), [`leg`] (frames
//! in, spans and drops out), [`session`] (what events do). Then [`store`] (what survives), and `recorder` (one
//! stream), which drives `flow` (to the log) and `sealer`. `opening`, `control`, `watch` and `rpc` are the ways in.

pub mod anchor;
pub mod verdict;

pub mod leg;
pub mod session;

pub mod store;

mod flow;
mod recorder;
mod records;
mod sealer;

mod said;

mod authority;
mod control;
mod keys;
mod opening;
mod owed;
mod registry;
mod service;
mod watch;

mod rpc;

pub mod config;
pub mod error;
pub mod intake;
pub mod meta;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::sync::Arc;

use eventlog::EventLog;
use kernel::{Clock, InstanceId};
use platform::audit::AuditOutbox;
use platform::drain::{Stage, Task};
use platform::{PolicyBook, Role, Wire};
use proto::ingest::v1::recorder_server::RecorderServer;

pub use config::Config;
pub use error::Error;
pub use records::{SOURCE, kind};
pub use store::{SqliteStore, Store};

use crate::rpc::Rpc;
use crate::service::Service;

/// Largest message of a sender: a `Media` with as many frames as it may have, and room beside them.
pub const MAX_MESSAGE: usize = 5 << 20;

/// Everything that ingest may touch.
#[derive(Clone)]
pub struct Deps {
    /// Sessions.
    pub store: Arc<dyn Store>,
    /// The outbox in the same file, for audit entries.
    pub outbox: Arc<dyn AuditOutbox>,
    /// Where recordings go.
    pub log: Arc<dyn EventLog>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// This process.
    pub instance: InstanceId,
    /// The way to consent.
    pub consent: Wire,
    /// The way to crypto.
    pub crypto: Wire,
    /// Tenants' policies.
    pub policies: Arc<PolicyBook>,
}

/// Builds the role.
pub fn build(config: Config, deps: Deps) -> Role {
    let Deps { store, outbox, log, clock, instance, consent, crypto, policies } = deps;
    let service = Service::new(config, store, log, clock, instance, (consent, crypto), policies);
    let service = Arc::new(service);
    let (watch, parts, draining) =
        (Arc::clone(&service.parts.watch), service.parts.clone(), Arc::clone(&service));
    let server = RecorderServer::new(Rpc(service)).max_decoding_message_size(MAX_MESSAGE);
    Role::new("ingest")
        .service(server)
        .audit_outbox(outbox)
        .with(Task::new("ingest-consent-watch", move |shutdown| watch.run(shutdown)).until(Stage::Flushing))
        .task("ingest-consent-owed", move |shutdown| parts.tell_until_drained(shutdown))
        .task("ingest-drain", move |shutdown| draining.drain(shutdown))
}
