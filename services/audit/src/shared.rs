//! What every writer of a process shares.

use std::sync::Arc;

use journal::Journal;
use kernel::Clock;
use objects::ObjectStore;

use crate::config::Config;
use crate::keys::KeySource;
use crate::name::{Incarnation, LogName};
use crate::shelf::Shelf;
use crate::signer::Signer;
use crate::store::LedgerStore;

/// Stores, keys and bounds; clones share them.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LedgerStore>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Arc<Config>,
}

impl Shared {
    pub(crate) fn shelf(&self, incarnation: Incarnation, log: LogName) -> Shelf {
        Shelf::new(Arc::clone(&self.objects), incarnation, log)
    }
}
