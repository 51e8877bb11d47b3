//! What the role's tests stand on: ingest over in-process wires, with consent, crypto and the log in the
//! test's hand, and a reader that has the epoch's secret.

mod consent;
mod crypto;
mod log;
mod seen;
mod sender;
mod store;
mod switchboard;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{EventLog, SqliteLog, SqliteLogOptions};
use kernel::{InstanceId, ManualClock, Principal, PrincipalKind, RecordingId, Role, TenantId, Timestamp};
use platform::auth::Token;
use platform::config::Period;
use platform::drain::{Stage, Stopper, Tasks, shutdown};
use platform::telemetry::Metrics;
use platform::wire::in_process;
use platform::{CallContext, PolicyBook, Wire};
use proto::consent::v1::consent_server::ConsentServer;
use proto::crypto::v1::keys_server::KeysServer;
use proto::ingest::v1 as wire;
use proto::ingest::v1::recorder_client::RecorderClient;
use proto::ingest::v1::recorder_server::RecorderServer;
use sqlite::{Db, Options};
use tempfile::TempDir;
use tonic::service::Routes;

pub(crate) use self::consent::FakeConsent;
pub(crate) use self::crypto::{EPOCH, FakeCrypto};
pub(crate) use self::log::TestLog;
pub(crate) use self::seen::Seen;
pub(crate) use self::sender::{PHONE, Sender, event, frames, open, payload};
pub(crate) use self::store::{Disk, TestStore};
pub(crate) use self::switchboard::Switchboard;
use crate::config::Config;
use crate::rpc::Rpc;
use crate::service::Service;
use crate::store::{SessionKey, SessionRow, SqliteStore, Store};
use crate::{Deps, Node};

pub(crate) const STARTED_AT: i64 = 1_772_000_000_000_000;

/// Everything that outlives an ingest process.
pub(crate) struct World {
    pub(crate) consent: FakeConsent,
    pub(crate) crypto: FakeCrypto,
    pub(crate) log: TestLog,
    /// The session store's.
    pub(crate) disk: Disk,
    pub(crate) clock: ManualClock,
    pub(crate) config: Config,
    /// Whether processes have a spool.
    pub(crate) spool: bool,
    pub(crate) metrics: Metrics,
    pub(crate) switchboard: Switchboard,
    pub(crate) folder: TempDir,
}

/// One ingest process.
pub(crate) struct Ingest {
    pub(crate) wire: Wire,
    pub(crate) service: Arc<Service>,
    stopper: Stopper,
    tasks: Tasks,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(Timestamp(STARTED_AT));
        // Short silences keep the tests short; the beats are as much shorter.
        let config = Config {
            consent_silence: Period::millis(600),
            call: Period::millis(400),
            tell: Period::millis(50),
            knock: Period::millis(50),
            ..Config::default()
        };
        Self {
            consent: FakeConsent::new(),
            crypto: FakeCrypto::new(clock.clone()),
            log: TestLog::new(clock.clone()),
            disk: Disk::new(),
            clock,
            config,
            spool: false,
            metrics: Metrics::new(),
            switchboard: Switchboard::default(),
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) async fn ingest(&self) -> Ingest {
        self.ingest_at("").await
    }

    /// A process that others reach at this address, as long as the switchboard lets them.
    pub(crate) async fn ingest_at(&self, address: &str) -> Ingest {
        let path = self.folder.path().join("ingest.db");
        let db = Db::open(&path, Options::default(), SqliteStore::COMPONENTS).await.unwrap();
        let consent = in_process(Routes::new(ConsentServer::new(self.consent.clone())).prepare());
        let crypto = in_process(Routes::new(KeysServer::new(self.crypto.clone())).prepare());
        let store = SqliteStore::new(db);
        let spool = self.spool.then(|| self.spool_log());
        let spool = match spool {
            Some(opening) => Some(opening.await),
            None => None,
        };
        let deps = Deps {
            store: Arc::new(TestStore { inner: store.clone(), disk: self.disk.clone() }),
            outbox: Arc::new(store),
            log: Arc::new(self.log.clone()),
            spool,
            clock: Arc::new(self.clock.clone()),
            instance: InstanceId::new(),
            node: Node::open(&self.folder.path().join("node.db")).await.unwrap(),
            address: address.to_owned(),
            owners: Arc::new(self.switchboard.clone()),
            consent: consent.clone(),
            crypto,
            policies: Arc::new(PolicyBook::new(consent)),
            metrics: self.metrics.clone(),
        };
        let (service, writer) = Service::new(self.config.clone(), deps);
        let service = Arc::new(service);
        let (stopper, shutdown) = shutdown();
        let mut tasks = Tasks::new(shutdown);
        crate::tasks(&service, writer).into_iter().for_each(|task| tasks.start(task));
        let wire = ingest_wire(Rpc(Arc::clone(&service)));
        self.switchboard.connect(address, wire.clone());
        Ingest { wire, service, stopper, tasks }
    }

