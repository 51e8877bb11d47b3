//! Directories, a mesh on them, and callers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use kernel::{PrincipalKind, PurposeName, RecordingId, Role, TenantId};
use platform::auth::{Token, TokenRequest};
use platform::config::Period;
use proto::archive::v1::Recording;
use tempfile::TempDir;
use tonic::Status;
use tracing_subscriber::EnvFilter;
use verbale::commands::recordings;
use verbale::config::Config;
use verbale::connect::{self, Caller, Speaker, issue_own, own_token};
use verbale::mesh::{Mesh, Settings};
use verbale::sender::{Call, Pace, Sent};

use super::engines::Engines;
use super::process::Environment;
use super::shape::{Running, Shape};
use super::snapshot::{self, Snapshot};
use super::split::{self, Split};
use super::{Keyring, PATIENCE, Raw, Sample, Shelf, Tap, keeping, raw};

/// One deployment's directories, and its part of the engines where it stands on real ones; they go when it goes.
pub(crate) struct World {
    folder: TempDir,
    shape: Shape,
    engines: Option<Engines>,
    tuning: Option<fn(&mut Config)>,
}

impl World {
    pub(crate) fn new() -> Self {
        // What the program warns of is shown with a test that fails; RUST_LOG shows more.
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let _set_by_an_earlier_test =
            tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let folder = tempfile::Builder::new().prefix("verbale-it-").tempdir().unwrap();
        let world = Self { folder, shape: Shape::Embedded, engines: None, tuning: None };
        std::fs::write(world.clock(), "0").unwrap();
        world
    }

    /// In this shape; none where there are no engines for it.
    pub(crate) async fn on(shape: Shape) -> Option<Self> {
        match shape {
            Shape::Embedded => Some(Self::new()),
            Shape::Engines | Shape::Split => Some(Self::upon(Engines::fresh().await?, shape).await),
        }
    }

    /// Runs a scenario in this shape, if there are engines for it. Its tables are another's when it has passed.
    pub(crate) async fn shaped(shape: Shape, scenario: impl AsyncFnOnce(Self)) {
        let Some(world) = Self::on(shape).await else { return };
        let tables = world.engines.as_ref().map(|engines| engines.cql().clone());
        scenario(world).await;
        if let Some(tables) = tables {
            cql::testing::give_back(&tables);
        }
    }

    /// On these engines, in this shape.
    pub(crate) async fn upon(engines: Engines, shape: Shape) -> Self {
        let mut world = Self::new();
        (world.shape, world.engines) = (shape, Some(engines));
        split::migrate(world.folder(), &world.settings().config).await;
        if shape == Shape::Split {
            split::certify(world.folder()).await;
        }
        world
    }

