//! The ways to roles that run in other processes.

use anyhow::{Context, Result};
use platform::tls::Tls;
use platform::wire::{self, Wire};

use crate::mesh::Settings;
use crate::role::RoleName;

/// A wire to each role that does not run here and has an address. Refuses settings without one that is needed.
pub(super) fn elsewhere(settings: &Settings, tls: Option<&Tls>) -> Result<Vec<(RoleName, Wire)>> {
    let Settings { config, roles, .. } = settings;
    config.peers.check_reach(roles).map_err(|problem| anyhow::anyhow!("peers.{problem}"))?;
    let mut wires = Vec::new();
    for role in RoleName::ALL.into_iter().filter(|role| !roles.contains(role)) {
        let Some(addresses) = config.peers.of(role) else { continue };
        let wire = wire::remote(addresses, &config.wire, tls);
        wires.push((role, wire.with_context(|| format!("peers.{role} cannot be used"))?));
    }
    Ok(wires)
}
