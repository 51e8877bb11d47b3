//! Serves the roles of a process on one listener, with gRPC health and reflection beside them.
//!
//! Over TLS where `tls.cert` is set; in plain text on the loopback only, unless `server.plaintext` says so. What
//! operators ask, metrics above all, has an address of its own ([`Observatory`]).

mod door;
mod health;
mod incoming;
mod listener;
mod observe;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tonic::service::Routes;
use tower::layer::layer_fn;
use tracing::{info, warn};

use crate::config::{ByteSize, Period, above_zero};
use crate::drain::{Shutdown, Task, TaskResult};
use crate::telemetry::{Counter, Metrics, names};

pub use door::Door;
pub use health::{Health, readiness};
pub use listener::{Listener, listen};
pub use observe::Observatory;

/// The `server` section of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where gRPC is served; port 0 takes any free one.
    pub listen: String,
    /// Whether anybody on the way may read and change calls: without TLS, an address other than the loopback is
    /// refused unless this says so. For a mesh whose proxies bring the TLS.
    pub plaintext: bool,
    /// Where metrics, liveness and readiness are served over plain HTTP: `/metrics`, `/live`, `/ready`,
    /// `/ready/SERVICE`, such as `0.0.0.0:9420`. Unset: nowhere.
    pub metrics: Option<String>,
    /// Largest message of a call that is no stream, in either direction of reading.
    pub message_size: ByteSize,
    /// Most calls of one role at once that are no streams.
    pub concurrent_calls: usize,
    /// Most streams of one role at once.
    pub concurrent_streams: usize,
    /// How long a call may take whose caller does not say. More than `audit.wait`.
    pub deadline: Period,
    /// How long running calls may go on when the process drains.
    pub drain: Period,
    /// How often everything that the process stands on is asked whether it still answers.
    pub ready_every: Period,
    /// How long that may take before the process says that it is not ready.
    pub ready_wait: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7420".to_owned(),
            plaintext: false,
            metrics: None,
            message_size: ByteSize::mib(4),
            concurrent_calls: 1_024,
            concurrent_streams: 16_384,
            deadline: Period::secs(30),
            drain: Period::secs(20),
            ready_every: Period::secs(5),
            ready_wait: Period::secs(3),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        if !is_address(&self.listen) {
            return Err("listen must be an address such as 127.0.0.1:7420 or localhost:7420".to_owned());
        }
        if self.metrics.as_ref().is_some_and(|address| !is_address(address)) {
            return Err("metrics must be an address such as 127.0.0.1:9420 or localhost:9420".to_owned());
        }
        above_zero(&[
            ("message_size", &self.message_size),
            ("concurrent_calls", &self.concurrent_calls),
            ("concurrent_streams", &self.concurrent_streams),
            ("deadline", &self.deadline),
            ("ready_every", &self.ready_every),
            ("ready_wait", &self.ready_wait),
        ])
    }
}

/// Whether it can be listened on, as far as its form tells: an IP address or a host's name, and a port. A name
/// whose last label is a number would be a mistyped IP address.
fn is_address(text: &str) -> bool {
    let is_name = |host: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let last = host.rsplit('.').next().unwrap_or(host);
        !host.is_empty() && host.bytes().all(known) && !last.bytes().all(|byte| byte.is_ascii_digit())
    };
    let named = text.rsplit_once(':');
    text.parse::<SocketAddr>().is_ok()
        || named.is_some_and(|(host, port)| is_name(host) && port.parse::<u16>().is_ok())
}

/// A server that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Calls would travel in plain text over a network.
    #[error(
        "{address} is not the loopback, and without TLS anybody on the way could read calls: set tls.cert and \
         tls.key, or server.plaintext = true"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// The contract's descriptors are not taken by reflection.
    #[error("reflection cannot serve the contract")]
    Reflection {
        /// Why.
        #[source]
        source: tonic_reflection::server::Error,
    },
}

/// The task that serves.
pub fn serve(
    listener: Listener,
    door: Door,
    health: &Health,
    config: &Config,
    metrics: &Metrics,
) -> Result<Task, ServerError> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|source| ServerError::Reflection { source })?;
    let beside = Routes::new(health.service()).add_service(reflection);
    let (drain, refused) = (config.drain.0, metrics.counter(&names::TLS_REFUSED, &[]));
    Ok(Task::new("server", move |shutdown| run(listener, door, beside, drain, refused, shutdown)))
}

async fn run(
    listener: Listener,
    door: Door,
    beside: Routes,
    drain: Duration,
    refused: Counter,
    shutdown: Shutdown,
) -> TaskResult {
    info!(url = listener.url(), "serving");
    let Listener { tcp, tls, .. } = listener;
    let incoming = incoming::incoming(tcp, tls, refused);
    let serving = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .layer(layer_fn(move |beside: Routes| door.clone().with(beside)))
        .add_routes(beside)
        .serve_with_incoming_shutdown(incoming, {
            let shutdown = shutdown.clone();
            async move { shutdown.draining().await }
        });
    let overdue = async {
        shutdown.draining().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = overdue => {
            warn!("calls still run after the time for draining and are cut off");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
