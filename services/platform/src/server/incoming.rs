//! Connections as they come in: accepted without end, TLS handshakes beside each other, within bounds.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use kernel::chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tracing::{debug, warn};

use crate::telemetry::Counter;
use crate::tls::{Io, Tls};

/// The wait after a connection could not be accepted: mostly the process has too many files open.
const BREATH: Duration = Duration::from_millis(100);

struct Incoming {
    listener: TcpListener,
    tls: Option<Tls>,
    handshakes: JoinSet<io::Result<Io>>,
    refused: Counter,
}

/// Never ends: what fails is one connection, not the listener. Dropping it gives up the handshakes.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<Tls>,
    refused: Counter,
) -> impl Stream<Item = io::Result<Io>> + Send + Unpin {
    let incoming = Incoming { listener, tls, handshakes: JoinSet::new(), refused };
    Box::pin(unfold(incoming, |mut incoming| async move { Some((Ok(incoming.next().await), incoming)) }))
}

impl Incoming {
    async fn next(&mut self) -> Io {
        loop {
            let most = self.tls.as_ref().map_or(1, |tls| tls.config().handshakes);
            tokio::select! {
                accepted = self.listener.accept(), if self.handshakes.len() < most => match accepted {
                    Ok((tcp, _)) => {
                        if let Some(plain) = self.begin(tcp) {
                            return plain;
                        }
                    }
                    Err(error) => {
                        warn!(error = chain(&error), "a connection cannot be accepted");
                        tokio::time::sleep(BREATH).await;
                    }
                },
                Some(shaken) = self.handshakes.join_next() => match shaken {
                    Ok(Ok(io)) => return io,
                    Ok(Err(error)) => self.refuse(&error),
                    Err(error) => self.refuse(&error),
                },
            }
        }
    }

    /// A plain connection is there at once, a TLS one after its handshake.
    fn begin(&mut self, tcp: TcpStream) -> Option<Io> {
        if let Err(error) = tcp.set_nodelay(true) {
            debug!(error = chain(&error), "a connection goes without nodelay");
        }
        let Some(tls) = &self.tls else { return Some(Io::Plain(tcp)) };
        match tls.server() {
            Some(config) => {
                let patience = tls.config().handshake.0;
                self.handshakes.spawn(handshake(tcp, config, patience));
            }
            None => self.refused.increment(),
        }
        None
    }

    /// Anybody may knock: that is no warning.
    fn refuse(&self, error: &(dyn std::error::Error + 'static)) {
        debug!(error = chain(error), "a connection was refused at its handshake");
        self.refused.increment();
    }
}

async fn handshake(tcp: TcpStream, config: Arc<ServerConfig>, patience: Duration) -> io::Result<Io> {
    let accepted = tokio::time::timeout(patience, TlsAcceptor::from(config).accept(tcp)).await;
    Io::tls(accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)
}
