//! A running mesh: adapters opened, roles built, wired to each other, served, and stopped in order.
//!
//! `verbale up`, `serve`, `demo` and the tests share [`Mesh::start`].

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::{Clock, SystemClock};
use platform::drain::{self, Signals, Stopper, Tasks};
use platform::server::{self, Door, Health, Observatory};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::role::RoleName;
use crate::wiring;

/// Longest time that flushing may take after the drain.
const FLUSH: Duration = Duration::from_secs(10);
/// Longest time until a fresh mesh is ready.
const READY: Duration = Duration::from_secs(60);

/// What a mesh is started with.
#[derive(Clone)]
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// Which roles run in this process.
    pub roles: Vec<RoleName>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// Every role, on this configuration and the machine's clock.
    pub fn new(config: Config) -> Self {
        Self { config, roles: RoleName::ALL.to_vec(), clock: Arc::new(SystemClock) }
    }

    /// Every role on embedded storage in these directories, listening on a free port of the loopback.
    pub fn embedded(data: &Path, keys: &Path, policies: &Path) -> Self {
        let mut config = Config::default();
        config.storage.data = data.to_owned();
        config.storage.keys = Some(keys.to_owned());
        config.storage.policies = Some(policies.to_owned());
        config.server.listen = "127.0.0.1:0".to_owned();
        Self::new(config)
    }
}

/// A mesh that runs until it is stopped.
pub struct Mesh {
    address: SocketAddr,
    url: String,
    stopper: Stopper,
    tasks: Tasks,
    patience: Duration,
    // Given up last, when nothing runs any more.
    _held: wiring::Held,
}

impl Mesh {
    /// Binds, opens every adapter, builds the roles, and returns when they are ready.
    pub async fn start(settings: Settings) -> Result<Self> {
        let config = settings.config.clone();
        let tls = config.tls.load()?;
        let listener = server::listen(&config.server, tls.as_ref()).await?;
        let (address, url) = (listener.address(), listener.url());
        let observatory = match &config.server.metrics {
            Some(address) => Some(Observatory::listen(address).await?),
            None => None,
        };
        let (stopper, shutdown) = drain::shutdown();
        let wired = wiring::build(&settings, tls.as_ref()).await?;

        let door = Door::to(&wired.roles);
        let health = Health::of(&door).await;
        let elsewhere = wired
            .elsewhere
            .into_iter()
            .flat_map(|(role, wire)| role.services().iter().map(move |service| (*service, wire.clone())));
        let everywhere = door.clone().and(elsewhere);
        wired.inside.set(everywhere.wire());
        let door = if config.peers.forward { everywhere } else { door };
        let mut tasks = Tasks::new(shutdown);
        let server = server::serve(listener, door, &health, &config.server, &wired.metrics)?;
        if let Some(observatory) = observatory {
            tasks.start(observatory.into_task(&wired.metrics, &health));
        }
        if let Some(tls) = tls {
            tasks.start(tls.into_task());
        }
        let mut checks = Vec::new();
        for role in wired.roles {
            role.tasks.into_iter().for_each(|task| tasks.start(task));
            checks.extend(role.ready);
        }
        wired.tasks.into_iter().for_each(|task| tasks.start(task));
        checks.extend(wired.ready);
        tasks.start(server);
        let (ready, is_ready) = oneshot::channel();
        tasks.start(server::readiness(health, checks, &config.server, &wired.metrics, move || {
            // Nobody waits any more where starting failed.
            let _ = ready.send(());
        }));

        let patience = config.server.drain.0 + FLUSH;
        let mut mesh = Self { address, url, stopper, tasks, patience, _held: wired.held };
        mesh.until_ready(is_ready).await?;
        Ok(mesh)
    }

    async fn until_ready(&mut self, is_ready: oneshot::Receiver<()>) -> Result<()> {
        tokio::select! {
            ready = is_ready => ready.context("the mesh stopped before it was ready"),
            failed = self.tasks.failed() => {
                failed?;
                anyhow::bail!("the mesh stopped before it was ready")
            }
            () = tokio::time::sleep(READY) => anyhow::bail!("the mesh was not ready within {READY:?}; its log says why"),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients name it.
    pub fn server(&self) -> String {
        self.url.clone()
    }

    /// Runs until a signal or a failed task, then stops in order; a second signal exits at once.
    pub async fn until_stopped(mut self) -> Result<()> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let failed = tokio::select! {
            () = signals.next() => Ok(()),
            failed = self.tasks.failed() => failed,
        };
        tokio::select! {
            stopped = self.stop() => stopped?,
            () = signals.next() => std::process::exit(130),
        }
        Ok(failed?)
    }

    /// Stops in order: not ready, drain, flush, close.
    pub async fn stop(mut self) -> Result<()> {
        let aborted = self.tasks.stop(&self.stopper, self.patience).await;
        anyhow::ensure!(aborted == 0, "{aborted} tasks did not end in time");
        Ok(())
    }
}
