//! A mesh on engines that come and go, in one process or more.

use kernel::RecordingId;
use platform::config::Period;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use verbale::config::Config;
use verbale::connect::Caller;

use crate::harness::{Line, Process, Sample, Turn, World, eventually, free_port, server};

/// Every role.
pub(super) const ALL: &str = "ingest,consent,crypto,archive,audit";

/// What a test of faults waits for is missed soon, and still not where an engine on a busy machine is slow.
pub(super) fn config(world: &World) -> Config {
    let mut config = world.settings().config;
    config.cql.request_timeout = Period::secs(10);
    config.kafka.session_timeout = Period::secs(12);
    config.consent.crypto_wait = Period::secs(8);
    config.consent.seal_wait = Period::secs(2);
    config.server.ready_every = Period::secs(1);
    config
}

/// Opens a session as a sender does: again, as long as what refuses it may pass.
pub(super) async fn open(caller: &Caller, sample: &Sample, id: RecordingId) -> Line {
    let mut epoch = 0;
    eventually("a session is opened", async || {
        epoch += 1;
        match Line::open(caller, &sample.tenant, sample.open(id, epoch)).await {
            Ok((line, _)) => Some(line),
            Err(status) if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) => None,
            Err(status) => panic!("a session is refused: {status}"),
        }
    })
    .await
}

/// A process and where it is called.
pub(super) struct Member {
    pub(super) process: Process,
    pub(super) server: String,
}

impl Member {
    /// Some roles on a free port, not started; the configuration's peers say where the others are.
    pub(super) fn of(world: &World, turn: &Turn, name: &str, roles: &str, mut config: Config) -> Self {
        let port = free_port();
        config.server.listen = format!("127.0.0.1:{port}");
        config.storage.data = world.folder().join(format!("{name}-data"));
        let process = Process::new(world.folder(), name, roles, config, &turn.environment());
        Self { process, server: server(port) }
    }

    /// Waits until it says, in every way it has, that an engine is away.
    pub(super) async fn says_that_it_lacks(&self, world: &World, engine: &str) {
        eventually(&format!("not ready for want of {engine}"), async || {
            self.process.failing().await?.iter().any(|name| name == engine).then_some(())
        })
        .await;
        let check = format!("verbale_ready_check{{check=\"{engine}\"}}");
        assert_eq!(self.process.metric(&check).await, Some(0.0), "{check}");
        assert_eq!(self.process.metric("verbale_ready").await, Some(0.0));
        assert_eq!(self.health(world).await, ServingStatus::NotServing);
    }

    /// Waits until it says that nothing is missing.
    pub(super) async fn says_that_it_is_ready(&self, world: &World) {
        eventually("ready", async || self.process.failing().await?.is_empty().then_some(())).await;
        assert_eq!(self.health(world).await, ServingStatus::Serving);
    }

    async fn health(&self, world: &World) -> ServingStatus {
        let anybody = world.sender(&self.server, &Sample::new("mifid-order-it").tenant);
        let asked = HealthCheckRequest { service: String::new() };
        let answer = HealthClient::new(anybody.wire()).check(asked).await.unwrap();
        answer.into_inner().status()
    }
}