    /// On another part of the engines, where everything but these directories and the restrictive journal is a snapshot's,
    /// and the key tables are as they are. Nothing may run meanwhile.
    pub(crate) async fn restored(mut self, snapshot: &Snapshot) -> Self {
        let old = self.engines.take().expect("a world on engines");
        let new = old.beside().await;
        self.engines = Some(new);
        split::migrate(self.folder(), &self.settings().config).await;
        let engines = self.engines.as_ref().expect("they were set");
        snapshot.put_back(engines.cql(), &self.shelf().await).await;
        snapshot::carry_keys(old.cql(), engines.cql()).await;
        self
    }
    /// Its tables but for the keys', and its objects. Nothing may run meanwhile.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let engines = self.engines.as_ref().expect("a world on engines");
        Snapshot::of(engines.cql(), &self.shelf().await).await
    }

    /// With another configuration than all others, from its next start on.
    pub(crate) fn tuned(self, tuning: fn(&mut Config)) -> Self {
        Self { tuning: Some(tuning), ..self }
    }

    /// Nobody sweeps but whoever is told to. A tenant's first sweep carries what was ordered, too: who gave the order would
    /// be told that nothing was left to do.
    pub(crate) fn unswept(self) -> Self {
        self.tuned(|config| config.retention.sweep = Period::secs(86_400))
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.shape == Shape::Embedded
    }
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder().join("keys")
    }
    /// By how many seconds its domain time is ahead.
    fn clock(&self) -> PathBuf {
        self.folder().join("clock")
    }
    /// Leaps ahead in domain time, in every process at once.
    pub(crate) fn leap(&self, by: Duration) {
        let ahead: u64 = std::fs::read_to_string(self.clock()).unwrap().parse().unwrap();
        // In one act: nobody reads half a number.
        let next = self.folder().join("clock.next");
        std::fs::write(&next, (ahead + by.as_secs()).to_string()).unwrap();
        std::fs::rename(next, self.clock()).unwrap();
    }
    /// What a child process logs.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("up.log")
    }
    /// Its own where it has any, or else what all share.
    pub(crate) fn policies(&self) -> PathBuf {
        let own = self.folder().join("policies");
        if own.is_dir() { own } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policies") }
    }

    /// Whom its servers' certificates are to be from, where they have any.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        (self.shape == Shape::Split).then(|| self.folder().join("certs/ca.crt"))
    }
    /// Where the key lies that tokens are issued with, where it is not in the keys directory.
    pub(crate) fn issuer_key(&self) -> Option<PathBuf> {
        (self.shape == Shape::Split).then(|| self.folder().join("certs/issuer.key"))
    }
    /// The objects, past the program.
    pub(crate) async fn shelf(&self) -> Shelf {
        match &self.engines {
            None => Shelf::open(&self.data()).await,
            Some(engines) => Shelf::bucket(&engines.objects_url()).await,
        }
    }

    /// The keys in hand.
    pub(crate) async fn keyring(&self) -> Keyring {
        match &self.engines {
            None => Keyring::open(&self.keys()).await,
            Some(engines) => Keyring::in_cluster(engines.cql(), &self.keys()).await,
        }
    }
    /// The log while the mesh is up, past the program; none where it is a file among others.
    pub(crate) fn tap(&self) -> Option<Tap> {
        Some(Tap::open(self.log_past()?))
    }
    /// The log past the program; none where it is a file among others.
    pub(crate) fn log_past(&self) -> Option<Arc<dyn EventLog>> {
        let engines = self.engines.as_ref()?;
        Some(Arc::new(engines.log(&self.settings().config)))
    }
    /// What lies in its directories, tables and bucket, and what its processes said; not the keys directory.
    pub(crate) async fn raw(&self) -> Vec<Raw> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.folder()).unwrap() {
            let path = entry.unwrap().path();
            let is_of_keys = path == self.keys() || path.ends_with("certs");
            if path.is_dir() && !is_of_keys {
                found.extend(raw::contents(&path));
            } else if path.extension().is_some_and(|own| own == "log") {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
        if let Some(engines) = &self.engines {
            found.extend(raw::rows(engines.cql()).await);
            found.extend(self.shelf().await.everything().await);
        }
        found
    }

    /// The mesh in its shape, up.
    pub(crate) async fn up(&self) -> Running {
        match self.shape {
            Shape::Embedded | Shape::Engines => Running::One(self.mesh().await),
            Shape::Split => {
                Running::Many(Split::start(self.folder(), &self.settings().config, &Environment::new()).await)
            }
        }
    }
    /// Every role in this process, on a free port.
    pub(crate) async fn mesh(&self) -> Mesh {
        Mesh::start(self.settings()).await.unwrap()
    }
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::embedded(&self.data(), &self.keys(), &self.policies());
        if let Some(engines) = &self.engines {
            engines.configure(&mut settings.config);
        }
        keeping::soon(&mut settings.config, self.is_embedded());
        if let Some(tune) = self.tuning {
            tune(&mut settings.config);
        }
        settings.config.auth.issuer_key = self.issuer_key();
        settings.config.drill.clock = Some(self.clock());
        settings.clock = settings.config.drill.clock().unwrap();
        settings
    }

    pub(crate) fn sender(&self, server: &str, tenant: &TenantId) -> Caller {
        self.speaker(server, Speaker::Sender, tenant)
    }
    /// Somebody with every role that listens, checks and answers.
    pub(crate) fn person(&self, server: &str, tenant: &TenantId) -> Caller {
        self.speaker(server, Speaker::Person, tenant)
    }
    fn speaker(&self, server: &str, speaker: Speaker, tenant: &TenantId) -> Caller {
        let config = self.settings().config;
        let token = own_token(&config, speaker, Some(tenant)).unwrap();
        let tls = connect::tls(server, self.authority().as_deref(), &config.tls).unwrap();
        Caller::over(server, &config.wire, tls.as_ref(), token, Some(tenant.clone())).unwrap()
    }

    /// A person's token with exactly these roles and tenants.
    pub(crate) fn token(&self, roles: &[Role], tenants: &[&TenantId]) -> Token {
        self.token_as("it", roles, tenants)
    }
    /// The same for somebody of this name.
    pub(crate) fn token_as(&self, subject: &str, roles: &[Role], tenants: &[&TenantId]) -> Token {
        let request = TokenRequest {
            subject: subject.to_owned(),
            kind: PrincipalKind::Person,
            roles: roles.iter().copied().collect(),
            tenants: tenants.iter().map(|tenant| (*tenant).clone()).collect::<BTreeSet<_>>(),
            life: Duration::from_secs(600),
        };
        issue_own(&self.settings().config, &request).unwrap()
    }

    /// Sends a sample call as fast as it goes and waits until its document is signed.
    pub(crate) async fn record(&self, server: &str, sample: &Sample) -> Recording {
        let call = sample.call();
        let sent = self.send(server, &call, 0.0).await;
        assert_eq!(sent.refused, [], "{}: events were refused", sample.name);
        self.sealed(server, &sample.tenant, call.recording()).await
    }

    /// Sends a call at so many times real time.
    pub(crate) async fn send(&self, server: &str, call: &Call, speed: f64) -> Sent {
        let caller = self.sender(server, &call.file().tenant);
        call.send(&caller, Pace { speed, patience: PATIENCE }, |_| {}).await.unwrap()
    }

    /// Waits until a recording is sealed, or signed as not recorded.
    pub(crate) async fn sealed(&self, server: &str, tenant: &TenantId, id: RecordingId) -> Recording {
        recordings::sealed(&self.person(server, tenant), id, PATIENCE).await.unwrap()
    }
}

/// The machine-readable reason of a refusal.
pub(crate) fn reason(status: &Status) -> &str {
    platform::error::reason(status)
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

pub(crate) fn id_of(recording: &Recording) -> RecordingId {
    RecordingId::from_slice(&recording.recording_id).unwrap()
}
