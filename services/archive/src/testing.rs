//! A small mesh for tests: memory log and objects, an embedded store, and fakes of the other roles that speak
//! the contract and hold real keys.

mod call;
mod fakes;
mod faulty;

use std::sync::Arc;
use std::time::Duration;

use eventlog::MemoryLog;
use kernel::{
    Clock, ManualClock, Principal, PrincipalKind, PurposeName, Role as Bearer, TenantId, Timestamp,
};
use objects::MemoryObjects;
use platform::auth::Token;
use platform::instance::KeysCertifier;
use platform::telemetry::Metrics;
use platform::wire::in_process;
use platform::{CallContext, Instance, PolicyBook};
use proto::consent::v1::consent_server::ConsentServer;
use proto::crypto::v1::keys_server::KeysServer;
use proto::ingest::v1::recorder_server::RecorderServer;
use tempfile::TempDir;

pub(crate) use call::{Call, leg, payload};
pub(crate) use fakes::{FakeConsent, FakeIngest, FakeKeys};
pub(crate) use faulty::{Fault, FaultyStore};

use crate::rpc::Rpc;
use crate::store::{History, State};
use crate::{Config, Deps, SqliteStore, Store, consumer, eraser, service};

/// The moment at which tests begin.
pub(crate) const NOW: Timestamp = Timestamp(1_780_000_000_000_000);

/// Everything around archive.
pub(crate) struct Bench {
    pub(crate) clock: ManualClock,
    pub(crate) log: MemoryLog,
    pub(crate) objects: MemoryObjects,
    pub(crate) keys: FakeKeys,
    pub(crate) consent: FakeConsent,
    pub(crate) ingest: FakeIngest,
    pub(crate) store: SqliteStore,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    instance: Arc<Instance>,
    _files: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("archive.sqlite");
        let store = SqliteStore::open(&path, sqlite::Options::default(), Arc::clone(&shared)).await.unwrap();
        let keys = FakeKeys::new(clock.clone());
        let instance = Instance::new("archive", Vec::new()).unwrap();
        let bench = Self {
            log: MemoryLog::new(Arc::clone(&shared)),
            objects: MemoryObjects::new(shared),
            consent: FakeConsent::default(),
            ingest: FakeIngest::default(),
            // Polls of an empty topic end at once, and so do tests.
            config: Config { poll_wait: platform::config::Period::millis(1), ..Config::default() },
            metrics: Metrics::new(),
            clock,
            keys,
            store,
            instance,
            _files: files,
        };
        bench.certify().await;
        bench
    }

    /// Gives the instance a certificate that holds from now on, for thirty days.
    pub(crate) async fn certify(&self) {
        let wire = in_process(KeysServer::new(self.keys.clone()));
        self.instance.certify(&KeysCertifier::new(wire)).await.unwrap();
    }

    pub(crate) fn deps(&self) -> Deps {
        let consent = in_process(ConsentServer::new(self.consent.clone()));
        Deps {
            store: Arc::new(self.store.clone()),
            outbox: Arc::new(self.store.clone()),
            log: Arc::new(self.log.clone()),
            objects: Arc::new(self.objects.clone()),
            clock: Arc::new(self.clock.clone()),
            instance: Arc::clone(&self.instance),
            crypto: in_process(KeysServer::new(self.keys.clone())),
            ingest: in_process(RecorderServer::new(self.ingest.clone())),
            policies: Arc::new(PolicyBook::new(consent.clone())),
            consent,
            metrics: self.metrics.clone(),
        }
    }

    /// Lets archive deal with all that is in the log.
    pub(crate) async fn consume(&self) {
        consumer(&self.config, self.deps()).catch_up().await.unwrap();
    }

    pub(crate) fn rpc(&self) -> Rpc {
        let deps = self.deps();
        Rpc::new(Arc::new(service(&self.config, &deps)), eraser(&self.config, &deps))
    }

    pub(crate) async fn history(&self, call: &Call) -> History {
        self.store.history(&call.key).await.unwrap().expect("the recording is known")
    }

    pub(crate) async fn state(&self, call: &Call) -> State {
        self.history(call).await.recording.state
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A request as it comes through the guard.
pub(crate) fn guarded<M>(tenant: &TenantId, purpose: Option<&str>, message: M) -> tonic::Request<M> {
    let principal = Principal {
        id: "tester".to_owned(),
        kind: PrincipalKind::Person,
        roles: [Bearer::Supervisor].into(),
        tenants: [tenant.clone()].into(),
    };
    let mut call = CallContext::new(principal, Token::new("bearer-of-the-test"), "recording.replayed");
    call.tenant = Some(tenant.clone());
    call.purpose = purpose.map(|name| PurposeName::new(name).unwrap());
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(call);
    request
}
