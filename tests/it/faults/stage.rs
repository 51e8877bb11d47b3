//! A mesh on engines that come and go, in one process or more.

use kernel::RecordingId;
use platform::config::Period;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use verbale::config::Config;
use verbale::connect::Caller;
use verbale::sender::{Pace, Sent};

use super::told::{Told, said_in};
use crate::harness::{Line, PATIENCE, Process, Sample, Turn, World, eventually, free_port, server};

/// Every role.
pub(super) const ALL: &str = "ingest,consent,crypto,archive,retention,audit";

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

/// Calls that are being sent beside each other.
pub(super) struct Sending<'s> {
    pub(super) calls: Vec<Told<'s>>,
    /// How many frames the call that was acknowledged last has LOGGED.
    logged: watch::Receiver<u64>,
    /// Each with the number of its call.
    sent: JoinSet<(usize, anyhow::Result<Sent>)>,
}

impl<'s> Sending<'s> {
    /// Sends these at so many times real time; `at` is for a failure's message.
    pub(super) fn begin(world: &World, server: &str, samples: &[&'s Sample], speed: f64, at: &str) -> Self {
        let (progress, logged) = watch::channel(0);
        let (mut sent, mut calls) = (JoinSet::new(), Vec::new());
        for (number, sample) in samples.iter().copied().enumerate() {
            let (call, caller) = (sample.call(), world.sender(server, &sample.tenant));
            let progress = progress.clone();
            let at = format!("{at}; call {number}, {}", sample.name);
            calls.push(Told::new(sample, call.recording(), at).saying(said_in(sample)));
            sent.spawn(async move {
                let pace = Pace { speed, patience: PATIENCE };
                let sent = call.send(&caller, pace, |frames| {
                    progress.send_replace(frames);
                });
                (number, sent.await)
            });
        }
        Self { calls, logged, sent }
    }

    /// Waits until one of them has so many frames LOGGED, or all have been sent.
    pub(super) async fn has_logged(&mut self, frames: u64) {
        let _ended_before = self.logged.wait_for(|logged| *logged >= frames).await.map(drop);
    }

    /// Waits for all; no event of theirs was refused.
    pub(super) async fn end(self) -> (Vec<Told<'s>>, Vec<Sent>) {
        let (mut calls, mut all) = (self.calls, Vec::new());
        for (number, sent) in self.sent.join_all().await {
            let (call, sent) = (&mut calls[number], sent.unwrap());
            assert_eq!(sent.refused, [], "{}", call.at);
            call.opens += sent.reconnects as usize;
            all.push(sent);
        }
        (calls, all)
    }
}

/// A process and where it is called.
pub(super) struct Member {
    pub(super) process: Process,
    pub(super) server: String,
}

impl Member {
    /// Some roles on a free port, not started; the configuration's peers say where the others are.
    pub(super) fn of(world: &World, turn: &Turn, name: &str, roles: &str, config: Config) -> Self {
        Self::at(free_port(), world, turn, name, roles, config)
    }

    /// The same on a port that others were told before.
    pub(super) fn at(
        port: u16,
        world: &World,
        turn: &Turn,
        name: &str,
        roles: &str,
        mut config: Config,
    ) -> Self {
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
