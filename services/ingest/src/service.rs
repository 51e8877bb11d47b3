//! The role's service: what streams, controls and tasks share, and who owns the running streams.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, Timestamp, chain};
use parking_lot::Mutex;
use platform::drain::{Shutdown, TaskResult};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info, warn};

use crate::Deps;
use crate::appender::{self, Appender, Gauges, SpoolLimits, Waits, Writer};
use crate::authority::Authority;
use crate::config::Config;
use crate::error::Error;
use crate::intake::Present;
use crate::keys::Keys;
use crate::owners::Owners;
use crate::registry::Registry;
use crate::store::Store;
use crate::watch::Watch;

/// How long streams that are ended may take over their last appends and words.
const LEAVING: Duration = Duration::from_secs(5);

/// Until when running streams may go on; none while the instance does not drain.
pub(crate) type Draining = watch::Receiver<Option<Instant>>;

/// What ingest does its work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) appender: Arc<Appender>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instance: InstanceId,
    /// Where other instances reach this one; empty where they cannot.
    pub(crate) address: String,
    pub(crate) owners: Arc<dyn Owners>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) registry: Arc<Registry>,
}

impl Parts {
    /// What an `Open` that comes now is measured by.
    pub(crate) fn present(&self) -> Present {
        Present { now: self.clock.now(), clock_ahead: self.config.clock_ahead.0 }
    }
}

/// The role's service.
pub(crate) struct Service {
    pub(crate) parts: Parts,
    pub(crate) gauges: Arc<Gauges>,
    streams: Mutex<JoinSet<()>>,
    draining: watch::Sender<Option<Instant>>,
}

impl Service {
    /// The service, and the task that writes what it logs.
    pub(crate) fn new(config: Config, deps: Deps) -> (Self, Writer) {
        let Deps { store, log, spool, clock, instance, node, address, owners, .. } = deps;
        let Deps { consent, crypto, policies, metrics, .. } = deps;
        let patience = config.call.0;
        let keys = Arc::new(Keys::new(crypto, instance, node, Arc::clone(&clock), patience));
        let watch = Arc::new(Watch::new(consent.clone(), config.consent_silence.0));
        let authority = Arc::new(Authority::new(consent, policies, patience));
        let registry = Arc::new(Registry::new(config.sessions));
        let gauges = Arc::new(Gauges::new(Arc::clone(&clock), &metrics));
        let limits = SpoolLimits { bytes: config.spool_bytes.0, age: config.spool_age.0 };
        let spool = spool.map(|spool| (spool, limits));
        let waits = Waits { gather: config.gather.0, patience: config.spool_after.0 };
        let (appender, writer) = appender::appender(log, spool, Arc::clone(&gauges), waits);
        let appender = Arc::new(appender);
        let parts = Parts {
            config,
            store,
            appender,
            clock,
            instance,
            address,
            owners,
            keys,
            authority,
            watch,
            registry,
        };
        (Self { parts, gauges, streams: Mutex::default(), draining: watch::Sender::new(None) }, writer)
    }

    /// Leaves key epochs that are over and that nothing on its way rests on, again and again; a last time when every
    /// stream has ended.
    pub(crate) async fn leave_epochs(self: Arc<Self>, shutdown: Shutdown) -> TaskResult {
        loop {
            let is_last = tokio::select! {
                () = shutdown.flushing() => true,
                () = tokio::time::sleep(self.parts.config.epoch_report.0) => false,
            };
            // The last word is for good: nothing more comes, and no epoch waits for this process.
            let at = if is_last { Timestamp(i64::MAX) } else { self.parts.clock.now() };
            if let Err(error) = self.try_leave_epochs(at).await {
                warn!(error = chain(&error), "key epochs that are over are not left for now");
            }
            if is_last {
                return Ok(());
            }
        }
    }

    pub(crate) async fn try_leave_epochs(&self, at: Timestamp) -> Result<(), Error> {
        let keys = &self.parts.keys;
        // First what nothing rests on, then the spool: what was on its way is there or in the log.
        let over = keys.over(at);
        if !self.gauges.is_drained() {
            return Ok(());
        }
        keys.leave_for_others().await?;
        for (tenant, through) in over {
            keys.leave(&tenant, through).await?;
            debug!(%tenant, %through, "key epochs were left");
        }
        Ok(())
    }

    /// Runs a stream until it ends, whatever becomes of the call that brought it.
    pub(crate) fn spawn(&self, stream: impl Future<Output = ()> + Send + 'static) {
        let mut streams = self.streams.lock();
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }

    /// Refuses new sessions once the instance drains, and while its spool can take no more.
    pub(crate) fn check_admission(&self) -> Result<(), Error> {
        if self.draining.borrow().is_some() {
            return Err(Error::Draining);
        }
        self.parts.appender.check_room()
    }

    /// Tells when the instance drains, and until when what runs may go on.
    pub(crate) fn draining(&self) -> Draining {
        self.draining.subscribe()
    }

    /// On the signal tells every sender to go elsewhere. Streams whose calls end soon end with them; the others
    /// end themselves when their time is over, and what does not even then is cut off, so that the stages after
    /// this one are reached whatever senders and the log do.
    pub(crate) async fn drain(self: Arc<Self>, shutdown: Shutdown) -> TaskResult {
        shutdown.draining().await;
        let until = Instant::now() + self.parts.config.drain.0;
        self.draining.send_replace(Some(until));
        info!("senders are told to go elsewhere");
        loop {
            // More than once: calls that were admitted before the signal may have begun their streams after it.
            let mut streams = std::mem::take(&mut *self.streams.lock());
            if streams.is_empty() {
                return Ok(());
            }
            let all = async { while streams.join_next().await.is_some() {} };
            if timeout_at(until + LEAVING, all).await.is_err() {
                warn!(streams = streams.len(), "streams did not end in time and are cut off");
                streams.shutdown().await;
                return Ok(());
            }
        }
    }
}
