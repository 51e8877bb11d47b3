//! The role's service: what streams, controls and tasks share, and who owns the running streams.

use std::sync::Arc;

use eventlog::EventLog;
use kernel::{Clock, InstanceId};
use parking_lot::Mutex;
use platform::Wire;
use platform::drain::{Shutdown, TaskResult};
use platform::policies::PolicyBook;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use crate::authority::Authority;
use crate::config::Config;
use crate::error::Error;
use crate::keys::Keys;
use crate::registry::Registry;
use crate::store::Store;
use crate::watch::Watch;

/// What ingest does its work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instance: InstanceId,
    pub(crate) keys: Arc<Keys>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) registry: Arc<Registry>,
}

/// The role's service.
pub(crate) struct Service {
    pub(crate) parts: Parts,
    streams: Mutex<JoinSet<()>>,
    draining: watch::Sender<bool>,
}

impl Service {
    pub(crate) fn new(
        config: Config,
        store: Arc<dyn Store>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        instance: InstanceId,
        (consent, crypto): (Wire, Wire),
        policies: Arc<PolicyBook>,
    ) -> Self {
        let patience = config.call.0;
        let keys = Arc::new(Keys::new(crypto, instance, Arc::clone(&clock), patience));
        let watch = Arc::new(Watch::new(consent.clone(), config.consent_silence.0));
        let authority = Arc::new(Authority::new(consent, policies, patience));
        let registry = Arc::new(Registry::new(config.sessions));
        let parts = Parts { config, store, log, clock, instance, keys, authority, watch, registry };
        Self { parts, streams: Mutex::default(), draining: watch::Sender::new(false) }
    }

    /// Runs a stream until it ends, whatever becomes of the call that brought it.
    pub(crate) fn spawn(&self, stream: impl Future<Output = ()> + Send + 'static) {
        let mut streams = self.streams.lock();
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }

    /// Refuses new sessions once the instance drains.
    pub(crate) fn check_admission(&self) -> Result<(), Error> {
        if *self.draining.borrow() { Err(Error::Draining) } else { Ok(()) }
    }

    /// Turns true when the instance drains.
    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// On the signal tells every sender to go elsewhere; ends with the last stream, or cuts the rest off when
    /// the process flushes.
    pub(crate) async fn drain(self: Arc<Self>, shutdown: Shutdown) -> TaskResult {
        shutdown.draining().await;
        self.draining.send_replace(true);
        let mut streams = std::mem::take(&mut *self.streams.lock());
        info!(streams = streams.len(), "senders are told to go elsewhere");
        let all = async { while streams.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = shutdown.flushing() => {}
        }
        streams.shutdown().await;
        Ok(())
    }
}
