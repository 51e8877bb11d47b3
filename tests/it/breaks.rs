//! Connections that break in the middle of a message, at any byte.

use std::net::SocketAddr;

use kernel::{Interval, Position};
use proto::archive::v1::RecordingState;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::harness::{Expected, Sample, World, hear};

/// Where a connection breaks.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// After so many bytes from the sender.
    Up(u64),
    /// After so many bytes to the sender.
    Down(u64),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_broken_at_any_byte_loses_no_acknowledged_audio() {
    // The first bytes by hand: preface, headers, the middle of Open; then wherever the seed says.
    let mut cuts = vec![Cut::Up(1), Cut::Up(30), Cut::Up(400), Cut::Down(1), Cut::Down(60), Cut::Down(500)];
    let mut random = StdRng::seed_from_u64(7_420);
    cuts.extend((0..8).map(|_| Cut::Up(random.random_range(1_000..90_000))));
    cuts.extend((0..4).map(|_| Cut::Down(random.random_range(500..3_000))));
    for name in ["mifid-order-it", "card-payment-en"] {
        survives(&Sample::new(name), &cuts).await;
    }
}

async fn survives(sample: &Sample, cuts: &[Cut]) {
    let world = World::new();
    let mesh = world.mesh().await;
    let proxy = Proxy::to(mesh.address(), cuts.to_vec()).await;
    let call = sample.call();
    let sent = world.send(&proxy.server(), &call, 0.0).await;
    assert!(sent.reconnects > 6, "{}: hardly any cut broke the stream: {}", sample.name, sent.reconnects);
    assert_eq!(sent.refused, [], "{}", sample.name);

    let recording = world.sealed(&mesh.server(), &sample.tenant, call.recording()).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true), "{}", sample.name);
    let (expected, person) = (Expected::of(sample), world.person(&mesh.server(), &sample.tenant));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for purpose in expected.purposes() {
        hear(&person, call.recording(), &purpose).await.unwrap().must_be(&expected, sample, &purpose, whole);
    }
    drop(proxy);
    mesh.stop().await.unwrap();
}

/// Carries connections, and breaks the first ones; ends when dropped.
struct Proxy {
    address: SocketAddr,
    _carrying: JoinSet<()>,
}

impl Proxy {
    async fn to(mesh: SocketAddr, cuts: Vec<Cut>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut carrying = JoinSet::new();
        carrying.spawn(async move {
            let mut cuts = cuts.into_iter();
            let mut connections = JoinSet::new();
            while let Ok((sender, _)) = listener.accept().await {
                connections.spawn(carry(sender, mesh, cuts.next()));
            }
        });
        Self { address, _carrying: carrying }
    }

    fn server(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Carries one connection until either side ends it, or its cut.
async fn carry(sender: TcpStream, mesh: SocketAddr, cut: Option<Cut>) {
    let mesh = TcpStream::connect(mesh).await.unwrap();
    let (from_sender, to_sender) = sender.into_split();
    let (from_mesh, to_mesh) = mesh.into_split();
    let (up, down) = match cut {
        Some(Cut::Up(bytes)) => (bytes, u64::MAX),
        Some(Cut::Down(bytes)) => (u64::MAX, bytes),
        None => (u64::MAX, u64::MAX),
    };
    tokio::select! {
        () = copy(from_sender, to_mesh, up) => {}
        () = copy(from_mesh, to_sender, down) => {}
    }
}

/// Copies at most so many bytes, and hands each on at once.
async fn copy(from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, most: u64) {
    let mut from = from.take(most);
    let mut bytes = vec![0; 16 << 10];
    loop {
        match from.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                if to.write_all(&bytes[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
