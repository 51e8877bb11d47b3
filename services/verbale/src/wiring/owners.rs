//! The ways to single instances of a role, by the addresses that they gave of themselves.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use platform::auth::TokenSource;
use platform::tls::Tls;
use platform::wire::{self, Config, Peers, Wire};

/// Addresses whose connections are kept; instances come and go, but few are there at once.
const KEPT_MAX: usize = 256;

/// Makes and keeps wires to instances, which speak as their role.
pub(super) struct Owners {
    config: Config,
    tls: Option<Tls>,
    tokens: Arc<dyn TokenSource>,
    kept: Mutex<HashMap<String, Wire>>,
}

impl Owners {
    pub(super) fn new(config: Config, tls: Option<Tls>, tokens: Arc<dyn TokenSource>) -> Self {
        Self { config, tls, tokens, kept: Mutex::default() }
    }
}

impl ingest::Owners for Owners {
    fn wire(&self, address: &str) -> Option<Wire> {
        let mut kept = self.kept.lock();
        if let Some(wire) = kept.get(address) {
            return Some(wire.clone());
        }
        let peers: Peers = address.parse().ok()?;
        let remote = wire::remote(&peers, &self.config, self.tls.as_ref()).ok()?;
        let wire = wire::client(remote, Arc::clone(&self.tokens));
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(address.to_owned(), wire.clone());
        Some(wire)
    }
}
