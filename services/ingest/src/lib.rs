//! ingest: takes calls in. Frames become sealed spans in the event log, with their bases, pauses and drops; a
//! sender hears what is durable, and never more.
//!
//! It owns sessions while they run: the row that survives a crash, what of a call is stored and what is not,
//! the leg keys of its own sections and their spans. It does not know what becomes of the log's records, keeps no key
//! that opens what it has sealed, and decides on no consent: consent does, and this role does as it is told.
//!
//! Read the pure parts first: [`anchor`] (where a frame lies), [`verdict`] (what becomes of it), [`leg`] (frames
//! in, spans and drops out), [`session`] (what events do). Then [`store`] (what survives), and `recorder` (one
//! stream), which drives `flow` (to the log, by the instance's one `appender`) and `sealer`. `opening`, `control`, `watch` and `rpc` are the ways in.

pub mod anchor;
pub mod verdict;

pub mod leg;
pub mod session;

pub mod store;

mod appender;
mod flow;
mod recorder;
mod records;
mod sealer;

mod said;

mod authority;
mod control;
mod keys;
mod knocks;
mod node;
mod opening;
mod owed;
mod owners;
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
use kernel::{Clock, InstanceId, chain};
use platform::audit::AuditOutbox;
use platform::drain::{Stage, Task};
use platform::telemetry::Metrics;
use platform::{PolicyBook, Role, Wire};
use proto::ingest::v1::recorder_server::RecorderServer;

pub use appender::{LOG_APPENDS, LOGGED_BYTES, LOGGED_RECORDS};
pub use config::Config;
pub use error::Error;
pub use node::Node;
pub use owners::{NoOwners, Owners};
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
    /// What takes the log's place while it is away: one on this node's disk, of this process alone. None where
    /// the log is on this disk itself.
    pub spool: Option<Arc<dyn EventLog>>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// This process.
    pub instance: InstanceId,
    /// What this node's disk remembers of it and of those before it.
    pub node: Node,
    /// Where other instances reach it; empty where they cannot, or where there are none.
    pub address: String,
    /// The way to other instances.
    pub owners: Arc<dyn Owners>,
    /// The way to consent.
    pub consent: Wire,
    /// The way to crypto.
    pub crypto: Wire,
    /// Tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Where its numbers are shown.
    pub metrics: Metrics,
}

/// Builds the role.
pub fn build(config: Config, deps: Deps) -> Role {
    let outbox = Arc::clone(&deps.outbox);
    let (service, writer) = Service::new(config, deps);
    let service = Arc::new(service);
    let tasks = tasks(&service, writer);
    let appender = Arc::clone(&service.parts.appender);
    let server = RecorderServer::new(Rpc(service)).max_decoding_message_size(MAX_MESSAGE);
    let role = Role::new("ingest").service(server).audit_outbox(outbox).ready("spool", move || {
        let room = appender.check_room();
        async move { room.map_err(|error| chain(&error)) }
    });
    tasks.into_iter().fold(role, Role::with)
}

fn tasks(service: &Arc<Service>, writer: appender::Writer) -> Vec<Task> {
    let (watch, parts) = (Arc::clone(&service.parts.watch), service.parts.clone());
    let listening = service.parts.clone();
    let (leaving, draining) = (Arc::clone(service), Arc::clone(service));
    vec![
        Task::new("ingest-append", move |shutdown| writer.run(shutdown)).until(Stage::Flushing),
        Task::new("ingest-consent-watch", move |shutdown| watch.run(shutdown)).until(Stage::Flushing),
        Task::new("ingest-consent-owed", move |shutdown| parts.tell_until_drained(shutdown)),
        // While it drains its streams still run.
        Task::new("ingest-knocks", move |shutdown| listening.listen(shutdown)).until(Stage::Flushing),
        // After the streams, and beside the last appends.
        Task::new("ingest-epochs", move |shutdown| leaving.leave_epochs(shutdown)).until(Stage::Flushing),
        Task::new("ingest-drain", move |shutdown| draining.drain(shutdown)),
    ]
}
