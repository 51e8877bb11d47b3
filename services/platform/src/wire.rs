//! How one role calls another: generated clients are `XClient<Wire>`, and only the wiring knows whether the
//! other end is in this process ([`in_process`]) or elsewhere ([`remote`]).
//!
//! A process that has some roles only calls through a [`Routed`] wire: each call goes by the service in its path,
//! to the roles here or to the replicas of the role elsewhere. Replicas share the calls; one that cannot be
//! reached is passed over for a while ([`remote`]). Every call gets its token and trace from [`client`].

mod affinity;
mod client;
mod late;
mod lent;
mod peers;
mod remote;
mod replica;
mod routed;

use std::convert::Infallible;

use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

pub use affinity::Affinity;
pub use client::client;
pub use late::LateWire;
pub use peers::{Config, PeerError, Peers};
pub use remote::remote;
pub use routed::Routed;
pub(crate) use routed::service_of;

/// What travels.
pub type Request = http::Request<Body>;
/// What comes back.
pub type Response = http::Response<Body>;
/// A way to call a role. Its error is a [`Status`] and not a boxed error: rustc cannot show that a future is
/// `Send` that holds a generated client over a service with a boxed error (rust-lang/rust#100013).
pub type Wire = BoxCloneSyncService<Request, Response, Status>;

/// A wire to a service in this process.
pub fn in_process<S>(service: S) -> Wire
where
    S: tower::Service<Request, Response = Response> + Clone + Send + Sync + 'static,
    S::Error: Into<WireError>,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(|error| error.into().0))
}

/// What an in-process service may fail with: a status, or not at all.
#[derive(Debug)]
pub struct WireError(Status);

impl From<Status> for WireError {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

impl From<Infallible> for WireError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests;