    /// A session's row, as the store has it.
    pub(crate) async fn row(&self, recording: RecordingId) -> SessionRow {
        let path = self.folder.path().join("ingest.db");
        let db = Db::open(&path, Options::default(), SqliteStore::COMPONENTS).await.unwrap();
        let key = SessionKey { tenant: tenant(), recording };
        SqliteStore::new(db).load(&key).await.unwrap().unwrap()
    }

    async fn spool_log(&self) -> Arc<dyn EventLog> {
        let (path, clock) = (self.folder.path().join("spool.db"), Arc::new(self.clock.clone()));
        Arc::new(SqliteLog::open(&path, clock, SqliteLogOptions::default()).await.unwrap())
    }

    /// What is in the log of a recording.
    pub(crate) async fn seen(&self, recording: RecordingId) -> Seen {
        Seen::read(&self.log, &self.crypto, recording).await
    }

    /// Waits until the log shows it.
    pub(crate) async fn until(
        &self,
        recording: RecordingId,
        what: &str,
        holds: impl Fn(&Seen) -> bool,
    ) -> Seen {
        eventually(what, async || Some(self.seen(recording).await).filter(|seen| holds(seen))).await
    }
}

impl Ingest {
    pub(crate) fn client(&self) -> RecorderClient<Wire> {
        RecorderClient::new(self.wire.clone())
    }

    pub(crate) async fn control(
        &self,
        recording: RecordingId,
        event: wire::Event,
    ) -> Result<wire::ControlResponse, tonic::Status> {
        let recording_id = recording.to_bytes().to_vec().into();
        let request = wire::ControlRequest { recording_id, event: Some(event) };
        Ok(self.client().control(request).await?.into_inner())
    }

    pub(crate) async fn session(&self, recording: RecordingId) -> wire::Session {
        let recording_id = recording.to_bytes().to_vec().into();
        self.client().get_session(wire::GetSessionRequest { recording_id }).await.unwrap().into_inner()
    }

    pub(crate) async fn fence(&self, recording: RecordingId) -> wire::Session {
        let recording_id = recording.to_bytes().to_vec().into();
        self.client().fence_session(wire::FenceSessionRequest { recording_id }).await.unwrap().into_inner()
    }

    pub(crate) fn begin_to_drain(&self) {
        self.stopper.advance(Stage::Draining);
    }

    /// Stops it in order; every task must end by itself.
    pub(crate) async fn stop(mut self) {
        let aborted = self.tasks.stop(&self.stopper, Duration::from_secs(15)).await;
        assert_eq!(aborted, 0, "tasks did not end");
    }
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

/// Waits until it is so; fails where it never is.
pub(crate) async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let all = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// The role's service as the guard lets calls through to it.
fn ingest_wire(rpc: Rpc) -> Wire {
    let admit = |mut request: tonic::Request<()>| {
        let principal = Principal {
            id: "sender-1".into(),
            kind: PrincipalKind::Service,
            roles: [Role::Sender].into(),
            tenants: [tenant()].into(),
        };
        let mut context = CallContext::new(principal, Token::new("token"), "call.opened");
        context.tenant = Some(tenant());
        request.extensions_mut().insert(context);
        Ok(request)
    };
    in_process(Routes::new(RecorderServer::with_interceptor(rpc, admit)).prepare())
}
