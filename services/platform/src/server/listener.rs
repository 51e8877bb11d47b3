//! The address that is listened on, bound early.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{Config, ServerError};
use crate::tls::Tls;

/// A bound address, and how those who call it are met.
#[derive(Debug)]
pub struct Listener {
    pub(super) tcp: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Tls>,
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Where it listens, as callers name it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

/// Binds early, so that an address that is taken is told before anything else is done. In plain text only on the
/// loopback, or where the configuration says so in so many words.
pub async fn listen(config: &Config, tls: Option<&Tls>) -> Result<Listener, ServerError> {
    let (tcp, address) = bind(&config.listen).await?;
    let tls = tls.filter(|tls| tls.serves()).cloned();
    if tls.is_none() && !config.plaintext && !address.ip().is_loopback() {
        return Err(ServerError::Plaintext { address });
    }
    Ok(Listener { tcp, address, tls })
}

pub(super) async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Listen { address: address.to_owned(), source };
    let tcp = TcpListener::bind(address).await.map_err(failed)?;
    let bound = tcp.local_addr().map_err(failed)?;
    Ok((tcp, bound))
}
