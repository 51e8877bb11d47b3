//! Who stands on what: adapters, roles, and the wires between them. Only this file knows all of it.

mod adapters;
mod certify;
mod reload;
mod shared;

use anyhow::Result;
use platform::drain::Task;
use platform::role::{GuardedRole, ReadyCheck, Role};
use platform::telemetry::Metrics;
use platform::wire::LateWire;

use crate::config;
use crate::mesh::Settings;
use crate::role::RoleName;

use self::shared::Shared;

/// Everything that a process runs, not yet started.
pub struct Wired {
    /// The roles behind their guards.
    pub roles: Vec<GuardedRole>,
    /// The way from role to role, to be set to the door of these roles.
    pub inside: LateWire,
    /// Tasks that belong to no one role.
    pub tasks: Vec<Task>,
    /// What else must hold before calls are taken.
    pub ready: Vec<ReadyCheck>,
    /// Where everything is counted.
    pub metrics: Metrics,
}

/// Opens the adapters and builds the roles of these settings.
pub async fn build(settings: &Settings) -> Result<Wired> {
    config::check_roles(&settings.config)?;
    let mut shared = Shared::open(settings).await?;
    let mut roles = Vec::new();
    for name in &settings.roles {
        let role = build_role(*name, &mut shared).await?;
        roles.push(role.guard(&shared.guard));
    }
    let (tasks, ready) = shared.finish();
    Ok(Wired { roles, inside: shared.inside, tasks, ready, metrics: shared.metrics })
}

async fn build_role(name: RoleName, shared: &mut Shared) -> Result<Role> {
    match name {
        RoleName::Crypto => adapters::crypto(shared).await,
        RoleName::Consent => adapters::consent(shared).await,
        RoleName::Ingest => adapters::ingest(shared).await,
        RoleName::Archive => adapters::archive(shared).await,
        RoleName::Audit => adapters::audit(shared).await,
    }
}
