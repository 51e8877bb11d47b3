//! A wire to the replicas of a role in other processes.
//!
//! Calls go to the replicas in turn, but for those that belong together ([`Affinity`]). One that cannot be reached is
//! passed over for a while that doubles each time, and the call goes to the next, as long as nothing of it has left
//! this process: a call that may have been handled is never sent twice. Streams stay on the connection that they began
//! on. Names are resolved when first called and again after `wire.resolve`, or sooner when none of their addresses
//! could be reached.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use kernel::{ErrorCode, chain};
use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::warn;

use super::affinity::Affinity;
use super::lent::Lender;
use super::peers::{Config, PeerError, Peers, Target};
use super::replica::{Failed, Replica};
use super::{Request, Response, Wire, in_process};
use crate::error::refusal;
use crate::tls::Tls;

/// Most addresses that one name stands for.
const ADDRESSES_MAX: usize = 64;
/// The least time between two looks at the names, however many calls fail.
const RESOLVE_FLOOR: Duration = Duration::from_secs(1);

/// A wire to these replicas. Connects when first called.
pub fn remote(peers: &Peers, config: &Config, tls: Option<&Tls>) -> Result<Wire, PeerError> {
    let can_trust = tls.is_some_and(Tls::calls);
    if let Some(target) = peers.targets().iter().find(|target| target.tls && !can_trust) {
        return Err(PeerError::NoAuthority { peer: target.to_string() });
    }
    let remote = Arc::new(Remote {
        targets: peers.targets().to_vec(),
        config: config.clone(),
        tls: tls.cloned(),
        known: Mutex::default(),
        resolving: tokio::sync::Mutex::default(),
        turn: AtomicUsize::new(0),
    });
    Ok(in_process(tower::service_fn(move |request: Request| {
        let remote = Arc::clone(&remote);
        async move { remote.call(request).await }.boxed()
    })))
}

struct Remote {
    targets: Vec<Target>,
    config: Config,
    tls: Option<Tls>,
    known: Mutex<Known>,
    /// Held while names are resolved, so that a thousand calls cause one look.
    resolving: tokio::sync::Mutex<()>,
    turn: AtomicUsize,
}

/// The replicas of each target, as last resolved.
#[derive(Default)]
struct Known {
    replicas: Vec<Vec<Arc<Replica>>>,
    resolved: Option<Instant>,
    /// None of them could be reached: the names may mean others by now.
    doubted: bool,
}

impl Known {
    fn is_stale(&self, config: &Config) -> bool {
        let age = self.resolved.map(|at| at.elapsed());
        let good_for = if self.doubted { RESOLVE_FLOOR } else { config.resolve.0 };
        age.is_none_or(|age| age >= good_for)
    }
}

impl Remote {
    async fn call(&self, request: Request) -> Result<Response, Status> {
        let (head, body) = request.into_parts();
        let lender = Lender::new(body);
        let mut why = "its name cannot be resolved".to_owned();
        let affinity = head.extensions.get().copied();
        for replica in self.in_turn(self.replicas().await, affinity) {
            let attempt = Request::from_parts(head.clone(), lender.lend());
            match replica.call(attempt).await {
                Ok(response) => return Ok(response),
                Err(Failed::Unsent(error)) if lender.is_untouched() => {
                    why = format!("{}: {}", replica.address(), chain(&error));
                }
                Err(Failed::Unsent(error) | Failed::Sent(error)) => return Err(broken(error)),
            }
        }
        self.known.lock().doubted = true;
        let text = format!("{} cannot be reached: {why}{}", self.name(), self.unshown());
        Err(refusal(ErrorCode::Unavailable, "unreachable", text))
    }

    /// Those that may be tried, each call beginning with another unless it belongs to others; those passed over come last.
    fn in_turn(&self, mut replicas: Vec<Arc<Replica>>, affinity: Option<Affinity>) -> Vec<Arc<Replica>> {
        if let Some(affinity) = affinity {
            replicas.sort_by_key(|replica| Reverse(affinity.rank(replica.address())));
        } else if !replicas.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len();
            replicas.rotate_left(first);
        }
        replicas.sort_by_key(|replica| !replica.is_due());
        replicas
    }

    async fn replicas(&self) -> Vec<Arc<Replica>> {
        if self.known.lock().is_stale(&self.config) {
            self.resolve().await;
        }
        self.known.lock().replicas.concat()
    }

    /// Calls that already know some address do not wait for another's look at the names.
    async fn resolve(&self) {
        let knows_none = self.known.lock().replicas.is_empty();
        let _one_at_a_time = match self.resolving.try_lock() {
            Ok(held) => held,
            Err(_) if knows_none => self.resolving.lock().await,
            Err(_) => return,
        };
        let before = {
            let known = self.known.lock();
            if !known.is_stale(&self.config) {
                return;
            }
            known.replicas.clone()
        };
        let looks = self.targets.iter().enumerate().map(|(at, target)| {
            let before = before.get(at).cloned().unwrap_or_default();
            self.addresses(target, before)
        });
        let replicas = join_all(looks).await;
        *self.known.lock() = Known { replicas, resolved: Some(Instant::now()), doubted: false };
    }

    /// A target's replicas; the known ones keep their connections, and all stay where the name has no answer.
    async fn addresses(&self, target: &Target, before: Vec<Arc<Replica>>) -> Vec<Arc<Replica>> {
        let asked = tokio::net::lookup_host((target.host.as_str(), target.port));
        let found: Vec<_> = match tokio::time::timeout(self.config.connect.0, asked).await {
            Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
            Ok(Err(error)) => {
                warn!(peer = %target, error = chain(&error), "a name cannot be resolved");
                return before;
            }
            Err(_) => {
                warn!(peer = %target, "a name was not resolved in time");
                return before;
            }
        };
        let known = |address| before.iter().find(|replica| replica.address() == address).cloned();
        let made = |address| Arc::new(Replica::new(address, target, &self.config, self.tls.as_ref()));
        found.into_iter().map(|address| known(address).unwrap_or_else(|| made(address))).collect()
    }

    /// An end that asks for a certificate and gets none hangs up, and under TLS 1.3 the reason comes too late.
    fn unshown(&self) -> &'static str {
        let shows = self.tls.as_ref().is_some_and(Tls::serves);
        let asked = self.targets.iter().any(|target| target.tls);
        if asked && !shows {
            "; the other end may ask for a certificate, and tls.cert is not set"
        } else {
            ""
        }
    }

    fn name(&self) -> String {
        self.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

/// A connection that broke under a call says nothing of the call: whoever made it may ask again.
fn broken(error: tonic::transport::Error) -> Status {
    let text = chain(&error);
    let status = Status::from_error(Box::new(error));
    match status.code() {
        Code::Unknown | Code::Internal => {
            refusal(ErrorCode::Unavailable, "broken", format!("the connection broke: {text}"))
        }
        _ => status,
    }
}
