//! One address of a role: its connection, and whether it could be reached of late.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use kernel::chain;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::ConnectError;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::{Service, ServiceExt};

use super::peers::{Config, Target};
use super::{Request, Response};
use crate::retry::Backoff;
use crate::tls::{Io, Tls};

/// How long an address is passed over after it first could not be reached; doubles up to `wire.pause`.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long the last failure speaks for those who waited for the same connection, so that each of them does not
/// wait for one of its own.
const BREATH: Duration = Duration::from_millis(50);

/// One address. Connects when first called, and again when the connection is lost.
pub(super) struct Replica {
    address: SocketAddr,
    channel: Channel,
    reach: Arc<Reach>,
}

/// Whether an address could be reached of late.
struct Reach {
    /// Failures in a row lengthen the time for which it is passed over.
    backoff: Backoff,
    missed: Mutex<Option<Missed>>,
}

/// Attempts in a row that made no connection.
struct Missed {
    times: u32,
    last: Instant,
    until: Instant,
    why: String,
}

/// A call that failed in transport.
pub(super) enum Failed {
    /// Nothing of it left this process.
    Unsent(tonic::transport::Error),
    /// It may have been handled.
    Sent(tonic::transport::Error),
}

impl Replica {
    /// Nothing is connected yet.
    pub(super) fn new(address: SocketAddr, target: &Target, config: &Config, tls: Option<&Tls>) -> Self {
        let backoff = Backoff { first: FIRST_PAUSE, most: config.pause.0, attempts: u32::MAX };
        let reach = Arc::new(Reach { backoff, missed: Mutex::default() });
        let secure = target.tls.then(|| (tls.cloned(), target.host.clone()));
        let connector = connector(address, secure, config.connect.0, Arc::clone(&reach));
        Self { address, channel: endpoint(target, config).connect_with_connector_lazy(connector), reach }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it may be tried before those that are passed over.
    pub(super) fn is_due(&self) -> bool {
        self.reach.missed.lock().as_ref().is_none_or(|missed| missed.until <= Instant::now())
    }

    /// One attempt. Streams stay on the connection that they began on.
    pub(super) async fn call(&self, request: Request) -> Result<Response, Failed> {
        let mut channel = self.channel.clone();
        // A channel becomes ready even where it cannot connect: the call then fails, with the reason.
        let ready = channel.ready().await.map_err(Failed::Unsent)?;
        ready.call(request).await.map_err(|error| match never_left(&error) {
            true => Failed::Unsent(error),
            false => Failed::Sent(error),
        })
    }
}

impl Reach {
    /// Makes a connection, or fails at once where another attempt has just failed.
    async fn reached<F>(&self, connecting: F, patience: Duration) -> io::Result<TokioIo<Io>>
    where
        F: Future<Output = io::Result<TokioIo<Io>>>,
    {
        if let Some(why) = self.just_missed() {
            return Err(io::Error::other(why));
        }
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {patience:?}"));
        let connected = tokio::time::timeout(patience, connecting).await.map_err(late).flatten();
        match &connected {
            Ok(_) => *self.missed.lock() = None,
            Err(error) => self.miss(error),
        }
        connected
    }

    fn just_missed(&self) -> Option<String> {
        let missed = self.missed.lock();
        missed.as_ref().filter(|missed| missed.last.elapsed() < BREATH).map(|missed| missed.why.clone())
    }

    fn miss(&self, error: &io::Error) {
        let mut missed = self.missed.lock();
        let times = missed.as_ref().map_or(1, |missed| missed.times.saturating_add(1));
        let now = Instant::now();
        *missed = Some(Missed { times, last: now, until: now + self.backoff.wait(times), why: chain(error) });
    }
}

/// Whether the call was refused before anything of it was written: there was no connection, or it closed first.
fn never_left(error: &tonic::transport::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let closed_before = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if closed_before || error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Its URI names the host for the `:authority` of calls; the connector is what connects, TLS included.
fn endpoint(target: &Target, config: &Config) -> Endpoint {
    let plain = Target { tls: false, ..target.clone() };
    // What was parsed from a URI is one.
    let uri: Uri = plain.to_string().parse().unwrap_or_default();
    let origin: Uri = target.to_string().parse().unwrap_or_default();
    Endpoint::from(uri)
        .origin(origin)
        .http2_keep_alive_interval(config.keep_alive.0)
        .keep_alive_timeout(config.keep_alive_wait.0)
        .keep_alive_while_idle(true)
}

type Connecting = std::pin::Pin<Box<dyn Future<Output = io::Result<TokioIo<Io>>> + Send>>;

fn connector(
    address: SocketAddr,
    secure: Option<(Option<Tls>, String)>,
    patience: Duration,
    reach: Arc<Reach>,
) -> impl Service<Uri, Response = TokioIo<Io>, Error = io::Error, Future = Connecting> + Send + 'static {
    tower::service_fn(move |_: Uri| -> Connecting {
        let (secure, reach) = (secure.clone(), Arc::clone(&reach));
        Box::pin(async move { reach.reached(connect(address, secure), patience).await })
    })
}

async fn connect(address: SocketAddr, secure: Option<(Option<Tls>, String)>) -> io::Result<TokioIo<Io>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let Some((tls, host)) = secure else {
        return Ok(TokioIo::new(Io::Plain(tcp)));
    };
    // The certificates of now: they may have been replaced since the last connection.
    let config = tls.and_then(|tls| tls.client());
    let config = config.ok_or_else(|| io::Error::other("there are no authorities to trust"))?;
    let name =
        ServerName::try_from(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = TlsConnector::from(config).connect(name, tcp).await?;
    Io::tls(tokio_rustls::TlsStream::from(stream)).map(TokioIo::new)
}
