//! Which role a call is for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::Status;
use tonic::service::Routes;
use tower::{Service, ServiceExt};

use crate::role::GuardedRole;
use crate::wire::{Request, Response, Wire, in_process, service_of};

/// Leads each call to its role's guarded wire by the service in its path.
#[derive(Clone, Debug, Default)]
pub struct Door {
    wires: Arc<HashMap<&'static str, Wire>>,
}

impl Door {
    /// Leads to these roles.
    pub fn to<'a>(roles: impl IntoIterator<Item = &'a GuardedRole>) -> Self {
        let wires =
            roles.into_iter().flat_map(|role| role.services.iter().map(|name| (*name, role.wire.clone())));
        Self { wires: Arc::new(wires.collect()) }
    }

    /// Leads calls of these services elsewhere as well; what it leads to already stays.
    pub fn and(self, services: impl IntoIterator<Item = (&'static str, Wire)>) -> Self {
        let mut wires = HashMap::clone(&self.wires);
        for (service, wire) in services {
            wires.entry(service).or_insert(wire);
        }
        Self { wires: Arc::new(wires) }
    }

    /// The names of the services behind it, sorted.
    pub fn services(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.wires.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// All of them as one wire, in this process.
    pub fn wire(&self) -> Wire {
        in_process(self.clone().with(Routes::default()))
    }

    /// With what is served beside the roles, without a rule: health and reflection.
    pub(super) fn with(self, beside: Routes) -> OpenDoor {
        OpenDoor { door: self, beside }
    }

    fn wire_for(&self, path: &str) -> Option<Wire> {
        self.wires.get(service_of(path)?).cloned()
    }
}

/// A door as the server stands behind it.
#[derive(Clone)]
pub(super) struct OpenDoor {
    door: Door,
    beside: Routes,
}

impl Service<Request> for OpenDoor {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.door.wire_for(request.uri().path()) {
            Some(wire) => {
                async move { Ok(wire.oneshot(request).await.unwrap_or_else(Status::into_http)) }.boxed()
            }
            None => self.beside.call(request).boxed(),
        }
    }
}
