//! platform: what every role stands on. It knows no role.
//!
//! It owns configuration, telemetry, who calls, the rules of the contract and their enforcement, the way
//! audit entries take to the ledger's topic, the wires between roles, serving, draining. It does not know
//! what any call means, nor which stores or engines are below.
//!
//! Read [`role`] (what a role hands over), [`call`] (what a handler gets and notes), [`guard`] (what stands
//! before every handler), [`audit`] and [`outbox`] (how entries and events leave), [`feed`] (how topics are followed), [`wire`] (how roles call
//! each other, in one process or over a network). Then [`auth`], [`rules`], [`permission`]; [`config`],
//! [`telemetry`], [`drain`], [`server`], [`tls`] are for the wiring.

pub mod role;

pub mod call;
pub mod guard;

pub mod audit;
pub mod outbox;
pub mod reason;

pub mod wire;

pub mod auth;
pub mod permission;
pub mod rules;

pub mod error;
pub mod feed;
pub mod instance;
pub mod lag;
pub mod policies;
pub mod retry;

pub mod config;
pub mod drain;
pub mod server;
pub mod telemetry;
pub mod tls;

pub use audit::{AuditEntry, AuditOutbox, AuditProducer, OutboxError};
pub use call::{CallContext, CallMetadata, request};
pub use drain::{Shutdown, Stage, Stopper, Task, TaskResult, Tasks};
pub use error::{refusal, status};
pub use instance::Instance;
pub use outbox::{Bell, OutboxPublisher, OutboxStore, Outgoing};
pub use policies::{KnownPolicy, PolicyBook};
pub use role::{GuardedRole, NotReady, Role};
pub use wire::{LateWire, Wire};

#[cfg(test)]
mod stand;
