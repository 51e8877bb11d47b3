//! crypto's parts, put together once; [`crate::rpc`] calls them.

use std::sync::Arc;

use kernel::{Clock, InstanceId};
use platform::auth::Verifier;

use crate::backend::KeyBackend;
use crate::config::Config;
use crate::consent::ConsentPort;
use crate::epochs::Epochs;
use crate::gate::Gate;
use crate::gate::rules::ConsentRule;
use crate::leases::Leases;
use crate::pages::Pages;
use crate::policies::Policies;
use crate::reasons::Reasons;
use crate::sealing::Sealing;
use crate::sections::Sections;
use crate::store::KeyStore;
use crate::tenant_keys::TenantKeys;
use crate::unwrapping::Unwrapping;

/// What the service stands on: ports only.
#[derive(Clone)]
pub struct Ports {
    /// The key tables.
    pub store: Arc<dyn KeyStore>,
    /// The key backend.
    pub backend: Arc<dyn KeyBackend>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// consent.
    pub consent: Arc<dyn ConsentPort>,
    /// The tenants' policies.
    pub policies: Arc<dyn Policies>,
    /// Who verifies subject tokens.
    pub verifier: Arc<Verifier>,
}

/// One running crypto.
pub struct Service {
    /// Epochs and their keys.
    pub epochs: Arc<Epochs>,
    /// Where entries lie.
    pub pages: Arc<Pages>,
    /// Sections come in.
    pub sections: Sections,
    /// Recordings are sealed.
    pub sealing: Sealing,
    /// Covers are handed out.
    pub unwrapping: Unwrapping,
    /// People's reasons.
    pub reasons: Reasons,
    /// Keys outside epochs.
    pub tenant_keys: TenantKeys,
}

impl Service {
    /// Puts the parts together under a fresh instance id: pages that an earlier process filled are left as
    /// they are, for this one does not know which of their slots were promised.
    pub fn new(cfg: &Config, ports: Ports) -> Self {
        let Ports { store, backend, clock, consent, policies, verifier } = ports;
        let instance = InstanceId::new();
        let epochs = Arc::new(Epochs::new(
            Arc::clone(&store),
            Arc::clone(&backend),
            Arc::clone(&clock),
            cfg.epoch.0,
            cfg.open_epochs,
            cfg.open_epoch_life.0,
        ));
        let pages = Arc::new(Pages::new(Arc::clone(&store), Arc::clone(&epochs), instance));
        let gate = Gate::new(policies, vec![Arc::new(ConsentRule(Arc::clone(&consent)))]);
        let leases = Leases::new(cfg.lease.0, cfg.leases);
        Self {
            sections: Sections::new(
                Arc::clone(&store),
                Arc::clone(&epochs),
                Arc::clone(&pages),
                Arc::clone(&clock),
            ),
            sealing: Sealing::new(Arc::clone(&store), Arc::clone(&pages), consent),
            unwrapping: Unwrapping::new(Arc::clone(&store), Arc::clone(&pages), gate, leases, verifier),
            reasons: Reasons::new(
                store,
                Arc::clone(&epochs),
                Arc::clone(&pages),
                Arc::clone(&clock),
                instance,
            ),
            tenant_keys: TenantKeys::new(backend, clock, cfg.certificate.0),
            epochs,
            pages,
        }
    }
}
