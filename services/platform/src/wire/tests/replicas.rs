//! Calls to several replicas, some of which are not there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proto::archive::v1::GetRequest;
use proto::archive::v1::recordings_client::RecordingsClient;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};
use tower::layer::layer_fn;

use crate::config::Period;
use crate::error::reason;
use crate::stand::{by_hand, eventually};
use crate::tls::testing::{TestCa, load};
use crate::wire::{Affinity, Config, Wire, remote};

/// A replica that counts what it is asked.
struct Replica {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

impl Replica {
    async fn new() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let wire = by_hand(move |_, _, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Vec::new())
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let server = Server::builder().layer(layer_fn(move |_: Routes| wire.clone()));
            let stopped = async { drop(stopped.await) };
            let mut server = server.clone();
            let served = server.add_routes(Routes::default());
            served.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped).await.unwrap();
        });
        Self { address, calls, stop, serving }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Finishes what runs and goes away.
    async fn stop(mut self) -> SocketAddr {
        self.stop.send(()).unwrap();
        self.serving.join_next().await.unwrap().unwrap();
        self.address
    }
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn to(addresses: &[SocketAddr]) -> Wire {
    let list: Vec<_> = addresses.iter().map(|address| format!("http://{address}")).collect();
    let config = Config { pause: Period::millis(20), ..Config::default() };
    remote(&list.join(",").parse().unwrap(), &config, None).unwrap()
}

async fn get(wire: &Wire) -> Result<(), Status> {
    RecordingsClient::new(wire.clone()).get(GetRequest::default()).await.map(drop)
}

#[tokio::test]
async fn replicas_share_the_calls() {
    let (one, other) = (Replica::new().await, Replica::new().await);
    let wire = to(&[one.address, other.address]);
    for _ in 0..10 {
        get(&wire).await.unwrap();
    }
    assert_eq!((one.calls(), other.calls()), (5, 5));
}

#[tokio::test]
async fn calls_that_belong_together_go_to_one_replica_and_on_to_another_when_it_goes() {
    let (one, other) = (Replica::new().await, Replica::new().await);
    let (wire, turned) = (to(&[one.address, other.address]), to(&[other.address, one.address]));
    let get_of = async |wire: &Wire, recording: u64| {
        let mut request = tonic::Request::new(GetRequest::default());
        request.extensions_mut().insert(Affinity::of(&recording));
        RecordingsClient::new(wire.clone()).get(request).await.map(drop)
    };
    for recording in 0..20 {
        let before = one.calls();
        for wire in [&wire, &turned, &wire] {
            get_of(wire, recording).await.unwrap();
        }
        let went = one.calls() - before;
        assert!(went == 0 || went == 3, "{went} of three calls went to one replica");
    }
    // What belongs together says nothing of what does not.
    assert!(one.calls() > 0 && other.calls() > 0, "{} and {}", one.calls(), other.calls());
    let stayed = other.calls();
    one.stop().await;
    for recording in 0..20 {
        get_of(&wire, recording).await.unwrap();
    }
    assert_eq!(other.calls(), stayed + 20);
}

#[tokio::test]
async fn a_dead_replica_fails_no_call_while_another_lives() {
    let living = Replica::new().await;
    let wire = to(&[nobody().await, living.address, nobody().await]);
    for _ in 0..10 {
        get(&wire).await.unwrap();
    }
    assert_eq!(living.calls(), 10);
}

#[tokio::test]
async fn a_replica_that_goes_is_missed_by_nobody_and_called_again_when_it_is_back() {
    let (going, staying) = (Replica::new().await, Replica::new().await);
    let wire = to(&[going.address, staying.address]);
    for _ in 0..4 {
        get(&wire).await.unwrap();
    }
    assert_eq!(going.calls(), 2);
    let address = going.stop().await;
    for _ in 0..10 {
        get(&wire).await.unwrap();
    }
    let back = Replica::at(address).await;
    eventually("it is called again", async || {
        get(&wire).await.unwrap();
        (back.calls() > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_no_replica_left_the_call_says_where_it_wanted_to_go() {
    let address = nobody().await;
    let status = get(&to(&[address])).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "unreachable"));
    assert!(status.message().contains(&address.to_string()), "{status:?}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unavailable() {
    let peers = "http://nowhere.invalid:1".parse().unwrap();
    let status = get(&remote(&peers, &Config::default(), None).unwrap()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "unreachable"));
}

#[tokio::test]
async fn a_name_stands_for_its_addresses() {
    let replica = Replica::new().await;
    let peers = format!("http://localhost:{}", replica.address.port()).parse().unwrap();
    let wire = remote(&peers, &Config::default(), None).unwrap();
    get(&wire).await.unwrap();
    assert_eq!(replica.calls(), 1);
}

/// Reads until it has seen the whole call, then hangs up without an answer.
async fn read_and_hang_up(listener: TcpListener, marker: &'static [u8]) -> usize {
    let mut seen = 0;
    loop {
        let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::from_millis(500), listener.accept()).await
        else {
            return seen;
        };
        let mut bytes = Vec::new();
        while !bytes.windows(marker.len()).any(|window| window == marker) {
            if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                break;
            }
        }
        seen += 1;
    }
}

#[tokio::test]
async fn a_call_that_may_have_been_handled_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, other) = (listener.local_addr().unwrap(), Replica::new().await);
    let wire = to(&[address, other.address]);
    let mut reading = JoinSet::new();
    reading.spawn(read_and_hang_up(listener, b"a marker in the message"));
    let message = GetRequest { recording_id: b"a marker in the message".to_vec() };
    let status = RecordingsClient::new(wire).get(message).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "broken"), "{status:?}");
    assert_eq!(other.calls(), 0);
    assert_eq!(reading.join_next().await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn many_calls_to_a_silent_replica_wait_for_it_once() {
    let (silent, living) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Replica::new().await);
    let ca = TestCa::new();
    let peers = format!("https://{},http://{}", silent.local_addr().unwrap(), living.address);
    let config = Config { connect: Period::millis(400), ..Config::default() };
    let wire = remote(&peers.parse().unwrap(), &config, Some(&load(&ca.trusting()))).unwrap();
    let began = tokio::time::Instant::now();
    let calls: Vec<_> = (0..20).map(|_| get(&wire)).collect();
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    // Ten calls came to it first: one after the other they would have waited four seconds.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(living.calls(), 20);
}
