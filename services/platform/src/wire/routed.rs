//! A wire that leads each call to whoever owns the service in its path.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use kernel::ErrorCode;
use tower::{Service, ServiceExt};

use super::{Request, Wire, in_process};
use crate::error::refusal;

/// Wires by service, being put together.
#[derive(Clone, Debug, Default)]
pub struct Routed(HashMap<&'static str, Wire>);

impl Routed {
    /// Leads nowhere yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leads calls of these services (full names, such as `verbale.crypto.v1.Keys`) to this wire. The first wire
    /// of a service stays, so put those of this process first.
    pub fn to(mut self, services: impl IntoIterator<Item = &'static str>, wire: &Wire) -> Self {
        for service in services {
            self.0.entry(service).or_insert_with(|| wire.clone());
        }
        self
    }

    /// The wire. Calls of other services are refused as a fault of the deployment's configuration.
    pub fn wire(self) -> Wire {
        let wires = Arc::new(self.0);
        in_process(tower::service_fn(move |request: Request| {
            let wire = service_of(request.uri().path()).and_then(|service| wires.get(service)).cloned();
            async move {
                let Some(mut wire) = wire else {
                    let text = "no address is configured for the role of this service";
                    return Err(refusal(ErrorCode::FailedPrecondition, "no-route", text));
                };
                wire.ready().await?.call(request).await
            }
            .boxed()
        }))
    }
}

/// The service in a call's path, `/<service>/<method>`.
pub(crate) fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next()
}
