//! What operators ask over HTTP: `/metrics` in Prometheus' text format, `/live`, `/ready`, and `/ready/SERVICE` of
//! one gRPC service, which may go on where the whole does not.
//!
//! Plain HTTP/1, as scrapers and kubelets ask; nothing of it is personal data or a secret, so it may listen on
//! any address. It answers until the process closes, so that a drain can be watched.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use kernel::chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::health::Answer;
use super::listener::bind;
use super::{Health, ServerError};
use crate::drain::{Shutdown, Stage, Task, TaskResult};
use crate::telemetry::{Metrics, names};

/// Most connections at once; further ones wait.
const CONNECTIONS: usize = 64;
/// How long a connection may take to say what it asks, and to stay idle.
const PATIENCE: Duration = Duration::from_secs(10);
/// The wait after a connection could not be accepted.
const BREATH: Duration = Duration::from_millis(100);
/// What Prometheus calls its text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bound address of `server.metrics`.
#[derive(Debug)]
pub struct Observatory {
    tcp: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Seen {
    metrics: Metrics,
    health: Health,
}

impl Observatory {
    /// Binds early.
    pub async fn listen(address: &str) -> Result<Self, ServerError> {
        let (tcp, address) = bind(address).await?;
        Ok(Self { tcp, address })
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The task that answers.
    pub fn into_task(self, metrics: &Metrics, health: &Health) -> Task {
        metrics.gauge(&names::BUILD, &[env!("CARGO_PKG_VERSION")]).set(1);
        let seen = Seen { metrics: metrics.clone(), health: health.clone() };
        Task::new("metrics", move |shutdown| run(self, router(seen), shutdown)).until(Stage::Closing)
    }
}

fn router(seen: Seen) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(async |seen| ready(Path(String::new()), seen).await))
        .route("/ready/{service}", get(ready))
        .with_state(seen)
}

async fn metrics(State(seen): State<Seen>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], seen.metrics.render())
}

/// Ready, or the names of what does not hold.
async fn ready(Path(service): Path<String>, State(seen): State<Seen>) -> (StatusCode, String) {
    match seen.health.of_service(&service) {
        Answer::Ready => (StatusCode::OK, "ready\n".to_owned()),
        Answer::NotReady(failing) => {
            let failing = failing.iter().map(|name| format!("{name}\n"));
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{}", failing.collect::<String>()))
        }
        Answer::Unknown => (StatusCode::NOT_FOUND, "no such service here\n".to_owned()),
    }
}

async fn run(observatory: Observatory, router: Router, shutdown: Shutdown) -> TaskResult {
    let Observatory { tcp: listener, address } = observatory;
    info!(%address, "serving metrics");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.closing() => return Ok(()),
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((tcp, _)) => {
                    connections.spawn(converse(tcp, router.clone()));
                }
                Err(error) => {
                    warn!(error = chain(&error), "a connection cannot be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn converse(tcp: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        debug!(error = chain(&error), "a connection for metrics ended early");
    }
}
