//! Who stands on what: adapters, roles, and the wires between them. Only this file knows all of it.

mod adapters;
mod certify;
mod engines;
mod held;
mod journal;
mod owners;
mod reload;
mod routes;
mod shared;
mod tables;

use anyhow::Result;
use platform::drain::Task;
use platform::role::{GuardedRole, ReadyCheck, Role};
use platform::telemetry::Metrics;
use platform::tls::Tls;
use platform::wire::{LateWire, Wire};

use crate::config;
use crate::mesh::Settings;
use crate::role::RoleName;

use self::shared::Shared;

pub(crate) use engines::session;
pub use held::Held;
pub(crate) use tables::all as tables;

/// Everything that a process runs, not yet started.
pub struct Wired {
    /// The roles behind their guards.
    pub roles: Vec<GuardedRole>,
    /// The way from role to role, to be set to the door of these roles and the ways to the others.
    pub inside: LateWire,
    /// The ways to roles that run elsewhere.
    pub elsewhere: Vec<(RoleName, Wire)>,
    /// Tasks that belong to no one role.
    pub tasks: Vec<Task>,
    /// What else must hold before calls are taken.
    pub ready: Vec<ReadyCheck>,
    /// Where everything is counted.
    pub metrics: Metrics,
    /// The directories that are this process's own as long as it serves.
    pub held: Held,
}

/// Opens the adapters and builds the roles of these settings.
pub async fn build(settings: &Settings, tls: Option<&Tls>) -> Result<Wired> {
    config::check_roles(&settings.config)?;
    let elsewhere = routes::elsewhere(settings, tls)?;
    let mut shared = Shared::open(settings, tls.cloned()).await?;
    let mut roles = Vec::new();
    for name in &settings.roles {
        let role = build_role(*name, &mut shared).await?;
        roles.push(role.guard(&shared.guard));
    }
    let (tasks, ready) = shared.finish();
    let Shared { inside, metrics, held, .. } = shared;
    Ok(Wired { roles, inside, elsewhere, tasks, ready, metrics, held })
}

// Each on the heap: engines' clients make futures that are deep.
async fn build_role(name: RoleName, shared: &mut Shared) -> Result<Role> {
    match name {
        RoleName::Crypto => Box::pin(adapters::crypto(shared)).await,
        RoleName::Consent => Box::pin(adapters::consent(shared)).await,
        RoleName::Ingest => Box::pin(adapters::ingest(shared)).await,
        RoleName::Archive => Box::pin(adapters::archive(shared)).await,
        RoleName::Retention => Box::pin(adapters::retention(shared)).await,
        RoleName::Dsar => Box::pin(adapters::dsar(shared)).await,
        RoleName::Audit => Box::pin(adapters::audit(shared)).await,
    }
}
