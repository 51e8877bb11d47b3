//! crypto's parts, put together once; [`crate::rpc`] calls them.

use std::sync::Arc;

use eventlog::EventLog;
use kernel::{Clock, InstanceId};
use platform::auth::Verifier;

use crate::backend::KeyBackend;
use crate::canary::{Canaries, CanaryShelf};
use crate::config::Config;
use crate::consent::ConsentPort;
use crate::copies::KeyCopies;
use crate::epochs::Epochs;
use crate::erasing::Erasing;
use crate::gate::Gate;
use crate::gate::rules::{ConsentRule, RetentionRule};
use crate::leases::Leases;
use crate::pages::Pages;
use crate::policies::Policies;
use crate::reasons::Reasons;
use crate::retention::RetentionPort;
use crate::sealing::Sealing;
use crate::sections::Sections;
use crate::store::KeyStore;
use crate::tenant_keys::TenantKeys;
use crate::turn::{self, Announce, Turn};
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
    /// retention.
    pub retention: Arc<dyn RetentionPort>,
    /// The tenants' policies.
    pub policies: Arc<dyn Policies>,
    /// Who verifies subject tokens.
    pub verifier: Arc<Verifier>,
    /// The event log, for how far it was read.
    pub log: Arc<dyn EventLog>,
    /// Who must know of an epoch's end before it comes.
    pub announce: Arc<dyn Announce>,
    /// The second place of the key tables.
    pub copies: Arc<dyn KeyCopies>,
    /// Where removed canaries are kept.
    pub canaries: Arc<dyn CanaryShelf>,
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
    /// Entries go.
    pub erasing: Erasing,
    /// People's reasons.
    pub reasons: Reasons,
    /// Keys outside epochs.
    pub tenant_keys: TenantKeys,
    /// Epochs end.
    pub turn: Arc<Turn>,
}

impl Service {
    /// Puts the parts together under a fresh instance id: pages that an earlier process filled are left as
    /// they are, for this one does not know which of their slots were promised.
    pub fn new(cfg: &Config, ports: Ports) -> Self {
        let Ports {
            store,
            backend,
            clock,
            consent,
            retention,
            policies,
            verifier,
            log,
            announce,
            copies,
            canaries,
        } = ports;
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
        let consents = Arc::new(ConsentRule(Arc::clone(&consent)));
        let gate = Gate::new(policies, vec![consents, Arc::new(RetentionRule(retention))]);
        let leases = Arc::new(Leases::new(cfg.lease.0, cfg.leases));
        let turn = Arc::new(Turn::new(turn::Parts {
            store: Arc::clone(&store),
            backend: Arc::clone(&backend),
            clock: Arc::clone(&clock),
            epochs: Arc::clone(&epochs),
            pages: Arc::clone(&pages),
            log,
            announce,
            copies,
            canaries: Arc::new(Canaries::new(
                Arc::clone(&store),
                Arc::clone(&backend),
                Arc::clone(&epochs),
                Arc::clone(&pages),
                canaries,
            )),
            length: cfg.epoch.0,
            least_age: cfg.turn_min.0,
            ring_life: cfg.open_epoch_life.0,
        }));
        Self {
            sections: Sections::new(
                Arc::clone(&store),
                Arc::clone(&epochs),
                Arc::clone(&pages),
                Arc::clone(&clock),
            ),
            sealing: Sealing::new(Arc::clone(&store), Arc::clone(&pages), consent),
            unwrapping: Unwrapping::new(
                Arc::clone(&store),
                Arc::clone(&pages),
                gate,
                Arc::clone(&leases),
                verifier,
            ),
            erasing: Erasing::new(Arc::clone(&store), Arc::clone(&pages), leases, Arc::clone(&clock)),
            reasons: Reasons::new(
                store,
                Arc::clone(&epochs),
                Arc::clone(&pages),
                Arc::clone(&clock),
                instance,
            ),
            tenant_keys: TenantKeys::new(backend, clock, cfg.certificate.0),
            turn,
            epochs,
            pages,
        }
    }
}
