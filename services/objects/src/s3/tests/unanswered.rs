use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::contract::{NEW_VERSION, text};

/// Stands between the store and its server, and keeps back the answers to as many puts as it is told to.
struct Between {
    endpoint: String,
    lose: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Between {
    async fn new(server: &Server) -> Self {
        let endpoint = server.options.endpoint.as_ref().unwrap();
        let address = endpoint.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let lose = Arc::new(AtomicUsize::new(0));
        let mut serving = JoinSet::new();
        let counted = lose.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.unwrap();
                connections.spawn(carry(client, server, counted.clone()));
            }
        });
        Self { endpoint, lose, _serving: serving }
    }
}

/// Carries both ways until either side ends, or until the answer to a put arrives that is to be lost.
async fn carry(mut client: TcpStream, mut server: TcpStream, lose: Arc<AtomicUsize>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if asked[..length].starts_with(b"PUT ") {
                    let one_less = lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                    is_losing |= one_less.is_ok();
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

async fn behind(between: &Between, server: &Server) -> S3Objects {
    let endpoint = Some(between.endpoint.clone());
    let options = S3Options { endpoint, first_backoff: Duration::from_millis(10), ..server.options.clone() };
    S3Objects::open(options, Arc::new(SystemClock)).await.unwrap()
}

/// The second try is refused for the first one's object, which is told from another's by its put's id.
#[tokio::test]
async fn a_conditional_put_whose_answer_was_lost_knows_its_own_object() {
    let Some(server) = Server::from_env() else { return };
    let between = Between::new(&server).await;
    let store = behind(&between, &server).await;
    between.lose.store(1, Ordering::SeqCst);
    let done = store.put(&key("k"), "ours".into(), PutOptions::default()).await.unwrap();
    assert_eq!(between.lose.load(Ordering::SeqCst), 0);
    assert_eq!(store.head(&key("k"), None).await.unwrap().version, done.version);
    assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap().len(), 1);
    let refused = store.put(&key("k"), "ours".into(), PutOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
}

#[tokio::test]
async fn a_put_of_which_no_answer_came_is_found_by_reading_it_back() {
    let Some(server) = Server::from_env() else { return };
    let between = Between::new(&server).await;
    let store = behind(&between, &server).await;
    for options in [PutOptions::default(), NEW_VERSION] {
        between.lose.store(server.options.attempts as usize, Ordering::SeqCst);
        let done = store.put(&key("k"), "ours".into(), options).await.unwrap();
        assert_eq!(text(&store, "k", Some(&done.version)).await, "ours");
        assert_eq!(between.lose.swap(0, Ordering::SeqCst), 0);
    }
}
