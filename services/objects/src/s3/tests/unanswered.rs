use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::contract::{NEW_VERSION, text};

/// What becomes of the next puts.
#[derive(Default)]
struct Losses {
    /// This many never reach the server.
    requests: AtomicUsize,
    /// The answers to this many never come back.
    answers: AtomicUsize,
}

/// Stands between the store and its server, and loses what it is told to.
struct Between {
    endpoint: String,
    losses: Arc<Losses>,
    _serving: JoinSet<()>,
}

impl Between {
    async fn new(server: &Server) -> Self {
        let endpoint = server.options.endpoint.as_ref().unwrap();
        let address = endpoint.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let losses = Arc::new(Losses::default());
        let mut serving = JoinSet::new();
        let told = losses.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.unwrap();
                connections.spawn(carry(client, server, told.clone()));
            }
        });
        Self { endpoint, losses, _serving: serving }
    }

    async fn store(&self, server: &Server) -> S3Objects {
        let endpoint = Some(self.endpoint.clone());
        let options =
            S3Options { endpoint, first_backoff: Duration::from_millis(10), ..server.options.clone() };
        S3Objects::open(options, Arc::new(SystemClock)).await.unwrap()
    }

    /// Asserts that all that was to be lost was.
    fn assert_lost(&self) {
        assert_eq!(self.losses.requests.load(Ordering::SeqCst), 0);
        assert_eq!(self.losses.answers.load(Ordering::SeqCst), 0);
    }
}

/// Carries both ways until either side ends or something is to be lost.
async fn carry(mut client: TcpStream, mut server: TcpStream, losses: Arc<Losses>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if asked[..length].starts_with(b"PUT ") {
                    if one_less(&losses.requests) { return }
                    is_losing |= one_less(&losses.answers);
                }
                if server.write_all(&asked[..length]).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if is_losing { return }
                if client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

fn one_less(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_knows_its_own_object() {
    let Some(server) = Server::from_env() else { return };
    let between = Between::new(&server).await;
    let store = between.store(&server).await;
    for (at, options) in [("refuse", PutOptions::default()), ("new", NEW_VERSION)] {
        between.losses.answers.store(1, Ordering::SeqCst);
        let done = store.put(&key(at), "ours".into(), options).await.unwrap();
        between.assert_lost();
        let listed = store.list_versions(&Prefix::from(&key(at)), None, 10).await.unwrap();
        let versions: Vec<_> = listed.into_iter().map(|listed| listed.version).collect();
        assert_eq!(versions, [done.version], "{at}");
    }
    let refused = store.put(&key("new"), "ours".into(), PutOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
}

#[tokio::test]
async fn a_put_that_did_not_arrive_is_sent_again() {
    let Some(server) = Server::from_env() else { return };
    let between = Between::new(&server).await;
    let store = between.store(&server).await;
    for options in [PutOptions::default(), NEW_VERSION] {
        between.losses.requests.store(2, Ordering::SeqCst);
        let done = store.put(&key("k"), "ours".into(), options).await.unwrap();
        between.assert_lost();
        assert_eq!(text(&store, "k", Some(&done.version)).await, "ours");
    }
    assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap().len(), 2);
}
