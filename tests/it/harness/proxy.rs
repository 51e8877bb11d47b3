//! A stretch of network that can be cut, between a process and one engine.
//!
//! A cut says nothing to either end: what is sent lies where it is, and new connections are taken and not served,
//! as where a cable is out. When it is healed what lay there goes on its way.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

const CHUNK: usize = 64 << 10;

/// Forwards connections as long as it is there.
pub(crate) struct Proxy {
    port: u16,
    is_whole: watch::Sender<bool>,
    _forwarding: JoinSet<()>,
}

impl Proxy {
    /// Listens on a port of the loopback, 0 for any, and forwards to another.
    pub(crate) async fn between(port: u16, target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_whole, seen) = watch::channel(true);
        let mut forwarding = JoinSet::new();
        forwarding.spawn(accept(listener, target, seen));
        Self { port, is_whole, _forwarding: forwarding }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
    pub(crate) fn cut(&self) {
        self.is_whole.send_replace(false);
    }
    pub(crate) fn heal(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: u16, seen: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        connections.spawn(forward(near, target, seen.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Until one end hangs up, which is an end for the other too.
async fn forward(near: TcpStream, target: u16, mut seen: watch::Receiver<bool>) {
    whole(&mut seen).await;
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    tokio::select! {
        () = carry(from_near, to_far, seen.clone()) => {}
        () = carry(from_far, to_near, seen) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut seen: watch::Receiver<bool>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut chunk).await {
        whole(&mut seen).await;
        if read == 0 || to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits while it is cut; for ever where the proxy is gone.
async fn whole(seen: &mut watch::Receiver<bool>) {
    if seen.wait_for(|is_whole| *is_whole).await.is_err() {
        std::future::pending::<()>().await;
    }
}
